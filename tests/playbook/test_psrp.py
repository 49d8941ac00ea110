# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A deployment whose cmdlets run on a Windows management host ends where one over REST ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.playbook.end_state import assert_finished
from tests.playbook.harness import ROOT, Deployment, Outcome
from tests.playbook.test_rollback import roll_back, tenant
from tests.playbook.test_secrets import assert_clean

QUICK: dict[str, Any] = {"area1_lockdown_soak_hours": 0, "area1_settle_minutes": 0}
AUDIT = ROOT / "playbooks" / "audit.yml"
CONNECT = "Connect-ExchangeOnline"


def over_psrp(deployment: Deployment, **more: Any) -> Deployment:
    deployment.variables.update(deployment.lab.info["psrp"]["extra_vars"], **more)
    return deployment


def connects(deployment: Deployment, since: int) -> int:
    entries = deployment.lab.requests("psrp", since)
    return sum(entry["operation"] == CONNECT for entry in entries)


def deployed(deployment: Deployment) -> list[Outcome]:
    deployment.variables.update(QUICK)
    return deployment.until_done()


@pytest.mark.long
def test_both_transports_end_in_the_same_state_and_go_back_to_it(
    deploy: Callable[..., Deployment],
) -> None:
    by_rest, by_psrp = deploy("fresh"), over_psrp(deploy("fresh"))
    before = tenant(by_psrp)
    runs = deployed(by_psrp)
    deployed(by_rest)
    assert_finished(by_psrp)
    assert tenant(by_psrp) == tenant(by_rest) != before
    lab = by_psrp.lab
    assert connects(by_psrp, 0) == len(runs), "one connection a run"
    assert lab.state()["psrp"]["sessions"] == [], "and none is left behind"
    assert {entry["method"] for entry in lab.requests("exchange")} == {"PSRP"}, "nothing past it"

    # the second run, at the highest verbosity
    since = lab.mark()
    again = by_psrp.run("--diff", verbosity=4)
    assert again.rc == 0 and again.stats["changed"] == 0, again.stdout
    assert lab.writes(since) == [] and again.report["done"] is True
    assert connects(by_psrp, since) == 1
    assert_clean(by_psrp, again.everything(), "the second run")
    assert "AccessToken" not in again.stdout

    # no script but the one, once a session
    scripts = [entry["script"] for entry in lab.requests("psrp") if entry.get("script")]
    assert len(set(scripts)) == 1 and len(scripts) == connects(by_psrp, 0)
    assert_clean(by_psrp, scripts[0], "the script on the host")

    # the audit reads only
    since = lab.mark()
    by_psrp.playbook = AUDIT
    audit = by_psrp.run("-e", "area1_audit_fail_on_drift=true")
    assert audit.rc == 0 and lab.writes(since) == [], audit.stdout
    assert connects(by_psrp, since) == 1

    # and back, as over REST
    roll_back(by_psrp)
    roll_back(by_rest)
    assert tenant(by_psrp) == tenant(by_rest) == before
    assert lab.state()["psrp"]["sessions"] == []


def test_a_constrained_host_is_enough(deploy: Callable[..., Deployment]) -> None:
    """The function of docs/examples/jea, its own certificate, no secret of the tenant's here."""
    deployment = deploy("fresh")
    details = deployment.lab.info["psrp"]
    over_psrp(
        deployment,
        o365_psrp_configuration="Area1",
        o365_psrp_auth="certificate",
        o365_psrp_certificate_path=details["certificate_path"],
        o365_psrp_connect="certificate_thumbprint",
        o365_psrp_certificate_thumbprint=details["thumbprint"],
    )
    # Graph is out of reach: the hosts that it would name are given
    hosts = deployment.tenant()["mail_hosts"]
    deployment.variables["area1_domains"] = [
        {"name": name, "forward_to": hosts[name]}
        for name in deployment.lab.extra_vars["area1_domains"]
    ]
    del deployment.variables["o365_client_secret"]
    deployed(deployment)
    assert_finished(deployment)
    assert deployment.lab.requests("entra") == []
    assert not [entry for entry in deployment.lab.requests("psrp") if entry.get("script")]


def test_the_plan_is_the_same_over_both(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("busy")
    by_rest = deployment.run(check=True)
    since = deployment.lab.mark()
    by_psrp = over_psrp(deployment).run(check=True)
    assert by_rest.rc == by_psrp.rc == 0, by_psrp.stdout
    assert by_psrp.diffs() == by_rest.diffs()
    assert deployment.lab.writes(since) == []


def test_a_run_that_fails_leaves_no_session_and_no_secret(
    deploy: Callable[..., Deployment],
) -> None:
    deployment = over_psrp(deploy("fresh"))
    deployment.lab.faults([{"service": "cloudflare", "kind": "garbage", "times": -1}])
    failed = deployment.run("--diff", verbosity=4)
    assert failed.rc != 0 and connects(deployment, 0) == 1
    assert deployment.lab.state()["psrp"]["sessions"] == []
    assert_clean(deployment, failed.everything(), "a failed run")

    deployment.lab.faults([{"service": "psrp", "kind": "drop", "times": -1}])
    failed = deployment.run(verbosity=4)
    assert failed.rc != 0 and "could not be run on 127.0.0.1" in "\n".join(
        failed.report["failures"]
    )
    assert_clean(deployment, failed.everything(), "a run without a host")
