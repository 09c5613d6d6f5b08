"""Addresses are judged as the letter rules say, and a finding shows the place that must be repaired."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_service.screening.address import judge, normal, parts, postcode_warning, read

CASES = Path(__file__).parent / "cases"
CODES = ["ok", "incomplete", "sensitive", "broad", "undeliverable"]


def _codes(address: str, *, verified: bool = False) -> list[str]:
    return [finding.code for finding in judge(read(address), verified=verified)]


@pytest.mark.parametrize("code", CODES)
def test_each_address_gets_its_code_and_no_other(code: str) -> None:
    """Invented addresses from all over China, in the forms people write."""
    expected = [] if code == "ok" else [f"ADDRESS_{code.upper()}"]
    addresses = (CASES / f"{code}.txt").read_text(encoding="utf-8").splitlines()
    assert {address: codes for address in addresses if (codes := _codes(address)) != expected} == {}


@pytest.mark.parametrize(
    ("address", "span", "reason"),
    [
        ("浙江省 杭州市 西湖区 枫桥小区 ３ 栋", "枫桥小区 ３ 栋", "without the room"),
        ("杭州市西湖区青梧路", "青梧路", "without a house number"),
        ("杭州市西湖区88号", "杭州市西湖区88号", "names no road"),
        ("青梧路12号，中国工商银行（青梧支行）", "青梧支行", "financial institution"),
        ("青梧路12号建设银行大厦12楼", "建设银行大厦", "financial institution"),
        ("青梧路12号青梧水果批发市场", "青梧水果批发市场", "a whole market"),
        ("浙江省　南京市玄武区青梧路12号", "南京市", "南京市 is not in 浙江省"),
        ("江淮省合肥市蜀山区青梧路12号", "江淮省", "never existed"),
        ("杭州市青梧路\ufffd\ufffd号", "\ufffd\ufffd", "characters"),
        ("No. 12 West Road", "No. 12 West Road", "no Chinese"),
        ("", "", "names no road"),
    ],
)
def test_a_finding_shows_place_and_reason(address: str, span: str, reason: str) -> None:
    """The span is cut from the address as it was given; the reason is in Chinese, then in English."""
    (found,) = judge(read(address))
    assert found.span == span == address[found.start : found.end]
    assert reason in found.why
    assert " · " in found.why


def test_evidence_lifts_broad_and_nothing_else() -> None:
    """Somebody confirmed that letters reach a person there: a wide place will do, half an address will not."""
    assert _codes("青梧农贸市场", verified=True) == []
    assert _codes("杭州市西湖区转塘街道云栖村", verified=True) == []
    assert _codes("枫桥小区3栋", verified=True) == ["ADDRESS_INCOMPLETE"]
    assert _codes("青梧路12号青梧县人民法院", verified=True) == ["ADDRESS_SENSITIVE"]


def test_a_contradiction_hides_no_other_shortcoming() -> None:
    """Whoever repairs the address learns everything at once."""
    assert _codes("浙江省南京市枫桥小区3栋") == ["ADDRESS_UNDELIVERABLE", "ADDRESS_INCOMPLETE"]


def test_a_postcode_of_another_province_only_warns() -> None:
    """It is told, and forbids nothing; a matching one, a house number and a phone number say nothing."""
    address = read("210008 浙江省杭州市西湖区青梧路12号")
    assert judge(address) == []
    assert "210008" in postcode_warning(address)
    for silent in ("310008 浙江省杭州市青梧路12号", "浙江省杭州市青梧路210008号", "浙江省杭州市青梧路12号 13800001234"):
        assert postcode_warning(read(silent)) == ""


@given(
    st.text(
        alphabet=st.sampled_from(
            "浙江省杭州市西湖区镇村路街号栋单元室楼银行大学市场（）()－- ，0123456789AB三十第null\ue000旁"
        ),
        max_size=60,
    )
)
def test_any_text_is_read(text: str) -> None:
    """Nothing fails, every span is a cut of the text, and the parts and the normal form can be told."""
    address = read(text)
    for found in judge(address):
        assert found.span == text[found.start : found.end]
    assert normal(address).count("|") >= 2
    assert all(parts(address).values())


@given(st.text(max_size=40))
def test_any_characters_are_read(text: str) -> None:
    """What nobody would call an address has a finding."""
    address = read(text)
    normal(address), parts(address), postcode_warning(address)
    if not any("\u4e00" <= character <= "\u9fff" for character in text):
        assert judge(address)
