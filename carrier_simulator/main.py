"""`python -m carrier_simulator.main --port N --state-dir DIR`: the carriers' far end, for development and tests."""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson
import uvloop
from aiohttp import web

from carrier_simulator import aliyun, bank_http, cmpp, tencent
from carrier_simulator.app import build


def main() -> None:
    parser = argparse.ArgumentParser(prog="carrier_simulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--state-dir", type=Path, required=True, help="where messages.jsonl, receipts.jsonl and templates.jsonl lie"
    )
    parser.add_argument(
        "--config",
        type=Path,
        help='JSON: {"cmpp": {"port", "source_addr", "secret", "service_id"}, "bank": {"app_id", "secret"}, '
        '"aliyun": {"access_key_id", "access_key_secret"}, '
        '"tencent": {"secret_id", "secret_key", "sdk_app_id"}, '
        '"webhooks": {"aliyun": URL, "bank": URL, "tencent": URL}, "receipt_delay_s": 0.2}; each may be left out; '
        "without a port there is no CMPP",
    )
    options = parser.parse_args()
    config = orjson.loads(options.config.read_bytes()) if options.config else {}
    app = build(
        options.state_dir,
        aliyun_account=aliyun.Account(**config.get("aliyun", {})),
        bank_account=bank_http.Account(**config.get("bank", {})),
        cmpp_account=cmpp.Account(**config.get("cmpp", {})),
        tencent_account=tencent.Account(**config.get("tencent", {})),
        webhooks=config.get("webhooks", {}),
        receipt_delay_s=config.get("receipt_delay_s", 0.2),
        host=options.host,
    )
    web.run_app(app, host=options.host, port=options.port, print=None, access_log=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main()
