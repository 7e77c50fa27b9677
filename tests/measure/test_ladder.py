from __future__ import annotations

import collections
import math
import os
import random
from itertools import pairwise

import pytest

from pytest_efficiency.errors import ClaimError, CpuLimitReached, ResultsDiffer
from pytest_efficiency.judge.scaling import judge_counts, judge_scaling
from pytest_efficiency.measure.counts import count_steps
from pytest_efficiency.measure.ladder import STOP, Ladder
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Timing


class Fake:
    """A subject whose calls take what ``cost`` says, on a clock of its own; ``trip`` is added to every *go*."""

    def __init__(self, cost, *, home="here", trip=0.0, steps=None, noise=0.0) -> None:
        self.name, self.home, self.pid = "fake", home, os.getpid()
        self.now, self.asked, self.given = 0.0, [], []
        self._cost, self._trip, self._steps, self._noise = cost, trip, steps, noise
        self._rng = random.Random(2)
        self._calls = []

    def clock(self) -> float:
        return self.now

    def put(self, calls, *, keep=True) -> None:
        self._calls, self._keep = calls, keep
        self.given.extend(calls)

    def go(self, cpu_limit=None) -> Timing:
        total = 0.0
        for call in self._calls:
            self.asked.append(call.args[0])
            total += self._cost(call.args[0]) * (1 + self._noise * self._rng.random())
        if cpu_limit is not None and total > cpu_limit:
            self.now += cpu_limit
            msg = "stopped"
            raise CpuLimitReached(msg, cpu_limit)
        total += self._trip
        self.now += total
        return Timing(len(self._calls), total, total, total)

    def get(self) -> list:
        return [call.args[0] for call in self._calls]

    def probe(self, probe, call, **options) -> dict:
        if probe == "afterwards":
            return {}
        assert probe == "steps"
        steps = round(self._steps(call.args[0]))
        return {"steps": min(steps, options["limit"]), "complete": steps <= options["limit"]}


def size(n: int) -> int:
    return n


def ladder(subject: Fake, inputs=size, **options) -> Ladder:
    return Ladder(subject, inputs, clock=subject.clock, **options)


def decided(made: Ladder, claim: str):
    escalated = False
    while True:
        for sampling in made.rounds():
            decision = judge_scaling(sampling, None, claim, escalated=escalated)
            if decision.wants == "weigh":
                made.weigh()
                continue
            if decision.final:
                return decision
            if decision.wants == "escalate":
                made.escalate()
                escalated = True
                break
        else:
            return decision


def test_linear_code_is_doubled_up_to_40_ms() -> None:
    """The ladder is as coarse as it may be, and ends where a call takes about 40 ms."""
    subject = Fake(lambda n: 1e-7 + 1e-7 * n)
    made = ladder(subject)
    made.build()
    # The first steps may be shorter: as long as the overhead hides the growth, it may be any growth.
    assert all(large == 2 * small for small, large in pairwise(made.sizes[3:]))
    assert 0.4 * STOP < 1e-7 * made.sizes[-1] <= 1.5 * STOP


@pytest.mark.parametrize("overhead", [1e-7, 2e-5])
@pytest.mark.parametrize(
    "cost",
    [
        pytest.param(lambda n: 1e-7 * 2.0**n, id="2^n"),
        pytest.param(lambda n: 1e-9 * 2.0**n, id="2^n in C"),
        pytest.param(lambda n: 1e-8 * 1.1**n, id="1.1^n"),
        pytest.param(lambda n: 1e-9 * 1.618**n, id="fibonacci"),
        pytest.param(lambda n: 1e-9 * math.gamma(n + 1) if n < 150 else math.inf, id="n!"),
    ],
)
def test_exponential_code_is_never_run_at_twice_the_size(cost, overhead: float) -> None:
    """The next size stays where an exponential extrapolation allows six times, call overhead or not."""
    subject = Fake(lambda n: overhead + cost(n))
    made = ladder(subject)
    made.build()
    assert max(map(cost, subject.asked)) < 8 * STOP
    assert cost(made.sizes[-1]) > STOP / 40
    assert len(made.sizes) >= 4
    assert decided(made, "n^3").outcome in {"failed", "unclear"}


def test_a_constant_function_ends_at_the_largest_size() -> None:
    """Where nothing grows something else has to end the ladder, and it is said what."""
    made = ladder(Fake(lambda _: 1e-7))
    sampling = next(made.rounds())
    assert made.sizes[-1] == 2**30
    assert "largest size" in sampling.ended
    assert decided(made, "1").outcome == "passed"


def test_large_inputs_end_the_ladder() -> None:
    """Memory is not filled to find out that a lookup is constant."""
    made = Ladder(Here(len), lambda n: (bytes(n),))
    sampling = next(made.rounds())
    assert "MB" in sampling.ended
    assert made.sizes[-1] <= 64e6


@pytest.mark.parametrize(
    ("cost", "claim", "outcome"),
    [
        (lambda n: 1e-7 * n * math.log2(n), "n log n", "passed"),
        (lambda n: 1e-8 * n * n, "n log n", "failed"),
        (lambda n: 1e-8 * n * n, "n^2", "passed"),
        (lambda n: 5e-8 * n, "sqrt n", "failed"),
        (lambda n: 5e-8 * math.log2(n), "log n", "passed"),
        (lambda n: 1e-7 * 2.0**n, "2^n", "passed"),
    ],
)
def test_ladder_and_judge_find_the_growth(cost, claim: str, outcome: str) -> None:
    """The quadratic fails n log n and the linearithmic passes it, with 5 % of noise."""
    assert decided(ladder(Fake(cost, noise=0.05)), claim).outcome == outcome


def test_sizes_are_sampled_in_turns_and_the_middle_is_left_out() -> None:
    """Two smallest and eight largest, each once a pass."""
    made = ladder(Fake(lambda n: 1e-7 * n))
    rounds = made.rounds()
    first, second = next(rounds), next(rounds)
    assert first.sizes == tuple(map(float, (*made.sizes[:2], *made.sizes[-8:])))
    assert {len(one) for one in first.samples} == {1}
    assert {len(one) for one in second.samples} == {2}
    assert second.seconds == pytest.approx([1e-7 * n for n in second.sizes])


def test_escalating_goes_on_to_calls_that_take_four_times_as_long() -> None:
    """Samples of the smaller sizes are kept."""
    made = ladder(Fake(lambda n: 1e-7 * n))
    rounds = made.rounds()
    before = [next(rounds) for _ in range(4)][-1]
    assert made.escalate()
    after = next(made.rounds())
    assert after.sizes[-1] == 4 * before.sizes[-1]
    assert made.rounds()


def test_the_budget_ends_the_rounds_but_not_before_the_fourth() -> None:
    """Exhausted sampling says so, and the generator ends."""
    made = ladder(Fake(lambda n: 1e-7 * n), budget=0.5)
    samplings = list(made.rounds())
    assert samplings[-1].exhausted
    assert samplings[-1].rounds >= 4
    assert len(samplings) < 20


@pytest.mark.parametrize("error", [MemoryError, RecursionError])
def test_too_large_a_size_ends_the_ladder_there_and_is_noted(error: type[Exception]) -> None:
    """What fits into memory, or into the stack, still tells."""

    def cost(n: int) -> float:
        if n > 1000:
            raise error
        return 1e-7 * n

    made = ladder(Fake(cost))
    decision = decided(made, "n")
    assert decision.outcome == "passed"
    assert made.sizes[-1] <= 1000
    assert any(error.__name__ in line for line in decision.details)
    assert made.escalate() is False


def test_a_recursion_error_before_any_growth_shows_is_unclear() -> None:
    """Two sizes are no ladder, and the reason is named."""

    def cost(n: int) -> float:
        if n > 8:
            raise RecursionError
        return 1e-7 * n

    decision = decided(ladder(Fake(cost)), "n")
    assert decision.outcome == "unclear"
    assert "RecursionError" in decision.why


def test_an_error_of_the_candidate_is_its_own() -> None:
    """A bug at some size is not swallowed by the measurement."""

    def cost(n: int) -> float:
        if n > 100:
            msg = "bug"
            raise KeyError(msg)
        return 1e-7 * n

    with pytest.raises(KeyError, match="bug"):
        ladder(Fake(cost)).build()


@pytest.mark.parametrize(
    ("cost", "reason"), [(lambda n: 0.1 * n, "at least 4 sizes"), (lambda _: 0.0, "too fast for the clock")]
)
def test_too_slow_or_too_fast_for_a_ladder_is_unclear(cost, reason: str) -> None:
    """No crash and no verdict: the reason is said."""
    decision = decided(ladder(Fake(cost)), "n")
    assert decision.outcome == "unclear"
    assert reason in decision.why


def test_a_size_that_takes_far_too_long_is_stopped() -> None:
    """A cliff behind the last size ends the ladder at its CPU limit."""
    subject = Fake(lambda n: 1e-7 * n if n <= 5000 else 1e6)
    decision = decided(ladder(subject), "n")
    assert decision.outcome == "passed"
    assert "stopped after" in decision.details[-1]


def test_compiling_at_the_first_call_does_not_end_the_ladder() -> None:
    """Two seconds of a JIT are set-up."""
    first = iter([2.0])
    made = ladder(Fake(lambda n: next(first, 1e-7 * n)))
    made.build()
    assert made.sizes[-1] > 1e5


def test_given_sizes_are_used_as_they_are() -> None:
    """The caller knows better, and says so."""
    made = ladder(Fake(lambda n: 1e-7 * n), sizes=[1000, 100, 10_000, 100_000])
    assert next(made.rounds()).sizes == (100.0, 1000.0, 10_000.0, 100_000.0)
    assert made.escalate() is False


@pytest.mark.parametrize(
    "sizes",
    [[10, 20, 30], [10, 11, 12, 13], [10, 20, math.nan, 80], [0, 10, 20, 40], [10, 20.5, 40, 80], [True, 2, 4, 8]],
)
def test_sizes_that_cannot_show_growth_are_refused(sizes: list) -> None:
    """Too few, too close, or no sizes."""
    with pytest.raises(ClaimError, match="sizes"):
        ladder(Fake(lambda n: 1e-7 * n), sizes=sizes)


@pytest.mark.parametrize("budget", [0, -1, math.nan])
def test_a_budget_that_is_none_is_refused(budget: float) -> None:
    """Seconds are positive numbers."""
    with pytest.raises(ClaimError, match="budget"):
        ladder(Fake(lambda n: 1e-7 * n), budget=budget)


def test_the_true_size_is_used_where_the_generator_gives_it() -> None:
    """A generator that only has powers of two, under code that climbs in smaller steps."""

    def power_of_two(n: int):
        true = 1 << (n - 1).bit_length()
        return (true,), true

    made = ladder(Fake(lambda n: 1e-8 * n * n), power_of_two)
    sampling = next(made.rounds())
    assert all(n == 2 ** round(math.log2(n)) for n in sampling.sizes)
    assert decided(made, "n log n").outcome == "failed"


def test_the_same_true_size_twice_is_refused() -> None:
    """Growth cannot be seen where nothing grows, and both sizes are named."""
    with pytest.raises(ClaimError, match=r"inputs\(4\) and inputs\(8\) both say that their true size is 7"):
        ladder(Fake(lambda n: 1e-7 * n), lambda n: ((n,), 7)).build()


def test_a_size_that_shrinks_is_refused() -> None:
    """The true n has to grow with n."""
    with pytest.raises(ClaimError, match="grow with n"):
        ladder(Fake(lambda n: 1e-7 * n), lambda n: ((n,), 1000 // n)).build()


def test_inputs_that_are_no_callable_are_refused() -> None:
    """A list of inputs is not a generator of sizes."""
    with pytest.raises(ClaimError, match="callable"):
        Ladder(Fake(lambda _: 1e-7), [1, 2, 3])  # type: ignore[arg-type]


def test_a_call_that_changes_its_input_gets_one_of_its_own_each_time() -> None:
    """list.sort never sees a list that it has sorted before."""
    sorted_already = []

    def sort(xs: list[float]) -> None:
        if len(xs) > 30:
            sorted_already.append(all(a <= b for a, b in pairwise(xs)))
        xs.sort()

    made = Ladder(Here(sort), lambda n: ([random.random() for _ in range(n)],), budget=0.5)
    sampling = next(made.rounds())
    assert sorted_already
    assert not any(sorted_already)
    assert any("changes its input" in note for note in sampling.notes)


def test_a_change_that_only_longer_calls_show_is_noted_and_the_rest_timed_anew() -> None:
    """What was timed before it was seen may have worked on what an earlier call had left."""

    class Late(Fake):
        after = math.inf

        def go(self, cpu_limit=None) -> Timing:
            for call in self._calls:
                if call.args[0] > self.after:
                    call.args[1].append(0)
            return super().go(cpu_limit)

    subject = Late(lambda n: 1e-7 * n)
    made = ladder(subject, lambda n: (n, [n]))
    assert not next(made.rounds()).notes
    subject.after = made.sizes[-1]
    assert made.escalate()
    sampling = next(made.rounds())
    assert [note for note in sampling.notes if "changes its input" in note] == [
        "fake changes its input: every call was given one of its own"
    ]
    assert sampling.rounds >= 1
    assert all(seconds == pytest.approx(1e-7 * n) for n, seconds in zip(sampling.sizes, sampling.seconds, strict=True))


def test_a_call_that_leaves_its_input_alone_is_not_said_to_change_it() -> None:
    """The other way round: sorted() works on a copy."""
    made = Ladder(Here(sorted), lambda n: ([random.random() for _ in range(n)],), budget=0.5)
    assert not next(made.rounds()).notes


def test_results_are_checked_on_untouched_arguments() -> None:
    """A wrong result stops the measurement; check sees the arguments as they were before the call."""

    def sort(xs: list[float]) -> list[float]:
        xs.sort()
        return xs

    def right(args, result) -> bool:
        return result == sorted(args[0]) and (len(result) < 30 or args[0] != result)

    made = Ladder(Here(sort), lambda n: ([random.random() for _ in range(n)],), check=right)
    made.build()
    wrong = Ladder(Here(lambda xs: xs), lambda n: ([random.random() for _ in range(n)],), check=right)
    with pytest.raises(ResultsDiffer, match="wrong result"):
        wrong.build()


def test_a_check_may_say_what_is_wrong() -> None:
    """A text is the reason, None is what a check made of assert statements returns."""
    ladder(Fake(lambda n: 1e-7 * n), check=lambda *_: None).build()
    with pytest.raises(ResultsDiffer, match="one too many"):
        ladder(Fake(lambda n: 1e-7 * n), check=lambda *_: "one too many").build()


def test_every_call_in_a_worker_has_inputs_of_its_own_and_every_result_is_checked() -> None:
    """A cache in the candidate never sees the same object, and no result goes unchecked."""
    made_inputs, checked = [], []

    def inputs(n: int):
        made_inputs.append([n])
        return (n, made_inputs[-1])

    def check(args, result) -> bool:
        checked.append(args)
        return result == args[0]

    subject = Fake(lambda n: 1e-6 * n, home="worker", trip=2e-5)
    made = ladder(subject, inputs, check=check)
    rounds = made.rounds()
    made.build()
    subject.given.clear()
    checked.clear()
    next(rounds)
    own = [id(call.args[1]) for call in subject.given]
    assert len(own) == len(set(own))
    assert [id(args[1]) for args in checked] == own


def test_the_round_trip_to_a_worker_is_taken_off() -> None:
    """A round trip of 20 us does not make a call of 1 us one of 21 us."""
    subject = Fake(lambda n: 1e-6 * n, home="worker", trip=2e-5)
    sampling = next(ladder(subject).rounds())
    assert sampling.overhead == pytest.approx(2e-5, rel=0.01)
    for n, seconds in zip(sampling.sizes, sampling.seconds, strict=True):
        assert 1e-6 * n <= seconds * 1.0001 <= 1e-6 * n + 2e-5


def test_work_outside_go_is_charged_to_the_calls() -> None:
    """What a worker burns between the messages beyond what carrying explains is added to its times."""

    class Hiding(Fake):
        def go(self, cpu_limit=None) -> Timing:
            timing = super().go(cpu_limit)
            hidden = sum(1e-8 * call.args[0] ** 2 for call in self._calls)
            return Timing(timing.calls, timing.wall, timing.cpu, timing.process_cpu, 1e-4 + hidden)

    honest = ladder(Fake(lambda n: 1e-6 * n, home="worker", trip=2e-5))
    hiding = ladder(Hiding(lambda n: 1e-6 * n, home="worker", trip=2e-5))
    assert decided(honest, "n").outcome == "passed"
    assert decided(hiding, "n").outcome == "failed"


def test_a_reference_is_timed_on_the_same_sizes() -> None:
    """The ratio to a reference cancels what both feel."""
    subject, reference = Fake(lambda n: 1e-8 * n**1.8), Fake(lambda n: 2e-8 * n**1.8)
    made = ladder(subject, over=reference)
    sampling = next(made.rounds())
    assert sampling.reference is not None
    assert len(sampling.reference) == len(sampling.samples)
    assert decided(made, "1").outcome == "passed"
    assert decided(ladder(Fake(lambda n: 1e-8 * n**2.4), over=reference), "1").outcome == "failed"


def test_steps_are_counted_over_sizes_that_were_timed() -> None:
    """No larger size is tried in the dark, counting stops at its limit, and it tells a log factor."""
    subject = Fake(lambda n: 1e-7 * n, steps=lambda n: 20 + 9 * n * math.log2(n))
    made = ladder(subject)
    counts = made.count_steps()
    assert counts is not None
    assert counts.sizes[-1] < made.sizes[-1]
    assert counts.means[-1] < 3e5
    assert judge_counts(counts, "n") is not None
    assert judge_counts(counts, "n log n") is None


def test_counting_compiled_code_ends_early() -> None:
    """A count that never changes is not where the work is: six sizes are enough to see that."""
    counts = count_steps(Fake(lambda _: 1e-7, steps=lambda _: 12), size, [2**k for k in range(2, 30)])
    assert counts is not None
    assert len(counts.sizes) == 6


def test_a_count_that_is_broken_off_is_not_used() -> None:
    """Exponential steps end the counting at the size before."""
    counts = count_steps(Fake(lambda _: 1e-7, steps=lambda n: 10 * 2.0**n), size, [4, 8, 16, 32])
    assert counts is not None
    assert counts.sizes[-1] == 8


def linearithmic(xs: list[int]) -> list[int]:
    return sorted(xs)


def quadratic(xs: list[int]) -> list[int]:
    seen: list[int] = []
    for x in xs:
        if x not in seen:
            seen.append(x)
    return seen


@pytest.mark.parametrize(("function", "outcome"), [(linearithmic, "passed"), (quadratic, "failed")])
def test_real_time_tells_the_quadratic_from_the_linearithmic(function, outcome: str) -> None:
    """End to end, in real time: by the clock alone, as often as it takes to be sure."""
    for _ in range(4):
        made = Ladder(Here(function), lambda n: ([random.randrange(10 * n) for _ in range(n)],), budget=6.0)
        decision = decided(made, "n log n")
        made.close()
        if decision.outcome != "unclear":
            break
    assert decision.outcome == outcome


def test_the_first_ladder_stays_within_the_cache_and_the_second_goes_beyond(monkeypatch) -> None:
    """Lists of a million items are slower per item than lists of a thousand, and no claim is about that."""
    monkeypatch.setattr("pytest_efficiency.measure.ladder.second_level_cache", lambda: 1 << 20)
    made = ladder(Fake(lambda items: 1e-7 * len(items)), lambda n: [0.5] * n)
    made.build()
    assert made._rungs[0][-1].sized.bytes <= 1 << 19
    assert made.escalate()
    assert 1 << 20 < made._rungs[0][-1].sized.bytes <= 16 << 20


def test_weighing_tells_a_call_that_stays_in_the_cache_from_one_that_does_not() -> None:
    """By what the kernel says the largest call needs beside its inputs."""

    def small(n: int) -> int:
        return sum(range(1000 * n))

    def large(n: int) -> int:
        return len(bytearray(b"x") * (100_000 * n))

    verdicts = []
    for function in (small, large):
        made = Ladder(Here(function), lambda n: n, sizes=[4, 8, 16, 32, 64, 128])
        made.build()
        verdicts.append(made.weigh())
        assert next(made.rounds()).in_cache is verdicts[-1]
    assert verdicts == [True, False]


def test_luck_is_averaged_over_inputs_that_are_new_each_time() -> None:
    """A search that ends at a random place: the median of many inputs counts, not the luckiest."""
    rng = random.Random(5)
    made = ladder(Fake(lambda place: 1e-6 * place), lambda n: ((rng.randrange(1, n + 1),), n))
    for sampling in made.rounds():
        if sampling.rounds >= 8:
            break
    assert sampling.typical
    at_the_end = sampling.seconds[-1] / sampling.sizes[-1]
    assert 0.25e-6 < at_the_end < 0.75e-6


def test_a_brief_call_that_changes_its_input_is_not_judged() -> None:
    """Each was made on a copy of its own, and the cold start of that is longer than the call."""
    made = Ladder(Here(lambda items: items.rotate(1)), lambda n: collections.deque(range(n)), budget=1.0)
    sampling = list(made.rounds())[-1]
    assert "cold start" in sampling.problem
    assert "counting=" in sampling.problem
