"""Key service plug-in: the transit engine of HashiCorp Vault or OpenBao, whose keys never leave it.

OUTREACH_KEY_SERVICE=approval_service.vault_transit:connect. Each version of the named key is a master key; rotating the
key there is what puts a new one first. Of its API it uses keys/NAME (GET), encrypt/NAME and decrypt/NAME (POST). The
token is read from its file at each call, so that an agent may renew it.
"""

from __future__ import annotations

import ssl
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from approval_service.masters import Master, MasterError, Source
from outreach.runtime.config import Settings, host_and_port, load

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings(Settings):
    """Where the key is."""

    vault_address: str
    """host:port; TLS always."""
    vault_key: str
    """The key's name in the engine."""
    vault_mount: str = "transit"
    """Where the engine is mounted."""
    vault_namespace: str = ""
    """X-Vault-Namespace; empty for none."""
    vault_token_file: Path
    """A file with a token that may read, encrypt and decrypt with the key."""
    vault_ca_file: Path | None = None
    """The authorities that may vouch for it, PEM; unset for the system's."""


class Transit:
    """One key of the engine."""

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        self._host, self._port = host_and_port(settings.vault_address)
        self._context = ssl.create_default_context(cafile=settings.vault_ca_file)
        self.name = f"{settings.vault_mount}/{settings.vault_key}"

    def masters(self) -> Sequence[Master]:
        """Its versions that still decrypt, the newest first. Raises MasterError."""
        data = self.call("GET", "keys")
        newest, oldest = data.get("latest_version"), data.get("min_decryption_version")
        if type(newest) is not int or type(oldest) is not int:
            raise self._error("其回答不是密钥 its answer tells of no key")
        return [_Version(self, number) for number in range(newest, max(oldest, 1) - 1, -1)]

    def call(self, method: str, action: str, **body: str | int) -> dict[str, Any]:
        """The `data` of an answer. Raises MasterError."""
        settings = self._settings
        path = f"/v1/{quote(settings.vault_mount)}/{action}/{quote(settings.vault_key, safe='')}"
        connection = HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=self._context)
        try:
            headers = {"X-Vault-Token": settings.vault_token_file.read_text(encoding="ascii").strip()}
            if settings.vault_namespace:
                headers["X-Vault-Namespace"] = settings.vault_namespace
            connection.request(method, path, orjson.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException, UnicodeDecodeError) as error:
            raise self._error(f"无法连接 it cannot be reached ({type(error).__name__})") from None
        finally:
            connection.close()
        if answer.status != 200:
            raise self._error(f"拒绝 {action} it refused that: HTTP {answer.status}")
        try:
            data: dict[str, Any] = orjson.loads(content)["data"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise self._error("其回答不是 Vault 的形式 its answer has not the form of Vault's") from None
        return data

    def _error(self, what: str) -> MasterError:
        where = self._settings.vault_address
        return MasterError(f"密钥服务 key service {where}, {self.name}: {what} (docs/keys.md)")


class _Version:
    """One version of the key, as a master key."""

    def __init__(self, transit: Transit, number: int) -> None:
        self._transit = transit
        self._number = number
        self.key_id = f"{transit.name}/v{number}"

    def wrap(self, key: bytes) -> bytes:
        answer = self._transit.call("POST", "encrypt", plaintext=b64encode(key).decode(), key_version=self._number)
        return str(answer["ciphertext"]).encode()

    def unwrap(self, wrapped: bytes) -> bytes:
        return b64decode(self._transit.call("POST", "decrypt", ciphertext=wrapped.decode())["plaintext"])


def connect() -> Source:
    """The source, by the environment (OUTREACH_VAULT_...). SettingError for what is missing."""
    return Transit(load(VaultSettings)).masters
