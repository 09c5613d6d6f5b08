"""Makes the Secrets that the manifests refer to, as files in a folder for `kubectl apply -k FOLDER`.

    python -m k8s.make_secrets FOLDER --bank demo-bank [--bank ...] --carriers carriers.yaml

Keys and passwords that are in the folder already are kept. Whoever has the folder has everything: make it on an
encrypted disk, back up secrets/ apart from the database, and remove the rest. What only an operator can know (the
database's URL, the archive's keys) is not made here: docs/kubernetes.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from outreach.runtime import nats_server
from outreach.runtime.sealing import Sealer
from outreach.runtime.secret_files import ensure_private, ensure_secret, new_key_line, write_private

NAMESPACE = "outreach"
NATS_PORT = 17422
STREAMS = Path("/var/lib/outreach/data")
"""Where nats.yaml mounts its volume."""


def make_secrets(folder: Path, banks: Sequence[str], carriers: bytes) -> None:
    """Writes keys, passwords, nats.conf, carriers.yaml and the kustomization that makes Secrets of them."""
    secrets = folder / "secrets"
    ensure_private(secrets / "master-key", new_key_line())
    Sealer.load(folder)
    nats_server.environment(folder)
    conf = nats_server.nats_server_conf(folder, banks, host="0.0.0.0", port=NATS_PORT, store_dir=STREAMS)  # noqa: S104  # in its pod
    write_private(folder / "nats.conf", conf.encode())
    write_private(folder / "carriers.yaml", carriers)
    pushers = [f"webhook-{carrier['carrier_id']}" for carrier in yaml.safe_load(carriers)["carriers"]]
    for pusher in pushers:
        ensure_secret(folder, pusher)
    generators = [_generator(name, files) for name, files in _files(pushers).items()]
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "generatorOptions": {"disableNameSuffixHash": True},
        "secretGenerator": generators,
    }
    write_private(folder / "kustomization.yaml", yaml.safe_dump(document, sort_keys=False).encode())


def _files(pushers: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """Secrets by name; for each key the file with its value."""
    return {
        "authority-keys": {"master-key": "secrets/master-key"},
        "sealing-key": {"sealing": "secrets/sealing"},
        "nats-server": {"nats.conf": "nats.conf", "encryption-key": "secrets/nats-encryption"},
        "nats-approval-service": {"password": f"secrets/nats-{nats_server.APPROVAL_SERVICE}"},
        "nats-gateway": {"password": f"secrets/nats-{nats_server.GATEWAY}"},
        "nats-sms-service": {"password": f"secrets/nats-{nats_server.SMS_SERVICE}"},
        "carriers": {"carriers.yaml": "carriers.yaml"},
        "webhooks": {name: f"secrets/{name}" for name in pushers},
    }


def _generator(name: str, files: Mapping[str, str]) -> dict[str, object]:
    return {"name": name, "files": [f"{key}={path}" for key, path in files.items()]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bank", action="append", required=True, help="a bank's id; repeat it for each")
    parser.add_argument("--carriers", type=Path, required=True, help="carriers.yaml (docs/carriers.md)")
    arguments = parser.parse_args()
    make_secrets(arguments.folder, arguments.bank, arguments.carriers.read_bytes())


if __name__ == "__main__":
    main()
