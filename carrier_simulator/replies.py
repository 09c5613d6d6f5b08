"""Answers that are no answers: what the sender sees when something between it and the carrier breaks."""

from __future__ import annotations

import asyncio

from aiohttp import web

from carrier_simulator.faults import Answer

GARBLED = b'{"Code":"O'


async def broken(request: web.Request, answer: Answer, delay_s: float) -> web.StreamResponse | None:
    """The broken answer, or None if this one is whole (after its delay)."""
    match answer:
        case Answer.HTML_503:
            return web.Response(
                status=503, text="<html><h1>503 Service Unavailable</h1></html>", content_type="text/html"
            )
        case Answer.GARBLE:
            return web.Response(body=GARBLED, content_type="application/json")
        case Answer.CUT_SHORT:
            response = web.StreamResponse(headers={"Content-Length": "200", "Content-Type": "application/json"})
            await response.prepare(request)
            await response.write(GARBLED)
            return drop(request)
        case Answer.DROP:
            return drop(request)
        case Answer.DELAY:
            await asyncio.sleep(delay_s)
    return None


def drop(request: web.Request) -> web.StreamResponse:
    """Resets the connection; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
