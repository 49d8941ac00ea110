# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What use cases make of Microsoft 365, and what is left of one after another.

Where a message ends is asked of the lab's evaluator; test_use_cases_mail.py sends it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.mail_flow import (
    run_mail_flow_info,
)
from lab.client import Lab
from lab.mail.filtering import place
from lab.mail.message import DISPOSITION_HEADER, LEGACY_DISPOSITION_HEADER, Message
from tests.module.handling_runs import SECTIONS, Run
from tests.module.places import ADMIN, AREA1, ASK, FREE, INBOX, JUNK, TODAY

Deploy = Callable[..., Run]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start(world="busy", directory=tmp_path_factory.mktemp("lab"), max_seconds=900) as lab:
        yield lab


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.reset("busy")
    return running


@pytest.fixture
def deploy(lab: Lab, tmp_path: Path) -> Deploy:
    numbers = itertools.count()

    def make(check: bool = False, **settings: Any) -> Run:
        return Run(tmp_path / str(next(numbers)), lab, check, **settings)

    return make


def ends(
    lab: Lab, word: str, header: str = DISPOSITION_HEADER, **fields: Any
) -> tuple[str, str, str]:
    """Where a message of this disposition ends in Microsoft 365."""
    headers = [
        ("From", "bob@sender.example"),
        ("Subject", "Hello"),
        *([(header, word)] if word else []),
    ]
    given: dict[str, Any] = {
        "id": "1",
        "message_id": "<1@x>",
        "envelope_from": "bob@sender.example",
        "recipient": "ann@northwind.example",
        "headers": headers,
        "body": b"",
        "connecting_ip": "104.30.40.7",
        "source_ip": "198.51.100.7",
        "received": datetime.now(timezone.utc),
    }
    found = place(lab.state(), Message(**{**given, **fields}))
    return found.folder, found.policy, found.release


def lands(lab: Lab, run: Run, word: str) -> tuple[str, str, str]:
    """With Area 1 before it, which holds back what the domains' dispositions say."""
    held = {{"SPAM": "UCE"}.get(name, name) for name in run.setting("dispositions")}
    return AREA1 if word in held else ends(lab, word)


def names(lab: Lab) -> list[str]:
    return [
        rule["Name"]
        for rule in sorted(
            lab.state()["tenant"]["transport_rules"], key=lambda rule: int(rule["Priority"])
        )
    ]


def plain(tenant: dict[str, Any]) -> dict[str, Any]:
    """What a use case can touch, without what the service makes of a write."""
    made = (
        "Guid",
        "ExchangeObjectId",
        "ImmutableId",
        "WhenChanged",
        "WhenChangedUTC",
        "WhenCreated",
        "WhenCreatedUTC",
        "DistinguishedName",
    )
    found = {}
    for section in (
        "content_filter_policies",
        "quarantine_policies",
        "transport_rules",
        "content_filter_rules",
        "eop_protection_rules",
    ):
        found[section] = {
            item["Name"]: {key: value for key, value in item.items() if key not in made}
            for item in tenant[section]
        }
    return found


def test_from_one_use_case_to_another_only_ours_goes(lab: Lab, deploy: Deploy) -> None:
    theirs = plain(lab.state()["tenant"])
    fresh: dict[int, Any] = {}
    for case in TODAY:
        lab.reset("busy")
        assert not deploy(use_case=case).problem
        fresh[case] = plain(lab.state()["tenant"])
    lab.reset("busy")
    baseline(lab)
    for case in (1, 2, 3, 4, 5, 1):
        run = deploy(use_case=case)
        assert not run.problem and run.gate["open"], (run.problem, run.gate)
        now = plain(lab.state()["tenant"])
        assert now == fresh[case], case
        for section, kept in theirs.items():
            assert {
                name: item
                for name, item in now[section].items()
                if name in kept and name != "Default"
            } == {name: item for name, item in kept.items() if name != "Default"}
        assert names(lab)[:3] == ["Disclaimer", "Scanner in Lyon", "Invoices"]


def baseline(lab: Lab) -> None:
    """The default policy's own spam policy is not the service's default: the way back must find
    it.
    """
    policy = lab.state()["tenant"]["content_filter_policies"][0]
    assert policy["IsDefault"] and policy["SpamQuarantineTag"] == "DefaultFullAccessPolicy"


def test_a_shadowing_policy_is_found_and_on_request_set_too_presets_never(
    lab: Lab, deploy: Deploy
) -> None:
    run = deploy(use_case=3)
    shadows = "\n".join(run.notices("shadow"))
    assert (
        "Finance strict" in shadows
        and "Standard Preset Security Policy" in shadows
        and "Retired 2022" not in shadows
    )
    assert (
        "MALICIOUS" in shadows
        and "presets cannot be edited" in shadows
        and "area1_content_filter_scope: all" in shadows
    )
    assert ends(lab, "UCE", recipient="cfo@northwind-group.example")[0] == "junk"
    preset = [
        item
        for item in lab.state()["tenant"]["content_filter_policies"]
        if item["RecommendedPolicyType"] == "Standard"
    ]
    run = deploy(use_case=3, content_filter_scope="all")
    assert run.changed == ["o365_content_filter Finance strict"] and not any(
        "Finance" in text for text in run.notices("shadow")
    )
    assert ends(lab, "UCE", recipient="cfo@northwind-group.example") == ASK
    assert [
        item
        for item in lab.state()["tenant"]["content_filter_policies"]
        if item["RecommendedPolicyType"] == "Standard"
    ] == preset


def test_two_headers_have_rules_each_and_the_one_that_quarantines_is_last(
    lab: Lab, deploy: Deploy
) -> None:
    run = deploy(use_case=5, disposition_header=[DISPOSITION_HEADER, LEGACY_DISPOSITION_HEADER])
    junk, host = (
        "Email security Deliver to Junk Email folder",
        "Email security Admin Managed Host Quarantine",
    )
    assert not run.problem and names(lab)[3:] == [junk, junk + " (2)", host, host + " (2)"]
    assert ends(lab, "MALICIOUS", LEGACY_DISPOSITION_HEADER) == ends(lab, "MALICIOUS") == ADMIN
    deploy(use_case=5)
    assert names(lab)[3:] == [junk, host]


def test_spoof_in_three_ways(lab: Lab, deploy: Deploy) -> None:
    ways = (
        (1, "bulk", JUNK),
        (1, "spam", AREA1),
        (2, "bulk", JUNK),
        (2, "quarantine", FREE),
        (4, "bulk", INBOX),
        (5, "spam", ADMIN),
    )
    for case, way, place_of_spoof in ways:
        run = deploy(use_case=case, spoof_handling=way)
        assert lands(lab, run, "SPOOF") == place_of_spoof, (case, way)


OWN: dict[str, Any] = {
    "name": "finance",
    "based_on": 3,
    "area1_quarantine": ["SPOOF"],
    "subject_tags": {"SPAM": "[SPAM] "},
    "quarantine_policies": [
        {"name": "Look only", "permissions": ["preview"], "notifications": False}
    ],
    "anti_spam": {"high_confidence_spam": {"quarantine_policy": "Look only"}, "retention_days": 30},
}


def test_a_use_case_of_one_s_own(lab: Lab, deploy: Deploy) -> None:
    run = deploy(use_case=OWN)
    assert not run.problem and lands(lab, run, "SPOOF") == AREA1
    assert lands(lab, run, "UCE") == ("quarantine", "Look only", "admin")
    assert names(lab)[3] == "Area 1 subject tag UCE" and any(
        "subject tags" in text for text in run.notices("dashboard")
    )
    assert lab.state()["tenant"]["content_filter_policies"][0]["QuarantineRetentionPeriod"] == 30
    deploy(use_case=3)
    assert names(lab)[3:] == [
        "Email Security Deliver to Junk Email folder",
        "Email Security User Quarantine Message",
    ]
    assert "Look only" not in [
        item["Name"] for item in lab.state()["tenant"]["quarantine_policies"]
    ]


def test_users_do_not_release_malicious_mail_unless_somebody_says_so(
    lab: Lab, deploy: Deploy
) -> None:
    loose = {
        "name": "loose",
        "based_on": 4,
        "anti_spam": {"high_confidence_spam": {"quarantine_policy": "UserNotifyUserRelease"}},
    }
    since = lab.mark()
    run = deploy(use_case=loose)
    assert (
        run.gate["status"] == "cannot" and run.notices("user_release") and lab.writes(since) == []
    )
    assert "users release" in run.notices("user_release")[0]
    run = deploy(use_case=loose, acknowledge=["user_release"])
    assert run.gate["open"] and ends(lab, "MALICIOUS") == FREE


def test_what_somebody_made_by_hand_under_our_names_is_his(lab: Lab, deploy: Deploy) -> None:
    assert not deploy(use_case=2).problem
    rules = lab.state()["tenant"]["transport_rules"]
    number = next(
        index
        for index, rule in enumerate(rules)
        if rule["Name"] == "Email Security User Quarantine Message"
    )
    lab.mutate(["tenant", "transport_rules", number, "Comments"], value="Made by Ann")
    run = deploy(use_case=2)
    assert run.changed == [] and run.gate["open"], "it does what ours would do"
    run = deploy(use_case=1)
    assert "Email Security User Quarantine Message" in names(lab), "not ours, not removed"
    assert any(
        "acts on the disposition" in text for text in deploy(use_case=1).notices("other_rule")
    )
    since = lab.mark()
    run = deploy(use_case=4)
    assert (
        run.gate["status"] == "cannot"
        and lab.writes(since) == []
        and "Email Security User Quarantine Message" in run.notices("adopt")[0]
    )
    run = deploy(use_case=4, acknowledge=["adopt:Email Security User Quarantine Message"])
    assert (
        run.gate["open"]
        and "o365_transport_rule Email Security User Quarantine Message" in run.changed
    )


def test_check_mode_plans_all_and_writes_nothing(lab: Lab, deploy: Deploy) -> None:
    since, before = lab.mark(), lab.state()["tenant"]
    planned = deploy(check=True, use_case=4)
    assert lab.writes(since) == [] and lab.state()["tenant"] == before
    assert planned.changed == deploy(use_case=4).changed and len(planned.changed) == 5


def test_a_quarantine_policy_whose_note_does_not_read_back_is_never_removed(
    lab: Lab, deploy: Deploy
) -> None:
    lab.setting("quarantine_display_name", False)
    assert not deploy(use_case=2).problem
    run = deploy(use_case=3)
    assert not run.problem and "UserNotifyUserRelease" in [
        item["Name"] for item in lab.state()["tenant"]["quarantine_policies"]
    ]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"use_case": 6}, "one of 1, 2, 3, 4, 5"),
    (
        {
            "use_case": {
                "name": "x",
                "rules": [{"name": "r", "dispositions": ["RUBBISH"], "set_scl": 5}],
            }
        },
        "MALICIOUS, SUSPICIOUS, SPOOF, UCE, BULK",
    ),
    ({"use_case": {"name": "x", "area1_quarantine": ["RUBBISH"]}}, "Valid ones are MALICIOUS"),
    (
        {
            "use_case": {
                "name": "x",
                "rules": [{"name": "r" * 65, "dispositions": ["BULK"], "set_scl": 5}],
            }
        },
        "1 to 64 characters",
    ),
    (
        {
            "use_case": {
                "name": "x",
                "rules": [{"name": "r", "dispositions": ["BULK"], "set_scl": 10}],
            }
        },
        "Valid are -1 and 0 to 9",
    ),
    (
        {"use_case": {"name": "x", "rules": [{"name": "r", "dispositions": ["BULK"]}]}},
        "Give one of set_scl",
    ),
    ({"use_case": {"name": "x", "rule": []}}, "Did you mean rules?"),
    (
        {
            "use_case": {
                "name": "x",
                "quarantine_policies": [
                    {"name": "p", "permissions": ["release", "request_release"]}
                ],
            }
        },
        "exclude each other",
    ),
    (
        {"use_case": {"name": "x", "quarantine_policies": [{"name": "AdminOnlyAccessPolicy"}]}},
        "built in",
    ),
    (
        {"use_case": {"name": "x", "anti_spam": {"spam": "Shred"}}},
        "Valid are MoveToJmf, Quarantine",
    ),
    ({"use_case": {"name": "x", "anti_spam": {"retention_days": 31}}}, "from 1 to 30"),
    ({"use_case": {"name": "]"}}, "cannot be the name"),
    ({"disposition_header": ["X Y"]}, "not the name of a header"),
    ({"spoof_handling": "ignore"}, "quarantine, spam, bulk"),
    ({"use_case_variant": "old"}, "current, tutorial"),
]


def test_wrong_input_is_refused_before_anything_is_read(lab: Lab, deploy: Deploy) -> None:
    since = lab.mark()
    for given, words in WRONG:
        run = deploy(**given)
        assert words in run.problem, (given, run.problem)
    unknown = {
        "name": "x",
        "based_on": 3,
        "anti_spam": {"spam": {"action": "Quarantine", "quarantine_policy": "Nobody's"}},
    }
    run = deploy(use_case=unknown)
    assert run.gate["status"] == "cannot"
    (result,) = [item for item in run.gate["results"] if item["gate"] == "quarantine_policy"]
    assert (
        result["object"] == "Nobody's"
        and "AdminOnlyAccessPolicy" in result["hint"]
        and "UserNotifyAdminRelease" in result["hint"]
    )
    assert lab.writes(since) == []


def test_a_change_that_takes_something_away_needs_the_right_to(lab: Lab, deploy: Deploy) -> None:
    assert not deploy(use_case=2).problem
    lab.mutate(
        ["entra", "apps", lab.extra_vars["o365_client_id"], "denied_cmdlets"],
        value=["Remove-TransportRule", "Remove-InboundConnector"],
    )
    since = lab.mark()
    for case, status in ((5, "cannot"), (2, "holds")):
        run = deploy(check=True, use_case=case)
        # what a preflight reads, before any role
        run.do(run_mail_flow_info, sections=[*SECTIONS, "permissions"])
        answer = run.ask_gate("tenant")
        told = {
            result["status"]: result["message"]
            for result in answer["results"]
            if result["gate"] == "permissions" and result.get("message")
        }
        assert (
            answer["status"] == status
            and "Remove-InboundConnector, which a rollback needs" in told["holds"]
        )
        assert ("may not run Remove-TransportRule" in told.get("cannot", "")) is (case == 5)
    assert lab.writes(since) == []


def test_a_right_that_only_informs_may_be_missing(lab: Lab, deploy: Deploy) -> None:
    lab.mutate(
        ["entra", "apps", lab.extra_vars["o365_client_id"], "denied_cmdlets"],
        value=["Get-EOPProtectionPolicyRule"],
    )
    run = deploy(use_case=3)
    assert (
        not run.problem
        and run.gate["open"]
        and any("Preset" in text for text in run.notices("shadow"))
    )
