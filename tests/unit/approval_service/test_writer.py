from __future__ import annotations

import asyncio
from collections.abc import Sequence

from approval_service.writer import MAX_GROUP, Tx, _Job, _Queue


def _handler(_tx: Tx, payloads: Sequence[int]) -> Sequence[int]:
    return payloads


async def test_urgent_jobs_do_not_keep_normal_ones_waiting() -> None:
    """Files of the bank's events may fill each group; leases and reports go with them all the same."""
    loop = asyncio.get_running_loop()

    def job(size: int) -> _Job:
        return _Job(_handler, range(size), loop, loop.create_future())

    queue = _Queue()
    imports, lease = [job(MAX_GROUP), job(MAX_GROUP)], job(1)
    queue.urgent.extend(imports)
    queue.normal.append(lease)
    assert queue.take_group() == [imports[0], lease]
    assert queue.take_group() == [imports[1]]
