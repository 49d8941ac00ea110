# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values compared as what they mean, and the plans made of them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._engine import values
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._engine.plan import (
    ListIntent,
    Plan,
    Property,
    plan_object,
    plan_property,
)

TABLE = (
    Property("comment", "Comment", values.TEXT),
    Property("enabled", "Enabled", values.BOOL),
    Property("addresses", "Addresses", values.IPS),
    Property("senders", "Senders", values.SENDER_DOMAINS),
)


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [
        (values.TEXT, None, ""),
        (values.TEXT, 5, "5"),
        (values.WORD, " Off ", "off"),
        (values.BOOL, "True", True),
        (values.BOOL, "false", False),
        (values.INT, "300", 300),
        (values.INT, "", None),
        (values.HOST, "MX.Example.COM.", "mx.example.com"),
        (values.HOST, "bücher.example", "xn--bcher-kva.example"),
        (values.IPS, ["192.0.2.1"], ["192.0.2.1/32"]),
        (values.IPS, ["192.0.2.0-192.0.2.255"], ["192.0.2.0/24"]),
        (values.IPS, ["192.0.2.7/24"], ["192.0.2.0/24"]),
        (values.IPS, ["2001:DB8::1"], ["2001:db8:0::1/128"]),
        (values.IPS, None, []),
        (values.IPS, "192.0.2.1", ["192.0.2.1", "192.0.2.1/32"]),
        (values.IPS, ["a form nobody knows"], ["A form nobody knows "]),
        (values.SENDER_DOMAINS, ["smtp:*;1"], ["*"]),
        (values.SENDER_DOMAINS, ["smtp:Contoso.com;5"], ["contoso.com."]),
        (values.WORDS, ["A@x.example"], ["a@X.example"]),
    ],
)
def test_same_meaning(kind: values.Kind, left: Any, right: Any) -> None:
    assert kind.same(left, right) and kind.same(right, left)


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [
        (values.TEXT, "a", "A"),
        (values.BOOL, None, False),
        (values.INT, 0, None),
        (values.HOST, "a.example", "b.example"),
        (values.IPS, ["192.0.2.0/24"], ["192.0.2.0/25"]),
        (values.IPS, ["192.0.2.1"], ["192.0.2.1", "192.0.2.2"]),
        (values.SENDER_DOMAINS, ["*"], ["contoso.com"]),
    ],
)
def test_other_meaning(kind: values.Kind, left: Any, right: Any) -> None:
    assert not kind.same(left, right) and not kind.same(right, left)


@pytest.mark.parametrize(
    "text",
    ["", "somewhere", "192.0.2.9-192.0.2.1", "192.0.2.1-2001:db8::1", "192.0.2.0/33", "1.2.3"],
)
def test_what_is_no_address_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(InputError, match="CIDR form") as caught:
        values.ip_span(text)
    assert "192.0.2.0/24" in caught.value.hint


def test_one_or_many_or_nothing() -> None:
    assert values.as_list(None) == values.as_list("") == []
    assert values.as_list("a") == ["a"]
    assert values.as_list(("a", None, "", "b")) == ["a", "b"]
    assert values.as_list(0) == [0]


def test_an_empty_wish_changes_nothing() -> None:
    assert not plan_object(
        "Thing", "x", TABLE, {"Comment": "theirs", "Addresses": ["192.0.2.1"]}, {}
    )
    assert plan_property(TABLE[0], {"Comment": "theirs"}, None) is None


def test_only_what_differs_is_in_the_plan() -> None:
    observed = {
        "Comment": "a",
        "Enabled": "True",
        "Addresses": ["192.0.2.1/32"],
        "Senders": ["smtp:*;1"],
        "Guid": "1",
    }
    wanted = {"Comment": "b", "Enabled": True, "Addresses": ["192.0.2.1"], "Senders": ["*"]}
    plan = plan_object("Thing", "x", TABLE, observed, wanted)
    assert plan.action == "update" and [change.name for change in plan.changes] == ["Comment"]
    assert plan.diff() == {
        "before_header": "Thing x",
        "after_header": "Thing x",
        "before": {"Comment": "a"},
        "after": {"Comment": "b"},
    }


def test_a_list_is_planned_as_a_delta_and_keeps_the_spelling_in_place() -> None:
    observed = {"Addresses": ["192.0.2.1/32", "198.51.100.0/24"]}
    intent = ListIntent(add=("192.0.2.1", "203.0.113.5"), remove=("198.51.100.0-198.51.100.255",))
    plan = plan_object("Thing", "x", TABLE, observed, {"Addresses": intent})
    (change,) = plan.changes
    assert change.add == ("203.0.113.5",) and change.remove == ("198.51.100.0/24",)
    assert change.before == ["192.0.2.1/32", "198.51.100.0/24"] and change.after == [
        "192.0.2.1/32",
        "203.0.113.5",
    ]


def test_set_comes_before_add_and_remove() -> None:
    intent = ListIntent(add=("203.0.113.5",), remove=("192.0.2.2",), set=("192.0.2.1", "192.0.2.2"))
    assert intent.target(["198.51.100.9"], values.IPS) == ["192.0.2.1", "203.0.113.5"]
    assert ListIntent(set=()).target(["198.51.100.9"], values.IPS) == []


def test_the_three_forms_of_a_list_option() -> None:
    assert ListIntent.of(None) is None
    assert ListIntent.of(["a"]) == ListIntent(set=("a",))
    assert ListIntent.of({"add": "a", "remove": None, "set": None}) == ListIntent(add=("a",))
    assert ListIntent.of({"set": []}) == ListIntent(set=())


def test_added_and_removed_is_a_contradiction() -> None:
    with pytest.raises(
        InputError, match=r"192\.0\.2\.1 is both added to and removed from addresses"
    ):
        plan_property(TABLE[2], {}, {"add": ["192.0.2.1"], "remove": ["192.0.2.1/32"]})


def test_create_sends_only_what_means_something() -> None:
    plan = plan_object(
        "Thing",
        "x",
        TABLE,
        None,
        {"Comment": "", "Enabled": False, "Addresses": [], "Senders": ["*"]},
    )
    assert (
        plan.action == "create"
        and plan.after() == {"Enabled": False, "Senders": ["*"]}
        and plan.before() == {}
    )
    assert plan_object("Thing", "x", TABLE, None, {}).action == "create", (
        "an object without properties is still to be made"
    )


def test_delete_shows_what_is_lost() -> None:
    plan = plan_object("Thing", "x", TABLE, {"Comment": "a", "Guid": "1"}, None)
    assert plan.action == "delete" and plan.before() == {"Comment": "a"} and plan.after() == {}
    assert plan.apply_to({"Comment": "a"}) is None
    assert not plan_object("Thing", "x", TABLE, None, None)


def test_a_plan_as_data() -> None:
    plan = plan_object(
        "Thing", "x", TABLE, {"Comment": None}, {"Comment": "b", "Addresses": ["192.0.2.1"]}
    )
    assert plan.to_data() == {
        "object": "Thing",
        "identity": "x",
        "action": "update",
        "changes": [
            {"name": "Comment", "after": "b"},
            {
                "name": "Addresses",
                "before": [],
                "after": ["192.0.2.1"],
                "add": ("192.0.2.1",),
                "remove": (),
            },
        ],
    }
    assert not Plan("Thing", "x")
