"""Who watches hears of every change at once."""

from __future__ import annotations

import asyncio

from approval_service.authority import ChangeSignal


async def test_a_change_between_the_look_and_the_wait_is_not_missed() -> None:
    """The wait for what was taken before the look ends at once; the next one lasts until there is another change."""
    signal = ChangeSignal()
    upcoming = signal.upcoming()
    signal.notify()
    await asyncio.sleep(0)  # the commit is told while we look
    async with asyncio.timeout(5):
        await signal.wait(upcoming, timeout_s=60)
    assert not signal.upcoming().is_set()
