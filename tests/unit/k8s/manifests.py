"""The manifests as kustomize builds them, without a cluster."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[3]
OVERLAYS = ("single-node", "scaled")
SERVICES = ("approval_service", "gateway", "letter_service", "sms_service")
NAME = "app.kubernetes.io/name"

Document = dict[str, Any]


def build(folder: Path) -> list[Document]:
    """Every object of a kustomization."""
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    built = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(built.stdout))


@dataclass(frozen=True)
class Overlay:
    """One overlay, as it would be applied."""

    name: str
    documents: list[Document]

    def of_kind(self, kind: str) -> dict[str, Document]:
        """Objects of a kind by name."""
        return {document["metadata"]["name"]: document for document in self.documents if document["kind"] == kind}

    def workloads(self) -> Iterator[tuple[str, Document]]:
        """Name on the label, and spec of the pod, of everything that runs."""
        for document in self.documents:
            if document["kind"] in ("Deployment", "StatefulSet"):
                template = document["spec"]["template"]
                yield template["metadata"]["labels"][NAME], template["spec"]

    def pods(self) -> dict[str, Document]:
        return dict(self.workloads())

    def environment(self, workload: str) -> dict[str, str]:
        """What the process of a pod sees; a value that a Secret gives is named after it, as name/key."""
        container = self.pods()[workload]["containers"][0]
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            found |= self.of_kind("ConfigMap")[source["configMapRef"]["name"]]["data"]
        for entry in container.get("env", ()):
            reference = entry.get("valueFrom", {}).get("secretKeyRef", {})
            found[entry["name"]] = entry.get("value") or f"{reference['name']}/{reference['key']}"
        return found


@cache
def overlay(name: str) -> Overlay:
    return Overlay(name, build(REPOSITORY / "k8s" / "overlays" / name))
