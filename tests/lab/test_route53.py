# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's Route 53 over real HTTPS, asked by botocore: an independent client that knows the
service's model and signs by its own code.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session
import pytest

from lab import route53
from tests.lab.dns_apis import KEY, NAME, OLD, SECRET, ZONE_ID, Api, serving

CURRENT = {
    "Name": f"{NAME}.",
    "Type": "MX",
    "TTL": 3600,
    "ResourceRecords": [{"Value": f"0 {OLD}."}],
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving("route53", tmp_path) as served:
        yield served


def client(api: Api, key: str = KEY, secret: str = SECRET, token: str | None = None) -> Any:
    session = botocore.session.Session()
    return session.create_client(
        "route53",
        region_name="us-east-1",
        endpoint_url=api.base,
        verify=api.session.verify,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def settings(api: Api, **more: Any) -> None:
    api.hub.world["route53"]["settings"].update(more)


def mx(*values: str, ttl: int = 300, **more: Any) -> dict[str, Any]:
    records = [{"Value": value} for value in values]
    return {"Name": NAME, "Type": "MX", "TTL": ttl, "ResourceRecords": records, **more}


def batch(aws: Any, *changes: tuple[str, dict[str, Any]]) -> Any:
    listed = [{"Action": action, "ResourceRecordSet": each} for action, each in changes]
    return aws.change_resource_record_sets(HostedZoneId=ZONE_ID, ChangeBatch={"Changes": listed})


def refused(call: Any, *arguments: Any, **options: Any) -> tuple[str, str]:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **options)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message") or ""


def test_a_batch_replaces_the_set_and_is_pending_first(api: Api) -> None:
    aws = client(api)
    settings(api, sync_seconds=30)
    change = batch(aws, ("DELETE", CURRENT), ("CREATE", mx("10 new.example.")))["ChangeInfo"]
    assert change["Status"] == "PENDING"
    listed = aws.list_resource_record_sets(
        HostedZoneId=ZONE_ID, StartRecordName=NAME, StartRecordType="MX", MaxItems="1"
    )
    assert listed["ResourceRecordSets"][0]["ResourceRecords"] == [{"Value": "10 new.example."}]
    api.hub.clock.advance(31)
    assert aws.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    assert [each["mx"] for each in api.history()] == [[[0, OLD]], [[10, "new.example"]]]
    assert refused(aws.get_change, Id="C0")[0] == "NoSuchChange"


def test_lost_races(api: Api) -> None:
    aws = client(api)
    wrong = {**CURRENT, "TTL": 300}
    code, text = refused(batch, aws, ("DELETE", wrong), ("CREATE", mx("10 new.example.")))
    assert code == "InvalidChangeBatch" and "do not match the current values" in text
    gone = {**CURRENT, "Name": f"gone.{NAME}"}
    assert "but it was not found" in refused(batch, aws, ("DELETE", gone))[1]
    assert "but it already exists" in refused(batch, aws, ("CREATE", mx("1 a.example.")))[1]
    assert not api.history()


def test_values_in_another_order_are_the_same_set(api: Api) -> None:
    aws = client(api)
    batch(aws, ("DELETE", CURRENT), ("CREATE", mx("10 a.example.", "20 b.example.")))
    batch(aws, ("DELETE", mx("20 b.example.", "10 a.example.")), ("CREATE", CURRENT))


@pytest.mark.parametrize(
    "wrong, part",
    [
        (mx("10"), "MX record"),
        (mx("70000 a.example."), "16 bit"),
        (mx("10 a.example.", "10 a.example."), "Duplicate"),
        (mx("10 a.example.", Name="other.example"), "not permitted in zone"),
        (mx("10 a.example.", SetIdentifier="one", Weight=1), "cannot be created as other RRSets"),
        (mx("10 a.example.", Name=f"autodiscover.{NAME}"), "type  CNAME"),
        ({"Name": NAME, "Type": "TXT", "TTL": 1, "ResourceRecords": [{"Value": "x"}]}, "quotation"),
    ],
)
def test_validation(api: Api, wrong: dict[str, Any], part: str) -> None:
    code, text = refused(batch, client(api), ("UPSERT", wrong))
    assert code == "InvalidChangeBatch" and part in text


def test_protections(api: Api) -> None:
    aws = client(api)
    zone = api.hub.world["route53"]["zones"][ZONE_ID]
    zone["protections"] = [{"name": f"{NAME}.", "type": "MX", "comment": "owned by team mail"}]
    code, text = refused(batch, aws, ("DELETE", CURRENT), ("CREATE", mx("1 a.example.")))
    assert code == "InvalidChangeBatch" and "owned by team mail" in text
    found = aws.list_resource_record_set_protections(HostedZoneId=ZONE_ID)
    assert found["ResourceRecordSetProtections"] == [
        {"RecordName": f"{NAME}.", "RecordType": "MX", "Comment": "owned by team mail"}
    ]


def test_zones_by_name_go_on_after_the_name(api: Api) -> None:
    zones = api.hub.world["route53"]["zones"]
    zones["Z2"] = {**route53.zone(NAME, [(0, OLD)], 300), "private": True}
    zones["Z3"] = route53.zone("a.northwind.example", [(0, OLD)], 300)
    zones["Z4"] = route53.zone("aaa.example", [(0, OLD)], 300)
    aws = client(api)
    settings(api, zones_on_page=2)
    first = aws.list_hosted_zones_by_name(DNSName=NAME)
    assert [zone["Id"] for zone in first["HostedZones"]] == [
        f"/hostedzone/{ZONE_ID}",
        "/hostedzone/Z2",
    ]
    assert first["HostedZones"][1]["Config"]["PrivateZone"] and first["IsTruncated"]
    second = aws.list_hosted_zones_by_name(
        DNSName=first["NextDNSName"], HostedZoneId=first["NextHostedZoneId"]
    )
    assert [zone["Id"] for zone in second["HostedZones"]] == ["/hostedzone/Z3"]
    assert len(aws.get_hosted_zone(Id=ZONE_ID)["DelegationSet"]["NameServers"]) == 4


def test_sets_start_at_the_name_and_come_in_pages_with_escapes(api: Api) -> None:
    aws = client(api)
    batch(aws, ("CREATE", mx("1 a.example.", Name=f"*.{NAME}")))
    settings(api, sets_on_page=2)
    sets = aws.get_paginator("list_resource_record_sets").paginate(HostedZoneId=ZONE_ID)
    names = [each["Name"] for page in sets for each in page["ResourceRecordSets"]]
    assert names.count(f"{NAME}.") == 4 and f"\\052.{NAME}." in names and len(names) == 7
    wild = aws.list_resource_record_sets(
        HostedZoneId=ZONE_ID, StartRecordName=f"*.{NAME}", StartRecordType="MX"
    )
    assert wild["ResourceRecordSets"][0]["Name"] == f"\\052.{NAME}."


def test_signatures_keys_and_policies(api: Api) -> None:
    keys = api.hub.world["route53"]["keys"]
    wrong = client(api, secret="wrong")
    assert refused(wrong.get_hosted_zone, Id=ZONE_ID)[0] == "SignatureDoesNotMatch"
    unknown = client(api, key="AKIANOBODY")
    assert refused(unknown.get_hosted_zone, Id=ZONE_ID)[0] == "InvalidClientTokenId"
    keys[KEY]["token"] = "session-token"
    assert refused(client(api).get_hosted_zone, Id=ZONE_ID)[0] == "InvalidClientTokenId"
    aws = client(api, token="session-token")
    assert aws.get_hosted_zone(Id=ZONE_ID)
    keys[KEY].update(status="expired")
    assert refused(aws.get_hosted_zone, Id=ZONE_ID)[0] == "ExpiredToken"
    keys[KEY].update(status="active", zones=["Z2"])
    assert refused(aws.get_hosted_zone, Id=ZONE_ID)[0] == "AccessDenied"
    keys[KEY].update(zones="*", change_actions=["UPSERT"])
    code, text = refused(batch, aws, ("DELETE", CURRENT), ("CREATE", mx("1 a.example.")))
    assert code == "AccessDenied" and "route53:ChangeResourceRecordSets" in text


def test_five_requests_a_second(api: Api) -> None:
    aws = client(api)
    settings(api, requests_per_second=5)
    start = time.monotonic()
    codes = []
    for _once in range(6):
        try:
            aws.get_hosted_zone(Id=ZONE_ID)
            codes.append("ok")
        except botocore.exceptions.ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert time.monotonic() - start > 1 or codes == ["ok"] * 5 + ["Throttling"]


def test_one_change_of_a_zone_at_a_time(api: Api) -> None:
    aws = client(api)
    settings(api, processing_seconds=60)
    batch(aws, ("DELETE", CURRENT), ("CREATE", mx("1 a.example.")))
    assert refused(batch, aws, ("UPSERT", CURRENT))[0] == "PriorRequestNotComplete"
