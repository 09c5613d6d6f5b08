"""The patch in docs/kubernetes.md that lets people sign in by a provider and case systems show certificates."""

from __future__ import annotations

import os
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from gateway.main import GatewaySettings
from outreach.runtime.client_certificates import FOLDER
from outreach.runtime.config import host_and_port, load
from tests.unit.k8s.manifests import OVERLAYS, REPOSITORY, Overlay, build
from tests.unit.k8s.test_manifests import KUBERNETES


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_patch_fits_each_overlay(name: str, tmp_path: Path) -> None:
    """It builds, fits the API, and puts the files where the gateway looks for them, mounted so that they can change."""
    text = (REPOSITORY / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    patch = text.partition("## 统一登录")[2].partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "sign_in.yaml").write_text(patch, encoding="utf-8")
    base = os.path.relpath(REPOSITORY / "k8s" / "overlays" / name, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump({"resources": [base], "patches": [{"path": "sign_in.yaml"}]})
    )
    patched = Overlay(name, build(tmp_path))
    kubernetes_validate.validate(patched.of_kind("Deployment")["gateway"], KUBERNETES, strict=True)
    environment, pod = patched.environment("gateway"), patched.pods()["gateway"]
    settings = load(GatewaySettings, environment)
    assert host_and_port(settings.certificate_address)[1] == 17446
    mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    assert settings.oidc_file is not None
    assert str(settings.oidc_file.parent) == mounts["oidc"]["mountPath"]
    assert str(settings.state_dir / FOLDER) == mounts["case-systems"]["mountPath"]
    assert all(mount.get("readOnly") and "subPath" not in mount for mount in mounts.values() if mount["name"] != "tmp")
    assert {"oidc", "case-systems"} <= {volume["name"] for volume in pod["volumes"]}
