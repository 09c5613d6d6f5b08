"""`python -I -S leash.py PARENT_PID COMMAND...`: becomes the command, which the kernel ends when the parent does.

Run as a script by its path, so that it costs no imports. What it starts may be killed at any moment without loss.
Where the kernel has no such leash (anything but Linux), the lock of outreach.cli.supervisor still tells of leftovers.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the supervisor ended before its process began")
    os.execv(command[0], command)  # noqa: S606 no shell is meant


if __name__ == "__main__":
    main()
