"""What in a bank's own PDF stands against PDF/A-2b (ISO 19005-2), in which every letter is archived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pikepdf

from outreach.domain.codes import Code
from outreach.letters.findings import Finding, show, stop
from outreach.letters.model import OfficialLetter
from outreach.letters.official_content import Contents
from outreach.letters.official_safety import open_safely

_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")


def archive_findings(letter: OfficialLetter) -> Iterator[Finding]:
    """Fonts that are not embedded stop a version: what is printed would differ from what was approved."""
    with open_safely(letter.pdf) as pdf:
        contents = Contents(pdf)
        fonts = sorted({_name(font) for font in contents.fonts if not _is_embedded(font)})
        if fonts:
            yield _stop(f"字体未嵌入，请嵌入后重新导出。Fonts are not embedded: embed them. ({', '.join(fonts)[:120]})")
        images = [image for found in contents.resources for image in _values(found, "/XObject")]
        if contents.uses_device_cmyk or any(image.get("/ColorSpace") == "/DeviceCMYK" for image in images):
            yield _show(
                "使用 DeviceCMYK 颜色。Uses DeviceCMYK colours, which need an output intent of a printing press."
            )
        if any(
            "/TR" in state or "/HTP" in state for found in contents.resources for state in _values(found, "/ExtGState")
        ):
            yield _show("含传递函数或半色调。Uses transfer functions or halftones.")
        intents: Any = pdf.Root.get("/OutputIntents", [])
        if not any(intent.get("/S") == "/GTS_PDFA1" for intent in intents):
            yield _show("缺少输出意图，归档时补上。Has no output intent; the archive copy gets one (sRGB).")
        if not pdf.open_metadata().pdfa_status:
            yield _show("不自称 PDF/A，归档时补上标识。Does not claim PDF/A; the archive copy gets the metadata.")
        if float(pdf.pdf_version) > 1.7:
            yield _show(f"PDF 版本 {pdf.pdf_version}。PDF/A-2 is PDF 1.7.")


def _stop(reason: str) -> Finding:
    return stop(Code.LETTER_NOT_AUTHORIZED, f"PDF/A-2b: {reason}", "official_pdf")


def _show(reason: str) -> Finding:
    return show(Code.LETTER_NOT_AUTHORIZED, f"PDF/A-2b: {reason}", "official_pdf")


def _values(resources: pikepdf.Object, category: str) -> list[pikepdf.Object]:
    return [value for _, value in resources[category].items()] if category in resources else []


def _is_embedded(font: pikepdf.Object) -> bool:
    if font.get("/Subtype") == "/Type3":
        return True
    described = font["/DescendantFonts"][0] if "/DescendantFonts" in font else font
    descriptor = described.get("/FontDescriptor")
    return descriptor is not None and any(key in descriptor for key in _FONT_FILES)


def _name(font: pikepdf.Object) -> str:
    return str(font.get("/BaseFont", "?")).lstrip("/")
