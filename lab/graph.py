# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Graph as far as the collection uses it: domains, serviceConfigurationRecords, $batch.

Sources: [CUT-2.2] (forwarding host: read it from Graph, permission Domain.Read.All); Graph's
reference pages "domain: List serviceConfigurationRecords", "JSON batching" (at most 20 requests),
"Error responses".
"""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lab.server import Hub, Request, Response
from lab.tokens import GRAPH, Identity, TokenRefused, Tokens

_READ_ROLES = frozenset(
    {"Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)
_DOMAIN = re.compile(
    r"/domains/(?P<domain>[^/]+)(?P<records>/serviceConfigurationRecords)?", re.IGNORECASE
)
_MOST_IN_BATCH = 20


class GraphService:
    name = GRAPH

    def __init__(self, hub: Hub, tokens: Tokens) -> None:
        self._hub = hub
        self._tokens = tokens

    def handle(self, request: Request) -> Response:
        request.notes["write"] = False
        version, _, rest = request.path.removeprefix("/").partition("/")
        if version != "v1.0":
            return self._error(400, "BadRequest", "Resource not found for the segment.")
        with self._hub.lock:
            try:
                identity = self._tokens.check(request.headers.get("Authorization"), GRAPH)
            except TokenRefused as error:
                request.notes["refused"] = str(error)
                return self._error(
                    401, "InvalidAuthenticationToken", "Access token validation failure."
                )
            if rest == "$batch":
                return self._batch(request, identity)
            if request.method != "GET":
                return self._error(405, "Request_BadRequest", "The request is not supported.")
            return self._get("/" + rest, request.query, identity)

    def _batch(self, request: Request, identity: Identity) -> Response:
        if request.method != "POST":
            return self._error(405, "Request_BadRequest", "The request is not supported.")
        requests = request.json().get("requests", [])
        if len(requests) > _MOST_IN_BATCH:
            return self._error(
                400,
                "BadRequest",
                f"Number of batch request steps exceeds the maximum value of {_MOST_IN_BATCH}.",
            )
        ids = [item.get("id") for item in requests]
        if (
            not requests
            or len(set(ids)) != len(ids)
            or not all(isinstance(item, str) and item for item in ids)
        ):
            return self._error(400, "BadRequest", "Each batch request step needs an id of its own.")
        responses = []
        for item in requests:
            parts = urlsplit(str(item.get("url", "")))
            if str(item.get("method", "")).upper() == "GET":
                answer = self._get(
                    unquote("/" + parts.path.lstrip("/")), parse_qs(parts.query), identity
                )
            else:
                answer = self._error(405, "Request_BadRequest", "The request is not supported.")
            responses.append(
                {
                    "id": item["id"],
                    "status": answer.status,
                    "headers": {"Content-Type": "application/json"},
                    "body": answer.body,
                }
            )
        # the answers' order is not that of the requests ("JSON batching")
        return Response(200, {"responses": responses[::-1]})

    def _get(self, path: str, query: dict[str, list[str]], identity: Identity) -> Response:
        if not _READ_ROLES & identity.roles:
            return self._error(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            )
        domains = {
            item["DomainName"].lower(): item
            for item in self._hub.world["tenant"]["accepted_domains"]
        }
        if path == "/domains":
            return Response(
                200,
                {
                    "@odata.context": self._context("domains"),
                    "value": [_domain(item) for item in domains.values()],
                },
            )
        found = _DOMAIN.fullmatch(path)
        if not found:
            return self._error(
                400, "BadRequest", f"Resource not found for the segment '{path.split('/')[1]}'."
            )
        item = domains.get(found["domain"].lower())
        if item is None:
            return self._error(
                404,
                "Request_ResourceNotFound",
                f"Resource '{found['domain']}' does not exist or one of its queried"
                " reference-property objects are not present.",
            )
        if not found["records"]:
            return Response(
                200, {"@odata.context": self._context("domains/$entity"), **_domain(item)}
            )
        hosts = self._hub.world["tenant"]["mail_hosts"]
        return Response(
            200,
            {
                "@odata.context": self._context(
                    f"domains('{item['DomainName']}')/serviceConfigurationRecords"
                ),
                "value": _records(item["DomainName"], hosts.get(item["DomainName"].lower())),
            },
        )

    def _context(self, what: str) -> str:
        return f"{self._hub.urls.get(GRAPH, '')}/v1.0/$metadata#{what}"

    def _error(self, status: int, code: str, message: str) -> Response:
        request_id = str(uuid.uuid4())
        inner = {
            "date": self._hub.clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": request_id,
        }
        return Response(
            status,
            {"error": {"code": code, "message": message, "innerError": inner}},
            {"request-id": request_id},
        )


def _domain(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": item["DomainName"],
        "authenticationType": item["AuthenticationType"],
        "isAdminManaged": True,
        "isDefault": item["Default"],
        "isInitial": item["InitialDomain"],
        "isRoot": True,
        "isVerified": True,
        "supportedServices": ["Email"],
    }


def _records(domain: str, host: str | None) -> list[dict[str, Any]]:
    """Return records of several kinds, in no order that a client may rely on.

    The host for mail is in the record of type Mx.
    """

    def record(kind: str, label: str, **fields: Any) -> dict[str, Any]:
        identifier = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{kind}.{label}"))
        return {
            "@odata.type": f"#microsoft.graph.domainDns{kind}Record",
            "id": identifier,
            "isOptional": False,
            "label": label,
            "recordType": _TYPES[kind],
            "supportedService": "Email",
            "ttl": 3600,
            **fields,
        }

    records = [
        record("Txt", domain, text="v=spf1 include:spf.protection.outlook.com -all"),
        record("Cname", f"autodiscover.{domain}", canonicalName="autodiscover.outlook.com"),
    ]
    if host:
        records.insert(1, record("Mx", domain, mailExchange=host, preference=0))
    return records


_TYPES = {"Txt": "Txt", "Cname": "CName", "Mx": "Mx"}
