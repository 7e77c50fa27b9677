"""Both workers of a pair on one core, and this process on the others.

Two cores of one machine have two speeds: a neighbour on the sibling hyper-thread takes 25 % away, and an idle core is
slow to wake. A pair whose sides happened to run on different ones read ratios that scattered by 20 % from round to
round; on the same one, with the parent elsewhere, by 3 to 5 %.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


class OneCore:
    """Keeps the main threads of processes on one core of this thread's own, drawn at random, until `release`.

    Does nothing where there is only one, or where a system has no such thing.
    """

    def __init__(self, rng: random.Random) -> None:
        self._ours: set[int] = set()
        self._core = -1
        self._held: dict[int, set[int]] = {}
        if hasattr(os, "sched_getaffinity"):
            self._ours = os.sched_getaffinity(0)
            self._core = rng.choice(sorted(self._ours))

    def hold(self, pid: int) -> None:
        """Keep this process there from now on; cheap where that is so already."""
        if len(self._ours) < 2 or pid in self._held:
            return
        with suppress(OSError):  # it has ended, or belongs to somebody else
            before = os.sched_getaffinity(pid)
            os.sched_setaffinity(pid, {self._core})
            if not self._held:
                os.sched_setaffinity(0, self._ours - {self._core})
            self._held[pid] = before

    def release(self) -> None:
        """Let all of them, and this thread, run where they did before."""
        if self._held:
            os.sched_setaffinity(0, self._ours)
        for pid, before in self._held.items():
            with suppress(OSError):
                os.sched_setaffinity(pid, before)
        self._held.clear()
