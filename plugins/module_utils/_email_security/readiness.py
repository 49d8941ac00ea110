# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Whether a domain is ready for its MX records to be switched.

A function of the service's answers; no I/O.
"""

from __future__ import annotations

import typing as t

READY, NOT_YET, CANNOT = "ready", "not_yet", "cannot"

PROOF_FIELDS = ("status", "txt_record_name", "txt_record_value")

_DONE = frozenset({"active", "verified", "success", "complete", "completed", "valid"})
_FAILED = frozenset({"failed", "timeout"})


def word(value: t.Any) -> str:
    """Return a status in lower case: the API shows both ``pending`` and ``PENDING`` [CF-6.1]."""
    return str(value or "").strip().lower()


def is_settled(domain: t.Mapping[str, t.Any]) -> bool:
    """Return whether the domain is active, so that its verification need not be read."""
    return word(domain.get("status")) == "active"


def wants_proof(verification: t.Mapping[str, t.Any] | None) -> bool:
    return verification is not None and word(verification.get("status")) not in _DONE


def readiness(
    domain: t.Mapping[str, t.Any] | None,
    verification: t.Mapping[str, t.Any] | None,
    published: bool = False,
) -> dict[str, t.Any]:
    """Return ``status``, ``message``, ``hint``, ``since`` and ``verification`` of a domain.

    ``status`` is ready, not_yet or cannot; ``verification`` holds name, value and status of the TXT
    record. A pending domain whose ownership is proven, or needs no proof, waits for nothing but
    mail: it is ready.

    ``verification`` None means that the service asks for none; ``published`` that its TXT record
    was set just now.
    """
    if domain is None or domain.get("id") in (None, ""):
        return _answer(NOT_YET, "Email Security does not have it yet.", "Run without check mode.")
    status = word(domain.get("status"))
    if status == "active":
        return _answer(READY, "Active.")
    asked = _asked(verification)
    if wants_proof(verification):
        return _unproven(domain, asked, published, t.cast("t.Mapping[str, t.Any]", verification))
    if status in _FAILED:
        told = domain.get("authorization")
        told = told.get("status_message") if isinstance(told, dict) else told
        reason = str(told or "").strip().rstrip(".")
        message = "The service reports %s for this domain%s." % (
            status,
            ": %s" % reason if reason else "",
        )
        return _answer(
            CANNOT,
            message,
            "Look at the domain in the Cloudflare dashboard (Email security, Settings, Domains).",
            verification=asked,
        )
    if status not in ("", "pending"):
        return _answer(
            NOT_YET,
            "The service reports the status %s." % status,
            since=domain.get("modified_at"),
            verification=asked,
        )
    return _answer(READY, "Pending only because no mail has arrived yet.", verification=asked)


def unread(message: str, hint: str) -> dict[str, t.Any]:
    """Return the readiness of a domain whose verification could not be read.

    Nothing is concluded from that, and the other domains go on.
    """
    return _answer(
        NOT_YET, "Whether its ownership is verified could not be read: %s" % message, hint
    )


def _unproven(
    domain: t.Mapping[str, t.Any],
    asked: dict[str, t.Any] | None,
    published: bool,
    verification: t.Mapping[str, t.Any],
) -> dict[str, t.Any]:
    since = verification.get("last_checked_at") or domain.get("created_at")
    if asked is None:
        return _answer(
            NOT_YET,
            "Ownership is not verified, and the service names no TXT record.",
            "See the Cloudflare dashboard.",
            since,
        )
    record = "TXT %s = %s" % (asked["name"], asked["value"])
    if published:
        return _answer(
            NOT_YET,
            "Ownership is not verified yet; %s was published." % record,
            "Verification may take up to 24 hours.",
            since,
            asked,
        )
    if asked["status"] in _FAILED:
        return _answer(
            CANNOT,
            "Verification of ownership ended with %s; the service looks for %s."
            % (asked["status"], record),
            "Check that the record is visible, then start verification again in the Cloudflare"
            " dashboard.",
            since,
            asked,
        )
    return _answer(
        NOT_YET,
        "Ownership is not verified yet; the service looks for %s." % record,
        "Verification may take up to 24 hours.",
        since,
        asked,
    )


def _asked(verification: t.Mapping[str, t.Any] | None) -> dict[str, t.Any] | None:
    if (
        not verification
        or not verification.get("txt_record_name")
        or not verification.get("txt_record_value")
    ):
        return None
    return {
        "name": str(verification["txt_record_name"]),
        "value": str(verification["txt_record_value"]),
        "status": word(verification.get("status")),
    }


def _answer(
    status: str,
    message: str,
    hint: str = "",
    since: t.Any = None,
    verification: dict[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    return {
        "status": status,
        "message": message,
        "hint": hint,
        "since": since,
        "verification": verification,
    }
