"""UserService and SessionService: people's accounts. Passwords are hashed here, outside the write lock."""

from __future__ import annotations

import asyncio

from approval_service import credentials, sessions, users
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.sessions import Proof, ProviderProof
from approval_service.users import Secrets
from outreach.runtime.server import Context
from outreach.runtime.tokens import principal_of
from outreach.v1 import session_service_pb2 as session_pb
from outreach.v1 import user_service_pb2 as pb
from outreach.v1.session_service_pb2_grpc import SessionServiceServicer
from outreach.v1.user_service_pb2_grpc import UserServiceServicer


class UserServer(UserServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def CreateUser(self, request: pb.CreateUserRequest, context: Context) -> pb.CreateUserResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(users.create_user, (call, await _secrets(request)))

    async def ChangeUser(self, request: pb.ChangeUserRequest, context: Context) -> pb.ChangeUserResponse:
        return await self._authority.write(users.change_user, Call(principal_of(context), request))

    async def ResetUser(self, request: pb.ResetUserRequest, context: Context) -> pb.ResetUserResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(users.reset_user, (call, await _secrets(request)))

    async def ApproveUser(self, request: pb.ApproveUserRequest, context: Context) -> pb.ApproveUserResponse:
        return await self._authority.write(users.approve_user, Call(principal_of(context), request))

    async def DeactivateUser(self, request: pb.DeactivateUserRequest, context: Context) -> pb.DeactivateUserResponse:
        call = Call(principal_of(context), request)
        return await self._authority.write(users.deactivate_user, call, urgent=True)

    async def ListUsers(self, request: pb.ListUsersRequest, context: Context) -> pb.ListUsersResponse:
        return await self._authority.read(users.list_users, Call(principal_of(context), request))


class SessionServer(SessionServiceServicer):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    async def LogIn(self, request: session_pb.LogInRequest, context: Context) -> session_pb.LogInResponse:
        proof = await self._prove(request.user_id, request.password, request.totp_code)
        return await self._authority.write(sessions.log_in, proof)

    async def LogInByProvider(
        self, request: session_pb.LogInByProviderRequest, context: Context
    ) -> session_pb.LogInByProviderResponse:
        return await self._authority.write(sessions.log_in_by_provider, _provider_proof(request))

    async def CheckSession(
        self, request: session_pb.CheckSessionRequest, context: Context
    ) -> session_pb.CheckSessionResponse:
        response, unnoted = await self._authority.read(sessions.check_session, request)
        if unnoted:
            await self._authority.write(sessions.touch, request.token)
        return response

    async def Reauthenticate(
        self, request: session_pb.ReauthenticateRequest, context: Context
    ) -> session_pb.ReauthenticateResponse:
        user_id = await self._authority.read(sessions.user_of, request.token)
        proof = await self._prove(user_id, request.password, request.totp_code)
        return await self._authority.write(sessions.reauthenticate, (request.token, proof))

    async def ReauthenticateByProvider(
        self, request: session_pb.ReauthenticateByProviderRequest, context: Context
    ) -> session_pb.ReauthenticateByProviderResponse:
        asked = (request.token, _provider_proof(request))
        return await self._authority.write(sessions.reauthenticate_by_provider, asked)

    async def ChangePassword(
        self, request: session_pb.ChangePasswordRequest, context: Context
    ) -> session_pb.ChangePasswordResponse:
        user_id = await self._authority.read(sessions.user_of, request.token)
        new = credentials.require_strong("new_password", request.new_password, user_id)
        proof = await self._prove(user_id, request.old_password, "")
        new_hash = await asyncio.to_thread(credentials.hash_password, new)
        return await self._authority.write(sessions.change_password, (request.token, proof, new_hash))

    async def LogOut(self, request: session_pb.LogOutRequest, context: Context) -> session_pb.LogOutResponse:
        return await self._authority.write(sessions.log_out, request.token)

    async def EndProviderSessions(
        self, request: session_pb.EndProviderSessionsRequest, context: Context
    ) -> session_pb.EndProviderSessionsResponse:
        return await self._authority.write(sessions.end_by_provider, request, urgent=True)

    async def _prove(self, user_id: str, password: str, totp_code: str) -> Proof:
        stored = await self._authority.read(sessions.password_hash, user_id)
        right = await asyncio.to_thread(credentials.is_password, stored, password)
        return Proof(user_id, stored, right, totp_code)


def _provider_proof(
    request: session_pb.LogInByProviderRequest | session_pb.ReauthenticateByProviderRequest,
) -> ProviderProof:
    return ProviderProof(request.identity, request.authenticate_time.ToMilliseconds(), request.provider_session)


async def _secrets(request: pb.CreateUserRequest | pb.ResetUserRequest) -> Secrets | None:
    """For a local account only."""
    if request.HasField("identity"):
        return None
    password = credentials.first_password()
    password_hash = await asyncio.to_thread(credentials.hash_password, password)
    return Secrets(password, password_hash, credentials.totp_secret())
