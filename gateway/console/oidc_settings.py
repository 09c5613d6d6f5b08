"""The OpenID Connect providers of an installation, as OUTREACH_OIDC_FILE lists them (docs/identity.md):

console_url: https://outreach.example.org     # as browsers reach the console; redirect addresses are made of it
local_accounts: true                          # whether accounts with a password can sign in as well
providers:
  agency:                                     # in addresses: /oidc/agency/callback
    name: 机构统一登录 · Agency sign-in
    issuer: https://sign-in.example.org       # exactly as its tokens say it
    client_id: outreach-console
    client_secret_file: /run/secrets/oidc     # or private_key_file, a PEM with which we sign (private_key_jwt)
    claim: sub                                # what names a person; sub by default
    acr: [urn:example:two-factor]             # one of them is demanded, if any are listed
    amr: [otp, hwk]                           # as well
    ca_file: /etc/outreach/agency-ca.pem      # the authority of its certificate, if it is no public one
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from outreach.runtime.config import SettingError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by keys that only the provider has. A provider may be set to fewer."""
NO_IDENTITY = frozenset(
    {"email", "email_verified", "name", "given_name", "family_name", "nickname", "preferred_username", "phone_number"}
)
"""Claims that may pass from one person to another: OpenID Connect Core 5.7 forbids to know people by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One provider, and what we are to it."""

    provider_id: str
    name: str
    issuer: str
    client_id: str
    client_secret_file: Path | None = None
    private_key_file: Path | None = None
    claim: str = "sub"
    scope: str = "openid"
    algorithms: tuple[str, ...] = ALGORITHMS
    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """Who may prove people."""

    console_url: str = ""
    local_accounts: bool = True
    providers: tuple[ProviderSettings, ...] = ()


def read_settings(path: Path | None) -> SignInSettings:
    """Local accounts alone without a file. Raises SettingError that names the field at fault."""
    if path is None:
        return SignInSettings()
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"OUTREACH_OIDC_FILE: {path} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SettingError(f"OUTREACH_OIDC_FILE: {path} is no YAML in UTF-8") from None
    entries = document.get("providers") if isinstance(document, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise SettingError(f"{path}: providers must list at least one, by its name in addresses")
    url = str(document.get("console_url", "")).rstrip("/")
    _require(url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")), path, "console_url", "https://…")
    local = document.get("local_accounts", True)
    _require(isinstance(local, bool), path, "local_accounts", "true or false")
    providers = tuple(_provider(path, str(name), entry) for name, entry in entries.items())
    issuers = {provider.issuer for provider in providers}
    _require(len(issuers) == len(providers), path, "providers", "of different issuers, since these tell them apart")
    return SignInSettings(url, local, providers)


def _provider(path: Path, name: str, entry: Any) -> ProviderSettings:
    at = f"providers.{name}"
    _require(name.isascii() and name.isalnum() and name == name.lower(), path, at, "named by a-z and 0-9")
    known = {field.name: field for field in fields(ProviderSettings)}
    _require(isinstance(entry, dict) and known.keys() >= entry.keys(), path, at, f"made of {', '.join(known)}")
    values = {key: _value(path, f"{at}.{key}", str(known[key].type), value) for key, value in entry.items()}
    missing = {key for key, field in known.items() if field.default is MISSING} - values.keys() - {"provider_id"}
    _require(not missing, path, at, f"complete: {', '.join(sorted(missing))}")
    found = ProviderSettings(provider_id=name, **values)
    _require(found.issuer.startswith("https://"), path, f"{at}.issuer", "an https:// address")
    _require(found.claim not in NO_IDENTITY, path, f"{at}.claim", "one that is never another person's, such as sub")
    _require(set(found.algorithms) <= set(ALGORITHMS), path, f"{at}.algorithms", f"among {', '.join(ALGORITHMS)}")
    for file in (found.client_secret_file, found.private_key_file, found.ca_file):
        _require(file is None or file.is_file(), path, at, f"given files that are there: {file} is not")
    one = (found.client_secret_file is None) != (found.private_key_file is None)
    _require(one, path, at, "given either client_secret_file or private_key_file")
    return found


def _value(path: Path, at: str, kind: str, value: Any) -> Any:
    if kind.startswith("tuple"):
        _require(isinstance(value, list) and all(isinstance(one, str) for one in value) and value, path, at, "a list")
        return tuple(value)
    _require(isinstance(value, str) and value, path, at, "a text")
    return Path(value) if kind.startswith("Path") else value


def _require(right: object, path: Path, at: str, what: str) -> None:
    if not right:
        raise SettingError(f"{path}: {at} must be {what}")
