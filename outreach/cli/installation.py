"""An installation on one machine: what its YAML file says, and the files of the state directory that follow from it.

simulated_clock: true                  # only for examples and tests
banks: [demo-bank]
callers:                               # the registry of outreach.runtime.tokens; keys are made here
  case-system: {roles: [case_system], banks: [demo-bank], requests_per_second: 500}
people:                                # identities of outreach.client, one file each
  clerk-1: {caller: case-system, team: team-a, roles: [case_system]}
carriers: [...]                        # docs/carriers.md; {simulator_url}, {cmpp_url}: where the simulator listens
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.cli.addresses import write_addresses
from outreach.cli.failures import Failure
from outreach.client.identity import Identity, is_locked, write_identity
from outreach.runtime import access, nats_server, tls
from outreach.runtime.config import Settings, host_and_port
from outreach.runtime.secret_files import ensure_private, ensure_secret, write_private
from outreach.runtime.tokens import public_key_text

SUPERVISOR = "supervisor"
"""The name on the certificate with which the supervisor asks for health. The access table lets it call nothing else."""
PUSHED = {"aliyun": "aliyun", "bank_http": "bank", "tencent": "tencent"}
"""The simulator's name for each kind of carrier that pushes receipts; CMPP brings them over its connection."""


@dataclass(frozen=True, slots=True)
class FarEnd:
    """Where the carrier simulator listens: for HTTP and for CMPP."""

    http: str
    cmpp: str


@dataclass(frozen=True, slots=True)
class Installation:
    """What the YAML file says."""

    banks: tuple[str, ...]
    callers: Mapping[str, Mapping[str, Any]]
    people: Mapping[str, Mapping[str, Any]]
    carriers: tuple[Mapping[str, Any], ...]
    simulated_clock: bool = False


def read_installation(path: Path) -> Installation:
    """Raises Failure naming what is wrong with the file."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = Installation(
            banks=tuple(document["banks"]),
            callers=document["callers"],
            people=document["people"],
            carriers=tuple(document["carriers"]),
            simulated_clock=document.get("simulated_clock", False) is True,
        )
    except FileNotFoundError:
        raise Failure(f"{path} is not there: name the installation's file by --installation") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise Failure(
            f"{path}: {type(error).__name__} {error}; see outreach/cli/installation.py for the form"
        ) from None
    for place, account in enumerate(found.carriers):
        if not isinstance(account, dict) or not {"carrier_id", "kind"} <= account.keys():
            raise Failure(f"{path}: carriers[{place}] needs carrier_id and kind; see docs/carriers.md")
    for name, person in found.people.items():
        if person.get("caller") not in found.callers:
            raise Failure(f"{path}: people.{name}.caller must be one of {', '.join(found.callers)}")
    return found


def prepare(installation: Installation, settings: Settings, far_end: FarEnd) -> None:
    """Writes what the processes need into the state directory. Keys, secrets and certificates are kept if present."""
    state_dir = settings.state_dir
    write_addresses(settings)
    tls.ensure_local_ca(state_dir)
    renew_certificates(state_dir)
    host, port = host_and_port(settings.nats_url.removeprefix("nats://"))
    conf = nats_server.nats_server_conf(state_dir, installation.banks, host=host, port=port)
    write_private(state_dir / "nats.conf", conf.encode())
    _write_callers(installation, state_dir)
    _write_carriers(installation, settings, far_end)


def renew_certificates(state_dir: Path) -> None:
    """Makes anew what ends within 30 days. The processes take it up by themselves; so that each trusts a new authority
    before anybody shows a certificate of it, that one issues from the next time on.
    """
    for service in (access.GATEWAY, access.APPROVAL_SERVICE, access.SMS_SERVICE, access.LETTER_SERVICE, SUPERVISOR):
        tls.ensure_certificate(state_dir, service)
    tls.ensure_local_ca(state_dir)


def _write_callers(installation: Installation, state_dir: Path) -> None:
    keys = {caller: _caller_key(state_dir, caller) for caller in installation.callers}
    registry = {
        caller: {"active": True, "public_keys": [public_key_text(keys[caller])], **entry}
        for caller, entry in installation.callers.items()
    }
    _write_yaml(state_dir / "callers.yaml", {"callers": registry})
    for name, person in installation.people.items():
        caller = person["caller"]
        identity = Identity(
            caller_id=caller,
            employee=name,
            team=person.get("team", ""),
            roles=tuple(person["roles"]),
            banks=tuple(installation.callers[caller]["banks"]),
            private_key=keys[caller],
        )
        if not is_locked(state_dir, name):
            write_identity(state_dir, name, identity)


def _caller_key(state_dir: Path, caller: str) -> Ed25519PrivateKey:
    fresh = Ed25519PrivateKey.generate().private_bytes_raw()
    return Ed25519PrivateKey.from_private_bytes(ensure_private(state_dir / "secrets" / f"caller-{caller}", fresh))


def _write_carriers(installation: Installation, settings: Settings, far_end: FarEnd) -> None:
    state_dir, pushes, pushers = settings.state_dir, {}, {}
    urls = {"simulator_url": f"http://{far_end.http}", "cmpp_url": f"cmpp://{far_end.cmpp}"}
    accounts = [
        {**account, "base_url": str(account.get("base_url", "")).format(**urls)} for account in installation.carriers
    ]
    for account in accounts:
        carrier_id, kind = account["carrier_id"], account["kind"]
        if kind not in PUSHED:
            continue
        secret = ensure_secret(state_dir, f"webhook-{carrier_id}")
        pushes[PUSHED[kind]] = f"http://{settings.webhook_address}/carriers/{carrier_id}/{secret}/receipts"
        pushers[carrier_id] = {"kind": kind, "sources": ["127.0.0.1/32"]}
    _write_yaml(state_dir / "carriers.yaml", {"carriers": accounts})
    _write_yaml(state_dir / "webhooks.yaml", {"carriers": pushers})
    cmpp = {"port": host_and_port(far_end.cmpp)[1]}
    write_private(state_dir / "simulator.json", orjson.dumps({"webhooks": pushes, "cmpp": cmpp}))


def _write_yaml(path: Path, document: Any) -> None:
    write_private(path, yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode())
