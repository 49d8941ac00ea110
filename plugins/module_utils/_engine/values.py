# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Values compared as what they mean.

Each ``Kind`` turns a raw value into a canonical, hashable one. Nothing here knows a service; the
spelling that a service returned is kept beside the canonical value by the planner.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import re
import typing as t

from . import host_names
from .errors import InputError

T = t.TypeVar("T")

host_name = host_names.host_name


@dataclasses.dataclass(frozen=True)
class Kind:
    """How values of one kind are compared.

    ``canonical`` maps one raw value (or one list element) to what is compared; ``is_list`` marks
    multi-valued ones.
    """

    name: str
    canonical: t.Callable[[t.Any], t.Any]
    is_list: bool = False

    def same(self, left: t.Any, right: t.Any) -> bool:
        """Return whether two raw values mean the same; of lists the order does not matter."""
        if self.is_list:
            return set(self.index(left)) == set(self.index(right))
        return bool(self.canonical(left) == self.canonical(right))

    def index(self, values: t.Any) -> dict[t.Any, t.Any]:
        """Return the first spelling of each element by its canonical form, in the order given.

        None, "" and a bare string are lists too.
        """
        found: dict[t.Any, t.Any] = {}
        for value in as_list(values):
            found.setdefault(self.canonical(value), value)
        return found


def as_list(value: t.Any) -> list[t.Any]:
    """Return a value as a list: services return all forms of one.

    None and "" are the empty list, a single value is a list of one, a text with commas one of
    several.
    """
    if value is None or value == "":
        return []
    if isinstance(value, str) and "," in value:
        return [item.strip() for item in value.split(",") if item.strip()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [item for item in value if item is not None and item != ""]
    return [value]


def ip_span(value: t.Any) -> tuple[int, int, int]:
    """Return (version, first, last) of an address, a CIDR (host bits allowed) or a range a-b.

    :raises InputError: it is none of them.
    """
    text = str(value).strip()
    try:
        if "-" in text:
            first, last = (ipaddress.ip_address(part.strip()) for part in text.split("-", 1))
            if first.version != last.version or int(first) > int(last):
                raise ValueError(text)
            return first.version, int(first), int(last)
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InputError(
            "%r is not an IP address, a network in CIDR form or a range." % text,
            "Write it like 192.0.2.1, 192.0.2.0/24 or 192.0.2.1-192.0.2.9.",
        ) from None
    return network.version, int(network.network_address), int(network.broadcast_address)


def of_domain(said: t.Mapping[str, T], name: t.Any) -> T | None:
    """Return what is said of a mail domain; None when nothing is.

    That is what stands under its own name, else under C(*.) of the nearest name above it.
    """
    domain = host_name(name)
    if domain in said:
        return said[domain]
    while "." in domain:
        domain = domain.partition(".")[2]
        if "*." + domain in said:
            return said["*." + domain]
    return None


def sender_domain(value: t.Any) -> str:
    """Return the domain of C(smtp:contoso.com;1), which is how Exchange stores C(contoso.com)."""
    text = str(value).strip().lower()
    if text.startswith("smtp:"):
        text = text[5:]
    return host_name(text.split(";", 1)[0])


def boolean(value: t.Any) -> bool | None:
    """Return the truth value of a service's or a survey's word; None when it is none."""
    if value is None or isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).strip().lower())


def _ip_or_text(value: t.Any) -> t.Any:
    """Return the range of an address list's entry, or its text.

    What a service returned may be of a form that we do not know: it is kept and compared as text,
    never refused.
    """
    try:
        return ip_span(value)
    except InputError:
        return _word(value)


def _text(value: t.Any) -> str:
    return "" if value is None else str(value)


def _word(value: t.Any) -> str:
    return _text(value).strip().lower()


def _size(value: t.Any) -> t.Any:
    """Return the bytes of C(10MB), C(10 MB) and C(10 MB (10,485,760 bytes)).

    The last is how a service gives the first back. What is no size stays a text.
    """
    found = re.fullmatch(
        r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?([KMGT]?)B?( \(.*\))?",
        _text(value).strip(),
        re.IGNORECASE,
    )
    if found is None:
        return _text(value)
    return int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))


def _whole(value: t.Any) -> t.Any:
    """Return a whole number; what is none stays a text, and nothing is None."""
    if value is None or value == "":
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return _text(value)


def _moment(value: t.Any) -> str:
    """Return a date to the second.

    The rest of its spelling (fraction, zone sign of UTC) differs between what is sent and read.
    """
    return re.sub(r"(\.\d+)?(Z|\+00:00)?$", "", _text(value).strip().replace(" ", "T"))


TEXT = Kind("text", _text)
WORD = Kind("word", _word)
BOOL = Kind("bool", boolean)
FLAG = Kind("flag", lambda value: bool(boolean(value)))  # none is false
SIZE = Kind("size", _size)
MOMENT = Kind("moment", _moment)
INT = Kind("int", _whole)
HOST = Kind("host", host_name)
IPS = Kind("ips", _ip_or_text, is_list=True)
HOSTS = Kind("hosts", host_name, is_list=True)
SENDER_DOMAINS = Kind("sender_domains", sender_domain, is_list=True)
WORDS = Kind("words", _word, is_list=True)
TEXTS = Kind("texts", _text, is_list=True)
OBJECTS = Kind(
    "objects", lambda value: json.dumps(value, sort_keys=True, default=str), is_list=True
)
