# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever the world looks like: the lock-down is enabled only where no mail is lost by it."""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import event, given, settings, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.lockdown import (
    stamp as stamp_module,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from ansible_collections.mailflow.area1.plugins.module_utils._engine.timestamps import iso
from tests.unit.cutover.worlds import (
    NEW,
    NOW,
    OLD,
    ONE,
    TENANT,
    TWO,
    accepted,
    connector,
    sections,
    stamped,
    view,
    wanted,
)

bounded = settings(max_examples=150, deadline=None)
HOUR = datetime.timedelta(hours=1)
SLACK = datetime.timedelta(minutes=2)
OTHER = "shop.example"
NAMES = [ONE, TWO, OTHER]
# At most two things are wrong at a time: so every condition is often the only one that fails, and
# the good case is common.
DEFECTS = (
    "wanted",
    "customized",
    "first connector",
    "exists",
    "stamped",
    "same set",
    "enabled",
    "not read",
    "dates",
    "soaking",
    "due",
    "modified",
    ONE,
    TWO,
    OTHER,
)

ANSWERS: dict[str, dict[str, Any]] = {
    "new": {"status": "ok", "records": view(NEW)["records"]},
    "old": {"status": "ok", "records": view(OLD[ONE])["records"]},
    "mixed": {"status": "ok", "records": view([*NEW, *OLD[ONE]])["records"]},
    "silent": {"status": "timeout", "records": None},
    "broken": {"status": "servfail", "records": None},
    "none": {"status": "nodata", "records": []},
    "null": {"status": "ok", "records": [{"priority": 0, "host": ""}]},
}
views = st.lists(st.sampled_from(["new", *ANSWERS]), min_size=3, max_size=3)
hours = st.sampled_from([-200, -100, -73, -72, -71, -24, -1, 0, 1, 100])


class Drawn:
    """A world, and beside it the plain facts that it was made of."""

    def __init__(self, data: st.DataObject, on: bool = False) -> None:
        self.defects = data.draw(st.sets(st.sampled_from(DEFECTS), max_size=2), "defects")
        if on:
            self.defects = (self.defects - {"exists"}) | {"enabled"}
        self.scope = data.draw(st.sampled_from(["all", "covered"]), "scope")
        self.soak = data.draw(st.sampled_from([0, 1, 72]), "soak")
        acknowledge = data.draw(
            st.sampled_from(
                [
                    [],
                    ["name_server"],
                    ["exposed", "soak", "lockdown_exposed", "settled", "customization"],
                ]
            ),
            "decided",
        )
        self.chosen = wanted(
            lockdown_scope=self.scope,
            lockdown_soak_hours=self.soak,
            acknowledge=acknowledge,
            lockdown=self.good("wanted"),
        )
        self.found = sections(self.chosen, moved=True)
        self.found["accepted_domains"].append(accepted(OTHER))
        self.answers = {
            name: ["new"] * 3 if self.good(name) else data.draw(views, name) for name in NAMES
        }
        for name, drawn in self.answers.items():
            self.found["dns"][name] = made(drawn)
        self.not_read = (
            None if self.good("not read") else data.draw(st.sampled_from([ONE, OTHER]), "not read")
        )
        self.found["dns"].pop(self.not_read, None)
        self.found["organization"][0]["IsDehydrated"] = not self.good("customized")
        self.found["inbound_connectors"] = [
            connector(self.chosen.egress, EFSkipLastIP=self.good("first connector"))
        ]
        limits = st.sampled_from([[], [ONE], [ONE, TWO], [OTHER], [ONE, TWO, OTHER]])
        self.inside: list[str] = data.draw(limits, "inside") if not self.good("enabled") else []
        self._staged(data)
        self._old_ttl(data)

    def good(self, defect: str) -> bool:
        return defect not in self.defects

    def _old_ttl(self, data: st.DataObject) -> None:
        self.old_ttl = data.draw(st.sampled_from([300, 3600, 86400, None]), "old TTL")
        for name in (ONE, TWO):
            ttl = (
                None
                if self.old_ttl is None
                else min(self.old_ttl, 300)
                if name == ONE
                else self.old_ttl
            )
            self.found["baseline"]["sections"]["dns"][name]["ttl_max"] = ttl
        self.modified = (
            self.staged - HOUR
            if self.good("modified")
            else NOW + data.draw(hours, "modified") * HOUR
        )
        self.found["dns_provider"][ONE]["modified_on"] = iso(self.staged - HOUR)
        self.found["dns_provider"][TWO]["modified_on"] = iso(self.modified)

    def _staged(self, data: st.DataObject) -> None:
        self.staged = NOW + (-100 if self.good("soaking") else data.draw(hours, "staged")) * HOUR
        self.created = self.changed = self.staged
        if not self.good("dates"):
            self.created, self.changed = (
                NOW + data.draw(hours, label) * HOUR for label in ("created", "changed")
            )
        self.due = (
            self.staged
            + (72 if self.good("due") else data.draw(st.sampled_from([0, 100, 101, 1000]), "due"))
            * HOUR
        )
        stamp = stamp_module.Stamp(
            self.staged,
            self.due,
            2,
            stamp_module.digest(
                TENANT, [ONE, TWO] if self.good("same set") else [ONE], self.staged
            ),
        )
        base = self.chosen.lockdown_comment
        item = stamped(
            self.chosen,
            self.staged,
            self.due,
            Comment=stamp.comment(base) if self.good("stamped") else base,
            Enabled=not self.good("enabled"),
            WhenCreatedUTC=iso(self.created),
            WhenChangedUTC=iso(self.changed),
            AssociatedAcceptedDomains=self.inside,
        )
        if self.good("exists"):
            self.found["inbound_connectors"].append(item)

    @property
    def world(self) -> World:
        return World(self.found, self.chosen)

    @property
    def counted(self) -> list[str]:
        return NAMES if self.scope == "all" else [ONE, TWO]

    @property
    def exposed(self) -> list[str]:
        return [
            name
            for name in self.counted
            if name != self.not_read and {"old", "mixed"} & set(self.answers[name])
        ]

    @property
    def unknown(self) -> list[str]:
        silent = [name for name in self.counted if {"silent", "broken"} & set(self.answers[name])]
        return [name for name in self.counted if name in silent or name == self.not_read]

    @property
    def stamp_is_true(self) -> bool:
        fits = (
            self.created - SLACK <= self.staged <= self.changed + SLACK
            and self.changed <= NOW + SLACK
        )
        return (
            fits
            and self.modified <= self.staged + SLACK
            and not {"exists", "stamped", "same set"} & self.defects
        )

    @property
    def silent(self) -> list[str]:
        """Covered domains for which every server says that there is no record: what happens to
        their mail is not known.
        """
        return [name for name in (ONE, TWO) if set(self.answers[name]) <= {"none", "null"}]

    @property
    def mute(self) -> list[str]:
        """Nobody on one of the two sides answered, which no decision about single servers makes
        good.
        """
        dumb = {"silent", "broken"}
        sides = {
            name: (set(self.answers[name][:2]), set(self.answers[name][2:]))
            for name in self.counted
        }
        return [
            name
            for name in self.counted
            if name == self.not_read or any(side <= dumb for side in sides[name])
        ]

    @property
    def safe(self) -> bool:
        """Apart from the clock: all that is to be locked is behind Area 1 for certain, and Area 1's
        mail is known.
        """
        known = not self.unknown or "name_server" in self.chosen.acknowledge
        facts = not self.exposed and not self.silent and not self.mute
        return facts and known and not {"customized", "first connector"} & self.defects

    @property
    def losing(self) -> list[str]:
        """What a lock-down that is on refuses now."""
        return [
            name
            for name in self.inside or NAMES
            if name != self.not_read and {"old", "mixed"} & set(self.answers[name])
        ]

    @property
    def on(self) -> bool:
        return self.good("exists") and not self.good("enabled")

    @property
    def given_up(self) -> bool:
        """It refuses mail, and a person decided to switch it off for that."""
        return self.on and bool(self.losing) and "lockdown_exposed" in self.chosen.acknowledge

    @property
    def target(self) -> list[str]:
        """The accepted domains that it is to be limited to; none is all."""
        return [] if self.scope == "all" else [ONE, TWO]

    @property
    def wider(self) -> bool:
        return bool(self.inside) and not (self.target and set(self.target) <= set(self.inside))

    @property
    def may_enable(self) -> bool:
        """Staged or on for a narrower set: in both cases only after a soak that can be believed."""
        clock = self.stamp_is_true and self.soak_is_over
        return (
            self.safe
            and clock
            and self.good("wanted")
            and (not self.on or (self.wider and not self.losing))
        )

    @property
    def soak_is_over(self) -> bool:
        over = NOW >= self.staged + self.soak * HOUR
        if self.old_ttl is None:
            return over and NOW >= self.due
        return over and NOW >= self.staged + datetime.timedelta(seconds=self.old_ttl)


def made(drawn: list[str]) -> dict[str, Any]:
    found = view(NEW)
    for server, answer in zip([*found["name_servers"], *found["resolvers"]], drawn, strict=True):
        server.update(ANSWERS[answer])
    found["agree"] = len(set(drawn[:2])) == 1
    return found


@bounded
@given(st.data())
def test_it_is_enabled_exactly_where_that_is_safe(data: st.DataObject) -> None:
    drawn = Drawn(data)
    values = phases.evaluate("lockdown", drawn.world).values
    event("action " + values["action"])
    assert (values["action"] == "enable") == drawn.may_enable
    if values["action"] in ("stage", "enable") or (values["action"] == "keep" and not drawn.on):
        assert values["associated_accepted_domains"] == drawn.target


@bounded
@given(st.data())
def test_one_that_is_on_stays_on_and_widens_only_by_enable(data: st.DataObject) -> None:
    drawn = Drawn(data, on=True)
    evaluation = phases.evaluate("lockdown", drawn.world)
    values = evaluation.values
    event("action %s, wider %s, losing %s" % (values["action"], drawn.wider, bool(drawn.losing)))
    assert values["enabled"] is not drawn.given_up, "never switched off by itself"
    assert values["action"] in (
        ("unstage",)
        if drawn.given_up
        else ("keep", "enable")
        if drawn.good("wanted")
        else ("none",)
    )
    alarms = [result.object for result in evaluation.results if result.gate == "lockdown_exposed"]
    assert sorted(alarms) == sorted(drawn.losing)
    after = values["associated_accepted_domains"]
    if values["action"] == "enable":
        assert after == drawn.target and drawn.wider
    elif drawn.losing or drawn.wider or not drawn.good("wanted"):
        assert after == sorted(drawn.inside), "as it is"
    else:
        assert after == drawn.target
    stamp = stamp_module.parse_stamp(values["comment"])
    assert stamp is None or (
        stamp.staged == NOW and drawn.wider and drawn.safe and not drawn.losing
    )


@bounded
@given(st.data())
def test_nothing_switches_a_lock_down_on_but_enable(data: st.DataObject) -> None:
    drawn = Drawn(data)
    values = phases.evaluate("lockdown", drawn.world).values
    assert values["enabled"] == (values["action"] == "enable" or (drawn.on and not drawn.given_up))
    if drawn.given_up:
        assert values["action"] == "unstage"
    elif drawn.on:
        assert values["action"] in (
            "keep",
            "enable",
            "none",
        ), "never switched off or staged anew by itself"
    else:
        assert stamp_module.parse_stamp(values["comment"]) is None or not values["enabled"]


@bounded
@given(st.data())
def test_a_stamp_is_kept_or_starts_now_and_never_shortens_the_wait(data: st.DataObject) -> None:
    drawn = Drawn(data)
    values = phases.evaluate("lockdown", drawn.world).values
    stamp = stamp_module.parse_stamp(values["comment"])
    if values["action"] == "stage":
        assert stamp is not None and stamp.staged == NOW and stamp.due >= NOW + drawn.soak * HOUR
        assert not drawn.exposed
    elif values["action"] == "keep" and not values["enabled"]:
        assert values["comment"] == "", "the stamp in it stays"
        assert drawn.stamp_is_true and not drawn.soak_is_over
    elif values["action"] == "unstage":
        assert (
            (drawn.exposed or drawn.given_up)
            and values["comment"]
            and stamp is None
            and not values["enabled"]
        )


@bounded
@given(st.data())
def test_once_enabled_the_next_run_keeps_it(data: st.DataObject) -> None:
    drawn = Drawn(data)
    values = phases.evaluate("lockdown", drawn.world).values
    if values["action"] == "enable":
        limits = values["associated_accepted_domains"]
        fields = {
            "Enabled": True,
            "Comment": values["comment"],
            "AssociatedAcceptedDomains": limits,
            "WhenChangedUTC": iso(NOW),
        }
        drawn.found["inbound_connectors"][1].update(fields)
        after = phases.evaluate("lockdown", drawn.world).values
        assert (after["action"], after["enabled"], after["comment"], after["due"]) == (
            "keep",
            True,
            "",
            "",
        )
        assert after["associated_accepted_domains"] == limits
        assert stamp_module.parse_stamp(drawn.found["inbound_connectors"][1]["Comment"]) is None
        assert phases.evaluate("verify", drawn.world).values["locked"] is True


stamps = st.builds(
    stamp_module.Stamp,
    st.datetimes(datetime.datetime(2020, 1, 1), datetime.datetime(2100, 1, 1)).map(
        lambda at: at.replace(microsecond=0, tzinfo=datetime.timezone.utc)
    ),
    st.datetimes(datetime.datetime(2020, 1, 1), datetime.datetime(2100, 1, 1)).map(
        lambda at: at.replace(microsecond=0, tzinfo=datetime.timezone.utc)
    ),
    st.integers(1, 10000),
    st.text("0123456789abcdef", min_size=12, max_size=12),
)


@bounded
@given(stamps, st.text(max_size=40))
def test_a_stamp_is_read_back_whatever_the_comment(stamp: stamp_module.Stamp, base: str) -> None:
    assert (
        stamp_module.parse_stamp(stamp.comment(base)) == stamp
        or stamp_module.parse_stamp(base) is not None
    )
    text = stamp.comment("Only accept inbound email from Area 1")
    assert stamp_module.parse_stamp(text[: len(text) - 1]) is None, "cut is none"
