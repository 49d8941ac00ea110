# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The run's own directory: made private, and removed only if it is one of ours."""

from __future__ import annotations

import os
import shutil
import tempfile
import typing as t

from .context import Context
from .errors import InputError
from .lock import release
from .module import Result

PREFIX = "mailflow.area1."
OBSERVATION = "observation.json"


def run_run(params: t.Mapping[str, t.Any], context: Context) -> Result:
    """Make or remove a run's directory; also in check mode, where a plan needs its observation."""
    path = str(params.get("path") or "")
    if path and not os.path.basename(os.path.normpath(path)).startswith(PREFIX):
        raise InputError(
            "%s is not a run's directory: it was left as it is." % path,
            "Give the path that state=present returned.",
        )
    if params["state"] == "present":
        if not path or not os.path.isdir(path):
            path = tempfile.mkdtemp(prefix=PREFIX)
        return Result(
            False, (), {"path": path, "observation_path": os.path.join(path, OBSERVATION)}
        )
    if os.path.isdir(path):
        release(path)
        shutil.rmtree(path)
    return Result(False, (), {"path": path})
