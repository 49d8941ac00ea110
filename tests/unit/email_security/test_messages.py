# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A message in names that stay, which messages are meant, and a table that a sender cannot
spoil.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._email_security.messages import (
    MessageFilter,
    aligned,
    last_release_succeeded,
    row,
    table,
)
from ansible_collections.mailflow.area1.plugins.module_utils._engine.errors import (
    InputError,
    ReadError,
)


def message(**fields: t.Any) -> dict[str, t.Any]:
    return {
        "id": "m1",
        "postfix_id": "p1",
        "from": "Eve <Eve@Evil.example>",
        "to": ["ada@northwind.example"],
        "envelope_from": "bounce@mailer.example",
        "envelope_to": ["ada@northwind.example"],
        "subject": "Your Prize",
        "scanned_at": "2026-11-25T10:00:00.123456Z",
        "message_id": "<1@evil.example>",
        "final_disposition": "SPAM",
        "is_quarantined": True,
        "delivery_status": ["quarantined"],
        "post_delivery_operations": None,
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "quarantined", "released"),
    [
        ({}, True, False),
        ({"is_quarantined": False}, False, False),
        ({"is_quarantined": None}, True, False),
        ({"is_quarantined": None, "delivery_status": ["delivered"]}, False, False),
        ({"post_delivery_operations": ["QUARANTINE_RELEASE"]}, True, False),
        (
            {"post_delivery_operations": ["QUARANTINE_RELEASE"], "is_quarantined": False},
            False,
            True,
        ),
        ({"post_delivery_operations": ["PREVIEW"], "is_quarantined": False}, False, False),
    ],
)
def test_held_and_released(fields: dict[str, t.Any], quarantined: bool, released: bool) -> None:
    one = row(message(**fields))
    assert (one["quarantined"], one["released"]) == (quarantined, released)


@pytest.mark.parametrize(
    ("log", "released"),
    [
        ([], False),
        ([{"operation": "PREVIEW", "status": "success"}], False),
        ([{"operation": "RELEASE", "status": "success"}], True),
        ([{"operation": "QUARANTINE_RELEASE"}], False),
        ([{"operation": "QUARANTINE_RELEASE", "status": "failed"}], False),
        (
            [
                {
                    "operation": "RELEASE",
                    "status": "success",
                    "completed_at": "2026-11-25T10:00:00Z",
                },
                {
                    "operation": "RELEASE",
                    "status": "failed",
                    "completed_at": "2026-11-25T09:00:00Z",
                },
            ],
            True,
        ),
        (
            [
                {"operation": "RELEASE", "status": "success"},
                {"operation": "RELEASE", "status": "failed"},
            ],
            False,
        ),
    ],
)
def test_what_the_action_log_says_of_the_last_release(
    log: list[dict[str, t.Any]], released: bool
) -> None:
    assert last_release_succeeded(log) is released


def test_names_of_other_years() -> None:
    old = {
        "postfix_id": "p1",
        "ts": "2026-11-25T10:00:00",
        "sent_date": "yesterday",
        "to": "ada@northwind.example",
    }
    one = row(old)
    assert (one["id"], one["scanned_at"], one["sent_at"], one["to"]) == (
        "p1",
        "2026-11-25T10:00:00Z",
        "yesterday",
        ["ada@northwind.example"],
    )
    with pytest.raises(ReadError, match="without an id"):
        row({"subject": "x"})


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"domain": "northwind.example"}, True),
        ({"domain": "@Evil.Example"}, True),
        ({"domain": "mailer.example"}, True),
        ({"domain": "vil.example"}, False),
        ({"sender": "eve@evil.example"}, True),
        ({"sender": "evil.example"}, True),
        ({"sender": "e@evil.example"}, False),
        ({"recipient": "ADA@northwind.example"}, True),
        ({"recipient": "northwind.example"}, True),
        ({"recipient": "evil.example"}, False),
        ({"subject": "prize"}, True),
        ({"subject": "prizes"}, False),
        ({"message_id": "1@evil.example"}, True),
        ({"message_id": "1@evil"}, False),
        ({"dispositions": ["uce"]}, True),
        ({"dispositions": ["MALICIOUS", "SPOOF"]}, False),
    ],
)
def test_which_messages_are_meant(asked: dict[str, t.Any], fits: bool) -> None:
    assert MessageFilter.of(asked).fits(row(message())) is fits


def test_what_the_service_is_asked() -> None:
    assert MessageFilter.of(
        {
            "dispositions": ["SPAM"],
            "sender": "evil.example",
            "message_id": "1@x",
            "start": "2026-11-01",
        }
    ).filters() == {
        "final_disposition": "SPAM",
        "delivery_status": "quarantined",
        "message_id": "<1@x>",
        "start": "2026-11-01T00:00:00Z",
        "detections_only": "false",
    }
    assert MessageFilter.of(
        {"dispositions": ["MALICIOUS"], "sender": "Eve@evil.example", "quarantined": False}
    ).filters() == {
        "sender": "Eve@evil.example",
        "detections_only": "false",
    }
    assert MessageFilter.of({"dispositions": ["MALICIOUS"]}).fits(
        row(message(final_disposition="MALICIOUS-BEC"))
    )
    with pytest.raises(InputError, match="JUNK"):
        MessageFilter.of({"dispositions": ["JUNK"]})


def test_a_sender_cannot_spoil_the_table() -> None:
    nasty = "A\x1b[2J\u202eB\r\nTIME  forged\x00 " + "long " * 30
    lines = table(
        [
            row(message(subject=nasty)),
            row(
                message(
                    subject="\u6f22\u5b57",
                    envelope_to=["a@x.example", "b@x.example", "c@x.example"],
                )
            ),
        ]
    )
    assert len(lines) == 3 and all(line.isprintable() for line in lines)
    assert (
        "A [2J B TIME forged long" in lines[1]
        and lines[1].endswith("m1")
        and lines[2].endswith("m1")
    )
    assert "a@x.example +2" in lines[2]
    # the two wide letters take four columns
    assert lines[1].index("m1") == lines[0].index("ID") == lines[2].index("m1") + 2


def test_columns_are_cut_and_aligned() -> None:
    assert aligned((("A", 3), ("B", 0)), [("abcdef", "x"), ("a", "yy")]) == [
        "A    B",
        "ab\u2026  x",
        "a    yy",
    ]
