"""The far end of a transit engine, by the description of its HTTP API: keys in memory, TLS by the local authority."""

from __future__ import annotations

import json
import os
import ssl
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.runtime import tls


class Vault:
    """One mounted engine with one key. Strict: what the engine would refuse is refused."""

    def __init__(self, state_dir: Path, key: str = "outreach") -> None:
        self.key = key
        self.token = "s.test-token"  # of this far end alone
        self.versions = {1: os.urandom(32)}
        self.min_decryption_version = 1
        self.requests: list[str] = []
        self.sealed = False
        self._state_dir = state_dir

    def rotate(self) -> None:
        self.versions[max(self.versions) + 1] = os.urandom(32)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """host:port."""
        tls.ensure_local_ca(self._state_dir)
        tls.ensure_certificate(self._state_dir, "vault")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key, certificate = tls.certificate_files(self._state_dir, "vault")
        context.load_cert_chain(certificate, key)
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vault = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, body: dict[str, Any]) -> None:
                vault.requests.append(f"{self.command} {self.path}")
                status, document = vault.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        return Handler

    def answer(self, method: str, path: str, token: str | None, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != self.token:
            return 403, {"errors": ["permission denied"]}
        ways = {"GET keys": self._read, "POST encrypt": self._encrypt, "POST decrypt": self._decrypt}
        found = ways.get(f"{method} {path.removeprefix('/v1/transit/').removesuffix(f'/{self.key}')}")
        if found is None:
            return 404, {"errors": []}
        try:
            return 200, {"data": found(body), "lease_duration": 0, "renewable": False}
        except (KeyError, ValueError, InvalidTag) as error:
            return 400, {"errors": [str(error)]}

    def _read(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": self.key,
            "type": "aes256-gcm96",
            "latest_version": max(self.versions),
            "min_decryption_version": self.min_decryption_version,
            "keys": dict.fromkeys(map(str, self.versions), 1_800_000_000),
        }

    def _encrypt(self, body: dict[str, Any]) -> dict[str, Any]:
        version = body.get("key_version") or max(self.versions)
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self.versions[version]).encrypt(
            nonce, b64decode(body["plaintext"], validate=True), None
        )
        return {"ciphertext": f"vault:v{version}:{b64encode(sealed).decode()}", "key_version": version}

    def _decrypt(self, body: dict[str, Any]) -> dict[str, Any]:
        _, version, sealed = body["ciphertext"].split(":")
        if int(version[1:]) < self.min_decryption_version:
            raise ValueError("ciphertext version is disallowed by policy (too old)")
        raw = b64decode(sealed, validate=True)
        return {
            "plaintext": b64encode(AESGCM(self.versions[int(version[1:])]).decrypt(raw[:12], raw[12:], None)).decode()
        }
