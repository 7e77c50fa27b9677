"""One side of a scaling claim: a subject, asked for the time of one call at one size again and again."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Literal

from pytest_efficiency.errors import ResultsDiffer
from pytest_efficiency.measure.clocks import BUSY, THREADS, RunQueue, Sample
from pytest_efficiency.measure.digest import state
from pytest_efficiency.measure.inputs import second_level_cache
from pytest_efficiency.measure.sized import Sized, SizedInputs, copier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_efficiency.subject.protocol import Call, Subject

Read = Literal["CPU time", "CPU time of all threads", "wall time"]

SHORTEST = 80e-6
# Through a channel the batch must outweigh the round trip, and every call of it has inputs of its own.
SHORTEST_IN_WORKER = 300e-6
_MOST_CALLS = 1 << 16
_MOST_CALLS_IN_WORKER = 512
_MOST_BYTES_IN_WORKER = 16_000_000
_LONGEST_MAKING_IN_WORKER = 0.06
_MOST_BYTES_HELD = 64 << 20
# Random inputs differ in luck. As many as this are averaged where calls are short.
_MANY_INPUTS = 8
_VARIETY = 10e-3
# Short calls on few small inputs are remembered by the processor: sorted() on the same 500 floats takes half as long.
# So where inputs are dear to make, all sizes together still see about as many items, in a part of the cache.
_DEAR_VARIETY, _DEAR_PART = 40e-3, 4
# Where they differ by more than this (a search for something random), as many are averaged where calls are long.
_LUCK = 0.15
# Larger inputs are not copied to find out whether they can be: a deep copy takes longer than the call.
_COPIED = 1 << 16
# Of longer calls a cold start is no part worth a call more.
_WORTH_WARMING = 50e-6
_LONGEST_WARM_UP = 0.5
# A round trip takes 13 to 20 us. A candidate that dawdles on single calls must not get that taken off its times.
_LONGEST_ROUND_TRIP = 100e-6
# What is left of a round trip's own scatter after it was taken off. It is added to every time alike, as call overhead
# is: short batches at large sizes must not read as nothing, or as a slope.
_JITTER = 15e-6
# Large inputs push the worker's own code out of its caches, and the next round trip takes longer, by up to this many
# times; making the same calls once more tells how much. Of longer batches it is no part worth asking for.
_COLD = 3.0
_COLD_BATCH = 1e-3
# Decoding costs up to this much more per byte where the bytes no longer fit the cache.
_HONEST = 3.0
_HONEST_FLOOR = 50e-6


@dataclass
class Rung:
    """One size of the ladder as one side sees it; ``cost`` is the first estimate of seconds per call."""

    sized: Sized
    cost: float = math.inf
    inner: int = 1
    n: float = 0.0
    bases: list[Call] = field(default_factory=list)
    copiers: list[Callable[[], Call] | None] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)


class Side:
    """A subject, and what was learnt about it: whether it changes its inputs, and what a round trip costs."""

    def __init__(self, subject: Subject, inputs: SizedInputs, check: Callable[[Any, Any], object] | None) -> None:
        self.subject = subject
        self.changes_input = False
        self.depends_on_luck = False
        self.round_trip = 0.0
        self.calls = 0
        self._inputs = inputs
        self._check = check
        self._in_worker = subject.home == "worker"
        self._shortest = SHORTEST_IN_WORKER if self._in_worker else SHORTEST
        self._queue = self._run_queue()

    def _run_queue(self) -> RunQueue:
        return RunQueue(self.subject.pid, None if self._in_worker else threading.get_native_id())

    def restarted(self, asked: int) -> None:
        """A worker that was stopped is replaced by one that has called nothing yet."""
        if self._in_worker:
            self._queue.close()
            self.warm_up(asked)
            self._queue = self._run_queue()

    def close(self) -> None:
        self._queue.close()

    def warm_up(self, asked: int) -> None:
        """Call until three calls in a row fail to beat the best by 10 %: needs no knowledge of any JIT."""
        best, worse, spent = math.inf, 0, 0.0
        for _ in range(50):
            self.subject.put([self.to_try(asked)], keep=False)
            took = self._go().timing.wall
            spent += took
            worse = worse + 1 if took > 0.9 * best else 0
            best = min(best, took)
            if worse >= 3 or spent > _LONGEST_WARM_UP:
                return

    def to_try(self, asked: int) -> Call:
        """Arguments of that size for a call whose doings are not known yet: the caller's own stay as they are."""
        return self._tried(self._inputs.make(asked).call)

    def _tried(self, call: Call) -> Call:
        return call if self._in_worker else self._inputs.to_try(call)

    def look(self, sized: Sized, cpu_limit: float | None) -> Rung:
        """Call once at a new size: check the result, see whether the input was changed, and estimate the cost."""
        rung = Rung(sized, n=sized.n)
        tried = self._tried(sized.call)
        watched = not self._in_worker and not self.changes_input
        small = watched and sized.bytes <= _COPIED  # asked before the call: it may empty a list
        before = state(tried) if watched else 0
        copied = copier(tried) if not self._in_worker and (small or self._check is not None) else None
        untouched = copied() if copied is not None else None
        self.subject.put([tried], keep=self._check is not None)
        rung.cost = self._cost(self._go(cpu_limit))
        self._checked([tried if untouched is None else untouched])
        # What refuses to be copied may hide its contents from a digest as well.
        if watched and (state(tried) != before or (small and untouched is None)):
            self.changes_input = self._inputs.changing = True
        if rung.cost < 10.0 * self._shortest:
            self._refine(rung)
        return rung

    def _refine(self, rung: Rung) -> None:
        """The cost of a short call from a batch of them; a single one mostly shows the clock's own cost."""
        self._furnish(rung, 1)
        for _ in range(8):
            rung.inner = self._batch(rung)
            self.subject.put(self._calls(rung), keep=False)
            sample = self._go()
            rung.cost = self._cost(sample)
            if rung.inner * rung.cost >= 0.5 * self._shortest or rung.inner >= self._most_calls(rung):
                return

    def learn_round_trip(self, rung: Rung) -> None:
        """What one *go* costs besides its calls: 1 call against 33, the best of a few."""
        if not self._in_worker:
            return
        best = {}
        for calls in (1, 33):
            times = []
            for _ in range(5):
                self.subject.put([self._inputs.make(rung.sized.asked).call for _ in range(calls)], keep=False)
                times.append(self._go().timing.cpu)
            best[calls] = min(times)
        per_call = max(0.0, (best[33] - best[1]) / 32)
        self.round_trip = min(max(0.0, best[1] - per_call), _LONGEST_ROUND_TRIP)
        rung.cost = max(per_call, 1e-9)

    def learn_luck(self, rung: Rung) -> None:
        """Whether calls with different inputs of one size take different times."""
        costs, rung.inner = [], 1 if self._in_worker else rung.inner
        for _ in range(_MANY_INPUTS):
            self._furnish(rung, 1)
            best = math.inf
            for _ in range(2):
                self.subject.put(self._calls(rung), keep=False)
                best = min(best, self._cost(self._go()))
            costs.append(best)
        mean = sum(costs) / len(costs)
        spread = math.sqrt(sum((cost - mean) ** 2 for cost in costs) / len(costs))
        self.depends_on_luck = spread > _LUCK * mean

    def prepare(self, rung: Rung) -> None:
        """Make the inputs that this rung is sampled with."""
        dearest = max(rung.cost, rung.sized.seconds)
        several = _MANY_INPUTS if self.depends_on_luck else min(int(_VARIETY / dearest), _MANY_INPUTS)
        several = min(several, _MOST_BYTES_HELD // max(rung.sized.bytes, 1))
        if rung.cost * _MANY_INPUTS < _VARIETY:
            held = second_level_cache() // _DEAR_PART // max(rung.sized.bytes, 1)
            several = max(several, min(int(_DEAR_VARIETY / max(rung.sized.seconds, 1e-9)), _MANY_INPUTS, held))
        self._furnish(rung, 1 if self._in_worker else max(1, several))
        rung.inner = self._batch(rung)

    def _furnish(self, rung: Rung, count: int) -> None:
        if self._in_worker:
            return
        made = [self._inputs.make(rung.sized.asked) for _ in range(count)]
        rung.n = sum(one.n for one in made) / count
        rung.bases = [one.call for one in made]
        rung.copiers = [copier(call) for call in rung.bases] if self.changes_input else []

    def _most_calls(self, rung: Rung) -> int:
        size = max(1, rung.sized.bytes)
        if self._in_worker:
            made = int(_LONGEST_MAKING_IN_WORKER / max(rung.sized.seconds, 1e-9))
            return max(1, min(_MOST_CALLS_IN_WORKER, _MOST_BYTES_IN_WORKER // size, made))
        return max(1, min(_MOST_CALLS, second_level_cache() // size)) if self.changes_input else _MOST_CALLS

    def _batch(self, rung: Rung) -> int:
        wanted = math.ceil(self._shortest / rung.cost)
        count = len(rung.bases)
        if count > 1:
            wanted = math.ceil(wanted / count) * count
        return max(1, min(wanted, self._most_calls(rung)))

    def _calls(self, rung: Rung) -> list[Call]:
        asked = rung.sized.asked
        if self.depends_on_luck and rung.samples:
            self._furnish(rung, len(rung.bases))
        if self._in_worker:
            made = [self._inputs.make(asked) for _ in range(rung.inner)]
            rung.n += (sum(one.n for one in made) / len(made) - rung.n) / (len(rung.samples) + 2)
            return [one.call for one in made]
        if not self.changes_input:
            return list(islice(cycle(rung.bases), rung.inner))
        makers = islice(cycle(rung.copiers), rung.inner)
        return [make() if make is not None else self._inputs.make(asked).call for make in makers]

    def sample(self, rung: Rung) -> None:
        """Time one more batch; a batch that came out too short is made longer first."""
        for attempt in range(3):
            calls = self._calls(rung)
            if self.changes_input and rung.cost < _WORTH_WARMING:
                self._warm(rung)
            self.subject.put(calls, keep=self._check is not None and self._in_worker)
            sample = self._go()
            if self._in_worker:
                self._checked(calls)
            cost = self._cost(sample)
            if attempt == 2 or cost * rung.inner >= 0.5 * self._shortest or rung.inner >= self._most_calls(rung):
                break
            rung.cost = cost
            rung.inner = max(self._batch(rung), rung.inner)
            rung.samples.clear()
            rung.cold.clear()
        rung.samples.append(sample)
        rung.cold.append(self._coldness(sample))

    def _warm(self, rung: Rung) -> None:
        """Copying large inputs has pushed even the function's own code out of the caches: one call brings it back."""
        self.subject.put(self._calls(rung)[:1], keep=False)
        self._go()

    def _coldness(self, sample: Sample) -> float:
        """CPU seconds of a worker's batch that were not the calls' but those of a cold start after a large *put*.

        Held to a few round trips: a candidate that remembers its answers gains no more than that by the second look.
        """
        if not self._in_worker or sample.timing.cpu > _COLD_BATCH:
            return 0.0
        again = self._go().timing
        return min(max(0.0, sample.timing.cpu - again.cpu), _COLD * self.round_trip)

    def _go(self, cpu_limit: float | None = None) -> Sample:
        waited = self._queue.waited()
        timing = self.subject.go(cpu_limit)
        self.calls += timing.calls
        return Sample(timing, waited=max(0.0, self._queue.waited() - waited))

    def _cost(self, sample: Sample) -> float:
        timing = sample.timing
        total = timing.cpu if sample.busy >= BUSY else timing.wall
        # In this order a clock that reads NaN costs nothing, and leaves it to the judge to say so.
        return max(1e-9, total - self.round_trip) / max(1, timing.calls)

    def _checked(self, calls: Sequence[Call]) -> None:
        if self._check is None:
            return
        for call, result in zip(calls, self.subject.get(), strict=True):
            answer = self._check(call.args, result)
            # A text says where the two differ; None is what a check made of assert statements returns.
            if answer is None or (not isinstance(answer, str) and answer):
                continue
            found = f": {answer}" if isinstance(answer, str) else ""
            msg = (
                f"{self.subject.name} returned a wrong result while its growth was measured{found}. "
                "Make it correct first: the speed of a wrong answer says nothing"
            )
            raise ResultsDiffer(msg)

    def read(self, rungs: Sequence[Rung]) -> Read:
        """The clock that means something for this side, from the largest sizes sampled."""
        samples = [sample for rung in rungs[-3:] for sample in rung.samples]
        if not samples:
            return "CPU time"
        # A thread that waits for others of its process, which work, does not sleep. The middle sample decides: a single
        # one that had to wait for a core would turn a sleeper into a worker.
        if sorted(max(sample.busy, sample.elsewhere) for sample in samples)[len(samples) // 2] < BUSY:
            return "wall time"
        shares = sorted(sample.threads for sample in samples)
        return "CPU time of all threads" if shares[len(shares) // 2] > THREADS else "CPU time"

    def seconds(self, rungs: Sequence[Rung], read: Read) -> tuple[tuple[float, ...], ...]:
        """Seconds per call: per rung, one figure for each sample."""
        blur = _JITTER / min((rung.inner for rung in rungs), default=1) if self._in_worker else 0.0
        field_name = {"CPU time": "cpu", "CPU time of all threads": "process_cpu", "wall time": "wall"}[read]
        return tuple(
            tuple(
                max(0.0, getattr(sample.timing, field_name) - self.round_trip - cold) / sample.timing.calls
                + extra
                + blur
                for sample, cold in zip(rung.samples, rung.cold, strict=True)
            )
            for rung, extra in zip(rungs, self._hidden(rungs), strict=True)
        )

    def _hidden(self, rungs: Sequence[Rung]) -> list[float]:
        """CPU seconds per call that a worker burnt outside *go* beyond what carrying that many bytes explains.

        Carrying costs in proportion to the bytes, so the cheapest rung says what is honest for all of them.
        """
        if not self._in_worker:
            return [0.0] * len(rungs)
        elsewhere = [
            min((sample.timing.elsewhere / sample.timing.calls for sample in rung.samples), default=0.0)
            for rung in rungs
        ]
        weights = [rung.sized.bytes + 1000.0 for rung in rungs]
        rate = min((spent / weight for spent, weight in zip(elsewhere, weights, strict=True)), default=0.0)
        return [
            max(0.0, spent - _HONEST * rate * weight - _HONEST_FLOOR)
            for spent, weight in zip(elsewhere, weights, strict=True)
        ]
