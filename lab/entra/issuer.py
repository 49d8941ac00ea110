# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A foreign issuer of tokens, as a pipeline's runner has one: keys, and a request address.

Sources: OpenID Connect Discovery 1.0; "OpenID Connect reference" of GitHub Actions: a GET of
ACTIONS_ID_TOKEN_REQUEST_URL with &audience= and the bearer of the job gives {"value": JWT}, which
lives about five minutes.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.server import Hub, Request, Response

KEY_ID = "lab-issuer-key"
SUBJECT = "repo:northwind@1001/mail@2002:ref:refs/heads/main"
LIFETIME = 300


class IssuerService:
    """Issues tokens for jobs. Its clock is the real one, as a runner's is."""

    name = "issuer"

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        # A JSON web token like those that it gives, as GitHub's is
        about = {"scp": "Actions.GenerateIdToken", "jti": str(uuid.uuid4())}
        self.bearer = jwt.encode(about, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    @property
    def url(self) -> str:
        """Return the issuer's name, which is its address."""
        return self._hub.urls["issuer"]

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """Return what its signatures are checked with."""
        return self._key.public_key()

    @property
    def request_url(self) -> str:
        """Return the address at which a job asks for its token."""
        return f"{self.url}/token?api-version=2.0"

    def handle(self, request: Request) -> Response:
        request.notes["write"] = False
        if request.path == "/.well-known/openid-configuration":
            return Response(200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        if request.path == "/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.public_key))
            return Response(200, {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]})
        if request.path != "/token":
            return Response(404, b"")
        if request.headers.get("Authorization", "").lower() != f"bearer {self.bearer}".lower():
            return Response(401, {"message": "The request is not authorized."})
        audience = (request.query.get("audience") or ["https://github.com/northwind"])[0]
        return Response(200, {"value": self.mint(audience=audience)})

    def mint(
        self,
        audience: str = "api://AzureADTokenExchange",
        subject: str = SUBJECT,
        lifetime: int = LIFETIME,
        issuer: str = "",
        age: int = 0,
    ) -> str:
        """Return a signed token; ``age``: seconds since it was issued."""
        now = int(time.time()) - age
        claims: dict[str, Any] = {
            "iss": issuer or self.url,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})
