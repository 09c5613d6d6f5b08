"""What a letter must not pass itself off as: a legal notice, an authority's document, a last warning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from outreach.domain.codes import Code
from outreach.letters.findings import Finding, show, stop
from outreach.letters.model import LetterHead
from outreach.letters.reading import Part, Passage, clauses, fold, sentences

_NOTICE = re.compile(
    r"律师[函信]|律师(?:告知|催告|通知|警告)|法务[函部]|法务(?:通知|告知)|法律(?:函|文书|追缴|催告)|传票|起诉[状书]|诉状|(?:立案|开庭|应诉|受理|执行|仲裁|拘留|逮捕|查封|冻结|强制执行)"
    r"(?:通知|告知|决定|裁定|公告|令|书)|支付令|裁决书|判决书|裁定书|通缉|司法(?:文书|函|通知|告知|送达)|诉前(?:告知|通知|催告|调解|警告|函)"
    r"|失信.{0,6}(?:通知|公告|告知)|公安.{0,6}(?:通知|函|告知)|报案(?:通知|告知|回执)|(?:催收|追缴|追偿|处理|处罚|限期)决定书|刑事.{0,4}(?:通知|告知|函)|拘留证|逮捕证|协查"
)
_ULTIMATUM = re.compile(
    r"最后通牒|最[后终](?:一次)?(?:的)?(?:通知|警告|催告|告知|机会|期限|催收|提醒|催缴)|过期不候|严正警告|郑重警告|严重警告|警告[函书信]|通牒|恐吓"
)
_CONSEQUENCE = re.compile(r"诉讼|起诉|强制执行|仲裁|征信|信用记录|失信|信用信息")
_DEADLINE = re.compile(
    r"限[您你]?.{0,12}(?:日|天|小时)[内之].{0,20}(?:否则|逾期不|不然)|(?:小时|日|天)内.{0,12}(?:否则|不然)|前.{0,14}(?:否则|不然)"
)
_AUTHORITY = re.compile(r"公安|法院|检察|司法|律师|法务|警方|警察|仲裁|执行局|征信中心")
_CASE_NUMBER = re.compile(
    r"[(（〔\[]20\d\d[)）〕\]].{0,8}(?:民初|民终|民催|民督|执|刑|仲|诉前|民特|行|破)[字]?.{0,6}\d*号|案号[:：]"
)
_ITSELF = re.compile(
    r"本(?:函|通知|文书|信|件|书)|此函|此通知|特此|特发|兹|现(?:向您|依法)?(?:发|送|下)|送达|签发|下达|视为|视同|等同|效力"
)
_DENIED = re.compile(
    r"并非|不是|并不|不属于|不构成|不具|不代表|不等同|非法|冒充|假冒|谨防|警惕|诈骗|虚假|如.{0,4}收到|若.{0,4}收到|请勿|切勿"
)
_NO_RIGHT = re.compile(
    r"(?:无权|不得|不予受理|概不受理|不受理|不接受|视为放弃|丧失|放弃|概不接受|恕不接受)[^，。]{0,14}(?:异议|查询|投诉|协商|申诉|举证|权利|争议|辩解|抗辩)"
    r"|(?:异议|投诉|申诉|争议).{0,6}(?:概不|不予|恕不|一律不|不再|不作)|(?:请勿|不要|切勿|不准|严禁).{0,8}(?:投诉|申诉|异议|举报)|(?:不享有|不具有|没有|无).{0,6}(?:异议|申诉|投诉|查询|争议)权"
)
_FRAUD = re.compile(r"冒充|假冒|谨防|自称|警惕|诈骗|虚假")
_SHORT = 20


def pretence_findings(head: LetterHead, letter: Sequence[Passage]) -> Iterator[Finding]:
    title = _squeeze(fold(head.title))
    if found := _AUTHORITY.search(title) or _NOTICE.search(title) or _ULTIMATUM.search(title):
        yield stop(
            Code.LETTER_NOT_AUTHORIZED,
            f"标题像法律文书或最后警告，请用“缴款告知函”之类。The title passes for a legal notice. (“{found[0]}”)",
            "title",
        )
    for passage in letter:
        if passage.part is not Part.TITLE:
            yield from _of_passage(passage)


def _of_passage(passage: Passage) -> Iterator[Finding]:
    if found := _CASE_NUMBER.search(passage.text):
        yield stop(Code.LETTER_NOT_AUTHORIZED, f"像法院案号。Looks like a court's case number. (“{found[0]}”)")
    for sentence in sentences([passage]):
        denied = False
        for clause in clauses(sentence):
            squeezed = _squeeze(clause)
            denied = denied or bool(_DENIED.search(squeezed))
            if not denied:
                yield from _of_clause(squeezed, passage)
        if (found := _NO_RIGHT.search(sentence)) and not _FRAUD.search(sentence):
            yield stop(
                Code.LETTER_NOT_AUTHORIZED,
                f"否认持卡人的权利，请删除。Denies a right that the holder has: leave it out. (“{found[0]}”)",
            )
        if found := _CONSEQUENCE.search(sentence):
            reason = "提到法律后果，请核对是否属实。Speaks of what the law may bring: check that it is true."
            yield show(Code.LETTER_NOT_AUTHORIZED, f"{reason} (“{found[0]}”)")
        if found := _DEADLINE.search(sentence):
            yield show(
                Code.LETTER_NOT_AUTHORIZED,
                f"限期加后果近于最后通牒，请核对。A deadline with a threat is close to an ultimatum. (“{found[0]}”)",
            )


def _of_clause(clause: str, passage: Passage) -> Iterator[Finding]:
    if found := _ULTIMATUM.search(clause):
        yield stop(
            Code.LETTER_NOT_AUTHORIZED, f"最后通牒式措辞，请删除。Words of an ultimatum: leave them out. (“{found[0]}”)"
        )
    elif found := _NOTICE.search(clause):
        itself = passage.part is Part.HEADING or len(passage.text) <= _SHORT or _ITSELF.search(clause)
        if itself:
            yield stop(
                Code.LETTER_NOT_AUTHORIZED,
                f"冒充法律文书，请删除。Passes itself off as a legal document: leave it out. (“{found[0]}”)",
            )
        else:
            yield show(
                Code.LETTER_NOT_AUTHORIZED, f"提到法律文书，请核对是否属实。Speaks of a legal document. (“{found[0]}”)"
            )


def _squeeze(text: str) -> str:
    """Without what stands between characters to hide a word: 律·师·函."""
    return re.sub(r"[^\w⟦⟧:：]", "", text)
