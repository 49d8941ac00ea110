# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Any provider of octoDNS, used as a library and fenced in.

octoDNS manages whole zones: its plan may hold more than one asked for, and several of its providers
create a zone that they do not find. So a plan is carried out only if the zone exists, the plan has
exactly the one change of the set, and it starts from the set that was read. A provider object
remembers what it once read; each call here has one of its own.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import logging
import re
import threading
import typing as t

from ..._engine.errors import (
    AmbiguousWrite,
    Conflict,
    InputError,
    MailflowError,
    PermissionDenied,
    ReadError,
    Refused,
    SignInError,
)
from ..._engine.libraries import need
from ..._engine.outside_text import clean
from ..sets.rrset import RecordSet, ancestors
from .contract import Capabilities, Driver, DriverOptions, Option, Surroundings

T = t.TypeVar("T")
# Arguments whose values have to be masked belong to dns_octodns_secrets.
_SECRET_NAME = re.compile(r"pass|secret|token|key(?!_id|_name)|credential|private", re.IGNORECASE)
_IN_THE_WAY = ("CNAME", "ALIAS")
_UNAUTHORIZED = re.compile(r"unauthori[sz]ed|authentication|invalid (?:api )?(?:key|token)", re.I)
_FORBIDDEN = re.compile(r"forbidden|permission|access ?denied|not allowed", re.I)


class OctodnsDriver(Driver):
    """Record sets through one provider class of octoDNS."""

    PROVIDER = "octodns"
    TITLE = "octoDNS"
    SUMMARY = (
        "V(octodns) goes through a provider class of octoDNS, for what has no driver of its own."
        " Only a plan of exactly the one change is carried out."
    )
    CAPABILITIES = Capabilities(atomic=None, threads=4)
    OPTIONS = (
        Option(
            "dns_octodns_class",
            (
                "Provider class for V(octodns), like C(octodns_gandi.GandiProvider). Its package"
                " must be installed.",
            ),
            "provider class, like `octodns_gandi.GandiProvider`",
        ),
        Option(
            "dns_octodns_arguments",
            ("Arguments of the provider class that are no secrets, by name.",),
            "its arguments that are no secrets",
            type="dict",
        ),
        Option(
            "dns_octodns_secrets",
            ("Arguments of the provider class that are secrets, by name.",),
            "its arguments that are secrets",
            type="dict",
            secret=True,
        ),
    )
    REQUIREMENTS = ("octodns and the package of the provider (only for O(dns_provider=octodns))",)
    IGNORED_WRITE = "See what the provider's own console shows."

    def __init__(
        self,
        make: t.Callable[[], t.Any],
        secrets: t.Sequence[str],
        timeout: float,
    ) -> None:
        self._make = make
        self._secrets = tuple(secrets)
        self._timeout = timeout
        self._zones: dict[str, str] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> OctodnsDriver:
        (path,) = options.require("dns_octodns_class")
        arguments = _mapping(options, "dns_octodns_arguments")
        secret = _mapping(options, "dns_octodns_secrets")
        open_ones = sorted(name for name in arguments if _SECRET_NAME.search(name))
        if open_ones:
            raise InputError(
                f"dns_octodns_arguments has {', '.join(open_ones)}, which looks like a secret.",
                "Give it in dns_octodns_secrets, so that it is masked.",
            )
        secrets = [str(value) for value in secret.values() if value]
        kind = _provider_class(path)
        quiet = ("Zone", "Record", "Plan", "Processor", "Validators", kind.__name__)
        for name in quiet:
            logging.getLogger(name).addHandler(logging.NullHandler())

        def make() -> t.Any:
            return _made(kind, path, {**arguments, **secret}, secrets)

        make()
        return cls(make, secrets, surroundings.timeout)

    def check(self, name: str) -> None:
        """Find the zone; whether it may be changed shows only with a change."""
        self.zone_of(name)

    def zone_of(self, name: str) -> str:
        """Return the zone that holds a name: the longest that the provider says exists."""
        with self._lock:
            if name in self._zones:
                return self._zones[name]
        for candidate in ancestors(name.removeprefix("*.")):
            if self._zone(name, candidate)[1]:
                with self._lock:
                    self._zones[name] = candidate
                return candidate
        raise InputError(
            f"{name}: the octoDNS provider has no zone that holds this name.",
            "Give arguments that may see the zone, or choose the dns_provider that serves the"
            " domain.",
        )

    def read(self, name: str, rdtype: str) -> RecordSet | None:
        origin = self.zone_of(name)
        zone, exists = self._zone(name, origin)
        if not exists:
            raise ReadError(f"{name}: the zone {origin} is not there any more.", "Run again.")
        return _set_in(zone, name, origin, rdtype)

    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        origin = self.zone_of(name)
        provider = self._make()
        zone, exists = self._zone(name, origin, provider)
        if not exists or _set_in(zone, name, origin, rdtype) != expected:
            raise Conflict(
                f"{name}: the {rdtype} set changed between reading and writing.",
                "Run again: it starts from what is there now.",
            )
        plan = self._within(name, lambda: provider.plan(self._desired(zone, wanted, origin)))
        self._fence(name, plan, expected, wanted, origin)
        self._within(name, lambda: provider.apply(plan), write=True)

    def _desired(self, zone: t.Any, wanted: RecordSet, origin: str) -> t.Any:
        record = need("octodns.record", "octodns").Record
        desired = zone.copy()
        data = {"ttl": wanted.ttl or 300, "type": wanted.type, "values": _values(wanted)}
        made = record.new(desired, _relative(wanted.name, origin), data, lenient=True)
        desired.add_record(made, replace=True, lenient=True)
        return desired

    def _fence(
        self,
        name: str,
        plan: t.Any,
        expected: RecordSet | None,
        wanted: RecordSet,
        origin: str,
    ) -> None:
        """Refuse every plan that is not the one change, from the set that was read."""
        if plan is None:
            raise Conflict(f"{name}: octoDNS sees nothing to change.", "Run again.")
        changes = list(plan.changes)
        right = len(changes) == 1 and _is_ours(changes[0], wanted, origin)
        if not right or plan.meta is not None or plan.exists is not True:
            shown = clean("; ".join(str(change) for change in changes), self._secrets)
            raise Refused(
                f"{name}: the plan of octoDNS is not exactly the one change of the"
                f" {wanted.type} set: {shown or 'nothing'}.",
                "Nothing was changed. Change the set by hand (dns_provider: manual).",
            )
        before = changes[0].existing
        if (None if before is None else _record_set(before, name)) != expected:
            raise Conflict(f"{name}: the {wanted.type} set changed meanwhile.", "Run again.")

    def _zone(self, name: str, origin: str, provider: t.Any = None) -> tuple[t.Any, bool]:
        """Return a zone as the provider has it, and whether it exists."""
        zone = need("octodns.zone", "octodns").Zone(f"{origin}.", [])
        one = provider or self._make()
        exists = self._within(name, lambda: one.populate(zone, target=True, lenient=True))
        return zone, bool(zone.records) if exists is None else bool(exists)

    def _within(self, name: str, call: t.Callable[[], T], write: bool = False) -> T:
        """Return what a call of octoDNS gives, within the deadline; its errors become ours.

        Providers sleep for minutes where they are throttled, and nothing can wake them: such a
        call is left behind in its thread.
        """
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def run() -> None:
            try:
                answer.set_result(call())
            except BaseException as exc:  # noqa: BLE001 - the thread has nobody else to tell
                answer.set_exception(exc)

        threading.Thread(target=run, daemon=True, name=f"octodns {name}").start()
        try:
            return answer.result(self._timeout)
        except concurrent.futures.TimeoutError:
            text = f"{name}: the octoDNS provider took longer than {self._timeout:.0f} s."
            raise (AmbiguousWrite(text) if write else ReadError(text, "Run again.")) from None
        except MailflowError:
            raise
        except Exception as exc:
            raise self._typed(name, exc, write) from None

    def _typed(self, name: str, exc: Exception, write: bool) -> MailflowError:
        status = getattr(getattr(exc, "response", None), "status_code", None)
        said = f"{type(exc).__name__}: {exc}"
        shown = clean(said, self._secrets)
        message = f"{name}: the octoDNS provider failed ({shown})."
        if status == 401 or _UNAUTHORIZED.search(said):
            return SignInError(message, "Check dns_octodns_secrets.")
        if status == 403 or _FORBIDDEN.search(said):
            return PermissionDenied(message, "Let these credentials change the zone.")
        if not write:
            return ReadError(message, "Check dns_octodns_arguments, and run again.")
        if isinstance(status, int) and 400 <= status < 500 and status != 408:
            return Refused(message, "See the provider's message.")
        return AmbiguousWrite(message)


def _mapping(options: DriverOptions, name: str) -> dict[str, t.Any]:
    value = options.get(name)
    if value is None:
        return {}
    if not isinstance(value, t.Mapping):
        raise InputError(f"{name} is not a map.", "Like {zone_id: abc}.")
    return {str(key): item for key, item in value.items()}


def _provider_class(path: str) -> t.Any:
    base = need("octodns.provider.base", "octodns").BaseProvider
    module, _dot, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name) if module else None
    except ImportError as exc:
        raise InputError(
            f"dns_octodns_class: {path} cannot be imported ({clean(exc)}).",
            "Install the package of the provider, like octodns-gandi.",
        ) from exc
    except AttributeError:
        found = None
    if not isinstance(found, type) or not issubclass(found, base):
        raise InputError(
            f"dns_octodns_class: {path} is not a provider of octoDNS.",
            "Give the class with its module, like octodns_gandi.GandiProvider.",
        )
    supported = getattr(found, "SUPPORTS", ())
    if "MX" not in supported:
        raise InputError(
            f"dns_octodns_class: {path} does not manage MX records.",
            "Choose another provider class, or manual.",
        )
    return found


def _made(kind: t.Any, path: str, arguments: t.Mapping[str, t.Any], secrets: t.Any) -> t.Any:
    try:
        provider = kind("area1", **arguments)
    except Exception as exc:
        raise InputError(
            f"dns_octodns_class: {path} does not take these arguments"
            f" ({clean(f'{type(exc).__name__}: {exc}', secrets)}).",
            "See its documentation, and give what is secret in dns_octodns_secrets, the rest in"
            " dns_octodns_arguments.",
        ) from None
    logger = getattr(provider, "log", None)
    if isinstance(logger, logging.Logger):
        logger.addHandler(logging.NullHandler())
    return provider


def _relative(name: str, origin: str) -> str:
    return "" if name == origin else name.removesuffix(f".{origin}")


def _set_in(zone: t.Any, name: str, origin: str, rdtype: str) -> RecordSet | None:
    """Return our set of a zone; raise InputError where an alias is in its place."""
    relative = _relative(name, origin)
    here = [record for record in zone.records if record.name == relative]
    for record in here:
        if record._type in _IN_THE_WAY and (relative or record._type == "CNAME"):
            raise InputError(
                f"{name} is an alias ({record._type}): it can have no {rdtype} set.",
                "Remove that record first.",
            )
    ours = next((record for record in here if record._type == rdtype), None)
    return None if ours is None else _record_set(ours, name)


def _record_set(record: t.Any, name: str) -> RecordSet:
    values = getattr(record, "values", None) or [record.value]
    if record._type == "MX":
        texts = [f"{value.preference} {value.exchange}" for value in values]
    else:
        texts = [str(value).replace("\\;", ";") for value in values]
    return RecordSet.of(name, record._type, texts, int(record.ttl))


def _values(wanted: RecordSet) -> list[t.Any]:
    if wanted.type != "MX":
        return [value.replace(";", "\\;") for value in wanted.values]
    pairs = [value.split(" ", 1) for value in wanted.values]
    return [
        {"preference": int(priority), "exchange": f"{host.rstrip('.')}."}
        for priority, host in pairs
    ]


def _is_ours(change: t.Any, wanted: RecordSet, origin: str) -> bool:
    """Tell whether a change makes our set, or turns the one in place into it."""
    new = change.new
    if new is None or new._type != wanted.type or new.name != _relative(wanted.name, origin):
        return False
    made = _record_set(new, wanted.name)
    return made.values == wanted.values and made.ttl == wanted.ttl
