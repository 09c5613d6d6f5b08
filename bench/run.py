"""`make bench`: measures everything, prints a table and writes bench/results/latest.json. Takes some minutes.

Real processes on this machine, one world, and each bare limit measured in the same run.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import uvloop
from rich.console import Console

from bench import addresses, cancelling, letters, running, sending, submitting, verifying, world
from bench.results import Result, show, write

LATEST = Path(__file__).parent / "results" / "latest.json"


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="outreach-bench-") as name:
        results = await _measure(Path(name))
    show(results)
    write(results, LATEST)


async def _measure(folder: Path) -> list[Result]:
    console = Console(stderr=True)
    async with running.product(folder / "state") as settings:
        console.print("建立世界 founding the world")
        await world.found(settings, cancelling.END_OF_ACCOUNTS)
        console.print("测量 measuring: cancel_p99")
        cancel = await cancelling.measure(settings, folder)
        console.print("测量 measuring: send")  # before anything else is due
        send = await sending.measure(settings)
        console.print("测量 measuring: submit_batch, submit_unary")
        submit = await submitting.measure(settings, folder)
        await world.settled(settings)
        console.print("测量 measuring: ledger_verify")
        verify = await verifying.measure(settings, folder)
    console.print("测量 measuring: letters_run, letter_single, address_cpca")
    return [*submit, send, cancel, verify, *letters.measure(), addresses.measure()]


if __name__ == "__main__":
    uvloop.run(main())
