"""Accounts of the console, made by one operator and approved by another, so that the example can be looked at."""

from __future__ import annotations

import orjson

from examples.stage import FOLDER, Stage
from outreach.cli.installation import read_installation
from outreach.cli.users import EXAMPLE_FILE, totp_secret
from outreach.client import Kind, Refusal
from outreach.domain.roles import ROLES_OF_PEOPLE
from outreach.runtime.secret_files import write_private
from outreach.v1.user_service_pb2 import ApproveUserRequest, CreateUserRequest, ResetUserRequest

MAKER, CHECKER = "operator-1", "operator-2"


async def make_accounts(stage: Stage) -> None:
    """One for each of the installation's people who may sign in; their credentials are left in the state directory."""
    found = read_installation(FOLDER / "installation.yaml")
    credentials = {}
    for name, person in found.people.items():
        # Nobody approves an account of their own, so the checker has none here.
        if name != CHECKER and person.get("active", True) and ROLES_OF_PEOPLE.issuperset(person["roles"]):
            banks = found.callers[person["caller"]]["banks"]
            request = CreateUserRequest(user_id=name, team=person["team"], roles=person["roles"], bank_ids=banks)
            credentials[name] = await _make(stage, request)
    write_private(stage.office.settings.state_dir / EXAMPLE_FILE, orjson.dumps(credentials))
    stage.board.tell(
        stage.now, f"控制台账号 {len(credentials)} 个 · {len(credentials)} console accounts: outreach user code NAME"
    )


async def _make(stage: Stage, request: CreateUserRequest) -> dict[str, str]:
    maker, checker = stage.office[MAKER], stage.office[CHECKER]
    try:
        made = (await maker.ask(maker.users.CreateUser, request)).credentials
    except Refusal as refusal:  # a repeated step, whose first answer was lost together with the credentials
        if refusal.kind is not Kind.CONFLICT:
            raise
        made = (await maker.ask(maker.users.ResetUser, ResetUserRequest(user_id=request.user_id))).credentials
    with checker.once():
        approval = ApproveUserRequest(user_id=request.user_id)
        await checker.ask(checker.users.ApproveUser, approval)
    return {"password": made.password, "totp_secret": totp_secret(made)}
