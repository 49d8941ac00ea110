# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Address lists of connectors, filters and rules, compared as what they mean."""

from __future__ import annotations

import typing as t

from .errors import InputError
from .values import as_list, ip_span

Span = t.Union[tuple[int, int, int], str]  # noqa: UP007  (made at run time)


def span(value: t.Any) -> Span:
    """Return (version, first, last), or the text itself where its form is unknown."""
    try:
        return ip_span(value)
    except InputError:
        return str(value)


def spans(values: t.Any) -> set[Span]:
    """Return the ranges of a list in any of its forms."""
    return {span(value) for value in as_list(values)}


def outside(values: t.Iterable[t.Any], allowed: t.Any) -> list[str]:
    """Return those of ``values`` that no single entry of ``allowed`` covers."""
    known = [item for item in spans(allowed) if isinstance(item, tuple)]
    return [str(value) for value in values if not _covered(span(value), known)]


def _covered(item: Span, known: list[tuple[int, int, int]]) -> bool:
    return isinstance(item, tuple) and any(
        item[0] == other[0] and other[1] <= item[1] and item[2] <= other[2] for other in known
    )


def overlap(left: t.Any, right: t.Any) -> bool:
    """Return whether two lists have an address in common; entries of unknown form have none."""
    known = [item for item in spans(right) if isinstance(item, tuple)]
    return any(
        isinstance(item, tuple)
        and any(
            item[0] == other[0] and item[1] <= other[2] and other[1] <= item[2] for other in known
        )
        for item in spans(left)
    )
