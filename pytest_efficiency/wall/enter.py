"""Runs as a script: step inside the limits given as JSON, then become the command that follows.

``python -I -S enter.py '{"limits": [[name, number], ...], "parent": PID or 0}' command argument ...``

Imports next to nothing, because every compiler run passes through here. A command that cannot be run ends with exit
status 127 and one line on stderr, as in a shell.
"""

from __future__ import annotations

import json
import os
import resource
import sys


def lower(name: str, number: int) -> None:
    """Set a limit for good, but never above what this process has been given."""
    which = getattr(resource, name, None)
    if which is None:
        return
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        number = min(number, hard)
    try:
        resource.setrlimit(which, (number, number))
    except (ValueError, OSError):
        # macOS refuses RLIMIT_AS and some others: the deadline and the process group remain.
        return


def bind_to_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends, and never let it gain privileges (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes
    import signal

    prctl = ctypes.CDLL(None).prctl
    set_parent_death_signal, set_no_new_privs = 1, 38
    prctl(set_no_new_privs, 1, 0, 0, 0)
    if parent:
        prctl(set_parent_death_signal, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            # The parent ended before the request reached the kernel: nobody is waiting for this process.
            os._exit(1)


def main() -> None:
    wish = json.loads(sys.argv[1])
    command = sys.argv[2:]
    bind_to_parent(wish["parent"])
    for name, number in wish["limits"]:
        lower(name, number)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error.strerror}\n".encode())
        os._exit(127)


if __name__ == "__main__":
    main()
