"""The kinds of carriers, and the file that configures the accounts (docs/carriers.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from outreach.domain.errors import invalid
from sms_service.carriers.account import Account, build
from sms_service.carriers.aliyun import Aliyun, AliyunAccount
from sms_service.carriers.bank_http import BankHttp, BankHttpAccount
from sms_service.carriers.cmpp import Cmpp, CmppAccount
from sms_service.carriers.seam import Carrier, Keep, keep_nothing
from sms_service.carriers.tencent import Tencent, TencentAccount

KINDS: dict[str, tuple[type[Account], Callable[[Any, Keep], Carrier]]] = {
    "aliyun": (AliyunAccount, lambda account, _: Aliyun(account)),
    "bank_http": (BankHttpAccount, lambda account, _: BankHttp(account)),
    "cmpp": (CmppAccount, lambda account, keep: Cmpp(account, keep=keep)),
    "tencent": (TencentAccount, lambda account, _: Tencent(account)),
}


def load_accounts(path: Path) -> list[Account]:
    """The accounts in a YAML or JSON file. Refusal names the field; OSError if the file cannot be read."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise invalid(path.name, "is neither YAML nor JSON in UTF-8") from error
    items = data.get("carriers") if isinstance(data, dict) else None
    if not isinstance(items, list) or not items:
        raise invalid("carriers", "must be a list of at least one account")
    accounts = [_account(item, f"carriers[{index}]") for index, item in enumerate(items)]
    ids = [account.carrier_id for account in accounts]
    for index, carrier_id in enumerate(ids):
        if carrier_id in ids[:index]:
            raise invalid(f"carriers[{index}].carrier_id", "is used by an account above; each needs its own")
    return accounts


def _account(item: object, at: str) -> Account:
    kind = item.get("kind") if isinstance(item, dict) else None
    if kind not in KINDS:
        raise invalid(f"{at}.kind", f"must be one of {', '.join(KINDS)}")
    return build(KINDS[kind][0], item, at)


def open_carrier(account: Account, keep: Keep = keep_nothing) -> Carrier:
    """The account's carrier; what comes over a connection of its own goes to `keep`."""
    return KINDS[account.kind][1](account, keep)
