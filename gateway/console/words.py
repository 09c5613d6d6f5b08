"""The console's two languages. Texts are written in Chinese; locale/en.po has their English."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from babel.messages.pofile import read_po

LABELS = {
    "threat": "威胁",
    "impersonation": "冒充机关",
    "false_credit": "征信或法律后果",
    "private_payment": "向私人付款",
    "insult": "侮辱",
    "third_party_disclosure": "向第三人透露",
    "loan_to_repay": "以贷还贷",
    "waiver_promise": "承诺减免",
    "reason": "理由",
    "comment": "理由",
    "purpose": "用途",
    "explanation": "说明",
    "source": "文本",
    "scan": "扫描件",
    "file": "文件",
    "scan_image": "扫描件",
    "letterhead_image": "信头图像",
    "official_pdf": "银行官方 PDF",
    "evidence_reference": "证据编号",
    "phone_number": "手机号",
    "granted": "批准封数",
    "customer_id": "客户号",
    "account_number": "账号",
    "accept_unconfirmed_loss": "结果未知",
}
"""What stands before a colon in a message: a form's field, or a category of forbidden words."""
_LABEL = re.compile(r"([a-z_]+): ")
CHINESE, ENGLISH = "zh", "en"
LANGUAGES = (CHINESE, ENGLISH)


class Words:
    """One language: `words("…", name=value)` is the text in it, with its gaps filled."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._english = catalog() if language == ENGLISH else {}

    def __call__(self, chinese: str, **values: object) -> str:
        text = self._english.get(chinese, chinese)
        return text.format(**values) if values else text

    def of(self, both: str) -> str:
        """The part of a message of the authority, 中文。English., that is in this language."""
        label = _LABEL.match(both)
        chinese, english = split(both[label.end() :] if label else both)
        shown = english if self.language == ENGLISH else chinese
        if label is None or label[1] not in LABELS:
            return shown
        return f"{self(LABELS[label[1]])}{': ' if self.language == ENGLISH else '：'}{shown}"


def split(both: str) -> tuple[str, str]:
    """The Chinese and the English part of a message that holds one after the other; all of it for both if not."""
    for index, character in enumerate(both):
        if character in "。！？；" and both[index + 1 : index + 2].isascii() and both[index + 1 : index + 2].strip():
            return both[: index + 1], both[index + 1 :].strip()
    chinese, dot, english = both.partition(" · ")
    return (chinese, english) if dot else (both, both)


@cache
def catalog() -> dict[str, str]:
    """English by Chinese."""
    with files("gateway.console").joinpath("locale/en.po").open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id and entry.string}
