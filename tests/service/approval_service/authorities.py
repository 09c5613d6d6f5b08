"""Authorities for tests, whose installation keys are wrapped by a master that the test has."""

from __future__ import annotations

from collections.abc import Sequence

from approval_service.authority import Authority, ChangeSignal
from approval_service.catalog import CatalogCache
from approval_service.database import Database
from approval_service.key_custody import Custodian
from approval_service.masters import LocalMaster, Master
from approval_service.writer import Writer

MASTER = LocalMaster("m1", b"k" * 32)


def custodian_of(database: Database, masters: Sequence[Master] = (MASTER,)) -> Custodian:
    return Custodian(database, lambda: masters)


def open_authority(database: Database, masters: Sequence[Master] = (MASTER,)) -> Authority:
    """Close its writer when done. Within a running loop. `masters` is asked again, so that a list may grow."""
    custodian = custodian_of(database, masters)
    keys, catalogs, changes = custodian.open(), CatalogCache(), ChangeSignal()
    writer = Writer(database, keys, catalogs, changes.notify)
    return Authority(database, writer, keys, custodian, catalogs, changes, simulated_clock=True)
