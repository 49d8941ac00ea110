# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The sign-in library: imported when a token is asked for, and never heard of in logs."""

from __future__ import annotations

import logging
import typing as t

from ..._engine.module import need


def load() -> t.Any:
    """Return the module msal, its loggers silenced.

    It logs answers of the token endpoint as they came, and such a text may quote the request with
    its secret. Without a handler Python prints that to stderr, past all that masks output.
    """
    library = need("msal")
    logger = logging.getLogger("msal")
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
    return library
