"""What stops a template version from being submitted, and what its approvers must see."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from approval_service import effective_dates
from approval_service.screening.content import approver_notes, screen
from approval_service.screening.normalize import fold, to_simplified
from approval_service.variables import NAME_LIMIT, REFERENCE_LIMIT
from outreach.domain.codes import Code
from outreach.domain.templating import (
    MAX_CHARACTERS,
    RECORD_FIELDS,
    has_stray_braces,
    placeholders,
    render,
    segments,
    signed,
)
from outreach.ledger.entries import encode
from outreach.v1.common_pb2 import Finding
from outreach.v1.policy_service_pb2 import Policy
from outreach.v1.template_service_pb2 import PlaceholderType, RecordField, TemplateContent

_LONGEST = {
    PlaceholderType.PLACEHOLDER_TYPE_NAME: NAME_LIMIT,
    PlaceholderType.PLACEHOLDER_TYPE_AMOUNT: len("1000000000.00"),
    PlaceholderType.PLACEHOLDER_TYPE_DATE: len("2026-11-24"),
    PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR: 4,
    PlaceholderType.PLACEHOLDER_TYPE_HOTLINE: 15,  # what a policy takes
    PlaceholderType.PLACEHOLDER_TYPE_REFERENCE: REFERENCE_LIMIT,
}

# Beside Han, letters and digits: carriers refuse or garble what is not here, such as ¥, ★, ① and emoji.
_PUNCTUATION = frozenset("，。、；：？！“”‘’（）《》—…％·" + " !\"#%&'()*+,-./:;<=>?@_{}")

_NEIGHBOURS = re.compile(r"\}\s*\{")
_PLACEHOLDER = re.compile(r"\{[a-z][a-z0-9_]{0,31}\}")
_LINK = re.compile(
    r"https?:|www\.|(?<![a-z0-9])[a-z0-9-]+\.(?:com|cn|net|org|cc|top|vip|xyz|io|me|link|app|info|biz)(?![a-z])"
)
_CHAT = re.compile(r"(?:微信|vx|wx|qq|扣扣|企鹅|支付宝)号?[是为:]?[a-z0-9_]{5,}")
_LONG_NUMBER = re.compile(
    r"(?<![0-9])(?:[0-9]{15,19}|[0-9]{17}x|[0-9]{4}(?:[ -][0-9]{4}){3}(?:[ -][0-9]{1,3})?"
    r"|[0-9]{6}[ -][0-9]{8}[ -][0-9]{3}[0-9x])(?![0-9])"
)
_PHONE = re.compile(
    r"(?<![0-9])(?:\+?86[ -]?)?1[3-9](?:[ -]?[0-9]){9}(?![0-9])"  # mobile
    r"|(?<![0-9])0[0-9]{2,3}[ -]?[0-9]{7,8}(?![0-9])"  # landline
    r"|(?<![0-9])[48]00[ -]?[0-9]{3,4}[ -]?[0-9]{3,4}(?![0-9])"
    r"|(?:电话|热线|致电|拨打|客服|联系)[^0-9，。；]{0,4}(?P<line>[0-9][0-9-]{3,14})(?![0-9])"
)
_PUBLIC_LINES = frozenset({"110", "12378", "12321", "12363", "96110"})
"""Police, banking complaints, spam complaints, central bank, fraud prevention: nobody's own number."""


def lint(content: TemplateContent, policy: Policy | None) -> list[Finding]:
    """All findings against the bank's policy in force; those with `waits` true are shown and do not stop the draft."""
    return [
        *_content_findings(content),
        *_placeholder_findings(content),
        *_text_findings(content),
        *_length_findings(content),
        *_contact_findings(content, policy),
        *_identity_findings(content, policy),
        *effective_dates.findings(content, Code.TEMPLATE_NOT_APPROVED),
    ]


def longest(content: TemplateContent) -> tuple[int, int]:
    """Characters, signature and brackets included, and carrier segments of the longest text it can render to."""
    values = dict.fromkeys(placeholders(content.text), "")
    values.update((p.name, "x" * _LONGEST.get(p.type, 0)) for p in content.placeholders)
    characters = len(signed(content.signature, render(content.text, values)))
    return characters, segments(characters)


def digest(content: TemplateContent) -> str:
    """Lower hex SHA-256 of the content's canonical JSON, whatever its protobuf bytes.

    Refusal for a time that no calendar has.
    """
    canonical = encode(
        {
            "bank_id": content.bank_id,
            "name": content.name,
            "signature": content.signature,
            "text": content.text,
            "placeholders": [
                {
                    "name": p.name,
                    "type": PlaceholderType.Name(p.type),
                    "record_field": RecordField.Name(p.record_field),
                }
                for p in sorted(content.placeholders, key=lambda p: p.name)
            ],
            **effective_dates.as_texts(content),
        }
    )
    return hashlib.sha256(canonical).hexdigest()


def _stop(code: Code, reason: str, field: str = "text") -> Finding:
    return Finding(code=code, reason=reason, field=field)


def _show(code: Code, reason: str, field: str = "text") -> Finding:
    return Finding(code=code, reason=reason, field=field, waits=True)


def _content_findings(content: TemplateContent) -> Iterator[Finding]:
    text = signed(content.signature, content.text)
    for found in screen(text):
        reason = f"{found.category}: {found.why} (“{found.span}”)"
        yield Finding(code=Code.CONTENT_PROHIBITED, reason=reason, field="text", waits=found.severity == "note")
    for claim in approver_notes(text):
        yield _show(Code.CONTENT_PROHIBITED, f"{claim.category}: {claim.why} (“{claim.span}”)")


def _placeholder_findings(content: TemplateContent) -> Iterator[Finding]:
    used = set(placeholders(content.text))
    declared = Counter(p.name for p in content.placeholders)
    for name in sorted(used - declared.keys()):
        yield _stop(Code.VARIABLE_INVALID, f"{{{name}}} 未声明。Is not declared; add it to placeholders.")
    for name, times in declared.items():
        if name not in used:
            yield _stop(
                Code.VARIABLE_INVALID, f"{name} 已声明而未使用。Is declared and not used; remove it.", "placeholders"
            )
        if times > 1:
            yield _stop(Code.VARIABLE_INVALID, f"{name} 重复声明。Is declared {times} times.", "placeholders")
    for p in content.placeholders:
        if p.record_field not in RECORD_FIELDS.get(p.type, frozenset()):
            reason = f"{p.name} 的类型与取值来源不符。Its record_field does not fill its type."
            yield _stop(Code.VARIABLE_INVALID, reason, "placeholders")
    if has_stray_braces(content.text):
        yield _stop(
            Code.VARIABLE_INVALID,
            "花括号不成对或嵌套。A brace is left that is no placeholder; write {name}, lower case, not nested.",
        )
    if _NEIGHBOURS.search(content.text):
        yield _stop(
            Code.VARIABLE_INVALID,
            "变量相邻，运营商要求其间有文字。Two placeholders stand side by side; put text between them.",
        )
    if used and not any(character.isalpha() for character in _PLACEHOLDER.sub("", content.text)):
        yield _stop(Code.VARIABLE_INVALID, "全文只有变量。The text is nothing but placeholders.")


def _text_findings(content: TemplateContent) -> Iterator[Finding]:
    for field in ("signature", "text"):
        value: str = getattr(content, field)
        if set("【】[]") & set(unicodedata.normalize("NFKC", value)):
            yield _stop(
                Code.CONTENT_PROHIBITED,
                "【】和方括号由运营商添加。【】 and [ ] are the carrier's to add; leave them out.",
                field,
            )
        strange = sorted({c for c in value if not _is_plain(c) and c not in "【】[]"})
        if strange:
            listed = " ".join(f"U+{ord(c):04X}" for c in strange[:10])
            yield _stop(
                Code.CONTENT_PROHIBITED,
                f"运营商不接受的字符。Carriers refuse or garble these characters: {listed}.",
                field,
            )
        traditional = [c for c, simple in zip(value, to_simplified(value), strict=True) if c != simple]
        if traditional:
            listed = "".join(dict.fromkeys(traditional))
            yield _stop(
                Code.CONTENT_PROHIBITED,
                f"繁体字，请改为简体。Traditional characters, write them simplified: {listed}.",
                field,
            )
    if any(c in "{}" for c in content.signature):
        yield _stop(Code.VARIABLE_INVALID, "签名不能含变量。A signature has no placeholders.", "signature")


def _length_findings(content: TemplateContent) -> Iterator[Finding]:
    characters, _ = longest(content)
    if characters > MAX_CHARACTERS:
        reason = (
            f"最长 {characters} 字，运营商上限 {MAX_CHARACTERS} 字。"
            f"{characters} characters with the longest values and the signature; carriers take {MAX_CHARACTERS}."
        )
        yield _stop(Code.CONTENT_PROHIBITED, reason)


def _is_plain(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in _PUNCTUATION
    return "一" <= character <= "鿿" or character in _PUNCTUATION


def _contact_findings(content: TemplateContent, policy: Policy | None) -> Iterator[Finding]:
    fixed = unicodedata.normalize("NFKC", _PLACEHOLDER.sub("，", f"{content.signature}，{content.text}"))
    hotlines = {*(policy.hotlines if policy else ()), *_PUBLIC_LINES}
    for hotline in sorted(hotlines, key=len, reverse=True):
        fixed = re.sub(rf"(?<![0-9-]){re.escape(hotline)}(?![0-9-])", "，", fixed)
    lowered = fixed.lower()
    if _LINK.search(lowered):
        yield _stop(Code.CONTENT_PROHIBITED, "含链接，请用文字说明官方渠道。A link; name the bank's channels in words.")
    if _CHAT.search(fold(fixed).text):
        yield _stop(Code.CONTENT_PROHIBITED, "含个人聊天或支付账号。A private chat or payment account.")
    if _LONG_NUMBER.search(lowered):
        yield _stop(
            Code.CONTENT_PROHIBITED,
            "含完整卡号、账号或证件号。A full card, account or identity number; show the last four characters.",
        )
    elif _PHONE.search(lowered):
        reason = (
            "电话不是银行规则中的热线。"
            "A phone number that is none of the policy's hotlines; use one of them or a HOTLINE placeholder."
        )
        yield _stop(Code.CONTENT_PROHIBITED, reason)


def _identity_findings(content: TemplateContent, policy: Policy | None) -> Iterator[Finding]:
    has_hotline = any(p.type == PlaceholderType.PLACEHOLDER_TYPE_HOTLINE for p in content.placeholders)
    if policy is None:
        yield _show(
            Code.IDENTITY_MISSING,
            "银行尚无规则版本，无法核对名称。The bank has no policy, so the names could not be checked.",
        )
    else:
        shown = _squeezed(content.signature + "，" + content.text)
        if _squeezed(policy.bank_name) not in shown:
            yield _stop(Code.IDENTITY_MISSING, f"签名和正文未出现银行名称。Does not name the bank: {policy.bank_name}.")
        agency_named = not policy.HasField("agency_must_be_named") or policy.agency_must_be_named
        if agency_named and _squeezed(policy.agency_name) not in shown:
            yield _stop(Code.IDENTITY_MISSING, f"未出现受托机构名称。Does not name the agency: {policy.agency_name}.")
        has_hotline = has_hotline or any(hotline in content.text for hotline in policy.hotlines)
    if not has_hotline:
        yield _show(Code.IDENTITY_MISSING, "未提供银行热线。Shows no hotline of the bank.")


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
