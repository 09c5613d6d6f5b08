"""The lint stops what may not be submitted, shows what approvers must see, and names a version by its content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_service.templates_lint import digest, lint, longest
from outreach.domain.errors import Refusal
from outreach.v1.policy_service_pb2 import Policy
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType, RecordField, TemplateContent

POLICY = Policy(bank_name="示例银行", agency_id="shili", agency_name="示例资管", hotlines=["95533"])
NAME = Placeholder(
    name="name", type=PlaceholderType.PLACEHOLDER_TYPE_NAME, record_field=RecordField.RECORD_FIELD_RECIPIENT_NAME
)
AMOUNT = Placeholder(
    name="amount", type=PlaceholderType.PLACEHOLDER_TYPE_AMOUNT, record_field=RecordField.RECORD_FIELD_OVERDUE_AMOUNT
)
HOTLINE = Placeholder(name="hotline", type=PlaceholderType.PLACEHOLDER_TYPE_HOTLINE)
TEXT = "{name}您好，示例资管受托提醒：您的信用卡逾期{amount}元，请通过官方渠道还款，详询{hotline}。"


def content(text: str = TEXT, *placeholders: Placeholder, signature: str = "示例银行") -> TemplateContent:
    return TemplateContent(
        bank_id="shili",
        name="remind",
        signature=signature,
        text=text,
        placeholders=placeholders or (NAME, AMOUNT, HOTLINE),
    )


def stopping(subject: TemplateContent, policy: Policy | None = POLICY) -> list[str]:
    return [finding.code for finding in lint(subject, policy) if not finding.waits]


def with_text(text: str) -> TemplateContent:
    """A version without placeholders that names bank and agency."""
    return TemplateContent(bank_id="shili", name="remind", signature="示例银行", text=f"示例资管提醒：{text}")


def test_a_proper_template_has_no_findings() -> None:
    """Bank, agency, hotline, typed placeholders, plain characters."""
    assert lint(content(), POLICY) == []


@pytest.mark.parametrize(
    "text",
    [
        "再不还款就派人去你家堵门。",
        "请转到李经理个人账户。",
        "请加微信zhangsan888还款。",
        "请致电13800001111还款。",
        "请致电138 0000 1111还款。",
        "请致电010-88886666还款。",
        "客服电话95534。",
        "详情见https://x.cn/a。",
        "详情见pay.example.com。",
        "您的卡号6222020200112233445已逾期。",
        "您的证件11010119900307123X已登记。",
        "请还款【示例】。",
        "请还款［示例］。",
        "請儘快還款。",
        "请还款★",
        "请还款¥100",
        "请还款😀",
        "请还款①",
        "请还\u200b款",
        "请还款\n谢谢",
    ],
)
def test_forbidden_contents_stop_it(text: str) -> None:
    """Forbidden wording, private contacts, links, full numbers, and what carriers refuse."""
    assert set(stopping(with_text(text))) == {"CONTENT_PROHIBITED"}


@pytest.mark.parametrize(
    "text",
    [
        "请于2026-11-30前还款，客服95533。",
        "请致电95533转2，投诉电话12378。",
        "应还16,409.02元（含利息）。",
        "根据《征信业管理条例》“如实报送”。",
    ],
)
def test_hotlines_dates_and_amounts_do_not_stop_it(text: str) -> None:
    """The policy's hotlines and public lines are nobody's own number."""
    assert stopping(with_text(text)) == []


@pytest.mark.parametrize(
    "subject",
    [
        content("示例资管提醒{name}：逾期{amount}元，{other}。"),
        content("示例资管提醒{name}：逾期{amount}元。"),
        content(TEXT, NAME, AMOUNT, HOTLINE, NAME),
        content(TEXT + "{{name}}"),
        content(TEXT + "}"),
        content(TEXT + "{Name}"),
        content("示例资管：{name}{amount}，{hotline}"),
        content("示例资管：{name} {amount}，{hotline}"),
        content(TEXT, NAME, AMOUNT, Placeholder(name="hotline", type=PlaceholderType.PLACEHOLDER_TYPE_DATE)),
        content(
            TEXT,
            NAME,
            Placeholder(
                name="amount",
                type=PlaceholderType.PLACEHOLDER_TYPE_AMOUNT,
                record_field=RecordField.RECORD_FIELD_DUE_DATE,
            ),
            HOTLINE,
        ),
        content(
            TEXT,
            NAME,
            AMOUNT,
            Placeholder(
                name="hotline",
                type=PlaceholderType.PLACEHOLDER_TYPE_HOTLINE,
                record_field=RecordField.RECORD_FIELD_DUE_DATE,
            ),
        ),
        content(signature="示例银行{name}"),
    ],
)
def test_faulty_placeholders_stop_it(subject: TemplateContent) -> None:
    """Undeclared, unused, twice declared, nested, stray, side by side, of the wrong pair."""
    assert "VARIABLE_INVALID" in stopping(subject)


def test_a_text_of_nothing_but_placeholders_is_refused() -> None:
    """Carriers register texts, not gaps."""
    assert "VARIABLE_INVALID" in stopping(content("{name}，{amount}，{hotline}", signature="示例银行示例资管"))


def test_bank_and_agency_must_be_named() -> None:
    """The agency unless the policy says no; in signature or text, whatever the spaces."""
    assert stopping(content(signature="某某银行")) == ["IDENTITY_MISSING"]
    unnamed = content(TEXT.replace("示例资管", "我司"))
    assert stopping(unnamed) == ["IDENTITY_MISSING"]
    relaxed = Policy()
    relaxed.CopyFrom(POLICY)
    relaxed.agency_must_be_named = False
    assert stopping(unnamed, relaxed) == []
    assert stopping(content(TEXT.replace("示例资管", "示例 资管"))) == []


def test_without_a_policy_and_without_a_hotline_approvers_are_told() -> None:
    """Neither stops a draft."""
    findings = lint(content(), None)
    assert [(finding.code, finding.waits) for finding in findings] == [("IDENTITY_MISSING", True)]
    findings = lint(with_text("请还款。"), POLICY)
    assert [(finding.code, finding.waits) for finding in findings] == [("IDENTITY_MISSING", True)]


def test_lawful_consequences_are_shown_to_approvers() -> None:
    """They may be true; the bank decides."""
    findings = lint(with_text("我行将依法提起诉讼，详询95533。"), POLICY)
    assert [(finding.code, finding.waits) for finding in findings] == [("CONTENT_PROHIBITED", True)]


def test_the_longest_text_counts_signature_and_longest_values() -> None:
    """60 characters of a name, 13 of an amount, 15 of a hotline; 67 a segment beyond 70."""
    fixed = TEXT.replace("{name}", "").replace("{amount}", "").replace("{hotline}", "")
    characters = len("【示例银行】") + len(fixed) + 60 + 13 + 15
    assert longest(content()) == (characters, -(-characters // 67))
    assert longest(with_text("还款")) == (len("【示例银行】示例资管提醒：还款"), 1)


def test_more_than_carriers_take_stops_it() -> None:
    """500 characters with signature and brackets."""
    room = 500 - len("【示例银行】示例资管提醒：")
    assert stopping(with_text("请" * room)) == []
    assert stopping(with_text("请" * (room + 1))) == ["CONTENT_PROHIBITED"]


def test_dates_must_run_forward() -> None:
    """An end at or before the beginning stops it."""
    subject = content()
    subject.effective_from.FromJsonString("2026-12-01T00:00:00Z")
    subject.effective_until.FromJsonString("2026-12-01T00:00:00Z")
    assert stopping(subject) == ["TEMPLATE_NOT_APPROVED"]
    subject.effective_until.FromJsonString("2026-12-01T00:00:00.001Z")
    assert stopping(subject) == []


def test_equal_content_has_an_equal_digest() -> None:
    """Whatever the bytes: order of placeholders, unknown fields, offset of a time."""
    subject, other = content(), content(TEXT, HOTLINE, AMOUNT, NAME)
    subject.effective_from.FromJsonString("2026-12-01T08:00:00+08:00")
    other.effective_from.FromJsonString("2026-12-01T00:00:00.000Z")
    assert digest(subject) == digest(other)
    assert digest(TemplateContent.FromString(subject.SerializeToString() + b"\xf8\x7f\x01")) == digest(subject)
    assert len(digest(subject)) == 64


def test_each_part_of_the_content_changes_the_digest() -> None:
    """What approvers saw is what the digest names."""
    plain = content()
    changed = [content() for _ in range(7)]
    changed[0].bank_id = "other"
    changed[1].name = "other"
    changed[2].signature = "另一银行"
    changed[3].text += "。"
    changed[4].placeholders[1].record_field = RecordField.RECORD_FIELD_OUTSTANDING_AMOUNT
    changed[5].effective_from.seconds = 1
    changed[6].effective_until.seconds = 1
    assert len({digest(version) for version in [plain, *changed]}) == 8


def test_a_time_of_no_calendar_is_refused() -> None:
    """With the field's name."""
    subject = content()
    subject.effective_from.seconds = 10**15
    with pytest.raises(Refusal) as refused:
        digest(subject)
    assert refused.value.field == "content.effective_from"


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_can_be_linted(text: str, signature: str) -> None:
    """No text makes the lint fail."""
    subject = TemplateContent(bank_id="shili", name="remind", signature=signature, text=text)
    assert lint(subject, POLICY)
    assert longest(subject)[0] == len(text) + len(signature) + 2 or "{" in text
