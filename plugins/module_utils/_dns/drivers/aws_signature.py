# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""AWS Signature Version 4 and the credentials that sign.

Keys that are given sign by the few lines here. botocore is imported where its chain is needed:
profiles, roles, single sign-on, containers, instances. Its client takes 0.3 s and 14 MB to import,
this module 5 ms.

Source: "Create a signed AWS API request", IAM User Guide.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import hmac
import threading
import typing as t
import urllib.parse

from ..._engine.errors import MailflowError, SignInError
from ..._engine.module import need
from ..._engine.outside_text import clean

ALGORITHM = "AWS4-HMAC-SHA256"
CHAIN_HINT = (
    "Give dns_route53_access_key and dns_route53_secret_key, or a profile (dns_route53_profile), or"
    " run where the environment gives a role: container, instance or web identity."
)


@dataclasses.dataclass(frozen=True)
class AwsKeys:
    """An access key, its secret, and the session token of temporary credentials."""

    access_key: str
    secret_key: str = dataclasses.field(repr=False)
    token: str = dataclasses.field(default="", repr=False)


class GivenKeys:
    """Keys from options or the environment."""

    def __init__(self, keys: AwsKeys) -> None:
        self._keys = keys

    def keys(self) -> AwsKeys:
        """Return the keys."""
        return self._keys


class ChainKeys:
    """Keys that botocore finds, and renews where they are temporary."""

    def __init__(self, profile: str | None = None) -> None:
        self._profile = profile
        self._found: t.Any = None
        self._lock = threading.Lock()

    def keys(self) -> AwsKeys:
        """Return keys that are valid now.

        :raises SignInError: the chain has none, or could not renew them.
        """
        with self._lock:
            try:
                if self._found is None:
                    session = need("botocore.session", "botocore")
                    self._found = session.Session(profile=self._profile).get_credentials()
                frozen = self._found.get_frozen_credentials() if self._found else None
            except MailflowError:
                raise
            except Exception as exc:
                text = clean(exc, limit=300).rstrip(".")
                raise SignInError(f"AWS gives no credentials: {text}.", CHAIN_HINT) from None
        if frozen is None or not frozen.access_key or not frozen.secret_key:
            raise SignInError("No AWS credentials were found.", CHAIN_HINT)
        return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token or "")


@dataclasses.dataclass(frozen=True)
class SignedRequest:
    """A request to sign.

    ``query`` is not encoded; ``path`` has no special characters except ``/``.
    """

    method: str
    host: str
    path: str
    query: t.Mapping[str, str]
    body: bytes

    @property
    def target(self) -> str:
        """Return path and query as they are sent."""
        query = _encoded_query(self.query)
        return f"{self.path}?{query}" if query else self.path


def sign(
    request: SignedRequest, keys: AwsKeys, region: str, service: str, now: float
) -> dict[str, str]:
    """Return the headers that sign a request. ``now`` is in seconds since the epoch."""
    moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": request.host, "x-amz-date": stamp}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            request.method,
            urllib.parse.quote(request.path, safe="/-_.~"),
            _encoded_query(request.query),
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    del headers["host"]
    credential = f"Credential={keys.access_key}/{scope}"
    headers["Authorization"] = (
        f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def _encoded_query(query: t.Mapping[str, str]) -> str:
    """Return the query with every byte encoded but the unreserved characters, sorted."""
    return "&".join(
        sorted(
            f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}"
            for name, value in query.items()
        )
    )
