"""Bar codes against scanners and another encoder."""

from __future__ import annotations

import string

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from ppf.datamatrix import DataMatrix  # type: ignore[import-untyped]  # has no stubs

from letter_service.layout.code128 import code128
from letter_service.layout.datamatrix import datamatrix
from letter_service.layout.stencil import Stencil

ascii_text = st.text(st.sampled_from(string.ascii_letters + string.digits + "|/-_. "), min_size=1, max_size=110)


def _rows(stencil: Stencil) -> list[str]:
    across = -(-stencil.columns // 8) * 8
    bits = f"{int(stencil.data, 16):0{across * stencil.rows}b}"
    return [bits[row * across : row * across + stencil.columns] for row in range(stencil.rows)]


def _read(stencil: Stencil, height: int) -> str:
    picture = Image.new("L", (stencil.columns + 20, stencil.rows * height + 20), 255)
    for row, bits in enumerate(_rows(stencil)):
        for column, bit in enumerate(bits):
            if bit == "1":
                picture.paste(0, (column + 10, row * height + 10, column + 11, (row + 1) * height + 10))
    (found,) = zxingcpp.read_barcodes(picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST))
    return str(found.text)


@given(ascii_text)
@settings(deadline=None, max_examples=40)
def test_datamatrix_reads_back(text: str) -> None:
    """A scanner reads what was encoded."""
    assert _read(datamatrix(text), 1) == text


@given(ascii_text.filter(lambda text: len(text) > 40))
@settings(deadline=None, max_examples=40)
def test_datamatrix_is_the_standards(text: str) -> None:
    """Module by module the symbol is another encoder's."""
    other = ["".join(map(str, row)) for row in DataMatrix(text, codecs=["ascii"]).matrix]
    ours = _rows(datamatrix(text))
    assert ours == other or len(ours) > len(other)


@given(st.text(st.sampled_from(string.printable[:95]), min_size=1, max_size=32))
@settings(deadline=None, max_examples=40)
def test_code128_reads_back(text: str) -> None:
    """A scanner reads what was encoded, in either code set."""
    assert _read(code128(text), 30) == text


def test_other_characters_are_refused() -> None:
    """Neither code takes what is not ASCII, nor a DataMatrix more than its largest symbol holds."""
    with pytest.raises(ValueError, match="ASCII"):
        code128("函1")
    with pytest.raises(ValueError, match="ASCII"):
        datamatrix("函1")
    with pytest.raises(ValueError, match="too long"):
        datamatrix("A" * 150)
