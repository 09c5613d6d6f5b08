"""People and their accounts: who may what; one operator sets up, another approves; shutting out at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import Response

from gateway.console.forms import text, texts
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.domain.roles import ROLES_OF_PEOPLE
from outreach.v1.common_pb2 import ProviderIdentity
from outreach.v1.user_service_pb2 import (
    ApproveUserRequest,
    ChangeUserRequest,
    CreateUserRequest,
    CreateUserResponse,
    DeactivateUserRequest,
    ListUsersRequest,
    ResetUserRequest,
    ResetUserResponse,
    UserState,
)

ROLE_NAMES = {
    "drafter": "起草人",
    "reviewer": "内部审核人",
    "bank_approver": "银行批准人",
    "policy_maker": "策略拟定人",
    "policy_approver": "策略批准人",
    "operator": "运维",
    "supervisor": "主管",
    "inspector": "检查员",
    "team_lead": "组长（申请信函）",
    "administration": "行政（批准数量）",
    "mailroom": "收发室",
}
STATES = {
    UserState.USER_STATE_PENDING: ("待另一运维批准", "wait"),
    UserState.USER_STATE_ACTIVE: ("可用", "good"),
    UserState.USER_STATE_DEACTIVATED: ("账号停用", "calm"),
}

BEGUN = {
    "template": ("短信模板", "/templates/"),
    "letter_version": ("信函版本", "/letter-versions/"),
    "hold_lift": ("解除暂停的申请", ""),
    "quantity": ("信函数量的申请", ""),
}
"""What somebody may have begun, and the path of its page if it has one."""


async def listing(visit: Visit) -> Response:
    users = (await visit.ask("UserService/ListUsers", ListUsersRequest(page_size=1000))).users
    return _page(visit, users)


async def create(visit: Visit) -> Response:
    """Makes an account and shows its first credentials, once."""
    form = await visit.form()
    request = CreateUserRequest(
        user_id=text(form, "user_id"),
        team=text(form, "team"),
        roles=texts(form, "roles"),
        bank_ids=text(form, "banks").split(),
        identity=_identity(form),
    )
    return _handed(visit, await visit.ask("UserService/CreateUser", request))


async def change(visit: Visit) -> Response:
    form, user_id = await visit.form(), visit.request.path_params["user_id"]
    request = ChangeUserRequest(
        user_id=user_id,
        team=text(form, "team"),
        roles=texts(form, "roles"),
        bank_ids=text(form, "banks").split(),
    )
    await visit.ask("UserService/ChangeUser", request)
    return visit.done("/people", "已变更，等待另一运维批准；其会话已结束")


async def approve(visit: Visit) -> Response:
    await visit.form()
    await visit.ask("UserService/ApproveUser", ApproveUserRequest(user_id=visit.request.path_params["user_id"]))
    return visit.done("/people", "已批准，可以登录")


async def reset(visit: Visit) -> Response:
    form = await visit.form()
    request = ResetUserRequest(user_id=visit.request.path_params["user_id"], identity=_identity(form))
    return _handed(visit, await visit.ask("UserService/ResetUser", request))


async def deactivate(visit: Visit) -> Response:
    """Shuts a person out, and shows what that person had begun."""
    await visit.form()
    request = DeactivateUserRequest(user_id=visit.request.path_params["user_id"])
    answer = await visit.ask("UserService/DeactivateUser", request)
    return visit.page("deactivated.html", answer=answer, begun=BEGUN)


async def one(visit: Visit) -> Response:
    user_id = visit.request.path_params["user_id"]
    users = (await visit.ask("UserService/ListUsers", ListUsersRequest(page_size=1000))).users
    found = next((user for user in users if user.user_id == user_id), None)
    if found is None:
        raise Refusal(Kind.NOT_FOUND, "没有此账号。There is no such account.")
    return visit.page("person.html", user=found, states=STATES, role_names=_roles(), issuers=_issuers(visit))


def _identity(form: FormData) -> ProviderIdentity | None:
    """Who a provider says the person is; None for a local account. What is left out is for the contract to refuse."""
    issuer, subject = text(form, "issuer"), text(form, "subject")
    return ProviderIdentity(issuer=issuer, subject=subject) if issuer or subject else None


def _handed(visit: Visit, made: CreateUserResponse | ResetUserResponse) -> Response:
    """The first credentials of a local account, once; a provider's account has none."""
    if not made.HasField("credentials"):
        return visit.done("/people", "已设立，等待另一运维批准；此人由统一登录证明")
    return visit.page("credentials.html", user=made.user, credentials=made.credentials)


def _page(visit: Visit, users: Sequence[Any]) -> Response:
    return visit.page("people.html", users=users, states=STATES, role_names=_roles(), issuers=_issuers(visit))


def _issuers(visit: Visit) -> list[str]:
    return [one.issuer for one in visit.console.providers.settings.providers]


def _roles() -> dict[str, str]:
    return {role: name for role, name in ROLE_NAMES.items() if role in ROLES_OF_PEOPLE}


ROUTES = (
    ("/people", ["GET"], listing),
    ("/people", ["POST"], create),
    ("/people/{user_id}", ["GET"], one),
    ("/people/{user_id}", ["POST"], change),
    ("/people/{user_id}/approve", ["POST"], approve),
    ("/people/{user_id}/reset", ["POST"], reset),
    ("/people/{user_id}/deactivate", ["POST"], deactivate),
)
