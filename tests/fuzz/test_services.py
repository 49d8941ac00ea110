# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a service answers, a module ends with a result or with an error that has a name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.accounts import Drivers
from ansible_collections.mailflow.area1.plugins.module_utils._email_security import (
    delivery_log,
    domains,
    quarantine,
    quarantine_list,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import Result
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.auth.login import login
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.objects import (
    connectors,
    quarantine_policy,
    tables,
    transport_rules,
)
from ansible_collections.mailflow.area1.plugins.module_utils._exchange.reads.mail_flow import (
    run_mail_flow_info,
)
from tests.fuzz import samples
from tests.fuzz.hostile import answering, answers, outcome
from tests.unit.exchange.helpers import TENANT, jwt

AREA1 = {"account_id": samples.ACCOUNT, "api_token": "t" * 40, "timeout": 30}
EXCHANGE = {
    "tenant": TENANT,
    "access_token": jwt(),
    "graph_access_token": jwt(aud="https://graph.microsoft.com"),
    # Real seconds for what waits by a clock of its own.
    "timeout": 1,
}
GUID = TENANT
HELD = "4Njp3P0STMz2c02Q"


def dns(provider: str, **options: Any) -> Any:
    """Return the logic of a module that reads a record set at one provider."""

    def logic(params: Any, context: Context) -> Result:
        driver = Drivers({"timeout": 30, **options}, context).get(provider)
        driver.prepare(["a.example"])
        driver.check("a.example")
        driver.name_servers("a.example")
        found = [driver.read("a.example", rdtype) for rdtype in ("MX", "TXT")]
        return Result(values={"found": [each.values for each in found if each]})

    return logic


#: By name: the logic, its options, and the answers that it should get.
SERVICES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "o365_mail_flow_info": (
        run_mail_flow_info,
        {**EXCHANGE, "sections": [*tables.READS, "permissions"]},
        samples.EXCHANGE,
    ),
    "message trace": (
        run_mail_flow_info,
        {
            **EXCHANGE,
            "sections": [
                "organization",
                "inbound_connectors",
                "transport_rules",
                "message_trace",
                "message_events",
                "followed_messages",
            ],
            "trace_since": {"a.example": samples.DATE},
            "trace_details": 3,
            "message_ids": ["<1@b.example>"],
            "follow": ["<1@b.example>"],
        },
        samples.EXCHANGE,
    ),
    "forwarding hosts": (
        run_mail_flow_info,
        {**EXCHANGE, "sections": ["accepted_domains", "forwarding_hosts"]},
        samples.EXCHANGE,
    ),
    "o365_connector": (
        connectors.run_connector,
        {
            **EXCHANGE,
            "name": "Area 1",
            "state": "present",
            "enabled": True,
            "sender_ip_addresses": {"add": ["192.0.2.7"]},
            "comment": "c",
        },
        samples.EXCHANGE,
    ),
    "o365_transport_rule": (
        transport_rules.run_transport_rule,
        {
            **EXCHANGE,
            "name": "rule",
            "state": "present",
            "enabled": True,
            "position": "first",
            "parameters": {"SetSCL": 9, "MessageSizeOver": "10MB"},
        },
        samples.EXCHANGE,
    ),
    "o365_quarantine_policy": (
        quarantine_policy.run_quarantine_policy,
        {**EXCHANGE, "name": "Own", "state": "present", "access": "limited"},
        samples.EXCHANGE,
    ),
    "o365_login": (
        login,
        {"tenant": GUID, "client_id": GUID, "client_secret": "s" * 40, "timeout": 30},
        samples.SIGN_IN,
    ),
    "area1_domain_info": (domains.inform, AREA1, samples.AREA1),
    "area1_trace_info": (
        delivery_log.run_trace_info,
        {**AREA1, "since": samples.DATE, "limit": 3},
        samples.AREA1,
    ),
    "area1_quarantine_info": (
        quarantine_list.inform,
        {**AREA1, "table": True, "quarantined": True},
        samples.AREA1,
    ),
    "area1_quarantine": (
        quarantine.manage,
        {**AREA1, "action": "release", "ids": [HELD], "confirm": False, "table": True},
        samples.AREA1,
    ),
    "cloudflare": (dns("cloudflare", dns_api_token="t" * 40), {}, samples.CLOUDFLARE),
    "azure": (
        dns(
            "azure",
            dns_azure_subscription=GUID,
            dns_azure_tenant=GUID,
            dns_azure_client_id=GUID,
            dns_azure_client_secret="s" * 40,
        ),
        {},
        samples.AZURE,
    ),
    "route53": (
        dns("route53", dns_route53_access_key="A" * 20, dns_route53_secret_key="s" * 40),
        {},
        samples.ROUTE53,
    ),
    "godaddy": (dns("godaddy", dns_godaddy_token="t" * 40), {}, samples.GODADDY),
}


@pytest.mark.parametrize("name", SERVICES)
@given(data=st.data())
def test_any_answer_is_a_result_or_an_error_with_a_name(name: str, data: st.DataObject) -> None:
    logic, params, documents = SERVICES[name]
    with answering(data.draw(answers(documents))):
        outcome(logic, params)
