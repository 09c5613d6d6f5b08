"""The console's two languages. Texts are written in Chinese; locale/en.po has their English."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from babel.messages.pofile import read_po

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
        chinese, english = split(both)
        return english if self.language == ENGLISH else chinese


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
