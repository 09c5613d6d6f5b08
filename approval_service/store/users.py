"""SQL on people's accounts and their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from approval_service import schema

account, session = schema.user_account, schema.user_session


def get(connection: Connection, user_id: str) -> Row[Any] | None:
    return connection.execute(select(account).where(account.c.user_id == user_id)).first()


def by_identity(connection: Connection, issuer: str, subject: str) -> Row[Any] | None:
    theirs = (account.c.issuer == issuer) & (account.c.subject == subject)
    return connection.execute(select(account).where(theirs)).first()


def put_in(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(account).values(**values))


def change(connection: Connection, user_id: str, **values: Any) -> None:
    connection.execute(update(account).where(account.c.user_id == user_id).values(**values))


def list_after(connection: Connection, user_id: str, limit: int) -> list[Row[Any]]:
    """By name, after one."""
    query = select(account).where(account.c.user_id > user_id).order_by(account.c.user_id)
    return list(connection.execute(query.limit(limit)))


def open_session(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(session).values(**values))


def get_session(connection: Connection, token_hash: str) -> Row[Any] | None:
    """The session together with its account."""
    joined = select(session, account).join(account, session.c.user_id == account.c.user_id)
    return connection.execute(joined.where(session.c.token_hash == token_hash)).first()


def change_session(connection: Connection, token_hash: str, **values: Any) -> None:
    connection.execute(update(session).where(session.c.token_hash == token_hash).values(**values))


def end_session(connection: Connection, token_hash: str) -> int:
    return connection.execute(delete(session).where(session.c.token_hash == token_hash)).rowcount


def end_sessions(connection: Connection, user_id: str, *, but: str = "") -> int:
    """Ends all of a person's sessions, but one. Returns how many."""
    ours = (session.c.user_id == user_id) & (session.c.token_hash != but)
    return connection.execute(delete(session).where(ours)).rowcount


def sessions_by_provider(
    connection: Connection, issuer: str, until_ms: int, *, provider_subject_hash: str, provider_session_hash: str
) -> list[Row[Any]]:
    """Those that the issuer proved until then, of the person, the session there, or both: a session of the person that
    knows none there is meant, too."""
    chosen = (account.c.issuer == issuer) & (session.c.authenticated_real_ms <= until_ms)
    sessions = [provider_session_hash]
    if provider_subject_hash:
        chosen &= session.c.provider_subject_hash == provider_subject_hash
        sessions.append("")
    if provider_session_hash:
        chosen &= session.c.provider_session_hash.in_(sessions)
    joined = session.join(account, session.c.user_id == account.c.user_id)
    return list(connection.execute(select(session).select_from(joined).where(chosen)))


def end_stale_sessions(connection: Connection, seen_before_ms: int) -> None:
    connection.execute(delete(session).where(session.c.seen_real_ms < seen_before_ms))
