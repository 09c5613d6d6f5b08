"""Screening says of real messages what a reviewer would, and never stumbles over what it is given."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approval_service.screening.content import ContentFinding, approver_notes, check_lines, screen
from approval_service.screening.learn import digest, judged_messages
from approval_service.screening.resemblance import WEIGHTS_FILE
from approval_service.screening.rules import Category

MESSAGES = Path(__file__).parent / "messages"
REPOSITORY = Path(__file__).parents[4]
SHARED = Path(os.environ.get("OUTREACH_SHARED_DATA", REPOSITORY.parent / "shared" / "data")) / "content_cases.jsonl"

Case = tuple[str, str]
"""A text, and the category it must be blocked by, or pass."""


def _own(part: str) -> list[Case]:
    return [(text, path.stem) for path in sorted((MESSAGES / part).glob("*.txt")) for text in _lines(path)]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _shared() -> list[Case]:
    """The development cases beside the checkout; none on a machine that has only the checkout."""
    if not SHARED.exists():
        return []
    rows = map(json.loads, _lines(SHARED))
    return [(row["text"], row["expect"].removeprefix("flag:")) for row in rows]


def _missed(cases: list[Case]) -> list[Case]:
    return [case for case in cases if case[1] != "pass" and case[1] not in _blocking(case[0])]


def _falsely_flagged(cases: list[Case]) -> list[Case]:
    return [case for case in cases if case[1] == "pass" and screen(case[0])]


def _blocking(text: str) -> set[str]:
    return {finding.category for finding in screen(text) if finding.severity == "block"}


@pytest.mark.parametrize("category", [*Category, "pass"])
def test_messages_the_screening_was_made_with_are_judged_right(category: str) -> None:
    """What was understood once stays understood: 97 of 100 forbidden messages, and 99 of 100 others pass."""
    cases = [case for case in _own("tuned") if case[1] == category]
    assert len(cases) >= 70
    assert len(_missed(cases)) <= 0.03 * len(cases), _missed(cases)
    assert len(_falsely_flagged(cases)) <= 0.01 * len(cases), _falsely_flagged(cases)


def test_weights_are_those_of_the_messages() -> None:
    """Whoever changes the messages learns anew: python -m approval_service.screening.learn FOLDER."""
    header = WEIGHTS_FILE.read_text(encoding="utf-8").split("\n", 1)[0].split("\t")
    assert header == [digest(judged_messages(MESSAGES / "tuned")), *Category]


def test_messages_held_out_of_tuning_are_judged_well() -> None:
    """At least 9 of 10 forbidden messages are blocked by the right category, at most 1 of 20 others flagged."""
    cases = _own("held_out")
    allowed = sum(expected == "pass" for _, expected in cases)
    assert len(_missed(cases)) <= 0.1 * (len(cases) - allowed), _missed(cases)
    assert len(_falsely_flagged(cases)) <= 0.05 * allowed, _falsely_flagged(cases)


def test_shared_development_cases_are_judged_well() -> None:
    """The same bounds on the cases all sessions share, where they are at hand."""
    cases = _shared()
    allowed = sum(expected == "pass" for _, expected in cases)
    assert len(_missed(cases)) <= 0.1 * (len(cases) - allowed), _missed(cases)
    assert len(_falsely_flagged(cases)) <= 0.05 * allowed, _falsely_flagged(cases)


@pytest.mark.parametrize(
    ("text", "span", "category"),
    [
        ("请尽快处理。你就是个老\u200b-赖！", "老\u200b-赖", Category.INSULT),
        ("欠钱不还，真是廢物。", "廢物", Category.INSULT),
        ("还款请加Ｖ❤信吧", "加Ｖ❤信", Category.PRIVATE_PAYMENT),
        ("【人民法院】请联系我们。", "人民法院", Category.IMPERSONATION),
    ],
)
def test_spans_are_cut_from_the_text_as_given(text: str, span: str, category: Category) -> None:
    """Offsets and span show the reviewer the original spelling."""
    found = [finding for finding in screen(text) if finding.category is category]
    assert [finding.span for finding in found] == [span]
    assert text[found[0].start : found[0].end] == span


def test_a_street_named_after_a_court_is_no_court() -> None:
    """A branch's address poses as nobody."""
    assert screen("您可到法院路支行办理还款。") == []


@pytest.mark.parametrize(
    "text",
    [
        "把钱转到我微信",
        "把钱转到我薇信",
        "把钱转到我V信",
        "把钱转到我微 信",
        "把钱轉到我微信",
        "把錢轉到我衛星",
        "把 钱 转 到 我 ＶＸ",
    ],
)
def test_other_spellings_are_the_same_sentence(text: str) -> None:
    """Width, script, gaps, homophones and nicknames hide nothing."""
    assert Category.PRIVATE_PAYMENT in _blocking(text)


@pytest.mark.parametrize(
    ("forbidden", "allowed"),
    [
        ("请转入李经理个人账户。", "请勿转入李经理个人账户。"),
        ("我行会联系您的亲友说明您的欠款。", "我行不会联系您的亲友说明您的欠款。"),
        ("您可以用网贷还清欠款。", "您不要用网贷还清欠款。"),
        ("我们保证删除征信逾期记录。", "我行从不承诺删除征信逾期记录。"),
        ("公安机关通知您到案。", "冒充公安机关通知您到案的均为诈骗。"),
        ("公安机关已将您立案。", "如公安机关已将您立案，请告知我行。"),
        ("请将现金交给外访人员。", "请持现金到网点柜台还款。"),
        ("子女不能上学。", "子女上学不受影响。"),
    ],
)
def test_who_says_what_to_whom_decides(forbidden: str, allowed: str) -> None:
    """A denial, a warning, a report of others, or the proper channel turns the same words harmless."""
    assert _blocking(forbidden)
    assert screen(allowed) == []


def test_negation_ends_where_the_private_channel_is_asked_for() -> None:
    """不要去网点，直接转给我 is no warning."""
    assert Category.PRIVATE_PAYMENT in _blocking("不要去网点柜台直接转到我支付宝")


@pytest.mark.parametrize(
    "text",
    [
        "请把钱转到我的支付宝，如有疑问请投诉。",
        "请把钱转到我的支付宝，谨防诈骗。",
        "请把钱转到我的支付宝，其他短信均为诈骗。",
        "请勿去柜台，把钱转到我的支付宝。",
        "如有疑问请投诉，把钱转到我的支付宝。",
    ],
)
def test_a_warning_beside_it_excuses_nothing(text: str) -> None:
    """Only what is warned of, refuted or supposed is harmless, not the request before or after it."""
    assert Category.PRIVATE_PAYMENT in _blocking(text)


def test_a_rule_is_doubted_in_a_sentence_that_is_nothing_of_the_kind() -> None:
    """The finding of a rule whose words stand in harmless company is shown to approvers and forbids nothing."""
    text = "如您已被人民法院裁定受理破产或重整，请将文书复印件寄至我行，我行将暂停催收。"
    assert _blocking(text) == set()
    assert {note.severity for note in approver_notes(text)} <= {"note"}


def test_wording_is_judged_where_no_rule_knows_the_words() -> None:
    """A message worded like forbidden ones is blocked with its clause as the span."""
    text = "限你三天，三天后我们就不是用嘴说话了。"
    found = screen(text)
    assert {finding.category for finding in found} == {Category.THREAT}
    assert all(text[finding.start : finding.end] == finding.span for finding in found)


def test_lawful_consequences_are_notes_for_approvers_only() -> None:
    """A true statement of court action or credit reporting stops nothing and is shown to those who approve."""
    text = "如协商不成，我行将依法向人民法院提起诉讼，并如实报送征信系统。"
    assert screen(text) == []
    assert {claim.category for claim in approver_notes(text)} == {Category.IMPERSONATION, Category.FALSE_CREDIT}
    assert {claim.severity for claim in approver_notes(text)} == {"note"}


@pytest.mark.parametrize(
    "value", ["", "张三", "95533", "WA2026-0001", "1680.32", "2026-11-24", "USB", "阿卜杜拉·买买提"]
)
def test_ordinary_values_are_harmless(value: str) -> None:
    """Names, amounts, dates, hotlines and references give no finding."""
    assert screen(value) == []


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120) | st.text("你您我行还款不勿法院微信老赖借贷免。，【】 \u200b❤0123456789", max_size=60))
def test_any_text_can_be_screened(text: str) -> None:
    """No input makes it fail, and every span lies where it says."""
    for finding in screen(text):
        assert isinstance(finding, ContentFinding)
        assert text[finding.start : finding.end] == finding.span != ""


def test_lines_are_answered_one_by_one() -> None:
    """Each JSON line gets its findings; a bad one gets an error that names the line and the way out."""

    def given_lines() -> Iterator[str]:
        yield '{"id": "a", "text": "你这个老赖"}'
        yield ""
        yield '{"id": 7, "text": "请按时还款"}'
        yield "no json"
        yield '{"id": "b"}'
        yield '["id", "text"]'
        yield '{"id": "c", "text": 5}'
        yield '{"id": "d", "text": "\ud800"}'
        yield json.dumps({"id": "e", "text": "老赖" * 1_000_000})

    answers = list(check_lines(given_lines()))
    insult = {"category": "insult", "severity": "block", "span": "老赖", "why": "辱骂 · an insult"}
    assert answers[0] == {"id": "a", "findings": [insult]}
    assert answers[1] == {"id": 7, "findings": []}
    assert [answer["line"] for answer in answers[2:]] == [4, 5, 6, 7, 8, 9]
    assert all(re.search("JSON|needs|longer", str(answer["error"])) for answer in answers[2:])
    assert json.dumps(answers)
