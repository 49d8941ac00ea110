# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The contract between record sets and DNS providers.

A driver is one file in this directory with one class derived from :class:`Driver`. The table of
drivers (``table.py``) names it once; argument specs, option documentation, variables and the table
of guarantees are generated from ``OPTIONS`` and ``CAPABILITIES``. The recipe is in
``docs/contributing.md``, "Contributing a DNS driver".

Names that a driver gets are canonical: lower case, A-labels, no final dot (``*.`` in front of a
wildcard). Record sets are canonical too (see :class:`RecordSet`), so a driver compares them with
``==`` and never looks at the order, the case or the final dots of values.
"""

from __future__ import annotations

import abc
import dataclasses
import os
import typing as t

from ..._engine.context import Context
from ..._engine.errors import InputError
from ..sets.rrset import RecordSet

if t.TYPE_CHECKING:
    from ..public.public_dns import PublicDns

HIGHEST_TTL = 2147483647
THREADS = 10


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """What a provider promises; the planner and the table of guarantees rely on it.

    A driver declares only what it was shown to do: the contract suite tests each of these.

    ``atomic``
        A set is replaced in one transaction: no query ever sees a part of it, or none. None: it
        depends on something that the driver cannot see.
    ``compare_and_swap``
        The provider itself refuses a replacement where the set is not the expected one. Where this
        is False, the driver reads and compares just before it writes, and a change by somebody
        else in between is overwritten.
    ``lowest_ttl``, ``highest_ttl``
        The limits that the provider accepts, in seconds. The planner stays within them.
    ``auto_ttl``, ``auto_seconds``
        Whether the provider can choose the TTL by itself, and what it serves then.
    ``keeps_comments``
        What people wrote beside a record (comment, tags, metadata) outlives a replacement.
    ``reports_propagation``
        The provider says when all of its name servers have a change; see :meth:`Driver.settle`.
    ``writes``
        False: a person carries the change out, and ``replace`` is never called.
    ``threads``
        How many domains of one account are worked on at the same time.
    """

    atomic: bool | None = False
    compare_and_swap: bool = False
    lowest_ttl: int = 0
    highest_ttl: int = HIGHEST_TTL
    auto_ttl: bool = False
    auto_seconds: int = 300
    keeps_comments: bool = False
    reports_propagation: bool = False
    writes: bool = True
    threads: int = THREADS


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a driver: argument spec, documentation, variable and environment in one place.

    ``name``
        Name of the module option. It starts with ``dns_``, and for new drivers with
        ``dns_<provider>_``. An option belongs to one driver.
    ``text``
        Its documentation: sentences in Ansible's markup, one paragraph each.
    ``type``, ``choices``, ``default``
        As in an argument spec. An option with a default never counts as missing.
    ``environment``
        Names of environment variables that are asked, in this order, where the option is not given.
    ``secret``
        Masked in every output. Give it to tokens, passwords and keys, not to names and addresses.
    ``same_as``
        A module's own option that serves as well where this one is not given (``api_token``).
    ``variable``
        Name of the playbooks' variable; ``area1_`` and the option's name if not given.
    ``variable_else``
        Another playbook variable whose value counts where this one is not given.
    ``summary``
        Half a line for the table of variables.
    """

    name: str
    text: tuple[str, ...]
    summary: str
    type: str = "str"
    choices: tuple[str, ...] = ()
    default: t.Any = None
    environment: tuple[str, ...] = ()
    secret: bool = False
    same_as: str = ""
    variable: str = ""
    variable_else: str = ""

    @property
    def contract_variable(self) -> str:
        """Return the name of the playbooks' variable."""
        return self.variable or f"area1_{self.name}"

    @property
    def account_key(self) -> str:
        """Return the option's name in a named account: without ``dns_``."""
        return self.name.removeprefix("dns_")


class DriverOptions:
    """The values of one driver's options, from a task or from a named account.

    An empty text counts as not given. ``account`` is the account's name, or empty; error messages
    name the place where a value has to be entered.
    """

    def __init__(
        self,
        provider: str,
        options: t.Sequence[Option],
        values: t.Mapping[str, t.Any],
        account: str = "",
    ) -> None:
        self._provider = provider
        self._options = {option.name: option for option in options}
        self._values = values
        self._account = account

    def get(self, name: str) -> t.Any:
        """Return the value of an option in the type that it declares, or its default."""
        option = self._options[name]
        value = self._raw(option)
        if value is None:
            return option.default
        return _converted(option, value)

    def text(self, name: str) -> str | None:
        """Return the text of an option; None where it is not given and has no default."""
        value = self.get(name)
        return None if value is None else str(value)

    def require(self, *names: str) -> list[str]:
        """Return the texts of options; raise InputError that names all that are missing."""
        missing = [name for name in names if self.get(name) is None]
        if missing:
            verb, them = ("is", "it") if len(missing) == 1 else ("are", "them")
            raise InputError(
                f"{_listed(missing)} {verb} not given; the DNS provider {self._provider} needs"
                f" {them}.",
                " ".join(self.where(name) for name in missing),
            )
        return [str(self.get(name)) for name in names]

    def where(self, name: str) -> str:
        """Return a sentence that says where the value of an option has to be given."""
        option = self._options[name]
        if self._account:
            return f"Give {option.account_key} in the account {self._account} (area1_dns_accounts)."
        environment = ""
        if option.environment:
            environment = f" or set {option.environment[0]} in the environment"
        return f"Give {name} ({option.contract_variable}){environment}."

    def _raw(self, option: Option) -> t.Any:
        found = _present(self._values.get(option.name))
        if found is None and option.same_as and not self._account:
            found = _present(self._values.get(option.same_as))
        if found is None and not self._account:
            found = next(
                (os.environ[name] for name in option.environment if os.environ.get(name)), None
            )
        return found


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a driver may use of the task that it works for.

    ``public_dns`` looks at resolvers and name servers, for drivers that need the delegation of a
    domain. ``timeout`` is the longest time in seconds for one call to the provider, retries and
    waits for its limits included. ``context`` has the clock, the way to sleep and the way to warn.
    """

    context: Context
    look: t.Callable[[], PublicDns]
    ca_path: str | None = None
    timeout: float = 300.0

    @property
    def public_dns(self) -> PublicDns:
        """Return the view of resolvers and name servers; the first use sets it up."""
        return self.look()


class Driver(abc.ABC):
    """One DNS provider with one set of credentials.

    Several threads use a driver at the same time, each for another name: what a driver remembers
    needs a lock. It sends nothing before the first call of a method, and it never retries a write
    whose outcome it does not know.

    Every method raises errors of ``_engine.errors``, with the domain's name in the message and with
    what a person has to do in the hint:

    ============================ =================================================================
    ``InputError``               no zone of these credentials holds the name, or none of several can
                                 be chosen; a CNAME, alias or routed set is in the way
    ``SignInError``              the provider does not know the credentials, or they have expired
    ``PermissionDenied``         they are valid and lack a right; the hint names the right
    ``ReadError``                a read failed, or its answer cannot be understood
    ``Conflict``                 the set is not the expected one; nothing was changed
    ``Refused``                  the provider declined the change (a lock, a protection, a value);
                                 nothing was changed
    ``AmbiguousWrite``           a change was sent and its outcome is unknown
    ============================ =================================================================

    Texts of the provider may be part of a message. Credentials never are.
    """

    #: The word for ``dns_provider``, and the name of the driver's file.
    PROVIDER: t.ClassVar[str]
    #: How people call the provider.
    TITLE: t.ClassVar[str]
    #: One or two sentences for the documentation of ``dns_provider``: how a set is changed.
    SUMMARY: t.ClassVar[str]
    CAPABILITIES: t.ClassVar[Capabilities]
    OPTIONS: t.ClassVar[tuple[Option, ...]] = ()
    #: What to look at where the provider accepted a change and then does not show it.
    IGNORED_WRITE: t.ClassVar[str] = ""
    #: Python packages that only this driver needs, each with its condition.
    REQUIREMENTS: t.ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abc.abstractmethod
    def from_options(cls, options: DriverOptions, surroundings: Surroundings) -> Driver:
        """Make a driver from the values of ``OPTIONS``.

        Must raise InputError where a value is missing or can never be right, all missing ones at
        once (:meth:`DriverOptions.require`). Must not call the provider. May import the libraries
        that it needs (``_engine.module.need``); the file itself imports none of them.
        """

    def prepare(self, names: t.Sequence[str]) -> None:  # noqa: B027
        """Look up in few calls what the single calls of these names will need.

        May do nothing: it is an optimisation. Must not fail for a reason that a single call would
        not fail for, such as a missing right to list, or a listing that takes too long.
        """

    @abc.abstractmethod
    def check(self, name: str) -> None:
        """Prove that the credentials can read, and where possible change, the sets of a name.

        Must change nothing. Must raise the error that a later call would raise.
        """

    def name_servers(self, name: str) -> tuple[str, ...] | None:
        """Return the servers at which the provider serves the zone of a name, canonical.

        None where the provider does not tell. A gate compares them with the delegation.
        """
        return None

    @abc.abstractmethod
    def read(self, name: str, rdtype: str) -> RecordSet | None:
        """Return the set of a name and type (``MX`` or ``TXT``) as the provider has it now.

        Must return None only where the provider said that there is no such set; silence, a refusal
        or an answer that cannot be understood is ReadError or another of the errors above. Must
        raise InputError where a CNAME, alias, routed or weighted set is at the name, so that no
        plain set can be there. May keep in ``RecordSet.token`` what ``replace`` needs (an etag,
        ids, the text as stored); ``modified_on`` and ``date`` are the provider's words, or None.
        """

    @abc.abstractmethod
    def replace(
        self, name: str, rdtype: str, expected: RecordSet | None, wanted: RecordSet
    ) -> None:
        """Put ``wanted`` in the place of ``expected`` (None: no set is there), in one step.

        ``expected`` is what ``read`` returned, with its token, or an equal set without one that an
        earlier task handed on; a driver that needs the token reads again. Must raise Conflict where
        the set is another by now. ``wanted`` has at least one value, and a TTL within the limits of
        ``CAPABILITIES``. Must keep comments, tags and metadata where the provider lets it. Must
        return only after the provider has accepted the change; the caller reads it back.
        """

    def instructions(self, before: RecordSet | None, wanted: RecordSet) -> tuple[str, ...]:
        """Return in plain words what a person has to do, for a driver that does not write.

        One sentence per step. Must not fail: the lines of a zone file are shown anyway.
        """
        return ()

    def settle(self, names: t.Sequence[str]) -> tuple[str, ...]:
        """Wait until all name servers of the provider have the changes of these names.

        Called once after all changes of a task. Return the names whose changes were not out when
        ``timeout`` was over. Must return at once where the provider does not tell.
        """
        return ()


def _present(value: t.Any) -> t.Any:
    """Return None for an empty text, a text without blanks around it, other values as they are."""
    if isinstance(value, str):
        return value.strip() or None
    return value


def _converted(option: Option, value: t.Any) -> t.Any:
    text = str(value).strip()
    if option.type == "int":
        if isinstance(value, bool) or not text.isascii() or not text.isdigit():
            raise InputError(f"{option.name}: {text!r} is not a whole number.", "Give digits only.")
        return int(text)
    if option.choices:
        chosen = next((choice for choice in option.choices if choice == text.lower()), None)
        if chosen is None:
            shown = "the value" if option.secret else repr(text)
            raise InputError(
                f"{option.name}: {shown} is not one of {', '.join(option.choices)}.",
                "Give one of these.",
            )
        return chosen
    return value


def _listed(words: t.Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
