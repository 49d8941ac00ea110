# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each way to sign in: what it checks without the network, and that its table is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailflow.area1.plugins.doc_fragments.exchange import ModuleDocFragment
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import InputError
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.clouds import CLOUDS
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.methods.table import (
    BESIDE,
    ENVIRONMENT,
    METHODS,
    SPEC,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.options import (
    EXCHANGE_OPTIONS,
    resolve,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.signin import SignIn
from tests.unit.exchange.helpers import APP, TENANT, jwt

ROOT = Path(__file__).resolve().parents[3]
IDENTITY = {"tenant": TENANT, "client_id": APP}


def validate(**options: Any) -> None:
    SignIn(resolve({**IDENTITY, **options}, {}), Context()).validate()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"client_secret": APP}, "has the form of an id"),
        ({"certificate_path": "/nowhere.pem"}, "cannot be read"),
        ({"certificate_content": "nonsense-text"}, "neither PEM nor a PFX"),
        ({"certificate_content": "MIIBAgIB" * 4}, "neither PEM nor a PFX"),
        ({"federated_token_file": "/nowhere"}, "cannot be read"),
        ({"federated_token": "only.two-parts"}, "does not hold a JSON web token"),
        ({"federated_token": "a.b.c d.e.f"}, "does not hold a JSON web token"),
        ({"federated_token_url": "http://runner.example/t"}, "not an https address"),
        ({"federated_token_url": "https://runner.example/t"}, "id-token: write"),
        ({"managed_identity": "that one"}, "neither 'system' nor"),
        ({"managed_identity": "object_id:that one"}, "neither 'system' nor"),
        ({"managed_identity": "/subscriptions/x"}, "neither 'system' nor"),
    ],
)
def test_what_cannot_be_right_is_refused_without_the_network(
    options: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *words: pytest.fail("the network"))
    with pytest.raises(InputError, match=words) as caught:
        validate(**options)
    assert "nonsense-text" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"client_secret": "a-real-looking~secret"},
        {"federated_token": jwt()},
        {
            "federated_token_url": "https://runner.example/t?api-version=2.0",
            "federated_token_bearer": "bearer-of-the-job",
        },
        {"managed_identity": "system"},
        {"managed_identity": APP},
        {"managed_identity": "object_id:" + APP},
        {
            "managed_identity": "/subscriptions/1/resourcegroups/r/providers"
            "/Microsoft.ManagedIdentity/userAssignedIdentities/mail"
        },
        {"device_code": True},
        {"access_token": jwt()},
    ],
)
def test_what_may_be_right_passes(options: dict[str, Any]) -> None:
    validate(**options)


def test_the_tables_of_ways_agree() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    contract = yaml.safe_load((ROOT / "tools" / "contract" / "variables.yml").read_text())
    variables = {entry["name"]: entry for entry in contract["variables"]}
    page = (ROOT / "docs" / "sign-in.md").read_text(encoding="utf-8")
    for name, method in METHODS.items():
        assert method.option == name and name in method.SPEC
        assert set(method.beside) <= set(SPEC) and set(method.needs) <= set(EXCHANGE_OPTIONS)
        assert "o365_" + name in page, name
    for name, spec in SPEC.items():
        assert EXCHANGE_OPTIONS[name] == spec
        assert documented[name]["type"] == spec["type"]
        variable = variables["o365_" + name]
        assert bool(variable.get("secret")) == bool(spec.get("no_log"))
        if name in ENVIRONMENT:
            assert "E(%s)" % ENVIRONMENT[name] in str(documented[name]["description"])
            assert ENVIRONMENT[name] in variable["default"]
    assert set(BESIDE) == {"certificate_passphrase", "federated_token_bearer"}


def test_the_page_marks_the_addresses_that_are_disputed() -> None:
    page = (ROOT / "docs" / "sign-in.md").read_text(encoding="utf-8")
    for cloud in CLOUDS.values():
        row = next(line for line in page.splitlines() if line.startswith("| `%s`" % cloud.name))
        assert row.count("*(marked:") == len(cloud.disputed), cloud.name
        for address in (cloud.authority, "https://" + cloud.exchange_hosts[0], cloud.graph):
            assert address.removeprefix("https://") in row, address
