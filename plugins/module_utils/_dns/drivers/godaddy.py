# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""GoDaddy: one PUT per record set of the Domains API v1.

Only the call that replaces the records of one type and one name is ever sent. The PUT of v3 for one
record replaced whole zones (godaddy/cli#136), and wider PUTs of v1 replace more than one set.

Sources: GoDaddy's description of the Domains API (developer.godaddy.com); help page 42424.
"""

from __future__ import annotations

import threading
import time
import typing as t
import urllib.parse

from ..._engine.errors import (
    Conflict,
    InputError,
    MailflowError,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ..._engine.outside_text import clean
from ..._http import HttpClient, Reply
from ..sets.rrset import RecordSet, ancestors
from .contract import Capabilities, Driver, DriverOptions, Option, Surroundings
from .outage import Outage
from .pace import CallPace

URLS = {"production": "https://api.godaddy.com", "ote": "https://api.ote-godaddy.com"}
# "Get started" at developer.godaddy.com: per endpoint and minute. A few are left to other callers.
CALLS_PER_MINUTE = 55
TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
ELIGIBLE = (
    "GoDaddy gives its API to accounts with at least one active domain, some plans excepted (help"
    " page 42424). A personal access token also needs the scopes domains.domain:read and"
    " domains.dns:update."
)

Record = dict[str, t.Any]


class GoDaddyDriver(Driver):
    """Record sets of the domains of one GoDaddy account.

    The API has no version of a set and no condition: it is read again just before a write.
    """

    PROVIDER = "godaddy"
    TITLE = "GoDaddy"
    SUMMARY = "V(godaddy) replaces a record set at GoDaddy by one call of the Domains API v1."
    CAPABILITIES = Capabilities(atomic=True, lowest_ttl=600, highest_ttl=86400, threads=4)
    OPTIONS = (
        Option(
            "dns_godaddy_token",
            (
                "Personal access token for V(godaddy), with the scopes C(domains.domain:read) and"
                " C(domains.dns:update).",
            ),
            "personal access token of GoDaddy",
            environment=("GODADDY_TOKEN", "GODADDYV3_PERSONAL_ACCESS_TOKEN"),
            secret=True,
        ),
        Option(
            "dns_godaddy_api_key",
            ("Or an API key of the older kind for V(godaddy).",),
            "API key of GoDaddy",
            environment=("GODADDY_API_KEY",),
        ),
        Option(
            "dns_godaddy_api_secret",
            ("The secret of O(dns_godaddy_api_key).",),
            "secret of the API key",
            environment=("GODADDY_API_SECRET",),
            secret=True,
        ),
        Option(
            "dns_godaddy_environment",
            (
                "Environment of the token or key, for V(godaddy). V(ote) is GoDaddy's test system,"
                " with keys and domains of its own.",
            ),
            "environment of GoDaddy",
            choices=tuple(URLS),
            default="production",
        ),
        Option(
            "dns_godaddy_api_url",
            ("Base address of the API for V(godaddy), where it is not the environment's.",),
            "address of the GoDaddy API",
        ),
    )
    REQUIREMENTS = ("requests",)

    def __init__(
        self,
        http: HttpClient,
        surroundings: Surroundings,
        secrets: t.Sequence[str],
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._context = surroundings.context
        self._timeout = surroundings.timeout
        self._secrets = tuple(secrets)
        self._clock = clock
        # The limit is per endpoint; reads and writes are two.
        self._paces = {
            method: CallPace(CALLS_PER_MINUTE, 60.0, surroundings.context)
            for method in ("GET", "PUT")
        }
        self._outage = Outage(TRIES)
        self._zones: dict[str, str] = {}
        self._missing: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> GoDaddyDriver:
        token, key = options.text("dns_godaddy_token"), options.text("dns_godaddy_api_key")
        if token:
            authorization, secrets = f"Bearer {token}", [token]
        elif key or options.text("dns_godaddy_api_secret"):
            key, secret = options.require("dns_godaddy_api_key", "dns_godaddy_api_secret")
            authorization, secrets = f"sso-key {key}:{secret}", [secret]
        else:
            options.require("dns_godaddy_token")
        url = options.text("dns_godaddy_api_url")
        http = HttpClient(
            url or URLS[str(options.get("dns_godaddy_environment"))],
            headers={"Authorization": authorization, "Accept": "application/json"},
            ca_path=surroundings.ca_path,
            deadline=min(60.0, surroundings.timeout),
            sleep=surroundings.context.sleep,
            tries=1,
            secrets=secrets,
        )
        return cls(http, surroundings, secrets)

    def check(self, name: str) -> None:
        """Read the set: whether an account is eligible shows with its records alone."""
        self.read(name, "MX")

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        zone, found = self._records(name, rdtype)
        if not found and name != zone:
            aliases = self._get(name, zone, "CNAME")
            if aliases:
                raise InputError(
                    f"{name} is an alias (CNAME record) at GoDaddy: it can have no {rdtype} set.",
                    "Remove the CNAME record first.",
                )
        return record_set(name, rdtype, found, zone) if found else None

    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        """Read, compare and PUT. Between the last two, a change by somebody else is lost."""
        zone, found = self._records(name, rdtype)
        present = record_set(name, rdtype, found, zone) if found else None
        if present != expected:
            raise Conflict(
                f"{name}: the {rdtype} set at GoDaddy is not the one that was read.",
                "Run again: it starts from what is there now.",
            )
        reply = self._send(name, "PUT", _path(zone, rdtype, name), _body(wanted))
        if reply.status == 404:
            raise ReadError(f"{name}: {self._shown(reply)}.", "Run again.")

    def _records(self, name: str, rdtype: str) -> tuple[str, list[Record]]:
        """Return the zone that holds a name, and the set: asking for it finds the zone too."""
        with self._lock:
            known = self._zones.get(name)
        candidates = [known] if known else ancestors(name)
        reply: Reply | None = None
        for zone in candidates:
            with self._lock:
                if zone in self._missing:
                    continue
            reply = self._send(name, "GET", _path(zone, rdtype, name))
            if reply.status == 404:
                with self._lock:
                    self._missing.add(zone)
                continue
            with self._lock:
                self._zones[name] = zone
            return zone, self._list(name, rdtype, reply)
        said = f" ({self._shown(reply)})" if reply is not None else ""
        raise InputError(
            f"{name}: GoDaddy has no zone that holds this name{said}.",
            "The domain must be in this account, active, and served by GoDaddy's name servers"
            " (domaincontrol.com); else choose the dns_provider that serves it.",
        )

    def _get(self, name: str, zone: str, rdtype: str) -> list[Record]:
        reply = self._send(name, "GET", _path(zone, rdtype, name))
        return [] if reply.status == 404 else self._list(name, rdtype, reply)

    def _list(self, name: str, rdtype: str, reply: Reply) -> list[Record]:
        body = reply.json()
        if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
            raise ReadError(f"{name}: GoDaddy answered with something that is no list of records.")
        return [item for item in body if item.get("type", rdtype) == rdtype]

    def _send(self, name: str, method: str, path: str, payload: t.Any = None) -> Reply:
        """Send within the limit of calls; what was certainly not carried out is sent again."""
        end, pause, attempt = self._clock() + self._timeout, FIRST_PAUSE, 0
        while True:
            attempt += 1
            self._paces[method].keep()
            problem: ReadError | None = None
            try:
                reply = self._http.request(method, path, payload=payload)
            except ReadError as exc:
                problem = exc
            else:
                if not self._later(method, reply):
                    self._outage.note(answered=True)
                    return self._final(name, reply)
                pause = _retry_after(reply) or pause
            tries = TRIES if problem is None and reply.status < 500 else self._outage.tries
            if attempt >= tries or self._clock() + pause > end:
                if problem is not None:
                    self._outage.note(answered=False)
                    raise problem
                return self._final(name, reply)
            self._context.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _later(self, method: str, reply: Reply) -> bool:
        """Return whether the call may fare better in a while: throttled, or the zone is busy."""
        if reply.status == 429:
            return "QUOTA" not in _error(reply).get("code", "")
        if reply.status == 409:
            return "ELIGIBLE" not in _error(reply).get("code", "")
        return method == "GET" and reply.status >= 500

    def _final(self, name: str, reply: Reply) -> Reply:
        if reply.ok or reply.status == 404:
            return reply
        shown = f"{name}: {self._shown(reply)}."
        raise self._error(reply, shown)

    def _error(self, reply: Reply, shown: str) -> MailflowError:
        if reply.status == 401:
            return SignInError(
                shown,
                "Check dns_godaddy_token, or dns_godaddy_api_key and its secret: keys of production"
                " and OTE are not interchangeable (dns_godaddy_environment).",
            )
        if reply.status == 403:
            return PermissionDenied(shown, ELIGIBLE)
        if reply.status == 429:
            return Refused(
                shown,
                "GoDaddy allows 60 calls a minute and 20,000 a month: run again later, or with"
                " fewer domains at a time.",
            )
        if reply.status == 409:
            return Refused(
                shown,
                "The domain must be active and unprotected; changes of protected domains need the"
                " second factor in GoDaddy's console.",
            )
        if reply.status == 422 and "CNAME" in str(_error(reply)).upper():
            return InputError(shown, "Remove the CNAME record first.")
        if reply.status in (400, 422):
            return Refused(shown, "Nothing was changed.")
        return ReadError(shown, "Run again later.")

    def _shown(self, reply: Reply) -> str:
        error = _error(reply)
        fields = "; ".join(
            f"{field.get('path')}: {field.get('message')}"
            for field in error.get("fields") or []
            if isinstance(field, dict)
        )
        text = f"{error.get('code') or 'no code'}: {error.get('message') or 'no reason given'}"
        return "GoDaddy answered %d (%s)" % (
            reply.status,
            clean(f"{text} {fields}".strip(), self._secrets, 400),
        )


def record_set(name: str, rdtype: str, records: t.Sequence[Record], zone: str) -> RecordSet:
    """Return records as one set; where their TTLs differ, the longest counts."""
    try:
        values = [
            f"{record['priority']} {_host(str(record['data']), zone)}"
            if rdtype == "MX"
            else str(record["data"])
            for record in records
        ]
        ttl = max(int(record["ttl"]) for record in records)
    except (KeyError, TypeError, ValueError):
        raise ReadError(f"{name}: GoDaddy answered with a record without data or TTL.") from None
    return RecordSet.of(name, rdtype, values, ttl)


def _host(text: str, zone: str) -> str:
    """Return a host; ``@`` as data means the domain itself."""
    return zone if text == "@" else text


def _body(wanted: RecordSet) -> list[Record]:
    if wanted.type == "MX":
        pairs = [value.split(" ", 1) for value in wanted.values]
        return [
            {"data": host, "priority": int(priority), "ttl": wanted.ttl} for priority, host in pairs
        ]
    return [{"data": value, "ttl": wanted.ttl} for value in wanted.values]


def _path(zone: str, rdtype: str, name: str) -> str:
    """Return the path of exactly one record set; both its type and its name are in it."""
    relative = "@" if name == zone else name.removesuffix(f".{zone}")
    return f"v1/domains/{zone}/records/{rdtype}/{urllib.parse.quote(relative, safe='@*')}"


def _error(reply: Reply) -> dict[str, t.Any]:
    try:
        body = reply.json()
    except ReadError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after(reply: Reply) -> float | None:
    """Return the wait that a 429 asks for, in its body or in its header."""
    told = _error(reply).get("retryAfterSec", reply.headers.get("Retry-After"))
    text = str(told or "").strip()
    return min(float(text), 300.0) if text.isdigit() else None
