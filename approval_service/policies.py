"""Policies: drafted by one person, activated by another, never edited."""

from __future__ import annotations

import hashlib
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf import json_format
from sqlalchemy import Connection, Row

from approval_service.calls import Call
from approval_service.paging import bad_token, page_size
from approval_service.people import require_another, require_employee
from approval_service.rules import MINUTE_MS
from approval_service.store import catalog as store
from approval_service.store.head import read_clock
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import invalid, not_found, precondition
from outreach.ledger.entries import encode
from outreach.v1.policy_service_pb2 import (
    ActivatePolicyRequest,
    ActivatePolicyResponse,
    DraftPolicyRequest,
    DraftPolicyResponse,
    GetPolicyRequest,
    GetPolicyResponse,
    ListPoliciesRequest,
    ListPoliciesResponse,
    Policy,
    PolicySimulation,
    PolicyVersion,
)

DEFAULTS: dict[str, Any] = {
    "agency_must_be_named": True,
    "contact_from_minute": 8 * 60,
    "contact_until_minute": 21 * 60,
    "sms_per_day": 1,
    "sms_per_seven_days": 3,
    "sms_gap_minutes": 24 * 60,
    "balance_max_age_minutes": 24 * 60,
    "request_lifetime_minutes": 7 * 24 * 60,
    "letter_gap_days": 30,
    "letter_minimum_fen": 0,
    "letter_minimum_inclusive": True,
    "care_amount_fen": 0,
    "letter_needs_prior_call": True,
    "prior_call_must_be_answered": False,
    "approval_life_days": 0,
    "mail_cutoff_minute": 17 * 60,
    "mailroom_camera_allowed": False,
    "retention_days": 1095,
}
"""What an unset field means, as policy_service.proto tells it."""
DEFAULT_TIME_ZONE = "Asia/Shanghai"
LATEST_START_MS = MINUTE_MS
"""How long ago the effective time may lie when a policy is activated: rules are not changed for the past."""


def _with_defaults(policy: Policy) -> Policy:
    filled = Policy()
    filled.CopyFrom(policy)
    for name, value in DEFAULTS.items():
        if not filled.HasField(name):  # type: ignore[arg-type]  # the names are those of optional fields
            setattr(filled, name, value)
    filled.time_zone = filled.time_zone or DEFAULT_TIME_ZONE
    return filled


def digest(policy: Policy) -> str:
    """Lower hex SHA-256 of the thresholds' canonical JSON: the ledger shows by it that a version was never edited."""
    return hashlib.sha256(encode(json_format.MessageToDict(policy))).hexdigest()


def _check(policy: Policy) -> None:
    if policy.contact_from_minute >= policy.contact_until_minute:
        raise invalid(
            "policy.contact_until_minute",
            "须晚于 contact_from_minute。It must be later than contact_from_minute.",
        )
    try:
        ZoneInfo(policy.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(
            "policy.time_zone",
            "没有此时区。Not an IANA name such as Asia/Shanghai.",
        ) from None


def _draft(tx: Tx, call: Call[DraftPolicyRequest]) -> DraftPolicyResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    policy = _with_defaults(request.policy)
    _check(policy)
    version = PolicyVersion(
        bank_id=request.bank_id,
        version=store.last_policy_version(tx.connection, request.bank_id) + 1,
        policy=policy,
        effective_from=request.effective_from if request.HasField("effective_from") else None,
        drafted_by=actor,
    )
    values = {
        "bank_id": request.bank_id,
        "version": version.version,
        "body": version.SerializeToString(),
        "effective_from_ms": version.effective_from.ToMilliseconds(),
    }
    store.insert_policy(tx.connection, values)
    tx.record("policy_drafted", request.bank_id, version=version.version, digest=digest(policy), by=actor)
    return DraftPolicyResponse(version=version)


draft = one_by_one(_draft)
"""Handler of DraftPolicy."""


def _activate(tx: Tx, call: Call[ActivatePolicyRequest]) -> ActivatePolicyResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    version = find(tx.connection, request.bank_id, request.version)
    if version.activated_by:
        raise precondition(
            "该版本已启用，不可重复启用；如需修改请另拟新版本。It is active already: draft a new version to change it.",
            "POLICY_ACTIVE",
            "version",
        )
    require_another(actor, {"拟定此版本": version.drafted_by})
    if not version.HasField("effective_from"):
        version.effective_from.FromMilliseconds(tx.now_ms)
    if version.effective_from.ToMilliseconds() < tx.now_ms - LATEST_START_MS:
        raise precondition(
            "生效时间已过，请另拟新版本。Its effective time has passed: draft a new version with a later one, or none.",
            "EFFECTIVE_TIME_PASSED",
            "version",
        )
    version.activated_by = actor
    values = {
        "body": version.SerializeToString(),
        "effective_from_ms": version.effective_from.ToMilliseconds(),
        "activated_ms": tx.now_ms,
    }
    store.update_policy(tx.connection, request.bank_id, request.version, values)
    tx.touch_catalog()
    effective = version.effective_from.ToJsonString()
    tx.record(
        "policy_activated",
        request.bank_id,
        version=version.version,
        digest=digest(version.policy),
        by=actor,
        effective_from=effective,
    )
    return ActivatePolicyResponse(version=version)


activate = one_by_one(_activate)
"""Handler of ActivatePolicy: not by the drafter."""


def get(connection: Connection, call: Call[GetPolicyRequest]) -> GetPolicyResponse:
    """Read of GetPolicy."""
    bank_id, version = call.request.bank_id, call.request.version
    call.require_bank(bank_id)
    if version:
        return _with_simulation(_row(connection, bank_id, version))
    row = store.policy_in_force(connection, bank_id, read_clock(connection).now_ms())
    if row is None:
        raise not_found("bank_id: 该银行尚无生效的规则版本。The bank has no policy in force: draft and activate one.")
    return _with_simulation(row)


def _with_simulation(row: Row[Any]) -> GetPolicyResponse:
    last = PolicySimulation.FromString(row.simulation) if row.simulation else None
    return GetPolicyResponse(version=PolicyVersion.FromString(row.body), simulation=last)


def list_versions(connection: Connection, call: Call[ListPoliciesRequest]) -> ListPoliciesResponse:
    """Read of ListPolicies. A page token is the last version shown."""
    request = call.request
    call.require_bank(request.bank_id)
    if not ((request.page_token.isascii() and request.page_token.isdigit()) or not request.page_token):
        raise bad_token()
    size = page_size(request.page_size)
    rows = store.list_policies(connection, request.bank_id, int(request.page_token or 0), size + 1)
    page, more = rows[:size], len(rows) > size
    return ListPoliciesResponse(
        versions=[PolicyVersion.FromString(row.body) for row in page],
        next_page_token=str(page[-1].version) if more else "",
    )


def find(connection: Connection, bank_id: str, version: int) -> PolicyVersion:
    """A version, drafted or activated. NOT_FOUND if there is none."""
    return PolicyVersion.FromString(_row(connection, bank_id, version).body)


def _row(connection: Connection, bank_id: str, version: int) -> Row[Any]:
    row = store.get_policy(connection, bank_id, version)
    if row is None:
        raise not_found("version: 没有此规则版本，请用 ListPolicies 查看。No such version: ListPolicies shows them.")
    return row
