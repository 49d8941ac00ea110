# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What a module's logic may know of the task that runs it.

``AnsibleModule`` itself stays in ``main()``.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .outside_text import each_line, one_line, redact


@dataclasses.dataclass
class Context:
    """The task's check_mode and diff, its ways to the operator, and its clock.

    ``warn`` takes a sentence and ``say`` a line for whoever watches; ``ask`` puts a question and
    returns the answer, None where nobody is there who could give one. What they say may hold text
    from outside: here it is made fit for a terminal and loses ``secrets``. ``now`` and ``sleep``
    (seconds) can be replaced in tests.
    """

    check_mode: bool = False
    diff: bool = False
    warn: t.Callable[[str], None] = lambda message: None
    say: t.Callable[[str], None] = lambda message: None
    sleep: t.Callable[[float], None] = time.sleep
    now: t.Callable[[], float] = time.time
    ask: t.Callable[[str], str | None] = lambda question: None
    warned: set[str] = dataclasses.field(default_factory=set)
    closing: list[t.Callable[[], None]] = dataclasses.field(default_factory=list)
    secrets: t.Collection[str] = dataclasses.field(default=(), repr=False)

    def __post_init__(self) -> None:
        warn, say, ask, secrets = self.warn, self.say, self.ask, tuple(self.secrets)
        self.warn = lambda message: warn(one_line(redact(message, secrets)))
        self.say = lambda message: say(one_line(redact(message, secrets)))
        self.ask = lambda question: ask(each_line(redact(question, secrets)))

    def warn_once(self, message: str) -> None:
        """Warn, unless this task has said the same before."""
        if message not in self.warned:
            self.warned.add(message)
            self.warn(message)

    def at_end(self, close: t.Callable[[], None]) -> None:
        """Have ``close`` called when the task ends, however it ends. It must not raise."""
        self.closing.append(close)

    def end(self) -> None:
        """Close what the task opened, the last first."""
        while self.closing:
            self.closing.pop()()
