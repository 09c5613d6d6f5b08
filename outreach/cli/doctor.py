"""`outreach doctor`: looks at an installation from this machine and says what is wrong, and the way out."""

from __future__ import annotations

import re
import shutil
import stat
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from cryptography import x509
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.output import table
from outreach.cli.parts import listens, serving
from outreach.cli.session import Session
from outreach.client import Connection, IdentityLocked, Refusal, identity_names, read_identity
from outreach.domain import roles
from outreach.runtime import access, nats_server, tls
from outreach.runtime.config import Settings
from outreach.runtime.tokens import ALL_BANKS, read_callers
from outreach.v1.operations_service_pb2 import GetSummaryRequest
from outreach.v1.operations_service_pb2_grpc import OperationsServiceStub
from outreach.wording.formats import when

LEAST_FREE_GIB = 1.0
RENEW_DAYS = 30
PATIENCE_S = 2.0
LOG_TAIL_BYTES = 1024 * 1024
_REFUSED = re.compile(rb'"event":"(?:call|sign_in)_refused","reason":"([A-Z_]+)"')
SUMMARY_ROLES = frozenset({roles.OPERATOR, roles.SUPERVISOR, roles.INSPECTOR})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what it is, whether it is well, what was seen, and what to do if it is not."""

    what: str
    ok: bool
    seen: str
    way_out: str = ""


async def doctor(session: Session) -> None:
    """检查安装 Look at the installation and say what is wrong, and the way out. Exit code 1 if anything is."""
    checks = [*_machine(session.state_dir), *_files(session.state_dir)]
    checks += [check async for check in _processes(session.settings)]
    checks += [check async for check in _feeds(session)]
    rows = [
        (
            Text("✓", "green") if check.ok else Text("✗", "bold red"),
            check.what,
            check.seen,
            Text("" if check.ok else check.way_out, "yellow"),
        )
        for check in checks
    ]
    headings = ("", "检查 Check", "所见 Seen", "出路 Way out")
    session.output.show([asdict(check) for check in checks], table("", headings, rows))
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    command(app, "doctor")(doctor)


def _machine(state_dir: Path) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", sys.version_info[:2] == (3, 11), version, "make setup PYTHON=/path/to/python3.11")
    executable = nats_server.executable()
    yield Check("nats-server", executable.exists(), str(executable), "make setup")
    folder = next(path for path in (state_dir.resolve(), *state_dir.resolve().parents) if path.exists())
    free_gib = shutil.disk_usage(folder).free / 2**30
    yield Check("磁盘 Disk", free_gib >= LEAST_FREE_GIB, f"{free_gib:.1f} GiB free", f"free space under {folder}")


def _files(state_dir: Path) -> Iterator[Check]:
    there = (state_dir / "tls" / "ca.pem").exists()
    yield Check("安装目录 State", there, str(state_dir), "make run, or name the folder by --state-dir")
    if not there:
        return
    exposed = [
        path.name
        for folder in ("secrets", "callers", "tls")
        for path in (state_dir / folder).glob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    seen = f"readable by others: {', '.join(sorted(exposed))}" if exposed else "owner only"
    yield Check("密钥权限 Secrets", not exposed, seen, f"chmod -R go= {state_dir}")
    for name in ("ca", access.GATEWAY, access.APPROVAL_SERVICE, access.SMS_SERVICE, access.LETTER_SERVICE):
        yield _certificate(state_dir, name)
    try:
        seen, ok = f"{len(read_callers(state_dir / 'callers.yaml'))} registered", True
    except (OSError, ValueError) as error:
        seen, ok = str(error), False
    yield Check("调用方 Callers", ok, seen, "mend callers.yaml; outreach/runtime/tokens.py shows its form")
    log = state_dir / "logs" / "gateway.log"
    if log.exists():
        yield Check("被拒的 Refused", ok=True, seen=f"{refusals(log) or 'none'}, at the end of {log.name}")


def refusals(log: Path) -> str:
    """How often calls and sign-ins were refused, by reason, as the log's last part says."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
        lines = file.read().split(b"\n")
    reasons = Counter(match[1].decode() for line in lines if (match := _REFUSED.search(line)))
    return ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())


def _certificate(state_dir: Path, name: str) -> Check:
    what, way_out = f"证书 Certificate {name}", "start the installation again (`outreach up`): it makes new ones"
    try:
        certificate = x509.load_pem_x509_certificate((state_dir / "tls" / f"{name}.pem").read_bytes())
    except (OSError, ValueError):
        return Check(what, ok=False, seen="missing or unreadable", way_out=way_out)
    days = (certificate.not_valid_after_utc - datetime.now(UTC)).days
    return Check(what, days > RENEW_DAYS, f"valid for {days} days", way_out)


async def _processes(settings: Settings) -> AsyncIterator[Check]:
    nats = settings.nats_url.removeprefix("nats://")
    log = settings.state_dir / "logs"
    up = await listens(nats)()
    yield Check("nats-server", up, f"{nats} {'listens' if up else 'does not listen'}", f"see {log}/nats-server.log")
    services = {
        access.APPROVAL_SERVICE: settings.approval_service_address,
        access.SMS_SERVICE: settings.sms_service_address,
        access.LETTER_SERVICE: settings.letter_service_address,
        access.GATEWAY: settings.gateway_address,
    }
    for name, address in services.items():
        ready = (settings.state_dir / "tls" / "ca.pem").exists() and await serving(address, settings.state_dir)
        way_out = f"make run (or set OUTREACH_{name.upper()}_ADDRESS); see {log}/{name}.log"
        yield Check(name, ready, f"{address} {'ready' if ready else 'not ready'}", way_out)


async def _feeds(session: Session) -> AsyncIterator[Check]:
    """Whether permits are given, bank by bank. Needs the gateway and an identity that may see the counts."""
    state_dir = session.state_dir
    identities = []
    for name in identity_names(state_dir):
        with suppress(IdentityLocked):
            identities.append(read_identity(state_dir, name))
    seer = next((one for one in identities if not SUMMARY_ROLES.isdisjoint(one.roles) and ALL_BANKS in one.banks), None)
    if seer is None or not await serving(session.settings.gateway_address, state_dir):
        return
    async with Connection(
        session.settings.gateway_address, tls.ca_certificate(state_dir), seer, patience_s=PATIENCE_S
    ) as connection:
        stub = OperationsServiceStub(connection.channel)
        for bank in _banks(state_dir):
            try:
                summary = await connection.call(stub.GetSummary, GetSummaryRequest(bank_id=bank), repeatable=True)
            except Refusal as refusal:
                yield Check(f"银行 Bank {bank}", ok=False, seen=refusal.message, way_out=f"as {seer.employee}")
                continue
            ok = summary.feed_proven and not summary.permits_stopped
            seen = summary.permits_stopped or (
                f"complete through {when(summary.feed_complete_through) or 'never'}; "
                f"{'proven' if summary.feed_proven else 'not proven'} within 60 s"
            )
            way_out = "no permits for it now: activate its policy, if it has none; else see approval_service's log"
            yield Check(f"银行对账 Feed {bank}", ok, seen, way_out)


def _banks(state_dir: Path) -> list[str]:
    prefix = f"nats-{nats_server.bank_user('')}"
    return sorted(path.name.removeprefix(prefix) for path in (state_dir / "secrets").glob(f"{prefix}*"))
