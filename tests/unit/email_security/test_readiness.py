# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a domain ready for its MX? The table of what the service may say."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mailflow.area1.plugins.module_utils._email_security.readiness import (
    readiness,
    wants_proof,
)


def proof(status: str) -> dict[str, t.Any]:
    return {
        "status": status,
        "txt_record_name": "_cf-email-sec-challenge.a.example",
        "txt_record_value": "v4lue",
        "last_checked_at": "2026-10-01",
    }


@pytest.mark.parametrize(
    ("status", "verification", "expected"),
    [
        ("active", None, "ready"),
        ("ACTIVE", proof("pending"), "ready"),
        ("pending", None, "ready"),
        ("PENDING", proof("ACTIVE"), "ready"),
        (None, None, "ready"),
        ("pending", proof("pending"), "not_yet"),
        ("pending", {}, "ready"),
        ("pending", proof("timeout"), "cannot"),
        ("pending", proof("FAILED"), "cannot"),
        ("failed", None, "cannot"),
        ("TIMEOUT", proof("active"), "cannot"),
        ("failed", proof("pending"), "not_yet"),
        ("suspended", None, "not_yet"),
    ],
)
def test_readiness(status: t.Any, verification: t.Any, expected: str) -> None:
    found = readiness({"id": "1", "status": status}, verification or None)
    assert found["status"] == expected and found["message"]
    assert expected != "cannot" or found["hint"]


def test_what_is_waited_for_is_named() -> None:
    found = readiness({"id": 7, "status": "pending"}, proof("PENDING"))
    assert "_cf-email-sec-challenge.a.example = v4lue" in found["message"]
    assert found["verification"] == {
        "name": "_cf-email-sec-challenge.a.example",
        "value": "v4lue",
        "status": "pending",
    }
    assert found["since"] == "2026-10-01" and "24 hours" in found["hint"]


def test_proof_that_was_published_just_now_is_waited_for_even_after_a_time_out() -> None:
    assert (
        readiness({"id": 7, "status": "pending"}, proof("timeout"), published=True)["status"]
        == "not_yet"
    )


def test_service_that_names_no_record() -> None:
    found = readiness({"id": 7, "status": "pending", "created_at": "then"}, {"status": "pending"})
    assert (found["status"], found["verification"], found["since"]) == ("not_yet", None, "then")


@pytest.mark.parametrize("domain", [None, {}, {"domain": "a.example"}])
def test_domain_that_does_not_exist_yet(domain: t.Any) -> None:
    assert readiness(domain, None)["status"] == "not_yet"


def test_reason_of_the_service_is_shown() -> None:
    found = readiness(
        {
            "id": 7,
            "status": "failed",
            "authorization": {"status_message": "consent was withdrawn."},
        },
        None,
    )
    assert "consent was withdrawn" in found["message"]


def test_wants_proof() -> None:
    assert (
        not wants_proof(None)
        and not wants_proof(proof("Active"))
        and wants_proof(proof("pending"))
        and wants_proof({"status": None})
    )
