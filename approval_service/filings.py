"""The carriers' registered copies as sms_service reads them there: which ones to read, and what was found."""

from __future__ import annotations

from sqlalchemy import Connection

from approval_service import templates
from approval_service.catalog import copy_problem
from approval_service.gates import OPEN
from approval_service.store import catalog as store
from approval_service.writer import Tx, one_by_one
from outreach.domain.templating import placeholders
from outreach.v1.template_service_pb2 import Filing, Template
from outreach.v1.worker_service_pb2 import FiledVersion, ListFilingsRequest, ListFilingsResponse

READER = "sms_service"
"""Who reads the copies, in the ledger."""


def list_filings(connection: Connection, request: ListFilingsRequest) -> ListFilingsResponse:
    """Read of ListFilings."""
    response = ListFilingsResponse()
    for row in store.filings(connection, carrier_id=request.carrier_id):
        template = _open_version(connection, row.digest)
        if template is not None:
            response.versions.add(
                digest=row.digest,
                filing=Filing.FromString(row.body),
                placeholders=dict.fromkeys(placeholders(template.content.text)),
            )
    return response


def _report(tx: Tx, version: FiledVersion) -> bool:
    template = _open_version(tx.connection, version.digest)
    if template is None:
        return False
    filing = version.filing
    known = {row.carrier_id: Filing.FromString(row.body) for row in store.filings(tx.connection, version.digest)}
    if known.get(filing.carrier_id) == filing:
        return not copy_problem(filing, template.content)
    return templates.put_filing(tx, template, filing, READER)


report = one_by_one(_report)
"""Handler of ReportFilings, one version: true if the copy is usable. What did not change is not recorded again."""


def _open_version(connection: Connection, digest: str) -> Template | None:
    row = store.get_version(connection, templates.GATES.table, digest)
    return templates.GATES.read(row) if row is not None and row.state in OPEN else None
