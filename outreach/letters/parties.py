"""Who speaks in a letter: the bank, its authorized agency, and nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from outreach.domain.codes import Code
from outreach.letters.findings import Finding, show, stop
from outreach.letters.model import LetterHead
from outreach.letters.reading import Part, Passage, clauses, fold, sentences

_DELEGATED = re.compile(r"委托|授权|受托")
_DELEGATION = re.compile(r"(?:委托|授权|受托)[^。]{0,40}(?:号|期限|自|至|书|函)[^。]{0,20}\d")
_SOME_AGENCY = re.compile(r"(?:受|接受|经).{0,12}(?:委托|授权)|(?:委托|授权).{0,20}(?:公司|机构|事务所|律所)")
_SEALED = re.compile(r"盖章|公章|印章|专用章|签章|[(（]章[)）]")
_UNSEALED = re.compile(r"(?:无需|无须|不必|毋须|不用|免).{0,4}(?:盖|加盖|章)|(?:未|不)加?盖章")

_ORGANISATION = re.compile(
    r"(?:股份有限公司|有限责任公司|有限公司|集团|公司|律师事务所|事务所|律所|法务中心|法务部|调解中心|调解委员会|仲裁委员会|仲裁院"
    r"|法院|检察院|公安局|派出所|(?:催收|清收|清欠|资产保全|不良资产处置)(?:中心|部|办公室)|银行(?![卡业保账帐监柜网股]))"
)
_LONGEST_NAME = 20
_BEFORE_A_NAME = re.compile(
    r".*(?:委托|授权|代表|依据|根据|按照|依照|变更为|联系|致电|拨打|通过|前往|我行|本行|本函|名下|受托|[由受经向与和及或在至给对的请为是系您贵该到往于从被按将让跟同等、，,：:；;（(《“\"。》）)”⟧⟦])"
)
_GENERIC = re.compile(
    r"(?:本|我|贵|各|他|该|此|任何|其他|其它|一家|哪家|第三方|外包|合作|受托|催收|服务|委托|发卡|开户|有关|相关|当地|所在地|有?管辖权?的?|上述"
    r"|冒充|自称|假冒|虚假|非法|中国|商业|人民|中级|高级|手机|网上|掌上|电话|微信|电子|直销)*"
)
"""What stands before 公司, 银行 or 法院 where no particular one is meant."""
_OWN_SERVICE = re.compile(r"(?:手机|网上|掌上|电话|微信|电子|直销)银行$")
_SPEAKS = re.compile(
    r"代表|受.{0,20}(?:委托|授权)|接受|函告|致函|发函|函达|出具|签发|通知您|告知您|督促|催告|敦促|全权|代理|负责本案|承办|经办|变更为|受让|转让"
)
_THIRD = re.compile(r"冒充|假冒|谨防|自称|警惕|诈骗|虚假|投诉|[可也]向|有权向|提起诉讼")
_SIGNED_BY_LAWYER = re.compile(
    r"(?:经办|承办|主办|代理|委托|签发|执业)律师|律师[:：]|律师$|本律师|[我本敝]所(?!在)"
    r"|(?<![未您])委托.{1,8}律师(?!事务所)|律师.{0,4}(?:已|正在|现已|将).{0,4}(?:介入|接手|受理|代理|着手)|代理人[:：]|法务专员|法务人员"
)
_CREDITOR = re.compile(r"(?<![未不])(?:受让|受让了|取得).{0,6}债权|债权人?(?!未)[^，。未不]{0,6}(?:转让|受让|变更)")
_SHORT = 26
_SAYS = re.compile("[。，您我]")


def sender_findings(head: LetterHead, letter: Sequence[Passage], *, ours: bool) -> Iterator[Finding]:
    """Seal, names and delegation. `ours`: the letter is laid out by us, so that its seal is a block of its own."""
    bank, agency = fold(head.bank_name), fold(head.agency_name)
    yield from _seal_findings(bank, agency, letter, ours=ours)
    said = "".join(passage.text for passage in letter)
    if bank not in said:
        yield stop(
            Code.LETTER_NOT_AUTHORIZED,
            f"正文和落款未出现银行全称，请在落款写明{head.bank_name}。Does not name the bank in full.",
        )
    if not bank.endswith(("公司", "银行", "合作社", "联社", "中心", "分行", "支行")):
        yield show(
            Code.LETTER_NOT_AUTHORIZED, f"发函银行须写全称。The bank's full name is wanted: {head.bank_name}.", "bank"
        )
    yield from _agency_findings(head, agency, letter)
    yield from _other_findings(bank, agency, letter)


def _seal_findings(bank: str, agency: str, letter: Sequence[Passage], *, ours: bool) -> Iterator[Finding]:
    seals = [passage.text for passage in letter if passage.part is Part.SEAL]
    if not ours:
        seals = [passage.text for passage in letter if _SEALED.search(passage.text)]
    if not any(seal.startswith(bank) or not ours for seal in seals):
        yield stop(
            Code.LETTER_NOT_AUTHORIZED,
            "缺少银行盖章处（办法第六十九条要求业务公章）。Has no place for the bank's business seal: "
            + ("add a line [盖章] and the bank's full name." if ours else "print 盖章处 beside the bank's name."),
        )
    for seal in seals:
        if ours and not seal.startswith(bank) and seal != agency:
            yield stop(
                Code.LETTER_NOT_AUTHORIZED,
                f"盖章单位须为银行或受托机构。Only the bank and the agency seal a letter. (“{seal}”)",
            )
    for passage in letter:
        if found := _UNSEALED.search(passage.text):
            yield stop(
                Code.LETTER_NOT_AUTHORIZED,
                f"办法第六十九条要求加盖公章。Art. 69 wants the seal: leave this out. (“{found[0]}”)",
            )


def _agency_findings(head: LetterHead, agency: str, letter: Sequence[Passage]) -> Iterator[Finding]:
    said = list(sentences(letter))
    if not agency:
        for sentence in said:
            if found := _SOME_AGENCY.search(sentence):
                yield stop(
                    Code.LETTER_NOT_AUTHORIZED,
                    f"提到受托方而文件头未写 agency。Speaks of an agency: name it in the front matter. (“{found[0]}”)",
                )
                return
        return
    pairs = ["".join(pair) for pair in zip(said, [*said[1:], ""], strict=True)]
    if not any(agency in pair and _DELEGATED.search(pair) for pair in pairs):
        yield stop(
            Code.LETTER_NOT_AUTHORIZED,
            f"未说明银行委托{head.agency_name}。Does not say that the bank delegated it: 我行委托…",
        )
    elif not any(_DELEGATION.search(pair) for pair in pairs):
        yield show(
            Code.LETTER_NOT_AUTHORIZED, "未写委托书编号和委托期限。Gives neither the delegation's number nor its term."
        )


def _other_findings(bank: str, agency: str, letter: Sequence[Passage]) -> Iterator[Finding]:
    known = tuple(name for name in (bank, bank.partition("银行")[0] + "银行", agency) if name)
    seen: set[str] = set()
    for passage in letter:
        if lawyer := _SIGNED_BY_LAWYER.search(passage.text):
            yield stop(
                Code.LETTER_NOT_AUTHORIZED,
                f"以律师或法务名义。Speaks in a lawyer's name; only bank and agency may. (“{lawyer[0]}”)",
            )
        if creditor := _CREDITOR.search(passage.text):
            yield stop(
                Code.LETTER_NOT_AUTHORIZED,
                f"声称债权人已不是银行。Says that the bank is the creditor no more. (“{creditor[0]}”)",
            )
        for sentence in sentences([passage]):
            for clause in clauses(sentence):
                for name in _organisations(clause, known):
                    if name not in seen:
                        seen.add(name)
                        yield _judge(name, clause, sentence, passage)


def _organisations(clause: str, known: tuple[str, ...]) -> Iterator[str]:
    for suffix in _ORGANISATION.finditer(clause):
        name = clause[max(0, suffix.end() - _LONGEST_NAME) : suffix.end()]
        if name.endswith(known) or _within(name, clause[suffix.end() :][:_LONGEST_NAME], known):
            continue
        start = _BEFORE_A_NAME.match(name[: -len(suffix[0])])
        name = name[start.end() :] if start else name
        name = next((name.removeprefix(own) for own in known if name.startswith(own)), name)
        if not _GENERIC.fullmatch(name[: -len(suffix[0])]) and not _OWN_SERVICE.search(name):
            yield name


def _within(name: str, after: str, known: tuple[str, ...]) -> bool:
    """True where the name ends within one that is known: 示例银行 in 示例银行股份有限公司."""
    return any(
        name.endswith(own[:place]) and (name + after).startswith(own, len(name) - place)
        for own in known
        for place in range(4, len(own))
    )


def _judge(name: str, clause: str, sentence: str, passage: Passage) -> Finding:
    alone = len(passage.text) <= _SHORT and not _SAYS.search(passage.text)
    if (alone or _SPEAKS.search(clause)) and not _THIRD.search(sentence):
        return stop(
            Code.LETTER_NOT_AUTHORIZED,
            f"发函人只能是银行和受托机构。Only the bank and its agency may speak in a letter. (“{name}”)",
        )
    return show(Code.LETTER_NOT_AUTHORIZED, f"提到其他单位，请核对。Names another organisation: check it. (“{name}”)")
