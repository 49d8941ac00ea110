# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a probe looks at, checked.

Addresses come with the targets, because the probing host resolves no name by itself.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import ssl
import typing as t

from .._engine.errors import InputError
from .._engine.host_names import parse_host_name
from .._engine.values import as_list
from .canary import NOBODY, Canary
from .conversation import check_address

# Of a host with more addresses only the first ones are asked.
MAX_ADDRESSES = 8
# Other keys of a mail host in the answer of area1_mx_info; without effect here.
SEEN_KEYS = frozenset({"error", "tlsa", "secure", "date"})


@dataclasses.dataclass(frozen=True)
class HostTarget:
    """A new MX host, all of whose addresses are asked."""

    name: str
    addresses: tuple[str, ...]

    @classmethod
    def of(cls, item: t.Any) -> HostTarget:
        entry = _entry(item, "hosts", {"name", "addresses", *SEEN_KEYS})
        name = _name(entry.get("name"), "hosts")
        return cls(name, _addresses(entry.get("addresses"), name))


@dataclasses.dataclass(frozen=True)
class Recipient:
    """One domain at the new MX hosts, and the mailbox that stands for it."""

    domain: str
    recipient: str

    @classmethod
    def of(cls, item: t.Any, canary: str) -> Recipient:
        entry = _entry(
            {"name": item} if isinstance(item, str) else item, "domains", {"name", "recipient"}
        )
        domain = _name(entry.get("name"), "domains")
        return cls(domain, _recipient(entry, domain, canary))


@dataclasses.dataclass(frozen=True)
class DirectTarget:
    """A delivery past Area 1: straight to the forwarding host of a domain."""

    domain: str
    host: str
    addresses: tuple[str, ...]
    recipient: str

    @classmethod
    def of(cls, item: t.Any, canary: str, what: str = "direct") -> DirectTarget:
        entry = _entry(item, what, {"name", "host", "addresses", "recipient"})
        domain = _name(entry.get("name"), what)
        host = _name(entry.get("host"), "%s: host of %s" % (what, domain))
        return cls(
            domain,
            host,
            _addresses(entry.get("addresses"), host),
            _recipient(entry, domain, canary),
        )


@dataclasses.dataclass(frozen=True)
class Probe:
    """Everything that one task asks."""

    hosts: tuple[HostTarget, ...]
    recipients: tuple[Recipient, ...]
    direct: tuple[DirectTarget, ...]
    plain: tuple[DirectTarget, ...]
    port: int
    seconds: float
    ca_path: str
    helo: str
    sender: str
    canary: Canary | None
    looked_from: str

    @property
    def outsider(self) -> str:
        """The envelope sender of deliveries past Area 1.

        Never the null sender: connectors by sender domain and RejectDirectSend may treat it as no
        sender at all.
        """
        return self.sender or NOBODY

    def context(self, verify: bool) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_path or None)
        except (OSError, ssl.SSLError) as exc:
            raise InputError(
                "ca_path: %s cannot be used: %s." % (self.ca_path, exc),
                "Give a file with CA certificates in PEM form, on the host that probes.",
            ) from exc
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def greeting_name(self, source: str) -> str:
        """Return the name to say EHLO with: given, else the host's own, else an address literal."""
        return self.helo or ("[IPv6:%s]" % source if ":" in source else "[%s]" % source)


def _entry(item: t.Any, what: str, keys: set[str]) -> t.Mapping[str, t.Any]:
    if not isinstance(item, t.Mapping) or set(item) - keys:
        raise InputError(
            "%s: %r is not a map with the keys %s." % (what, item, ", ".join(sorted(keys))),
            "See the module's documentation.",
        )
    return item


def _name(value: t.Any, what: str) -> str:
    return parse_host_name(value, what, "full name", underscore=True).canonical


def _recipient(entry: t.Mapping[str, t.Any], domain: str, canary: str) -> str:
    """Return the canary if it is in this domain, else postmaster (RFC 5321, 4.5.1)."""
    given = (
        entry.get("recipient")
        or (canary if canary.endswith("@" + domain) else "")
        or "postmaster@%s" % domain
    )
    recipient = check_address(given, "recipient of %s" % domain)
    if not recipient.endswith("@" + domain):
        raise InputError(
            "recipient: %s is not in %s." % (recipient, domain), "Give a mailbox of that domain."
        )
    return recipient


def _addresses(value: t.Any, host: str) -> tuple[str, ...]:
    """Return IP addresses; refuse names, which the probing host would resolve by itself.

    An empty list is allowed: the name has no address.
    """
    found = []
    for text in as_list(value):
        try:
            found.append(str(ipaddress.ip_address(str(text).strip().strip("[]"))))
        except ValueError:
            raise InputError(
                "%s: %r is not an IP address." % (host, text),
                "Names are resolved by area1_mx_info (mail_hosts); give its addresses.",
            ) from None
    return tuple(dict.fromkeys(found))[:MAX_ADDRESSES]
