# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""area1_mx, area1_mx_info and the TXT publisher with dynamic updates against a real BIND."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailflow.area1.plugins.module_utils._dns import info
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers import rfc2136
from ansible_collections.mailflow.area1.plugins.module_utils._dns.drivers.accounts import Drivers
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets import mx
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.rrset import RecordSet
from ansible_collections.mailflow.area1.plugins.module_utils._dns.sets.txt import (
    publish_txt,
    txt_present,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine import errors
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.modules import area1_mx, area1_mx_info
from tests.support.bind import Bind

NEW = [
    {"priority": 5, "host": "mailstream-eu1.mxrecord.io"},
    {"priority": 10, "host": "Mailstream-Central.mxrecord.mx."},
]
NEW_TEXT = {"5 mailstream-eu1.mxrecord.io.", "10 mailstream-central.mxrecord.mx."}
ONE, TWO, THREE = "one.test", "two.test", "three.test"


@pytest.fixture
def bind() -> Iterator[Bind]:
    zones = {
        ONE: ["@ 3600 MX 0 old.one.test.", "*.wild 60 MX 1 w.one.test."],
        TWO: [
            "@ 86400 MX 10 old.two.test.",
            "@ 86400 MX 20 old2.two.test.",
            "old A 192.0.2.1",
            "old2 A 192.0.2.2",
            '_proof 600 TXT "other"',
        ],
        THREE: [],
    }
    with Bind(zones) as server:
        yield server


def options(bind: Bind, **more: Any) -> dict[str, Any]:
    return {
        "dns_provider": "rfc2136",
        "dns_server": bind.address,
        "dns_port": bind.port,
        "dns_key_name": bind.key.name,
        "dns_key_secret": bind.key.secret,
        "dns_resolvers": ["%s:%d" % (bind.address, bind.port)],
        "dns_authoritative_port": bind.port,
        **more,
    }


def validated(module: Any, given: dict[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(module.SPEC).validate(given)
    assert not result.error_messages, result.error_messages
    return dict(result.validated_parameters)


def change(given: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
    failed, result = evaluate(
        mx.run,
        validated(area1_mx, given),
        Context(check_mode=check_mode, diff=True, sleep=lambda seconds: None),
    )
    return {"failed": failed, **result}


def look(given: dict[str, Any]) -> dict[str, Any]:
    failed, result = evaluate(info.run, validated(area1_mx_info, given), Context())
    return {"failed": failed, **result}


def live(bind: Bind, name: str, rdtype: str = "MX") -> tuple[set[str], int | None]:
    rrset = bind.rrset(name, rdtype)
    return ({rdata.to_text() for rdata in rrset}, rrset.ttl) if rrset else (set(), None)


def test_check_apply_and_again(bind: Bind) -> None:
    given = options(bind, domains=[ONE, {"name": TWO, "max_ttl": 300}, THREE], records=NEW)
    before = {name: live(bind, name) for name in (ONE, TWO, THREE)}
    predicted = change(given, check_mode=True)
    assert predicted["changed"] and {name: live(bind, name) for name in (ONE, TWO, THREE)} == before
    done = change(given)
    assert not done["failed"] and [result["changed"] for result in done["results"]] == [
        True,
        True,
        True,
    ]
    assert done["diff"] == predicted["diff"]
    assert [result["after"] for result in done["results"]] == [
        result["after"] for result in predicted["results"]
    ]
    assert live(bind, ONE) == (NEW_TEXT, 3600)
    assert live(bind, TWO) == (NEW_TEXT, 300)
    assert live(bind, THREE) == (NEW_TEXT, 300)
    serials = {name: live(bind, name, "SOA") for name in (ONE, TWO, THREE)}
    again = change(given)
    assert not again["failed"] and not again["changed"] and "diff" not in again
    assert {name: live(bind, name, "SOA") for name in (ONE, TWO, THREE)} == serials


def test_lowering_the_ttl_keeps_the_records_and_never_raises_it(bind: Bind) -> None:
    done = change(options(bind, domains=[ONE, TWO], max_ttl=7200))
    assert not done["failed"], done["msg"]
    assert [result["changed"] for result in done["results"]] == [False, True]
    assert live(bind, ONE) == ({"0 old.one.test."}, 3600)
    assert live(bind, TWO) == ({"10 old.two.test.", "20 old2.two.test."}, 7200)


def test_expect_guards_each_domain_and_the_others_are_done(bind: Bind) -> None:
    expected = [{"priority": 0, "host": "old.one.test"}]
    done = change(options(bind, domains=[TWO, ONE], records=NEW, expect=expected))
    assert done["failed"] and "two.test" in done["msg"] and done["error"]["kind"] == "conflict"
    assert [result["changed"] for result in done["results"]] == [False, True]
    assert live(bind, TWO)[0] == {"10 old.two.test.", "20 old2.two.test."}
    assert live(bind, ONE)[0] == NEW_TEXT


def test_a_lost_race_is_a_conflict_and_writes_nothing(bind: Bind) -> None:
    driver = Drivers(validated(area1_mx, options(bind, domains=[ONE])), Context()).get("rfc2136")
    stale = RecordSet.of(ONE, "MX", ["7 somebody.else.test"], 3600)
    wanted = RecordSet.of(ONE, "MX", ["5 new.one.test"], 300)
    for expected in (stale, None):
        with pytest.raises(errors.Conflict):
            driver.replace(ONE, "MX", expected, wanted)
    assert live(bind, ONE) == ({"0 old.one.test."}, 3600)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dns_key_secret": base64.b64encode(b"x" * 32).decode()}, "dns_key_secret"),
        ({"dns_key_name": "nosuchkey"}, "dns_key_name"),
        ({"dns_key_algorithm": "hmac-sha512"}, "dns_key_algorithm"),
    ],
)
def test_a_wrong_key_is_found_before_anything_is_written(
    bind: Bind, wrong: dict[str, str], words: str
) -> None:
    given = options(bind, domains=[ONE], **wrong)
    found = look({**given, "provider": True})
    assert (
        found["failed"] and found["error"]["kind"] == "sign_in" and words in found["error"]["hint"]
    )
    assert found["domains"][ONE]["agree"]
    done = change({**given, "records": NEW})
    assert done["failed"] and done["error"]["kind"] == "sign_in"
    assert given["dns_key_secret"] not in json.dumps(
        [found, done]
    ) and bind.key.secret not in json.dumps([found, done])
    assert live(bind, ONE) == ({"0 old.one.test."}, 3600)


def test_the_check_itself_finds_a_wrong_key(bind: Bind) -> None:
    given = validated(
        area1_mx, options(bind, domains=[ONE], dns_key_secret=base64.b64encode(b"x" * 32).decode())
    )
    driver = Drivers(given, Context()).get("rfc2136")
    assert isinstance(driver, rfc2136.Rfc2136Driver)
    driver._zones[ONE] = ONE  # so that the signed update is the first message
    with pytest.raises(errors.SignInError):
        driver.check(ONE)


def test_the_check_of_a_good_key_changes_nothing(bind: Bind) -> None:
    serial = live(bind, ONE, "SOA")
    found = look(options(bind, domains=[ONE, TWO, THREE], provider=True))
    assert not found["failed"] and live(bind, ONE, "SOA") == serial
    assert found["providers"][TWO]["ttl"] == 86400 and len(found["providers"][TWO]["records"]) == 2
    assert found["providers"][THREE]["records"] == []


def test_an_unsigned_update_is_refused_with_what_to_allow(bind: Bind) -> None:
    given = options(bind, domains=[ONE], records=NEW)
    del given["dns_key_name"], given["dns_key_secret"]
    done = change(given)
    assert (
        done["failed"]
        and done["error"]["kind"] == "permission"
        and "update-policy" in done["error"]["hint"]
    )


def test_a_zone_that_the_server_does_not_hold(bind: Bind) -> None:
    done = change(options(bind, domains=["contoso.example"], records=NEW))
    assert (
        done["failed"] and done["error"]["kind"] == "input" and "not the authority" in done["msg"]
    )


def test_a_server_that_is_not_there(bind: Bind) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = change(
            {**options(bind, domains=[ONE], records=NEW), "dns_port": unused.getsockname()[1]}
        )
    assert (
        done["failed"]
        and done["error"]["kind"] == "read"
        and "cannot be reached" not in done["msg"]
    )


class Proxy:
    """Hands TCP messages on to the server, but drops the answer to the first update (opcode 5)."""

    def __init__(self, bind: Bind) -> None:
        self._target = (bind.address, bind.port)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.updates = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _address = self._socket.accept()
            except OSError:
                return
            with client, socket.create_connection(self._target) as server:
                message = client.recv(65535)
                server.sendall(message)
                answer = server.recv(65535)
                if (message[4] >> 3) & 15 == 5:
                    self.updates += 1
                    if self.updates == 1:
                        continue
                client.sendall(answer)


def test_an_answer_that_got_lost_is_looked_after_not_sent_again(bind: Bind) -> None:
    proxy = Proxy(bind)
    try:
        done = change({**options(bind, domains=[ONE], records=NEW), "dns_port": proxy.port})
    finally:
        proxy.close()
    assert not done["failed"] and done["changed"] and proxy.updates == 1
    assert live(bind, ONE)[0] == NEW_TEXT


def test_the_world_view(bind: Bind) -> None:
    view = look(options(bind, domains=["deep.wild.one.test", ONE, THREE, "nowhere.one.test"]))[
        "domains"
    ]
    assert list(view) == ["deep.wild.one.test", ONE, THREE, "nowhere.one.test"]
    assert (
        view[ONE]["zone"] == ONE
        and view[ONE]["agree"]
        and view[ONE]["complete"]
        and view[ONE]["ttl_max"] == 3600
    )
    assert (
        view[ONE]["name_servers"][0]["name"] == "ns1.one.test"
        and view[ONE]["name_servers"][0]["serial"] == 1
    )
    assert view["deep.wild.one.test"]["wildcard"] is True and view[ONE]["wildcard"] is False
    assert (
        view[THREE]["records"] == []
        and view[THREE]["name_servers"][0]["status"] == "nodata"
        and view[THREE]["complete"]
    )
    assert view["nowhere.one.test"]["name_servers"][0]["status"] == "nxdomain"


def test_by_hand(bind: Bind) -> None:
    given = options(bind, domains=[ONE], records=NEW, ttl=300, dns_provider="manual")
    done = change(given)
    assert not done["failed"] and not done["changed"] and done["pending"]
    assert done["results"][0]["zone_lines"] == [
        "one.test. 300 IN MX 5 mailstream-eu1.mxrecord.io.",
        "one.test. 300 IN MX 10 mailstream-central.mxrecord.mx.",
    ]
    assert live(bind, ONE) == ({"0 old.one.test."}, 3600)
    change({**given, "dns_provider": "rfc2136"})
    after = change(given)
    assert not after["pending"] and after["results"][0]["zone_lines"] == []


def test_what_is_handed_on(bind: Bind, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    path = str(folder / "observation.json")
    given = options(bind, domains=[ONE], records=NEW, observation_path=path)
    look({**options(bind, domains=[ONE, TWO], provider=True), "observation_path": path})
    predicted = change(given, check_mode=True)
    assert predicted["changed"]
    dead = {**given, "dns_port": 1}
    assert not change(dead, check_mode=True)[
        "changed"
    ]  # the predicted world is enough: nobody is asked
    stored = json.loads(Path(path).read_text())
    assert stored["sections"]["dns_provider"]["value"][TWO]["ttl"] == 86400
    assert stored["sections"]["dns"]["value"][TWO]["ttl_max"] == 86400
    assert [
        (entry["section"], entry["object"], entry["status"]) for entry in stored["journal"]
    ] == [("mx", ONE, "would change")]


def test_a_proof_joins_the_texts_that_are_there(bind: Bind) -> None:
    params = validated(area1_mx, options(bind, domains=[TWO]))
    name = "_proof." + TWO
    seen = publish_txt(params, Context(check_mode=True), name, "cf=1")
    assert seen.changed and not seen.present and live(bind, name, "TXT")[0] == {'"other"'}
    assert publish_txt(params, Context(), name, "cf=1").present
    assert live(bind, name, "TXT") == ({'"other"', '"cf=1"'}, 600)
    assert txt_present(params, Context(), name, "cf=1") and not txt_present(
        params, Context(), name, "cf=2"
    )
    assert not publish_txt(params, Context(), name, "cf=1").changed
    by_hand = publish_txt(params, Context(), name, "cf=2", {"dns_provider": "manual"})
    assert (
        by_hand.pending
        and not by_hand.changed
        and '_proof.two.test. 600 IN TXT "cf=2"' in by_hand.zone_lines
    )
