"""The CPU time of another process, read from outside.

Linux: the kernel's CPU clock of a process, in nanoseconds, 0.35 us a read, and ``schedstat`` for one thread. Elsewhere
psutil, which is coarser and knows no threads.

The kernel brings the clock of a process that runs on another core up to date only at ticks and context switches, so a
reading taken the moment a reply arrives can be stale by milliseconds. `CpuClock.settled` reads until the process
sleeps and two readings agree.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import Protocol

_STEP = 60e-6
_PATIENCE = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")
_ON_LINUX = sys.platform.startswith("linux")


class CpuClock(Protocol):
    """Clocks of one process; every reading is in seconds."""

    def process(self) -> float:
        """CPU time of all threads, now; up to a tick behind while it runs."""

    def settled(self) -> tuple[float, float]:
        """CPU time of all threads and finished children, and of the main thread, once the process sleeps."""

    def delay(self) -> float:
        """How long the main thread has waited for a core in its life."""

    def close(self) -> None:
        """Give descriptors back."""


def cpu_clock(pid: int) -> CpuClock:
    """The best clock that this system has for a process that lives."""
    return _LinuxClock(pid) if _ON_LINUX else _PsutilClock(pid)


class _LinuxClock:
    def __init__(self, pid: int) -> None:
        self._clock = (~pid << 3) | 2
        self._schedstat = _open(f"/proc/{pid}/task/{pid}/schedstat")
        self._stat = _open(f"/proc/{pid}/stat")

    def process(self) -> float:
        try:
            return time.clock_gettime(self._clock)
        except OSError as error:
            raise ProcessLookupError from error

    def settled(self) -> tuple[float, float]:
        give_up = time.monotonic() + _PATIENCE
        before = self.process()
        while True:
            time.sleep(_STEP)
            now = self.process()
            sleeps, children = self._state()
            # At the end of patience a thread of theirs never rests: whatever it has burnt so far is theirs.
            if (now == before and sleeps) or time.monotonic() > give_up:
                break
            before = now
        main = self._main_thread()
        return now + children, now if main is None else main

    def delay(self) -> float:
        numbers = self._numbers()
        return numbers[1] * 1e-9 if numbers else 0.0

    def close(self) -> None:
        for fd in (self._schedstat, self._stat):
            if fd is not None:
                os.close(fd)
        self._schedstat = self._stat = None

    def _main_thread(self) -> float | None:
        numbers = self._numbers()
        return numbers[0] * 1e-9 if numbers else None

    def _numbers(self) -> list[int]:
        if self._schedstat is None:
            return []
        with suppress(OSError, ValueError):
            return [int(number) for number in os.pread(self._schedstat, 128, 0).split()]
        return []

    def _state(self) -> tuple[bool, float]:
        """Whether the main thread sleeps, and the CPU time of child processes that it has waited for."""
        if self._stat is not None:
            with suppress(OSError, ValueError, IndexError):
                # The name of the command, in brackets, may itself contain brackets and spaces.
                fields = os.pread(self._stat, 1024, 0).rpartition(b") ")[2].split()
                return fields[0] != b"R", (int(fields[13]) + int(fields[14])) / _TICKS
        return True, 0.0


class _PsutilClock:
    def __init__(self, pid: int) -> None:
        import psutil

        self._process = psutil.Process(pid)
        self._gone = psutil.NoSuchProcess

    def process(self) -> float:
        try:
            times = self._process.cpu_times()
        except self._gone as error:
            raise ProcessLookupError from error
        return float(times.user + times.system)

    def settled(self) -> tuple[float, float]:
        give_up = time.monotonic() + _PATIENCE
        before = self.process()
        while True:
            time.sleep(_STEP)
            now = self.process()
            if now == before or time.monotonic() > give_up:
                return now, now
            before = now

    def delay(self) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing to give back."""


def _open(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
