# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Transport rules: created disabled, enabled once they read back as wanted, and ordered.

The order is changed without touching another rule.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.context import Context
from ..._engine.errors import AlreadyExists, AmbiguousWrite, InputError, NotFound
from ..._engine.module import Result
from ..._engine.observation import Observation
from ..._engine.plan import Change, Plan, Property, plan_object
from ..._engine.reconcile import Outcome, reconcile
from ..._engine.values import TEXT, WORD
from ..._facts.exchange_objects import ObjectType, rule_property
from ..._facts.rule_parameters import PARAMETERS
from ..errors import NotRequired
from ..transport import open_transport
from .rule_order import Place, index_for, insert, ordered
from .rule_values import PAIRS, check_name, check_whole, checked, spelled
from .store import ObjectSteps, Records, Store, drive, find

#: Module option to cmdlet parameter. Everything else goes by C(parameters).
OPTIONS: dict[str, str] = {
    "comments": "Comments",
    "mode": "Mode",
    "from_scope": "FromScope",
    "sender_ip_ranges": "SenderIpRanges",
    "except_if_sender_ip_ranges": "ExceptIfSenderIpRanges",
    "subject_contains_words": "SubjectContainsWords",
    "scl_over": "SCLOver",
    "set_scl": "SetSCL",
    "quarantine": "Quarantine",
    "prepend_subject": "PrependSubject",
    "redirect_message_to": "RedirectMessageTo",
    "stop_rule_processing": "StopRuleProcessing",
}
#: Options of two parts, which are always sent together.
PAIRED: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "header_contains": (
        ("header", "HeaderContainsMessageHeader"),
        ("words", "HeaderContainsWords"),
    ),
    "header_matches": (
        ("header", "HeaderMatchesMessageHeader"),
        ("patterns", "HeaderMatchesPatterns"),
    ),
    "set_header": (("name", "SetHeaderName"), ("value", "SetHeaderValue")),
}
#: Documented values of a new rule, for the world that check mode predicts.
DEFAULTS = {
    "State": "Enabled",
    "Mode": "Enforce",
    "RuleErrorAction": "Ignore",
    "SenderAddressLocation": "Header",
}
_STATE = Property("enabled", "State", WORD)
_NAME = Property("name", "Name", TEXT)


def run_transport_rule(params: t.Mapping[str, t.Any], context: Context) -> Result:
    name = check_name(str(params["name"]))
    wanted = None if params["state"] == "absent" else wanted_rule(params)
    place = Place.of(params.get("position"), params.get("relative_to"))
    if place and place.neighbour.lower() == name.lower():
        raise InputError("relative_to names the rule itself.", "Name another rule.")
    observation = Observation(params.get("observation_path"))
    store = Store(open_transport(params, context), observation)
    steps = RuleSteps(store, name, wanted, place)
    if place and context.check_mode:
        _warn_of_neighbour(store, place, context)
    outcome = drive(
        steps, context, params.get("report_section") or "message_handling", bring=staged
    )
    observation.save()
    return Result(outcome.changed, [outcome.plan], {"rule": describe_rule(outcome.world, name)})


def wanted_rule(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the wanted values by cmdlet parameter; None clears a parameter."""
    wanted: dict[str, t.Any] = {}
    for option, name in OPTIONS.items():
        if params.get(option) is not None:
            wanted[name] = checked(name, params[option], option)
    for option, parts in PAIRED.items():
        given = params.get(option)
        if given is not None:
            wanted.update(
                {
                    name: checked(name, given.get(key), "%s.%s" % (option, key))
                    for key, name in parts
                }
            )
    for given_name, value in (params.get("parameters") or {}).items():
        name = spelled(given_name)
        if name in wanted:
            raise InputError(
                "%s is given twice, as an option and in parameters." % name, "Give it once."
            )
        wanted[name] = checked(name, value)
    if params.get("enabled") is not None:
        wanted["State"] = "Enabled" if params["enabled"] else "Disabled"
    return wanted


class RuleSteps(ObjectSteps):
    """One rule by name. ``switching`` false: as the rule is before it is switched on."""

    def __init__(
        self,
        store: Store,
        name: str,
        wanted: t.Mapping[str, t.Any] | None,
        place: Place | None,
        switching: bool = True,
    ) -> None:
        table = tuple(
            rule_property(parameter) for parameter in (wanted if wanted is not None else PARAMETERS)
        )
        properties = (_NAME, *(prop for prop in table if prop.name != "State"), _STATE)
        kind = ObjectType("TransportRule", "transport_rules", properties, DEFAULTS)
        super().__init__(store, kind, name, wanted)
        self.place = place
        self.switching = switching

    def prepared(self) -> RuleSteps:
        return RuleSteps(self.store, self.name, self.wanted, self.place, switching=False)

    def plan(self, world: Records) -> Plan:
        record = find(world, self.name)
        if self.wanted is None:
            return _without_empty(
                plan_object(self.kind.noun, self.name, self.kind.properties, record, None)
            )
        wanted = self._now_wanted(record)
        whole = {**(record or {}), **wanted}
        check_whole(whole, record is not None)
        plan = plan_object(self.kind.noun, self.name, self.kind.properties, record, wanted)
        index = index_for(world, self.name, self.place)
        if index is None:
            return plan
        before = None if record is None else record.get("Priority")
        action = plan.action if plan else "update"
        return dataclasses.replace(
            plan, action=action, changes=(*plan.changes, Change("Priority", before, index))
        )

    def _now_wanted(self, record: dict[str, t.Any] | None) -> dict[str, t.Any]:
        wanted = dict(self.wanted or {})
        if record is None:
            wanted.setdefault("State", "Enabled")
            if not self.switching:
                wanted["State"] = "Disabled"
            # What has no value needs no clearing in a new rule.
            return {name: value for name, value in wanted.items() if value is not None}
        if not self.switching and wanted.get("State") == "Enabled":
            del wanted["State"]
        cleared = {
            name: [] if rule_property(name).kind.is_list else ""
            for name, value in wanted.items()
            if value is None
        }
        return {**wanted, **cleared, "Name": self.name}

    def apply(self, world: Records, plan: Plan) -> None:
        if self.wanted is not None and self.place:
            _check_neighbour(world, self.place)
        given = {
            change.name: _sent(change.after)
            for change in plan.changes
            if change.name not in ("State", "Name")
        }
        state = next((str(change.after) for change in plan.changes if change.name == "State"), "")
        self.told = []
        invoke = self.write
        if plan.action == "create":
            try:
                invoke(
                    "New-TransportRule",
                    {"Name": self.name, **given, "Enabled": state != "Disabled"},
                )
            except AlreadyExists as exc:
                raise AmbiguousWrite(
                    "%s is there already although it was not read." % self.name
                ) from exc
            return
        record = find(world, self.name) or {}
        identity = record.get("Identity") or record.get("Name") or self.name
        if plan.action == "delete":
            invoke("Remove-TransportRule", {"Identity": identity})
            return
        if state == "Disabled":
            self._switch("Disable", identity)
        if any(change.name == "Name" for change in plan.changes):
            given["Name"] = self.name
        if given:
            given = _with_other_halves(given, {**record, **(self.wanted or {})})
            invoke("Set-TransportRule", {"Identity": identity, **given})
        if state == "Enabled":
            self._switch("Enable", self.name if "Name" in given else identity)

    def _switch(self, verb: str, identity: str) -> None:
        try:
            self.write("%s-TransportRule" % verb, {"Identity": identity})
        except NotRequired:  # it is so already; the read-back says whether that is true
            return

    def predict(self, world: Records, plan: Plan) -> Records:
        predicted = super().predict(world, plan)
        if plan.action == "delete":
            return ordered(predicted)
        record = find(predicted, self.name)
        index = next(
            (int(change.after) for change in plan.changes if change.name == "Priority"), None
        )
        others = ordered([item for item in predicted if item is not record])
        before = find(world, self.name)
        if index is None:
            index = len(others) if before is None else ordered(world).index(before)
        return insert(others, record or {}, index)


def staged(steps: RuleSteps, context: Context, handed_on: Records | None) -> Outcome[Records, Plan]:
    """Create a rule disabled, or edit it as it is; enable it once it reads back as wanted."""
    world = steps.observe() if handed_on is None else handed_on
    plan = steps.plan(world)
    if not plan or context.check_mode:
        return Outcome(plan, steps.predict(world, plan) if plan else world, bool(plan))
    if handed_on is not None:
        world = steps.observe()
        plan = steps.plan(world)
    if plan.action == "create":
        steps = RuleSteps(
            steps.store, steps.name, {"State": "Enabled", **(steps.wanted or {})}, steps.place
        )
    for stage in (steps.prepared(), steps) if steps.wanted is not None else (steps,):
        if stage.plan(world):
            world = reconcile(stage, context).world
    return Outcome(plan, world, False)


def _warn_of_neighbour(store: Store, place: Place, context: Context) -> None:
    """Warn where the other rule does not exist in check mode, as an earlier task may create it."""
    if place.neighbour and find(store.either("transport_rules"), place.neighbour) is None:
        context.warn_once("There is no transport rule named %r yet." % place.neighbour)


def _check_neighbour(world: Records, place: Place) -> None:
    if place.neighbour and find(world, place.neighbour) is None:
        names = [str(record.get("Name")) for record in ordered(world)]
        raise NotFound(
            "There is no transport rule named %r to place the rule by." % place.neighbour,
            "Rules are: %s." % (", ".join(names) or "none"),
        )


def _sent(value: t.Any) -> t.Any:
    """Return the value to send; null clears a condition or action [EXO-2.5].

    Over REST nobody has seen that, so it is read back.
    """
    return None if value in ("", []) else value


def _with_other_halves(given: dict[str, t.Any], rule: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the values with the unchanged half of each pair, which has to be sent, too."""
    halves = {
        half: _sent(rule.get(half)) for pair in PAIRS if given.keys() & set(pair) for half in pair
    }
    return {**halves, **given}


def _without_empty(plan: Plan) -> Plan:
    """Return the plan of a deletion with only what the rule had."""
    return dataclasses.replace(
        plan,
        changes=tuple(
            change for change in plan.changes if change.before not in (None, "", [], False)
        ),
    )


def describe_rule(world: Records, name: str) -> dict[str, t.Any] | None:
    record = find(world, name)
    if record is None:
        return None
    given = {
        parameter: record[parameter]
        for parameter in PARAMETERS
        if record.get(parameter) not in (None, "", [], False)
    }
    return {
        "name": record.get("Name"),
        "enabled": str(record.get("State", "")).lower() == "enabled",
        "priority": record.get("Priority"),
        "parameters": given,
    }
