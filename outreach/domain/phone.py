"""Mobile numbers of mainland China."""

from __future__ import annotations

import re
import unicodedata

_SEPARATORS = re.compile(r"[\s\-().·]")
_PREFIX = re.compile(r"^(?:\+?86|0086)(?=1)")
_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)


def normalize_mobile(text: str) -> str | None:
    """The 11 digits of a mobile number; None if it is not one."""
    if _MOBILE.fullmatch(text):
        return text
    digits = _PREFIX.sub("", _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)))
    return digits if _MOBILE.fullmatch(digits) else None
