# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Signature Version 4 as the service checks it, and what the key's policy allows.

Written from "Create a signed AWS API request" in the IAM User Guide, not from any client; a test
holds it against botocore's signatures.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from lab.route53.state import setting
from lab.route53.xml import Route53Error
from lab.server import Request

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/]+)"
    r"/(?P<service>[^/]+)/aws4_request,\s*SignedHeaders=(?P<headers>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Caller:
    """One access key and its policy."""

    key: str
    account: str
    policy: Mapping[str, Any]

    def may(self, action: str, zone: str | None = None) -> bool:
        """Return whether the policy allows an action, on a zone if one is named."""
        zones = self.policy.get("zones", "*")
        denied = action in self.policy.get("denied", ())
        return not denied and (zone is None or zones == "*" or zone in zones)

    def need(self, action: str, zone: str | None = None, allowed: bool = True) -> None:
        """Refuse as IAM does, with action and resource in the message.

        Source: IAM User Guide, "Troubleshoot access denied error messages".
        """
        if allowed and self.may(action, zone):
            return
        on = f" on resource: arn:aws:route53:::hostedzone/{zone}" if zone else ""
        raise Route53Error(
            403,
            "AccessDenied",
            f"User: arn:aws:iam::{self.account}:user/mailflow is not authorized to perform:"
            f" {action}{on} because no identity-based policy allows the {action} action",
        )


def authenticate(request: Request, state: dict[str, Any], now: float) -> Caller:
    """Return the caller of a signed request, or AWS's refusal."""
    header = request.headers.get("Authorization")
    if not header:
        raise Route53Error(403, "MissingAuthenticationToken", "Missing Authentication Token")
    found = _HEADER.fullmatch(header.strip())
    if found is None or found["service"] != "route53":
        raise Route53Error(
            400,
            "IncompleteSignature",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'.",
        )
    policy = state["keys"].get(found["key"])
    if policy is None or policy.get("status") == "inactive":
        raise Route53Error(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )
    _check_date(request, state, now)
    expected = signature(request, policy["secret"], found.groupdict())
    if not hmac.compare_digest(expected, found["signature"]):
        raise Route53Error(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check"
            " your AWS Secret Access Key and signing method. Consult the service documentation for"
            " details.",
        )
    # Temporary credentials come with a session token, which is signed too.
    if (policy.get("token") or "") != (request.headers.get("X-Amz-Security-Token") or ""):
        raise Route53Error(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )
    if policy.get("status") == "expired":
        raise Route53Error(
            403, "ExpiredToken", "The security token included in the request is expired"
        )
    return Caller(found["key"], state.get("account", ""), policy)


def signature(request: Request, secret: str, scope: Mapping[str, str]) -> str:
    """Return the signature that this request must have."""
    names = scope["headers"].split(";")
    if "host" not in names or names != sorted(names):
        raise Route53Error(
            403, "SignatureDoesNotMatch", "'Host' must be a 'SignedHeader', and they are sorted."
        )
    path, _mark, query = request.target.partition("?")
    canonical = "\n".join(
        [
            request.method,
            "/".join(_encoded(unquote(part)) for part in path.split("/")),
            _query(query),
            *(f"{name}:{' '.join((request.headers.get(name) or '').split())}" for name in names),
            "",
            scope["headers"],
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    stamp = request.headers.get("X-Amz-Date") or ""
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            stamp,
            f"{scope['date']}/{scope['region']}/{scope['service']}/aws4_request",
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in (scope["date"], scope["region"], scope["service"], "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs))


def _encoded(text: str) -> str:
    """Encode every byte for a URI, except the unreserved characters."""
    return quote(text, safe="-_.~")


def _check_date(request: Request, state: dict[str, Any], now: float) -> None:
    """Check the date of a request by the real clock; the lab's is not the client's."""
    stamp = request.headers.get("X-Amz-Date") or ""
    try:
        sent = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise Route53Error(
            400, "IncompleteSignature", "Date must be in ISO-8601 'basic format'."
        ) from None
    skew = float(setting(state, "clock_skew"))
    if abs(sent - now) > skew:
        early = "earlier" if sent < now else "later"
        kind = "Signature expired" if sent < now else "Signature not yet current"
        raise Route53Error(
            403,
            "SignatureDoesNotMatch",
            f"{kind}: {stamp} is now {early} than the service's clock allows (5 min.)",
        )
