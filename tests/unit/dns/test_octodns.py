# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bridge to octoDNS: its fence, its deadline, and that nobody pays for what is not used."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
from octodns.provider.base import BaseProvider
from octodns.provider.plan import Plan
from octodns.record import Record
from octodns.zone import Zone

from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.contract import (
    DriverOptions,
    Surroundings,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.octodns import (
    OctodnsDriver,
)
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import RecordSet
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    AmbiguousWrite,
    Conflict,
    InputError,
    MailflowError,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)

ROOT = Path(__file__).resolve().parents[3]
NAME = "northwind.example"
SECRET = "secret-token-0123456789"
OLD = RecordSet.of(NAME, "MX", ["0 old.example"], 3600)
NEW = RecordSet.of(NAME, "MX", ["5 new.example", "10 other.example"], 300)


class Memory(BaseProvider):  # type: ignore[misc]
    """A provider with its zone in memory, and what octoDNS' own providers were seen to do."""

    SUPPORTS_GEO = SUPPORTS_DYNAMIC = False
    SUPPORTS: ClassVar[set[str]] = {"MX", "TXT", "A", "CNAME"}
    records: ClassVar[dict[tuple[str, str], dict[str, Any]]] = {}
    applied: ClassVar[list[int]] = []
    exists = True
    meta: Any = None
    extra = False
    seconds = 0.0
    error: Exception | None = None
    meanwhile: dict[str, Any] | None = None

    def __init__(self, id: str, token: str, endpoint: str = "") -> None:
        self.log = logging.getLogger(f"Memory[{id}]")
        super().__init__(id)

    def populate(self, zone: Zone, target: bool = False, lenient: bool = False) -> bool:
        if self.error and not self.applied_only:
            raise self.error
        if zone.name != f"{NAME}." or not self.exists:
            return False
        for (name, _type), data in self.records.items():
            zone.add_record(Record.new(zone, name, data, source=self, lenient=True))
        return True

    applied_only = False

    def plan(self, desired: Zone, processors: Any = (), lenient: bool = False) -> Plan | None:
        if self.meanwhile:
            self.records["", "MX"] = self.meanwhile
        plan = super().plan(desired)
        if plan and self.extra:
            plan.changes.append(plan.changes[0])
        return plan

    def _plan_meta(self, existing: Any, desired: Any, changes: Any) -> Any:
        return self.meta

    def _apply(self, plan: Plan) -> None:
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        self.applied.append(len(plan.changes))
        for change in plan.changes:
            data = {"type": change.new._type, **change.new.data}
            self.records[change.new.name, change.new._type] = data


@pytest.fixture
def memory() -> type[Memory]:
    kind: type[Memory] = type("Memory", (Memory,), {"records": {}, "applied": []})
    kind.records["", "MX"] = mx("0 old.example.", 3600)
    kind.records["www", "A"] = {"type": "A", "ttl": 300, "values": ["192.0.2.1"]}
    globals()["Chosen"] = kind
    return kind


def mx(value: str, ttl: int) -> dict[str, Any]:
    preference, exchange = value.split(" ")
    return {
        "type": "MX",
        "ttl": ttl,
        "values": [{"preference": int(preference), "exchange": exchange}],
    }


def driver(timeout: float = 10.0, **changed: Any) -> OctodnsDriver:
    values = {
        "dns_octodns_class": f"{__name__}.Chosen",
        "dns_octodns_arguments": {"endpoint": "x"},
        "dns_octodns_secrets": {"token": SECRET},
        **changed,
    }
    sys.modules.setdefault(__name__, sys.modules[Memory.__module__])
    return OctodnsDriver.from_options(
        DriverOptions("octodns", OctodnsDriver.OPTIONS, values),
        Surroundings(Context(), lambda: None, timeout=timeout),  # type: ignore[arg-type, return-value]
    )


def test_one_change_is_carried_out_and_the_rest_of_the_zone_is_left(memory: type[Memory]) -> None:
    one = driver()
    assert one.read(NAME, "MX") == OLD and one.zone_of(f"mail.{NAME}") == NAME
    one.replace(NAME, "MX", OLD, NEW)
    assert memory.applied == [1] and one.read(NAME, "MX") == NEW
    text = RecordSet.of(f"_mta-sts.{NAME}", "TXT", ["v=STSv1; id=1;"], 300)
    one.replace(text.name, "TXT", None, text)
    assert one.read(text.name, "TXT") == text and ("www", "A") in memory.records


@pytest.mark.parametrize(
    "trouble", [{"extra": True}, {"meta": {"health checks": 1}}], ids=["extra", "meta"]
)
def test_a_plan_with_anything_else_is_refused(memory: type[Memory], trouble: Any) -> None:
    for key, value in trouble.items():
        setattr(memory, key, value)
    with pytest.raises(Refused, match="not exactly the one change"):
        driver().replace(NAME, "MX", OLD, NEW)
    assert memory.applied == []


def test_a_zone_that_is_not_there_is_never_made(memory: type[Memory]) -> None:
    memory.exists = False
    with pytest.raises(InputError, match="no zone that holds this name"):
        driver().check(NAME)
    with pytest.raises(InputError, match="no zone that holds this name"):
        driver().replace(NAME, "MX", None, NEW)
    one = driver()
    one._zones[NAME] = NAME
    with pytest.raises(Conflict):
        one.replace(NAME, "MX", None, NEW)
    assert memory.applied == []


def test_a_change_between_reading_and_planning_is_seen(memory: type[Memory]) -> None:
    memory.meanwhile = mx("7 somebody.example.", 60)
    with pytest.raises(Conflict):
        driver().replace(NAME, "MX", OLD, NEW)
    assert memory.applied == []


def test_a_provider_that_sleeps_is_given_up(memory: type[Memory]) -> None:
    memory.seconds = 3.0
    began = time.monotonic()
    with pytest.raises(AmbiguousWrite, match="took longer than 1 s"):
        driver(timeout=1.0).replace(NAME, "MX", OLD, NEW)
    assert time.monotonic() - began < 2.5
    time.sleep(2.5)  # what was left behind ends within this test


class Answer(Exception):
    """An error of a provider, with the status of the answer."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.response = type("Response", (), {"status_code": status})()


@pytest.mark.parametrize(
    ("error", "reading", "writing"),
    [
        (Answer(f"bad token {SECRET}", 401), SignInError, SignInError),
        (Answer("no", 403), PermissionDenied, PermissionDenied),
        (Exception("Acme unauthorized"), SignInError, SignInError),
        (Answer("bad value", 422), ReadError, Refused),
        (Answer("broken", 502), ReadError, AmbiguousWrite),
        (OSError(f"connection to https://x/?key={SECRET} lost"), ReadError, AmbiguousWrite),
    ],
)
def test_errors_are_typed_and_hold_no_secret(
    memory: type[Memory],
    error: Exception,
    reading: type[MailflowError],
    writing: type[MailflowError],
) -> None:
    memory.error = error
    with pytest.raises(reading) as read:
        driver().read(NAME, "MX")
    memory.applied_only = True
    with pytest.raises(writing) as write:
        driver().replace(NAME, "MX", OLD, NEW)
    for caught in (read.value, write.value):
        assert NAME in caught.message and SECRET not in f"{caught} {caught.to_result()}"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"dns_octodns_class": ""}, "dns_octodns_class is not given"),
        ({"dns_octodns_class": "octodns_nowhere.Provider"}, "cannot be imported"),
        ({"dns_octodns_class": "octodns.zone.Zone"}, "not a provider of octoDNS"),
        ({"dns_octodns_class": "Zone"}, "not a provider of octoDNS"),
        ({"dns_octodns_class": "octodns.provider.base.Nothing"}, "not a provider of octoDNS"),
        ({"dns_octodns_arguments": {"api_key": "x"}}, "api_key, which looks like a secret"),
        ({"dns_octodns_arguments": ["x"]}, "dns_octodns_arguments is not a map"),
        ({"dns_octodns_secrets": {"password": SECRET}}, "does not take these arguments"),
    ],
)
def test_what_cannot_be_right_is_refused(
    memory: type[Memory], changed: dict[str, Any], text: str
) -> None:
    with pytest.raises(InputError, match=text) as caught:
        driver(**changed)
    assert SECRET not in str(caught.value)


def test_no_library_of_a_provider_that_is_not_used() -> None:
    """Each driver is made; only what it needs itself is imported."""
    code = """
import sys
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.accounts import Drivers
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
params = {"dns_api_token": "t" * 40, "dns_server": "192.0.2.1"}
drivers = Drivers(params, Context())
for provider in sys.argv[1:]:
    drivers.get(provider)
libraries = {name.split(".")[0] for name in sys.modules}
ours = {name.rsplit(".", 1)[1] for name in sys.modules if "._dns.drivers." in name}
print(*sorted(libraries & {"octodns", "botocore", "boto3", "msal", "requests"}))
print(*sorted(ours & {"azure", "cloudflare", "godaddy", "manual", "octodns", "rfc2136", "route53"}))
"""
    for provider in ("cloudflare", "rfc2136", "manual"):
        done = subprocess.run(
            [sys.executable, "-c", code, provider],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT / ".ansible_root")},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["", provider], done.stdout
