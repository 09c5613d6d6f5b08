"""Opens .xlsx files that anybody may have made. One that would expand too far, or whose XML declares entities, is
refused before anything of it is expanded.

A ZIP member never yields more than its directory entry says (zipfile stops there), so the directory can be believed.
"""

from __future__ import annotations

import warnings
import zlib
from errno import EINVAL
from typing import IO
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from openpyxl import Workbook, load_workbook

from outreach.domain.errors import Kind, Refusal

MIB = 1024 * 1024
MAX_EXPANDED_BYTES = 512 * MIB
"""A full sheet of 1,048,576 rows as long as ours stays under it."""
MAX_STRINGS_BYTES = 128 * MIB
"""The shared strings are the one part that is held in memory as a whole."""
MAX_RATIO = 100
"""Sheets compress 5 to 30 times; a ZIP bomb a thousand times."""
_STRINGS = "sharedStrings.xml"
_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"
_BROKEN = (BadZipFile, expat.ExpatError, zlib.error, EOFError, RuntimeError)
"""The last one is zipfile's, for a password and (by a subclass) for a compression that it does not know."""


def is_workbook(name: str, source: IO[bytes]) -> bool:
    """True if the content, whatever the name, is that of .xlsx. Refusal for the older or encrypted form. OSError."""
    magic = source.read(4)
    source.seek(0)
    if magic == _OLE_MAGIC:
        raise Refusal(
            Kind.INVALID,
            f"{name}: 是旧版 .xls 或设有密码：请另存为无密码的 .xlsx。It is an old .xls or has a password: save it as "
            ".xlsx without one.",
            reason="WORKBOOK_UNREADABLE",
        )
    return magic == _MAGIC


def open_workbook(name: str, source: IO[bytes], max_expanded_bytes: int = MAX_EXPANDED_BYTES) -> Workbook:
    """The workbook in the opened file, to be read row by row; close both. `name` is what messages call it. Refusal."""
    try:
        with ZipFile(source) as archive:
            _check_sizes(name, archive.infolist(), max_expanded_bytes)
            for member in archive.infolist():
                if member.filename.endswith((".xml", ".rels")):
                    with archive.open(member) as part:
                        _check_prolog(name, member.filename, part)
    except _BROKEN:
        raise unreadable(name) from None
    except OSError as error:
        if error.errno != EINVAL:  # that one is a part's place before the file's beginning
            raise
        raise unreadable(name) from None
    warnings.filterwarnings("ignore", module=r"openpyxl\.")  # of what it passes over, such as coloured cells
    try:
        return load_workbook(source, read_only=True, keep_links=False)
    except Exception:  # noqa: BLE001 openpyxl raises whatever a damaged file leads it to
        raise unreadable(name) from None


def unreadable(name: str, where: str = "") -> Refusal:
    """What to raise where the file turns out to be damaged; `where` is the place, if it is known."""
    return Refusal(
        Kind.INVALID,
        f"{name}{where}: 不是完好的 .xlsx：请用表格软件打开，另存为 .xlsx 或 CSV。It is no sound .xlsx: open it in a "
        "spreadsheet program and save it as .xlsx or CSV.",
        reason="WORKBOOK_UNREADABLE",
    )


def _check_sizes(name: str, members: list[ZipInfo], max_expanded_bytes: int) -> None:
    expanded, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    strings = sum(m.file_size for m in members if m.filename.endswith(_STRINGS))
    if expanded > max_expanded_bytes or strings > MAX_STRINGS_BYTES:
        seen = f"{expanded // MIB} MiB"
    elif expanded > MIB and expanded > packed * MAX_RATIO:
        seen = f"x{expanded // max(packed, 1)}"
    else:
        return
    raise Refusal(
        Kind.INVALID,
        f"{name}: 展开后过大（{seen}），疑为压缩炸弹，未读取。请拆分，或另存为 CSV。It would expand too far, like a "
        "ZIP bomb, and was not read: split it, or save it as CSV.",
        reason="WORKBOOK_TOO_LARGE",
    )


def _check_prolog(name: str, part: str, source: IO[bytes]) -> None:
    """No part of a workbook may have a document type (ECMA-376, part 2), in which entities would be declared."""
    roots: list[str] = []

    def refuse(*_: object) -> None:
        raise Refusal(
            Kind.INVALID,
            f"{name}: {part} 声明了 XML 实体，未读取。请用表格软件另存。It declares XML entities and was not read: "
            "save it again with a spreadsheet program.",
            reason="WORKBOOK_HAS_ENTITIES",
        )

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda root, _: roots.append(root)
    while not roots and (chunk := source.read(4096)):
        parser.Parse(chunk)
