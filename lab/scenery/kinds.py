# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of streams: what a row of each looks like, with the source beside it.

The message trace is not a list of mail from outside: rafaelpfister.ch (2026-08) and
MicrosoftDocs/office-docs-powershell#9305 show the kinds. Columns and values are those of the page
"Get-MessageTraceV2": FromIP is the address of the sending server for incoming mail, ToIP that of
the destination's MX for outgoing mail, else blank.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.mail.attribution import Attempt
from lab.scenery import names
from lab.scenery.past import Past, leads_to

Stream = Mapping[str, Any]
_FOLDERS = {
    "Delivered": "inbox",
    "FilteredAsSpam": "junk",
    "Quarantined": "quarantine",
    "Failed": "bounced",
}


@dataclass
class Draft:
    """One message before it becomes rows: ``entry`` is how it came into the service.

    edge (SMTP from outside), mailbox (submitted by a mailbox), client (SMTP AUTH) or service (made
    by the service itself).
    """

    sender: str
    recipients: list[str]
    from_ip: Any
    entry: str = "edge"
    subject: str = ""
    status: str = "Delivered"
    to_ip: str | None = None
    source_ip: str = ""
    connector: str = ""
    skip_listed: bool = False
    tls: bool = True
    size: int = 4096
    message_id: str = ""
    received: Any = None

    @property
    def folder(self) -> str:
        return _FOLDERS.get(self.status, "inbox")


@dataclass(frozen=True)
class Kind:
    """A kind of stream: how a row is made, and what its columns can hold.

    ``sources`` are all values that FromIP can have, None where they are not known beforehand;
    ``statuses`` those of Status, in lower case.
    """

    make: Callable[[Stream, random.Random, Past, float], Draft | None]
    statuses: frozenset[str]
    sources: Callable[[Stream], tuple[str, ...]] | None = None


def _domains(stream: Stream) -> list[str]:
    return list(stream["domains"])


def _someone(stream: Stream, chance: random.Random) -> str:
    return names.person(chance.randrange(int(stream.get("people", 50))), _domains(stream))


def _inner_sources(stream: Stream) -> tuple[str, ...]:
    return (names.NOWHERE, *names.service_addresses(int(stream["seed"])))


def _inner_source(stream: Stream, chance: random.Random) -> str:
    found = names.service_addresses(int(stream["seed"]))
    return names.NOWHERE if chance.random() < 0.4 else chance.choice(found)


def _internal(stream: Stream, chance: random.Random, past: Past, at: float) -> Draft:
    """Make mail from mailbox to mailbox.

    One in ten goes to several people, and one in fifty to a group, which shows as Expanded.
    """
    many = chance.randrange(2, 6) if chance.random() < 0.1 else 1
    return Draft(
        _someone(stream, chance),
        sorted({_someone(stream, chance) for _ in range(many)}),
        _inner_source(stream, chance),
        "mailbox",
        chance.choice(names.SUBJECTS),
        "Expanded" if chance.random() < 0.02 else "Delivered",
        size=chance.randrange(2_000, 300_000),
    )


def _report(stream: Stream, chance: random.Random, past: Past, at: float) -> Draft:
    """Make a delivery report or automatic reply with an empty sender, or a journal report.

    How the trace spells the empty sender is not documented: both spellings come.
    """
    kind = chance.randrange(3)
    someone, source = _someone(stream, chance), _inner_source(stream, chance)
    nobody = chance.choice(("", "<>"))
    if kind == 0:
        return Draft(nobody, [someone], source, "service", "Undeliverable: offer 2026-118")
    if kind == 1:
        return Draft(nobody, [someone], source, "service", "Automatic reply: Lunch?")
    initial = str(past.world["entra"]["initial_domain"])
    sender = f"MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@{initial}"
    return Draft(sender, [f"journal@{_domains(stream)[0]}"], source, "service", "Journal report")


def _user_sources(stream: Stream) -> tuple[str, ...]:
    return names.outside_addresses(
        int(stream["seed"]), min(int(stream.get("people", 50)), 200), 0.3
    )


def _submission(stream: Stream, chance: random.Random, past: Past, at: float) -> Draft:
    """Make a user's own submission (SMTP AUTH, or Outlook on the web behind a proxy).

    FromIP is the user's, and no connector has to do with it.
    """
    sender = _someone(stream, chance)
    outside = chance.random() < 0.4
    recipient = names.outside_person(chance) if outside else _someone(stream, chance)
    return Draft(
        sender,
        [recipient],
        chance.choice(_user_sources(stream)),
        "client",
        chance.choice(names.SUBJECTS),
        to_ip=_destination(stream, chance) if outside else None,
    )


def _destination(stream: Stream, chance: random.Random) -> str:
    return chance.choice(names.outside_addresses(int(stream["seed"]) + 1, 60))


def _outgoing(stream: Stream, chance: random.Random, past: Past, at: float) -> Draft:
    """Make mail to the outside: ToIP is the destination's MX, FromIP blank or of the service.

    The page of the older cmdlet says blank; office-docs-powershell#9305 reports addresses.
    """
    source = "" if chance.random() < 0.5 else _inner_source(stream, chance)
    failed = chance.random() < 0.03
    return Draft(
        _someone(stream, chance),
        [names.outside_person(chance)],
        source,
        "mailbox",
        chance.choice(names.SUBJECTS),
        "Failed" if failed else "Delivered",
        to_ip=None if failed else _destination(stream, chance),
    )


def _outgoing_sources(stream: Stream) -> tuple[str, ...]:
    return ("", *_inner_sources(stream))


def _stranger(stream: Stream, chance: random.Random, past: Past, at: float) -> Draft | None:
    """Make spam that goes straight to Microsoft's host, or None where a lock-down refuses it.

    One message each comes from hundreds of addresses; most of it is filtered, some goes to
    addresses below onmicrosoft.com, some has the customer's own domain as sender.
    """
    address = chance.choice(_stranger_sources(stream))
    sender = f"offer{chance.randrange(999)}@spam{chance.randrange(60)}.example"
    if chance.random() < 0.1:
        # spoofed: the customer's own domain as sender
        sender = _someone(stream, chance)
    recipient = _someone(stream, chance)
    if chance.random() < 0.1:
        recipient = recipient.partition("@")[0] + "@" + str(past.world["entra"]["initial_domain"])
    status = chance.choices(
        ("FilteredAsSpam", "Quarantined", "Delivered", "Failed"), (60, 20, 15, 5)
    )
    tls = chance.random() < 0.7
    found = past.attribution(Attempt(address, sender, recipient, tls), at)
    if found.refusal:
        return None
    return Draft(
        sender,
        [recipient],
        address,
        subject=chance.choice(names.SPAM_SUBJECTS),
        status=status[0],
        tls=tls,
        connector=str(found.connector["Name"]) if found.connector else "",
    )


def _stranger_sources(stream: Stream) -> tuple[str, ...]:
    return names.outside_addresses(int(stream["seed"]), int(stream.get("addresses", 400)))


def _by_mx(stream: Stream, chance: random.Random, past: Past, at: float) -> Draft | None:
    """Make mail of the world by the MX set of its time, through caches.

    It comes straight to Microsoft, or by Area 1's addresses once its domain is onboarded. Mail by
    other hosts leaves no row here.
    """
    sender, recipient = names.outside_person(chance), _someone(stream, chance)
    domain, share = recipient.rpartition("@")[2], chance.random()
    origin = chance.choice(names.outside_addresses(int(stream["seed"]), 300))
    status = chance.choices(("Delivered", "FilteredAsSpam", "Quarantined", "Failed"), (90, 5, 4, 1))
    way = leads_to(past.mail_hosts(domain, at, share))
    address = origin
    if way == "area1":
        known = past.world["cloudflare"]["email_security"]["domains"]
        if not any(item["domain"] == domain for item in known):
            return None
        mail = past.world["mail"]
        address = mail["addresses"][chance.choice(mail["egress"])]
    elif way != "microsoft":
        return None
    found = past.attribution(Attempt(address, sender, recipient, True), at)
    if found.refusal:
        return None
    connector = found.connector
    return Draft(
        sender,
        [recipient],
        address,
        subject=chance.choice(names.SUBJECTS),
        status=status[0],
        source_ip=origin,
        connector=str(connector["Name"]) if connector else "",
        skip_listed=bool(connector and connector["EFSkipLastIP"] and address != origin),
    )


def _hybrid(stream: Stream, chance: random.Random, past: Past, at: float) -> Draft | None:
    """Make mail of the customer's own servers, over a connector by certificate (hybrid wizard)."""
    sender, recipient = _someone(stream, chance), _someone(stream, chance)
    attempt = Attempt(
        str(stream["address"]), sender, recipient, True, (str(stream["certificate"]),)
    )
    found = past.attribution(attempt, at)
    if found.refusal:
        return None
    connector = str(found.connector["Name"]) if found.connector else ""
    return Draft(
        sender,
        [recipient],
        attempt.address,
        subject=chance.choice(names.SUBJECTS),
        connector=connector,
    )


#: Values of FromIP that no strict parser takes for an address on the Internet.
ODD_SOURCES = (
    "0.0.0.0",
    "100.64.12.7",
    "224.0.0.251",
    "fe80::1%eth0",
    "::ffff:198.51.100.77",
    "not available",
    "",
    None,
)
_ODD_RECIPIENTS = (
    "undisclosed-recipients:;",
    "anna.keller0@",
    "@%s",
    "bjorn@-bad-.example",
    "bjorn@xn--",
    "bjorn@%s..",
    '"o\'hara, \\"x\\""@%s',
    "IMCEAEX-_o=ExchangeLabs_ou=Administrative+20Group@%s",
    "BJÖRN@%s",
    "bjorn@%s.",
)
_ODD_SUBJECTS = (
    "half of a pair \ud83d",
    "\x1b[2Jgone",
    "a\u202etxt.exe",
    "<b>bold</b>",
    "{{ 7*7 }}",
)
_ODD_DATES = ("0001-01-01T00:00:00.0000000Z", "", "2026-13-41T25:61:00Z")


def _odd(stream: Stream, chance: random.Random, past: Past, at: float) -> Draft:
    """Make a row of which one value is odd."""
    domain = _domains(stream)[0]
    draft = Draft(
        names.outside_person(chance),
        [_someone(stream, chance)],
        _inner_source(stream, chance),
        "service",
        status=chance.choice(("Delivered", "GettingStatus", "Pending", "None")),
    )
    what = chance.randrange(10)
    if what < 4:
        draft.from_ip = chance.choice(ODD_SOURCES)
    elif what < 7:
        odd = chance.choice(_ODD_RECIPIENTS)
        draft.recipients = [odd % domain if "%s" in odd else odd]
    elif what < 9:
        draft.subject = chance.choice(_ODD_SUBJECTS)
        draft.sender = "half\ud83d@partner1.example"
    else:
        draft.received = chance.choice(_ODD_DATES)
    return draft


_DELIVERED = frozenset({"delivered"})
_FILTERED = frozenset({"delivered", "filteredasspam", "quarantined", "failed"})
KINDS = {
    "internal": Kind(_internal, frozenset({"delivered", "expanded"}), _inner_sources),
    "reports": Kind(_report, _DELIVERED, _inner_sources),
    "submissions": Kind(_submission, _DELIVERED, _user_sources),
    "outgoing": Kind(_outgoing, frozenset({"delivered", "failed"}), _outgoing_sources),
    "strangers": Kind(_stranger, _FILTERED, _stranger_sources),
    "by_mx": Kind(_by_mx, _FILTERED),
    "hybrid": Kind(_hybrid, _DELIVERED, lambda stream: (str(stream["address"]),)),
    "odd": Kind(_odd, frozenset({"delivered", "gettingstatus", "pending", "none"})),
}
