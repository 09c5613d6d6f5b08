"""Takes approved erasures as far as they go, a part at a time, for as long as the authority runs.

What is approved and not done stands in the database: after a kill it goes on where it was.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from approval_service.authority import Authority
from approval_service.personal_data import erasure
from approval_service.store import persons as store
from outreach.domain.errors import Refusal
from outreach.runtime.logs import EventLogger

PAUSE_S = 2.0
"""What waits for others is looked at again each time, under the write lock."""
_log = EventLogger("erasing")


async def run(authority: Authority) -> None:
    """Until cancelled."""
    scrubbed = False  # a kill may have come between a commit and the scrubbing after it
    while True:
        try:
            if await round_of(authority):
                scrubbed = False
            if not scrubbed:
                scrubbed = await asyncio.to_thread(authority.database.scrub)
        except (Refusal, SQLAlchemyError) as error:
            _log.warning("erasing_failed", error)
        await asyncio.sleep(PAUSE_S)


async def round_of(authority: Authority) -> int:
    """Looks once at every approved erasure. Returns how many people were erased."""
    erased, after_id = 0, ""
    while await authority.read(store.to_erase, after_id, 1):
        swept = await authority.write(erasure.sweep, after_id)
        erased += swept.erased
        after_id = swept.next_after
        if not after_id:
            break
    return erased
