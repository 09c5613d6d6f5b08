"""The simulator as one web application: / is Aliyun, /bank/v1/messages the bank's, /control tells it what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from carrier_simulator import aliyun, bank_http
from carrier_simulator.core import Core
from carrier_simulator.faults import BY_NAME

FORMS = {aliyun.CARRIER: aliyun.form, bank_http.CARRIER: bank_http.form}


def build(
    folder: Path,
    *,
    aliyun_account: aliyun.Account | None = None,
    bank_account: bank_http.Account | None = None,
    webhooks: dict[str, str] | None = None,
    receipt_delay_s: float = 0.2,
) -> web.Application:
    """The application; its state lies in `folder`. `webhooks` are URLs by carrier (aliyun, bank)."""
    core = Core(folder, dict(FORMS), receipt_delay_s)
    for carrier, url in (webhooks or {}).items():
        core.pushes[carrier].webhook = url

    async def running(_: web.Application) -> Any:
        await core.start()
        yield
        await core.stop()

    app = web.Application()
    app.cleanup_ctx.append(running)
    app.router.add_post("/", aliyun.handler(core, aliyun_account or aliyun.Account()))
    app.router.add_post("/bank/v1/messages", bank_http.handler(core, bank_account or bank_http.Account()))
    app.router.add_post("/control", _control(core))
    return app


def _control(core: Core) -> Any:
    async def control(request: web.Request) -> web.Response:
        """{"carrier": .., "behaviour": .., "times": n} for the next messages; {"webhook": url} with a carrier;
        {"receipt_delay_ms": n}, {"answer_delay_ms": n}, {"clear": true}. Answers what the simulator has seen."""
        order = await request.json()
        if order.get("clear"):
            core.faults.clear()
        carrier = order.get("carrier")
        if "behaviour" in order:
            if order["behaviour"] not in BY_NAME or carrier not in FORMS:
                known = f"carrier is one of {', '.join(FORMS)}; behaviour one of {', '.join(BY_NAME)}"
                raise web.HTTPBadRequest(text=known)
            core.faults.tell(carrier, order["behaviour"], int(order.get("times", 1)))
        if "webhook" in order:
            core.pushes[carrier].webhook = order["webhook"]
        core.receipt_delay_s = order.get("receipt_delay_ms", core.receipt_delay_s * 1000) / 1000
        core.answer_delay_s = order.get("answer_delay_ms", core.answer_delay_s * 1000) / 1000
        taken = sum(message.taken for message in core.messages)
        return web.json_response({"messages": len(core.messages), "taken": taken})

    return control
