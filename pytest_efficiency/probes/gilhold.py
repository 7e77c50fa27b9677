"""Keeping the GIL away from a thread for a while, and what that thread does meanwhile. Used by the ticker.

Code that works or sleeps without the GIL goes on; code that lets go of it for a moment waits for it. The kernel tells
these apart: by the CPU clock of the thread, and by the call that it waits in.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

# A thread that got less than this share of a hold, and is ready to run, was waiting for a CPU and not for the GIL.
_RAN = 0.25
_LATE = 2.0


@dataclass(frozen=True)
class Place:
    """Where a thread is, as the kernel tells it.

    ``ready``: it runs, or waits for nothing but a CPU. ``where``: the number of the call that it waits in and that
    call's first argument. Neither if the kernel does not tell.
    """

    ready: bool
    where: tuple[int, int] | None

    def within(self, room: tuple[int, int] | None) -> bool:
        """Whether it waits in the same place; the GIL is a mutex beside a condition variable with two places."""
        if room is None or self.where is None:
            return False
        return self.where[0] == room[0] and abs(self.where[1] - room[1]) < 128


@dataclass(frozen=True)
class Hold:
    """One hold: the share of it, at most 1, that the measured thread ran, and where that was before and after.

    ``late``: it took much longer than it should have, because the holding thread itself had no CPU.
    """

    share: float
    before: Place
    after: Place
    late: bool

    def informative(self, room: tuple[int, int] | None) -> bool:
        """False for a thread that stood still for another reason than this hold, and for a hold of another length.

        Another process had pushed the thread off its CPU; or it still waited for the GIL from the hold before.
        """
        return not self.late and not self.before.within(room) and (self.share >= _RAN or not self.after.ready)


class Holder:
    """Keeps the GIL, asleep, and tells what the measured thread did in that time."""

    def __init__(self, measured: int, native: int) -> None:
        import ctypes

        # PyDLL calls without letting go of the GIL; CDLL would let go.
        libc = ctypes.PyDLL(None)
        self._usleep, self._pread = libc.usleep, libc.pread
        self._pread.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
        self._clock = time.pthread_getcpuclockid(measured)
        self._line = ctypes.create_string_buffer(64)
        try:
            self._file = os.open(f"/proc/self/task/{native}/syscall", os.O_RDONLY)
        except OSError:
            self._file = -1

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    def cpu(self) -> float:
        """Seconds of CPU time that the measured thread has used."""
        return time.clock_gettime(self._clock)

    def hold(self, microseconds: int) -> Hold:
        place = self._place()
        seconds = microseconds * 1e-6
        cpu, wall = time.clock_gettime(self._clock), time.perf_counter()
        self._usleep(microseconds)
        wall, cpu = time.perf_counter() - wall, time.clock_gettime(self._clock) - cpu
        return Hold(min(1.0, cpu / seconds), place, self._place(), wall > _LATE * seconds)

    def _place(self) -> Place:
        read = self._pread(self._file, self._line, 63, 0)
        # "running", or "202 0x7f... ...": the number of a call and its arguments.
        words = self._line.raw[: max(0, read)].split()
        try:
            return Place(False, (int(words[0]), int(words[1], 16)))
        except (ValueError, IndexError):
            return Place(words[:1] == [b"running"], None)


def holder(measured: int, native: int) -> Holder | None:
    """None where there is no libc to call or no clock of another thread to read (macOS, Windows)."""
    try:
        return Holder(measured, native)
    except (ImportError, OSError, TypeError, AttributeError):
        return None
