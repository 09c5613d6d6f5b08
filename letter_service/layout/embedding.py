"""A face's subset as PDF objects: CID-keyed CFF (Adobe Technical Notes 5176, 5177), widths, and its own ToUnicode."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from letter_service.layout.fonts import Face
from letter_service.layout.pdf import PdfWriter

_ROS, _CID_COUNT, _FD_ARRAY, _FD_SELECT = b"\x0c\x1e", b"\x0c\x22", b"\x0c\x24", b"\x0c\x25"
_FONT_BBOX, _CHARSET, _CHARSTRINGS, _PRIVATE = b"\x05", b"\x0f", b"\x11", b"\x12"
_PRIVATE_DICT = b"\x8b\x14"
"""defaultWidthX 0: every charstring gives its width."""
_PER_BLOCK = 100
"""Entries that one block of a ToUnicode map may have."""


def embed(pdf: PdfWriter, face: Face, chars: Iterable[str], number: int, level: int = 6) -> None:
    """Writes a Type 0 font of these characters as object `number`, compressed by zlib at a level."""
    used = sorted(set(chars), key=face.cid.__getitem__)
    tag = hashlib.sha256("".join(used).encode()).digest()
    name = "".join(chr(65 + byte % 26) for byte in tag[:6]) + "+" + face.name
    file = pdf.stream(b"/Subtype/CIDFontType0C", _cff(face, used, name), level)
    box = " ".join(map(str, face.box))
    descriptor = pdf.add(
        f"<</Type/FontDescriptor/FontName/{name}/Flags 4/FontBBox[{box}]/ItalicAngle 0/Ascent {face.ascent}"
        f"/Descent {face.descent}/CapHeight {face.cap_height}/StemV 80/FontFile3 {file} 0 R>>"
    )
    widths = "".join(f"{face.cid[char]}[{face.width[char]}]" for char in used if face.width[char] != 1000)
    descendant = pdf.add(
        f"<</Type/Font/Subtype/CIDFontType0/BaseFont/{name}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        f"/Supplement 0>>/DW 1000/W[{widths}]/FontDescriptor {descriptor} 0 R>>"
    )
    to_unicode = pdf.stream(b"", _to_unicode(face, used), level)
    pdf.write(
        number,
        f"<</Type/Font/Subtype/Type0/BaseFont/{name}-Identity-H/Encoding/Identity-H"
        f"/DescendantFonts[{descendant} 0 R]/ToUnicode {to_unicode} 0 R>>",
    )


def _to_unicode(face: Face, used: list[str]) -> bytes:
    """Code to UTF-16, with the surrogate pair where the character lies beyond the first plane."""
    lines = [
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def",
        "/CMapName/Adobe-Identity-UCS def/CMapType 2 def",
        "1 begincodespacerange<0000><FFFF>endcodespacerange",
    ]
    for start in range(0, len(used), _PER_BLOCK):
        block = used[start : start + _PER_BLOCK]
        lines.append(f"{len(block)} beginbfchar")
        lines += [f"<{face.code[char]}><{char.encode('utf-16-be').hex()}>" for char in block]
        lines.append("endbfchar")
    lines.append("endcmap CMapName currentdict/CMap defineresource pop end end")
    return "\n".join(lines).encode()


def _cff(face: Face, used: list[str], name: str) -> bytes:
    charstrings = _index([face.notdef, *map(face.charstring, used)])
    charset = b"\x00" + b"".join(face.cid[char].to_bytes(2, "big") for char in used)
    fd_select = b"\x03\x00\x01\x00\x00\x00" + (len(used) + 1).to_bytes(2, "big")
    head = b"\x01\x00\x04\x04" + _index([name.encode()])
    strings = _index([b"Adobe", b"Identity"]) + b"\x00\x00"
    top_size = len(_index([_top_dict(face, used, 0, 0, 0, 0)]))
    charset_at = len(head) + top_size + len(strings)
    fd_select_at = charset_at + len(charset)
    charstrings_at = fd_select_at + len(fd_select)
    private_at = charstrings_at + len(charstrings)
    fd_array_at = private_at + len(_PRIVATE_DICT)
    top = _index([_top_dict(face, used, charset_at, fd_select_at, charstrings_at, fd_array_at)])
    fd_array = _index([_integer(len(_PRIVATE_DICT)) + _integer(private_at) + _PRIVATE])
    return b"".join((head, top, strings, charset, fd_select, charstrings, _PRIVATE_DICT, fd_array))


def _top_dict(face: Face, used: list[str], charset: int, fd_select: int, charstrings: int, fd_array: int) -> bytes:
    cids = face.cid[used[-1]] + 1 if used else 1
    return b"".join(
        (
            _integer(391) + _integer(392) + _integer(0) + _ROS,
            _integer(cids) + _CID_COUNT,
            b"".join(map(_integer, face.box)) + _FONT_BBOX,
            _integer(charset) + _CHARSET,
            _integer(charstrings) + _CHARSTRINGS,
            _integer(fd_select) + _FD_SELECT,
            _integer(fd_array) + _FD_ARRAY,
        )
    )


def _integer(value: int) -> bytes:
    """In the five-byte form, so that offsets do not change the length of what holds them."""
    return b"\x1d" + value.to_bytes(4, "big", signed=True)


def _index(items: list[bytes]) -> bytes:
    offsets = [1]
    for item in items:
        offsets.append(offsets[-1] + len(item))
    size = (offsets[-1].bit_length() + 7) // 8
    table = b"".join(offset.to_bytes(size, "big") for offset in offsets)
    return len(items).to_bytes(2, "big") + bytes((size,)) + table + b"".join(items)
