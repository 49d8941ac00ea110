# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Dispositions: what each use case quarantines at Area 1, and the two spellings of one verdict."""

from __future__ import annotations

import typing as t

from .._engine.errors import InputError

# C(drop_dispositions) of the Email Security API.
API_WORDS = (
    "MALICIOUS",
    "MALICIOUS-BEC",
    "SUSPICIOUS",
    "SPOOF",
    "SPAM",
    "BULK",
    "ENCRYPTED",
    "EXTERNAL",
    "UNKNOWN",
    "NONE",
)

# Values of X-CFEmailSecurity-Disposition and X-Area1Security-Disposition, one for each message.
HEADER_WORDS = ("MALICIOUS", "SUSPICIOUS", "SPOOF", "UCE", "BULK")

DISPOSITION_HEADER = "X-CFEmailSecurity-Disposition"
LEGACY_DISPOSITION_HEADER = "X-Area1Security-Disposition"

# The only word that differs: spam is UCE in the header.
_TO_HEADER = {"SPAM": "UCE"}
_TO_API = {header: api for api, header in _TO_HEADER.items()}

# Dispositions ticked in the domain's Quarantine Policy, use case by use case.
QUARANTINED: dict[int, tuple[str, ...]] = {
    1: ("MALICIOUS", "SPAM", "SPOOF"),
    2: ("MALICIOUS",),
    3: (),
    4: (),
    5: (),
}

SPOOF_HANDLING = ("quarantine", "spam", "bulk")


def quarantined(use_case: t.Any, spoof_handling: str | None = None) -> list[str]:
    """What Area 1 itself holds back in a use case, in the API's words.

    ``spoof_handling`` (the tutorial's section 4): C(bulk) lets SPOOF through to be tagged. C(quarantine) and C(spam) are what the
    use case does anyway: here where it ticks SPOOF, else in Microsoft 365 by its rules. None is the use case's own.
    """
    try:
        words = list(QUARANTINED[int(use_case)])
    except (KeyError, TypeError, ValueError):
        raise InputError("%r is not a use case." % (use_case,), "Set area1_use_case to one of 1, 2, 3, 4, 5.") from None
    if spoof_handling is None:
        return words
    if spoof_handling not in SPOOF_HANDLING:
        raise InputError(
            "%r is not a way to handle SPOOF." % (spoof_handling,), "Use one of %s." % ", ".join(SPOOF_HANDLING)
        )
    return [word for word in words if word != "SPOOF" or spoof_handling != "bulk"]


def header_word(disposition: str) -> str:
    word = disposition.strip().upper()
    return _TO_HEADER.get(word, word)


def api_word(disposition: str) -> str:
    word = disposition.strip().upper()
    return _TO_API.get(word, word)


def check_dispositions(given: t.Iterable[t.Any]) -> list[str]:
    """The API's words in the order given, without repetition. The header's C(UCE) is understood as C(SPAM)."""
    words = list(dict.fromkeys(api_word(str(word)) for word in given))
    unknown = [word for word in words if word not in API_WORDS]
    if unknown:
        raise InputError(
            "%s: not a disposition." % ", ".join(unknown),
            "Valid ones are %s." % ", ".join(API_WORDS),
            choices=list(API_WORDS),
        )
    return words
