# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lab process for the tests of its Microsoft side, put back to the fresh world before each
test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from lab.client import Lab

SCOPE = "https://outlook.office365.com/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"


@pytest.fixture(scope="session")
def _process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.start("fresh", tmp_path_factory.mktemp("lab"), max_seconds=600) as lab:
        yield lab


@pytest.fixture
def lab(_process: Lab) -> Lab:
    _process.reset("fresh")
    return _process


class Tenant:
    """A bare client: it knows the protocol, and nothing of the collection."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.vars = lab.extra_vars
        self.session = requests.Session()
        # REQUESTS_CA_BUNDLE would override `verify` [AUTH-2]
        self.session.trust_env = False
        self.session.verify = lab.ca_path
        self._token: str | None = None

    def token_reply(self, tenant: str | None = None, **form: str) -> requests.Response:
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.vars["o365_client_id"],
            "client_secret": self.vars["o365_client_secret"],
            "scope": SCOPE,
            **form,
        }
        authority = self.vars["o365_authority_url"]
        url = f"{authority}/{tenant or self.vars['o365_tenant']}/oauth2/v2.0/token"
        return self.session.post(
            url, data={key: value for key, value in fields.items() if value}, timeout=30
        )

    def token(self, scope: str = SCOPE) -> str:
        reply = self.token_reply(scope=scope)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["access_token"])

    @property
    def bearer(self) -> str:
        self._token = self._token or self.token()
        return self._token

    def url(
        self, version: str = "beta", rest: str = "InvokeCommand", tenant: str | None = None
    ) -> str:
        exchange = self.vars["o365_exchange_url"]
        return f"{exchange}/adminapi/{version}/{tenant or self.vars['o365_tenant']}/{rest}"

    def invoke(
        self,
        cmdlet: str,
        query: str = "",
        token: str | None = None,
        tenant: str | None = None,
        **parameters: Any,
    ) -> requests.Response:
        return self.session.post(
            self.url(tenant=tenant) + query,
            json={"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}},
            headers={"Authorization": f"Bearer {token or self.bearer}"},
            timeout=30,
            allow_redirects=False,
        )

    def values(self, cmdlet: str, **parameters: Any) -> list[dict[str, Any]]:
        reply = self.invoke(cmdlet, **parameters)
        assert reply.status_code == 200, reply.text
        return list(reply.json()["value"])

    def ok(self, cmdlet: str, **parameters: Any) -> dict[str, Any]:
        reply = self.invoke(cmdlet, **parameters)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def connector(self, name: str) -> dict[str, Any]:
        return next(item for item in self.values("Get-InboundConnector") if item["Name"] == name)

    def graph(
        self, path: str, token: str | None = None, method: str = "GET", order: Any = None
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.token(GRAPH_SCOPE)}"}
        return self.session.request(
            method,
            f"{self.vars['o365_graph_url']}/v1.0/{path}",
            json=order,
            headers=headers,
            timeout=30,
        )

    @property
    def app_path(self) -> list[str]:
        return ["entra", "apps", self.vars["o365_client_id"]]


@pytest.fixture
def tenant(lab: Lab) -> Tenant:
    return Tenant(lab)


def refusal(reply: requests.Response) -> tuple[str, str]:
    """Type and text of an error, from whichever place and shape carries them ([EXO-1.7])."""
    import json

    error = reply.json()["error"]
    inner = error.get("innererror", {}).get("internalexception", {})
    if inner:
        return inner["type"].rpartition(".")[2], inner["message"]
    detail = error["details"][0]["message"]
    if detail.startswith("{"):
        loaded = json.loads(detail)
        return loaded["TypeName"].rpartition(".")[2], loaded["Message"]
    _prefix, type_name, text = detail.split("|", 2)
    return type_name.rpartition(".")[2], text
