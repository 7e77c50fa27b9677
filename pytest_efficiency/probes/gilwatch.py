"""What the ticker notes each time that it has the GIL: about the measured thread, and about itself.

Nothing here lets go of the GIL. Whether the ticker had to wait for it is told by the kernel, which counts how often a
thread slept: once is its nap, once more is the GIL. No load can change that, as it changes every time that is measured.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Numbers of the call in which a thread waits for a lock, of Python or of its own: x86-64 and AArch64.
_FUTEX = b"202", b"98"
# Timer slack, 50 us by default, makes every short sleep 60 us too long; the naps are the resolution of the probe.
_PR_SET_TIMERSLACK = 29


@dataclass(frozen=True, slots=True)
class Tick:
    """One moment at which the ticker had the GIL, in seconds where nothing else is said.

    ``cpu``: what the measured thread has used so far. ``sleeps``: how often the ticker has slept so far; ``queued``:
    how long it was ready to run and another thread ran. ``place``: what the kernel says of the measured thread. None
    where the system does not tell.
    """

    time: float
    cpu: float | None
    sleeps: int | None
    queued: float
    place: bytes | None

    @property
    def asleep(self) -> bool | None:
        """Whether the measured thread waits for something; None if unknown."""
        return None if self.place is None else not self.place.startswith(b"running")

    @property
    def at_a_lock(self) -> bool:
        """Whether it waits for a lock, which may be the GIL that the ticker has."""
        return self.place is not None and self.place.partition(b" ")[0] in _FUTEX


class Watcher:
    """Made in the ticker's thread; notes what there is to know with as little time as possible."""

    def __init__(self, measured: int, native: int) -> None:
        self._files: list[int] = []
        self._clock: int | None = None
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock = time.pthread_getcpuclockid(measured)
        try:
            import resource

            self._sleeps: Callable[[], int] | None = partial(_sleeps, resource.getrusage, resource.RUSAGE_THREAD)
        except (ImportError, AttributeError):
            self._sleeps = None
        self._place = self._queued = -1
        try:
            import ctypes

            # PyDLL calls without letting go of the GIL; os.pread would let go.
            libc = ctypes.PyDLL(None)
            self._pread = libc.pread
            self._pread.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
            self._line = ctypes.create_string_buffer(64)
            if sys.platform.startswith("linux"):
                libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
                self._place = self._open(f"/proc/self/task/{native}/syscall")
                self._queued = self._open(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        except (ImportError, OSError, TypeError, AttributeError):
            return

    def _open(self, path: str) -> int:
        self._files.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        return self._files[-1]

    def _read(self, file: int) -> bytes:
        length = self._pread(file, self._line, 63, 0)
        return self._line.raw[: max(0, length)]

    def note(self) -> Tick:
        """What there is to know now."""
        now = time.perf_counter()
        place = self._read(self._place) if self._place >= 0 else b""
        queued = self._read(self._queued).split() if self._queued >= 0 else []
        return Tick(
            now,
            time.clock_gettime(self._clock) if self._clock is not None else None,
            self._sleeps() if self._sleeps is not None else None,
            int(queued[1]) * 1e-9 if len(queued) > 1 else 0.0,
            place or None,
        )

    def close(self) -> None:
        for file in self._files:
            os.close(file)
        self._files.clear()


def _sleeps(usage: Callable[[int], Any], who: int) -> int:
    return int(usage(who).ru_nvcsw)
