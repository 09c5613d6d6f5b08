"""The same letter through typst, without bar codes: it has none built in."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable
from pathlib import Path

import orjson
import typst

from letter_service.layout.permit import Permit
from letter_service.layout.texts import Values
from outreach.letters.model import Block, Heading, Seal, Table, TextLetter
from outreach.letters.placeholders import Gap, gaps, parts, texts

_FRAME = """
#let letters = json(bytes(sys.inputs.letters))
#let serif = "Noto Serif SC"
#let sans = "Noto Sans SC"
#set page(paper: "a4", margin: (left: 22mm, right: 25mm, top: 28mm, bottom: 29mm),
  footer: context [#set text(font: sans, size: 8pt); #align(center)[第#counter(page).display()页]])
#set text(font: serif, size: 11pt, lang: "zh", region: "cn")
#set par(justify: true, leading: 8pt)
#for letter in letters [
  #counter(page).update(1)
  #text(font: sans, size: 17pt)[BANK]
  #line(length: 100%)
  #text(font: sans, size: 8pt)[RETURN]
  #set text(font: sans)
  #grid(columns: (98mm, 1fr), text(size: 12pt)[#letter.address.join(linebreak())], [#letter.number])
  #set text(font: serif)
  BODY
  #pagebreak()
]
"""


class Typst:
    """Prepared for one version: its template is written, its faces are found."""

    def __init__(self, letter: TextLetter, folder: Path) -> None:
        self._gaps = {gap for block in letter.blocks for text in texts(block) for gap in gaps(text)}
        fonts = importlib.resources.files("pylopdf_fonts_zh_cn")
        self._file = folder / "letter.typ"
        body = "\n\n".join(_block(block) for block in letter.blocks)
        frame = _FRAME.replace("BANK", letter.head.bank_name).replace("RETURN", letter.head.return_address)
        self._file.write_text(frame.replace("BODY", body))
        self._compiler = typst.Compiler(str(self._file), font_paths=[str(fonts)], ignore_system_fonts=True)

    def run(self, permits: Iterable[Permit]) -> bytes:
        """One PDF of all these letters."""
        letters = orjson.dumps([self._inputs(permit) for permit in permits]).decode()
        return bytes(self._compiler.compile(format="pdf", sys_inputs={"letters": letters}, pdf_tags=False))

    def _inputs(self, permit: Permit) -> dict[str, object]:
        values = Values(permit)
        filled = {_key(gap): values.text(gap) for gap in self._gaps}
        address = [permit.postcode, *permit.address, permit.recipient_name, permit.authorization]
        return {"number": permit.letter_number, "address": address} | filled


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        size, aligned = (18, "center") if block.level == 1 else (12, "left")
        return f"#align({aligned}, text(font: sans, size: {size}pt)[{_text(block.text)}])"
    if isinstance(block, Table):
        cells = ", ".join(f"[{_text(cell)}]" for row in block.rows for cell in row)
        return f"#table(columns: {len(block.rows[0])}, stroke: (y: 0.25pt), {cells})"
    if isinstance(block, Seal):
        return f"#align(right)[#rect(width: 42mm, height: 42mm) {_text(block.party)}]"
    return ("#h(2em)" if block.indent else "") + _text(block.text)


def _text(text: str) -> str:
    return "".join(
        f'#letter.at("{_key(part)}")' if isinstance(part, Gap) else f"#{orjson.dumps(part).decode()}"
        for part in parts(text)
    )


def _key(gap: Gap) -> str:
    return f"{gap.name}:capitals" if gap.capitals else gap.name
