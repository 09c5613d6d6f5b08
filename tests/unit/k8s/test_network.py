"""NetworkPolicies let through what the access table lets call, and nothing else."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from letter_service.main import SERVICES as LETTER_SERVICES
from outreach.runtime import access, nats_server
from tests.unit.k8s.manifests import NAME, OVERLAYS, SERVICES, Document, Overlay, overlay

AUTHORITY, LETTERS = "approval_service", "letter_service"
OUTSIDE = {"gateway": {"grpc", "console", "webhooks"}, "nats": {"nats"}}
"""What addresses out of the cluster may reach at all: the public edge, and NATS for the banks."""
ABROAD = {
    "single-node": {"sms_service": {443, 7890}},
    "scaled": {
        "sms_service": {443, 7890, 4222},
        "approval_service": {5432, 4222},
        "gateway": {4222},
        "letter_service": {443},
    },
}
"""Ports out of the cluster by service: carriers; database, NATS and archive where they are elsewhere."""

Edge = tuple[str, str, str]
"""Caller, callee, name of the callee's port."""


@pytest.fixture(params=OVERLAYS)
def built(request: pytest.FixtureRequest) -> Overlay:
    return overlay(request.param)


def _table(built: Overlay) -> set[Edge]:
    """Who may call whom, by the access table and the users of nats-server."""
    edges: set[Edge] = set()
    for service, callers in access.CERTIFICATES.items():
        callee = LETTERS if service in LETTER_SERVICES else AUTHORITY
        edges |= {(caller, callee, "grpc") for caller in callers}
    if "nats" in built.pods():
        users = (nats_server.APPROVAL_SERVICE, nats_server.GATEWAY, nats_server.SMS_SERVICE)
        edges |= {(user, "nats", "nats") for user in users}
    return edges


def _selected(selector: Document, pods: set[str]) -> set[str]:
    chosen = set(pods)
    if NAME in selector.get("matchLabels", {}):
        chosen &= {selector["matchLabels"][NAME]}
    for expression in selector.get("matchExpressions", ()):
        assert (expression["key"], expression["operator"]) == (NAME, "In")
        assert set(expression["values"]) <= pods, "a policy names a pod that does not run"
        chosen &= set(expression["values"])
    return chosen


def _policies(built: Overlay, direction: str) -> list[tuple[set[str], list[Document], set[str | int]]]:
    """For each rule: the pods it is about, the peers, the ports."""
    pods = set(built.pods())
    return [
        (_selected(policy["spec"]["podSelector"], pods), rule[peers], {port["port"] for port in rule["ports"]})
        for policy in built.of_kind("NetworkPolicy").values()
        for key, peers in (("ingress", "from"), ("egress", "to"))
        for rule in policy["spec"].get(key, ())
        if key == direction
    ]


def _inside(built: Overlay, direction: str) -> set[Edge]:
    pods, edges = set(built.pods()), set()
    for subjects, peers, ports in _policies(built, direction):
        for peer in peers:
            if "podSelector" in peer and "namespaceSelector" not in peer:
                others = _selected(peer["podSelector"], pods)
                for subject in subjects:
                    for other in others:
                        caller, callee = (other, subject) if direction == "ingress" else (subject, other)
                        edges |= {(caller, callee, str(port)) for port in ports}
    return edges


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_callers_are_those_of_the_table(built: Overlay, direction: str) -> None:
    """Each caller of the table and no other, at both ends of the connection."""
    assert _inside(built, direction) == _table(built)


def test_everything_else_is_denied(built: Overlay) -> None:
    """One policy selects every pod, both ways, and allows nothing."""
    deny = built.of_kind("NetworkPolicy")["deny-all"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in built.of_kind("NetworkPolicy").values():
        for rule in [*policy["spec"].get("ingress", ()), *policy["spec"].get("egress", ())]:
            assert rule.get("ports"), "a rule without ports opens all of them"
            assert rule.get("from") or rule.get("to"), "a rule without peers opens it to everybody"


def test_the_outside_reaches_the_edge_only(built: Overlay) -> None:
    """Addresses and other namespaces reach the public ports of the gateway, and NATS for the banks."""
    reached: dict[str, set[str | int]] = {}
    for subjects, peers, ports in _policies(built, "ingress"):
        if any("ipBlock" in peer or "namespaceSelector" in peer for peer in peers):
            for subject in subjects:
                reached.setdefault(subject, set()).update(ports)
    assert reached == {name: ports for name, ports in OUTSIDE.items() if name in built.pods()}


def test_only_named_addresses_can_be_reached(built: Overlay) -> None:
    """Carriers from sms_service alone; elsewhere the database, NATS and the archive, each from who needs it. No
    network wider than /16."""
    reached: dict[str, set[str | int]] = {}
    for subjects, peers, ports in _policies(built, "egress"):
        for peer in peers:
            if "ipBlock" in peer:
                assert ip_network(peer["ipBlock"]["cidr"]).prefixlen >= 16
                for subject in subjects:
                    reached.setdefault(subject, set()).update(ports)
    assert reached == ABROAD[built.name]


def test_names_are_resolved_by_the_clusters_dns(built: Overlay) -> None:
    """The only peer in another namespace that our pods may call, on port 53."""
    peers = [
        (peer["namespaceSelector"]["matchLabels"], ports)
        for subjects, others, ports in _policies(built, "egress")
        for peer in others
        if "namespaceSelector" in peer and set(SERVICES) <= subjects
    ]
    assert peers == [({"kubernetes.io/metadata.name": "kube-system"}, {53})]
