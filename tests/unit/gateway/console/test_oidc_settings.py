"""The file of providers: what it may say, and what is wrong with it in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.console.oidc_settings import ALGORITHMS, NO_IDENTITY, SignInSettings, read_settings
from outreach.runtime.config import SettingError

PROVIDER = {
    "name": "机构统一登录 · Agency sign-in",
    "issuer": "https://sign-in.example.org",
    "client_id": "outreach-console",
    "client_secret_file": __file__,
}


def written(path: Path, document: Any) -> Path:
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return path


def document(provider: Any = PROVIDER, name: str = "agency", **changes: Any) -> dict[str, Any]:
    return {"console_url": "https://outreach.example.org/", "providers": {name: provider}, **changes}


def test_without_a_file_local_accounts_sign_in() -> None:
    assert read_settings(None) == SignInSettings()


def test_a_provider_is_read_with_its_defaults(tmp_path: Path) -> None:
    """sub names people, all asymmetric algorithms are taken, no factor is demanded."""
    found = read_settings(written(tmp_path / "oidc.yaml", document()))
    assert (found.console_url, found.local_accounts) == ("https://outreach.example.org", True)
    (provider,) = found.providers
    assert (provider.provider_id, provider.claim, provider.scope) == ("agency", "sub", "openid")
    assert (provider.algorithms, provider.acr, provider.amr) == (ALGORITHMS, (), ())
    assert provider.client_secret_file == Path(__file__)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"providers": {}}, "providers must list"),
        (document(console_url="http://outreach.example.org"), "console_url"),
        (document(console_url=None), "console_url"),
        (document(local_accounts="no"), "local_accounts"),
        (document(name="Agency/1"), "providers.Agency/1"),
        (document("agency"), "providers.agency must be made of"),
        (document({**PROVIDER, "client_secret": "written down"}), "providers.agency must be made of"),
        (document({**PROVIDER, "issuer": "http://sign-in.example.org"}), "providers.agency.issuer"),
        (document({**PROVIDER, "issuer": ""}), "providers.agency.issuer must be a text"),
        (document({**PROVIDER, "private_key_file": __file__}), "either client_secret_file or private_key_file"),
        (document({"name": "x", "client_id": "y", "client_secret_file": __file__}), "complete: issuer"),
        (document({**PROVIDER, "client_secret_file": "/not/there"}), "/not/there is not"),
        (document({**PROVIDER, "ca_file": "/not/there"}), "/not/there is not"),
        (document({**PROVIDER, "algorithms": ["HS256"]}), "providers.agency.algorithms"),
        (document({**PROVIDER, "algorithms": ["none"]}), "providers.agency.algorithms"),
        (document({**PROVIDER, "acr": "two"}), "providers.agency.acr must be a list"),
        (document({**PROVIDER, "amr": []}), "providers.agency.amr must be a list"),
        *((document({**PROVIDER, "claim": claim}), "providers.agency.claim") for claim in sorted(NO_IDENTITY)),
        ({**document(), "providers": {"one": PROVIDER, "two": PROVIDER}}, "providers must be of different issuers"),
        ([], "providers must list"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(tmp_path: Path, wrong: Any, named: str) -> None:
    """File and field; an e-mail address is nobody's identity, and a shared key signs nothing."""
    with pytest.raises(SettingError) as refused:
        read_settings(written(tmp_path / "oidc.yaml", wrong))
    assert named in str(refused.value)
    assert "oidc.yaml" in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"\xff: [")
    for path in (tmp_path / "missing.yaml", tmp_path / "bad.yaml"):
        with pytest.raises(SettingError, match=path.name):
            read_settings(path)
