"""Whether a postcode in an address belongs to its province. It only warns: nobody keeps postcodes up to date."""

from __future__ import annotations

import re

from approval_service.screening.address.divisions import table
from approval_service.screening.address.verdicts import Address

_POSTCODE = re.compile(r"(?<![0-9A-Za-z])(?:邮编|邮政编码)?[:：]? ?([0-8][0-9]{5})(?![0-9A-Za-z号弄幢栋室楼座#-])")
# The first two figures of the postcodes of a province, by its code.
_PROVINCES = {
    "11": "10", "12": "30", "13": "05 06 07", "14": "03 04", "15": "01 02", "21": "11 12", "22": "13", "23": "15 16",
    "31": "20", "32": "21 22", "33": "31 32", "34": "23 24", "35": "35 36", "36": "33 34", "37": "25 26 27",
    "41": "45 46 47", "42": "43 44", "43": "41 42", "44": "51 52", "45": "53 54", "46": "57", "50": "40",
    "51": "61 62 63 64", "52": "55 56", "53": "65 66 67", "54": "85 86", "61": "71 72", "62": "73 74", "63": "81",
    "64": "75", "65": "83 84",
}  # fmt: skip


def postcode_warning(address: Address) -> str:
    """What is odd about the postcode; empty if nothing is, or there is none."""
    provinces = {code[:2] for code in address.region.codes}
    match = _POSTCODE.search(address.original)
    if match is None or len(provinces) != 1:
        return ""
    (province,) = provinces
    if province not in _PROVINCES or match[1][:2] in _PROVINCES[province].split():
        return ""
    title = table().titles[province]
    return f"邮编 {match[1]} 不属于{title} · postcode {match[1]} is not of {title}"
