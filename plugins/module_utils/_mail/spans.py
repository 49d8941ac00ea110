# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Address lists as the gates compare them; the comparing itself knows no service and is the engine's."""

from __future__ import annotations

from .._engine.spans import Span, outside, overlap, span, spans

__all__ = ["Span", "outside", "overlap", "span", "spans"]
