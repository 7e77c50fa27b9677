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
from pytest_efficiency.measure.conditions import core_lock, undisturbed
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
REMOTE_BATCH = 1e-3
REMOTE_REFERENCE = 0.1
REMOTE_INPUTS = 16 << 20
# Rule 3: from this length of (claim x candidate) on, the reference runs under a limit of 1.6 times that.
SLOW = 5e-3
LIMIT = 1.6
# Its very first call gets at least this long: it may import, or fill a table. Where (claim x candidate) is short, long
# enough for its result to be compared, unless it is a thousand times too slow.
FIRST_LIMIT = 0.1
FIRST_LIMIT_OF_SHORT = 0.5
# A reference whose first call takes longer is believed to be warm after one more call that is no faster.
WORTH_WARMING = 10e-3
# So often a pair is calibrated anew when its first round shows that set-up was taken for work.
_CALIBRATIONS = 4
# Beyond process boundaries a stopped reference costs its worker, and its results go unchecked.
REMOTE_SLOW = 0.25


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
    ) -> None:
        self._inputs = Inputs(inputs, call if call is not None else Call())
        self._candidate = Pace(candidate, self._inputs, now)
        self._reference = Pace(reference, self._inputs, now)
        self._claim = claim
        self._comparison = Comparison(equal, candidate.name, reference.name)
        self._budget = budget
        self._rng = rng if rng is not None else random.Random()
        self._now = now
        self._lock, self._conditions = lock, conditions
        self._remote = "worker" in (candidate.home, reference.home)
        self._choice = Choice("CPU time")
        self._void = ""
        self._first: tuple[Call, FirstCall] | None = None
        self._compared = False
        self._extra_notes: list[str] = []
        self._rounds: list[Round] = []
        if equal is None:
            self._note("results were not compared (equal=None)")

    @property
    def clock(self) -> str:
        return self._choice.clock

    @property
    def notes(self) -> list[str]:
        return [*self._inputs.notes, *self._extra_notes]

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
            lock = stack.enter_context(self._lock())
            found = stack.enter_context(self._conditions())
            stack.callback(self._candidate.close)
            stack.callback(self._reference.close)
            self._note(lock.note)
            self._void = "" if lock.held else lock.note
            if found.blocked:
                self._void = f"tracing could not be suspended ({', '.join(found.blocked)}) and distorts every figure"
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
        try:
            theirs = first_call(self._reference, self._twin(call), cpu_limit=cpu_limit)
        except CpuLimitReached:
            self._note("results were not compared: the reference was stopped as soon as it was slow enough")
            return None
        self._look_out(theirs, call)
        expected, actual = answers(theirs, made)
        self._comparison.check([call], [expected], [actual])
        self._compared = True
        return theirs.sample

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
            known, _ = self._maybe_stopped(self._inputs.batch(1), self._first_limit(slow))
        if known is None:
            reference.samples = []
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

    def _calibrate_reference(self, known: Sample, target: float, capacity: int) -> None:
        """From ``known``, its one call so far, where that is long: nobody waits for three seconds four times."""
        if max(known.timing.cpu, known.timing.wall) > LONG_CALL:
            self._reference.samples = [known]
            return
        self._reference.warm_up(known, in_a_row=1 if known.timing.cpu > WORTH_WARMING else WARM_IN_A_ROW)
        self._reference.calibrate(target, capacity)

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
        return max(slow, FIRST_LIMIT if slow > LIMIT * SLOW else FIRST_LIMIT_OF_SHORT)

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
        if self._rng.random() < 0.5:
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
            void=self._void,
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
        candidate.warm_up(first.sample)
        known = reference.timed(self._inputs.batch(1)) if self._compared else self._compare_first(call, first, None)
        assert known is not None  # without a limit nothing is stopped
        self._calibrate_reference(known, REMOTE_BATCH, REMOTE_INPUTS)
        most = max(1, int(REMOTE_REFERENCE / max(reference.seconds, 1e-9)))
        candidate.calibrate(REMOTE_BATCH, REMOTE_INPUTS, most=most)
        fill = max(1, round(REMOTE_BATCH / candidate.seconds)) if candidate.seconds > 0.0 else 1
        n = min(most, self._inputs.most(REMOTE_INPUTS), MOST_CALLS, fill)
        self._choice = choose_clock(reference.samples, candidate.samples)
        self._note(self._choice.why)
        overhead = self._overhead()
        slow = self._limit() if reference.seconds > REMOTE_SLOW and not self._choice.threads else None
        # Which of the two rounds that a pass needs is run to its end and checked is nothing a submission could guess.
        checked = self._rng.randrange(2) if slow is not None else -1
        if slow is not None:
            self._note("of the first two rounds one, drawn at random, was checked: the reference is slow")
        number = iter(range(LOOKS[-1]))

        def one_round() -> Round:
            this = next(number)
            limit = slow if slow is not None and this != checked else None
            return self._remote_round(n, limit, overhead)

        yield from self._until_spent(one_round)

    def _overhead(self) -> float:
        """What an empty batch costs, from the reference's worker: a candidate could pretend that its own costs much."""
        if self._reference.subject.home != "worker":
            return 0.0
        wall = self._choice.clock == "wall time"
        samples = [self._reference.timed([]) for _ in range(5)]
        return statistics.median((s.timing.wall if wall else s.timing.cpu) for s in samples)

    def _remote_round(self, n: int, limit: float | None, overhead: float) -> Round:
        calls = self._inputs.batch(n)
        threads = self._choice.threads
        # Both get their inputs before either is timed, so that the two batches lie close together.
        first, second = (self._reference, self._candidate)[:: 1 if self._rng.random() < 0.5 else -1]
        for side in (first, second):
            side.subject.put(calls, keep=True)
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
                used = min(reached.seconds, max(self._now() - start, 0.0))
        candidate = samples[id(self._candidate)]
        assert candidate is not None  # only the reference runs under a limit
        actual = self._candidate.subject.get()
        reference = samples[id(self._reference)]
        if reference is not None:
            self._comparison.check(calls, self._reference.subject.get(), actual)
        return self._round(reference, candidate, used / n, overhead)
