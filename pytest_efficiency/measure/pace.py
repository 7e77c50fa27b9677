"""How long one call of a subject takes once it is warm, and how many calls fill a batch."""

from __future__ import annotations

import os
import statistics
import sys
import threading
from typing import TYPE_CHECKING

from pytest_efficiency.measure.clocks import BUSY, ROUND_TRIP, THREADS, RunQueue, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_efficiency.measure.inputs import Inputs
    from pytest_efficiency.subject.protocol import Call, Subject

# A call is warm when this many in a row fail to beat the best by 10 %.
WARM_IN_A_ROW, _WARM_GAIN = 3, 0.9
_WARM_CALLS, _WARM_SECONDS, LONG_CALL = 50, 0.5, 1.0
# Where calls take as long as this, a second one that is no faster than the first says that nothing was compiled.
LONG_ENOUGH = 1e-3
# Calls longer than this are not repeated to calibrate a batch: one of them is a batch.
_ONE_IS_ENOUGH = 5e-3
# Unless the one says that there are threads inside, or that it sleeps: another thread that ran for a moment, or a core
# that somebody else had, looks the same. Up to this length the middle of three is asked.
_WORTH_ASKING = 0.2
# Even calls of 20 ns fill a batch of 100 us with 5000; a clock that stands still must not make this endless.
MOST_CALLS = 1 << 16
# A clock on which calls take nothing for so many seconds on ours stands still, or is broken: more calls tell no more.
_BLIND = 0.02


class Pace:
    """One side of a speedup, the candidate or the reference, with what has been found out about it.

    Attributes:
        samples: the batches that calibrated it, all of the same number of calls.
        warm: the last call that warmed it up, if it was no slower than the best.
        seconds: of one call, from ``samples``: CPU time, or wall time if the call mostly sleeps. NaN before.
        calls: how many have been made in all.
    """

    def __init__(self, subject: Subject, inputs: Inputs, now: Callable[[], float]) -> None:
        self.subject = subject
        self._inputs = inputs
        self._now = now
        self._queue: RunQueue | None = None
        self._queue_of = -1
        self.samples: list[Sample] = []
        self.warm: list[Sample] = []
        self.calls = 0

    def run_queue(self) -> RunQueue:
        # Opened late and again when the worker is another one: a restarted worker has another process id.
        if self._queue is None or self._queue_of != self.subject.pid:
            self.close()
            self._queue_of = self.subject.pid
            thread = threading.get_native_id() if self.subject.home == "here" else None
            self._queue = RunQueue(self._queue_of, thread)
        return self._queue

    def close(self) -> None:
        if self._queue is not None:
            self._queue.close()
            self._queue = None

    def timed(
        self, calls: Sequence[Call], *, keep: bool = False, cpu_limit: float | None = None, threads: bool = False
    ) -> Sample:
        """Deliver these calls and make them."""
        self.subject.put(calls, keep=keep)
        return self.go(len(calls), cpu_limit=cpu_limit, threads=threads)

    def go(self, calls: int, *, cpu_limit: float | None = None, threads: bool = False) -> Sample:
        """Make the calls that were put, with the waiting of its thread (``threads``: of all of them) around them."""
        queue = self.run_queue()
        # Around a worker the wall clock also sees how long this process waits for a core to read the reply.
        ours = RunQueue(os.getpid(), threading.get_native_id()) if self.subject.home == "worker" else None
        all_before = queue.all_waited() if threads else 0.0
        before = queue.waited() + (ours.waited() if ours is not None else 0.0)
        timing = self.subject.go(cpu_limit)
        reply = 0.0
        waited = queue.waited() - before
        if ours is not None:
            waited += ours.waited()
            reply = ROUND_TRIP
            ours.close()
        all_waited = queue.all_waited() - all_before if threads else 0.0
        self.calls += calls
        return Sample(timing, max(waited, 0.0), max(all_waited, waited if threads else 0.0, 0.0), reply)

    def warm_up(self, first: Sample, *, in_a_row: int = WARM_IN_A_ROW) -> None:
        """Call until it gets no faster, without asking what a JIT does; ``first`` is the call made already.

        Nothing here tells a compiler from slow work, so a first call of more than a second is left at that.
        """
        start = self._now()
        best, failed, calls, compiled = first.timing.cpu, 0, 1, False
        longest = max(first.timing.wall, first.timing.cpu)
        self.warm = []
        while failed < in_a_row and calls < _WARM_CALLS:
            if longest > LONG_CALL or self._now() - start > _WARM_SECONDS:
                return
            sample = self.timed(self._inputs.batch(1))
            cpu = sample.timing.cpu
            self.warm = [sample]
            calls += 1
            if cpu < _WARM_GAIN * best:
                failed, compiled = 0, True
            else:
                failed += 1
            if cpu > LONG_ENOUGH:
                in_a_row = min(in_a_row, 2 if compiled else 1)
            best = min(best, cpu)

    def calibrate(self, target: float, capacity: int, *, most: int = sys.maxsize) -> None:
        """Find out how long a call takes, from batches of at least half of ``target`` seconds of CPU time.

        On the CPU clock: a wall sample that was interrupted would say that one call fills the batch. A batch that
        twice takes twenty times as long without using CPU is one of a call that sleeps.
        """
        n, slept, start = 1, 0, self._now()
        most = min(most, self._inputs.most(capacity))
        if self.warm and self.warm[-1].timing.cpu >= max(_ONE_IS_ENOUGH, target / 2.0):
            # The call that warmed it up is as good as any other, and nobody waits for one more.
            sample, self.warm = self.warm[-1], []
        else:
            while True:
                sample = self.timed(self._inputs.batch(n))
                cpu = sample.timing.cpu
                slept = slept + 1 if sample.timing.wall > 20.0 * target and sample.busy < BUSY else 0
                if not cpu > 0.0 and self._now() - start > _BLIND:
                    self.samples = [sample]
                    return
                if cpu >= target / 2.0 or n >= most or slept >= 2 or n >= MOST_CALLS:
                    break
                if not slept:
                    growth = min(max(target / cpu, 2.0), 10.0) if cpu > 0.0 else 10.0
                    n = min(int(n * growth), most, MOST_CALLS)
        self.samples = [sample]
        lasted = max(sample.timing.cpu, sample.timing.wall if slept else 0.0)
        unusual = sample.threads > THREADS or sample.busy < BUSY
        while len(self.samples) < 3 and lasted < (_WORTH_ASKING if unusual else _ONE_IS_ENOUGH):
            self.samples.append(self.timed(self._inputs.batch(n)))

    @property
    def sleeps(self) -> bool:
        return bool(self.samples) and statistics.median(sample.busy for sample in self.samples) < BUSY

    @property
    def seconds(self) -> float:
        if not self.samples:
            return float("nan")
        timings = [sample.timing for sample in self.samples]
        return statistics.median((t.wall if self.sleeps else t.cpu) / max(t.calls, 1) for t in timings)

    def wall(self) -> float:
        """Seconds of wall time of one call, from the calibration."""
        if not self.samples:
            return float("nan")
        return statistics.median(s.timing.wall / max(s.timing.calls, 1) for s in self.samples)
