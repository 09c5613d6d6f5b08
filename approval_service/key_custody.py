"""The installation's own keys at rest: random, and stored wrapped by the master keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select

from approval_service.database import MIGRATION_LOCK, Database
from approval_service.keys import InstallationKeys, KeyRing
from approval_service.masters import Master, MasterError, Source
from approval_service.store import keys as store
from approval_service.store.keys import Wrapped

WRAPPING, NOTES, HASHING, LEDGER = "wrapping", "notes", "hashing", "ledger"
_PURPOSES = (WRAPPING, NOTES, HASHING, LEDGER)
_KEY_BYTES = 32
_FIRST = 1


class Custodian:
    """Unwraps the keys that the database has, with the masters that the source gives."""

    def __init__(self, database: Database, source: Source) -> None:
        self._database = database
        self._source = source
        self._masters: Sequence[Master] = ()
        self._unwrapped: dict[tuple[str, int], bytes] = {}
        self._in_force: frozenset[str] = frozenset()

    @property
    def masters(self) -> Sequence[Master]:
        """As last read; the first one wraps."""
        return self._masters

    def reread(self) -> Master:
        """Asks the source again, and returns the master that wraps. Raises MasterError."""
        self._masters = self._source()
        return self._masters[0]

    def is_empty(self) -> bool:
        """True for an installation that has no keys yet."""
        with self._database.reader.connect() as connection:
            return not store.all_keys(connection)

    def open(self) -> KeyRing:
        """The keys, made now if there are none. MasterError if they cannot be unwrapped."""
        master = self.reread()
        if self.is_empty():
            self._make(master)
        return KeyRing(self.load)

    def _make(self, master: Master) -> None:
        rows = [wrapped(purpose, _FIRST, new_key(), [master])[0] for purpose in _PURPOSES]
        with self._database.writer.begin() as connection:
            if not self._database.is_sqlite:  # replicas that start together take turns
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            if not store.all_keys(connection):
                store.put(connection, rows)

    def load(self) -> InstallationKeys:
        """The keys as the database has them now. What was unwrapped before is not unwrapped again: a master key that is
        no longer there, or a key service that is away, does not stop a process that has begun. Raises MasterError."""
        with self._database.reader.connect() as connection:
            version = store.version(connection)  # before the keys: what comes between them is loaded again
            rows = store.all_keys(connection)
        self._in_force = frozenset(row.master_id for row in rows)
        forms: dict[tuple[str, int], list[Wrapped]] = {}
        for row in rows:
            forms.setdefault((row.purpose, row.number), []).append(row)
        self._unwrapped = {key: self._unwrapped.get(key) or self._unwrap(rows) for key, rows in forms.items()}
        return InstallationKeys(
            version,
            wrapping=self._of(WRAPPING),
            notes=self._of(NOTES),
            hashing=self._of(HASHING)[_FIRST],
            ledger=max(self._of(LEDGER).items())[1],
        )

    def _of(self, purpose: str) -> dict[int, bytes]:
        return {number: key for (its_purpose, number), key in self._unwrapped.items() if its_purpose == purpose}

    def in_force(self) -> list[Master]:
        """Those of the masters here that wrap a key, as last loaded."""
        return [master for master in self._masters if master.key_id in self._in_force]

    def unwrapped(self) -> dict[tuple[str, int], bytes]:
        """The keys by purpose and number, as last loaded."""
        return self._unwrapped

    def _unwrap(self, forms: Sequence[Wrapped]) -> bytes:
        known = self._known(forms) or (self.reread() and self._known(forms))
        if not known:
            wanted = ", ".join(sorted(form.master_id for form in forms))
            have = ", ".join(master.key_id for master in self._masters)
            raise MasterError(
                f"缺少主密钥：数据库需要 {wanted}，此处只有 {have}。请把它从备份放回，与现有的并列。"
                f"A master key is missing: the database needs {wanted}, and here is {have}. Put it back from its "
                "backup, beside the present one (docs/keys.md)."
            )
        master, form = known
        return master.unwrap(form.wrapped)

    def _known(self, forms: Sequence[Wrapped]) -> tuple[Master, Wrapped] | None:
        by_master = {form.master_id: form for form in forms}
        return next(((one, by_master[one.key_id]) for one in self._masters if one.key_id in by_master), None)


def new_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


def wrapped(purpose: str, number: int, key: bytes, masters: Iterable[Master]) -> list[Wrapped]:
    """The key, wrapped by each of the masters. Raises MasterError."""
    return [Wrapped(purpose, number, master.key_id, master.wrap(key)) for master in masters]
