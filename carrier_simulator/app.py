"""The simulator as one application: / is Aliyun or Tencent, by the request's headers, /bank/v1/messages the bank's own,
a port of its own CMPP; /control tells it what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from carrier_simulator import aliyun, bank_http, cmpp, tencent
from carrier_simulator.core import Core, Handler, Registered
from carrier_simulator.faults import BY_NAME
from carrier_simulator.pushes import FarEnd, Webhook

FORMS = {aliyun.CARRIER: aliyun.form, bank_http.CARRIER: bank_http.form, tencent.CARRIER: tencent.form}
CARRIERS = (*FORMS, cmpp.CARRIER)
CMPP_GATEWAY = web.AppKey("cmpp_gateway", cmpp.Gateway)


def build(
    folder: Path,
    *,
    aliyun_account: aliyun.Account | None = None,
    bank_account: bank_http.Account | None = None,
    cmpp_account: cmpp.Account | None = None,
    tencent_account: tencent.Account | None = None,
    webhooks: dict[str, str] | None = None,
    receipt_delay_s: float = 0.2,
    host: str = "127.0.0.1",
) -> web.Application:
    """The application; its state lies in `folder`. `webhooks` are URLs by carrier (aliyun, bank, tencent)."""
    hooks = {carrier: Webhook(form) for carrier, form in FORMS.items()}
    for carrier, url in (webhooks or {}).items():
        hooks[carrier].url = url
    gateway = cmpp.Gateway(cmpp_account or cmpp.Account(), host)
    far_ends: dict[str, FarEnd] = {**hooks, cmpp.CARRIER: gateway}
    core = Core(folder, far_ends, receipt_delay_s)

    async def running(_: web.Application) -> Any:
        await core.start()
        yield
        await core.stop()

    app = web.Application()
    app[CMPP_GATEWAY] = gateway
    app.cleanup_ctx.append(running)
    clouds = aliyun.handler(core, aliyun_account or aliyun.Account())
    app.router.add_post("/", _by_headers(clouds, tencent.handler(core, tencent_account or tencent.Account())))
    app.router.add_post("/bank/v1/messages", bank_http.handler(core, bank_account or bank_http.Account()))
    app.router.add_post("/control", _control(core, hooks, gateway))
    return app


def _by_headers(aliyun_handler: Handler, tencent_handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await (tencent_handler if "X-TC-Action" in request.headers else aliyun_handler)(request)

    return handle


def _control(core: Core, hooks: dict[str, Webhook], gateway: cmpp.Gateway) -> Handler:
    async def control(request: web.Request) -> web.Response:
        """{"carrier": .., "behaviour": .., "times": n} for the next messages; {"webhook": url} or {"template": {"code",
        "text", "state"}} with a carrier; {"reply": {"phone", "text"}} over CMPP; {"receipt_delay_ms": n},
        {"answer_delay_ms": n}, {"clear": true}. Answers what the simulator has seen."""
        order = await request.json()
        if order.get("clear"):
            core.faults.clear()
        carrier = order.get("carrier")
        if "behaviour" in order:
            if order["behaviour"] not in BY_NAME or carrier not in CARRIERS:
                known = f"carrier is one of {', '.join(CARRIERS)}; behaviour one of {', '.join(BY_NAME)}"
                raise web.HTTPBadRequest(text=known)
            core.faults.tell(carrier, order["behaviour"], int(order.get("times", 1)))
        if "webhook" in order:
            hooks[carrier].url = order["webhook"]
        if "template" in order:
            template = order["template"]
            await core.register(carrier, template["code"], Registered(template["text"], template["state"]))
        if "reply" in order:
            await gateway.reply(**order["reply"])
        core.receipt_delay_s = order.get("receipt_delay_ms", core.receipt_delay_s * 1000) / 1000
        core.answer_delay_s = order.get("answer_delay_ms", core.answer_delay_s * 1000) / 1000
        taken = sum(message.taken for message in core.messages)
        return web.json_response({"messages": len(core.messages), "taken": taken})

    return control
