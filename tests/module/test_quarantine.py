# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""area1_quarantine_info and area1_quarantine against the lab: judged by files, the lab's state and
its request log.
"""

from __future__ import annotations

import json
import pathlib
import stat
import struct
import tracemalloc
import typing as t
import zlib
from email import message_from_bytes

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailflow.area1.plugins.module_utils._email_security import quarantine_list
from ansible_collections.mailflow.area1.plugins.module_utils._email_security.quarantine import (
    manage,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.context import Context
from ansible_collections.mailflow.area1.plugins.module_utils._engine.module import evaluate
from ansible_collections.mailflow.area1.plugins.modules import (
    area1_quarantine,
    area1_quarantine_info,
)
from lab.client import Lab
from tests.module.plays import area1_defaults

Row = dict[str, t.Any]
DOMAIN = "northwind.example"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Lab]:
    with Lab.start(
        world="fresh", directory=tmp_path_factory.mktemp("lab"), max_seconds=600
    ) as started:
        yield started


@pytest.fixture
def lab(running: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.delenv("AREA1_API_TOKEN", raising=False)
    running.reset("fresh")
    running.faults([])
    settings(running, quarantined_messages=12)
    return running


def settings(lab: Lab, **values: t.Any) -> None:
    for name, value in values.items():
        lab.mutate(["cloudflare", "settings", name], value=value)


def evaluated(
    spec: dict[str, t.Any], logic: t.Any, params: dict[str, t.Any], **options: t.Any
) -> tuple[bool, dict[str, t.Any], list[str]]:
    """(failed, result, warnings) of one task, with the options validated as Ansible does."""
    validated = ArgumentSpecValidator(spec).validate(params)
    assert not validated.error_messages
    warnings: list[str] = []
    context = Context(diff=True, warn=warnings.append, sleep=lambda seconds: None, **options)
    failed, result = evaluate(logic, validated.validated_parameters, context)
    return failed, result, warnings


def info(lab: Lab, check: bool = False, **params: t.Any) -> dict[str, t.Any]:
    failed, result, _warnings = evaluated(
        area1_quarantine_info.ARGUMENT_SPEC,
        quarantine_list.inform,
        {**area1_defaults(lab), **params},
        check_mode=check,
    )
    assert not failed and not result["changed"], result
    return result


def act(
    lab: Lab,
    action: str,
    ids: t.Sequence[str],
    check: bool = False,
    ask: t.Any = None,
    **params: t.Any,
) -> tuple[bool, dict[str, t.Any]]:
    options = {"check_mode": check, **({"ask": ask} if ask else {})}
    given = {**area1_defaults(lab), "action": action, "ids": list(ids), **params}
    failed, result, _warnings = evaluated(area1_quarantine.ARGUMENT_SPEC, manage, given, **options)
    return failed, result


def held(lab: Lab, count: int = 3) -> list[str]:
    return [one["id"] for one in info(lab)["messages"][:count]]


def stored(lab: Lab) -> dict[str, Row]:
    return {item["id"]: item for item in lab.state()["cloudflare"]["messages"]}


def statuses(result: dict[str, t.Any]) -> list[str]:
    return [one["status"] for one in result["results"]]


def posts(lab: Lab, since: int) -> list[str]:
    return [entry["body"] for entry in lab.writes(since)]


# --- listing ---


def test_list_of_all_that_is_held(lab: Lab) -> None:
    since = lab.mark()
    result = info(lab)
    assert (result["listed"], result["total"], result["truncated"]) == (12, 12, False)
    first = result["messages"][0]
    assert first["from"] == "newsletter@fabrikam.example" and first["envelope_to"] == [
        "user0@northwind.example"
    ]
    assert (
        first["quarantined"] is True
        and first["released"] is False
        and first["disposition"] == "MALICIOUS"
    )
    assert first["scanned_at"].endswith("Z") and [
        one["scanned_at"] for one in result["messages"]
    ] == sorted((one["scanned_at"] for one in result["messages"]), reverse=True)
    assert lab.writes(since) == []


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"dispositions": ["spam"]}, [1, 4, 7, 10]),
        ({"dispositions": ["UCE", "SPOOF"]}, [1, 2, 4, 5, 7, 8, 10, 11]),
        ({"dispositions": ["MALICIOUS"]}, [0, 3, 6, 9]),
        ({"sender": "newsletter@fabrikam.example"}, [0, 10]),
        ({"sender": "fabrikam.example"}, [0, 10]),
        ({"recipient": "user3@northwind.example"}, [3]),
        ({"domain": "spam-1.example"}, [1, 8]),
        ({"domain": DOMAIN}, list(range(12))),
        ({"subject": "offer 1"}, [1, 10, 11]),
        ({"message_id": "4@spam-4.example"}, [4]),
        ({"end": "2001-01-01"}, []),
        ({"sender": "nobody@spam-1.example"}, []),
    ],
)
@pytest.mark.parametrize("domain_filter", ["sender", "recipient"])
def test_what_is_asked_for(
    lab: Lab, asked: dict[str, t.Any], numbers: list[int], domain_filter: str
) -> None:
    settings(lab, domain_filter=domain_filter)
    if asked.get("end"):
        asked = {**asked, "start": "2000-12-01"}
    assert [one["subject"] for one in info(lab, **asked)["messages"]] == [
        "Offer %d" % number for number in numbers
    ]


@pytest.mark.parametrize(
    "world",
    [
        {"investigate_cursor": "offered", "investigate_totals": False},
        {"investigate_cursor": "ignored"},
        {"investigate_page_limit": 20, "investigate_page_clamps": False},
        {"message_id_key": "postfix_id", "message_time_keys": "ts"},
    ],
)
def test_every_answer_that_the_facts_leave_open(lab: Lab, world: dict[str, t.Any]) -> None:
    settings(lab, quarantined_messages=250, **world)
    result = info(lab)
    assert result["listed"] == 250 == len({one["id"] for one in result["messages"]})
    assert all(one["scanned_at"] for one in result["messages"])


def test_ten_thousand_in_bounded_memory(lab: Lab, tmp_path: pathlib.Path) -> None:
    settings(lab, quarantined_messages=10_000)
    path = tmp_path / "new" / "held.jsonl"
    since = lab.mark()
    tracemalloc.start()
    result = info(lab, path=str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert result["messages"] == [] and result["listed"] == result["total"] == len(rows) == 10_000
    assert len({one["id"] for one in rows}) == 10_000 and {one["subject"] for one in rows} == {
        "Offer %d" % number for number in range(10_000)
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert peak < path.stat().st_size, "less than the list itself"
    assert len(lab.requests("cloudflare", since)) <= 101


def test_a_long_list_stays_below_the_limit_of_calls(lab: Lab) -> None:
    settings(lab, quarantined_messages=3000, rate_limit=20)
    since = lab.mark()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        lab.advance(seconds=seconds + 1)

    context = Context(sleep=sleep)
    params = (
        ArgumentSpecValidator(area1_quarantine_info.ARGUMENT_SPEC)
        .validate(area1_defaults(lab))
        .validated_parameters
    )
    assert quarantine_list.inform(params, context).values["listed"] == 3000
    assert len(slept) >= 2 and {entry["status"] for entry in lab.requests("cloudflare", since)} == {
        200
    }


def test_throttled_in_the_middle_it_waits_as_told(lab: Lab) -> None:
    settings(lab, quarantined_messages=250)
    lab.faults(
        [
            {
                "service": "cloudflare",
                "match": "page=2",
                "kind": "rate_limited",
                "times": 2,
                "seconds": 1,
            }
        ]
    )
    assert info(lab)["listed"] == 250


def test_a_list_is_whole_or_not_there(lab: Lab, tmp_path: pathlib.Path) -> None:
    settings(lab, quarantined_messages=250)
    path = tmp_path / "held.jsonl"
    info(lab, path=str(path), check=True)
    assert not path.exists()
    lab.faults(
        [
            {
                "service": "cloudflare",
                "match": "page=2",
                "kind": "status",
                "status": 400,
                "body": "{}",
            }
        ]
    )
    failed, result, _ = evaluated(
        area1_quarantine_info.ARGUMENT_SPEC,
        quarantine_list.inform,
        {**area1_defaults(lab), "path": str(path)},
    )
    assert failed and "400" in result["msg"] and list(tmp_path.iterdir()) == []
    info(lab, path=str(path))
    info(lab, path=str(path), limit=1)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1, "an earlier list is replaced"
    path.write_text("my notes\n", encoding="utf-8")
    failed, result, _ = evaluated(
        area1_quarantine_info.ARGUMENT_SPEC,
        quarantine_list.inform,
        {**area1_defaults(lab), "path": str(path)},
    )
    assert (
        failed
        and "not a list of messages" in result["msg"]
        and path.read_text(encoding="utf-8") == "my notes\n"
    )
    info(lab, path=str(path), force=True)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 250


def test_a_limit_says_that_there_is_more(lab: Lab) -> None:
    result = info(lab, limit=5)
    assert (result["listed"], result["total"], result["truncated"], len(result["messages"])) == (
        5,
        12,
        True,
        5,
    )
    assert info(lab, limit=12)["truncated"] is False
    assert info(lab, limit=1, domain=DOMAIN)["total"] is None


@pytest.mark.parametrize("detections_only", [True, False])
def test_mail_that_nothing_was_found_in_is_listed_too(lab: Lab, detections_only: bool) -> None:
    settings(lab, detections_only=detections_only)
    lab.mutate(["cloudflare", "messages", held(lab, 1)[0], "final_disposition"], value="NONE")
    assert info(lab)["listed"] == info(lab, quarantined=False)["listed"] == 12


def test_the_table(lab: Lab) -> None:
    lines = info(lab, table=True)["table"]
    assert lines[0].split() == ["TIME", "DISPOSITION", "FROM", "TO", "SUBJECT", "ID"]
    column = lines[0].index("ID")
    ids = [one["id"] for one in info(lab)["messages"]]
    assert [line[column:] for line in lines[1:13]] == ids and lines[-1] == "12 messages."


def test_held_without_the_status_is_found_all_the_same(lab: Lab) -> None:
    for identifier in held(lab, 12):
        lab.mutate(["cloudflare", "messages", identifier, "delivery_status"], value=[])
    assert info(lab)["listed"] == 12


def test_wrong_input_reads_nothing(lab: Lab) -> None:
    since = lab.mark()
    for params, text in (
        ({"dispositions": ["JUNK"]}, "JUNK is not a disposition"),
        ({"start": "yesterday"}, "start is not a date"),
        ({"start": "2026-02-01", "end": "2026-01-01"}, "later than end"),
        ({"limit": -1}, "limit must be"),
    ):
        failed, result, _ = evaluated(
            area1_quarantine_info.ARGUMENT_SPEC,
            quarantine_list.inform,
            {**area1_defaults(lab), **params},
        )
        assert failed and text in result["msg"] and result["error"]["kind"] == "input"
    assert lab.requests("cloudflare", since) == []


# --- files ---


def picture(data: bytes) -> tuple[int, int, set[bytes]]:
    """(width, height, colours) of an RGB picture, decoded as the PNG specification says."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, pixels, size = 8, b"", (0, 0)
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0] == zlib.crc32(
            kind + body
        )
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
            assert body[8:] == bytes([8, 2, 0, 0, 0])
        pixels += body if kind == b"IDAT" else b""
        place += 12 + length
    rows, stride = zlib.decompress(pixels), 1 + 3 * size[0]
    assert len(rows) == stride * size[1] and not any(rows[row * stride] for row in range(size[1]))
    return (
        size[0],
        size[1],
        {
            rows[at : at + 3]
            for row in range(size[1])
            for at in range(row * stride + 1, (row + 1) * stride, 3)
        },
    )


def test_preview_and_download_opened_and_looked_at(lab: Lab, tmp_path: pathlib.Path) -> None:
    ids = held(lab, 2)
    failed, planned = act(lab, "preview", ids, check=True, directory=str(tmp_path / "kept"))
    assert (
        not failed
        and planned["changed"]
        and statuses(planned) == ["would_write"] * 2
        and list(tmp_path.iterdir()) == []
    )
    failed, result = act(lab, "preview", ids, directory=str(tmp_path / "kept"))
    assert not failed and result["changed"] and statuses(result) == ["written"] * 2
    for one in result["results"]:
        path = pathlib.Path(one["path"])
        assert (
            stat.S_IMODE(path.stat().st_mode) == 0o600
            and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        )
        width, height, colours = picture(path.read_bytes())
        assert (width, height) == (320, 200) and len(colours) == 3
    failed, result = act(lab, "download", ids[:1], path=str(tmp_path / "one.eml"))
    message = message_from_bytes((tmp_path / "one.eml").read_bytes())
    assert (
        not failed
        and message["Subject"] == "Offer 0"
        and message["From"] == "newsletter@fabrikam.example"
    )
    assert (
        message["To"] == "user0@northwind.example"
        and str(message.get_payload()).strip() == "Offer 0"
    )
    failed, again = act(lab, "download", ids[:1], path=str(tmp_path / "one.eml"))
    assert not failed and not again["changed"] and statuses(again) == ["unchanged"]


def test_nothing_else_is_overwritten(lab: Lab, tmp_path: pathlib.Path) -> None:
    [identifier] = held(lab, 1)
    path = tmp_path / "one.eml"
    path.write_text("mine", encoding="utf-8")
    for check in (True, False):
        failed, result = act(lab, "download", [identifier], path=str(path), check=check)
        assert (
            failed
            and "has other content" in result["msg"]
            and path.read_text(encoding="utf-8") == "mine"
        )
    failed, result = act(lab, "download", [identifier], path=str(path), force=True)
    assert (
        not failed
        and path.read_bytes().startswith(b"From:")
        and result["diff"][0]["before"].startswith("4 bytes")
    )
    for other in (tmp_path / "directory", tmp_path / "link"):
        other.mkdir() if other.name == "directory" else other.symlink_to(path)
        failed, result = act(lab, "download", [identifier], path=str(other), force=True)
        assert failed and "not a plain file" in result["msg"]


@pytest.mark.parametrize("screenshot", ["", "bm90IGEgcGljdHVyZQ==", "<html>"])
def test_a_preview_that_is_no_picture_is_not_kept(
    lab: Lab, tmp_path: pathlib.Path, screenshot: str
) -> None:
    [identifier] = held(lab, 1)
    body = json.dumps(
        {"success": True, "errors": [], "messages": [], "result": {"screenshot": screenshot}}
    )
    lab.faults(
        [
            {
                "service": "cloudflare",
                "match": "/preview",
                "kind": "status",
                "status": 200,
                "body": body,
            }
        ]
    )
    failed, result = act(lab, "preview", [identifier], directory=str(tmp_path))
    assert failed and "not a PNG" in result["msg"] and list(tmp_path.iterdir()) == []


def test_a_preview_that_has_to_be_made(lab: Lab, tmp_path: pathlib.Path) -> None:
    settings(lab, preview_ready=False)
    failed, result = act(lab, "preview", held(lab, 1), directory=str(tmp_path))
    assert not failed and statuses(result) == ["written"]


# --- release ---


@pytest.mark.parametrize("release_clears_quarantine", [True, False])
def test_release_and_once_more(lab: Lab, release_clears_quarantine: bool) -> None:
    settings(lab, release_clears_quarantine=release_clears_quarantine)
    ids = held(lab)
    since = lab.mark()
    failed, planned = act(lab, "release", ids, check=True)
    assert (
        not failed
        and planned["changed"]
        and statuses(planned) == ["would_release"] * 3
        and lab.writes(since) == []
    )
    failed, result = act(lab, "release", [*ids, ids[0]])
    assert not failed and result["changed"] and statuses(result) == ["released"] * 3
    assert [one["delivered"] for one in result["results"]] == [
        ["user%d@northwind.example" % number] for number in range(3)
    ]
    assert [item["before"] for item in result["diff"]] == ["quarantined"] * 3 and posts(
        lab, since
    ) == [json.dumps(ids)]
    since = lab.mark()
    failed, again = act(lab, "release", ids)
    assert (
        not failed
        and not again["changed"]
        and statuses(again) == ["already_released"] * 3
        and lab.writes(since) == []
    )
    assert info(lab)["listed"] == 9


@pytest.mark.parametrize("unknown", ["empty", "refused"])
def test_one_of_three_fails_and_exactly_that_is_said(lab: Lab, unknown: str) -> None:
    ids = held(lab)
    settings(lab, release_fails_for=[ids[1]], release_unknown=unknown)
    failed, result = act(lab, "release", [*ids, "4nobody"])
    assert (
        failed
        and result["changed"]
        and statuses(result) == ["released", "failed", "released", "failed"]
    )
    assert result["msg"].startswith("2 of 4 messages failed (%s, 4nobody)." % ids[1])
    assert (
        result["results"][1]["failed"] == ["user1@northwind.example"]
        and "4nobody" in result["results"][3]["error"]["message"]
    )
    shown = stored(lab)
    assert [shown[each]["is_quarantined"] for each in ids] == [False, True, False]


def test_a_release_that_failed_is_tried_again_whatever_the_service_lists(lab: Lab) -> None:
    ids = held(lab, 2)
    settings(lab, release_fails_for=[ids[1]], failed_release_listed=True)
    assert statuses(act(lab, "release", ids)[1]) == ["released", "failed"]
    settings(lab, release_fails_for=[])
    failed, result = act(lab, "release", ids)
    assert (
        not failed
        and statuses(result) == ["already_released", "released"]
        and not stored(lab)[ids[1]]["is_quarantined"]
    )


def test_without_an_action_log_the_answer_of_the_release_decides(lab: Lab) -> None:
    settings(lab, release_clears_quarantine=False, action_log=False)
    ids = held(lab, 1)
    failed, result = act(lab, "release", ids)
    assert (
        not failed
        and statuses(result) == ["released"]
        and "still lists it" in result["results"][0]["message"]
    )


def test_one_that_the_service_refuses_holds_up_no_other(lab: Lab) -> None:
    ids = held(lab)
    refusal = json.dumps(
        {
            "success": False,
            "errors": [{"code": 1001, "message": "one is not quarantined"}],
            "messages": [],
            "result": None,
        }
    )
    lab.faults(
        [
            {
                "service": "cloudflare",
                "match": "/release",
                "kind": "status",
                "status": 400,
                "body": refusal,
                "times": 2,
            }
        ]
    )
    failed, result = act(lab, "release", ids)
    assert failed and statuses(result) == ["failed", "released", "released"]
    assert "one is not quarantined" in result["results"][0]["error"]["message"]


@pytest.mark.parametrize(
    "kind", ["drop_after_commit", "timeout_after_commit", "error_after_commit"]
)
def test_a_release_that_broke_off_is_looked_at_and_not_sent_again(lab: Lab, kind: str) -> None:
    ids = held(lab)
    since = lab.mark()
    lab.faults([{"service": "cloudflare", "match": "/release", "kind": kind}])
    failed, result = act(lab, "release", ids)
    assert not failed and statuses(result) == ["released"] * 3 and len(lab.writes(since)) == 1


def test_a_release_that_never_arrived_is_not_said_to_be_done(lab: Lab) -> None:
    ids = held(lab, 1)
    since = lab.mark()
    lab.faults([{"service": "cloudflare", "match": "/release", "kind": "drop"}])
    failed, result = act(lab, "release", ids)
    assert (
        failed
        and not result["changed"]
        and result["error"]["kind"] == "not_verified"
        and "not requested a second time" in result["msg"]
    )
    assert len(lab.writes(since)) == 1
    assert statuses(act(lab, "release", ids)[1]) == ["released"]


def test_a_token_that_only_reads_is_told_so_before_anything_else(lab: Lab) -> None:
    ids = held(lab)
    token = lab.extra_vars["area1_api_token"]
    lab.mutate(["cloudflare", "tokens", token, "permissions"], value=["Cloud Email Security: Read"])
    failed, result = act(lab, "release", ids)
    assert (
        failed
        and result["error"]["kind"] == "permission"
        and "Cloud Email Security: Write" in result["msg"]
    )
    assert token not in json.dumps(result)


def test_the_operator_is_asked(lab: Lab) -> None:
    ids = held(lab)
    questions: list[str] = []

    def answer(text: str | None) -> t.Any:
        def ask(question: str) -> str | None:
            questions.append(question)
            return text

        return ask

    since = lab.mark()
    failed, result = act(lab, "release", ids, confirm=True, ask=answer("no"))
    assert not failed and not result["changed"] and statuses(result) == ["declined"] * 3
    assert all(each in questions[0] for each in ids) and "Release 3 messages" in questions[0]
    failed, result = act(lab, "release", ids, confirm=True, ask=answer(None))
    assert failed and "area1_quarantine_confirm" in result["msg"] and lab.writes(since) == []
    assert (
        statuses(act(lab, "release", ids, confirm=True, check=True, ask=answer(None))[1])
        == ["would_release"] * 3
    )
    assert (
        statuses(act(lab, "release", ids, confirm=True, ask=answer("yes"))[1]) == ["released"] * 3
    )
    assert len(questions) == 2 + 1
    act(lab, "release", ids, confirm=True, ask=answer("yes"))
    assert len(questions) == 3, "nothing is held: nothing to ask"
