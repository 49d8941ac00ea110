# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Names of hosts and domains, in one canonical spelling.

Canonical is what stands in the DNS: lower case, A-labels, no final dot. Labels in Unicode are
converted by IDNA 2008 with the mapping of UTS 46, non-transitional: a German sharp s stays one, as
registries register it today. Only a label that IDNA 2008 refuses (an emoji) is converted by IDNA
2003, and none that IDNA 2003 would fold into another name.

There are two parsers. :func:`parse_host_name` is for what a person typed and refuses what can never
be a name. :func:`host_name` is for what a service answered and refuses nothing.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

from .errors import InputError, MissingLibrary
from .libraries import need

LONGEST_NAME = 253
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
_UNDERSCORED = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
# Full stops of other scripts (RFC 3490, 3.1).
_DOTS = re.compile("[\u3002\uff0e\uff61]")
# IDNA 2003 changes these into other letters or drops them: sharp s, final sigma, the joiners.
_DEVIATIONS = frozenset("\u00df\u1e9e\u03c2\u200c\u200d")
_A_LABEL = "xn--"


@dataclasses.dataclass(frozen=True)
class HostName:
    """A name that a person typed: ``canonical`` for machines, ``shown`` as it was typed."""

    canonical: str
    shown: str = dataclasses.field(default="", compare=False)

    def __str__(self) -> str:
        return self.canonical


def host_name(value: t.Any) -> str:
    """Return the canonical spelling of a name that a service answered.

    What is no name is returned as text in lower case: one odd entry stops nothing.
    """
    text = str(value or "").strip()
    if not text.isascii():
        try:
            text = _encoded(text)
        except (_NotAName, MissingLibrary):
            pass
    return text.rstrip(".").lower()


def parse_host_name(
    value: t.Any,
    what: str,
    kind: str = "full host name",
    underscore: bool = False,
    wildcard: bool = False,
) -> HostName:
    """Return the name that a person typed; raise InputError, with ``what`` it was given for.

    It has at least two labels and is no address. ``underscore``: labels may have one, as in the
    names of TXT records. ``wildcard``: the first label may be an asterisk.
    """
    shown = str("" if value is None else value).strip()
    try:
        name = shown.lower() if shown.isascii() else _encoded(shown)
    except _NotAName:
        raise _refusal(what, value, kind, "") from None
    name = name.removesuffix(".")
    if _is_address(name):
        raise _refusal(what, value, kind, "; it is an address")
    labels = name.split(".")
    if wildcard and labels[0] == "*":
        labels = labels[1:]
    legal = _UNDERSCORED if underscore else _LABEL
    if (
        len(labels) < 2
        or len(name) > LONGEST_NAME
        or labels[-1].isdigit()
        or not all(legal.match(label) for label in labels)
    ):
        raise _refusal(what, value, kind, "")
    return HostName(name, shown)


def unicode_name(name: str) -> str:
    """Return a canonical name as people write it; a label that cannot be decoded stays."""
    if _A_LABEL not in name:
        return name
    return ".".join(_decoded(label) for label in name.split("."))


def spellings(name: str) -> tuple[str, ...]:
    """Return the spellings under which a service may keep a canonical name, A-labels first."""
    other = unicode_name(name)
    return (name,) if other == name else (name, other)


class _NotAName(Exception):
    """No conversion leads to a name."""


def _encoded(text: str) -> str:
    return ".".join(_encoded_label(label) for label in _DOTS.sub(".", text).split("."))


def _encoded_label(label: str) -> str:
    if label.isascii():
        return label.lower()
    idna = need("idna")
    try:
        encoded: bytes = idna.encode(label, uts46=True, transitional=False)
        return encoded.decode("ascii").lower()
    except idna.IDNAError:
        if _DEVIATIONS.intersection(label):
            raise _NotAName from None
    try:
        return label.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _NotAName from None


def _decoded(label: str) -> str:
    if not label.startswith(_A_LABEL):
        return label
    try:
        decoded: str = need("idna").decode(label)
        return decoded
    except MissingLibrary:
        return label
    except UnicodeError:  # idna.IDNAError is one
        pass
    try:
        return label.encode("ascii").decode("idna")
    except UnicodeError:
        return label


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]").removeprefix("ipv6:"))
    except ValueError:
        return False
    return True


def _refusal(what: str, value: t.Any, kind: str, why: str) -> InputError:
    return InputError(
        f"{what}: {value!r} is not a {kind}{why}.",
        "Give a name as it stands in the DNS, like mail.example.com, without scheme, port or"
        " brackets.",
    )
