"""The manifests fit the Kubernetes API, themselves, and what our processes expect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from approval_service.main import ApprovalSettings
from gateway.main import GatewaySettings
from k8s.make_secrets import make_secrets
from letter_service.settings import LetterSettings
from outreach.runtime import tls
from outreach.runtime.config import Settings, host_and_port, load
from sms_service.main import SmsSettings
from tests.unit.k8s.manifests import NAME, OVERLAYS, SERVICES, Document, Overlay, build, overlay

KUBERNETES = "1.34"
STATE_DIR = "/var/lib/outreach"
BY_HAND = {"connections": {"database-url", "nats-url"}, "archive": {"access-key", "secret-key"}}
"""Secrets that only an operator can make: docs/kubernetes.md."""
SETTINGS: dict[str, type[Settings]] = {
    "approval_service": ApprovalSettings,
    "gateway": GatewaySettings,
    "letter_service": LetterSettings,
    "sms_service": SmsSettings,
}


@pytest.fixture(params=OVERLAYS)
def built(request: pytest.FixtureRequest) -> Overlay:
    return overlay(request.param)


@pytest.fixture(scope="module")
def made_secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Keys by Secret, as `python -m k8s.make_secrets` makes them."""
    folder = tmp_path_factory.mktemp("secrets")
    make_secrets(folder, ["demo-bank"], b"carriers: [{carrier_id: aliyun, kind: aliyun}]")
    return {document["metadata"]["name"]: set(document["data"]) for document in build(folder)}


def test_every_object_fits_the_api(built: Overlay) -> None:
    """By the published schemas, strictly: a misspelt field is an error. cert-manager's own kinds have none there."""
    for document in built.documents:
        if not document["apiVersion"].startswith("cert-manager.io/"):
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_every_name_leads_somewhere(built: Overlay, made_secrets: dict[str, set[str]]) -> None:
    """Each Secret, ConfigMap, key, claim and service account that a pod names exists."""
    certificates = built.of_kind("Certificate").values()
    secrets = {item["spec"]["secretName"]: {"ca.crt", "tls.crt", "tls.key"} for item in certificates}
    secrets |= made_secrets | BY_HAND
    maps = {name: set(document["data"]) for name, document in built.of_kind("ConfigMap").items()}
    claims = set(built.of_kind("PersistentVolumeClaim"))
    for workload, pod in built.workloads():
        for kind, name, keys in _references(pod):
            known = {"secret": secrets, "configMap": maps}[kind]
            assert name in known, f"{workload}: {kind} {name}"
            assert keys <= known[name], f"{workload}: {kind} {name} {keys}"
        used = {v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v}
        assert used <= claims
        assert pod["serviceAccountName"] in built.of_kind("ServiceAccount")
        assert pod["serviceAccountName"] == workload.replace("_", "-")


def _references(pod: Document) -> Iterator[tuple[str, str, set[str]]]:
    """Kind, name and keys of every Secret and ConfigMap that a pod names."""
    for volume in pod["volumes"]:
        sources = volume.get("projected", {}).get("sources", [volume])
        for source in sources:
            for kind in ("secret", "configMap"):
                if named := source.get(kind):
                    keys = {item["key"] for item in named.get("items", ())}
                    yield kind, named.get("name") or named["secretName"], keys
    for container in pod["containers"]:
        for source in container.get("envFrom", ()):
            yield "configMap", source["configMapRef"]["name"], set()
        for entry in container.get("env", ()):
            if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                yield "secret", reference["name"], {reference["key"]}


def test_every_port_and_selector_leads_somewhere(built: Overlay) -> None:
    """Services, disruption budgets and policies select pods that run, on ports that these name."""
    pods = built.pods()
    for service in built.of_kind("Service").values():
        ports = _ports(pods[service["spec"]["selector"][NAME]])
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    for budget in built.of_kind("PodDisruptionBudget").values():
        assert budget["spec"]["selector"]["matchLabels"][NAME] in pods
    for workload in [*built.of_kind("Deployment").values(), *built.of_kind("StatefulSet").values()]:
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for pod in pods.values():
        probes = [probe for container in pod["containers"] for name, probe in container.items() if "Probe" in name]
        named = {probe["tcpSocket"]["port"] for probe in probes if "tcpSocket" in probe}
        assert named <= set(_ports(pod))


def _ports(pod: Document) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for container in pod["containers"] for port in container["ports"]}


def test_no_secret_is_written_down(built: Overlay) -> None:
    """Secrets come by reference only: no object of that kind, no value under a name that promises one."""
    assert built.of_kind("Secret") == {}
    for _, pod in built.workloads():
        for container in pod["containers"]:
            for entry in container.get("env", ()):
                if any(word in entry["name"] for word in ("KEY", "SECRET", "PASSWORD", "TOKEN")):
                    assert "secretKeyRef" in entry["valueFrom"], entry["name"]


def test_every_pod_is_confined(built: Overlay) -> None:
    """Not root, nothing to write to but its volumes, no capability, no token of the cluster, and bounds on memory."""
    labels = built.of_kind("Namespace")["outreach"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for _, pod in built.workloads():
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]
            assert {"readinessProbe", "livenessProbe"} <= set(container)
    assert all(item["automountServiceAccountToken"] is False for item in built.of_kind("ServiceAccount").values())


def test_every_service_has_the_certificate_of_its_name(built: Overlay) -> None:
    """The common name is the access table's, the host names are those that callers dial, and files lie where
    runtime.tls reads them."""
    certificates = built.of_kind("Certificate")
    issuers = built.of_kind("Issuer")
    for service in SERVICES:
        host = service.replace("_", "-")
        spec = certificates[host]["spec"]
        assert spec["commonName"] == service
        assert {host, "localhost"} <= set(spec["dnsNames"])
        assert "127.0.0.1" in spec["ipAddresses"]
        assert {"server auth", "client auth"} <= set(spec["usages"])
        assert issuers[spec["issuerRef"]["name"]]["spec"]["ca"]["secretName"] in (
            item["spec"]["secretName"] for item in certificates.values() if item["spec"].get("isCA")
        )
        pod = built.pods()[service]
        expected = {*tls.certificate_files(Path(STATE_DIR), service), Path(STATE_DIR) / "tls" / "ca.pem"}
        assert expected <= _mounted(pod)
        named = {name for kind, name, _ in _references(pod) if kind == "secret" and name.endswith("-tls")}
        assert named == {spec["secretName"]}


def test_each_pod_holds_only_the_secrets_that_its_process_reads(built: Overlay) -> None:
    """The master key is the authority's alone; no service can log in to NATS as another."""
    secrets = {
        service: {path.name for path in _mounted(built.pods()[service]) if path.parent.name == "secrets"}
        for service in SERVICES
    }
    assert secrets == {
        "approval_service": {"master-key", "nats-approval_service"},
        "gateway": {"sealing", "nats-gateway"},
        "letter_service": {"sealing"},
        "sms_service": {"sealing", "nats-sms_service"},
    }


def _mounted(pod: Document) -> set[Path]:
    """The files that a pod sees on its volumes, as far as the manifests name them."""
    volumes: dict[str, Any] = {volume["name"]: volume for volume in pod["volumes"]}
    found: set[Path] = set()
    for mount in pod["containers"][0]["volumeMounts"]:
        volume = volumes[mount["name"]]
        for source in volume.get("projected", {}).get("sources", [volume]):
            for kind in ("secret", "configMap"):
                found |= {Path(mount["mountPath"]) / item["path"] for item in source.get(kind, {}).get("items", ())}
    return found


def test_every_process_can_read_its_settings(built: Overlay) -> None:
    """All variables are ones that the process knows; it listens on its pod's ports and dials names that resolve."""
    hosts = set(built.of_kind("Service"))
    for service, kind in SETTINGS.items():
        environment = built.environment(service)
        settings = load(kind, environment)
        known = {f"OUTREACH_{name.upper()}" for name in kind.__dataclass_fields__}
        assert set(environment) <= known, service
        assert settings.state_dir == Path(STATE_DIR)
        for name, port in _ports(built.pods()[service]).items():
            own = f"{service}_address" if name == "grpc" else f"{name.removesuffix('s')}_address"
            assert host_and_port(getattr(settings, own)) == ("0.0.0.0", port)  # noqa: S104 within its pod
        if service != "approval_service":
            assert host_and_port(settings.approval_service_address)[0] in hosts
        if service == "gateway":
            assert host_and_port(settings.letter_service_address)[0] in hosts


def test_the_nats_servers_url_is_encrypted() -> None:
    """Events with names and debts, and passwords, cross the cluster's network under TLS only."""
    for service in ("approval_service", "gateway", "sms_service"):
        assert overlay("single-node").environment(service)["OUTREACH_NATS_URL"].startswith("tls://nats:")
        assert overlay("scaled").environment(service)["OUTREACH_NATS_URL"] == "connections/nats-url"


def test_one_process_alone_has_the_sqlite_file() -> None:
    """One replica, and the old one ends before the new one begins; with replicas there is no SQLite."""
    single = overlay("single-node").of_kind("Deployment")["approval-service"]["spec"]
    assert single["replicas"] == 1
    assert single["strategy"] == {"type": "Recreate"}
    assert overlay("single-node").environment("approval_service")["OUTREACH_DATABASE_URL"].startswith("sqlite:////")
    assert overlay("scaled").environment("approval_service")["OUTREACH_DATABASE_URL"] == "connections/database-url"


def test_replicas_survive_a_drained_node() -> None:
    """In the scaled overlay each service has two pods or more, spread over nodes, and a disruption budget."""
    scaled = overlay("scaled")
    for service in SERVICES:
        host = service.replace("_", "-")
        assert scaled.of_kind("Deployment")[host]["spec"]["replicas"] >= 2
        assert scaled.of_kind("PodDisruptionBudget")[host]["spec"]["maxUnavailable"] == 1
        assert scaled.pods()[service]["topologySpreadConstraints"]
