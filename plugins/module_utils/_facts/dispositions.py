# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Dispositions: the two spellings of one verdict, and the header that carries it."""

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


def header_word(disposition: str) -> str:
    word = disposition.strip().upper()
    return _TO_HEADER.get(word, word)


def api_word(disposition: str) -> str:
    word = disposition.strip().upper()
    return _TO_API.get(word, word)


def check_dispositions(given: t.Iterable[t.Any]) -> list[str]:
    """Return the API's words in the order given, each once.

    The header's ``UCE`` is understood as ``SPAM``.
    """
    words = list(dict.fromkeys(api_word(str(word)) for word in given))
    unknown = [word for word in words if word not in API_WORDS]
    if unknown:
        raise InputError(
            "%s: not a disposition." % ", ".join(unknown),
            "Valid ones are %s." % ", ".join(API_WORDS),
            choices=list(API_WORDS),
        )
    return words
