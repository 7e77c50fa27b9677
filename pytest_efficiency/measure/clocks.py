"""Which clock a pair of functions is read by, and how long threads that could run had to wait for a core.

CPU time is what other programs on the machine cannot change, so it is read wherever it means something. It means
nothing for a call that sleeps, and it is the wrong question for a call that shares its work among threads.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_efficiency.subject.protocol import Timing

if TYPE_CHECKING:
    from collections.abc import Sequence

Clock = Literal["CPU time", "wall time"]

# Below this the wall clock of a batch is the better one: it is read in a quarter of the time, and a batch this short
# is rarely interrupted.
SHORT = 1e-3
# More CPU time in the process than in the calling thread, by this factor, means threads inside the call.
THREADS = 1.15
# Less of the wall time spent running (or waiting for a core) than this means that the call sleeps or waits.
BUSY = 0.5
# A call that waits while other threads of its process use a core for more than this part of the time waits for them.
WORKED_FOR = 0.1
# CPU times below this say nothing about how they are shared: the bookkeeping around the call is as long.
TELLING = 2e-4
# What the wall clock may show around a worker's batch without anybody sleeping: the message, and waking up for it.
ROUND_TRIP = 2e-4


@dataclass(frozen=True)
class Sample:
    """A `Timing` with the time that its calling thread waited for a core (``waited``) and that all threads did.

    ``reply`` is what the round trip to a worker may take of the wall time.
    """

    timing: Timing
    waited: float = 0.0
    all_waited: float = 0.0
    reply: float = 0.0

    def __add__(self, other: Sample) -> Sample:
        """Both batches as one."""
        one, two = self.timing, other.timing
        timing = Timing(
            one.calls + two.calls,
            one.wall + two.wall,
            one.cpu + two.cpu,
            one.process_cpu + two.process_cpu,
            one.elsewhere + two.elsewhere,
        )
        waited, all_waited = self.waited + other.waited, self.all_waited + other.all_waited
        return Sample(timing, waited, all_waited, self.reply + other.reply)

    @property
    def busy(self) -> float:
        """Share of the wall time in which the calling thread ran or would have run.

        CPU / wall alone reads 0.5 for pure computation beside two busy loops; with the wait added, it reads 1.0.
        """
        wall = self.timing.wall
        return (self.timing.cpu + self.waited + self.reply) / wall if wall > 0.0 else 1.0

    @property
    def elsewhere(self) -> float:
        """CPU time of the other threads over the wall time."""
        wall = self.timing.wall
        return (self.timing.process_cpu - self.timing.cpu) / wall if wall > 0.0 else 0.0

    @property
    def threads(self) -> float:
        """CPU time of the process over that of the calling thread; 1.0 where it is too short to tell."""
        if self.timing.process_cpu < TELLING:
            return 1.0
        return self.timing.process_cpu / max(self.timing.cpu, 1e-9)


@dataclass(frozen=True)
class Choice:
    """The clock of a pair, and the reason as a line for the report (empty where it is the usual one)."""

    clock: Clock
    why: str = ""
    threads: bool = False


def choose_clock(reference: Sequence[Sample], candidate: Sequence[Sample], *, short: bool = False) -> Choice:
    """One clock for both sides, from the batches that calibrated them.

    The middle sample decides, so that one call that was interrupted, or another thread that ran for a moment, does not.

    Args:
        reference, candidate: at least one sample each.
        short: batches are shorter than `SHORT` and timed in this process.
    """
    sides = (("candidate", candidate), ("reference", reference))
    for side, samples in sides:
        share = _middle([sample.threads for sample in samples])
        waits = _middle([sample.busy for sample in samples]) < BUSY
        # A pool's calling thread sleeps while the others work, and it is theirs whom a busy machine keeps waiting.
        if share > THREADS and not (waits and _middle([sample.elsewhere for sample in samples]) < WORKED_FOR):
            who = (
                f"the {side} uses {share:.1f} times its calling thread's CPU time"
                if not waits
                else f"the {side} waits for them"
            )
            return Choice("wall time", f"wall time, because of threads inside: {who}", threads=True)
    for side, samples in sides:
        if _middle([sample.busy for sample in samples]) < BUSY:
            return Choice("wall time", f"wall time, because the {side} sleeps or waits for more than half of its time")
    return Choice("wall time") if short else Choice("CPU time")


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


class RunQueue:
    """How long the threads of a process have waited for a core, from the kernel's scheduler statistics.

    ``/proc/PID/task/TID/schedstat`` holds nanoseconds run, nanoseconds waited on a run queue, and time slices (Linux,
    Documentation/scheduler/sched-stats). Where it does not exist everything reads 0.
    """

    def __init__(self, pid: int, thread: int | None = None) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._thread: int | None = None
        try:
            self._thread = os.open(self._tasks / str(thread if thread is not None else pid) / "schedstat", os.O_RDONLY)
        except OSError:
            self._thread = None

    def waited(self) -> float:
        """Seconds that the calling thread has waited in its life."""
        if self._thread is None:
            return 0.0
        try:
            return _waited(os.pread(self._thread, 128, 0))
        except OSError:
            return 0.0

    def all_waited(self) -> float:
        """The same for all threads that are alive now, together."""
        total = 0.0
        try:
            for task in self._tasks.iterdir():
                try:
                    total += _waited((task / "schedstat").read_bytes())
                except OSError:
                    continue  # a thread that has ended meanwhile
        except OSError:
            return 0.0
        return total

    def close(self) -> None:
        if self._thread is not None:
            os.close(self._thread)
            self._thread = None


def _waited(text: bytes) -> float:
    fields = text.split()
    return int(fields[1]) * 1e-9 if len(fields) >= 2 else 0.0
