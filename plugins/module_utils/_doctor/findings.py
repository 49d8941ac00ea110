# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a look-round found: facts by section, and problems with what to do about each."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from .._engine.errors import MailflowError


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that stands in the way. ``commands`` can be pasted into a shell."""

    section: str
    message: str
    hint: str = ""
    commands: tuple[str, ...] = ()

    def to_data(self) -> dict[str, t.Any]:
        """Return it as a task returns it."""
        return {**dataclasses.asdict(self), "commands": list(self.commands)}


@dataclasses.dataclass
class Findings:
    """Facts by section, and problems, in the order in which they were found."""

    facts: dict[str, dict[str, t.Any]] = dataclasses.field(default_factory=dict)
    problems: list[Problem] = dataclasses.field(default_factory=list)
    skews: dict[str, float] = dataclasses.field(default_factory=dict)

    def note(self, section: str, **facts: t.Any) -> None:
        """Add facts to a section."""
        self.facts.setdefault(section, {}).update(facts)

    def problem(
        self, section: str, message: str, hint: str = "", commands: t.Sequence[str] = ()
    ) -> None:
        """Add a problem."""
        self.problems.append(Problem(section, message, hint, tuple(commands)))

    @contextlib.contextmanager
    def caught(self, section: str) -> t.Iterator[None]:
        """Turn an error into a problem, so that the other checks go on."""
        try:
            yield
        except MailflowError as exc:
            self.problem(section, exc.message, exc.hint)
