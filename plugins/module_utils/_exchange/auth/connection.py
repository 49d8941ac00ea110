# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The checked options of one task: what was given, from where, and which addresses count."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._engine.errors import InputError
from .clouds import Endpoints

TOKEN_OPTION = {"exchange": "access_token", "graph": "graph_access_token"}


@dataclasses.dataclass(frozen=True)
class Connection:
    """The options after the environment, checked.

    ``values`` holds secrets and is never shown. ``ways`` names the options that choose how to sign
    in; ``sources`` says of each value where it comes from, for messages.
    """

    values: t.Mapping[str, str] = dataclasses.field(repr=False)
    ways: tuple[str, ...]
    sources: t.Mapping[str, str]
    needs: t.Mapping[str, tuple[str, ...]]
    secret_options: tuple[str, ...]
    endpoints: Endpoints
    ca_path: str | None
    timeout: int

    def get(self, option: str) -> str:
        """Return the option's text, or the empty string."""
        return self.values.get(option, "")

    @property
    def secrets(self) -> list[str]:
        """Return the values that no text may show."""
        return [self.values[name] for name in self.secret_options if self.values.get(name)]

    def given_token(self, audience: str) -> str:
        """Return the access token that was given for C(exchange) or C(graph), if any."""
        return self.get(TOKEN_OPTION[audience])

    def way(self) -> str:
        """Return the one way to sign in, "" where there is none.

        :raises InputError: if there are several; it says where each comes from.
        """
        if len(self.ways) > 1:
            raise several(self.ways, self.sources)
        return self.ways[0] if self.ways else ""

    def missing(self) -> list[str]:
        """Return the options that the way to sign in needs and that are not given."""
        return [name for name in self.needs.get(self.way(), ()) if not self.get(name)]

    def can_sign_in(self) -> bool:
        """Return whether the credentials are complete, for a token of another audience."""
        return bool(self.way()) and not self.missing()


def several(ways: t.Sequence[str], sources: t.Mapping[str, str]) -> InputError:
    """Return the error for more than one way to sign in; it names each with its source."""
    found = ", ".join("%s (%s)" % (name, sources[name]) for name in ways)
    if all(sources[name].startswith("environment") for name in ways):
        return InputError(
            "The environment gives more than one way to sign in: %s." % found,
            "Unset all but one of these variables, or name the wanted one as an option.",
        )
    return InputError(
        "More than one way to sign in is given: %s." % found, "Give exactly one of them."
    )
