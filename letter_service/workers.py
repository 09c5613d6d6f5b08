"""Processes that lay out and stamp while this one answers. Spawned: a forked one would inherit gRPC's threads."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from outreach.runtime import logs

P = ParamSpec("P")
R = TypeVar("R")
PROCESSES = 2
"""One for the run that is laid out, one for previews and copies meanwhile."""


class WorkerDied(Exception):
    """The process that did the work ended: out of memory, or killed. The work may be given again."""


class Workers:
    """A pool of processes. Whoever asks must be able to ask again: what runs when the pool is closed is lost."""

    def __init__(self, log_level: str) -> None:
        self._log_level = log_level
        self._pool = self._new()

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls a module's function in a process. Its arguments, result and exceptions must be picklable. WorkerDied.

        An exception of more than its message, such as Refusal, is not.
        """
        pool = self._pool
        try:
            return await asyncio.wrap_future(pool.submit(function, *args, **kwargs))
        except BrokenProcessPool:
            if pool is self._pool:
                self._pool = self._new()
            raise WorkerDied from None

    def close(self) -> None:
        """Ends the processes at once."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()

    def _new(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(PROCESSES, spawn, _begin, (self._log_level,))


def _begin(log_level: str) -> None:
    """Begins a process of the pool, which ends when its parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    logs.set_up("letter_service", log_level)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
