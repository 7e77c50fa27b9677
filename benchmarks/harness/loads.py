"""The loads that verdicts are tried under. Each ends with its block, and with this process whatever happens to it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Each of them ends by itself when its standard input closes, so that a killed benchmark leaves nothing behind.
_WATCH = "import os, threading; threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()\n"
_BUSY = f"{_WATCH}while True: pass"
_BURST = f"""{_WATCH}
import time
while True:
    until = time.monotonic() + 0.2
    while time.monotonic() < until: pass
    time.sleep(0.2)
"""
_MEMORY = f"""{_WATCH}
one, other = bytearray(512_000_000), bytearray(512_000_000)
while True: one[:] = other
"""
_CPUS = os.cpu_count() or 1
_PROGRAMS = {
    "quiet": [],
    "hog1": [_BUSY],
    "hog2": [_BUSY] * _CPUS,
    "burst": [_BURST] * _CPUS,
    "membw": [_MEMORY],
}
LOADS = tuple(_PROGRAMS)
MEANING = {
    "quiet": "nothing started",
    "hog1": "one busy loop",
    "hog2": "one busy loop per CPU",
    "burst": "every CPU busy for 200 ms, idle for 200 ms",
    "membw": "a process that copies 512 MB again and again",
}


@contextlib.contextmanager
def load(name: str) -> Iterator[None]:
    """Run the block beside this load."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for program in _PROGRAMS[name]:
            one = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
            started.append(one)  # one by one: those that did start are ended below even if the next cannot
        if started:
            time.sleep(1.0 if name == "membw" else 0.3)
        yield
    finally:
        for process in started:
            process.kill()
            process.communicate()
