"""The table of docs/bad_input.md, whose rows the tests assert."""

from __future__ import annotations

from pathlib import Path

BAD_INPUT = Path(__file__).parents[1] / "docs" / "bad_input.md"


def assert_documented(what: str, field: str, words: str) -> None:
    """The document says of this input which field the answer names, and the answer's words."""
    cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in (what, f"`{field}`" if field else "", words))
    row = f"| {' | '.join(cells)} |"
    assert row in BAD_INPUT.read_text(encoding="utf-8").splitlines(), f"docs/bad_input.md has no row\n{row}"
