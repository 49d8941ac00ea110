# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The form of what a baseline or a snapshot keeps.

A digest says that a file is as somebody wrote it, and not that this collection did: a hand, a merge
of two files or another version may have made one. Gates and rollback rely on the form.
"""

from __future__ import annotations

import typing as t

Check = t.Callable[[t.Any], bool]


def _is_text(value: t.Any) -> bool:
    return value is None or isinstance(value, str)


def _is_seconds(value: t.Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _is_texts(value: t.Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _is_mx(value: t.Any) -> bool:
    """Return whether it is a list of MX records, or nothing."""
    return value is None or (
        isinstance(value, (list, tuple))
        and all(
            isinstance(item, t.Mapping)
            and isinstance(item.get("priority"), int)
            and isinstance(item.get("host"), str)
            for item in value
        )
    )


def _is_objects(value: t.Any) -> bool:
    """Return whether it is a list of objects, each with names that are texts."""
    names = ("Name", "Identity", "DomainName", "Comment", "Comments")
    return value is None or (
        isinstance(value, (list, tuple))
        and all(
            isinstance(item, t.Mapping) and all(_is_text(item.get(name)) for name in names)
            for item in value
        )
    )


def _is_views(value: t.Any) -> bool:
    """Return whether it is a list of what servers or resolvers answered, or nothing."""
    return value is None or (
        isinstance(value, (list, tuple))
        and all(
            isinstance(item, t.Mapping)
            and _is_mx(item.get("records"))
            and _is_seconds(item.get("ttl"))
            for item in value
        )
    )


def _by_name(**parts: Check) -> Check:
    """Return a check of a mapping by domain or host name, with a check for parts of its entries."""

    def check(value: t.Any) -> bool:
        return isinstance(value, t.Mapping) and all(
            isinstance(entry, t.Mapping)
            and all(is_right(entry.get(name)) for name, is_right in parts.items())
            for entry in value.values()
        )

    return check


def _is_tenant(value: t.Any) -> bool:
    return isinstance(value, t.Mapping) and all(
        _is_text(value.get(name)) for name in ("id", "initial_domain")
    )


_LISTS = (
    "organization",
    "accepted_domains",
    "connection_filter",
    "content_filter",
    "content_filter_rules",
    "inbound_connectors",
    "transport_rules",
    "quarantine_policies",
    "preset_rules",
    "outbound_connectors",
)
SECTIONS: dict[str, Check] = {
    **dict.fromkeys(_LISTS, _is_objects),
    "tenant": _is_tenant,
    "service_date": _is_text,
    "applying_policies": _is_texts,
    "forwarding_hosts": _by_name(),
    "email_security": _by_name(domain=_is_text, transport=_is_text),
    "dns": _by_name(
        records=_is_mx, ttl_max=_is_seconds, name_servers=_is_views, resolvers=_is_views
    ),
    "dns_provider": _by_name(records=_is_mx, ttl=_is_seconds, min_ttl=_is_seconds),
    "dns_texts": _by_name(),
    "mta_sts": _by_name(ttl=_is_seconds, policy=_is_text),
    "mail_hosts": _by_name(),
}


def odd_part(body: t.Mapping[str, t.Any]) -> str:
    """Return the name of a part that does not have the form that runs write; "" if there is none.

    ``body`` is a baseline or a snapshot whose C(sections) are a mapping.
    """
    for name, is_right in SECTIONS.items():
        value = body["sections"].get(name)
        if name in body["sections"] and value is not None and not is_right(value):
            return name
    wanted = body.get("wanted")
    if wanted is not None:
        if not isinstance(wanted, t.Mapping):
            return "wanted"
        if not _is_texts(wanted.get("egress") or []):
            return "wanted.egress"
        if not _is_mx(wanted.get("mx_records")):
            return "wanted.mx_records"
    return "" if _is_text(body.get("taken")) else "taken"
