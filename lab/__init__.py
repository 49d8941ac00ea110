# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab: a loopback twin of Microsoft 365, Cloudflare, DNS and the mail between them.

Not shipped with the collection.

__main__     `python -m lab`          laboratory  the composition root: world, services, lab.json
    client       for tests and the demo   control     the control API: state, clock, log, faults,
    mutate, world
    server       HTTP and the Hub         clock log faults tls tokens
    worlds/      states to start from, and the settings that a world may change (worlds/settings.py)
    mail/        SMTP: Area 1's hosts, Microsoft's edge, MTA-STS hosts, traffic
    entra        token endpoint           exchange/   admin API    graph    Microsoft Graph
    cloudflare/  zones, records, Email Security domains            dns/     authoritative servers,
    resolver, DoH
    azure_dns/ route53/ godaddy/  other providers of DNS

A behaviour has its source beside it, as an entry of docs/sources, for example [EXO-1.7].
"inferred" marks what no source says outright, "open" what nobody could verify; where
sources disagree a setting of the world chooses, and clients have to work with either.
"""
