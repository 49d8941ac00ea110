# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of use cases against a schema, and where each disposition goes by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model import (
    custom_use_case as own_use_case,
    settings_input,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects import content_filter
from ansible_collections.mailflow.area1.plugins.module_utils._facts.dispositions import (
    API_WORDS,
    HEADER_WORDS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.quarantine_permissions import (
    BUILT_IN,
    PERMISSIONS,
)
from ansible_collections.mailflow.area1.plugins.module_utils._facts.rule_parameters import LONGEST
from ansible_collections.mailflow.area1.plugins.module_utils._facts.use_cases import (
    ADMIN,
    CASES,
    POLICIES,
    RULES,
    TO_QUARANTINE,
    VARIANTS,
    UseCase,
    lands,
    published,
    with_spoof,
)

DOCS = Path(__file__).resolve().parents[3] / "docs" / "use-cases.md"
EVERY = [(case, variant) for case in CASES for variant in VARIANTS]


def test_the_rows_are_what_rows_may_be() -> None:
    for case, old_name, name, old_words, words, action in RULES:
        assert case in CASES and action in (5, 9, TO_QUARANTINE)
        for text in (old_name, name):
            assert text and len(text) <= LONGEST["Name"] - len(" (9)")
        assert set(old_words) | set(words) <= set(HEADER_WORDS) and old_words and words
    for title, area1, (action, spam, *tags) in CASES.values():
        assert title and set(area1) <= set(API_WORDS) and action in content_filter.SPAM_ACTIONS
        assert (spam is not None) == (action == "Quarantine")
        assert {tag for tag in (spam, *tags) if tag} <= {*POLICIES, *BUILT_IN}
    for policy in POLICIES.values():
        assert set(policy["permissions"]) <= set(PERMISSIONS) and not {
            "release",
            "request_release",
        } <= set(policy["permissions"])


@pytest.mark.parametrize(("case", "variant"), EVERY)
def test_each_use_case_is_whole(case: int, variant: str) -> None:
    found = published(case, variant)
    names = [rule.name.lower() for rule in found.rules]
    assert len(set(names)) == len(names) > 0, (
        "names are unique, also where today's page repeats one"
    )
    assert [rule.quarantines for rule in found.rules] == sorted(
        rule.quarantines for rule in found.rules
    ), "the one that quarantines is last"
    words = [word for rule in found.rules for word in rule.words]
    assert len(set(words)) == len(words), "a disposition has one rule"
    tags = {value for option, value in found.filter.items() if option.endswith("_tag")}
    assert tags <= {*found.policies, ADMIN} and set(found.policies) <= tags, (
        "no policy is made that nothing uses"
    )
    assert UseCase.of(found.to_data()) == found
    assert lands(found, "MALICIOUS").place in ("Area 1", "quarantine")
    assert lands(found, "NONE").place == "inbox"


@pytest.mark.parametrize("case", CASES)
def test_the_docs_show_the_table_that_the_code_has(case: int) -> None:
    text = DOCS.read_text(encoding="utf-8")
    for rule in (*published(case).rules, *published(case, "tutorial").rules):
        assert "`%s`" % rule.name in text, rule.name
        assert ", ".join(rule.words) in text


def test_spoof_goes_where_it_is_told() -> None:
    for case in CASES:
        found = published(case)
        assert with_spoof(found, None) == found
        assert lands(with_spoof(found, "spam"), "SPOOF") == lands(found, "SPAM")
        assert lands(with_spoof(found, "bulk"), "SPOOF") == lands(found, "BULK")
        assert lands(with_spoof(found, "quarantine"), "SPOOF").place in ("Area 1", "quarantine")
    loose = own_use_case.chosen(
        {"name": "loose", "rules": [{"name": "r", "dispositions": ["SPOOF"], "set_scl": 5}]},
        "current",
    )
    held = with_spoof(loose, "quarantine")
    assert held.area1 == ("SPOOF",) and held.rules == ()


def test_the_number_may_be_text_and_nothing_else() -> None:
    assert published("2") == published(2)
    for wrong in (0, 6, "two", None, [1]):
        with pytest.raises(InputError, match="is not a use case"):
            published(wrong)


def test_an_own_one_stands_on_a_published_one_or_alone() -> None:
    alone = own_use_case.chosen({"name": "alone", "area1_quarantine": "MALICIOUS, UCE"}, "current")
    assert (alone.key, alone.area1, alone.rules, alone.filter, alone.policies) == (
        "alone",
        ("MALICIOUS", "SPAM"),
        (),
        {},
        {},
    )
    based = own_use_case.chosen(
        {
            "name": "based",
            "based_on": "5",
            "anti_spam": {"phish": "quarantine", "bulk": {"action": "MoveToJmf"}},
        },
        "current",
    )
    assert based.rules == published(5).rules and based.filter == {
        **published(5).filter,
        "bulk_spam_action": "MoveToJmf",
    }
    rules = [
        {"name": "b", "dispositions": ["MALICIOUS"], "quarantine": True},
        {"name": "a", "dispositions": "spam", "set_scl": "9"},
    ]
    sorted_rules = own_use_case.chosen({"name": "x", "rules": rules}, "current").rules
    assert [(rule.name, rule.words, rule.action) for rule in sorted_rules] == [
        ("a", ("UCE",), 9),
        ("b", ("MALICIOUS",), "quarantine"),
    ]


def test_quarantine_has_a_policy_that_says_who_releases() -> None:
    same = own_use_case.chosen(
        {"name": "x", "based_on": 3, "anti_spam": {"high_confidence_spam": "Quarantine"}}, "current"
    )
    assert lands(same, "MALICIOUS") == lands(published(3), "MALICIOUS"), (
        "the policy of the use case that it is based on"
    )
    junk = own_use_case.chosen(
        {"name": "x", "based_on": 4, "anti_spam": {"spam": "MoveToJmf"}}, "current"
    )
    assert "spam_quarantine_tag" not in junk.filter
    for given in (
        {"name": "x", "anti_spam": {"high_confidence_spam": "Quarantine"}},
        {"name": "x", "based_on": 3, "anti_spam": {"spam": "Quarantine"}},
    ):
        with pytest.raises(InputError, match="quarantine_policy"):
            own_use_case.chosen(given, "current")


def test_the_settings_carry_the_use_case_as_data() -> None:
    found = settings_input.normalise(
        {"domains": ["a.example"], "location": "eu", "use_case": "1", "spoof_handling": "bulk"}
    )
    assert found.dispositions == ("MALICIOUS", "SPAM")
    assert found.disposition_headers == ("X-CFEmailSecurity-Disposition",)
    assert "SPOOF" in found.use_case["rules"][0]["words"] and found.rule_match_sender_ip is True
