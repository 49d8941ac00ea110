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


@dataclasses.dataclass
class Context:
    """check_mode and diff of the task; ``warn`` takes a sentence, ``say`` a line for who watches;
    ``now`` and ``sleep`` can be replaced in tests (seconds).

    ``ask`` puts a question to the operator and returns the answer; None where nobody is there who
    could give one.
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

    def warn_once(self, message: str) -> None:
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
