"""Folds the spellings of a sentence into one: width, script, look-alikes, homophones, gaps between letters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from opencc import OpenCC  # type: ignore[import-untyped]  # has no stubs

_DROP = "\0"
_STRUCTURE = frozenset(",.;:!?。、【】%\n")
"""What shapes a sentence; any other character that is no letter and no digit is dropped."""

# A word, and per place the characters that are written for its own. Only mixes that mean nothing else in a bank's
# messages: no 保 for 宝 (支付保证金), no 证 for 征 (凭证信息), no 工 for 公 (施工安全).
_SOUND_ALIKE: dict[str, tuple[str, ...]] = {
    "微信": ("微薇徽威维葳崴卫v", "信芯星伈"),
    "支付宝": ("支吱之枝", "付傅府", "宝堡饱"),
    "收款码": ("收", "款欵", "码玛马妈蚂"),
    "付款码": ("付", "款欵", "码玛马妈蚂"),
    "二维码": ("二", "维唯", "码玛马妈蚂"),
    "转账": ("转砖赚", "账帐胀"),
    "银行卡": ("银", "行航", "卡咔"),
    "征信": ("征怔症", "信芯"),
    "黑名单": ("黑嘿", "名茗铭", "单丹"),
    "贷款": ("贷袋岱黛", "款欵"),
    "网贷": ("网罔", "贷袋岱黛"),
    "套现": ("套掏", "现线"),
    "花呗": ("花", "呗贝"),
    "借呗": ("借", "呗贝"),
    "公安": ("公弓攻", "安桉"),
    "法院": ("法珐砝", "院阮"),
    "警察": ("警景", "察茶查"),
    "老赖": ("老佬", "赖癞籁"),
    "傻逼": ("傻煞沙", "逼比笔币哔屄b"),
    "催收": ("催摧", "收"),
}
_HOMOPHONE = re.compile("|".join("(" + "".join(f"[{c}]" for c in places) + ")" for places in _SOUND_ALIKE.values()))
_MEANT = tuple(_SOUND_ALIKE)

_DIALECT = dict(zip("唔冇佢嘅咗畀俾睇嚟啲喺侬俺恁伲甭", "不没他的了给给看来些在你我你我别", strict=True))
"""Cantonese, Wu and northern words of one character, and the standard one."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A text with one spelling. `text[i]` stands at `positions[i]` of the original."""

    text: str
    positions: list[int]


class _Folding(dict[int, str]):
    """What one character is read as: always one character, so that positions survive."""

    def __missing__(self, codepoint: int) -> str:
        folded = _fold_character(chr(codepoint))
        if unicodedata.category(chr(codepoint)) != "Cn":  # what is unassigned could only fill the memory
            self[codepoint] = folded
        return folded


_FOLDING = _Folding()


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


def to_simplified(text: str) -> str:
    """Traditional Han as simplified, by whole phrases where they decide (乾坤 stays)."""
    return str(_simplifier().convert(text))


def _fold_character(character: str) -> str:
    for part in unicodedata.normalize("NFKC", character):
        if part in _STRUCTURE:
            return part
        if part.isalnum():
            simplified = to_simplified(part).lower()[0]
            return _DIALECT.get(simplified, simplified)
    return _DROP


def fold(text: str) -> Folded:
    """The text as screening reads it."""
    folded = text.translate(_FOLDING)
    positions = [i for i, character in enumerate(folded) if character != _DROP]
    if len(positions) != len(folded):
        folded = folded.replace(_DROP, "")
    return Folded(_HOMOPHONE.sub(_meant, folded), positions)


def _meant(match: re.Match[str]) -> str:
    return _MEANT[(match.lastindex or 1) - 1]
