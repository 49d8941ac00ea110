# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of a message for a preview: a PNG with grey lines below a red head.

Each word is a block.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

WIDTH, HEIGHT = 320, 200
_HEAD, _PAPER, _INK = b"\xc8\x32\x32", b"\xff\xff\xff", b"\x78\x78\x78"
_LINE, _LETTER = 10, 4


def png(lines: Iterable[str]) -> bytes:
    """Return a PNG of eight bits a colour, without interlace (PNG specification, 5 and 11.2)."""
    rows = [_HEAD * WIDTH] * (2 * _LINE)
    for line in lines:
        ink = b"".join(
            (_PAPER if letter == " " else _INK) * _LETTER for letter in line[: WIDTH // _LETTER]
        )
        rows += [ink.ljust(WIDTH * 3, b"\xff")] * (_LINE // 2) + [_PAPER * WIDTH] * (_LINE // 2)
    rows = (rows + [_PAPER * WIDTH] * HEIGHT)[:HEIGHT]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", pixels)
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
