# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Third-party libraries, imported where they are needed."""

from __future__ import annotations

import importlib
import typing as t

from .errors import MissingLibrary
from .outside_text import clean


def need(library: str, package: str = "") -> t.Any:
    """Import a third-party library when it is needed, or say how to get it."""
    try:
        return importlib.import_module(library)
    except ImportError as exc:
        name = package or library.split(".", maxsplit=1)[0]
        raise MissingLibrary(
            "The Python library %s is needed here and could not be imported (%s)."
            % (name, clean(exc)),
            "Install it for the interpreter that runs the module: python -m pip install %s. On the"
            " controller set ansible_python_interpreter to '{{ ansible_playbook_python }}'." % name,
        ) from exc
