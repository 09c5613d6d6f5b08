"""`python -m outreach.runtime.probe SERVICE [--alive]`: asks the service beside it for its health, for Kubernetes.

The kubelet's own gRPC probe speaks no TLS, and our services nothing else. Exit code 0: SERVING, or with --alive any
answer at all, so that a service which waits for another is not killed for it.
"""

from __future__ import annotations

import sys
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from outreach.runtime import access, tls
from outreach.runtime.config import Settings, host_and_port, load

SERVICES = (access.GATEWAY, access.APPROVAL_SERVICE, access.SMS_SERVICE, access.LETTER_SERVICE)
TIMEOUT_S = 3.0


def is_healthy(settings: Settings, service: str, *, alive_only: bool) -> bool:
    """Asks on the loopback address, with the service's own certificate. Raises SettingError, and OSError without it."""
    _, port = host_and_port(getattr(settings, f"{service}_address"))
    credentials = tls.channel_credentials(settings.state_dir, service)
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its type stubs name no rpc
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        except grpc.RpcError:
            return False
    return alive_only or bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def main(arguments: list[str]) -> int:
    match arguments:
        case [service, *rest] if service in SERVICES and rest in ([], ["--alive"]):
            return 0 if is_healthy(load(Settings), service, alive_only=bool(rest)) else 1
        case _:
            sys.stderr.write(f"usage: python -m outreach.runtime.probe {{{','.join(SERVICES)}}} [--alive]\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
