"""`python -m carrier_simulator.main --port N --state-dir DIR`: the carriers' far end, for development and tests."""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson
import uvloop
from aiohttp import web

from carrier_simulator import aliyun, bank_http
from carrier_simulator.app import build


def main() -> None:
    parser = argparse.ArgumentParser(prog="carrier_simulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state-dir", type=Path, required=True, help="where messages.jsonl and receipts.jsonl lie")
    parser.add_argument(
        "--config",
        type=Path,
        help='JSON: {"aliyun": {"access_key_id", "access_key_secret"}, "bank": {"app_id", "secret"}, '
        '"webhooks": {"aliyun": URL, "bank": URL}, "receipt_delay_s": 0.2}; each may be left out',
    )
    options = parser.parse_args()
    config = orjson.loads(options.config.read_bytes()) if options.config else {}
    app = build(
        options.state_dir,
        aliyun_account=aliyun.Account(**config.get("aliyun", {})),
        bank_account=bank_http.Account(**config.get("bank", {})),
        webhooks=config.get("webhooks", {}),
        receipt_delay_s=config.get("receipt_delay_s", 0.2),
    )
    web.run_app(app, host=options.host, port=options.port, print=None, access_log=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main()
