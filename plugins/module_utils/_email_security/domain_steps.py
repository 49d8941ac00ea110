# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""One domain through observe, plan, apply and verify, then its proof of ownership."""

from __future__ import annotations

import dataclasses
import threading
import typing as t

from .._engine.context import Context
from .._engine.errors import Conflict, MailflowError, SignInError
from .._engine.plan import Plan
from .._engine.reconcile import reconcile
from .._engine.values import WORDS, as_list, host_name
from .api import Domain, EmailSecurity
from .domain_options import (
    OBJECT_TYPE,
    Wish,
    create_body,
    kept_dispositions,
    plan_domain,
    predicted,
    untold,
    update_body,
)
from .readiness import READY, is_settled, readiness, unread, wants_proof

MAY_BE_KEPT = "drop_dispositions"
# Reads lag writes: after this many read-backs a difference is the service's own decision.
LOOKS_BEFORE_KEPT = 3


class Published(t.Protocol):
    """The outcome of a DNS driver's attempt to publish a TXT value."""

    @property
    def changed(self) -> bool:
        """Whether the record was written."""

    @property
    def pending(self) -> bool:
        """Whether a person has to write it."""

    @property
    def zone_lines(self) -> tuple[str, ...]:
        """The lines that this person is to write."""


#: Arguments: wish, TXT name, TXT value. Returns None where no DNS provider is named for the zone.
Publish = t.Callable[[Wish, str, str], "Published | None"]


class Listing:
    """One read of the account's domains, shared by all workers."""

    def __init__(self, service: EmailSecurity) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._found: dict[str, Domain] | None = None

    def all(self) -> dict[str, Domain]:
        with self._lock:
            if self._found is None:
                self._found = self._service.list()
            return self._found


class DomainSteps:
    """The steps of :func:`reconcile` for one domain. {} stands for a domain that does not exist.

    The first look uses the shared listing, later ones ask for the domain itself.
    """

    def __init__(
        self,
        service: EmailSecurity,
        listing: Listing,
        wish: Wish,
        is_gateway: t.Callable[[str], bool],
    ) -> None:
        self._service = service
        self._listing = listing
        self.wish = wish
        self._is_gateway = is_gateway
        self._looked = self._written = False
        self._looks_after_write = 0
        self._id: t.Any = None
        self.kept: list[str] | None = None

    def observe(self) -> Domain:
        if not self._looked:
            self._looked = True
            found = self._listing.all().get(self.wish.name)
        else:
            self._looks_after_write += 1
            found = (
                self._service.read(self._id)
                if self._id not in (None, "")
                else self._service.list().get(self.wish.name)
            )
        if found is None:
            return {}
        if host_name(found["domain"]) != self.wish.name:
            raise Conflict(
                "The id of %s belongs to %s now." % (self.wish.name, found["domain"]), "Run again."
            )
        self._id = found.get("id", self._id)
        return found

    def plan(self, world: Domain) -> Plan:
        plan = plan_domain(self.wish, world or None, self._is_gateway)
        return self._tolerated(plan, world) if self._written and world else plan

    def apply(self, world: Domain, plan: Plan) -> None:
        self._written, self._looks_after_write, self.kept = True, 0, None
        if world:
            self._service.update(world["id"], update_body(world, plan))
        else:
            self._id = self._service.create(create_body(self.wish, plan)).get("id")

    def predict(self, world: Domain, plan: Plan) -> Domain:
        return predicted(self.wish, world, plan)

    def _tolerated(self, plan: Plan, world: Domain) -> Plan:
        """Return an empty plan where the service keeps more dispositions than were asked for.

        That is its decision, reported and not fought. Fewer dispositions are a difference as any
        other.
        """
        differing = {change.name for change in plan.changes} - set(untold(self.wish, world))
        if differing != {MAY_BE_KEPT} or self._looks_after_write < LOOKS_BEFORE_KEPT:
            return plan
        if set(WORDS.index(self.wish.drop_dispositions)) - set(WORDS.index(world.get(MAY_BE_KEPT))):
            return plan
        self.kept = as_list(world.get(MAY_BE_KEPT))
        return Plan(OBJECT_TYPE, self.wish.name)


@dataclasses.dataclass
class DomainResult:
    """The outcome for one domain.

    ``plan`` is what really changed, or would change; ``domain`` is the object with its readiness.
    """

    wish: Wish
    plan: Plan
    domain: Domain = dataclasses.field(default_factory=dict)
    predicted: bool = False
    published: bool = False
    warnings: list[str] = dataclasses.field(default_factory=list)
    error: MailflowError | None = None

    @property
    def changed(self) -> bool:
        return bool(self.plan) or self.published

    @property
    def readiness(self) -> dict[str, t.Any]:
        return dict(self.domain.get("readiness") or {})


def carry_out(
    service: EmailSecurity,
    steps: DomainSteps,
    context: Context,
    handed_on: Domain | None,
    publish: Publish | None,
) -> DomainResult:
    """Reconcile one domain; an error becomes part of the result, and the other domains go on."""
    done = DomainResult(steps.wish, Plan(OBJECT_TYPE, steps.wish.name))
    try:
        outcome = reconcile(steps, context, handed_on)
        done.domain, done.predicted = outcome.world, outcome.predicted
        kept = kept_dispositions(steps.wish, outcome.world) if steps.kept is None else steps.kept
        done.plan = _actual(outcome.plan, kept)
        done.warnings.extend(_differences(steps.wish, outcome.world, kept))
        _prove(service, done, context, publish)
    except MailflowError as exc:
        done.error = exc
    return done


def with_readiness(service: EmailSecurity, domain: Domain) -> Domain:
    """Return the domain with its readiness; ask for its verification unless it is active."""
    try:
        asked = (
            None
            if is_settled(domain) or domain.get("id") in (None, "")
            else service.verification(domain["id"])
        )
    except SignInError:
        raise
    except MailflowError as exc:
        return {**domain, "readiness": unread(exc.message, exc.hint)}
    return {**domain, "readiness": readiness(domain, asked)}


def _prove(
    service: EmailSecurity, done: DomainResult, context: Context, publish: Publish | None
) -> None:
    """Publish the proof of ownership where the service asks for one, and record the readiness."""
    if done.readiness.get("status") == READY and not done.plan:
        return
    done.domain = with_readiness(service, done.domain)
    asked = done.readiness["verification"]
    if publish is None or not wants_proof(asked):
        return
    outcome = publish(done.wish, asked["name"], asked["value"])
    if outcome is None:
        return
    done.published = outcome.changed
    if outcome.pending:
        done.warnings.append(
            "%s: publish by hand: %s" % (done.wish.name, "; ".join(outcome.zone_lines))
        )
    if outcome.changed and not context.check_mode:
        done.domain["readiness"] = readiness(done.domain, _api_form(asked), published=True)


def _api_form(asked: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        "txt_record_name": asked["name"],
        "txt_record_value": asked["value"],
        "status": asked["status"],
    }


def _actual(plan: Plan, kept: list[str] | None) -> Plan:
    """Return the plan as the service carried it out: what it kept is not reported as changed."""
    if kept is None:
        return plan
    changes = []
    for change in plan.changes:
        if change.name != MAY_BE_KEPT:
            changes.append(change)
        elif plan.action == "create" or not WORDS.same(change.before, kept):
            changes.append(dataclasses.replace(change, after=kept, add=None, remove=None))
    action = "none" if not changes and plan.action == "update" else plan.action
    return dataclasses.replace(plan, action=action, changes=tuple(changes))


def _differences(wish: Wish, world: Domain, kept: list[str] | None) -> list[str]:
    """Return a warning for each difference that no plan shows.

    Such a difference is left to the service, or cannot be seen.
    """
    found = []
    if kept is not None:
        found.append(
            "%s: Email Security quarantines %s although %s was asked for; this is left as"
            " it is, because the service may not allow a change."
            % (wish.name, _words(kept), _words(wish.drop_dispositions))
        )
    if world and untold(wish, world):
        wanted = ["%s = %s" % (name, wish.fields()[name]) for name in untold(wish, world)]
        found.append(
            "%s: the API does not say whether %s; look at the domain in the Cloudflare dashboard."
            % (wish.name, ", ".join(wanted))
        )
    return found


def _words(given: t.Any) -> str:
    return ", ".join(str(word) for word in given or ()) or "nothing"
