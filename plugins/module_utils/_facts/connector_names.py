# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Names and comments of the connectors, in the tutorial's words and in today's.

Today's serve to recognise what somebody made by hand.
"""

from __future__ import annotations

import typing as t

CONNECTOR_NAME = "Area 1 Inbound Connector"
CONNECTOR_COMMENT = "Inbound connector for Enhanced Filtering"
LOCKDOWN_NAME = "Secure O365 Inbound"
LOCKDOWN_COMMENT = "Only accept inbound email from Area 1"

ENHANCED_FILTERING = "enhanced_filtering"
LOCKDOWN = "lockdown"

# Later pages of the same documentation: renamed product, same steps.
KNOWN_CONNECTORS: dict[str, tuple[tuple[str, str], ...]] = {
    ENHANCED_FILTERING: (
        (CONNECTOR_NAME, CONNECTOR_COMMENT),
        ("Email Security Inbound Connector", CONNECTOR_COMMENT),
    ),
    LOCKDOWN: (
        (LOCKDOWN_NAME, LOCKDOWN_COMMENT),
        ("Secure O365 Inbound", "Only accept inbound email from Email Security"),
        ("Secure M365 Inbound", "Only accept inbound email from Email Security"),
    ),
}


def purpose_of(name: t.Any) -> str | None:
    """Return what a connector of this name is for, or None for a name that no page uses."""
    return _find(name, 0)


def purpose_of_comment(comment: t.Any) -> str | None:
    """Return what a connector with this comment is for; the comment survives a new name.

    Whatever follows a bracket is a stamp of ours.
    """
    return _find(str(comment or "").split("[", 1)[0].strip().rstrip("."), 1)


def known_names(purpose: str) -> list[str]:
    return list(dict.fromkeys(name for name, comment in KNOWN_CONNECTORS[purpose]))


def _find(text: t.Any, column: int) -> str | None:
    wanted = str(text or "").strip().lower()
    for purpose, entries in KNOWN_CONNECTORS.items():
        if any(entry[column].lower() == wanted for entry in entries):
            return purpose
    return None
