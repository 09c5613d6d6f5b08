"""The machine of test_promises.py: steps against the real authority, each followed in the model and compared."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")
P = TypeVar("P")
R = TypeVar("R")
