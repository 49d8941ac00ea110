# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Entra, Graph, protocol and control, over real HTTPS and with msal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import msal
import pytest
import requests

from lab.client import Lab, LabError
from tests.lab.conftest import GRAPH_SCOPE, SCOPE, Tenant, refusal

DOMAINS = ["northwind.example", "northwind-group.example", "nw-labs.example"]


def application(
    lab: Lab, credential: Any, tenant: str | None = None, client_id: str | None = None
) -> Any:
    session = requests.Session()
    session.trust_env = False
    session.verify = lab.ca_path
    known = lab.extra_vars
    return msal.ConfidentialClientApplication(
        client_id or known["o365_client_id"],
        authority=f"{known['o365_authority_url']}/{tenant or known['o365_tenant']}",
        client_credential=credential,
        instance_discovery=False,
        http_client=session,
    )


def pem(lab: Lab) -> tuple[str, str]:
    text = Path(lab.info["certificates"]["pem"]).read_text()
    head, certificate = text.split("-----BEGIN CERTIFICATE-----")
    return head, "-----BEGIN CERTIFICATE-----" + certificate


# --- Entra ---


@pytest.mark.parametrize(
    "tenant", ["northwind.onmicrosoft.com", "northwind.example", "NORTHWIND.example", "guid"]
)
def test_msal_gets_a_token_with_the_secret(lab: Lab, tenant: str) -> None:
    name = lab.info["tenant_id"] if tenant == "guid" else tenant
    result = application(lab, lab.extra_vars["o365_client_secret"], name).acquire_token_for_client(
        [SCOPE]
    )
    claims = jwt.decode(result["access_token"], options={"verify_signature": False})
    assert claims["roles"] == ["Exchange.ManageAsApp"]
    assert (
        claims["tid"] == lab.info["tenant_id"] and claims["aud"] == "https://outlook.office365.com"
    )
    assert claims["exp"] - claims["iat"] == 3600


def test_msal_gets_a_token_with_the_certificate_in_each_form(lab: Lab) -> None:
    key, certificate = pem(lab)
    files = lab.info["certificates"]
    for credential in (
        {"private_key": key, "public_certificate": certificate},
        {"private_key_pfx_path": files["pfx"], "passphrase": files["passphrase"]},
    ):
        assert "access_token" in application(lab, credential).acquire_token_for_client([SCOPE])


def test_msal_with_a_thumbprint_signs_rs256_and_is_accepted(lab: Lab) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key, certificate = pem(lab)
    thumbprint = (
        x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA1()).hex()
    )  # noqa: S303
    assert "access_token" in application(
        lab, {"private_key": key, "thumbprint": thumbprint}
    ).acquire_token_for_client([SCOPE])


def test_an_unregistered_certificate_is_refused(lab: Lab, tenant: Tenant) -> None:
    lab.mutate([*tenant.app_path, "certificates"], value=[])
    key, certificate = pem(lab)
    result = application(
        lab, {"private_key": key, "public_certificate": certificate}
    ).acquire_token_for_client([SCOPE])
    assert result["error"] == "invalid_client" and "AADSTS700027" in result["error_description"]


def assertion(tenant: Tenant, lab: Lab, **changes: Any) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key, certificate = pem(lab)
    now = int(time.time())
    claims = {
        "aud": (
            f"{tenant.vars['o365_authority_url']}/{tenant.vars['o365_tenant']}/oauth2/v2.0/token"
        ),
        "iss": tenant.vars["o365_client_id"],
        "sub": tenant.vars["o365_client_id"],
        "exp": now + 600,
        "iat": now,
        "jti": str(now),
        **changes,
    }
    digest = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA256())
    import base64

    return jwt.encode(
        claims,
        key,
        algorithm="PS256",
        headers={"x5t#S256": base64.urlsafe_b64encode(digest).decode()},
    )


def with_assertion(tenant: Tenant, text: str) -> requests.Response:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return tenant.token_reply(client_secret="", client_assertion=text, client_assertion_type=kind)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"aud": "https://example.org"}, 700027),
        # another issuer than the app itself is looked for among its federated credentials
        ({"iss": "someone"}, 700211),
        ({"sub": "someone"}, 700027),
        ({"exp": 1}, 700024),
        ({"exp": 9999999999}, 700027),
    ],
)
def test_a_wrong_assertion_is_refused(
    lab: Lab, tenant: Tenant, change: dict[str, Any], code: int
) -> None:
    assert with_assertion(tenant, assertion(tenant, lab)).status_code == 200
    reply = with_assertion(tenant, assertion(tenant, lab, jti="other", **change))
    assert reply.status_code == 401 and reply.json()["error_codes"] == [code]


def test_an_assertion_is_taken_once(lab: Lab, tenant: Tenant) -> None:
    text = assertion(tenant, lab)
    assert [with_assertion(tenant, text).status_code for _ in range(2)] == [200, 401]


def test_an_assertion_counts_by_real_time(lab: Lab, tenant: Tenant) -> None:
    lab.advance(days=3)
    assert with_assertion(tenant, assertion(tenant, lab)).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_secret": ""}, 401, 7000218),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, 400, 700016),
        ({"tenant": "nobody.example"}, 400, 90002),
        ({"scope": "https://outlook.office365.com/Exchange.Manage"}, 400, 1002012),
        ({"scope": "https://vault.example/.default"}, 400, 500011),
        ({"grant_type": "password"}, 400, 70003),
    ],
)
def test_refused_token_requests(
    tenant: Tenant, change: dict[str, str], status: int, code: int
) -> None:
    reply = tenant.token_reply(**change)
    assert reply.status_code == status
    assert (
        reply.json()["error_codes"] == [code]
        and f"AADSTS{code}" in reply.json()["error_description"]
    )


# --- who may call ---


def test_the_lab_s_own_address_is_a_resource_too(tenant: Tenant) -> None:
    token = tenant.token(f"{tenant.vars['o365_exchange_url']}/.default")
    assert tenant.invoke("Get-AcceptedDomain", token=token).status_code == 200


def test_a_token_expires_by_the_lab_s_clock(lab: Lab, tenant: Tenant) -> None:
    assert tenant.invoke("Get-AcceptedDomain").status_code == 200
    lab.advance(hours=1)
    assert tenant.invoke("Get-AcceptedDomain").status_code == 401
    assert tenant.invoke("Get-AcceptedDomain", token=tenant.token()).status_code == 200


def test_a_graph_token_is_not_for_exchange(tenant: Tenant) -> None:
    reply = tenant.invoke("Get-AcceptedDomain", token=tenant.token(GRAPH_SCOPE))
    assert reply.status_code == 401 and "invalid_token" in reply.headers["WWW-Authenticate"]


def test_a_tampered_token_and_another_tenant_s_address_are_refused(tenant: Tenant) -> None:
    assert (
        tenant.invoke("Get-AcceptedDomain", token=tenant.bearer[:-6] + "AAAAAA").status_code == 401
    )
    assert tenant.invoke("Get-AcceptedDomain", tenant="contoso.onmicrosoft.com").status_code == 401


def test_a_token_of_another_tenant_is_refused(lab: Lab, tenant: Tenant) -> None:
    for scope in (SCOPE, GRAPH_SCOPE):
        reply = tenant.token_reply(tenant=lab.info["other_tenant"], scope=scope)
        token = reply.json()["access_token"]
        assert (
            jwt.decode(token, options={"verify_signature": False})["tid"] != lab.info["tenant_id"]
        )
        answer = (
            tenant.invoke("Get-AcceptedDomain", token=token)
            if scope == SCOPE
            else tenant.graph("domains/northwind.example", token=token)
        )
        assert answer.status_code == 401


def test_the_missing_grants_are_told_apart(lab: Lab, tenant: Tenant) -> None:
    lab.mutate([*tenant.app_path, "roles", "exchange"], value=["Exchange.ManageAsAppV2"])
    assert tenant.invoke("Get-AcceptedDomain", token=tenant.token()).status_code == 401
    lab.mutate([*tenant.app_path, "roles", "exchange"], value=["Exchange.ManageAsApp"])
    token = tenant.token()
    lab.mutate([*tenant.app_path, "directory_roles"], value=[])
    reply = tenant.invoke("Get-AcceptedDomain", token=token)
    assert reply.status_code == 403 and "isn't supported in this scenario" in reply.text
    lab.mutate([*tenant.app_path, "directory_roles"], value=["Global Reader"])
    assert tenant.invoke("Get-InboundConnector", token=token).status_code == 200
    reply = tenant.invoke("Set-InboundConnector", token=token, Identity="x", Enabled=True)
    assert reply.status_code == 403 and reply.content and set(reply.content) == {0}
    lab.mutate([*tenant.app_path, "directory_roles"], value=["Security Reader"])
    assert tenant.invoke("Get-TransportRule", token=token).status_code == 200
    assert tenant.invoke("Get-InboundConnector", token=token).status_code == 403
    assert set(tenant.invoke("Get-Nonsense", token=token).content) == {0}


def test_the_module_file_lists_what_the_identity_may_call(lab: Lab, tenant: Tenant) -> None:
    def listed() -> list[str]:
        headers = {"Authorization": f"Bearer {tenant.bearer}", "CommandName": "*"}
        reply = tenant.session.get(
            tenant.url("v1.0", "EXOModuleFile?Version=3.7.1"), headers=headers, timeout=30
        )
        return str(reply.json()["value"][0]["exportedCmdlets"]).split(",")

    assert {"Set-InboundConnector", "Enable-OrganizationCustomization"} <= set(listed())
    lab.mutate([*tenant.app_path, "denied_cmdlets"], value=["New-InboundConnector"])
    lab.mutate([*tenant.app_path, "silently_denied_cmdlets"], value=["Set-InboundConnector"])
    assert "New-InboundConnector" not in listed() and "Set-InboundConnector" in listed()
    assert tenant.invoke("Set-InboundConnector", Identity="x").status_code == 403


# --- protocol ---


@pytest.mark.parametrize("kind", ["port", "446", "foreign", "downgrade", "loop"])
def test_redirects_to_a_regional_host(lab: Lab, tenant: Tenant, kind: str) -> None:
    lab.setting("redirect", kind)
    reply = tenant.invoke("Get-AcceptedDomain")
    assert reply.status_code == 302 and reply.headers["Location"].endswith("/InvokeCommand")
    if kind in ("port", "loop"):
        again = tenant.session.post(
            reply.headers["Location"],
            json={"CmdletInput": {"CmdletName": "Get-AcceptedDomain", "Parameters": {}}},
            headers={"Authorization": f"Bearer {tenant.bearer}"},
            timeout=30,
            allow_redirects=False,
        )
        assert again.status_code == (200 if kind == "port" else 302)


@pytest.mark.parametrize("mode", ["post", "get", "expired"])
def test_paging(lab: Lab, tenant: Tenant, mode: str) -> None:
    lab.faults(
        [{"service": "exchange", "match": "Get-AcceptedDomain", "kind": "nextlink", "mode": mode}]
    )
    first = tenant.ok("Get-AcceptedDomain")
    found, link = first["value"], first["@odata.nextLink"]
    headers = {"Authorization": f"Bearer {tenant.bearer}"}
    body = {"CmdletInput": {"CmdletName": "Get-AcceptedDomain", "Parameters": {}}}
    while link and mode != "expired":
        reply = (
            tenant.session.post(link, json=body, headers=headers, timeout=30)
            if mode == "post"
            else tenant.session.get(link, headers=headers, timeout=30)
        )
        found += reply.json()["value"]
        link = reply.json().get("@odata.nextLink")
    if mode == "expired":
        assert (
            "Expired or Invalid pagination request"
            in refusal(tenant.session.post(link, json=body, headers=headers, timeout=30))[1]
        )
    else:
        assert len(found) == 5


def test_bodies_that_are_refused(tenant: Tenant) -> None:
    def post(order: Any, **options: Any) -> requests.Response:
        return tenant.session.post(
            tenant.url(),
            headers={"Authorization": f"Bearer {tenant.bearer}", **options},
            json=order,
            timeout=30,
        )

    assert (
        post({"CmdletInput": {"CmdletName": "Get-AcceptedDomain", "Parameters": None}}).status_code
        == 400
    )
    assert post({"CmdletInput": {}}).status_code == 400
    assert post({}, **{"Content-Type": "text/plain"}).status_code == 415
    assert (
        tenant.session.get(
            tenant.url(), headers={"Authorization": f"Bearer {tenant.bearer}"}, timeout=30
        ).status_code
        == 405
    )
    assert (
        tenant.session.post(
            tenant.url("v2.0"), headers={"Authorization": f"Bearer {tenant.bearer}"}, timeout=30
        ).status_code
        == 404
    )


def test_faults_before_and_after_the_commit(lab: Lab, tenant: Tenant) -> None:
    assert tenant.bearer
    lab.faults(
        [
            {
                "service": "exchange",
                "match": "Get-AcceptedDomain",
                "kind": "throttle",
                "seconds": 7,
            },
            {"service": "exchange", "match": "Get-AcceptedDomain", "kind": "unavailable"},
            {"service": "exchange", "match": "Get-AcceptedDomain", "kind": "garbage"},
            {"service": "exchange", "match": "Get-AcceptedDomain", "kind": "transient"},
            {"service": "exchange", "match": "New-InboundConnector", "kind": "drop_after_commit"},
            {
                "service": "exchange",
                "match": "Remove-InboundConnector",
                "kind": "error_after_commit",
            },
        ]
    )
    replies = [tenant.invoke("Get-AcceptedDomain") for _ in range(5)]
    assert [reply.status_code for reply in replies] == [429, 503, 200, 400, 200]
    assert (
        replies[0].headers["Retry-After"] == "7"
        and replies[2].headers["Content-Type"] == "text/html"
    )
    with pytest.raises(requests.ConnectionError):
        tenant.invoke(
            "New-InboundConnector", Name="x", SenderDomains=["*"], ConnectorType="Partner"
        )
    assert tenant.connector("x")["SenderDomains"] == ["smtp:*;1"]
    assert tenant.invoke("Remove-InboundConnector", Identity="x", Confirm=False).status_code == 500
    assert tenant.values("Get-InboundConnector") == []


def test_faults_of_the_admin_api_s_own(lab: Lab, tenant: Tenant) -> None:
    assert tenant.bearer
    lab.faults(
        [
            {"service": "exchange", "match": "Get-AcceptedDomain", "kind": "claims_challenge"},
            {
                "service": "exchange",
                "match": "Get-AcceptedDomain",
                "kind": "cmdlet_error",
                "type": "System.ArgumentException",
                "message": "no",
            },
            {
                "service": "exchange",
                "match": "Get-AcceptedDomain",
                "kind": "status",
                "status": 500,
                "body": "",
                "skip": 1,
            },
        ]
    )
    reply = tenant.invoke("Get-AcceptedDomain")
    assert reply.status_code == 401 and 'claims="' in reply.headers["WWW-Authenticate"]
    assert tenant.invoke("Get-AcceptedDomain").status_code == 500
    assert refusal(tenant.invoke("Get-AcceptedDomain")) == ("ArgumentException", "no")
    lab.faults([{"kind": "drop", "times": -1}])
    for _ in range(3):
        with pytest.raises(requests.ConnectionError):
            tenant.invoke("Get-AcceptedDomain")
    lab.faults([])
    assert tenant.invoke("Get-AcceptedDomain").status_code == 200


def test_a_stall_holds_up_nobody_else(lab: Lab, tenant: Tenant) -> None:
    assert tenant.bearer
    lab.faults(
        [{"service": "exchange", "match": "Get-AcceptedDomain", "kind": "stall", "seconds": 3}]
    )
    with pytest.raises(requests.exceptions.ReadTimeout):
        tenant.session.post(
            tenant.url(),
            json={"CmdletInput": {"CmdletName": "Get-AcceptedDomain", "Parameters": {}}},
            headers={"Authorization": f"Bearer {tenant.bearer}"},
            timeout=0.3,
        )
    begin = time.monotonic()
    assert tenant.values("Get-OrganizationConfig") and time.monotonic() - begin < 2


# --- Graph ---


def test_graph_names_the_host_of_each_domain(lab: Lab, tenant: Tenant) -> None:
    hosts = {}
    for domain in DOMAINS:
        records = tenant.graph(f"domains/{domain}/serviceConfigurationRecords").json()["value"]
        mail = [record for record in records if record["recordType"] == "Mx"]
        assert len(records) == 3 and mail[0]["preference"] == 0
        hosts[domain] = mail[0]["mailExchange"]
    assert hosts["northwind.example"] == "northwind-example.mail.protection.outlook.com"
    assert hosts["nw-labs.example"].endswith(".mx.microsoft")
    zones = lab.state()["cloudflare"]["zones"]
    assert {
        name: record["content"]
        for name in DOMAINS
        for record in zones[name]["records"]
        if record["type"] == "MX"
    } == hosts


def test_graph_batches_and_refuses(lab: Lab, tenant: Tenant) -> None:
    mark = lab.mark()
    steps = [
        {"id": str(i), "method": "GET", "url": f"/domains/{name}/serviceConfigurationRecords"}
        for i, name in enumerate([*DOMAINS, "contoso.example"])
    ]
    answers = {
        item["id"]: item
        for item in tenant.graph("$batch", method="POST", order={"requests": steps}).json()[
            "responses"
        ]
    }
    assert [answers[str(index)]["status"] for index in range(4)] == [200, 200, 200, 404]
    assert answers["3"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert (
        tenant.graph(
            "$batch",
            method="POST",
            order={"requests": [{**steps[0], "id": str(n)} for n in range(21)]},
        ).status_code
        == 400
    )
    assert tenant.graph("domains/northwind.example", token=tenant.bearer).status_code == 401
    lab.mutate([*tenant.app_path, "roles", "graph"], value=[])
    reply = tenant.graph("domains/northwind.example/serviceConfigurationRecords")
    assert (
        reply.status_code == 403 and reply.json()["error"]["code"] == "Authorization_RequestDenied"
    )
    assert lab.writes(mark) == []


# --- control, log, life ---


def test_the_log_shows_writes_and_hides_secrets(lab: Lab, tenant: Tenant) -> None:
    mark = lab.mark()
    tenant.values("Get-AcceptedDomain")
    tenant.ok("Set-HostedConnectionFilterPolicy", Identity="Default", IPAllowList=["192.0.2.1"])
    log = lab.log(mark)
    writes = lab.writes(mark)
    assert [
        (entry["cmdlet"], entry["parameters"]["IPAllowList"], entry["status"]) for entry in writes
    ] == [("Set-HostedConnectionFilterPolicy", ["192.0.2.1"], 200)]
    assert [entry["service"] for entry in log if entry["service"] != "dns"] == [
        "entra",
        "exchange",
        "exchange",
    ]
    text = repr(log) + repr(lab.state())
    assert not any(secret in text for secret in [*lab.secrets, tenant.bearer])


def test_a_secret_in_an_address_is_logged_as_it_came(lab: Lab, tenant: Tenant) -> None:
    secret = lab.extra_vars["o365_client_secret"]
    tenant.session.get(
        f"{tenant.vars['o365_graph_url']}/v1.0/domains", params={"secret": secret}, timeout=30
    )
    assert secret in lab.requests("graph")[-1]["query"]


def test_clock_mutate_and_reset(lab: Lab, tenant: Tenant) -> None:
    lab.advance(days=2)
    reply = tenant.invoke("Get-AcceptedDomain")
    ahead = time.mktime(
        time.strptime(reply.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")
    ) - time.mktime(time.gmtime())
    assert 172790 < ahead < 172810
    lab.mutate(["tenant", "organization", "IsDehydrated"], value=True)
    assert tenant.values("Get-OrganizationConfig")[0]["IsDehydrated"] is True
    lab.mutate(["tenant", "connection_filter", "IPAllowList"], append="192.0.2.9")
    item = tenant.values("Get-HostedConnectionFilterPolicy")[0]
    assert item["IPAllowList"] == ["192.0.2.9"] and item["WhenChangedUTC"] > item["WhenCreatedUTC"]
    with pytest.raises(LabError):
        lab.mutate(["tenant", "nothing", "here"], value=1)
    with pytest.raises(LabError):
        lab.reset("nowhere")
    lab.reset("fresh")
    assert lab.state()["tenant"]["connection_filter"]["IPAllowList"] == []
    assert lab.state()["clock"]["offset_seconds"] == 0


def test_every_world_is_reproducible(lab: Lab) -> None:
    def ids() -> list[Any]:
        state = lab.state()
        zones = sorted(zone["id"] for zone in state["cloudflare"]["zones"].values())
        return [state["tenant"]["accepted_domains"][0]["Guid"], zones, state["entra"]["tenant_id"]]

    for world in ("fresh", "dehydrated", "busy", "foreign_domain", "many:5"):
        lab.reset(world)
        first = ids()
        lab.reset(world)
        assert ids() == first and lab.state()["name"] == world


def test_it_ends_with_its_parent_and_on_request(tmp_path: Path) -> None:
    code = (
        f"from lab.client import Lab; import os; Lab.start('fresh', {str(tmp_path)!r},"
        " max_seconds=60); os._exit(0)"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], timeout=60
    )
    attached = Lab.attach(tmp_path)
    assert (tmp_path / "lab.json").stat().st_mode & 0o777 == 0o600
    end = time.monotonic() + 10
    while _alive(attached.info["pid"]) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _alive(attached.info["pid"])
    own = Lab.start("fresh", tmp_path / "other", max_seconds=60)
    Lab.attach(tmp_path / "other").stop()
    own._process.wait(10)  # type: ignore[union-attr]
    own.stop()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # an orphan that ended may still wait to be reaped
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
