"""An address as the authority keeps it: sealed, masked to province and city, found by a hash of its one spelling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from approval_service.keys import KeyRing
from approval_service.screening.address import Address, normal, parts, read

_EMPTY = "||"


@dataclass(frozen=True, slots=True)
class Door:
    """One address, read."""

    address: Address
    hash: str
    """Keyed, of the normal form: other spellings of the same door have the same."""
    masked: str


def read_ahead(texts: Iterable[str]) -> None:
    """Reads addresses that will be wanted under the write lock: reading one takes longer than all else about it."""
    for text in texts:
        _read(text)


def door(keys: KeyRing, text: str) -> Door:
    """Reads any text as an address; never fails."""
    address, spelling, masked = _read(text)
    return Door(address, keys.hash("address", spelling), masked)


@lru_cache(maxsize=4_000)
def _read(text: str) -> tuple[Address, str, str]:
    """The address, its one spelling, and what is shown of it."""
    address = read(text)
    spelling = normal(address)
    # What cannot be read has no spelling but its own.
    return address, text if spelling == _EMPTY else spelling, _masked(address)


def _masked(address: Address) -> str:
    """浙江省杭州市****; of what names neither province nor city, only the stars."""
    found = parts(address)
    return "".join(dict.fromkeys(found[part] for part in ("province", "city") if found.get(part)))[:60] + "****"
