"""How personal data is shown: 张*, 138****5678, ****1234."""

from __future__ import annotations


def mask_name(name: str) -> str:
    return name[:1] + "*" * max(1, len(name) - 1)


def mask_phone(number: str) -> str:
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 11 else "*" * len(number)


def mask_account(number: str) -> str:
    return "****" + number[-4:] if len(number) > 4 else "****"
