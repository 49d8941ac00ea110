# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract suite: what every DNS driver has to do, at every place that can be disturbed so.

To run it for one driver: pytest tests/module/dns_contract -k azure
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import Driver
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.mta_sts_id import publish
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.planner import WantedSet
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.reconcile_set import (
    SetOutcome,
    SetSteps,
    bring,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import RecordSet
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AmbiguousWrite,
    Conflict,
    InputError,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from tests.module.dns_contract.place import (
    APEX,
    BELOW,
    CHILD,
    ELSEWHERE,
    IDN,
    WILD,
    Place,
)

OLD = ["0 northwind-example.mail.protection.outlook.com"]
NEW = ["5 mailstream-eu1.mxrecord.io", "10 mailstream-central.mxrecord.mx"]
TWENTY = [f"{number} mx{number}.mail.example" for number in range(20)]


def a_set(name: str, values: list[str], ttl: int = 3600, rdtype: str = "MX") -> RecordSet:
    return RecordSet.of(name, rdtype, values, ttl)


def change(driver: Driver, name: str, wanted: WantedSet, rdtype: str = "MX") -> SetOutcome:
    context = Context(sleep=lambda seconds: None)
    return bring(SetSteps(driver, name, rdtype, wanted), driver, context)


def values(found: RecordSet | None) -> set[str]:
    return set(found.values) if found else set()


# Read, create, replace, leave, TTL, back


@pytest.mark.parametrize("name", [APEX, BELOW, WILD, IDN])
def test_from_nothing_to_a_set_and_on(place: Place, name: str) -> None:
    driver = place.driver()
    driver.prepare([name, APEX])
    driver.check(name)
    assert driver.read(name, "MX") is None
    driver.replace(name, "MX", None, a_set(name, OLD))
    assert place.held(name, "MX") == (set(OLD), 3600)
    found = driver.read(name, "MX")
    assert found == a_set(name, OLD)
    driver.replace(name, "MX", found, a_set(name, NEW, 600))
    assert place.held(name, "MX") == (set(NEW), 600)
    driver.replace(name, "MX", driver.read(name, "MX"), a_set(name, OLD))
    assert place.held(name, "MX") == (set(OLD), 3600)


def test_reading_and_checking_change_nothing(place: Place) -> None:
    place.put(APEX, "MX", OLD, 3600)
    before = place.writes()
    driver = place.driver()
    driver.prepare([APEX, IDN])
    driver.check(APEX)
    driver.read(APEX, "MX")
    driver.read(BELOW, "TXT")
    assert place.writes() == before and place.held(APEX, "MX") == (set(OLD), 3600)


def test_a_set_that_is_right_is_left(place: Place) -> None:
    place.put(APEX, "MX", NEW, 600)
    before = place.writes()
    driver = place.driver()
    assert not change(driver, APEX, WantedSet(values=tuple(NEW), ttl=600)).changed
    assert place.writes() == before


def test_only_the_ttl(place: Place) -> None:
    place.put(APEX, "MX", NEW, 3600)
    assert change(place.driver(), APEX, WantedSet(ttl=900)).changed
    assert place.held(APEX, "MX") == (set(NEW), 900)


def test_order_case_and_final_dots_mean_nothing(place: Place) -> None:
    place.put(
        APEX, "MX", ["10 MailStream-Central.mxrecord.MX", "5 Mailstream-EU1.mxrecord.io"], 600
    )
    before = place.writes()
    assert values(place.driver().read(APEX, "MX")) == set(NEW)
    assert not change(place.driver(), APEX, WantedSet(values=tuple(NEW), ttl=600)).changed
    assert place.writes() == before


def test_twenty_values_and_back_to_one(place: Place) -> None:
    driver = place.driver()
    assert change(driver, APEX, WantedSet(values=tuple(TWENTY), ttl=600)).changed
    assert place.held(APEX, "MX") == (set(TWENTY), 600)
    assert values(place.driver().read(APEX, "MX")) == set(TWENTY)
    assert change(driver, APEX, WantedSet(values=tuple(OLD), ttl=600)).changed
    assert place.held(APEX, "MX") == (set(OLD), 600)


def test_other_names_and_types_are_left(place: Place) -> None:
    place.put(BELOW, "MX", OLD, 3600)
    place.put(APEX, "TXT", ["v=spf1 -all"], 3600)
    place.put(APEX, "MX", OLD, 3600)
    change(place.driver(), APEX, WantedSet(values=tuple(NEW), ttl=600))
    assert place.held(BELOW, "MX") == (set(OLD), 3600)
    assert place.held(APEX, "TXT") == ({"v=spf1 -all"}, 3600)


@pytest.mark.parametrize(("asked", "outcome"), [(1, "lowest_ttl"), (2147483647, "highest_ttl")])
def test_ttls_stay_within_the_limits(place: Place, asked: int, outcome: str) -> None:
    driver = place.driver()
    if driver.CAPABILITIES.auto_ttl and asked == 1:
        asked = 2  # 1 asks for the automatic TTL
    place.put(APEX, "MX", OLD, 3600)
    change(driver, APEX, WantedSet(ttl=asked))
    limit = getattr(driver.CAPABILITIES, outcome)
    right = max(asked, limit) if outcome == "lowest_ttl" else min(asked, limit)
    assert place.held(APEX, "MX") == (set(OLD), right)


# TXT by the same code


def test_an_ownership_proof_joins_what_is_there(place: Place) -> None:
    place.put(APEX, "TXT", ["v=spf1 -all"], 3600)
    change(place.driver(), APEX, WantedSet(add=("area1-proof=abc; def",)), "TXT")
    assert place.held(APEX, "TXT")[0] == {"v=spf1 -all", "area1-proof=abc; def"}


def test_an_mta_sts_id_is_replaced(place: Place) -> None:
    name = f"_mta-sts.{APEX}"
    place.put(name, "TXT", ["v=STSv1; id=1;"], 3600)
    publish(place.driver(), APEX, "20261129", "1", Context(sleep=lambda seconds: None))
    assert place.held(name, "TXT")[0] == {"v=STSv1; id=20261129;"}


# Somebody else writes too


@pytest.mark.parametrize(
    ("seen", "there"),
    [(OLD, NEW), (OLD, []), ([], OLD)],
    ids=["changed", "removed", "appeared"],
)
def test_a_lost_race_changes_nothing(place: Place, seen: list[str], there: list[str]) -> None:
    """The set that is replaced is the one that was read, whoever wrote in between."""
    if seen:
        place.put(APEX, "MX", seen, 3600)
    driver = place.driver()
    expected = driver.read(APEX, "MX")
    place.put(APEX, "MX", there, 3600)
    before = place.held(APEX, "MX")
    with pytest.raises(Conflict) as caught:
        driver.replace(APEX, "MX", expected, a_set(APEX, TWENTY))
    assert APEX in caught.value.message and caught.value.hint
    assert place.held(APEX, "MX") == before


def test_what_an_earlier_task_handed_on_is_as_good(place: Place) -> None:
    place.put(APEX, "MX", OLD, 3600)
    place.driver().replace(APEX, "MX", a_set(APEX, OLD), a_set(APEX, NEW))
    assert place.held(APEX, "MX") == (set(NEW), 3600)


@pytest.mark.needs("calls")
def test_without_compare_and_swap_the_window_is_one_call(place: Place) -> None:
    """The set is read in the very call before the write: only a change in between is lost."""
    place.put(APEX, "MX", OLD, 3600)
    driver = place.driver()
    assert not driver.CAPABILITIES.compare_and_swap
    expected = driver.read(APEX, "MX")
    before = len(place.calls())
    driver.replace(APEX, "MX", expected, a_set(APEX, NEW))
    calls = place.calls()[before:]
    first = next(index for index, method in enumerate(calls) if method != "GET")
    assert calls[first - 1 : first + 1] in (["GET", "POST"], ["GET", "PUT"]), calls


@pytest.mark.needs("comments")
def test_what_people_wrote_beside_a_set_is_kept(place: Place) -> None:
    place.put(APEX, "MX", OLD, 3600)
    place.make("comments", APEX)
    before = place.comment(APEX, "MX")
    driver = place.driver()
    assert driver.CAPABILITIES.keeps_comments and before
    change(driver, APEX, WantedSet(values=("5 mailstream-eu1.mxrecord.io",), ttl=600))
    assert place.comment(APEX, "MX") == before


# Which zone


def test_a_name_outside_all_zones(place: Place) -> None:
    for call in ("check", "read"):
        with pytest.raises(InputError) as caught:
            _call(place.driver(), call, ELSEWHERE)
        assert ELSEWHERE in caught.value.message and caught.value.hint


@pytest.mark.each_of("private", "pending", "undecided")
def test_a_zone_that_cannot_serve(place: Place, trouble: str) -> None:
    place.make(trouble, APEX)
    before = place.writes()
    for call in ("check", "read", "replace"):
        with pytest.raises(InputError) as caught:
            _call(place.driver(), call, APEX)
        assert APEX in caught.value.message and caught.value.hint
    assert place.writes() == before


@pytest.mark.needs("duplicate")
def test_of_two_zones_the_delegated_one(place: Place) -> None:
    place.put(APEX, "MX", OLD, 3600)
    place.make("duplicate", APEX)
    for prepared in (False, True):
        driver = place.driver()
        if prepared:
            driver.prepare([APEX, IDN])
        assert values(driver.read(APEX, "MX")) == set(OLD)


@pytest.mark.needs("child_pending")
def test_a_child_zone_that_does_not_serve_is_passed_over(place: Place) -> None:
    place.put(CHILD, "MX", OLD, 3600)
    place.make("child_pending", CHILD)
    for prepared in (False, True):
        driver = place.driver()
        if prepared:
            driver.prepare([CHILD, APEX])
        assert values(driver.read(CHILD, "MX")) == set(OLD)


@pytest.mark.needs("many_zones")
def test_the_zone_is_found_among_many(place: Place) -> None:
    place.put(APEX, "MX", OLD, 3600)
    place.make("many_zones", APEX)
    driver = place.driver()
    driver.prepare([APEX, IDN])
    assert values(driver.read(APEX, "MX")) == set(OLD)


@pytest.mark.needs("many_sets")
def test_a_set_beyond_the_first_page(place: Place) -> None:
    place.make("many_sets", APEX)
    held, _ttl = place.held(APEX, "MX")
    assert values(place.driver().read(APEX, "MX")) == held and held


@pytest.mark.needs("child")
def test_a_delegated_sub_domain_is_in_its_own_zone(place: Place) -> None:
    place.put(CHILD, "MX", NEW, 600)
    place.make("child", CHILD)
    place.put(CHILD, "MX", OLD, 3600)
    for prepared in (False, True):
        driver = place.driver()
        if prepared:
            driver.prepare([CHILD, APEX])
        assert driver.read(CHILD, "MX") == a_set(CHILD, OLD)


@pytest.mark.each_of("no_listing", "slow_listing")
def test_listing_is_an_optimisation(place: Place, trouble: str) -> None:
    place.put(APEX, "MX", OLD, 3600)
    driver = place.driver()
    place.make(trouble, APEX)
    if trouble == "no_listing":
        driver = place.driver()
    driver.prepare([APEX, IDN])
    assert values(driver.read(APEX, "MX")) == set(OLD)


@pytest.mark.each_of("unicode_zone", "unicode_names")
def test_either_spelling_of_a_name_is_the_same_set(place: Place, trouble: str) -> None:
    for prepared, name in ((False, IDN), (True, f"mail.{IDN}")):
        place.put(name, "MX", OLD, 3600)
        place.make(trouble, IDN)
        driver = place.driver()
        if prepared:
            driver.prepare([IDN, name, APEX])
        assert change(driver, name, WantedSet(values=tuple(NEW), ttl=600)).changed
        assert place.held(name, "MX") == (set(NEW), 600)


# Something is in the way


@pytest.mark.each_of("alias", "routed")
def test_no_plain_set_can_be_there(place: Place, trouble: str) -> None:
    place.make(trouble, BELOW)
    before = place.writes()
    with pytest.raises(InputError) as caught:
        place.driver().read(BELOW, "MX")
    assert BELOW in caught.value.message and caught.value.hint
    assert place.writes() == before


@pytest.mark.each_of("locked", "protected")
def test_a_lock_is_no_lost_race(place: Place, trouble: str) -> None:
    place.put(APEX, "MX", OLD, 3600)
    place.make(trouble, APEX)
    driver = place.driver()
    with pytest.raises((Refused, PermissionDenied)) as caught:
        driver.replace(APEX, "MX", driver.read(APEX, "MX"), a_set(APEX, NEW))
    assert APEX in caught.value.message and caught.value.hint
    assert place.held(APEX, "MX") == (set(OLD), 3600)


# Credentials


@pytest.mark.each_of("wrong_credentials", "expired_credentials", "narrow_credentials")
def test_credentials_that_do_not_do(place: Place, trouble: str) -> None:
    kind: Any = PermissionDenied if trouble == "narrow_credentials" else SignInError
    if place.mixes_credentials:
        kind = (PermissionDenied, SignInError)
    place.put(APEX, "MX", OLD, 3600)
    place.make(trouble, APEX)
    before = place.writes()
    driver = place.driver()
    with pytest.raises(kind) as caught:
        driver.check(APEX)
        driver.replace(APEX, "MX", driver.read(APEX, "MX"), a_set(APEX, NEW))
    assert caught.value.hint
    assert place.held(APEX, "MX") == (set(OLD), 3600) and place.writes() in (before, before + 1)
    shown = f"{caught.value} {caught.value.to_result()}"
    assert not [secret for secret in place.secrets() if secret in shown]


# The network


@pytest.mark.each_of("throttled", "throttled_silent")
def test_a_throttled_read_waits_and_goes_on(place: Place, trouble: str) -> None:
    place.put(APEX, "MX", OLD, 3600)
    driver = place.driver()
    driver.read(APEX, "MX")
    place.make(trouble, APEX)
    assert values(driver.read(APEX, "MX")) == set(OLD)
    assert sum(place.slept) > 0


@pytest.mark.needs("lost_request")
def test_a_write_that_never_arrived(place: Place) -> None:
    place.put(APEX, "MX", OLD, 3600)
    driver = place.driver()
    observed = driver.read(APEX, "MX")
    place.make("lost_request", APEX)
    with pytest.raises((AmbiguousWrite, ReadError)):
        driver.replace(APEX, "MX", observed, a_set(APEX, NEW))
    assert place.held(APEX, "MX") == (set(OLD), 3600)


@pytest.mark.needs("lost_answer")
def test_a_write_whose_answer_was_lost_is_looked_at_and_not_repeated(place: Place) -> None:
    place.put(APEX, "MX", OLD, 3600)
    place.make("lost_answer", APEX)
    before = place.writes()
    outcome = change(place.driver(), APEX, WantedSet(values=tuple(NEW), ttl=600))
    assert outcome.changed and place.held(APEX, "MX") == (set(NEW), 600)
    assert place.writes() == before + 1


def test_declared_texts_are_complete(place: Place) -> None:
    """What the generators and the error messages rely on."""
    driver = place.driver()
    kind = type(driver)
    assert place.provider == kind.PROVIDER and kind.TITLE
    assert kind.SUMMARY.startswith(f"V({kind.PROVIDER}) ") and kind.SUMMARY.endswith(".")
    for option in kind.OPTIONS:
        assert option.name.startswith("dns_") and option.summary
        assert all(text.endswith(".") for text in option.text), option.name
    for first, second in itertools.combinations(kind.OPTIONS, 2):
        assert first.name != second.name


def test_a_driver_may_be_used_before_it_is_prepared(place: Place) -> None:
    place.put(APEX, "MX", OLD, 3600)
    assert values(place.driver().read(APEX, "MX")) == set(OLD)
    assert place.driver().settle([]) == ()


def _call(driver: Driver, call: str, name: str) -> Any:
    if call == "check":
        return driver.check(name)
    if call == "read":
        return driver.read(name, "MX")
    return driver.replace(name, "MX", None, a_set(name, NEW))
