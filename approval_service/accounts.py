"""What the bank has said of one account, personal data masked."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection

from approval_service import hold_views
from approval_service.calls import Call
from approval_service.doors import door
from approval_service.keys import KeyRing
from approval_service.restricted import hidden
from approval_service.store import accounts as store
from approval_service.store import addresses as address_store
from approval_service.store import stops as stop_store
from outreach.domain.errors import not_found, precondition
from outreach.domain.masking import mask_account, mask_name, mask_phone
from outreach.v1.bank_service_pb2 import Balance, GetAccountRequest, GetAccountResponse, Party


def get_account(connection: Connection, keys: KeyRing, call: Call[GetAccountRequest]) -> GetAccountResponse:
    request = call.request
    call.require_bank(request.bank_id)
    key = (request.bank_id, keys.hash("account", request.account_number))
    account = store.accounts_by_number(connection, [key]).get(key)
    if account is None:
        raise not_found("account_number: 银行未委案此账户。The bank has not placed this account here.")
    if hidden(connection, call.principal, [account.debtor_id]):
        raise precondition(
            "债务人已限制处理，只有检查员可查看，或以写明目的的证据包取得。The debtor is restricted: only an inspector "
            "sees the account, or evidence with a purpose.",
            "PERSON_RESTRICTED",
            "account_number",
        )
    response = GetAccountResponse(agency_id=account.agency_id, recalled=account.recalled, settled=account.settled)
    response.start_time.FromMilliseconds(account.start_ms)
    response.end_time.FromMilliseconds(account.end_ms)
    if account.balance_known:
        response.balance.CopyFrom(
            Balance(
                sequence=account.sequence,
                overdue_amount_fen=account.overdue_fen,
                outstanding_amount_fen=account.outstanding_fen,
                minimum_payment_fen=account.minimum_fen,
                due_date=account.due_date,
            )
        )
        response.balance.as_of_time.FromMilliseconds(account.as_of_ms)
    response.parties.extend(_parties(connection, keys, call, account.account_id))
    masked = mask_account(request.account_number)
    response.holds.extend(
        hold_views.hold_message(keys, row, masked) for row in stop_store.holds_of(connection, account.account_id)
    )
    return response


def _parties(connection: Connection, keys: KeyRing, call: Call[GetAccountRequest], account_id: str) -> list[Party]:
    """Roles with masked names, numbers and addresses; customer numbers are left out, as only their hashes are kept."""
    roles = store.parties_of(connection, [account_id])[account_id]
    for person_id in hidden(connection, call.principal, roles):
        del roles[person_id]
    persons = store.persons_by_id(connection, roles)
    numbers: dict[str, list[str]] = defaultdict(list)
    for contact in store.contacts_of(connection, roles):
        if not contact.phone_sealed:  # known only as closed, from before the person was erased
            continue
        key = keys.person(persons[contact.person_id].wrapped_key)
        numbers[contact.person_id].append(mask_phone(key.unseal(contact.phone_sealed).decode()))
    addresses: dict[str, list[str]] = defaultdict(list)
    for address in address_store.of_people(connection, roles):
        key = keys.person(persons[address.person_id].wrapped_key)
        addresses[address.person_id].append(door(keys, key.unseal(address.address_sealed).decode()).masked)
    parties = []
    for person_id, role in roles.items():
        key = keys.person(persons[person_id].wrapped_key)
        name = mask_name(key.unseal(persons[person_id].name_sealed).decode())
        parties.append(
            Party(
                role=Party.Role.ValueType(role),
                name=name,
                phone_numbers=sorted(numbers[person_id]),
                addresses=sorted(addresses[person_id]),
            )
        )
    return parties
