"""Fills the database of a stopped installation with outreach like those that it has, each with its attempts, ledger
entries and status changes, to 100,000 people: `python -m bench.crowd STATE_DIR [COUNT]`. SQLite only; the ledger stays
whole.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from approval_service.status_changes import to_json
from outreach.domain import states
from outreach.domain.clocks import iso
from outreach.domain.ids import time_key
from outreach.ledger import entries, merkle
from outreach.v1.common_pb2 import State

DAYS = 30
DAY_MS = 86_400_000
BATCH = 20_000
PEOPLE = 100_000
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_A, _R, _S = states.ADMITTED, states.RELEASED, states.SENT
_LIVES: tuple[tuple[float, State.ValueType, tuple[State.ValueType, ...]], ...] = (
    (0.62, states.DELIVERED, (_A, _R, _S, states.DELIVERED)),
    (0.18, states.BLOCKED, (states.BLOCKED,)),
    (0.08, states.CANCELLED, (_A, states.CANCELLED)),
    (0.06, states.UNDELIVERED, (_A, _R, _S, states.UNDELIVERED)),
    (0.02, states.EXPIRED, (_A, states.EXPIRED)),
    (0.018, _A, (_A,)),
    (0.02, states.MAILED, (_A, _R, states.PRINTED, states.MAILED)),
    (0.002, states.RETURNED, (_A, _R, states.PRINTED, states.MAILED, states.RETURNED)),
)
"""How often, where it stands, and how it came there."""


class _Row(dict[str, Any]):
    def __getattr__(self, name: str) -> Any:
        return self[name]


class Crowd:
    """One installation's database while it is filled."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._head = self._model("head", "1 = 1")
        self._frontier = merkle.Frontier.from_bytes(self._head.frontier)
        self._models = {state: self._model("outreach", f"state = {state}") for _, state, _ in _LIVES}
        self._models[_A] = self._model("outreach", f"state = {_A} AND waiting_for = 'CONTACT_UNVERIFIED'")
        self._attempt = self._model("attempt", f"state = {states.DELIVERED}")
        self._letter = self._model("letter", "mailed_ms > 0")
        self._run = self._model("print_run", "state = 3")
        self._random = random.Random(1)
        self._runs: dict[str, int] = {}
        self._human = self._model("person", f"bank_id = '{self._attempt.bank_id}'")
        names = "SELECT masked_name_hash FROM person WHERE bank_id = ? GROUP BY masked_name_hash"
        self._names = [name for (name,) in database.execute(names, (self._human.bank_id,))]
        self._columns: dict[str, tuple[str, ...]] = {}
        self._pending: dict[str, list[tuple[Any, ...]]] = {}

    def _model(self, table: str, where: str) -> _Row:
        cursor = self._database.execute(f"SELECT * FROM {table} WHERE {where} LIMIT 1")  # noqa: S608  # our own words
        row = cursor.fetchone()
        if row is None:
            raise SystemExit(f"the installation has no {table} where {where}: play the example first")
        return _Row(zip((name for name, *_ in cursor.description), row, strict=True))

    def fill(self, count: int) -> None:
        """The last thirty days, evenly."""
        until, started = self._head.clock_business_ms, time.monotonic()
        for number in range(PEOPLE):
            self._put("person", self._person(number))
        for number in range(count):
            at = until - DAYS * DAY_MS + number * DAYS * DAY_MS // count
            _, state, life = self._random.choices(_LIVES, [share for share, *_ in _LIVES])[0]
            self._one(number, at, state, life)
            if (number + 1) % BATCH == 0:
                self._write()
                print(f"\r{number + 1:,} in {time.monotonic() - started:.0f} s", end="", flush=True)
        self._write()
        print()

    def _person(self, number: int) -> dict[str, Any]:
        """Named as one of those that there are: each of their names is a quarter rarer than the one before."""
        index = min(int(self._random.expovariate(0.3)), len(self._names) - 1)
        person_id = _id(1, number)
        own = {"person_id": person_id, "customer_hash": person_id, "identity": person_id}
        return {**self._human, **own, "masked_name_hash": self._names[index]}

    def _one(self, number: int, at: int, state: State.ValueType, life: tuple[State.ValueType, ...]) -> None:
        outreach_id = _id(at, number)
        whom = self._random.randrange(PEOPLE)
        account, person_id = _id(0, whom), _id(1, whom)
        named = {"outreach_id": outreach_id, "request_id": f"crowd-{number}", "case_id": f"CROWD-{number // 3}"}
        made = {"created_ms": at, "not_after_ms": at + 3 * DAY_MS, "account_id": account, "person_id": person_id}
        row = _Row({**self._models[state], **named, **made, "attempt_id": outreach_id})
        if state == _A:
            row["not_after_ms"] = at + 90 * DAY_MS
        self._put("outreach", row)
        attempt_id = ""
        if len(life) > 3:
            attempt_id = self._letter_of(row, number) if row.channel == 2 else self._attempt_of(row, state, number)
        for step, moved in enumerate(life):
            self._moved(row, moved, attempt_id if step else "", at + step * 1000)

    def _attempt_of(self, row: _Row, state: State.ValueType, number: int) -> str:
        ids = {"attempt_id": row.outreach_id, "outreach_id": row.outreach_id, "lease_id": f"lease-{number // 20}"}
        self._put("attempt", {**self._attempt, **ids, "state": state, "released_ms": row.created_ms + 1000})
        return str(row.outreach_id)

    def _letter_of(self, row: _Row, number: int) -> str:
        run_id, letter_number = _id(row.created_ms // DAY_MS * DAY_MS, 0), f"CROWD-{number:09}"
        if run_id not in self._runs:
            self._runs[run_id] = 0
            self._put("print_run", {**self._run, "run_id": run_id, "run_request_id": run_id})
        self._runs[run_id] += 1
        where = {"letter_number": letter_number, "outreach_id": row.outreach_id, "run_id": run_id}
        here = {"position": self._runs[run_id], "state": 3 if row.state == states.MAILED else 4, "item_number": ""}
        self._put("letter", {**self._letter, **where, **here, "account_id": row.account_id})
        return letter_number

    def _moved(self, row: _Row, state: State.ValueType, attempt_id: str, at: int) -> None:
        seq = self._frontier.size + len(self._pending.get("ledger_entry", ()))
        codes = [code for code in row.codes.split(",") if code] if state == row.state else []
        entry = {"seq": seq, "time": iso(at), "kind": states.name(state).lower(), "bank": row.bank_id}
        entry |= {"outreach": row.outreach_id, "by": f"{row.caller_id}/{row.employee_id}", "policy": 1}
        entry |= {"codes": codes} if codes else {}
        entry |= {"attempt": attempt_id} if attempt_id else {}
        self._put("ledger_entry", {"seq": seq, "body": entries.encode(entry)})
        body = to_json(seq + 1, row, state, codes, attempt_id, iso(at))
        place = {"position": seq + 1, "bank_id": row.bank_id, "case_id": row.case_id, "caller_id": row.caller_id}
        key = time_key(row.outreach_id)
        self._put("change", {**place, "time_ms": at, "state": state, "body": body, "outreach_key": key})

    def _put(self, table: str, row: Mapping[str, Any]) -> None:
        self._columns.setdefault(table, tuple(row))
        self._pending.setdefault(table, []).append(tuple(row.values()))

    def _write(self) -> None:
        leaves = [merkle.leaf_hash(body) for _, body in self._pending.get("ledger_entry", ())]
        for height, number, root in self._frontier.extend(leaves):
            self._put("ledger_subtree", {"height": height, "number": number, "root": root})
        with self._database:
            for table, rows in self._pending.items():
                columns = self._columns[table]
                marks = ", ".join("?" * len(columns))
                sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  # our own columns
                self._database.executemany(sql, rows)
            size = self._frontier.size
            head = "UPDATE head SET frontier = ?, tree_size = ?, published_position = ?"
            self._database.execute(head, (self._frontier.to_bytes(), size, size))
        self._pending.clear()


def _id(at_ms: int, number: int) -> str:
    """An id of that moment, as outreach.domain.ids makes them."""
    value = (at_ms << 80) | (number << 20)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def _sizes(database: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    query = "SELECT name, SUM(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 25"
    yield from database.execute(query)


def main() -> None:
    state_dir, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with closing(sqlite3.connect(state_dir / "outreach.db")) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -400000")
        Crowd(database).fill(count)
        sizes = dict(_sizes(database))
    print(orjson.dumps(sizes, option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()
