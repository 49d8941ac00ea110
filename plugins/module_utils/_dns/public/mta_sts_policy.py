# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A domain's MTA-STS as senders find it (RFC 8461): the TXT record, and the policy over HTTPS.

What they mean is decided elsewhere.
"""

from __future__ import annotations

import typing as t

from ..._engine.errors import MailflowError
from ..._http import HttpClient
from .public_dns import PublicDns, Server

MARK = "v=stsv1"
POLICY_PATH = ".well-known/mta-sts.txt"
# RFC 8461, 3.3: a sender limits size and time; 64 KiB and one minute are its examples.
MAX_POLICY = 64 * 1024
POLICY_SECONDS = 20.0


def read_sts(
    world: PublicDns, domain: str, view: t.Mapping[str, t.Any], port: int, ca_path: str | None
) -> dict[str, t.Any]:
    """Return record and policy; ``records`` None means that the TXT could not be asked for.

    The policy is fetched only if a record announces one.
    """
    found: dict[str, t.Any] = {
        "records": None,
        "ttl": None,
        "error": "",
        "policy": None,
        "policy_error": "",
    }
    name = "_mta-sts." + domain
    try:
        answer = _authoritative(world, name, view) or world.resolvers.lookup(name, "TXT")
        found["records"] = sorted(answer.values)
        found["ttl"] = answer.ttl
    except MailflowError as exc:
        found["error"] = exc.message
        return found
    if any(text.lower().startswith(MARK) for text in found["records"]):
        found["policy"], found["policy_error"] = fetch_policy(world, domain, port, ca_path)
    return found


def _authoritative(world: PublicDns, name: str, view: t.Mapping[str, t.Any]) -> t.Any:
    """Ask the zone's own server, whose TTL is the whole one; resolvers follow an alias."""
    for item in view.get("name_servers") or []:
        if item.get("status") in ("ok", "nodata", "nxdomain"):
            answer = world.ask(Server(item["name"], item["address"]), name, "TXT")
            if answer.status == "ok" and answer.values and answer.cname is None:
                return answer
            return None
    return None


def fetch_policy(
    world: PublicDns, domain: str, port: int, ca_path: str | None
) -> tuple[str | None, str]:
    """Return (text, why not), fetched as a sender does.

    No redirect is followed, the certificate must be for the name, and the text at most 64 KiB.
    """
    host = "mta-sts." + domain
    try:
        addresses = world.resolvers.addresses(host)
    except MailflowError as exc:
        return None, exc.message
    if not addresses:
        return None, "%s has no address" % host
    base = "https://%s%s" % (host, "" if port == 443 else ":%d" % port)
    problem = ""
    for address in addresses[:2]:
        client = HttpClient(
            base,
            ca_path=ca_path,
            deadline=POLICY_SECONDS,
            timeout=POLICY_SECONDS,
            address=address,
            max_body=MAX_POLICY,
            tries=1,
        )
        try:
            reply = client.get(POLICY_PATH)
        except MailflowError as exc:
            problem = exc.message
            continue
        if reply.status != 200:
            return None, "%s answered %d" % (reply.where, reply.status)
        return reply.body.decode("utf-8", "replace"), ""
    return None, problem
