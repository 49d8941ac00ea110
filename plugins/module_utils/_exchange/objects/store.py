# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The tenant's objects: read, handed on, and one of them changed.

This is the Exchange side of observe, plan, apply and verify.
"""

from __future__ import annotations

import datetime
import typing as t

from ..._engine.context import Context
from ..._engine.errors import AlreadyExists, AmbiguousWrite, Conflict, NotFound, NotVerified
from ..._engine.observation import Observation
from ..._engine.plan import Change, Plan, plan_object
from ..._engine.reconcile import Outcome, reconcile
from ..._engine.timestamps import iso
from ..._engine.values import as_list
from ..._facts.exchange_objects import ObjectType, plain_name
from ..cmdlets import Delta
from ..errors import Dehydrated
from ..transport import Transport
from .tables import FURTHER_READS, READS

Records = list[dict[str, t.Any]]
#: The section of the observation that names, by object type, the properties that the service kept
#: as they were although it had accepted a change of them.
KEPT_BY_SERVICE = "kept_by_service"


class Store:
    """The objects of one tenant, by section of the observation."""

    def __init__(self, client: Transport, observation: Observation) -> None:
        self.client = client
        self.observation = observation
        self.dated: datetime.datetime | None = None

    def read(self, section: str) -> Records:
        """Ask the service, whatever an earlier task left.

        A failed read raises; it is never an empty list.
        """
        cmdlet, parameters = READS[section]
        answer = self.client.invoke(cmdlet, parameters)
        found = list(answer.values)
        for further in FURTHER_READS.get(section, ()):
            answer = self.client.invoke(cmdlet, {**parameters, **further})
            known = {plain_name(record).lower() for record in found}
            found += [record for record in answer.values if plain_name(record).lower() not in known]
        self.observation.put(section, found)
        self.observation.put("service_date", iso(answer.date))
        self.dated = answer.date
        return list(found)

    def now(self, context: Context) -> datetime.datetime:
        """Return the service's clock as of the last read of this task."""
        return self.dated or datetime.datetime.fromtimestamp(context.now(), datetime.timezone.utc)

    def handed_on(self, section: str) -> Records | None:
        found = self.observation.get(section)
        return None if found is None else t.cast(Records, found)

    def either(self, section: str) -> Records:
        found = self.handed_on(section)
        return self.read(section) if found is None else found


def find(records: Records, name: str) -> dict[str, t.Any] | None:
    """Return the one record of that name.

    It is never assumed that the service filtered: an unknown identity may return all objects
    [EXO-2.0].
    """
    key = name.strip().lower()
    found = [record for record in records if plain_name(record).lower() == key]
    if len(found) > 1:
        raise Conflict(
            "%d objects are named %r." % (len(found), name),
            "Rename all but one of them; nothing was changed.",
        )
    return found[0] if found else None


class ObjectSteps:
    """One named object of one type. ``wanted`` None: it shall not exist."""

    def __init__(
        self,
        store: Store,
        kind: ObjectType,
        name: str,
        wanted: t.Mapping[str, t.Any] | None,
        create: t.Mapping[str, t.Any] | None = None,
        must_exist: str = "",
        check: t.Callable[[dict[str, t.Any] | None, Plan], None] | None = None,
    ) -> None:
        self.store = store
        self.kind = kind
        self.name = name
        self.wanted = wanted
        self.create = dict(create or {})
        self.must_exist = must_exist
        self.check = check
        self.told: list[str] = []

    def observe(self) -> Records:
        return self.store.read(self.kind.section)

    def plan(self, world: Records) -> Plan:
        record = find(world, self.name)
        wanted = self.wanted
        if record is None and wanted is not None:
            if self.must_exist:
                raise NotFound(
                    "There is no %s named %r." % (self.kind.noun, self.name), self.must_exist
                )
            wanted = {**self.create, **wanted}
        plan = plan_object(self.kind.noun, self.name, self.kind.properties, record, wanted)
        if self.check and plan:
            self.check(record, plan)
        return plan

    def predict(self, world: Records, plan: Plan) -> Records:
        record = find(world, self.name)
        after = plan.apply_to(record)
        kept = [item for item in world if item is not record]
        defaults = self.kind.defaults if record is None else {}
        # As the service will say it: a gate that waits for a change to settle must see one in the
        # predicted world too.
        moment = self.store.observation.any_age("service_date")
        times = {"WhenChangedUTC": moment, "WhenChanged": moment} if moment else {}
        return (
            kept
            if after is None
            else kept + [{"Name": self.name, "Identity": self.name, **defaults, **after, **times}]
        )

    def write(self, cmdlet: str, parameters: t.Mapping[str, t.Any]) -> None:
        """Run a cmdlet that changes something, and keep what the service warns of."""
        self.told.extend(self.store.client.invoke(cmdlet, parameters).warnings)

    def warnings(self) -> t.Sequence[str]:
        """Return the warnings that came with the answer to the last write."""
        return self.told

    def shows_write(self, before: Records, after: Records) -> bool:
        """Return whether the object was changed since ``before`` was read, by its own date."""
        old, new = (find(world, self.name) or {} for world in (before, after))
        dates = ("WhenChangedUTC", "WhenChanged")
        return any(new.get(date) and new.get(date) != old.get(date) for date in dates)

    def refused_before(self, plan: Plan) -> bool:
        """Return whether the service kept its own mind about all these properties in this run."""
        kept = self.store.observation.any_age(KEPT_BY_SERVICE) or {}
        known = kept.get(self.kind.noun) or []
        return bool(plan.changes) and all(change.name in known for change in plan.changes)

    def remember_refusal(self, unmet: t.Iterable[t.Mapping[str, t.Any]]) -> None:
        """Leave for the run's later tasks what the service did not do, and was waited for."""
        kept = dict(self.store.observation.any_age(KEPT_BY_SERVICE) or {})
        names = [*(kept.get(self.kind.noun) or []), *(str(change["name"]) for change in unmet)]
        kept[self.kind.noun] = list(dict.fromkeys(names))
        self.store.observation.put(KEPT_BY_SERVICE, kept)
        self.store.observation.save()

    def apply(self, world: Records, plan: Plan) -> None:
        self.told = []
        invoke = self.write
        if plan.action == "create":
            try:
                invoke(
                    self.kind.cmdlet("New"),
                    {"Name": self.name, **{change.name: change.after for change in plan.changes}},
                )
            except AlreadyExists as exc:
                raise AmbiguousWrite(
                    "%s is there already although it was not read." % self.name
                ) from exc
            return
        record = find(world, self.name) or {}
        identity = record.get("Identity") or record.get("Name") or self.name
        if plan.action == "delete":
            invoke(self.kind.cmdlet("Remove"), {"Identity": identity})
        else:
            invoke(
                self.kind.cmdlet("Set"),
                {
                    "Identity": identity,
                    **{change.name: parameter(change) for change in plan.changes},
                },
            )


def parameter(change: Change) -> t.Any:
    """Return a change as the cmdlet takes it; lists are sent as deltas.

    So whatever others added meanwhile stays, and nothing depends on how an empty array clears a
    list [EXO-1.4].
    """
    if change.add is None and change.remove is None:
        return change.after
    return Delta(add=list(change.add or ()), remove=list(change.remove or ()))


class Bring(t.Protocol):
    def __call__(
        self, steps: t.Any, context: Context, handed_on: Records | None
    ) -> Outcome[Records, Plan]:
        """Bring one object to what is wanted."""


def drive(
    steps: ObjectSteps, context: Context, section: str, bring: Bring = reconcile
) -> Outcome[Records, Plan]:
    """Reconcile one object, hand the world on and leave a line for the report."""
    store = steps.store
    handed_on = store.handed_on(steps.kind.section)
    try:
        outcome = bring(steps, context, handed_on)
    except NotVerified as exc:
        steps.remember_refusal(exc.details.get("unmet") or ())
        raise
    except Dehydrated as exc:
        if not store.observation.path:
            raise
        # Seen for hours although IsDehydrated is false by then ([EXO-2.7]): part
        # of a deployment that goes on later.
        hint = "Run again later; enabling organization customization may take a day to spread."
        store.observation.note(
            section=section, object=steps.kind.noun, status="due", message=exc.message, hint=hint
        )
        return Outcome(Plan(steps.kind.noun, steps.name), store.either(steps.kind.section), False)
    if outcome.predicted:
        store.observation.put(steps.kind.section, outcome.world, predicted=True)
    if outcome.plan:
        store.observation.note(
            section=section,
            object="%s %s" % (outcome.plan.object_type, outcome.plan.identity),
            status="would change" if context.check_mode else "changed",
            message=describe(outcome.plan),
        )
    return outcome


def describe(plan: Plan) -> str:
    """Return one line for people: what is created, or which properties change, lists by count."""
    verb = {"create": "created", "delete": "removed", "update": "updated"}.get(
        plan.action, plan.action
    )
    parts = []
    for change in plan.changes if plan.action != "delete" else ():
        if change.add is not None or change.remove is not None:
            parts.append(
                "%s +%d -%d" % (change.name, len(change.add or ()), len(change.remove or ()))
            )
        elif plan.action == "update":
            parts.append("%s %s -> %s" % (change.name, _short(change.before), _short(change.after)))
    return "%s: %s" % (verb, ", ".join(parts)) if parts else verb


def _short(value: t.Any) -> str:
    text = (
        ", ".join(str(item) for item in as_list(value))
        if isinstance(value, (list, tuple))
        else str(value)
    )
    return text if len(text) <= 60 else text[:57] + "..."
