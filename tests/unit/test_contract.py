"""Every rpc of the contract has a server: grpc's generated base classes only raise NotImplementedError."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import approval_service
import gateway
import letter_service
import outreach.v1
from gateway.submission import Submission

BASES = {
    name: getattr(module, name)
    for found in pkgutil.iter_modules(outreach.v1.__path__)
    if found.name.endswith("_pb2_grpc")
    for module in [importlib.import_module(f"outreach.v1.{found.name}")]
    for name in vars(module)
    if name.endswith("Servicer")
}


AT_THE_GATEWAY = set(Submission(*[None] * 3).handlers())  # type: ignore[arg-type]  # only their names are asked for


def _load(package: ModuleType) -> None:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)


@pytest.mark.parametrize("name", sorted(BASES))
def test_every_method_is_overridden(name: str) -> None:
    """By each class of ours that serves it, but for what the gateway answers itself."""
    for package in (approval_service, letter_service, gateway):
        _load(package)
    base = BASES[name]
    ours = [one for one in base.__subclasses__() if not one.__module__.startswith("tests.")]
    methods = {method for method in vars(base) if not method.startswith("_")}
    assert ours
    assert methods
    service = f"/outreach.v1.{name.removesuffix('Servicer')}"
    raising = {f"{service}/{m}" for one in ours for m in methods if getattr(one, m) is getattr(base, m)}
    assert raising <= AT_THE_GATEWAY
