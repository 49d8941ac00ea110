# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  account_id:
    description:
      - ID of the Cloudflare account that holds Email Security (formerly Area 1), 32 hexadecimal
        digits.
      - If not given, the environment variable E(AREA1_ACCOUNT_ID) is used. One of the two is
        required.
    type: str
  api_token:
    description:
      - >-
        Cloudflare API token with the permission C(Cloud Email Security: Write), or C(Cloud
        Email Security: Read) for modules
        that only read.
      - If not given, the environment variable E(AREA1_API_TOKEN) is used. One of the two is
        required.
    type: str
  api_url:
    description: Base address of the Cloudflare API, including C(/client/v4).
    type: str
    default: https://api.cloudflare.com/client/v4
  ca_path:
    description: File with the CA certificates to trust. If not given, those of the system are
      trusted.
    type: path
  timeout:
    description: Longest time in seconds for one call to a service, retries included.
    type: int
    default: 300
requirements:
  - requests
"""
