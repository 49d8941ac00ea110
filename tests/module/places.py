# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each use case brings each disposition:

(folder, quarantine policy, who may release).

Written down by hand from Cloudflare's pages ([CF-4.1] to [CF-4.3]), not from the
product's table.
"""

from __future__ import annotations

Place = tuple[str, str, str]

AREA1, JUNK, INBOX = ("Area 1", "", ""), ("junk", "", ""), ("inbox", "", "")
FREE, ASK = (
    ("quarantine", "UserNotifyUserRelease", "user"),
    (
        "quarantine",
        "UserNotifyAdminRelease",
        "request",
    ),
)
ADMIN = ("quarantine", "AdminOnlyAccessPolicy", "admin")
# as Area 1's API has them; NONE is a clean message
DISPOSITIONS = ("MALICIOUS", "SUSPICIOUS", "SPAM", "BULK", "SPOOF", "NONE")
TODAY: dict[int, tuple[Place, ...]] = {
    1: (AREA1, JUNK, AREA1, JUNK, AREA1, INBOX),
    2: (AREA1, INBOX, FREE, JUNK, FREE, INBOX),
    3: (ASK, INBOX, ASK, JUNK, ASK, INBOX),
    4: (ASK, INBOX, FREE, INBOX, FREE, INBOX),
    5: (ADMIN, INBOX, ADMIN, JUNK, ADMIN, INBOX),
}
# The tutorial's rules bring SUSPICIOUS to junk in all but the fourth.
TUTORIAL: dict[int, tuple[Place, ...]] = {
    case: (places[0], INBOX if case == 4 else JUNK, *places[2:]) for case, places in TODAY.items()
}
