# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The modules area1_domain and area1_domain_info: many domains in one task.

Each domain is tried, and each has a result of its own.
"""

from __future__ import annotations

import concurrent.futures
import typing as t

from .._engine.context import Context
from .._engine.errors import SHOWN_ERRORS, InputError, MailflowError, failure_text
from .._engine.module import Result
from .._engine.observation import Observation
from .._engine.values import host_name
from .api import Domain, EmailSecurity
from .domain_options import Rules, Wish, entries, plan_domain, wishes
from .domain_steps import DomainResult, DomainSteps, Listing, Publish, carry_out, with_readiness
from .options import account_of, api_of

SECTION = "email_security"
JOURNAL = "area1_domains"
THREADS = 8


def manage(
    params: t.Mapping[str, t.Any], context: Context, rules: Rules, publish: Publish | None
) -> Result:
    """Bring all domains to their wanted state."""
    wanted = wishes(params, rules)
    service = EmailSecurity(api_of(params, context), account_of(params))
    observation = Observation(params.get("observation_path"), context.now)
    handed_on = observation.get(SECTION)
    listing = Listing(service)
    _check_all(wanted, listing.all() if handed_on is None else handed_on, rules)

    def one(wish: Wish) -> DomainResult:
        known = None if handed_on is None else handed_on.get(wish.name, {})
        return carry_out(
            service, DomainSteps(service, listing, wish, rules.is_gateway), context, known, publish
        )

    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        done = list(pool.map(one, wanted))
    for item in done:
        for warning in item.warnings:
            context.warn_once(warning)
    left = _as_left(service, [item.wish.name for item in done if item.error])
    _hand_on(done, listing.all() if handed_on is None else handed_on, left, observation, context)
    return _result(done)


def inform(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Read all domains and what the service says of the token."""
    names = [host_name(entry.get("name")) for entry in entries(params.get("domains"))]
    service = EmailSecurity(api_of(params, context), account_of(params))
    observation = Observation(params.get("observation_path"), context.now)
    found = service.list()
    wanted = names or list(found)
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as pool:
        read = list(
            pool.map(
                lambda name: with_readiness(service, found[name]),
                [name for name in wanted if name in found],
            )
        )
    found.update({host_name(domain["domain"]): domain for domain in read})
    observation.put(SECTION, found)
    observation.save()
    token = service.token_status()
    values = {
        "domains": {name: found[name] for name in wanted if name in found},
        "missing": [name for name in wanted if name not in found],
        "token": {key: token[key] for key in ("status", "kind", "expires_on")},
    }
    return Result(False, values=values)


def _check_all(wanted: t.Sequence[Wish], known: t.Mapping[str, Domain], rules: Rules) -> None:
    """Refuse the task before any write, where one domain can never become what is wanted."""
    errors: list[InputError] = []
    for wish in wanted:
        try:
            plan_domain(wish, known.get(wish.name) or None, rules.is_gateway)
        except InputError as exc:
            errors.append(exc)
    if errors:
        hints = list(dict.fromkeys(error.hint for error in errors))
        raise InputError(
            " ".join(error.message for error in errors[:SHOWN_ERRORS]), " ".join(hints)
        )


def _as_left(service: EmailSecurity, failed: t.Collection[str]) -> dict[str, Domain]:
    """Return the domains as a failed task left them.

    One that cannot be read is left out: a guess about it would be worse than silence.
    """
    if not failed:
        return {}
    try:
        found = service.list()
        return {name: with_readiness(service, found[name]) for name in failed if name in found}
    except MailflowError:
        return {}


def _hand_on(
    done: t.Sequence[DomainResult],
    known: t.Mapping[str, Domain],
    left: t.Mapping[str, Domain],
    observation: Observation,
    context: Context,
) -> None:
    """Leave all domains of the account in the observation, whether or not the task failed."""
    for item in done:
        observation.note(**_note(item, context.check_mode))
    failed = {item.wish.name for item in done if item.error}
    if failed or any(item.changed or item.domain is not known.get(item.wish.name) for item in done):
        section = {**known, **{item.wish.name: item.domain for item in done}}
        kept = {name: domain for name, domain in section.items() if name not in failed}
        observation.put(SECTION, {**kept, **left}, predicted=any(item.predicted for item in done))
    observation.save()


def _note(item: DomainResult, check_mode: bool) -> dict[str, t.Any]:
    note: dict[str, t.Any] = {"section": JOURNAL, "object": item.wish.name}
    if item.error is not None:
        return {**note, "status": "failed", "message": item.error.message, "hint": item.error.hint}
    status = ("would change" if check_mode else "changed") if item.changed else "ok"
    message = _summary(item)
    if item.readiness.get("status") not in (None, "ready") and not item.predicted:
        status = "pending" if status == "ok" else status
        message = " ".join(part for part in (message, item.readiness.get("message")) if part)
    return {**note, "status": status, "message": message, "hint": item.readiness.get("hint") or ""}


def _summary(item: DomainResult) -> str:
    if not item.changed:
        return "" if item.readiness.get("status") != "ready" else item.readiness["message"]
    parts = []
    if item.plan:
        verb = "created" if item.plan.action == "create" else "set"
        parts.append(
            "%s: %s"
            % (
                verb,
                ", ".join(
                    "%s = %s" % (change.name, _shown(change.after)) for change in item.plan.changes
                ),
            )
        )
    if item.published:
        parts.append("TXT record for verification")
    return "; ".join(parts)


def _shown(value: t.Any) -> str:
    return (
        ("[%s]" % ", ".join(str(item) for item in value)) if isinstance(value, list) else str(value)
    )


def _result(done: t.Sequence[DomainResult]) -> Result:
    values: dict[str, t.Any] = {"results": [_entry(item) for item in done]}
    failed = {item.wish.name: item.error for item in done if item.error}
    if failed:
        values.update(next(iter(failed.values())).to_result())
    return Result(
        any(item.changed for item in done),
        [item.plan for item in done if item.plan],
        values,
        failure_text(failed, len(done)),
        partial=bool(failed),
    )


def _entry(item: DomainResult) -> dict[str, t.Any]:
    state = item.readiness
    return {
        "domain": item.wish.name,
        "id": item.domain.get("id"),
        "status": item.domain.get("status"),
        "changed": item.changed,
        "before": item.plan.before(),
        "after": item.plan.after(),
        "ready": state.get("status", "not_yet"),
        "message": state.get("message", ""),
        "hint": state.get("hint", ""),
        "verification": state.get("verification"),
        "error": None if item.error is None else item.error.to_result()["error"],
    }
