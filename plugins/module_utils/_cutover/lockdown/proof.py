# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Whether the lock-down acts and lets Area 1 in: a verdict from what was seen since it is on.

Sources: [CUT-2.3] (codes, phases of a refusal, what is not in the trace) and [CUT-36]. Only a
refusal shows that direct mail is refused; that Area 1's mail is accepted shows in the traces, too.
A verdict is never better than its evidence: what was not seen is unknown, and unknown never counts
as good.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..._engine import timeline
from ..._engine.address_ranges import outside
from ..._engine.timestamps import iso, parse_time
from ..._engine.values import as_list, boolean, host_name
from ..evidence import message_trace, test_mail as followed
from ..evidence.area1_log import LOCKED, LOOK_BACK, TAKEN, _lines
from ..gates import direct_senders
from ..model.gate import NOT_CHECKED, GateResult, cannot, not_yet, noticed
from ..model.registry import Asked, register
from ..model.world import World, changed_at

register(
    "refused_through_area1",
    Asked(
        "lockdown",
        looks_at="mail that Area 1 brings is not refused by the lock-down (see the proof below)",
        otherwise="cannot: it was switched off at once; compare the addresses",
    ),
    needs=(
        "accepted_domains",
        "inbound_connectors",
        "message_trace",
        "smtp",
        "timeline",
    ),
)

register(
    "lockdown_proof",
    Asked(
        "lockdown",
        looks_at="direct mail is refused and mail through Area 1 is accepted (see the proof below)",
        otherwise="not yet, or not checked: a later run looks again",
        acknowledge="yes: a person has seen it",
    ),
    needs=(
        "accepted_domains",
        "inbound_connectors",
        "message_trace",
        "smtp",
        "timeline",
    ),
)

PROVEN, NOT_EFFECTIVE_YET, REFUSED, UNKNOWN = (
    "proven",
    "not_effective_yet",
    "refused_through_area1",
    "unknown",
)
GATE = "lockdown_proof"
#: Exchange takes up to an hour to act on a connector (no figure in its documentation; others saw
#: minutes to an hour).
ACTING = datetime.timedelta(hours=1)
#: The lock-down is one for all of its domains: so many of them are tried.
TRIED = 5
ASK = (
    "Give area1_probe_host (a host whose port 25 is open to the Internet) and"
    " area1_canary_recipient (a mailbox for a test mail)"
)


@dataclasses.dataclass(frozen=True)
class Proof:
    """A verdict. ``why`` says what was seen, or what is missing.

    ``until`` is when it is worth looking again; ``refused_since`` when direct mail was seen
    refused.
    """

    verdict: str
    why: str
    until: str = ""
    refused_since: str = ""


def enabled_at(connector: t.Mapping[str, t.Any]) -> datetime.datetime | None:
    """Return the connector's last change: it was not switched on later.

    A change of its list starts the proof anew, which is intended.
    """
    return changed_at(connector)


def prove(world: World, connector: t.Mapping[str, t.Any]) -> Proof:
    """Return the verdict on a lock-down that is on."""
    changed = enabled_at(connector)
    if changed is None:
        return Proof(UNKNOWN, "the service does not say when the connector was switched on")
    refusal = _refused_through(world, changed)
    if refusal:
        return Proof(REFUSED, "mail through Area 1 is refused: %s" % refusal)
    acts = changed + datetime.timedelta(minutes=world.settings.settle_minutes)
    locked, is_open, probed = _probe(world)
    late = changed + max(ACTING, acts - changed)
    still, quiet = _trace(world, connector, acts, late)
    if is_open or (still and not locked):
        return _still_open(is_open or still, world.now, late)
    since = _refused_since(world, changed, quiet, locked)
    taken = _taken(world, since)
    if locked and taken:
        beside = "; but %s, which something else lets in" % still if still else ""
        return Proof(PROVEN, "%s; %s%s" % (locked, taken, beside), refused_since=iso(since))
    known = world.timeline.of(timeline.PROVEN, subject=iso(changed))
    if known:
        return Proof(PROVEN, "as seen %s" % known[-1].at)
    if world.now < acts:
        return Proof(
            NOT_EFFECTIVE_YET,
            "switched on %s; Exchange is given %d minutes to act"
            % (iso(changed), world.settings.settle_minutes),
            iso(acts),
        )
    # A trace without direct mail is no evidence: what is refused is not in it, and neither is what
    # nobody sent.
    missing = (
        []
        if locked
        else [
            "that direct mail is refused (%s; a message trace without any does not show it)"
            % (probed or "nobody tried")
        ]
    )
    missing += (
        []
        if taken
        else ["that mail through Area 1 is accepted (none was seen since %s)" % iso(since)]
    )
    seen = "%s; " % (locked or taken) if locked or taken else ""
    return Proof(
        UNKNOWN,
        "%snot seen: %s" % (seen, "; ".join(missing)),
        refused_since=iso(since) if locked else "",
    )


def _still_open(what: str, now: datetime.datetime, late: datetime.datetime) -> Proof:
    """Return the verdict for direct mail that is still accepted.

    It is no reason to switch anything: a change may take its time, and another one would only start
    that time anew.
    """
    if now < late:
        return Proof(NOT_EFFECTIVE_YET, "direct mail is still accepted: %s" % what, iso(late))
    return Proof(
        NOT_EFFECTIVE_YET,
        "direct mail is accepted although more than an hour has passed: %s" % what,
    )


def _refused_since(
    world: World, changed: datetime.datetime, quiet: datetime.datetime, locked: str
) -> datetime.datetime:
    """Return since when mail through Area 1 counts as evidence.

    By then the connector certainly acts: it was seen to, or its time is over.
    """
    seen = world.timeline.of(timeline.DIRECT_REFUSED, subject=iso(changed))
    return min(
        [event.moment for event in seen if event.moment is not None]
        + [quiet]
        + ([world.now] if locked else [])
    )


def _probe(world: World) -> tuple[str, str, str]:
    """Return (refused, accepted, neither and why) of the proof's own probes, each "" if not so."""
    answers = [item for _name, item in sorted((world.smtp.get("direct") or {}).items())]
    if not answers:
        return "", "", ""
    origins = {
        str((item.get("looked_from") or {}).get("address") or item.get("source") or "")
        for item in answers
    } - {""}
    inner = [origin for origin in sorted(origins) if not outside([origin], world.settings.egress)]
    if inner:
        return "", "", "the probe came from %s, which is one of Area 1's own networks" % inner[0]
    taken = [item for item in answers if item.get("verdict") == "open"]
    if taken:
        return "", "the probe's mail was accepted at %s" % _where(taken[0]), ""
    locked = [item for item in answers if item.get("verdict") == "locked"]
    # Where the refusal comes with the message, only the canary's domain can show it; the connector
    # is one for all of them.
    late = any(item.get("stage") in ("data", "message") for item in locked)
    others = [
        item
        for item in answers
        if item.get("verdict") != "locked" and not (late and item.get("verdict") == "inconclusive")
    ]
    if others:
        return "", "", "the probe at %s: %s" % (_where(others[0]), _answer(others[0]))
    return (
        "direct mail is refused with 5.7.51 (%s)"
        % ", ".join(sorted({_where(item) for item in locked})[:3]),
        "",
        "",
    )


def _answer(item: t.Mapping[str, t.Any]) -> str:
    """Return in words why an answer proves nothing."""
    if item.get("verdict") == "inconclusive":
        return (
            "the recipient was accepted, but the refusal may come with the message;"
            " area1_canary_recipient allows to send one"
        )
    answer = " ".join(str(item[key]) for key in ("code", "enhanced", "text") if item.get(key))
    return str(item.get("meaning") or item.get("problem") or answer or "no answer")


def _where(item: t.Mapping[str, t.Any]) -> str:
    return str(item.get("host") or item.get("domain") or "the forwarding host")


def _trace(
    world: World, connector: t.Mapping[str, t.Any], acts: datetime.datetime, late: datetime.datetime
) -> tuple[str, datetime.datetime]:
    """Return (accepted, quiet since) from the message trace.

    The first is direct mail that arrived although the connector must act, the second the time since
    when none did. Mail in the first hour only shows when the connector did not act yet.
    """
    groups, begin = (
        world.message_trace.get("groups") or [],
        max(acts, world.now - LOOK_BACK),
    )
    wanted = direct_senders.with_sub_domains(
        world, dict.fromkeys(_scope(world, connector), iso(begin))
    )
    found = {
        address: items
        for address, items in direct_senders.direct(world, groups, wanted).items()
        if not _exempt(world, connector, address)
    }
    lasts = {
        address: max(parse_time(item["last"]) or world.now for item in items)
        for address, items in found.items()
    }
    latest = max(lasts, key=lambda address: lasts[address], default="")
    if latest and (world.now < late or lasts[latest] >= late):
        return "the message trace shows mail from %s (last %s)" % (latest, iso(lasts[latest])), acts
    return "", max([begin, *lasts.values()])


def _scope(world: World, connector: t.Mapping[str, t.Any]) -> list[str]:
    inside = [str(item).lower() for item in as_list(connector.get("AssociatedAcceptedDomains"))]
    return sorted(inside or world.accepted())


def _exempt(world: World, connector: t.Mapping[str, t.Any], address: str) -> bool:
    """Return whether another connector may have let the address in, which is no evidence."""
    others = [
        item
        for item in world.inbound_connectors
        if item is not connector and boolean(item.get("Enabled")) is True
    ]
    return any(not outside([address], as_list(item.get("SenderIPAddresses"))) for item in others)


def _refused_through(world: World, changed: datetime.datetime) -> str:
    refused = [(at, text) for at, text in _lines(world) if at >= changed and LOCKED.search(text)]
    return "%s: %s" % (iso(refused[-1][0]), refused[-1][1][:200]) if refused else ""


def _taken(world: World, since: datetime.datetime) -> str:
    """Return mail through Area 1 that Microsoft 365 took while the lock-down acted."""
    tested = followed.arrived(world, since)
    if tested:
        return "mail through Area 1 is accepted (the test mail of %s: %s)" % (
            iso(tested[-1].at),
            tested[-1],
        )
    handed = [
        at
        for at, text in _lines(world)
        if at >= since and TAKEN.search(text) and not LOCKED.search(text)
    ]
    if handed:
        return "mail through Area 1 is accepted (its own trace, %s)" % iso(max(handed))
    count = message_trace.through(world, world.message_trace.get("groups") or [], since)
    return "mail through Area 1 is accepted (message trace: %d)" % count if count else ""


def where_to_look(world: World, connector: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return times for the traces, and the forwarding hosts for a delivery past Area 1."""
    changed = enabled_at(connector) or world.now
    acts = changed + datetime.timedelta(minutes=world.settings.settle_minutes)
    known = world.mail_hosts
    direct: list[dict[str, t.Any]] = []
    for name in world.covered():
        host = host_name((world.if_read.email_security.get(name) or {}).get("transport") or "")
        if host and name in _scope(world, connector) and len(direct) < TRIED:
            direct.append(
                {
                    "name": name,
                    "host": host,
                    "addresses": list((known.get(host) or {}).get("addresses") or []),
                }
            )
    gateway = min(world.settings.mx_records, key=lambda item: item.priority).host
    gateways = [
        {"name": gateway, "addresses": list((known.get(gateway) or {}).get("addresses") or [])}
    ]
    # A trace of months says no more than one over a week-end; and before the connector acts nothing
    # is to be seen.
    begin = max(min(_refused_since(world, changed, acts, ""), world.now), world.now - LOOK_BACK)
    return {
        "trace_since": iso(begin),
        "outbound_since": iso(max(changed, world.now - LOOK_BACK)),
        "direct": direct,
        "gateways": gateways,
        "mail_domains": world.covered()[:1],
        "mail_hosts": sorted({gateway, *(item["host"] for item in direct)}),
        "internal_domains": sorted(world.accepted()),
        "sent": followed.sent(world, changed),
    }


def new_events(world: World, proof: Proof, changed: datetime.datetime | None) -> list[str]:
    """Return what the time line does not have yet about the connector as it is now."""
    if changed is None:
        return []
    known = {event.event for event in world.timeline.of(subject=iso(changed))}
    seen = ([timeline.PROVEN] if proof.verdict == PROVEN else []) + (
        [timeline.DIRECT_REFUSED] if proof.refused_since else []
    )
    return [event for event in seen if event not in known]


def result(
    world: World, connector: t.Mapping[str, t.Any], proof: Proof | None = None
) -> GateResult:
    """Return the verdict for the report.

    What is unknown stays *not checked*: a later run looks again, or a person decides.
    """
    proof = proof or prove(world, connector)
    name = str(connector.get("Name"))
    if proof.verdict == PROVEN:
        return noticed(GATE, name, "proven: %s" % proof.why)
    if proof.verdict == REFUSED:
        hint = (
            "It was switched off at once. Compare its SenderIPAddresses with the address in the"
            " answer, and look for another connector of the same scope."
        )
        return cannot("refused_through_area1", name, proof.why, hint)
    if proof.verdict == NOT_EFFECTIVE_YET:
        hint = (
            "Run again."
            if proof.until
            else "Look for another connector that lets it in; nothing is switched because of this."
        )
        return not_yet(GATE, name, proof.why, proof.until, hint)
    return GateResult(
        GATE,
        NOT_CHECKED,
        name,
        "it is on, but NOT PROVEN: %s. %s, or put lockdown_proof into area1_acknowledge"
        % (proof.why, ASK),
    )


def switched_off_comment(world: World, why: str) -> str:
    """Return the comment of a connector that refused Area 1's mail.

    An administrator and the next run see why it is off.
    """
    return "%s. [mailflow.area1: switched off %s, %s. Disabled on purpose]" % (
        world.settings.lockdown_comment,
        iso(world.now),
        why.replace("]", ")")[:300],
    )
