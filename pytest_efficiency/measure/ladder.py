"""Times a function over a ladder of sizes: which sizes, how long, in which order.

The ladder doubles, but never faster than an exponential extrapolation allows, so that code that takes 2^n is not run at
2n. It measures and never decides: each pass yields a `Sampling` for the judge.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
from numbers import Real
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import ClaimError, CpuLimitReached, DeadlinePassed
from pytest_efficiency.judge.scaling import FEWEST_ROUNDS, FEWEST_SIZES, SMALLEST_RANGE
from pytest_efficiency.judge.tail import Sampling
from pytest_efficiency.measure.afterwards import first_call
from pytest_efficiency.measure.conditions import Alone
from pytest_efficiency.measure.counts import count_steps
from pytest_efficiency.measure.highwater import footprint
from pytest_efficiency.measure.inputs import second_level_cache
from pytest_efficiency.measure.side import Read, Rung, Side
from pytest_efficiency.measure.sized import Sized, SizedInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_efficiency.judge.counts import Counts
    from pytest_efficiency.subject.protocol import Subject

SMALLEST = 4
LARGEST = 1 << 30
STOP = 20e-3
ESCALATION = 4.0
_EXPONENTIAL = 6.0
_JUMP = 4.0
_BRIEF = 2e-4
# The part of the budget that may go into finding the sizes.
_BUILDING = 0.4
# Long enough a call for differences between inputs to show, short enough to try several.
_MIDDLING = 2e-3
_LONGEST_MAKING = 0.05
# Inputs of a first ladder stay inside the second-level cache, in units of that: what is larger steepens because of the
# memory's own curve (a dict of a million reads n^1.4). The call may need four times as much again for its own tables.
_CACHED = 0.5
# Calls this short show little but their overhead at such sizes, and go on a little.
_TOO_SHORT, _CACHED_IF_SHORT = 2e-4, 1.0
# Matrices reach the cache at a few hundred rows, where LAPACK has not come near n^3 yet.
_FEW, _CACHED_IF_FEW = 1000, 1.0
_MOST_BYTES = 16 << 20
# Every call of a worker has inputs of its own, and short calls need several of them in a batch.
_MOST_BYTES_IN_WORKER = 6 << 20
# A call on a copy of its own, made a moment before, spends up to some microseconds on fetching what the copy displaced.
_COLD_START = 5e-6
# What bends no curve, in units of the second-level cache.
_IN_CACHE, _IN_CACHE_IN_ALL = 0.5, 2.0
# A pass over short calls is made again until it has taken this long, or so many times.
_SHORT_PASS, _MOST_PASSES = 4e-3, 3
# What a call may use when a size is tried for the first time, in stops: its growth is not known yet.
_FIRST_LOOK = 25.0
_SMALLEST_SIZES = 2
_LARGEST_SIZES = 8
# What ends a ladder, because a smaller size may still tell. Everything else is the candidate's own error.
_TOO_LARGE = (MemoryError, RecursionError, OverflowError)
_DEEPER = ": sys.setrecursionlimit() in the test lets it go further, as does a loop in place of the recursion"


class Ladder:
    """A subject over sizes: `rounds` yields a `Sampling` after each pass, `escalate` makes the ladder longer.

    Args:
        subject: what is measured.
        inputs: ``inputs(n)`` returns the arguments for size n, or (tuple of arguments, true n).
        sizes: the sizes to use instead of a ladder.
        budget: seconds of wall time after which no further pass begins; `escalate` adds to it.
        check: ``check(args, result)``: every result of a worker, and the first at each size here, must be right. True,
            None, or a text that says what is wrong.
        over: a reference, timed on the same sizes.
        rng: shuffles the order of the sizes.
        clock: tells the time that the budget is measured in.

    Raises:
        ClaimError: ``inputs`` is not callable, or its sizes are none.
    """

    def __init__(
        self,
        subject: Subject,
        inputs: Callable[[int], Any],
        *,
        sizes: Sequence[int] | None = None,
        budget: float = 10.0,
        check: Callable[[Any, Any], object] | None = None,
        over: Subject | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if math.isnan(budget) or budget <= 0:
            msg = f"a budget is a positive number of seconds, but got {budget!r}. Leave it out for the default of 10 s"
            raise ClaimError(msg)
        self._inputs = SizedInputs(inputs, clock)
        self._sizes = None if sizes is None else _usable_sizes(sizes)
        self._sides = [Side(subject, self._inputs, check)]
        if over is not None:
            self._sides.append(Side(over, self._inputs, None))
        self._rungs: list[list[Rung]] = [[] for _ in self._sides]
        self._rng = rng if rng is not None else random.Random(0)
        self._clock = clock
        self._budget = budget
        self._start: float | None = None
        worker = any(side.subject.home == "worker" for side in self._sides)
        self._most_bytes = _MOST_BYTES_IN_WORKER if worker else _MOST_BYTES
        self._escalated = False
        self._in_cache: bool | None = None
        self._stop = STOP
        self._slack = 1.0
        self._ended = ""
        self._at_its_end = False
        self._problem = ""
        self._notes: list[str] = []
        self._alone = Alone()

    @property
    def subject(self) -> Subject:
        """What is measured."""
        return self._sides[0].subject

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes asked of ``inputs`` that have been timed so far."""
        return tuple(rung.sized.asked for rung in self._rungs[0])

    @property
    def seconds(self) -> float:
        """Wall time since the first call, without what other runs were waited for."""
        return 0.0 if self._start is None else self._clock() - self._start - self._alone.waited

    def build(self) -> None:
        """Find the sizes; called by whatever needs them."""
        if self._start is not None:
            return
        self._start = self._clock()
        for side in self._sides:
            first_call(side.subject, side.to_try(SMALLEST if self._sizes is None else self._sizes[0]))
        with self._undisturbed():
            self._grow()
            for side, rungs in zip(self._sides, self._rungs, strict=True):
                middling = [rung for rung in rungs if max(rung.cost, rung.sized.seconds) < _MIDDLING]
                if middling and not self._unfit():
                    side.learn_luck(middling[-1])
        if self._rungs[0] and not any(side.changes_input for side in self._sides):
            self._inputs.refuse_equal(self._rungs[0][0].sized, self._rungs[0][-1].sized)
        self._own_inputs()

    def count_steps(self, most: int | None = None) -> Counts | None:
        """Interpreter steps over the sizes that have been timed: no larger one may be tried in the dark."""
        self.build()
        limits = {} if most is None else {"most": most}
        # Not timed, but in the way of whoever times something on the same cores.
        with self._undisturbed():
            return count_steps(self._sides[0].subject, self._inputs, self.sizes, **limits)

    def rounds(self) -> Iterator[Sampling]:
        """Sample every size once a pass, in random order; ends when the budget is used up."""
        self.build()
        while not self._problem and not self._unfit():
            began = self.seconds
            with self._undisturbed():
                for _ in range(_MOST_PASSES):
                    self._pass()
                    if self.seconds - began > _SHORT_PASS:
                        break
            spent = self.seconds - began
            sampling = self._sampling(lasting=spent)
            yield sampling
            if sampling.exhausted and self._over_budget(spent, sampling.rounds):
                return
        yield self._sampling(lasting=0.0)

    def escalate(self) -> bool:
        """Go on to sizes that take four times as long; False where there are none."""
        if self._at_its_end or self._problem:
            return False
        before = len(self._rungs[0])
        self._escalated = True
        self._stop *= ESCALATION
        self._slack *= ESCALATION
        self._budget = self.seconds + max(self._budget - self.seconds, 0.5 * self._budget)
        with self._undisturbed():
            self._grow()
        self._own_inputs()
        if len(self._rungs[0]) > before:
            self._in_cache = None
        return len(self._rungs[0]) > before

    def _own_inputs(self) -> None:
        """Say once of each side that it changes its input; whatever was timed before that was seen is timed anew."""
        for side in self._sides:
            note = f"{side.subject.name} changes its input: every call was given one of its own"
            if side.changes_input and note not in self._notes:
                self._notes.append(note)
                for rung in (rung for rungs in self._rungs for rung in rungs):
                    rung.samples.clear()
                    rung.cold.clear()

    def weigh(self) -> bool:
        """Whether the largest call, its inputs and all that it allocates, stays within the cache."""
        side, rung = self._sides[0], self._rungs[0][-1]
        cache = second_level_cache()
        needed = None
        if rung.sized.bytes <= _IN_CACHE * cache:
            with self._undisturbed():
                needed = footprint(side.subject, self._inputs.make(rung.sized.asked).call)
        # The mark counts pages that were only passed through, so it may say more than was in use at a time.
        self._in_cache = needed is not None and rung.sized.bytes + needed <= _IN_CACHE_IN_ALL * cache
        return self._in_cache

    def close(self) -> None:
        """Let go of what the clocks hold open; the subjects stay."""
        for side in self._sides:
            side.close()

    # ------------------------------------------------------------------ growing

    def _grow(self) -> None:
        self._ended = ""
        while not self._problem:
            reason, final = self._limit()
            if reason:
                self._end(reason, final=final)
                return
            sized = self._make(self._next_asked())
            if sized is None or not self._climb(sized):
                return

    def _limit(self) -> tuple[str, bool]:
        """Why there is no larger size (empty: there is one), and whether longer calls would not help either."""
        done = self._rungs[0]
        if not done:
            return "", False
        last = done[-1].sized
        if self._sizes is not None:
            if len(done) == len(self._sizes):
                return "these are all the sizes that were given", True
            if self._slowest(-1) > _FIRST_LOOK * self._stop:
                return f"a call at n = {last.asked} took {self._slowest(-1):.2g} s", False
            return "", False
        if self._predicted() > 1.5 * self._stop:
            return f"larger sizes take more than {1e3 * self._stop:.0f} ms a call", False
        if last.seconds > 0.5 * self._slack * _LONGEST_MAKING:
            return f"making the inputs for n = {last.asked} took {last.seconds:.2g} s", False
        if self._next_bytes() > self._bytes_allowed():
            return f"the inputs for n = {last.asked} take {last.bytes / 1e6:.0f} MB", False
        if 2 * last.asked > LARGEST:
            return f"n = {last.asked} is the largest size tried", True
        if self.seconds > _BUILDING * self._budget and len(done) >= FEWEST_SIZES:
            return "the time budget does not reach further", True
        return "", False

    def _next_bytes(self) -> float:
        """What the inputs of the next size will take: matrices four times as much, lists twice."""
        sizes = [rung.sized.bytes for rung in self._rungs[0][-2:]]
        return sizes[-1] * min(max(2.0, sizes[-1] / max(sizes[0], 1)), 8.0)

    def _bytes_allowed(self) -> float:
        if self._escalated:
            return self._most_bytes
        few, short = self._rungs[0][-1].n < _FEW, self._slowest(-1) < _TOO_SHORT
        times = _CACHED_IF_FEW if few else _CACHED_IF_SHORT if short else _CACHED
        return min(times * second_level_cache(), self._most_bytes)

    def _next_asked(self) -> int:
        done = self._rungs[0]
        if self._sizes is not None:
            return self._sizes[len(done)]
        if not done:
            return SMALLEST
        last = done[-1].sized.asked
        return min(2 * last, max(last + 1, self._exponential_limit()))

    def _end(self, why: str, *, final: bool) -> None:
        self._ended = why
        self._at_its_end = self._at_its_end or final

    def _slowest(self, index: int) -> float:
        return max(rungs[index].cost for rungs in self._rungs)

    def _ratio(self, rungs: Sequence[Rung]) -> float:
        """How much a call grew at the last step, looking through the call overhead where that hides it."""
        before, last = rungs[-2].cost, rungs[-1].cost
        base = min(rung.cost for rung in rungs)
        unsure = 0.1 * base
        return max(last / before, (last - base + unsure) / (before - base + unsure))

    def _predicted(self) -> float:
        """Seconds of a call at the next size, if it grows as much as at the last step."""
        if len(self._rungs[0]) < 2:
            return self._slowest(-1)
        # The step to it is chosen so that it stays within the factor for exponential code; a single jump (threads that
        # start, a page that is fetched) must not end the ladder.
        return max(
            rungs[-1].cost * min(max(1.0, rungs[-1].cost / rungs[-2].cost), _EXPONENTIAL) for rungs in self._rungs
        )

    def _exponential_limit(self) -> int:
        """The largest size at which a call is six times as long, should its cost be growing exponentially."""
        if len(self._rungs[0]) < 2:
            return 2 * self._rungs[0][-1].sized.asked
        limits = []
        for rungs in self._rungs:
            before, last = rungs[-2].sized.asked, rungs[-1].sized.asked
            rate = math.log(max(self._ratio(rungs), 1.0 + 1e-9)) / (last - before)
            limits.append(last + math.log(_EXPONENTIAL) / rate)
        return int(min(*limits, 2.0 * LARGEST)) if limits else LARGEST

    def _make(self, asked: int) -> Sized | None:
        """The input of that size, or of the next one up that the generator tells from the last."""
        done = self._rungs[0]
        try:
            sized = self._inputs.make(asked)
            if done and self._sizes is None:
                last = done[-1].sized
                while sized.n == last.n and sized.asked < 2 * last.asked:
                    sized = self._inputs.make(sized.asked + max(1, last.asked // 8))
        except _TOO_LARGE as error:
            if not done:
                raise
            self._end(f"inputs({asked}) raised {type(error).__name__}", final=True)
            return None
        if done and sized.n <= done[-1].sized.n:
            last = done[-1].sized
            both = f"inputs({last.asked}) and inputs({sized.asked}) both say that their true size is {sized.n:g}"
            less = f"inputs({sized.asked}) says that its true size is {sized.n:g}, inputs({last.asked}) said {last.n:g}"
            found = both if sized.n == last.n else less
            msg = f"{found}. Growth needs different sizes: let the true n that inputs(n) returns grow with n"
            raise ClaimError(msg)
        if done and self._sizes is None and self._too_far(sized):
            self._end(f"the next size that inputs(n) offers, {sized.n:g}, may take far too long", final=True)
            return None
        return sized

    def _too_far(self, sized: Sized) -> bool:
        """A generator in steps may offer a size beyond what was asked, where exponential code would never end."""
        last = self._rungs[0][-1].sized
        return self._inputs.gives_n and sized.n > 2.5 * last.n and sized.asked > self._exponential_limit()

    def _climb(self, sized: Sized) -> bool:
        """Look at the new size from all sides; False where it ends the ladder."""
        first = not self._rungs[0]
        looks: list[Rung] = []
        try:
            for side in self._sides:
                if first:
                    side.warm_up(sized.asked)
                looks.append(self._look(side, sized if side is self._sides[0] else self._inputs.make(sized.asked)))
        except _TOO_LARGE as error:
            if first:
                raise
            advice = _DEEPER if isinstance(error, RecursionError) else ""
            self._end(f"a call at n = {sized.n:g} raised {type(error).__name__}{advice}", final=True)
            self._notes.append(f"the ladder ends below n = {sized.n:g}, where the call raised {type(error).__name__}")
            return False
        except (CpuLimitReached, DeadlinePassed) as error:
            if first or isinstance(error, DeadlinePassed):
                raise
            self._end(f"a call at n = {sized.n:g} was stopped after {error.seconds:.2g} s of CPU time", final=True)
            for side, rungs in zip(self._sides, self._rungs, strict=True):
                side.restarted(rungs[0].sized.asked)
            return False
        for rungs, look in zip(self._rungs, looks, strict=True):
            rungs.append(look)
        if first:
            for side, look in zip(self._sides, looks, strict=True):
                side.learn_round_trip(look)
        return True

    def _look(self, side: Side, sized: Sized) -> Rung:
        rungs = self._rungs[self._sides.index(side)]
        look = side.look(sized, cpu_limit=_FIRST_LOOK * self._stop if rungs else None)
        for _ in range(2):
            if not rungs or look.cost < _JUMP * rungs[-1].cost or not _BRIEF < look.cost < self._stop:
                break
            # Compiled, imported or paged in only now? Once more before the ladder is planned by it.
            look.cost = min(look.cost, side.look(self._inputs.make(sized.asked), cpu_limit=None).cost)
        return look

    # ------------------------------------------------------------------ sampling

    def _chosen(self) -> list[int]:
        """The two smallest and the largest eight sizes; all of those that the caller has chosen."""
        count = len(self._rungs[0])
        if self._sizes is not None:
            return list(range(count))
        return sorted({*range(min(_SMALLEST_SIZES, count)), *range(max(0, count - _LARGEST_SIZES), count)})

    def _pass(self) -> None:
        chosen = self._chosen()
        fewest = min(len(self._rungs[0][index].samples) for index in chosen)
        order = [index for index in chosen if len(self._rungs[0][index].samples) == fewest]
        self._rng.shuffle(order)
        for index in order:
            sides = list(zip(self._sides, self._rungs, strict=True))
            self._rng.shuffle(sides)
            for side, rungs in sides:
                rung = rungs[index]
                if not rung.samples:
                    side.prepare(rung)
                side.sample(rung)

    def _unfit(self) -> bool:
        rungs = self._rungs[0]
        return len(rungs) < FEWEST_SIZES or rungs[-1].n < SMALLEST_RANGE * rungs[0].n

    def _over_budget(self, lasting: float, rounds: int) -> bool:
        # A verdict that needs one more pass is worth more than a budget kept to the second.
        allowed = self._budget if rounds >= FEWEST_ROUNDS else 1.5 * self._budget
        return self.seconds + lasting > allowed

    def _sampling(self, lasting: float) -> Sampling:
        chosen = [] if not self._rungs[0] else self._chosen()
        picked = [[rungs[index] for index in chosen] for rungs in self._rungs]
        reads = [side.read(rungs) for side, rungs in zip(self._sides, picked, strict=True)]
        read: Read = max(reads, key=("CPU time", "CPU time of all threads", "wall time").index)
        seconds = [side.seconds(rungs, read) for side, rungs in zip(self._sides, picked, strict=True)]
        rounds = min((len(one) for one in seconds[0]), default=0)
        return Sampling(
            sizes=tuple(rung.n for rung in picked[0]),
            samples=seconds[0],
            reference=seconds[1] if len(seconds) > 1 else None,
            clock=read,
            calls=sum(side.calls for side in self._sides),
            overhead=self._sides[0].round_trip,
            exhausted=self._over_budget(lasting, rounds) or bool(self._problem) or self._unfit(),
            can_escalate=not self._at_its_end,
            ended=self._ended,
            typical=any(side.depends_on_luck for side in self._sides),
            in_cache=self._in_cache,
            problem=self._problem
            or self._too_brief(picked[0])
            or (self._alone.throttled_wall() if read == "wall time" else ""),
            notes=(*self._notes, *self._alone.notes),
        )

    def _too_brief(self, rungs: Sequence[Rung]) -> str:
        """Why times of a function that changes its input say nothing: each was the cold start of a fresh copy."""
        side = self._sides[0]
        # At the largest size, whose copies displace the most; small ones share a batch.
        longest = min((one.timing.cpu for rung in rungs[-1:] for one in rung.samples), default=math.inf)
        if not side.changes_input or side.subject.home == "worker" or longest > _COLD_START:
            return ""
        return (
            f"{side.subject.name} changes its input and takes {1e6 * longest:.1f} µs, which the cold start on "
            "a fresh copy outweighs. Claim the growth of a function that does it many times, or count with counting="
        )

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        with self._alone.part():
            self._problem = self._problem or self._alone.void
            yield


def _usable_sizes(sizes: Sequence[int]) -> list[int]:
    chosen = list(sizes)
    wrong = next((n for n in chosen if not _is_whole(n) or n <= 0), None)
    if wrong is not None:
        msg = (
            f"sizes are positive whole numbers, but one of them is {wrong!r}. "
            "Give e.g. sizes=[100, 1000, 10_000, 100_000]"
        )
        raise ClaimError(msg)
    chosen = sorted({int(n) for n in chosen})
    if len(chosen) < FEWEST_SIZES or chosen[-1] < SMALLEST_RANGE * chosen[0]:
        msg = (
            f"growth needs at least {FEWEST_SIZES} different sizes over a factor of {SMALLEST_RANGE:g}, but sizes are "
            f"{chosen}. Give e.g. sizes=[100, 1000, 10_000, 100_000], or leave them out"
        )
        raise ClaimError(msg)
    return chosen


def _is_whole(n: Any) -> bool:
    number = isinstance(n, Real) and not isinstance(n, bool)
    return number and math.isfinite(n) and n == int(n)
