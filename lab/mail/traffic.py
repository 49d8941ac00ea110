# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail as the world sends it, over real SMTP: by the MX, past it, and from attackers.

An order (POST /traffic) is one of::

    {"senders": 20, "mails": 1000, "attacks": 50}  # sends them; the tally of these
    {"start": true, "senders": 20, "rate": 40, "attack_rate": 2}  # a steady pace, mails a second
    {"stop": true}  # ends the pace
    {}  # the tally of all since the world began

A legitimate mail is *lost* when a host refuses it for good (5xx), a relay that took it gives it
back, or the tenant rejects or deletes it; *delayed* when it had to wait at least once; *waiting*
while it does; *held* in Area 1's quarantine.

Every mail carries the lab's time at which it set out (RFC 5322 Date). The clock moves only while
none is under way, so that no mail arrives hours after its sender looked the mail hosts up.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

from lab.mail import text
from lab.mail.client import Line, Pool, Unreachable
from lab.mail.relay import Item, Later, Relay
from lab.mail.senders import Names, Ports, Sender, population
from lab.mail.state import ATTACKERS, SENDERS
from lab.server import Hub

_PACE = 0.05
_MOST_REASONS = 20
_ATTACK_DOMAIN = "attacker.example"
_GONE = ("rejected", "deleted", "bounced", "routed")
_BODY = b"Dear colleague,\r\n\r\nthe figures that you asked for.\r\n"


@dataclass
class Mail:
    kind: str  # legitimate, attack, or the name of one of the customer's direct senders
    # sending, accepted, delivered, held, waiting, lost; refused or accepted for attacks
    state: str = "sending"
    delayed: bool = False
    reason: str = ""
    folder: str = ""


class Traffic:
    """The senders and attackers of one world; every method runs on the mail loop."""

    def __init__(
        self,
        hub: Hub,
        pool: Pool,
        strict: ssl.SSLContext,
        ports: Ports,
        at_rest: Callable[[], Awaitable[None]],
    ) -> None:
        self._hub, self._pool, self._strict, self._ports, self._at_rest = (
            hub,
            pool,
            strict,
            ports,
            at_rest,
        )
        self.relay = Relay(pool, self._route, self._outcome, hub.clock.time, parallel=12)
        self._pacing: asyncio.Task[None] | None = None
        # no new mail: the clock is about to jump
        self.held = False
        self._attacks: set[asyncio.Task[None]] = set()
        self.renew()

    def renew(self) -> None:
        self.stop()
        self._mails: dict[str, Mail] = {}
        self._senders: list[Sender] = []
        self._numbers = itertools.count(1)
        self._chance = random.Random(5321)
        self._names = Names(self._hub, self._chance)

    def go_on_from(self, number: int) -> None:
        """Number mails from here, so that no message id comes twice."""
        self._numbers = itertools.count(number)

    def stop(self) -> None:
        """End the steady pace; what is under way goes on."""
        if self._pacing is not None:
            self._pacing.cancel()
        self._pacing = None

    @property
    def busy(self) -> int:
        """How many attacks are under way; the relay counts the legitimate mail."""
        return len(self._attacks)

    async def idle(self) -> None:
        """Wait until no attack is under way."""
        while self._attacks:
            await asyncio.wait(set(self._attacks))

    async def order(self, order: dict[str, Any]) -> dict[str, Any]:
        known = {"senders", "mails", "attacks", "start", "stop", "rate", "attack_rate", "domains"}
        if set(order) - known:
            raise ValueError("traffic knows %s" % ", ".join(sorted(known)))
        if order.get("stop"):
            self.stop()
            await self._at_rest()
            return self.tally(self._mails.values())
        if order.get("senders"):
            self._hire(int(order["senders"]))
        if order.get("start"):
            self.stop()
            self._hire(20)
            self._pacing = asyncio.get_running_loop().create_task(self._pace(order))
            return self.tally(self._mails.values())
        if not order.get("mails") and not order.get("attacks"):
            return self.tally(self._mails.values())
        return await self._batch(order)

    def _hire(self, count: int) -> None:
        if len(self._senders) < count:
            self._senders += population(self._hub, count, list(SENDERS))[len(self._senders) :]

    async def _batch(self, order: dict[str, Any]) -> dict[str, Any]:
        self._hire(20)
        before = set(self._mails)
        domains = self._domains(order)
        for _ in range(int(order.get("attacks", 0))):
            self._begin_attack(domains)
        for number in range(int(order.get("mails", 0))):
            self._legitimate(domains, number)
        await self._at_rest()
        return self.tally(mail for key, mail in self._mails.items() if key not in before)

    async def _pace(self, order: dict[str, Any]) -> None:
        owed = {"mail": 0.0, "attack": 0.0}
        for number in itertools.count():
            await asyncio.sleep(_PACE)
            if self.held:
                continue
            domains = self._domains(order)
            owed["mail"] += float(order.get("rate", 20)) * _PACE
            owed["attack"] += float(order.get("attack_rate", 0)) * _PACE
            while owed["mail"] >= 1:
                owed["mail"] -= 1
                self._legitimate(domains, number)
            while owed["attack"] >= 1:
                owed["attack"] -= 1
                self._begin_attack(domains)

    def _begin_attack(self, domains: list[str]) -> None:
        task = asyncio.get_running_loop().create_task(self._attack(domains))
        self._attacks.add(task)
        task.add_done_callback(self._attacks.discard)

    def _domains(self, order: dict[str, Any]) -> list[str]:
        """Return the domains to which mail goes: those asked for, else every accepted domain.

        Initial domains, domains without a host of their own and those that nobody writes to are
        left out.
        """
        if order.get("domains"):
            return [str(name) for name in order["domains"]]
        with self._hub.lock:
            quiet = self._hub.world["mail"].get("quiet", [])
            return [
                name
                for name in self._hub.world["tenant"]["mail_hosts"]
                if not name.endswith(".onmicrosoft.com") and name not in quiet
            ]

    def _legitimate(self, domains: list[str], number: int) -> None:
        """Send a legitimate mail by the MX.

        Every twentieth comes from one of the customer's own direct senders, where there are any.
        """
        direct = self._hub.world["mail"]["direct"]
        if direct and number % 20 == 19:
            chosen = direct[(number // 20) % len(direct)]
            item = self._item(str(chosen["name"]), str(chosen["sender"]), domains)
        else:
            sender = self._senders[self._chance.randrange(len(self._senders))]
            item = self._item("legitimate", "news%d@%s" % (sender.number, sender.domain), domains)
        self.relay.take(item)

    def _item(self, kind: str, sender: str, domains: list[str]) -> Item:
        number = next(self._numbers)
        recipient = "user%d@%s" % (number % 50, self._chance.choice(domains))
        message_id = "<%d@traffic.example>" % number
        headers = [
            ("Date", format_datetime(self._hub.clock.now())),
            ("Message-ID", message_id),
            ("From", sender),
            ("To", recipient),
            ("Subject", "Figures %d" % number),
        ]
        self._mails[message_id] = Mail(kind)
        return Item(
            message_id, sender, recipient, text.join(headers, _BODY), self._hub.clock.time()
        )

    async def _route(self, item: Item) -> list[Line]:
        domain = text.domain_of(item.recipient)
        kind = self._mails[item.message_id].kind
        if kind == "legitimate":
            number = int(text.domain_of(item.sender)[1:4])
            return await self._senders[number].lines(domain, self._ports, self._strict)
        source = next(
            str(each["source"])
            for each in self._hub.world["mail"]["direct"]
            if each["name"] == kind
        )
        return self._straight(source, domain, "device.lab.example")

    def _straight(self, source: str, domain: str, helo: str) -> list[Line]:
        """Return the way to the tenant's own host, past any MX."""
        with self._hub.lock:
            host = str(self._hub.world["tenant"]["mail_hosts"].get(domain, "")).lower()
        addresses = self._names.addresses(host) if host else []
        if not addresses:
            raise Later("%s has no host" % domain)
        return [Line(source, address, self._ports()[0], helo) for address in addresses]

    async def _attack(self, domains: list[str]) -> None:
        item = self._item("attack", "ceo@" + _ATTACK_DOMAIN, domains)
        mail = self._mails[item.message_id]
        source = list(ATTACKERS)[next(self._numbers) % len(ATTACKERS)]
        try:
            line = self._straight(source, text.domain_of(item.recipient), _ATTACK_DOMAIN)[0]
            reply = await self._pool.deliver(line, item.sender, item.recipient, item.data)
        except (Unreachable, Later) as reason:
            mail.state, mail.reason = "failed", str(reason)
            return
        mail.state, mail.reason = (
            ("accepted" if reply.ok else "refused"),
            ("" if reply.ok else str(reply)),
        )

    def _outcome(self, item: Item, verdict: str, words: str) -> None:
        mail = self._mails.get(item.message_id)
        if mail is None:
            return
        if verdict == "accepted":
            mail.state = "accepted" if mail.state in ("sending", "waiting") else mail.state
        elif verdict == "deferred":
            mail.state, mail.delayed, mail.reason = "waiting", True, words
        else:
            mail.state, mail.reason = "lost", words

    def fate(self, message_id: str, what: str, detail: str) -> None:
        """Record what the journal learns of a mail after its sender gave it away."""
        mail = self._mails.get(message_id)
        if mail is None or mail.kind == "attack":
            return
        if what == "placed":
            mail.folder = detail
            mail.state = "lost" if detail in _GONE else "delivered"
            mail.reason = "the tenant: %s" % detail if detail in _GONE else mail.reason
        elif what == "held":
            mail.state = "held"
        elif what == "deferred":
            mail.delayed, mail.reason = True, detail
        else:
            mail.state, mail.reason = "lost", detail

    def tally(self, mails: Any) -> dict[str, Any]:
        """Return counts. ``legitimate`` mails go by the MX, ``direct`` ones past it."""
        mails = list(mails)
        legitimate = [mail for mail in mails if mail.kind == "legitimate"]
        states = Counter(mail.state for mail in legitimate)
        attacks = Counter(mail.state for mail in mails if mail.kind == "attack")
        reasons = Counter(
            mail.reason for mail in legitimate if mail.reason and mail.state in ("lost", "waiting")
        )
        refusals = Counter(mail.reason for mail in mails if mail.kind == "attack" and mail.reason)
        direct: dict[str, Counter[str]] = {}
        for mail in mails:
            if mail.kind not in ("legitimate", "attack"):
                direct.setdefault(mail.kind, Counter())[mail.state] += 1
        return {
            "sent": len(legitimate),
            "delivered": states["delivered"],
            "held": states["held"],
            "in_custody": states["accepted"] + states["sending"],
            "waiting": states["waiting"],
            "delayed": sum(mail.delayed for mail in legitimate),
            "lost": states["lost"],
            "folders": dict(Counter(mail.folder for mail in legitimate if mail.folder)),
            "refused_direct": attacks["refused"],
            "accepted_direct": attacks["accepted"],
            "failed_direct": attacks["failed"],
            "direct": {name: dict(each) for name, each in direct.items()},
            "reasons": dict(reasons.most_common(_MOST_REASONS)),
            "refusals": dict(refusals.most_common(_MOST_REASONS)),
        }
