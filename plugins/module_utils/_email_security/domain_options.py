# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The wanted state of each domain, from the module's options, and the plan that leads to it.

What can never be right is refused here. No I/O.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import re
import typing as t

from .._engine.errors import InputError
from .._engine.host_names import host_name, parse_host_name
from .._engine.plan import ListIntent, Plan, plan_object
from .._engine.values import WORDS, as_list, ip_span
from .._facts.email_security_domain import MAY_BE_UNTOLD, MX_MODE, PROPERTIES

OBJECT_TYPE = "email_security_domain"

DEFAULT_REGIONS = ("GLOBAL",)  # Cloudflare's own default
_REQUIRED_LISTS = ("drop_dispositions", "ip_restrictions")
_FORCED = (
    "MALICIOUS",
    "SPAM",
)  # by one of Cloudflare's pages these are quarantined in MX mode whatever is set

OWN_KEYS = ("name", "forward_to", "regions", "drop_dispositions", "dns_provider", "dns_account")
Words = t.Callable[[t.Iterable[t.Any]], list[str]]


@dataclasses.dataclass(frozen=True)
class Rules:
    """The checks that need published facts; the module passes them in."""

    regions: Words
    dispositions: Words
    is_gateway: t.Callable[[str], bool]


@dataclasses.dataclass(frozen=True)
class Wish:
    """The wanted state of one domain. None leaves a field as it is."""

    name: str
    forward_to: str | None = None
    regions: tuple[str, ...] | None = None
    drop_dispositions: tuple[str, ...] | None = None
    require_tls_outbound: bool | None = True
    lookback_hops: int | None = 1
    ip_restrictions: tuple[str, ...] | None = ()
    dns_provider: str | None = None
    dns_account: str | None = None
    delivery_modes: tuple[str, ...] | None = None

    def fields(self) -> dict[str, t.Any]:
        """Return the wanted values by API field, for the planner.

        Where ``delivery_modes`` is not given, MX mode is added and other allowed modes stay.
        """
        modes = (
            ListIntent(add=(MX_MODE,))
            if self.delivery_modes is None
            else ListIntent(set=self.delivery_modes)
        )
        wanted: dict[str, t.Any] = {
            "allowed_delivery_modes": modes,
            "lookback_hops": self.lookback_hops,
            "transport": self.forward_to,
            "require_tls_outbound": self.require_tls_outbound,
        }
        for name in ("ip_restrictions", "regions", "drop_dispositions"):
            value = getattr(self, name)
            wanted[name] = None if value is None else ListIntent(set=value)
        return wanted


def wishes(params: t.Mapping[str, t.Any], rules: Rules) -> list[Wish]:
    """Return the wanted state of all domains, checked before anything is read or written."""
    found: dict[str, Wish] = {}
    for entry in entries(params.get("domains")):
        wish = _wish(entry, params, rules)
        if found.setdefault(wish.name, wish) != wish:
            raise InputError(
                "domains: %s is named twice with different settings." % wish.name,
                "Name each domain once.",
            )
    if not found:
        raise InputError("domains is empty.", "Name the domains whose mail goes through Area 1.")
    return list(found.values())


def plan_domain(
    wish: Wish, observed: t.Mapping[str, t.Any] | None, is_gateway: t.Callable[[str], bool]
) -> Plan:
    """Return the changes of one domain.

    Raise InputError where it would end without a forwarding host, or with a loop.
    """
    wanted = wish.fields()
    if observed is None:
        wanted.update({key: wanted[key] or ListIntent(set=()) for key in _REQUIRED_LISTS})
        wanted["regions"] = wanted["regions"] or ListIntent(set=DEFAULT_REGIONS)
    target = host_name(wish.forward_to or (observed or {}).get("transport"))
    if not target:
        raise InputError(
            "%s has no forwarding host: Area 1 would not know where its mail goes." % wish.name,
            "Give forward_to for it: the MX host that Microsoft 365 names for this domain.",
        )
    _refuse_loop(wish.name, target, is_gateway)
    if observed is None:
        return plan_object(OBJECT_TYPE, wish.name, PROPERTIES, None, wanted)
    if kept_dispositions(wish, observed) is not None:
        wanted["drop_dispositions"] = None
    plan = plan_object(OBJECT_TYPE, wish.name, PROPERTIES, observed, wanted)
    if {change.name for change in plan.changes} <= set(untold(wish, observed)):
        return Plan(OBJECT_TYPE, wish.name)
    return plan


def kept_dispositions(wish: Wish, observed: t.Mapping[str, t.Any]) -> list[str] | None:
    """Return the dispositions that the service keeps beyond the wanted ones, or None.

    In MX mode the service may force some [CF-4.5]; asking for their removal in every run would
    never end. It forces both or none: where one of them is missing, the other is somebody's choice
    and is removed.
    """
    modes = WORDS.index(observed.get("allowed_delivery_modes"))
    if wish.drop_dispositions is None or WORDS.canonical(MX_MODE) not in modes:
        return None
    there, wanted = (
        WORDS.index(observed.get("drop_dispositions")),
        set(WORDS.index(wish.drop_dispositions)),
    )
    forced = set(WORDS.index(_FORCED))
    is_left = forced <= set(there) and wanted < set(there) <= wanted | forced
    return list(there.values()) if is_left else None


def untold(wish: Wish, observed: t.Mapping[str, t.Any]) -> list[str]:
    """Return the wanted fields that the service's answer leaves out.

    They are sent along with other changes, but are no reason to write.
    """
    wanted = wish.fields()
    return [name for name in MAY_BE_UNTOLD if wanted[name] is not None and name not in observed]


def create_body(wish: Wish, plan: Plan) -> dict[str, t.Any]:
    """Return the body of a POST: every required field, with the wanted values."""
    body: dict[str, t.Any] = {"domain": wish.name, **{name: [] for name in _REQUIRED_LISTS}}
    body.update(plan.after())
    return body


def update_body(observed: t.Mapping[str, t.Any], plan: Plan) -> dict[str, t.Any]:
    """Return the body of a PATCH: the changed fields and always the IP restrictions.

    Earlier versions of the API demanded the restrictions [CF-6.1].
    """
    return {"ip_restrictions": as_list(observed.get("ip_restrictions")), **plan.after()}


def predicted(wish: Wish, observed: t.Mapping[str, t.Any] | None, plan: Plan) -> dict[str, t.Any]:
    """Return the domain as it will be, without what only the service sets (id, status, dates)."""
    return {**create_body(wish, plan), **(observed or {}), **plan.after()}


def entries(given: t.Any) -> collections.abc.Iterator[t.Mapping[str, t.Any]]:
    """Yield each domain as a mapping; one text may hold several names, as surveys give them."""
    for entry in [given] if isinstance(given, t.Mapping) else as_list(given):
        if isinstance(entry, t.Mapping):
            yield entry
        else:
            yield from ({"name": name} for name in str(entry).replace(",", " ").split())


def _wish(entry: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any], rules: Rules) -> Wish:
    _refuse_misspelt(entry)
    name = _checked_name("domains", entry.get("name"))
    forward_to = entry.get("forward_to") or params.get("forward_to")
    if forward_to:
        forward_to = _checked_name("forward_to of %s" % name, forward_to)
        _refuse_loop(name, forward_to, rules.is_gateway)
    regions = _first(entry, params, "regions")
    dispositions = _first(entry, params, "drop_dispositions")
    hops = params.get("lookback_hops")
    if hops is not None and not 1 <= int(hops) <= 20:
        raise InputError(
            "lookback_hops must be from 1 to 20.", "A domain whose MX is Area 1 has 1."
        )
    restrictions = params.get("ip_restrictions")
    return Wish(
        name=name,
        forward_to=forward_to or None,
        regions=None if regions is None else tuple(rules.regions(regions)) or None,
        drop_dispositions=None if dispositions is None else tuple(rules.dispositions(dispositions)),
        require_tls_outbound=params.get("require_tls_outbound"),
        lookback_hops=hops,
        ip_restrictions=(
            None
            if restrictions is None
            else tuple(_network(value) for value in as_list(restrictions))
        ),
        dns_account=str(entry.get("dns_account") or "") or None,
        dns_provider=str(entry.get("dns_provider") or params.get("dns_provider") or "")
        .strip()
        .lower()
        or None,
        delivery_modes=tuple(str(mode).upper() for mode in as_list(params.get("delivery_modes")))
        or None,
    )


def _first(
    entry: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any], option: str
) -> list[t.Any] | None:
    value = entry.get(option) if entry.get(option) is not None else params.get(option)
    if value is None:
        return None
    return (
        [part for part in re.split(r"[,\s]+", value) if part]
        if isinstance(value, str)
        else as_list(value)
    )


def _refuse_misspelt(entry: t.Mapping[str, t.Any]) -> None:
    """Refuse a key that looks like a misspelt one of ours.

    Keys of other modules pass, so that one list of domains serves them all.
    """
    for key in entry:
        near = difflib.get_close_matches(str(key), OWN_KEYS, 1, 0.8)
        if key not in OWN_KEYS and near:
            raise InputError(
                "domains: %r is not a key of a domain." % str(key), "Did you mean %s?" % near[0]
            )


def _checked_name(what: str, value: t.Any) -> str:
    return parse_host_name(value, what, "name in the DNS", underscore=True).canonical


def _network(value: t.Any) -> str:
    text = str(value).strip()
    ip_span(text)
    if "-" in text:
        raise InputError("ip_restrictions: %s is a range." % text, "Give networks in CIDR form.")
    return text


def _refuse_loop(name: str, target: str, is_gateway: t.Callable[[str], bool]) -> None:
    if target == name:
        problem = "the domain's own name"
    elif is_gateway(target):
        problem = "a host of Area 1 or of the domain's own MX set"
    else:
        return
    raise InputError(
        "forward_to of %s is %s: %s. Mail would go round in a circle." % (name, target, problem),
        "Give the MX host that Microsoft 365 names for this domain.",
    )
