"""Every Chinese text of the console has its English, and the catalog has no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from jinja2 import Environment, nodes

import gateway.console
from gateway.console import gaps
from gateway.console.words import CHINESE, ENGLISH, Words, catalog, split
from outreach.wording import words as names

CONSOLE = Path(gateway.console.__file__).parent
NAMED_BY_CODE = {"STATES", "CODES"}
"""The tables whose English is made of the codes themselves."""
SAMPLES = {value for filling in gaps.FILLINGS for value in (filling.sample, filling.worst)}
"""What may fill a gap is Chinese whatever the page's language is."""
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def parsed_templates() -> Iterator[nodes.Template]:
    for path in (CONSOLE / "templates").iterdir():
        yield Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))


def in_templates() -> Iterator[str]:
    """Every text in an expression: those of `_("…")`, and those of tables that a loop hands to `_`."""
    for template in parsed_templates():
        found = (constant.value for constant in template.find_all(nodes.Const))
        yield from (text for text in found if isinstance(text, str) and _CHINESE.search(text))


def in_modules() -> Iterator[str]:
    """Chinese in the code that is no comment and no message of both languages."""
    for path in CONSOLE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        skipped = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        skipped |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
                chinese, english = split(node.value)
                if _CHINESE.search(node.value) and chinese == english and node.value not in SAMPLES:
                    yield node.value
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "names":
                yield from () if node.attr in NAMED_BY_CODE else getattr(names, node.attr).values()


def texts() -> set[str]:
    return {*in_templates(), *in_modules()}


def test_every_text_has_its_english() -> None:
    """Nobody who has chosen English reads Chinese."""
    assert sorted(texts() - catalog().keys()) == []


def test_nothing_is_written_past_the_catalog() -> None:
    """Chinese stands in a template only where it can be translated; the switch to Chinese names itself."""
    for template in parsed_templates():
        for data in template.find_all(nodes.TemplateData):
            assert not _CHINESE.search(re.sub('中文|value="[是否]"', "", data.data)), data.data


def test_the_catalog_has_nothing_else() -> None:
    """What no page says any more leaves the catalog, too."""
    assert sorted(catalog().keys() - texts()) == []


def test_the_gaps_are_the_same() -> None:
    """An English text has the gaps of its Chinese one, and no Chinese."""
    for chinese, english in catalog().items():
        assert gaps_of(english) == gaps_of(chinese), chinese
        assert not _CHINESE.search(english), chinese


def gaps_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize(
    ("both", "chinese", "english"),
    [
        ("没有此账号。There is no such account.", "没有此账号。", "There is no such account."),
        ("请稍后重试；填写的仍在。Try again; it is kept.", "请稍后重试；填写的仍在。", "Try again; it is kept."),
        ("只有地名 · a name only", "只有地名", "a name only"),
        ("至多 8 字。Letters, parted by · or a space.", "至多 8 字。", "Letters, parted by · or a space."),
        ("只有中文。", "只有中文。", "只有中文。"),
        ("English only.", "English only.", "English only."),
        ("", "", ""),
        ("purpose: 请勿写入姓名。Leave out names.", "用途：请勿写入姓名。", "Purpose: Leave out names."),
        ("unknown_field: 必填。Required.", "必填。", "Required."),
    ],
)
def test_messages_of_both_languages_are_parted(both: str, chinese: str, english: str) -> None:
    """A message of the authority is shown in the language of the page; one without a second language as it is."""
    assert (Words(CHINESE).of(both), Words(ENGLISH).of(both)) == (chinese, english)
