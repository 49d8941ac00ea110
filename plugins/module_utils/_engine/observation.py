# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The run's observation, handed from task to task in a 0600 file of a 0700 directory.

A section is the whole answer of one read (for example C(inbound_connectors)). In check mode a
module leaves the world that it predicts. The journal collects what each task found, changed or left
due, for the report.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
import typing as t

from .errors import InputError
from .files import replacing, unwritable
from .outside_text import clean, json_bytes, one_line, parse_json

FRESH_SECONDS = 900.0


class Observation:
    """The world as the run knows it. With C(path) None nothing is handed on to other tasks."""

    def __init__(self, path: str | None, now: t.Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self._data: dict[str, t.Any] = {"format": 1, "sections": {}, "journal": []}
        if path:
            _guard_directory(os.path.dirname(os.path.abspath(path)))
            self._load(path)

    def get(self, section: str, max_age: float = FRESH_SECONDS) -> t.Any:
        """Return the section's value; None when there is none or it is older than ``max_age`` s."""
        entry = self._data["sections"].get(section)
        if entry is None or not 0 <= self._now() - entry["taken"] <= max_age:
            return None
        return entry["value"]

    def any_age(self, section: str) -> t.Any:
        return self.get(section, float("inf"))

    def age(self, section: str) -> float:
        """Return the seconds since the section was left here; 0 when it never was."""
        entry = self._data["sections"].get(section)
        return 0.0 if entry is None else max(self._now() - entry["taken"], 0.0)

    def put(
        self,
        section: str,
        value: t.Any,
        predicted: bool = False,
        names: t.Iterable[str] | None = None,
    ) -> None:
        """Leave a section. ``names``: only these entries of it were looked at just now."""
        entry = {"taken": self._now(), "predicted": predicted, "value": value}
        before = self._data["sections"].get(section)
        if names is not None:
            looked = dict.fromkeys(value, before["taken"]) if before else {}
            looked.update((before or {}).get("looked") or {})
            looked.update(dict.fromkeys(names, entry["taken"]))
            entry["looked"] = looked
        self._data["sections"][section] = entry

    def outdate(self, section: str, names: t.Iterable[str]) -> None:
        """Mark entries of a section as changed since they were looked at."""
        entry = self._data["sections"].get(section)
        if entry is not None:
            looked = entry.get("looked") or dict.fromkeys(entry["value"], entry["taken"])
            entry["looked"] = {**looked, **dict.fromkeys(names, 0.0)}

    def times(self) -> dict[str, float]:
        """Return when each section was left here (seconds since the epoch)."""
        return {name: entry["taken"] for name, entry in self._data["sections"].items()}

    def times_by_name(self) -> dict[str, dict[str, float]]:
        """Return when single entries were looked at, for the sections that are read in parts."""
        sections = self._data["sections"].items()
        return {name: entry["looked"] for name, entry in sections if "looked" in entry}

    def forget(self, *sections: str) -> None:
        for section in sections:
            self._data["sections"].pop(section, None)

    def sections(self) -> dict[str, t.Any]:
        return {name: entry["value"] for name, entry in self._data["sections"].items()}

    def note(self, **entry: t.Any) -> None:
        """Add one line to the journal: section, object, status and what else the report can show.

        Names and messages of services are made fit for a terminal.
        """
        self._data["journal"].append(
            {
                key: one_line(value) if isinstance(value, str) else value
                for key, value in entry.items()
            }
        )

    @property
    def journal(self) -> list[dict[str, t.Any]]:
        return t.cast("list[dict[str, t.Any]]", self._data["journal"])

    def save(self) -> None:
        """Write the file, unless nothing is handed on."""
        if not self.path:
            return
        # It lives as long as the run: no need to wait for the disk after each task.
        with replacing(os.path.abspath(self.path), durable=False) as stream:
            stream.write(json_bytes(self._data))

    def _load(self, path: str) -> None:
        try:
            with open(path, "rb") as stream:
                data = parse_json(stream.read().decode("utf-8"))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as exc:
            raise InputError(
                "The observation %s cannot be read: %s." % (path, clean(exc)),
                "Remove it; it is made anew by the next run.",
            ) from exc
        if not _is_observation(data):
            raise InputError(
                "%s is not an observation of this collection's version." % path,
                "Give another observation_path.",
            )
        self._data = data


def _is_observation(data: t.Any) -> bool:
    """Return whether it has the form that :meth:`Observation.save` writes."""
    if not isinstance(data, dict) or data.get("format") != 1:
        return False
    sections, journal = data.get("sections"), data.get("journal")
    return (
        isinstance(sections, dict)
        and all(
            isinstance(entry, dict)
            and "value" in entry
            and isinstance(entry.get("taken"), (int, float))
            for entry in sections.values()
        )
        and isinstance(journal, list)
        and all(isinstance(entry, dict) for entry in journal)
    )


def _guard_directory(directory: str) -> None:
    """Make the directory 0700, and refuse one that others can look into.

    What was read from a tenant is nobody else's.
    """
    try:
        with contextlib.suppress(FileExistsError):
            os.makedirs(directory, mode=0o700)
        info = os.stat(directory)
    except OSError as exc:
        raise unwritable(directory, exc) from exc
    if (
        not stat.S_ISDIR(info.st_mode)
        or info.st_uid != os.getuid()
        or stat.S_IMODE(info.st_mode) & 0o077
    ):
        raise InputError(
            "The directory of observation_path, %s, is not a directory that only this user can"
            " enter." % directory,
            "Use a directory of mode 0700 that belongs to the user who runs the task.",
        )
