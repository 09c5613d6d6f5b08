"""The bank's own official PDF: its form fields are the placeholders, and we draw in the declared zones only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pikepdf

from outreach.letters.envelopes import (
    PROFILES,
    SHEET_HEIGHT,
    SHEET_WIDTH,
    Rectangle,
    address_block,
    clear_zone,
)
from outreach.letters.model import FormField, LetterHead, OfficialLetter, Zone
from outreach.letters.official_safety import open_safely, refuse
from outreach.letters.placeholders import Gap, misuse, parts

_MM = 25.4 / 72
_A4_TOLERANCE = 1.0
_PARENTS = 5
_MULTILINE = 1 << 12
_NOT_TEXT = (1 << 13) | (1 << 20)
"""Password and file-select fields."""
_FONT_SIZE = re.compile(r"([0-9.]+)\s+Tf")


class Zones(NamedTuple):
    """What the front matter declares."""

    number: Zone
    address: Zone
    sheet_code: Zone


def official_letter(head: LetterHead, pdf: bytes, zones: Mapping[str, Zone]) -> OfficialLetter:
    """The letter, with its fields and zones checked. Refusal for a PDF that cannot be filled or printed safely."""
    with open_safely(pdf) as opened:
        for number, page in enumerate(opened.pages, 1):
            _check_page(number, page)
        fields = tuple(field for number, page in enumerate(opened.pages, 1) for field in _fields(opened, number, page))
        pages = len(opened.pages)
    _check_fields(head, fields)
    declared = Zones(**zones)
    _check_zones(head, declared, fields, pages)
    return OfficialLetter(head, pdf, declared.number, declared.address, declared.sheet_code, fields)


def _check_page(number: int, page: pikepdf.Page) -> None:
    left, bottom, right, top = (float(edge) for edge in page.mediabox)
    fits = abs((right - left) * _MM - SHEET_WIDTH) < _A4_TOLERANCE and abs((top - bottom) * _MM - SHEET_HEIGHT) < 1
    if not fits or [float(edge) for edge in page.cropbox] != [left, bottom, right, top]:
        raise refuse(f"第 {number} 页不是 A4 竖版。Page {number} is not A4 upright without margins cut off.")
    if page.rotation or page.obj.get("/UserUnit", 1) != 1:
        raise refuse(f"第 {number} 页有旋转或缩放。Page {number} is rotated or scaled: export it upright.")


def _fields(pdf: pikepdf.Pdf, number: int, page: pikepdf.Page) -> Iterator[FormField]:
    left, _, _, top = (float(edge) for edge in page.mediabox)
    default = _Form(pdf)
    for widget in page.get("/Annots", []):
        if widget.get("/Subtype") != "/Widget":
            continue
        chain = _chain(widget)
        name = ".".join(reversed([str(node["/T"]) for node in chain if "/T" in node]))
        flags = int(_inherited(chain, "/Ff", 0))
        if _inherited(chain, "/FT", "") != "/Tx" or flags & _NOT_TEXT:
            raise refuse(
                f"域 {name[:40]} 不是文本域。The field {name[:40]} is no text field: only text fields are filled."
            )
        if "/MK" in widget and "/R" in widget["/MK"] and widget["/MK"]["/R"] != 0:
            raise refuse(f"域 {name[:40]} 有旋转。The field {name[:40]} is rotated: set it upright.")
        gap = _gap(name)
        x0, x1 = sorted((float(widget["/Rect"][0]), float(widget["/Rect"][2])))
        y0, y1 = sorted((float(widget["/Rect"][1]), float(widget["/Rect"][3])))
        size = _FONT_SIZE.search(str(_inherited(chain, "/DA", default.appearance)))
        yield FormField(
            placeholder=gap.name,
            capitals=gap.capitals,
            page=number,
            x=(x0 - left) * _MM,
            y=(top - y1) * _MM,
            width=(x1 - x0) * _MM,
            height=(y1 - y0) * _MM,
            font_size=float(size[1]) if size else 0.0,
            alignment=int(_inherited(chain, "/Q", default.alignment)),
            multiline=bool(flags & _MULTILINE),
        )


class _Form:
    """What fields take from the form that do not say it themselves."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        form: Any = pdf.Root.get("/AcroForm", {})
        self.appearance = str(form.get("/DA", ""))
        self.alignment = int(form.get("/Q", 0))


def _chain(widget: pikepdf.Object) -> list[pikepdf.Object]:
    """The widget and the fields it belongs to, outwards."""
    chain = [widget]
    while "/Parent" in chain[-1]:
        if len(chain) > _PARENTS:
            raise refuse("表单域嵌套过深。Its fields are nested too deep.")
        chain.append(chain[-1]["/Parent"])
    return chain


def _inherited(chain: list[pikepdf.Object], key: str, default: Any) -> Any:
    return next((node[key] for node in chain if key in node), default)


def _gap(name: str) -> Gap:
    found = parts(f"{{{name}}}")
    if len(found) == 1 and isinstance(found[0], Gap):
        return found[0]
    raise refuse(
        f"域名 {name[:40]} 不是变量名 a field is named so, and no placeholder can be: use lower case such as due_date "
        "or overdue:capitals."
    )


def _check_fields(head: LetterHead, fields: tuple[FormField, ...]) -> None:
    declared = {placeholder.name: placeholder for placeholder in head.placeholders}
    for field in fields:
        if wrong := misuse(Gap(field.placeholder, field.capitals), declared):
            raise refuse(f"第 {field.page} 页的域 on page {field.page}, a field: {wrong}")
        if field.alignment not in (0, 1, 2) or field.width <= 1 or field.height <= 1:
            raise refuse(f"域 {field.placeholder} 过小或对齐方式未知。Is too small, or aligned in no known way.")
        if not _on_page(field):
            raise refuse(f"域 {field.placeholder} 超出页面。Lies outside of its page.")
    if missing := sorted(declared.keys() - {field.placeholder for field in fields}):
        raise refuse(f"PDF 没有这些域 has no fields for these placeholders: {', '.join(missing)}.")


def _check_zones(head: LetterHead, zones: Zones, fields: tuple[FormField, ...], pages: int) -> None:
    profile = PROFILES[head.envelope]
    for name, zone in zones._asdict().items():
        if zone.page > pages or not _on_page(zone):
            raise refuse(f"区域 {name} 超出页面。The zone {name} lies outside of its page.")
        for field in fields:
            if (name == "sheet_code" or field.page == zone.page) and _rectangle(zone).overlaps(_rectangle(field)):
                raise refuse(
                    f"区域 {name} 盖住域 {field.placeholder}。The zone {name} covers the field {field.placeholder}: "
                    "move one of them."
                )
    if zones.address.page != 1 or zones.sheet_code.page != 1:
        raise refuse("地址区和页码区须在第 1 页。The zones address and sheet_code are on page 1.")
    block = address_block(profile)
    if profile.window and not block.contains(_rectangle(zones.address)):
        raise refuse(
            f"地址区超出 {head.envelope} 信封的可视区。The zone address must lie in what its window always shows: "
            f"x {block.x:g} to {block.right:g}, y {block.y:g} to {block.bottom:g} mm."
        )
    _check_apart(zones)
    for field in fields:
        if profile.window and field.page == 1 and _rectangle(field).overlaps(clear_zone(profile)):
            raise refuse(f"域 {field.placeholder} 会从信封窗口露出。Would show in the envelope's window: move it.")


def _check_apart(zones: Zones) -> None:
    placed = [*zones._asdict().items()]
    for place, (name, zone) in enumerate(placed):
        for other_name, other in placed[place + 1 :]:
            if (zone.page == other.page or "sheet_code" in (name, other_name)) and _rectangle(zone).overlaps(
                _rectangle(other)
            ):
                raise refuse(f"区域 {name} 与 {other_name} 重叠。The zones {name} and {other_name} overlap.")


def _rectangle(of: Zone | FormField) -> Rectangle:
    return Rectangle(of.x, of.y, of.width, of.height)


def _on_page(of: Zone | FormField) -> bool:
    return Rectangle(0, 0, SHEET_WIDTH, SHEET_HEIGHT).contains(_rectangle(of))
