"""Places of letters in the quantities that were granted to a team: taken at the door, given back by what never left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from approval_service.moves import Moves
from approval_service.store import quantities as store
from approval_service.store.quantities import Team
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.codes import Code

PART = 500
"""How many are admitted in one transaction: a large grant would keep the write lock for seconds."""


def free_places(connection: Connection, team: Team, now_ms: int) -> int:
    """How many places are left beyond those that the team's waiting letters will take."""
    places = _left(connection, team)
    return max(places - store.count_awaiting(connection, team, now_ms), 0) if places else 0


def _left(connection: Connection, team: Team) -> int:
    return sum(row.granted - row.used for row in store.with_places(connection, team))


def take(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Takes a place for each letter in turn while its team has any left, of the oldest grant first.

    `rows` are columns of outreach: outreach_id, bank_id, letter_name, team. Returns the quantity id by outreach id for
    those that got a place; the caller stores it. The others await a quantity.
    """
    asking: dict[Team, list[str]] = defaultdict(list)
    for row in rows:
        asking[Team(row["bank_id"], row["letter_name"], row["team"])].append(row["outreach_id"])
    taken: dict[str, str] = {}
    for team, ids in asking.items():
        taken |= _take(tx, team, ids)
    return taken


def _take(tx: Tx, team: Team, ids: Iterable[str]) -> dict[str, str]:
    taken: dict[str, str] = {}
    used: dict[str, int] = {}
    wanting = iter(ids)
    for quantity in store.with_places(tx.connection, team):
        if served := list(islice(wanting, quantity.granted - quantity.used)):
            taken |= dict.fromkeys(served, quantity.quantity_id)
            used[quantity.quantity_id] = quantity.used + len(served)
            tx.record("quantity_taken", team.bank_id, quantity=quantity.quantity_id, letters=served)
    store.set_used(tx.connection, used)
    return taken


def give_back(tx: Tx, rows: Iterable[Any]) -> None:
    """Frees the places of letters that ended before they were printed, which go to those that wait for one.

    `rows` are rows of outreach; those without a place are passed over. Their own moves must be written before, since
    some of the rows may have been waiting themselves.
    """
    freed: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.quantity_id:
            freed[row.quantity_id].append(row.outreach_id)
    quantities = store.get_many(tx.connection, freed)
    for row in quantities:
        tx.record("quantity_given_back", row.bank_id, quantity=row.quantity_id, letters=freed[row.quantity_id])
    store.set_places(tx.connection, {outreach_id: "" for ids in freed.values() for outreach_id in ids})
    store.set_used(tx.connection, {row.quantity_id: row.used - len(freed[row.quantity_id]) for row in quantities})
    for team in dict.fromkeys(Team(row.bank_id, row.letter_name, row.team) for row in quantities):
        admit_waiting(tx, team)


def admit_waiting(tx: Tx, team: Team) -> int:
    """Admits the next part of a team's waiting letters, as far as there are places, in the order of their requests.

    Returns how many; the sweeper goes on. What else was found at the door is judged anew before they are printed.
    """
    places = _left(tx.connection, team)
    waiting = store.awaiting(tx.connection, team, tx.now_ms, min(places, PART)) if places else []
    taken = _take(tx, team, [row.outreach_id for row in waiting])
    moves = Moves(tx)
    for row in waiting:
        codes = [code for code in row.codes.split(",") if code != Code.QUANTITY_NOT_APPROVED]
        moves.outreach(row, states.ADMITTED, codes=codes, due_ms=max(tx.now_ms, row.not_before_ms))
    moves.write()
    store.set_places(tx.connection, taken)
    return len(waiting)


def sweep(tx: Tx) -> int:
    """Admits the next part for each team that has places left. Returns how many it admitted."""
    return sum(admit_waiting(tx, team) for team in store.teams_to_serve(tx.connection, tx.now_ms))
