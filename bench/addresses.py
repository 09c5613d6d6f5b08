"""One address, full verdict, one call, against what cpca takes to name its divisions alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from statistics import median
from types import ModuleType
from typing import Any

from approval_service.screening.address import judge, normal, read
from bench.results import TURNS, Result, duration
from examples.letter_cases import home

COUNT = 40


def measure() -> Result:
    """Microseconds an address, by turns; the median of the turns."""
    divisions = _cpca()
    addresses = [home(n) for n in range(COUNT)]
    ours, theirs = [], []
    for _ in range(TURNS):
        ours.append(_each(addresses, _verdict))
        theirs.append(_each(addresses, lambda address: divisions([address])))
    return duration("address_cpca", median(ours), "us", median(theirs))


def _verdict(text: str) -> object:
    address = read(text)
    return judge(address), normal(address)


def _each(addresses: list[str], screen: Callable[[str], object]) -> float:
    begin = time.perf_counter()
    for address in addresses:
        screen(address)
    return (time.perf_counter() - begin) / len(addresses) * 1e6


def _cpca() -> Callable[[list[str]], object]:
    """cpca reads its table by pkg_resources, which setuptools brings no more: this much of it is enough."""
    stand_in: Any = ModuleType("pkg_resources")
    stand_in.resource_stream = lambda package, name: (files(package) / name).open("rb")
    sys.modules.setdefault("pkg_resources", stand_in)
    transform: Callable[[list[str]], object] = import_module("cpca").transform
    return transform
