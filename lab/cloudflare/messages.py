# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages that Area 1 saw, in ``world["cloudflare"]["messages"]``, oldest first, plain data.

The mail path calls `record` for each message that passes, then `trace` for the lines that its
servers log, and `handed_on` for the answer of the next hop. A world may ask for made-up ones with
the setting ``quarantined_messages``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.utils import format_datetime, getaddresses, parseaddr
from typing import Any

from lab.cloudflare.settings import setting, timestamp
from lab.mail.text import split

Record = dict[str, Any]
# beyond it the oldest that was not quarantined goes
LIMIT = 50_000
BENIGN = ("NONE", "UNKNOWN", "EXTERNAL")
_ALPHABET = "0123456789ABCDFGHJKLMNPQRSTVWXYZbcdfghjkmnpqrstvwxyz"


def record(
    world: dict[str, Any],
    raw: bytes,
    envelope_from: str,
    recipients: Iterable[str],
    disposition: str,
    quarantined: bool,
    now: datetime,
    source_ip: str = "",
    helo: str = "",
) -> str:
    """Record a message that came through, and return its id in the API."""
    # a whole parse of each mail would be most of the work of the lab's mail path
    fields = dict(reversed([(name.lower(), _decoded(value)) for name, value in split(raw)[0]]))
    item = _new(world["cloudflare"], now, disposition, quarantined)
    item.update(
        {
            "from": parseaddr(fields.get("from", ""))[1],
            "to": [address for _name, address in getaddresses([fields.get("to", "")]) if address],
        },
        subject=fields.get("subject", ""),
        message_id=fields.get("message-id", ""),
        envelope_from=envelope_from,
        envelope_to=list(recipients),
        smtp_previous_hop_ip=source_ip,
        smtp_helo_server_ip=helo,
    )
    if disposition not in BENIGN or quarantined:
        item["raw"] = raw.decode("utf-8", "replace")
    _keep(world["cloudflare"], item)
    trace(
        world,
        item,
        "inbound",
        f"from={envelope_from} client={source_ip} helo={helo} disposition={disposition}",
        now,
    )
    return str(item["id"])


def trace(
    world: dict[str, Any], identifier: str | Record, leg: str, text: str, now: datetime
) -> None:
    """Record a line of the mail servers' log; ``leg`` is inbound or outbound [CF-6.3]."""
    item = identifier if isinstance(identifier, dict) else find(world["cloudflare"], identifier)
    lines = item["trace"][leg]
    lines.append({"lineno": len(lines) + 1, "at": timestamp(now), "message": text})


def handed_on(
    world: dict[str, Any], identifier: str | Record, status: str, text: str, now: datetime
) -> None:
    """Record the next hop's answer: delivered, deferred, bounced or rejected [CF-6.3]."""
    item = identifier if isinstance(identifier, dict) else find(world["cloudflare"], identifier)
    item["delivery_status"] = [status]
    trace(world, item, "outbound", text, now)


def find(state: dict[str, Any], identifier: str) -> Record:
    """Return a message by id or postfix_id; raise KeyError where there is none."""
    for item in reversed(state.get("messages", [])):
        if identifier in (item["id"], item["postfix_id"]):
            return item  # type: ignore[no-any-return]
    raise KeyError(identifier)


def fill(state: dict[str, Any], now: datetime) -> None:
    """Make up as many quarantined messages as the setting asks for, a minute apart."""
    wanted, made = (
        int(setting(state, "quarantined_messages")),
        int(state.get("made_up_messages", 0)),
    )
    state["made_up_messages"] = max(wanted, made)
    words = ("MALICIOUS", "SPAM", "SPOOF")
    for number in range(made, wanted):
        item = _new(state, now - timedelta(minutes=number + 1), words[number % 3], True)
        sender = (
            "newsletter@fabrikam.example"
            if number % 10 == 0
            else f"sender{number % 97}@spam-{number % 7}.example"
        )
        item.update(
            {"from": sender, "to": [f"user{number % 50}@northwind.example"]},
            subject=f"Offer {number}",
            made_up=True,
            message_id=f"<{number}@spam-{number % 7}.example>",
            envelope_from=sender,
            envelope_to=[f"user{number % 50}@northwind.example"],
            smtp_previous_hop_ip="198.51.100.25",
            smtp_helo_server_ip="198.51.100.25",
        )
        state["messages"].insert(0, item)


def fill_others(world: dict[str, Any], now: datetime) -> None:
    """Let the other customers of the account have mail up to now (element other_customers).

    Their mail is accepted by their own services, or refused by a lock-down of theirs: what the log
    says of it is no evidence about this tenant.
    """
    state, others = world["cloudflare"], world["cloudflare"].get("others")
    if not others:
        return
    every = timedelta(minutes=float(others["every_minutes"]))
    begins = now - timedelta(days=float(others["days"]))
    last = datetime.fromisoformat(others["last"]) if others.get("last") else begins
    at = max(last, begins)
    while at + every <= now:
        at += every
        _others_message(world, at, int(at.timestamp() // every.total_seconds()))
    others["last"] = at.isoformat()
    state["messages"].sort(key=lambda item: str(item["scanned_at"]))


def _others_message(world: dict[str, Any], at: datetime, number: int) -> None:
    domain = ("other-customer.example", "second-customer.example")[number % 2]
    recipient = f"user{number % 20}@{domain}"
    head = f"From: news@partner.example\r\nTo: {recipient}\r\nSubject: Hello {number}\r\n"
    raw = f"{head}Message-ID: <{number}@partner.example>\r\n\r\nHello\r\n".encode()
    identifier = record(
        world, raw, "news@partner.example", [recipient], "NONE", False, at, "198.51.100.30", "mail"
    )
    replies = (
        ("delivered", "250 2.0.0 OK gsmtp"),
        ("delivered", "250 2.6.0 Queued mail for delivery"),
        (
            "bounced",
            "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that"
            " matched the message's recipient domain.",
        ),
    )
    status, reply = replies[number % 3]
    handed_on(world, identifier, status, f"to=<{recipient}> status={status} ({reply})", at)


def raw_of(item: Record) -> str:
    """Return the message as it came; a made-up one is written when it is asked for."""
    if "raw" in item:
        return str(item["raw"])
    scanned = datetime.strptime(item["scanned_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=timezone.utc
    )
    head = {
        "From": item["from"],
        "To": ", ".join(item["to"]),
        "Subject": item["subject"],
        "Message-ID": item["message_id"],
        "Date": format_datetime(scanned),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
    }
    return (
        "".join(f"{name}: {value}\r\n" for name, value in head.items())
        + f"\r\n{item['subject']}\r\n"
    )


def _new(state: dict[str, Any], at: datetime, disposition: str, quarantined: bool) -> Record:
    state["message_counter"] = int(state.get("message_counter", 0)) + 1
    digest = hashlib.sha256(
        f"{state['account_id']}/message/{state['message_counter']}".encode()
    ).digest()
    # the form that the clients' documentation shows: 4Njp3P0STMz2c02Q and
    # 4Njp3P0STMz2c02Q-2024-01-05T10:00:00-12345678
    postfix = "4" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:15])
    return {
        "id": (
            f"{postfix}-{at:%Y-%m-%dT%H:%M:%S}"
            f"-{int.from_bytes(digest[16:20], 'big') % 100_000_000:08}"
        ),
        "postfix_id": postfix,
        "scanned_at": timestamp(at),
        "final_disposition": disposition,
        "is_quarantined": quarantined,
        "delivery_status": ["quarantined" if quarantined else "queued"],
        "operations": [],
        "trace": {"inbound": [], "outbound": []},
    }


def _keep(state: dict[str, Any], item: Record) -> None:
    messages = state.setdefault("messages", [])
    messages.append(item)
    if len(messages) > LIMIT:
        messages.pop(
            next((index for index, each in enumerate(messages) if not each["is_quarantined"]), 0)
        )


def _decoded(value: str) -> str:
    """Return a header field as people read it (RFC 2047)."""
    return str(make_header(decode_header(value))) if "=?" in value else value
