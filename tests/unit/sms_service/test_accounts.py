from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from outreach.domain.errors import Refusal
from sms_service.carriers.registry import load_accounts

DOCS = (Path(__file__).parents[3] / "docs" / "carriers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
ALIYUN, TENCENT, CMPP, BANK = (yaml.safe_load(block)["carriers"][0] for block in BLOCKS)


def load(tmp_path: Path, *accounts: Any) -> list[Any]:
    path = tmp_path / "carriers.yaml"
    path.write_text(yaml.safe_dump({"carriers": list(accounts)}, allow_unicode=True), encoding="utf-8")
    return list(load_accounts(path))


def test_the_documented_accounts_load(tmp_path: Path) -> None:
    """The examples of docs/carriers.md are valid."""
    aliyun, tencent, cmpp, bank = load(tmp_path, ALIYUN, TENCENT, CMPP, BANK)
    assert (tencent.sdk_app_id, tencent.region) == ("1400000000", "ap-guangzhou")
    assert (cmpp.version, cmpp.max_in_flight, cmpp.service_id) == ("2.0", 16, "SMS")
    assert (aliyun.carrier_id, aliyun.max_in_flight) == ("aliyun-demo", 32)
    assert bank.signing.payload == "{timestamp}\n{nonce}\n{body}"
    assert bank.response.accepted_codes == ("0000",)


@pytest.mark.parametrize(
    ("account", "field", "words"),
    [
        (ALIYUN | {"kind": "pigeon"}, "carriers[0].kind", "aliyun, bank_http, cmpp, tencent"),
        ("text", "carriers[0].kind", "one of"),
        ({k: v for k, v in ALIYUN.items() if k != "access_key_id"}, "carriers[0].access_key_id", "missing"),
        (ALIYUN | {"colour": "red"}, "carriers[0].colour", "not known"),
        (ALIYUN | {"base_url": "dysmsapi"}, "carriers[0].base_url", "http"),
        (ALIYUN | {"rate_per_s": 0}, "carriers[0].rate_per_s", "above 0"),
        (ALIYUN | {"rate_per_s": True}, "carriers[0].rate_per_s", "above 0"),
        (ALIYUN | {"max_in_flight": 1.5}, "carriers[0].max_in_flight", "whole"),
        (ALIYUN | {"access_key_id": 5}, "carriers[0].access_key_id", "quotes"),
        (CMPP | {"base_url": "http://10.0.0.1:7890"}, "carriers[0].base_url", "cmpp://"),
        (CMPP | {"base_url": "cmpp://10.0.0.1"}, "carriers[0].base_url", "port"),
        (CMPP | {"version": "1.2"}, "carriers[0].version", "2.0, 3.0"),
        (CMPP | {"source_addr": "9000001"}, "carriers[0].source_addr", "1 to 6"),
        (CMPP | {"sender": "短信"}, "carriers[0].sender", "ASCII"),
        (CMPP | {"ca_file": "ca.pem"}, "carriers[0].ca_file", "no TLS"),
        (CMPP | {"max_in_flight": 4}, "carriers[0].max_in_flight", "at least 8"),
        (BANK | {"request": "x"}, "carriers[0].request", "mapping"),
        (BANK | {"request": BANK["request"] | {"body": "xml"}}, "carriers[0].request.body", "json or form"),
        (BANK | {"request": BANK["request"] | {"fields": {"a": "moon"}}}, "carriers[0].request.fields.a", "attempt_id"),
        (BANK | {"request": BANK["request"] | {"fields": {"a": "text"}}}, "carriers[0].request.fields", "attempt_id"),
        (BANK | {"request": BANK["request"] | {"fields": []}}, "carriers[0].request.fields", "mapping"),
        (BANK | {"signing": {"secret": "s", "payload": "{moon}"}}, "carriers[0].signing.payload", "timestamp"),
        (BANK | {"signing": {"secret": "s", "encoding": "rot13"}}, "carriers[0].signing.encoding", "base64"),
        (
            BANK | {"response": BANK["response"] | {"accepted_codes": [0]}},
            "carriers[0].response.accepted_codes[0]",
            "quotes",
        ),
        (
            BANK | {"response": BANK["response"] | {"accepted_codes": "0"}},
            "carriers[0].response.accepted_codes",
            "list",
        ),
    ],
)
def test_a_mistake_names_the_field(account: Any, field: str, words: str, tmp_path: Path) -> None:
    """Whoever wrote the file is told where and what."""
    with pytest.raises(Refusal, match=re.escape(words)) as caught:
        load(tmp_path, account)
    assert caught.value.field == field


def test_ids_are_unique(tmp_path: Path) -> None:
    """Two accounts of one id would make receipts ambiguous."""
    with pytest.raises(Refusal) as caught:
        load(tmp_path, ALIYUN, BANK | {"carrier_id": "aliyun-demo"})
    assert caught.value.field == "carriers[1].carrier_id"


@pytest.mark.parametrize("content", [b"", b"[]", b"carriers: []", b"carriers: {", b"\xff\xfe"])
def test_a_file_without_accounts(content: bytes, tmp_path: Path) -> None:
    """An empty or broken file is refused in words."""
    path = tmp_path / "carriers.yaml"
    path.write_bytes(content)
    with pytest.raises(Refusal):
        load_accounts(path)
