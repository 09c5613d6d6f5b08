"""The bare limit: the least that any gateway of this kind must do, at its best settings, with no product in it.

gRPC without TLS on uvloop, three toy checks, two AES-GCM fields under one key, canonical JSON in a SHA-256 chain, and
one group commit of item, ledger and queue rows to SQLite (WAL, synchronous = FULL); answered after the commit. No
tokens, no rules, no person keys, no second process. `python -m bench.bare ADDRESS DATABASE`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sqlite3
import sys
from typing import Any, NamedTuple

import grpc
import orjson
import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.v1.common_pb2 import STATE_ADMITTED
from outreach.v1.outreach_service_pb2 import (
    Decision,
    ItemResult,
    SmsItem,
    SubmitBatchRequest,
    SubmitBatchResponse,
    SubmitRequest,
    SubmitResponse,
)

GROUP_S = 0.002
GROUP_ITEMS = 200
"""A group closes at either."""
_MOBILE = re.compile(r"1[3-9]\d{9}")
_SCHEMA = """
CREATE TABLE item (id TEXT PRIMARY KEY, request_id TEXT UNIQUE, bank TEXT, account TEXT, template TEXT,
                   phone BLOB, variables BLOB, state INTEGER);
CREATE TABLE ledger (seq INTEGER PRIMARY KEY, body BLOB, hash BLOB);
CREATE TABLE queue (id TEXT PRIMARY KEY, due INTEGER);
CREATE INDEX queue_due ON queue (due);
"""
Rows = list[tuple[Any, ...]]


class _Ticket(NamedTuple):
    items: Rows
    ledger: Rows
    queue: Rows
    committed: asyncio.Future[None]


class Bare:
    """Submit and SubmitBatch over a prototype's store."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._aead = AESGCM(AESGCM.generate_key(256))
        self._nonce = int.from_bytes(os.urandom(4), "big") << 64
        self._prefix = os.urandom(8).hex()
        self._seq, self._chain = 0, bytes(32)
        self._waiting: list[_Ticket] = []
        self._waiting_items = 0

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "outreach.v1.OutreachService",
            {
                "Submit": grpc.unary_unary_rpc_method_handler(
                    self._submit, SubmitRequest.FromString, SubmitResponse.SerializeToString
                ),
                "SubmitBatch": grpc.unary_unary_rpc_method_handler(
                    self._submit_batch, SubmitBatchRequest.FromString, SubmitBatchResponse.SerializeToString
                ),
            },
        )

    async def _submit(self, request: SubmitRequest, context: Any) -> SubmitResponse:
        (decision,) = await self._admit([request.item])
        return SubmitResponse(decision=decision)

    async def _submit_batch(self, request: SubmitBatchRequest, context: Any) -> SubmitBatchResponse:
        decisions = await self._admit(request.items)
        return SubmitBatchResponse(results=[ItemResult(decision=decision) for decision in decisions])

    async def _admit(self, items: Any) -> list[Decision]:
        ticket = _Ticket([], [], [], asyncio.get_running_loop().create_future())
        decisions = [self._decide(item, ticket) for item in items]
        if not self._waiting:
            self._closing = asyncio.get_running_loop().call_later(GROUP_S, self._commit)
        self._waiting.append(ticket)
        self._waiting_items += len(ticket.items)
        if self._waiting_items >= GROUP_ITEMS:
            self._commit()
        await ticket.committed
        return decisions

    def _decide(self, item: SmsItem, ticket: _Ticket) -> Decision:
        if not (_MOBILE.fullmatch(item.phone_number) and item.account_number and item.template_name):
            raise ValueError("a toy check failed")
        outreach_id = f"{self._prefix}{self._seq:016x}"
        phone = self._seal(item.phone_number.encode())
        variables = self._seal(orjson.dumps(dict(item.variables)))
        entry = {
            "seq": self._seq,
            "kind": "admitted",
            "outreach": outreach_id,
            "bank": item.bank_id,
            "request": item.request_id,
            "template": item.template_name,
            "case": item.case_id,
        }
        body = orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)
        self._chain = hashlib.sha256(self._chain + body).digest()
        ticket.items.append(
            (outreach_id, item.request_id, item.bank_id, item.account_number, item.template_name, phone, variables, 1)
        )
        ticket.ledger.append((self._seq, body, self._chain))
        ticket.queue.append((outreach_id, self._seq))
        self._seq += 1
        return Decision(outreach_id=outreach_id, state=STATE_ADMITTED)

    def _seal(self, data: bytes) -> bytes:
        self._nonce += 1
        nonce = self._nonce.to_bytes(12, "big")
        return nonce + self._aead.encrypt(nonce, data, None)

    def _commit(self) -> None:
        """In the loop's own thread: a second one would fight it for the GIL."""
        self._closing.cancel()
        group, self._waiting, self._waiting_items = self._waiting, [], 0
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [row for one in group for row in one.items])
        db.executemany("INSERT INTO ledger VALUES (?, ?, ?)", [row for one in group for row in one.ledger])
        db.executemany("INSERT INTO queue VALUES (?, ?)", [row for one in group for row in one.queue])
        db.execute("COMMIT")
        for ticket in group:
            ticket.committed.set_result(None)


async def _serve(address: str, path: str) -> None:
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((Bare(path).handlers(),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve(*sys.argv[1:3]))
