# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What users may do with their mail in quarantine, by name and as the service's number.

Data only.
"""

from __future__ import annotations

import typing as t

#: Bits of EndUserQuarantinePermissionsValue [EXO-2.6]. 64, Download, is documented as unused.
PERMISSIONS: dict[str, int] = {
    "view_header": 128,
    "allow_sender": 32,
    "block_sender": 16,
    "request_release": 8,
    "release": 4,
    "preview": 2,
    "delete": 1,
}
LEVELS: dict[str, int] = {"none": 0, "limited": 43, "full": 39}
BUILT_IN = (
    "AdminOnlyAccessPolicy",
    "DefaultFullAccessPolicy",
    "DefaultFullAccessWithNotificationPolicy",
)
#: Of the second only the name is documented; where it exists it is Microsoft's.
NOT_OURS = (*BUILT_IN, "NotificationEnabledPolicy", "DefaultGlobalTag")


def value_of(permissions: t.Iterable[str]) -> int:
    return sum(PERMISSIONS[name] for name in dict.fromkeys(permissions))


def names_of(value: t.Any) -> list[str]:
    """Return the permissions in a value that the service returned."""
    number = int(value or 0)
    return [name for name, bit in PERMISSIONS.items() if number & bit]
