"""Folding gives one spelling to a sentence and remembers where each character stood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_service.screening.normalize import fold, to_simplified


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ＱＱ号１２３", "qq号123"),
        ("欠\u200b款\u2060 还\u3000清", "欠款还清"),
        ("還款請聯繫銀行", "还款请联系银行"),
        ("薇信、卫星、Ｖ信", "微信、微信、微信"),
        ("收款玛", "收款码"),
        ("砖账", "转账"),
        ("支付保证金", "支付保证金"),
        ("凭证信息", "凭证信息"),
        ("①😀★微🌹信", "1微信"),
    ],
)
def test_spellings_fold_to_one(written: str, read: str) -> None:
    """Width, gaps, script, homophones and ornaments go; words that merely resemble others stay."""
    assert fold(written).text == read


@given(st.text(max_size=80))
def test_positions_point_at_the_original(text: str) -> None:
    """One growing position per folded character."""
    folded = fold(text)
    assert len(folded.positions) == len(folded.text)
    assert folded.positions == sorted(set(folded.positions))
    assert all(0 <= position < len(text) for position in folded.positions)


def test_phrases_decide_what_is_traditional() -> None:
    """乾 stays in 乾坤 and becomes 干 in 乾淨."""
    assert to_simplified("乾坤乾淨") == "乾坤干净"
