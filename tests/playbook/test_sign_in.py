# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit and a first run by each way to sign in: the same plan, the same tenant, no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.module.ways import WAYS
from tests.playbook.harness import ROOT, Deployment, Outcome
from tests.playbook.test_input import IN_ENVIRONMENT, first_day

# Certificates as PEM and PFX carry a whole deployment in test_input.py.
CHOSEN = (
    "certificate_from_vault",
    "federated_file",
    "federated_variable",
    "federated_request",
    "identity_of_the_system",
    "identity_of_a_user",
    "identity_of_app_service",
)


def audit(deployment: Deployment, **options: Any) -> Outcome:
    deployment.playbook = ROOT / "playbooks" / "audit.yml"
    try:
        return deployment.run(**options)
    finally:
        deployment.playbook = ROOT / "playbooks" / "deploy_area1.yml"


def shown(outcome: Outcome) -> str:
    """Return the terminal and all events: ansible-runner itself keeps the environment in a file."""
    return outcome.stdout + json.dumps(outcome.events)


def both(deployment: Deployment, **options: Any) -> tuple[Any, dict[str, Any]]:
    """(what the audit would change, what the first run left)."""
    since = deployment.lab.mark()
    planned = audit(deployment, **options)
    assert planned.rc == 0, planned.stdout
    assert deployment.lab.writes(since) == []
    outcome = deployment.run(**options)
    assert outcome.rc == 0, outcome.stdout
    assert len(deployment.lab.writes(since)) > 5
    text = shown(planned) + shown(outcome)
    assert not [secret for secret in deployment.lab.secrets if secret in text]
    assert "eyJ" not in text
    return planned.report["audit"]["drift"], first_day(deployment)


@pytest.fixture(scope="module")
def by_secret(tmp_path_factory: pytest.TempPathFactory) -> Any:
    deployment = Deployment(tmp_path_factory.mktemp("by-secret"))
    try:
        return both(deployment)
    finally:
        deployment.close()


@pytest.mark.parametrize("name", CHOSEN)
def test_every_way_leads_to_the_same(
    deploy: Callable[..., Deployment], by_secret: tuple[Any, dict[str, Any]], name: str
) -> None:
    deployment = deploy("fresh")
    options, environment = WAYS[name](deployment.lab, deployment.directory)
    hidden = [value for value in environment.values() if not value.startswith("http")]
    found = both(
        deployment,
        variables={"o365_" + option: value for option, value in options.items()},
        without=["o365_client_secret"],
        environment=environment,
        verbosity=4,
    )
    assert found == by_secret
    runs = deployment.directory / "runs"
    printed = [path.read_text(errors="replace") for path in runs.rglob("stdout")]
    assert len(printed) == 2
    assert not [text for text in printed for value in hidden if value in text]
    assert not [text for text in printed if "eyJ" in text]


def test_all_that_is_missing_is_said_at_once(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("fresh")
    since = deployment.lab.mark()
    outcome = deployment.run(without=[*IN_ENVIRONMENT])
    assert outcome.rc != 0
    told = outcome.stdout
    for variable in ("O365_TENANT", "O365_CLIENT_SECRET", "AREA1_ACCOUNT_ID", "AREA1_API_TOKEN"):
        assert variable in told
    assert deployment.lab.log(since) == []


def test_kept_tokens_save_the_sign_in_of_the_next_run(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("fresh")
    kept = {"o365_token_cache": str(deployment.directory / "tokens")}
    assert deployment.run(variables=kept).rc == 0
    since = deployment.lab.mark()
    assert deployment.run(variables=kept).rc == 0
    assert deployment.lab.requests("entra", since) == []


def test_a_run_outlives_its_token(deploy: Callable[..., Deployment]) -> None:
    """Each task gets a new one before it sends the old; a token alone cannot be renewed."""
    deployment = deploy("fresh")
    deployment.lab.setting("token_lifetime_seconds", 90)
    since = deployment.lab.mark()
    outcome = deployment.run()
    assert outcome.rc == 0, outcome.stdout
    assert {entry["status"] for entry in deployment.lab.requests("exchange", since)} == {200}
    assert len(deployment.lab.writes(since)) > 5
    token = outcome.results("Sign in")
    assert token and "access_token" not in json.dumps(token)
