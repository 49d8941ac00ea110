# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conditions and exceptions of transport rules, as far as the lab has them ([EXO-2.5]).

One that it lacks says so loudly.
"""

from __future__ import annotations

import email.header
import ipaddress
import re
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from typing import Any

from lab.exchange.rules import is_action, is_attribute, properties
from lab.mail.message import Message

Test = Callable[["Sight", Any, Mapping[str, Any], str], bool]


class NotInTheLab(Exception):
    """A rule uses a condition that the evaluator does not know: an answer would be made up."""


class Sight:
    """What rules see of a message while they run; earlier ones may have set headers or the SCL."""

    def __init__(self, world: Mapping[str, Any], message: Message) -> None:
        self.world = world
        self.message = message
        self.headers = list(message.headers)
        self.scl: int | None = None

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def subject(self) -> str:
        raw = "".join(self.header("Subject"))
        return str(email.header.make_header(email.header.decode_header(raw)))

    def senders(self, rule: Mapping[str, Any]) -> list[str]:
        """Return the senders by SenderAddressLocation (Header, Envelope, HeaderOrEnvelope)."""
        header = [parseaddr(value)[1].lower() for value in self.header("From")]
        envelope = [self.message.envelope_from.lower()]
        location = rule.get("SenderAddressLocation") or "Header"
        return {"Header": header, "Envelope": envelope}.get(location, header + envelope)

    @property
    def address(self) -> str:
        """Return the address for SenderIpRanges.

        It is said to be the last hop; whether enhanced filtering changes that is open [EXO-2.5]: a
        world says which.
        """
        seen = self.world["settings"].get("rules_see", "last_hop")
        return (
            self.message.source_ip
            if seen == "original" and self.message.skip_listed
            else self.message.connecting_ip
        )

    @property
    def inside(self) -> bool:
        """Return whether a message comes from a server of the organization's own."""
        accepted = {item["DomainName"].lower() for item in self.world["tenant"]["accepted_domains"]}
        found = [
            item
            for item in self.world["tenant"]["inbound_connectors"]
            if item["Name"] == self.message.connector
        ]
        trusted = any(
            item["ConnectorType"] == "OnPremises" and item["CloudServicesMailEnabled"]
            for item in found
        )
        return trusted and _domain(self.message.envelope_from) in accepted


def applies(sight: Sight, rule: Mapping[str, Any]) -> bool:
    """Return whether all conditions of a rule hold and none of its exceptions.

    A condition with several values is met by any of them.
    """
    for name in properties():
        value = rule.get(name)
        if value in (None, False, []) or is_action(name) or is_attribute(name):
            continue
        excepted = name.startswith("ExceptIf")
        test = _test(name.removeprefix("ExceptIf"), str(rule["Name"]))
        if test(sight, value, rule, "ExceptIf" if excepted else "") == excepted:
            return False
    return True


def _test(name: str, rule: str) -> Test:
    if name not in _TESTS:
        raise NotInTheLab(f"the rule {rule!r} asks for {name}, which the lab's rules do not have")
    return _TESTS[name]


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _has_word(text: str, word: str) -> bool:
    """Return whether a text has a whole word, ignoring case (inferred)."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


def _words(text: Callable[[Sight, Mapping[str, Any]], list[str]]) -> Test:
    return lambda sight, value, rule, twin: any(
        _has_word(item, word) for item in text(sight, rule) for word in value
    )


def _patterns(text: Callable[[Sight, Mapping[str, Any]], list[str]]) -> Test:
    return lambda sight, value, rule, twin: any(
        re.search(pattern, item, re.IGNORECASE) for item in text(sight, rule) for pattern in value
    )


def _header_words(sight: Sight, value: Any, rule: Mapping[str, Any], twin: str) -> bool:
    found = sight.header(str(rule[twin + "HeaderContainsMessageHeader"]))
    return any(_has_word(item, word) for item in found for word in value)


def _header_patterns(sight: Sight, value: Any, rule: Mapping[str, Any], twin: str) -> bool:
    found = sight.header(str(rule[twin + "HeaderMatchesMessageHeader"]))
    return any(re.search(pattern, item, re.IGNORECASE) for item in found for pattern in value)


def _in_ranges(sight: Sight, value: Any, rule: Mapping[str, Any], twin: str) -> bool:
    return any(covers(entry, sight.address) for entry in value)


def covers(entry: str, address: str) -> bool:
    """Return whether an entry of an address list (one address, a-b, a network) has an address."""
    seen = ipaddress.ip_address(address)
    if "-" in entry:
        first, last = (ipaddress.ip_address(part.strip()) for part in entry.split("-", 1))
        return first.version == seen.version and int(first) <= int(seen) <= int(last)
    return seen in ipaddress.ip_network(entry.strip(), strict=False)


def _scope(sight: Sight, value: Any, rule: Mapping[str, Any], twin: str) -> bool:
    return bool(sight.inside == (value == "InOrganization"))


def _sent_to_scope(sight: Sight, value: Any, rule: Mapping[str, Any], twin: str) -> bool:
    accepted = {item["DomainName"].lower() for item in sight.world["tenant"]["accepted_domains"]}
    return bool((_domain(sight.message.recipient) in accepted) == (value == "InOrganization"))


def _subject(sight: Sight, rule: Mapping[str, Any]) -> list[str]:
    return [sight.subject]


def _senders(sight: Sight, rule: Mapping[str, Any]) -> list[str]:
    return sight.senders(rule)


def _always(sight: Sight, value: Any, rule: Mapping[str, Any], twin: str) -> bool:
    """Return true for the name of a header: its partner is the test."""
    return not twin


def _domain_is(domain: str, wanted: str) -> bool:
    return domain == wanted.lower() or domain.endswith("." + wanted.lower())


_TESTS: dict[str, Test] = {
    "HeaderContainsMessageHeader": _always,
    "HeaderContainsWords": _header_words,
    "HeaderMatchesMessageHeader": _always,
    "HeaderMatchesPatterns": _header_patterns,
    "SenderIpRanges": _in_ranges,
    "FromScope": _scope,
    "SentToScope": _sent_to_scope,
    "SCLOver": lambda sight, value, rule, twin: sight.scl is not None and sight.scl >= int(value),
    "SubjectContainsWords": _words(_subject),
    "SubjectMatchesPatterns": _patterns(_subject),
    "FromAddressContainsWords": _words(_senders),
    "FromAddressMatchesPatterns": _patterns(_senders),
    "From": lambda sight, value, rule, twin: any(
        item.lower() in sight.senders(rule) for item in value
    ),
    "SenderDomainIs": lambda sight, value, rule, twin: any(
        _domain_is(_domain(sender), item) for sender in sight.senders(rule) for item in value
    ),
    "SentTo": lambda sight, value, rule, twin: (
        sight.message.recipient.lower() in [item.lower() for item in value]
    ),
    "RecipientDomainIs": lambda sight, value, rule, twin: any(
        _domain_is(_domain(sight.message.recipient), item) for item in value
    ),
}
