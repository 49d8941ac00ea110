# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test mail is looked for: at the switch it has to arrive by our connector, and for the proof
it shows that Area 1 is let in.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._cutover.evidence import (
    test_mail as followed,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.lockdown import proof
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.gate import (
    CANNOT,
    HOLDS,
    NOT_CHECKED,
    NOT_YET,
)
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.model.world import World
from ansible_collections.mailflow.area1.plugins.module_utils._cutover.phases import deploy as phases
from tests.unit.cutover.lockdown.test_proof import LOCKED, on, probed, verdict
from tests.unit.cutover.worlds import (
    CONNECTOR,
    LOCKDOWN,
    NEW,
    OLD,
    ONE,
    TWO,
    ago,
    only,
    sections,
    wanted,
)

MAIL, EARLIER = "<1@probe.test>", "<0@probe.test>"
CANARY = "canary@%s" % ONE


def offered(accepted: bool = True, **fields: Any) -> dict[str, Any]:
    return {
        "host": NEW[0][1],
        "recipient": CANARY,
        "accepted": accepted,
        "message_id": MAIL if accepted else "",
        "text": "250 ok",
        **fields,
    }


def seen(name: str = MAIL, at: str = "", **fields: Any) -> dict[str, Any]:
    """The section followed_messages with one message that arrived."""
    return {
        "asked": [MAIL],
        "error": "",
        "messages": {
            name: {
                "received": at or ago(minutes=1),
                "status": "Delivered",
                "connector": CONNECTOR,
                **fields,
            }
        },
    }


NOTHING: dict[str, Any] = {"asked": [MAIL], "error": "", "messages": {}}


def ready(*canaries: dict[str, Any], acknowledge: tuple[str, ...] = (), **changed: Any) -> World:
    """Everything holds for the switch; these test mails were offered to Area 1."""
    found = sections(wanted())
    found["smtp"]["canaries"] = list(canaries)
    return World({**found, **changed}, wanted(acknowledge=list(acknowledge)))


def switched(found: World) -> list[str]:
    return [item["name"] for item in phases.evaluate("switch", found).values["domains"]]


def test_without_a_test_mail_there_is_no_such_gate() -> None:
    assert followed.gate(ready()) == [] and switched(ready()) == [ONE, TWO]
    direct = offered(host=OLD[ONE][0][1])
    assert followed.gate(ready(direct)) == [], "one past Area 1 is none by way of it"


def test_a_test_mail_that_arrived_by_our_connector_opens_the_switch_and_is_shown() -> None:
    found = ready(offered(), followed_messages=seen())
    result = only(followed.gate(found))
    assert (result.gate, result.status, result.object, result.notice) == (
        "test_mail",
        HOLDS,
        CANARY,
        True,
    )
    assert CONNECTOR in result.message and "Delivered" in result.message
    assert switched(found) == [ONE, TWO]
    assert "test_mail" in {shown.gate for shown in phases.evaluate("switch", found).results}


@pytest.mark.parametrize(
    ("section", "status", "said"),
    [
        (NOTHING, NOT_YET, "not arrived yet"),
        ({**NOTHING, "error": "403: no role"}, NOT_YET, "403: no role"),
        (seen(status="Failed"), NOT_YET, "failed"),
        (seen(connector="Old gateway"), CANNOT, "Old gateway"),
        (seen(name="<somebody@else.test>"), NOT_YET, "not arrived yet"),
        (seen(at=ago(days=2)), NOT_YET, "not arrived yet"),  # before the connector acted
    ],
)
def test_one_that_did_not_holds_the_switch_and_says_what_to_do(
    section: dict[str, Any], status: str, said: str
) -> None:
    found = ready(offered(), followed_messages=section)
    result = only(followed.gate(found))
    assert (
        (result.gate, result.status) == ("test_mail", status)
        and said in result.message
        and "test_mail into area1_acknowledge" in result.hint
    )
    assert switched(found) == []
    assert switched(ready(offered(), acknowledge=("test_mail",), followed_messages=section)) == [
        ONE,
        TWO,
    ]


def test_where_the_trace_tells_no_connector_nobody_is_held_for_ever() -> None:
    found = ready(offered(), followed_messages=seen(connector=""))
    assert only(followed.gate(found)).status == NOT_CHECKED and switched(found) == [ONE, TWO]
    assert "test_mail" in {shown.gate for shown in phases.evaluate("switch", found).results}, (
        "but it is said"
    )


def test_a_test_mail_that_area1_did_not_take_holds_the_switch() -> None:
    result = only(followed.gate(ready(offered(False, text="550 5.1.1 no such user"))))
    assert result.status == NOT_YET and "550 5.1.1 no such user" in result.message
    nowhere = {
        "recipient": CANARY,
        "accepted": False,
        "message_id": "",
        "text": "no new MX host took the recipient",
    }
    assert "no new MX host" in only(followed.gate(ready(nowhere))).message


def test_one_of_an_earlier_run_counts_while_the_new_one_is_on_its_way() -> None:
    """The trace shows a mail minutes after it arrived, perhaps: the next run finds it."""
    event = {"domain": CANARY, "event": "test_mail_sent", "at": ago(hours=1), "subject": EARLIER}
    found = ready(offered(), timeline=[event], followed_messages=seen(EARLIER))
    assert only(followed.gate(found)).status == HOLDS
    assert phases.evaluate("switch", found).values["probe"]["sent"] == [EARLIER, MAIL]
    old = ready(
        offered(), timeline=[{**event, "at": ago(hours=49)}], followed_messages=seen(EARLIER)
    )
    assert only(followed.gate(old)).status == NOT_YET and followed.sent(old) == [MAIL], (
        "the trace is asked for 48 hours"
    )


def test_the_test_mail_shows_that_area1_is_let_in() -> None:
    canaries = {**probed(LOCKED, LOCKED), "canaries": [offered()]}
    found = on(90, smtp=canaries, followed_messages=seen(at=ago(minutes=20), connector=LOCKDOWN))
    answer = verdict(found)
    assert (
        answer.verdict == proof.PROVEN and "the test mail" in answer.why and LOCKDOWN in answer.why
    )
    assert phases.evaluate("proof", found).values["sent"] == [MAIL]
    for section in (
        NOTHING,
        seen(at=ago(minutes=40)),
        seen(at=ago(minutes=20), status="Failed"),
        seen("<x@y.test>", at=ago(minutes=20)),
    ):
        assert verdict(on(90, smtp=canaries, followed_messages=section)).verdict == proof.UNKNOWN
    assert (
        verdict(
            on(90, smtp={"canaries": [offered()]}, followed_messages=seen(at=ago(minutes=20)))
        ).verdict
        == proof.UNKNOWN
    ), "one half only"
