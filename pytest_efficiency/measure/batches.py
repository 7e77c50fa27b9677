"""The meter of a speedup: yields rounds of interleaved batches of both sides, and never decides anything.

In this process the batches of both sides take equal time, so that whatever else the machine does disturbs both alike.
In workers both sides get the same inputs, fresh in every round, and every result is checked against the reference's.
"""

from __future__ import annotations

import contextlib
import math
import random
import statistics
import time
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import ClaimError, CpuLimitReached
from pytest_efficiency.judge.speedup import LOOKS, Round
from pytest_efficiency.measure.clocks import SHORT, Choice, Sample, choose_clock
from pytest_efficiency.measure.comparing import Comparison, FirstCall, answers, first_call
from pytest_efficiency.measure.conditions import Alone, core_lock, undisturbed
from pytest_efficiency.measure.cores import OneCore
from pytest_efficiency.measure.inputs import Inputs, second_level_cache
from pytest_efficiency.measure.pace import LONG_CALL, MOST_CALLS, WARM_IN_A_ROW, Pace
from pytest_efficiency.subject.agreement import agree
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    from pytest_efficiency.measure.conditions import Conditions, Lock
    from pytest_efficiency.subject.protocol import Subject

# Rule 4: a batch in this process, and the least that a candidate's may take when it is far faster than claimed.
BATCH = 100e-6
LEAST_BATCH, LEAST_CPU_BATCH = 10e-6, 100e-6
# Across a process boundary: the candidate's batch, the longest of the reference, and the bytes of inputs.
REMOTE_BATCH = 0.5e-3
REMOTE_REFERENCE = 0.1
REMOTE_INPUTS = 16 << 20
# Longer batches of a reference stand between two of the candidate, which take half as long together.
LONG_BATCH = 0.05
# Rule 3: from this length of (claim x candidate) on, the reference runs under a limit of 1.6 times that.
SLOW = 5e-3
LIMIT = 1.6
# Its very first call gets longer, 2.4 times (claim x candidate), which proves as much as two rounds do; and at least so
# long: it may fill a table. Where (claim x candidate) is short, long enough for its result to be compared.
FIRST, FIRST_LIMIT = 1.5, 0.1
FIRST_LIMIT_OF_SHORT = 0.4
# So often a pair is calibrated anew when its first round shows that set-up was taken for work.
_CALIBRATIONS = 4
# Beyond process boundaries a stopped reference costs its worker, and its results go unchecked.
REMOTE_SLOW = 0.25
# A call that is told to stop and goes on for this much longer cannot be stopped.
_DEAF = 1.5


class SpeedupMeter:
    """Measures two subjects against each other, in rounds.

    Args:
        candidate, reference: both here, or either of them in a worker.
        inputs: makes the arguments of one call (a tuple, a `Call`, or the only argument); None uses ``call`` each time.
        call: the fixed arguments.
        claim: the ratio that will be judged; it sizes the batches and limits a slow reference. None: just the ratio.
        equal: ``equal(expected, actual)`` is None or says where they differ; None compares nothing and says so.
        budget: seconds of wall time for the rounds of one look. Three rounds are always made.
        rng: decides who goes first.
        now: the clock of the budget.
        lock: excludes other runs; a function that gives a context manager, like `core_lock`.
        unchecked: whether a reference in a worker may be stopped before there is a result to compare. A grade that
            rests on unchecked results could be had with wrong ones.

    Attributes:
        clock: "CPU time" or "wall time".
        notes: lines for the report.
        calls: how many calls were made of both functions together.
        candidate_seconds, reference_seconds: median seconds per call on ``clock``.
    """

    def __init__(
        self,
        candidate: Subject,
        reference: Subject,
        *,
        inputs: Callable[[], Any] | None = None,
        call: Call | None = None,
        claim: float | None = None,
        equal: Callable[[Any, Any], str | None] | None = agree,
        budget: float = 2.0,
        rng: random.Random | None = None,
        now: Callable[[], float] = time.perf_counter,
        lock: Callable[[], AbstractContextManager[Lock]] = core_lock,
        conditions: Callable[[], AbstractContextManager[Conditions]] = undisturbed,
        unchecked: bool = True,
    ) -> None:
        self._inputs = Inputs(inputs, call if call is not None else Call())
        self._candidate = Pace(candidate, self._inputs, now)
        self._reference = Pace(reference, self._inputs, now)
        self._claim = claim
        self._comparison = Comparison(equal, candidate.name, reference.name)
        self._budget = budget
        self._rng = rng if rng is not None else random.Random()
        self._now = now
        self._alone = Alone(lock=lock, conditions=conditions)
        self._remote = "worker" in (candidate.home, reference.home)
        self._choice = Choice("CPU time")
        self._void = ""
        self._first: tuple[Call, FirstCall] | None = None
        self._compared = False
        self._unchecked = unchecked
        self._used = 0.0
        self._core: OneCore | None = None
        self._extra_notes: list[str] = []
        self._rounds: list[Round] = []
        if equal is None:
            self._note("results were not compared (equal=None)")

    @property
    def clock(self) -> str:
        return self._choice.clock

    @property
    def notes(self) -> list[str]:
        return [*self._inputs.notes, *self._extra_notes, *self._alone.notes]

    @property
    def calls(self) -> int:
        return self._candidate.calls + self._reference.calls

    @property
    def candidate_seconds(self) -> float:
        return statistics.median([r.candidate for r in self._rounds] or [self._candidate.seconds])

    @property
    def reference_seconds(self) -> float:
        return statistics.median([r.reference for r in self._rounds] or [self._reference.seconds])

    def _note(self, line: str) -> None:
        if line and line not in self._extra_notes:
            self._extra_notes.append(line)

    def rounds(self) -> Generator[Round, None, None]:
        """One look: warm up, calibrate, then rounds until the budget is spent or there are as many as a judge reads.

        May be called again for another look; it calibrates anew, because the ratio itself moves between looks.

        Raises:
            ResultsDiffer: candidate and reference do not give the same results.
            ClaimError: arguments that a call changes and that cannot be copied.
            the candidate's own exception, and SubjectError if its worker ends.
        """
        # The candidate's first call is made before tracers are suspended: a line that only this test runs is covered.
        if self._first is None:
            self._first = self._first_call()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._alone.part())
            stack.callback(self._candidate.close)
            stack.callback(self._reference.close)
            self._void = self._alone.void
            self._rounds = []
            for one in self._remote_rounds() if self._remote else self._local_rounds():
                self._rounds.append(one)
                yield one

    # The first calls: agreement, and what they do to their arguments.

    def _first_call(self) -> tuple[Call, FirstCall]:
        """The arguments, untouched, and the candidate's call on a copy of them."""
        call = self._inputs.one()
        made = first_call(self._candidate, self._twin(call))
        self._look_out(made, call)
        return call, made

    def _compare_first(self, call: Call, made: FirstCall, cpu_limit: float | None) -> Sample | None:
        """The reference's first call, held against the candidate's; None when it was stopped."""
        start = self._now()
        try:
            theirs = first_call(self._reference, self._twin(call), cpu_limit=cpu_limit)
        except CpuLimitReached as reached:
            if reached.setting_up:
                return self._compare_first(call, made, None)
            self._was_stopped(reached, start, cpu_limit)
            return None
        self._look_out(theirs, call)
        expected, actual = answers(theirs, made)
        self._comparison.check([call], [expected], [actual])
        self._compared = True
        return theirs.sample

    def _was_stopped(self, reached: CpuLimitReached, start: float, cpu_limit: float | None) -> None:
        # With threads inside it used more CPU time than wall time; only the smaller one is a bound on both clocks.
        self._used = min(reached.seconds, max(self._now() - start, 0.0))
        self._note("results were not compared: the reference was stopped as soon as it was slow enough")
        if cpu_limit is not None and reached.seconds > _DEAF * cpu_limit:
            self._note(
                f"the reference went on for {reached.seconds:.3g} s: a single call into C cannot be stopped here"
            )

    def _twin(self, call: Call) -> Call:
        if self._remote:
            return call  # copied by crossing the process boundary
        try:
            return self._inputs.copied(call)
        except ClaimError:
            return call  # harmless as long as no call changes them, which is checked

    def _look_out(self, made: FirstCall, call: Call) -> None:
        if made.changed:
            self._inputs.changed_by_a_call()
            if made.call is call:
                self._inputs.copied(call)  # raises: nothing can be compared on arguments that are no longer the same

    # Both sides in this process.

    def _local_rounds(self) -> Iterator[Round]:
        assert self._first is not None
        candidate, reference = self._candidate, self._reference
        cache = second_level_cache()
        call, first = self._first
        candidate.warm_up(first.sample)
        candidate.calibrate(BATCH, cache)
        slow = self._limit()
        if not self._compared:
            known = self._compare_first(call, first, self._first_limit(slow))
        else:
            known, self._used = self._maybe_stopped(self._inputs.batch(1), self._first_limit(slow))
        if known is None:
            reference.samples = []
            yield from self._proven()
        else:
            self._calibrate_reference(known, BATCH, cache)
        for _ in range(_CALIBRATIONS):
            n_r, n_c = self._batch_sizes(cache)
            short = bool(reference.samples) and max(n_r * reference.seconds, n_c * candidate.seconds) < SHORT
            self._choice = choose_clock(reference.samples or candidate.samples, candidate.samples, short=short)
            # Where R x candidate is short, so is a reference that was not stopped at once: it may run to its end.
            stops = slow is not None and (slow > LIMIT * SLOW or not reference.samples)
            limit = slow if stops and n_r == 1 and not self._choice.threads else None
            trial = self._local_round(n_r, n_c, limit)
            if not self._was_setting_up(trial):
                break
            candidate.calibrate(BATCH, cache)
            if not trial.stopped:
                reference.calibrate(BATCH, cache)
        self._note(self._choice.why)
        yield from self._until_spent(lambda: self._local_round(n_r, n_c, limit), trial)

    def _calibrate_reference(
        self, known: Sample, target: float, capacity: int, *, in_a_row: int = WARM_IN_A_ROW
    ) -> None:
        """From ``known``, its one call so far, where that is long: nobody waits for three seconds four times."""
        if max(known.timing.cpu, known.timing.wall) > LONG_CALL:
            self._reference.samples = [known]
            return
        self._reference.warm_up(known, in_a_row=in_a_row)
        self._reference.calibrate(target, capacity)

    def _proven(self, overhead: float = 0.0) -> Iterator[Round]:
        """What the reference's one call, stopped after ``_used`` seconds, proves beside the candidate before and after.

        It had longer than in a round, and a round asks for 1.25 times the claim: nobody waits for two more calls.
        """
        candidate = self._candidate
        self._choice = choose_clock(candidate.samples, candidate.samples)
        yield self._round(None, candidate.samples[-1], self._used, overhead)
        calls = self._inputs.batch(candidate.samples[-1].timing.calls)
        yield self._round(None, candidate.timed(calls, threads=self._choice.threads), self._used, overhead)

    def _was_setting_up(self, trial: Round) -> bool:
        """Whether a side is twice as fast as when it was calibrated: then that was a compiler's or an import's time."""
        for side, seconds in ((self._candidate, trial.candidate), (self._reference, trial.reference)):
            if side.samples and side.seconds > SHORT and seconds < side.seconds / 2.0:
                return True
        return False

    def _limit(self) -> float | None:
        """CPU seconds after which one call of the reference has proved enough; None without a claim."""
        if self._claim is None:
            return None
        enough = LIMIT * max(self._claim * self._candidate.seconds, SLOW)
        return enough if math.isfinite(enough) else None

    def _first_limit(self, slow: float | None) -> float | None:
        if slow is None:
            return None
        return max(FIRST * slow, FIRST_LIMIT) if slow > LIMIT * SLOW else FIRST_LIMIT_OF_SHORT

    def _batch_sizes(self, capacity: int) -> tuple[int, int]:
        """How many calls of reference and candidate take equal time, if the claim is just true.

        Where the truth is far above the claim the candidate's batch is the shorter one, which costs no verdict.
        """
        d_c, d_r = self._candidate.seconds, self._reference.seconds
        if not d_r > 0.0:
            return 1, min(self._inputs.most(capacity), max(1, math.ceil(BATCH / d_c))) if d_c > 0.0 else 1
        ratio = d_r / d_c if d_c > 0.0 else math.inf
        share = min(ratio, self._claim) if self._claim is not None else ratio
        most = min(self._inputs.most(capacity), MOST_CALLS)
        n_r = min(max(1, math.ceil(BATCH / d_r)), most)
        least = LEAST_BATCH if n_r * d_r < SHORT else LEAST_CPU_BATCH
        n_c = max(round(n_r * share), math.ceil(least / d_c) if d_c > 0.0 else 1, 1)
        if n_c > most:
            n_c, n_r = most, max(1, min(n_r, round(most / share)))
        if n_c * d_c > 1.5 * n_r * d_r and n_c * d_c < 20.0 * SHORT:
            n_r = min(max(n_r, round(n_c * d_c / d_r)), most)
        if n_r * d_r > LONG_BATCH and n_c >= 2:
            n_c = max(2, n_c // 2)
        return n_r, n_c

    def _until_spent(self, one_round: Callable[[], Round], trial: Round | None = None) -> Iterator[Round]:
        end = self._now() + self._budget
        made = 0
        if trial is not None:
            made = 1
            yield trial
        while made < LOOKS[0] or (made < LOOKS[-1] and self._now() < end):
            made += 1
            yield one_round()

    def _local_round(self, n_r: int, n_c: int, limit: float | None) -> Round:
        calls_r, calls_c = self._inputs.batch(n_r), self._inputs.batch(n_c)
        threads = self._choice.threads
        if n_r * self._reference.seconds > LONG_BATCH and n_c >= 2:
            # The machine changes its speed while a long call runs: half of the candidate's batch before it, half after.
            before = self._candidate.timed(calls_c[: n_c // 2], threads=threads)
            reference, used = self._maybe_stopped(calls_r, limit)
            candidate = before + self._candidate.timed(calls_c[n_c // 2 :], threads=threads)
        elif self._rng.random() < 0.5:
            reference, used = self._maybe_stopped(calls_r, limit)
            candidate = self._candidate.timed(calls_c, threads=threads)
        else:
            candidate = self._candidate.timed(calls_c, threads=threads)
            reference, used = self._maybe_stopped(calls_r, limit)
        return self._round(reference, candidate, used)

    def _maybe_stopped(self, calls: Sequence[Call], limit: float | None) -> tuple[Sample | None, float]:
        """The reference's batch; or None and what it had used when it was stopped."""
        start = self._now()
        try:
            return self._reference.timed(calls, cpu_limit=limit, threads=self._choice.threads), 0.0
        except CpuLimitReached as reached:
            # With threads inside it used more CPU time than wall time; only the smaller one is a bound on both clocks.
            return None, min(reached.seconds, max(self._now() - start, 0.0))

    def _round(self, reference: Sample | None, candidate: Sample, used: float, overhead: float = 0.0) -> Round:
        wall = self._choice.clock == "wall time"
        c_cpu, c_wall, at_most = self._without(candidate, overhead)
        n_c = max(candidate.timing.calls, 1)
        waits = [self._waiting(candidate)]
        if reference is None:
            n_r, r_cpu, r_wall, r_elsewhere = 1, used, used, 0.0
        else:
            n_r, r_elsewhere = max(reference.timing.calls, 1), reference.timing.elsewhere
            r_cpu, r_wall, _ = self._without(reference, overhead)
            waits.append(self._waiting(reference))
        return Round(
            reference=(r_wall if wall else r_cpu) / n_r,
            candidate=(c_wall if wall else c_cpu) / n_c,
            clock=self._choice.clock,
            reference_cpu=r_cpu / n_r,
            reference_wall=r_wall / n_r,
            candidate_cpu=c_cpu / n_c,
            candidate_wall=c_wall / n_c,
            reference_calls=n_r,
            candidate_calls=n_c,
            reference_elsewhere=r_elsewhere,
            candidate_elsewhere=candidate.timing.elsewhere,
            stopped=reference is None,
            at_most=at_most,
            waiting=max(waits),
            # Batches of equal length on the wall clock are short: a round that stood still is an outlier, and no more.
            void=self._void or (self._alone.throttled_wall() if self._choice.why else ""),
        )

    def _without(self, sample: Sample, overhead: float) -> tuple[float, float, bool]:
        """CPU and wall seconds of a batch without the price of the channel, and whether they are only an upper bound.

        At most half is taken off: what is shorter than the channel's own price cannot be told from its scatter.
        """
        wall = self._choice.clock == "wall time"
        cpu = sample.timing.process_cpu if wall else sample.timing.cpu
        on_clock = sample.timing.wall if wall else cpu
        off = min(overhead, on_clock / 2.0)
        return (
            (cpu, sample.timing.wall - off, off < overhead) if wall else (cpu - off, sample.timing.wall, off < overhead)
        )

    def _waiting(self, sample: Sample) -> float:
        """Share of the batch in which threads waited for a core; counts only where the wall clock had to be chosen."""
        if not self._choice.why:
            return 0.0
        waited = sample.all_waited if self._choice.threads else sample.waited
        return waited / sample.timing.wall if sample.timing.wall > 0.0 else 0.0

    # Either side in a worker.

    def _remote_rounds(self) -> Iterator[Round]:
        assert self._first is not None
        candidate, reference = self._candidate, self._reference
        call, first = self._first
        # Calls of a worker cost a millisecond each, whatever they do; batches that calibrate warm up as well.
        candidate.warm_up(first.sample, in_a_row=1)
        candidate.calibrate(REMOTE_BATCH, REMOTE_INPUTS)
        slow = self._limit() if self._unchecked else None
        limit = max(self._first_limit(slow) or 0.0, REMOTE_SLOW) if slow is not None else None
        if not self._compared:
            known = self._compare_first(call, first, limit)
        else:
            known, self._used = self._maybe_stopped(self._inputs.batch(1), limit)
        if known is None:
            reference.samples = []
            yield from self._proven()
            yield from self._until_spent(lambda: self._remote_round(1, slow, 0.0))
            return
        self._calibrate_reference(known, REMOTE_BATCH, REMOTE_INPUTS, in_a_row=1)
        self._choice = choose_clock(reference.samples, candidate.samples)
        core = OneCore(self._rng)
        try:
            # On one core, unless either side shares its work among threads.
            self._core = core if not self._choice.threads and reference.subject.home == candidate.subject.home else None
            yield from self._checked_rounds()
        finally:
            core.release()

    def _checked_rounds(self) -> Iterator[Round]:
        """Rounds of a reference that was seen to return: the results of its batches are compared."""
        overhead = self._overhead()
        slow = self._limit() if self._reference.seconds > REMOTE_SLOW and not self._choice.threads else None
        # Which of the two rounds that a pass needs is run to its end and checked is nothing a submission could guess.
        checked = self._rng.randrange(2) if slow is not None else -1
        if slow is not None:
            self._note("of the first two rounds one, drawn at random, was checked: the reference is slow")
        for _ in range(_CALIBRATIONS):
            n = self._remote_batch()
            trial = self._remote_round(n, slow if checked != 0 else None, overhead)
            if not self._was_setting_up(trial):
                break
            self._candidate.calibrate(REMOTE_BATCH, REMOTE_INPUTS)
            if not trial.stopped:
                self._reference.calibrate(REMOTE_BATCH, REMOTE_INPUTS)
        self._note(self._choice.why)
        number = iter(range(1, LOOKS[-1]))

        def one_round() -> Round:
            return self._remote_round(n, slow if next(number) != checked else None, overhead)

        yield from self._until_spent(one_round, trial)

    def _remote_batch(self) -> int:
        """How many calls of either side make a round."""
        candidate, reference = self._candidate.seconds, self._reference.seconds
        most = max(1, int(REMOTE_REFERENCE / max(reference, 1e-9)))
        fill = max(1, round(REMOTE_BATCH / candidate)) if candidate > 0.0 else MOST_CALLS
        return min(most, self._inputs.most(REMOTE_INPUTS), MOST_CALLS, fill)

    def _overhead(self) -> float:
        """What an empty batch costs, from the reference's worker: a candidate could pretend that its own costs much."""
        if self._reference.subject.home != "worker":
            return 0.0
        wall = self._choice.clock == "wall time"
        self._on_one_core()
        samples = [self._reference.timed([]) for _ in range(5)]
        # The least but one: to take off too much would make a short candidate faster than it is.
        return sorted((s.timing.wall if wall else s.timing.cpu) for s in samples)[1]

    def _on_one_core(self) -> None:
        if self._core is not None:
            for side in (self._candidate, self._reference):
                self._core.hold(side.subject.pid)

    def _remote_round(self, n: int, limit: float | None, overhead: float) -> Round:
        calls = self._inputs.batch(n)
        threads = self._choice.threads
        # Both get their inputs before either is timed, so that the two batches lie close together.
        first, second = (self._reference, self._candidate)[:: 1 if self._rng.random() < 0.5 else -1]
        for side in (first, second):
            side.subject.put(calls, keep=True)
        self._on_one_core()
        samples: dict[int, Sample | None] = {}
        used = 0.0
        for side in (first, second):
            of_reference = side is self._reference
            start = self._now()
            try:
                samples[id(side)] = side.go(n, cpu_limit=limit if of_reference else None, threads=threads)
            except CpuLimitReached as reached:
                if not of_reference:
                    raise
                samples[id(side)] = None
                # Stopped while it imported: that says nothing, and a time of zero is no round.
                used = 0.0 if reached.setting_up else min(reached.seconds, max(self._now() - start, 0.0))
        candidate = samples[id(self._candidate)]
        assert candidate is not None  # only the reference runs under a limit
        actual = self._candidate.subject.get()
        reference = samples[id(self._reference)]
        if reference is not None:
            self._comparison.check(calls, self._reference.subject.get(), actual)
        return self._round(reference, candidate, used / n, overhead)
