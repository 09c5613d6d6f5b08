"""The one write lock, and the transactions that share it (group commit).

Every change goes through `Writer.submit`: a handler gets the transaction and all payloads of its kind that wait, reads,
decides, writes, and its result is given out after the commit. What waits while one group commits is the next group.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError

from approval_service import catalog, schema
from approval_service.catalog import Catalog, CatalogCache
from approval_service.database import Database
from approval_service.keys import ORIGIN, KeyRing
from approval_service.masters import MasterError
from approval_service.status_changes import to_json
from approval_service.store.rows import insert_tuples
from outreach.domain.clocks import BusinessClock, iso, real_ms
from outreach.domain.errors import Kind, Refusal
from outreach.domain.ids import time_key
from outreach.ledger import entries, merkle
from outreach.ledger.checkpoint import Signer
from outreach.ledger.handover import hand_over
from outreach.runtime.logs import EventLogger
from outreach.v1.common_pb2 import State

_log = EventLogger("writer")

MAX_GROUP = 1_000
_DATABASE_AWAY = (OperationalError, InterfaceError, InternalError)
"""Errors that repeating the request mends. The others come of what a request holds, and would come again."""

KINDS = {state: State.Name(state).removeprefix("STATE_").lower() for state in State.values()}
"""What the ledger calls a move into a state."""

P = TypeVar("P")
R = TypeVar("R")
Handler = Callable[["Tx", Sequence[P]], Sequence[R | Exception]]


class Tx:
    """One writing transaction. Ledger entries and status changes are gathered and written at its end."""

    def __init__(self, connection: Connection, keys: KeyRing, catalogs: CatalogCache) -> None:
        self.connection = connection
        self.keys = keys
        self._catalogs = catalogs
        self._own_catalog: Catalog | None = None
        row = connection.execute(select(schema.head)).one()
        self._keys_version: int = row.keys_version
        self._follow_keys()
        self.clock = BusinessClock(row.clock_business_ms, row.clock_real_ms, row.clock_rate)
        self.real_ms = real_ms()
        self.now_ms = self.clock.at(self.real_ms)
        self.wall_clock_jumped: bool = row.wall_clock_jumped
        self._catalog_version: int = row.catalog_version
        self._head_changes: dict[str, Any] = {}
        self._frontier = merkle.Frontier.from_bytes(row.frontier)
        self.time = iso(self.now_ms)
        self._entries: list[tuple[int, bytes]] = []
        self._changes: list[tuple[Any, ...]] = []
        self._successor: Signer | None = None

    @property
    def recorded(self) -> int:
        """How many ledger entries this transaction has so far."""
        return len(self._entries)

    @property
    def next_entry(self) -> int:
        """The number of the next ledger entry. It grows from commit to commit, whatever clocks and replicas do."""
        return self._frontier.size + len(self._entries)

    def record(self, kind: str, bank_id: str, **fields: Any) -> int:
        """Adds a ledger entry and returns its number. Fields must hold no personal data; empty ones are left out."""
        seq = self.next_entry
        entry = {"seq": seq, "time": self.time, "kind": kind, "bank": bank_id}
        for name, value in fields.items():
            if value or value is False:
                entry[name] = value
        return self.append(entries.encode(entry))

    def append(self, body: bytes) -> int:
        """Adds a ledger entry in canonical form, which must be numbered `next_entry`, and returns its number."""
        seq = self.next_entry
        self._entries.append((seq, body))
        return seq

    def changed(
        self,
        row: Any,
        state: State.ValueType,
        codes: Sequence[str] = (),
        *,
        attempt_id: str = "",
        notice: bool = False,
        **ledger_fields: Any,
    ) -> None:
        """Records that an outreach (anything with its columns) moved: in the ledger and for those who watch."""
        seq = self.record(
            "notice" if notice else KINDS[state],
            row.bank_id,
            outreach=row.outreach_id,
            attempt=attempt_id,
            codes=list(codes),
            **ledger_fields,
        )
        self.tell(seq, row, state, codes, attempt_id, notice=notice)

    def tell(
        self,
        seq: int,
        row: Any,
        state: State.ValueType,
        codes: Sequence[str],
        attempt_id: str = "",
        *,
        notice: bool = False,
    ) -> None:
        """Tells those who watch what a ledger entry records."""
        position = seq + 1
        body = to_json(position, row, state, codes, attempt_id, self.time, notice=notice)
        shown = 0 if notice else state
        key = time_key(row.outreach_id)
        self._changes.append((position, row.bank_id, row.case_id, row.caller_id, self.now_ms, shown, body, key))

    def set_head(self, **columns: Any) -> None:
        """Sets columns of the head row at the end of the transaction."""
        self._head_changes.update(columns)

    @property
    def catalog(self) -> Catalog:
        """What is approved, as this transaction sees it."""
        return self._own_catalog or self._catalogs.at(self.connection, self._catalog_version)

    def touch_catalog(self) -> None:
        """Tells this transaction and every replica that templates, policies, filings or employees changed."""
        self._catalog_version += 1
        self.set_head(catalog_version=self._catalog_version)
        # Not into the shared cache: this transaction may still be rolled back.
        self._own_catalog = catalog.load(self.connection, self._catalog_version)

    def touch_keys(self) -> None:
        """Tells every replica that installation_key changed, from the next transaction on."""
        self.set_head(keys_version=self._keys_version + 1)

    def hand_over(self, successor: Signer) -> None:
        """Has this transaction's checkpoint name the key that signs from the next one on. Both sign it."""
        self._successor = successor

    def _follow_keys(self) -> None:
        try:
            self.keys.follow(self._keys_version)
        except MasterError as error:
            _log.error("keys_out_of_reach", error)
            raise Refusal(
                Kind.UNAVAILABLE,
                "密钥已更换，而此处暂时取不到新的，请稍后以同一编号重发。"
                "The keys were changed, and the new ones are out of reach here: repeat the request with the same id.",
                retry_after_s=1,
            ) from None

    def finish(self) -> bool:
        """Writes what was gathered. True if anything was recorded."""
        columns = self._head_changes
        insert_tuples(self.connection, schema.ledger_entry, self._entries)
        insert_tuples(self.connection, schema.change, self._changes)
        if self._entries:
            subtrees = self._frontier.extend([merkle.leaf_hash(body) for _, body in self._entries])
            insert_tuples(self.connection, schema.ledger_subtree, subtrees)
            columns |= {
                "frontier": self._frontier.to_bytes(),
                "tree_size": self._frontier.size,
                "checkpoint": self._checkpoint(self._frontier.size, self._frontier.root()),
            }
        if columns:
            self.connection.execute(update(schema.head).values(columns))
        return bool(self._changes)

    def _checkpoint(self, size: int, root: bytes) -> str:
        if self._successor is None:
            return self.keys.signer.sign(ORIGIN, size, root)
        note = hand_over(ORIGIN, size, root, self.keys.signer, self._successor)
        self.connection.execute(insert(schema.ledger_handover).values(tree_size=size, checkpoint=note))
        return note


@dataclass(slots=True)
class _Job:
    handler: Handler[Any, Any]
    payloads: Sequence[Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Sequence[Any]]
    results: Sequence[Any] = ()
    error: Exception | None = None


@dataclass(slots=True)
class _Queue:
    urgent: deque[_Job] = field(default_factory=deque)
    normal: deque[_Job] = field(default_factory=deque)

    def take_group(self) -> list[_Job]:
        """Urgent jobs before normal ones; up to MAX_GROUP payloads of each, so that neither keeps the other waiting."""
        group: list[_Job] = []
        for jobs in (self.urgent, self.normal):
            size = 0
            while jobs and (not size or size + len(jobs[0].payloads) <= MAX_GROUP):
                group.append(jobs.popleft())
                size += len(group[-1].payloads)
        return group


class Writer:
    """Runs handlers under the write lock, in a thread of its own. `on_change` is called after a commit that moved
    an outreach, in that thread."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        catalogs: CatalogCache,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._catalogs = catalogs
        self._on_change = on_change
        self._queue = _Queue()
        self._wake = threading.Condition()
        self._stopping = False
        self._ensure_head()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def _ensure_head(self) -> None:
        with self._database.writer.connect() as connection:
            self._database.lock(connection)
            if connection.execute(select(schema.head.c.id)).first() is None:
                try:
                    connection.execute(insert(schema.head).values(**self._first_head()))
                except IntegrityError:  # another replica was quicker
                    connection.rollback()
            connection.commit()

    def _first_head(self) -> dict[str, Any]:
        empty = merkle.Frontier()
        return {
            "id": 1,
            "frontier": empty.to_bytes(),
            "tree_size": 0,
            "checkpoint": self._keys.signer.sign(ORIGIN, 0, empty.root()),
            "catalog_version": 1,
            "published_position": 0,
            "clock_business_ms": 0,
            "clock_real_ms": 0,
            "clock_rate": 1.0,
            "wall_clock_jumped": False,
        }

    async def submit_many(
        self, handler: Handler[P, R], payloads: Sequence[P], *, urgent: bool = False
    ) -> Sequence[R | Exception]:
        """The handler's result per payload, after the commit. Urgent ones (events, cancellations) go first."""
        loop = asyncio.get_running_loop()
        job = _Job(handler, payloads, loop, loop.create_future())
        with self._wake:
            if self._stopping:
                raise Refusal(Kind.UNAVAILABLE, "the service is stopping; repeat the request", retry_after_s=1)
            (self._queue.urgent if urgent else self._queue.normal).append(job)
            self._wake.notify()
        return await job.done

    async def submit(self, handler: Handler[P, R], payload: P, *, urgent: bool = False) -> R:
        """Like submit_many for one payload; raises what its result is, if that is an exception."""
        result = (await self.submit_many(handler, [payload], urgent=urgent))[0]
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """Finishes what waits, then stops."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (group := self._queue.take_group()):
                    if self._stopping:
                        return
                    self._wake.wait()
            self._run_group(group)
            for loop in {job.loop for job in group}:
                jobs = [job for job in group if job.loop is loop]
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_answer, jobs)

    def _run_group(self, group: list[_Job]) -> None:
        try:
            changed = self._transaction(group)
        except _DATABASE_AWAY as error:
            _log.error("commit_failed", error)
            refusal = Refusal(
                Kind.UNAVAILABLE, "the database did not answer; repeat the request with the same id", retry_after_s=1
            )
            for job in group:
                job.error = refusal
        except Exception as error:  # noqa: BLE001  # a handler's fault must reach its own caller and nobody else's
            if len(group) == 1:
                group[0].error = error
                return
            for job in group:
                self._run_group([job])
        else:
            if changed:
                self._on_change()

    def _transaction(self, group: list[_Job]) -> bool:
        with self._database.writer.connect() as connection:
            try:
                self._database.lock(connection)
                tx = Tx(connection, self._keys, self._catalogs)
                for jobs in _runs(group):
                    payloads = [payload for job in jobs for payload in job.payloads]
                    results = jobs[0].handler(tx, payloads)
                    start = 0
                    for job in jobs:
                        job.results = results[start : start + len(job.payloads)]
                        start += len(job.payloads)
                changed = tx.finish()
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
        return changed


def _runs(group: list[_Job]) -> list[list[_Job]]:
    """Neighbours with the same handler, together."""
    runs: list[list[_Job]] = []
    for job in group:
        if runs and runs[-1][0].handler == job.handler:
            runs[-1].append(job)
        else:
            runs.append([job])
    return runs


def _answer(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.done.done():
            continue
        if job.error is not None:
            job.done.set_exception(job.error)
        else:
            job.done.set_result(job.results)


def one_by_one(function: Callable[[Tx, P], R]) -> Handler[P, R]:
    """A handler from a function of one payload. What it refuses, it must refuse before it writes."""

    def handler(tx: Tx, payloads: Sequence[P]) -> Sequence[R | Exception]:
        results: list[R | Exception] = []
        for payload in payloads:
            recorded = tx.recorded
            try:
                results.append(function(tx, payload))
            except Refusal as refusal:
                if tx.recorded != recorded:
                    raise RuntimeError("a request was refused after it was recorded") from refusal
                results.append(refusal)
        return results

    return handler
