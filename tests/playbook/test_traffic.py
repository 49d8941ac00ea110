# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail flows through the whole deployment: not one legitimate mail is lost, and afterwards none
gets in past Area 1.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from tests.playbook.by_hand import advance_to, low_ttl, moment, now
from tests.playbook.end_state import EGRESS, assert_finished
from tests.playbook.flow import LOOKED_AT, assert_closed, assert_nothing_lost, flowing
from tests.playbook.harness import EU_RECORDS, ROOT, Deployment

EDGE = "northwind-example.mail.protection.outlook.com"
SOON = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 6, "area1_acknowledge": LOOKED_AT}


# The fresh tenant is test_story.py's, the busy one with its TTL of a day test_worlds.py's.
@pytest.mark.parametrize("world", ["laggard", "one_down", "mta_sts"])
def test_no_mail_is_lost_at_any_moment(deploy: Callable[..., Deployment], world: str) -> None:
    deployment = deploy(world)
    low_ttl(deployment)
    with flowing(deployment):
        _deploy(deployment, world)
        deployment.lab.advance(minutes=10)
    assert_nothing_lost(deployment)
    assert_closed(deployment)
    assert_finished(deployment)


def _deploy(deployment: Deployment, world: str, limit: int = 9) -> None:
    """Run, let time pass, run again; a person does what the summary asks for."""
    for number in range(limit):
        outcome = deployment.run(variables=SOON)
        if outcome.report["done"]:
            return
        if world == "mta_sts" and number == 0:
            assert deployment.mx()["northwind.example"][0][1] == EDGE, (
                "an enforced policy holds the switch"
            )
            _admit_area1(deployment)
        else:
            assert outcome.rc == 0, outcome.stdout
        if world == "one_down" and deployment.mx()["northwind.example"][0][1] == EU_RECORDS[0][1]:
            # the switch went on; the lock-down waits until every server was asked
            deployment.lab.mutate(
                ["dns", "servers", "bob.ns.cloudflare.example", "mode"], value="ok"
            )
        if world == "laggard":
            # "look again in five minutes", until the half hour is over: once is enough
            deployment.lab.advance(minutes=35)
        due = outcome.report["next"]
        advance_to(
            deployment,
            (
                moment(due) + datetime.timedelta(seconds=10)
                if due
                else now(deployment) + datetime.timedelta(hours=1, minutes=5)
            ),
        )
    raise AssertionError("not done after %d runs:\n%s" % (limit, outcome.stdout))


def _admit_area1(deployment: Deployment) -> None:
    """The customer's policies gain the new hosts, and keep the old ones ([CUT-2.4],
    two phases).
    """
    hosts = deployment.tenant()["mail_hosts"]
    for name in deployment.lab.extra_vars["area1_domains"]:
        mode = "testing" if name == "nw-labs.example" else "enforce"
        deployment.lab.publish_sts(
            name, mode, [hosts[name], *(host for _priority, host in EU_RECORDS)], "20260601000000"
        )


def test_the_tutorials_literal_order_loses_mail_under_the_same_traffic(
    deploy: Callable[..., Deployment],
) -> None:
    """What the test above guards against can happen, and would be seen."""
    deployment = deploy("fresh")
    deployment.playbook = ROOT / "tests" / "playbook" / "literal_order.yml"
    hosts = deployment.tenant()["mail_hosts"]
    given = {
        "egress": sorted(EGRESS),
        "forwarding": [
            {"name": name, "forward_to": hosts[name]}
            for name in deployment.lab.extra_vars["area1_domains"]
        ],
        "records": [{"priority": priority, "host": host} for priority, host in EU_RECORDS],
    }
    with flowing(deployment):
        outcome = deployment.run(variables=given)
        assert outcome.rc == 0, outcome.stdout
        deployment.lab.advance(minutes=6)
        tally = deployment.lab.traffic(mails=300)
    assert tally["lost"] > 0, tally
    assert any("5.7.51" in reason for reason in tally["reasons"]), tally
    assert deployment.mx()["northwind.example"][0][1] == EU_RECORDS[0][1]
