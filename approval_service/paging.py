"""Pages of a list: how long one is, and where the next one begins."""

from __future__ import annotations

from outreach.domain.errors import Refusal, invalid

DEFAULT_SIZE = 100


def page_size(asked: int) -> int:
    return asked or DEFAULT_SIZE


def bad_token() -> Refusal:
    return invalid(
        "page_token",
        "不是上一页返回的值。Send the next_page_token of the page before, unchanged, or nothing for the first page.",
    )
