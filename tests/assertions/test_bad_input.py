"""What the four claims say to candidates and inputs that nobody should write, and somebody will."""

from __future__ import annotations

import functools
import math
import random
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pytest_efficiency.subject.here
from pytest_efficiency import ClaimError, ResultsDiffer, Unclear, Verdict, gil, memory, scaling, speedup
from pytest_efficiency.subject.protocol import Call
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.wall.process import Limits
from pytest_efficiency.workers.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for another moment: these claims are as unclear then."""
    # By name, because the package's attribute `speedup` is the function.
    for module in ("claim", "speedup"):
        monkeypatch.setattr(sys.modules[f"pytest_efficiency.assertions.{module}"], "pause", lambda _: None)


def outcome(claim: Callable[[], Verdict]) -> Verdict:
    """The verdict, also of a claim that stayed unclear; one that nobody asks for its truth is a mistake in a test."""
    try:
        verdict = claim()
    except Unclear as unclear:
        return unclear.verdict
    assert bool(verdict) is (verdict.outcome == "passed")
    return verdict


def nothing(*_: Any) -> None:
    """Costs nothing."""


def some(*_: Any) -> None:
    """Costs something."""
    sum(range(2000))


def size(n: int) -> tuple[int]:
    return (n,)


def numbers(n: int) -> tuple[list[float]]:
    return ([random.random() for _ in range(n)],)


def in_place(values: Any) -> None:
    values.sort()


def insertion(values: list[float]) -> None:
    """Quadratic on what is shuffled, linear on what it has sorted already."""
    for i in range(1, len(values)):
        one, j = values[i], i
        while j > 0 and values[j - 1] > one:
            values[j] = values[j - 1]
            j -= 1
        values[j] = one


# Nothing to measure: no cost, or less than the clock can tell.


@pytest.mark.parametrize("candidate", [nothing, int, bool, dict])
def test_a_candidate_that_costs_nothing_is_judged_like_any_other(candidate: Any) -> None:
    """20 ns a call are 5000 calls a batch: it passes what is true, fails what is not, and never grows."""
    assert outcome(lambda: speedup(candidate, over=some, equal=None) >= 20).outcome == "passed"
    assert outcome(lambda: speedup(some, over=candidate, equal=None) >= 2).outcome == "failed"
    assert outcome(lambda: scaling(nothing, size) <= "1").outcome in {"passed", "unclear"}
    assert outcome(lambda: gil(candidate).released).outcome != "passed"
    assert outcome(lambda: memory(candidate).peak <= "8 MB").outcome == "passed"
    assert outcome(lambda: memory(candidate).leaked <= "0 B").outcome == "passed"


def test_nothing_is_no_faster_than_nothing() -> None:
    """The same function on both sides, at its own ratio: unclear, with the reason."""
    verdict = outcome(lambda: speedup(nothing, over=nothing) >= 1)
    assert verdict.outcome == "unclear"
    assert verdict.message.startswith("speedup(nothing, over=the reference nothing) >= 1: unclear, ")


class Clock:
    """Stands in for the module `time` where calls are timed; ``read`` is what its clocks make of the time."""

    def __init__(self, read: Callable[[float], float]) -> None:
        self._read = read

    def __getattr__(self, name: str) -> Any:
        real = getattr(time, name)
        return (lambda: self._read(real())) if name in {"perf_counter", "thread_time", "process_time"} else real


CLOCKS = {
    "NaN": lambda _: math.nan,
    "infinite": lambda _: math.inf,
    "standing still": lambda _: 5.0,
    "going backwards": lambda now: -now,
    "in steps of an hour": lambda now: now // 3600 * 3600,
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_broken_clock_is_never_a_verdict(clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN, infinite, no and negative times, or calls below the clock's resolution: unclear, and no exception."""
    monkeypatch.setattr(pytest_efficiency.subject.here, "time", Clock(CLOCKS[clock]))
    claim = speedup(some, over=lambda: sum(range(4000)), budget=0.01, equal=None)
    verdict = outcome(lambda: claim >= 1.1)
    assert verdict.outcome == "unclear"
    assert "make each call do more work" in verdict.message
    verdict = outcome(lambda: scaling(math.factorial, size, sizes=[10, 20, 40, 80, 160], budget=0.1) <= "n")
    assert verdict.outcome == "unclear"
    assert "too fast for the clock" in verdict.message or "could be measured" in verdict.message


# Sizes that are too large.


def too_large_for(error: type[BaseException], largest: int, function: Callable[[int], Any]) -> Callable[[int], Any]:
    def limited(n: int) -> Any:
        if n > largest:
            raise error
        return function(n)

    return limited


@pytest.mark.parametrize("error", [MemoryError, RecursionError, OverflowError])
def test_a_call_that_is_too_large_ends_the_ladder_and_says_so(error: type[Exception]) -> None:
    """What fits still tells, and the report says where it ended and by what."""
    verdict = outcome(lambda: scaling(too_large_for(error, 3000, lambda n: sum(range(n))), size) <= "n")
    assert verdict.outcome == "passed"
    assert any(f"raised {error.__name__}" in line for line in verdict.details)
    assert verdict.data["n"][-1] <= 3000


@pytest.mark.parametrize("error", [MemoryError, RecursionError])
def test_a_generator_that_runs_out_ends_the_ladder_and_says_so(error: type[Exception]) -> None:
    """It was inputs(n) that raised, not the candidate."""
    verdict = outcome(lambda: scaling(sum, too_large_for(error, 3000, numbers)) <= "n")
    assert verdict.outcome == "passed"
    assert any("inputs(" in line and f"raised {error.__name__}" in line for line in verdict.details)


@pytest.mark.parametrize(("error", "where"), [(RecursionError, "call"), (MemoryError, "inputs")])
def test_too_large_from_the_start_is_unclear_with_the_reason(error: type[Exception], where: str) -> None:
    """Two sizes are no ladder."""
    function = too_large_for(error, 9, lambda n: sum(range(n)))
    claim = scaling(function, size) if where == "call" else scaling(lambda n: n, lambda n: (function(n),))
    verdict = outcome(lambda: claim <= "n")
    assert verdict.outcome == "unclear"
    assert "at least 4 sizes" in verdict.message
    assert error.__name__ in verdict.message


def test_a_recursion_that_is_too_deep_ends_the_ladder() -> None:
    """Python's own limit, reached for real: never a failure."""

    def depth(n: int) -> int:
        return 0 if n == 0 else 1 + depth(n - 1)

    verdict = outcome(lambda: scaling(depth, size) <= "n")
    assert verdict.outcome != "failed"
    assert verdict.data["n"][-1] < sys.getrecursionlimit()
    assert any("RecursionError: sys.setrecursionlimit() in the test lets it go" in line for line in verdict.details)


def test_an_error_at_some_sizes_only_is_the_candidates_own() -> None:
    """A bug is not swallowed, and nothing is said about growth."""

    def broken(n: int) -> int:
        if n > 500:
            msg = "not that many"
            raise ValueError(msg)
        return sum(range(n))

    with pytest.raises(ValueError, match="not that many"):
        assert scaling(broken, size) <= "n"


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_ends_a_claim(ending: type[BaseException]) -> None:
    """Ctrl-C and exit() are no candidates' errors to be dealt with; they get through every claim."""

    def ends(*_: Any) -> None:
        raise ending

    for claim in (
        lambda: speedup(ends, over=some) >= 2,
        lambda: scaling(ends, size) <= "n",
        lambda: gil(ends).released,
        lambda: memory(ends).peak <= "1 MB",
    ):
        with pytest.raises(ending):
            claim()


# Odd generators.


def test_a_generator_slower_than_the_candidate_ends_the_ladder_and_is_in_no_figure() -> None:
    """10 us an item to make, 5 ns to look at: the claim is about the candidate."""

    def slowly(n: int) -> tuple[list[float]]:
        end = time.perf_counter() + 1e-5 * n
        while time.perf_counter() < end:
            pass
        return numbers(n)

    start = time.perf_counter()
    verdict = outcome(lambda: scaling(sorted, slowly) <= "n log n")
    assert verdict.outcome != "failed"
    assert any("making the inputs" in line or "time budget" in line for line in verdict.details)
    assert time.perf_counter() - start < 30.0


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        (lambda _: ([3, 1, 2],), r"([3, 1, 2],)"),
        (lambda _: 7, "(7,)"),
        (lambda _: (np.arange(3),), "(array(["),
    ],
    ids=["list", "number", "array"],
)
def test_inputs_that_ignore_n_are_refused(inputs: Any, shown: str) -> None:
    """They would pass every claim: the message says for which two n they are equal, and what to do."""
    with pytest.raises(ClaimError, match=r"growth needs inputs of different sizes, but inputs\(4\) and") as caught:
        assert scaling(nothing, inputs) <= "1"
    assert shown in str(caught.value)
    assert "depend on n" in str(caught.value)


def test_inputs_of_one_size_that_nobody_can_see_into_are_not_refused() -> None:
    """An object of somebody's class may hold anything."""

    class Hidden:
        __slots__ = ()

    assert outcome(lambda: scaling(lambda _: sum(range(300)), lambda _: (Hidden(),)) <= "1").outcome != "failed"


def test_no_arguments_at_all_are_no_size_either() -> None:
    """An empty tuple is a call without arguments: what is measured does not grow, and nothing crashes."""
    assert outcome(lambda: scaling(lambda: sum(range(300)), lambda _: ()) <= "1").outcome in {"passed", "unclear"}


def test_named_arguments_and_other_kinds_of_numbers_are_understood() -> None:
    """Calls with keywords, sizes from NumPy, in any order and twice, and integers of a thousand digits."""
    verdict = outcome(
        lambda: (
            scaling(
                lambda *, xs: sum(xs),
                lambda n: Call((), {"xs": list(range(n))}),
                sizes=list(np.array([8000, 1000, 2000, 1000, 4000])),
            )
            <= "n"
        )
    )
    assert verdict.data["n"] == [1000.0, 2000.0, 4000.0, 8000.0]
    assert verdict.outcome == "passed"
    assert (
        speedup(lambda x, *, y: x % y, over=lambda x, *, y: (some(), x % y)[1], args=(10**1000,), kwargs={"y": 7}) >= 2
    )


def test_a_candidate_that_prints_is_measured_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    """What it writes goes where it always goes."""
    assert speedup(lambda: print("x"), over=lambda: (some(), print("x"))[1]) >= 2
    assert capsys.readouterr().out.startswith("x\nx\n")


@pytest.mark.parametrize("bound", ["20", [20], 0.0, -1.0, math.nan, math.inf, -math.inf])
def test_a_ratio_that_is_none_is_refused_before_anything_is_called(bound: Any) -> None:
    """A text that looks like a number is one; nothing else is, and no call is wasted on finding out."""
    calls: list[int] = []
    claim = speedup(lambda: calls.append(1), over=some, equal=None)
    if bound == "20":
        assert claim >= bound
        return
    with pytest.raises(ClaimError, match=r"a speedup is claimed as a number above zero, found .*; write e\.g\."):
        assert claim >= bound
    assert calls == []


def test_a_comparison_that_raises_raises() -> None:
    """equal= is the test's own code: its error is shown as it is."""

    def equal(expected: Any, actual: Any) -> str | None:
        raise LookupError(expected, actual)

    with pytest.raises(LookupError):
        assert speedup(nothing, over=some, equal=equal) >= 2


# Candidates that change their input.

LARGE = random.Random(1).sample(range(200_000), 200_000)


@pytest.mark.parametrize("values", [LARGE[:1000], LARGE, np.array(LARGE)], ids=["short", "long", "array"])
def test_a_speedup_on_fixed_arguments_gives_each_call_its_own_where_calls_change_them(values: Any) -> None:
    """Every call sorts what was shuffled, the caller's stays as it was, and the report says so."""
    seen: list[bool] = []

    def watched(xs: Any) -> None:
        seen.append(bool(xs[0] > xs[-1] or xs[1] > xs[2] or xs[0] > xs[1]))
        xs.sort()

    before = list(values)
    verdict = outcome(lambda: speedup(watched, over=lambda xs: (xs.sort(), xs.sort())[0], args=(values,)) >= 0.3)
    assert verdict.outcome != "failed"
    assert all(seen)
    assert list(values) == before
    assert "a call changes its arguments: each call gets a fresh copy of them" in verdict.details


def test_a_speedup_never_says_so_of_calls_that_change_nothing() -> None:
    """Reading is no change, however large the arguments are."""
    verdict = speedup(max, over=lambda xs: max(sorted(xs)), args=(LARGE,)) >= 2
    assert verdict
    assert not any("changes" in line for line in verdict.details)


def test_inputs_that_are_the_same_object_each_time_are_copied_where_calls_change_them() -> None:
    """Otherwise the second call would sort what the first has sorted, and insertion sort would be linear."""
    values = LARGE[:300]
    verdict = outcome(lambda: speedup(in_place, over=insertion, inputs=lambda: (values,)) >= 10)
    assert verdict.outcome == "passed"
    assert values == LARGE[:300]
    assert any("returns the same objects again" in line for line in verdict.details)
    fresh = outcome(lambda: speedup(in_place, over=insertion, inputs=lambda: (LARGE[:300],)) >= 10)
    assert fresh.outcome == "passed"
    assert not any("copy" in line for line in fresh.details)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"args": ((i for i in range(9)),)}, "hand over `inputs=`"),
        ({"inputs": lambda: ((i for i in range(9)),)}, "a list, say, in place of an iterator or a generator"),
    ],
    ids=["args", "inputs"],
)
def test_a_generator_as_an_argument_is_used_up_by_the_first_call(options: Any, advice: str) -> None:
    """Neither compared with what is left of it nor timed on nothing: refused, with what to do."""
    with pytest.raises(ClaimError, match="changes its arguments") as caught:
        assert speedup(sum, over=lambda xs: sum(list(xs)), **options) >= 0.5
    assert advice in str(caught.value)


WHOLE = np.array(LARGE, dtype=float)


@pytest.mark.parametrize(
    "inputs", [numbers, functools.cache(numbers), lambda n: (LARGE[:n],)], ids=["fresh", "cached", "slices"]
)
def test_growth_is_that_of_untouched_inputs_however_they_are_made(inputs: Any) -> None:
    """Insertion sort is quadratic, also where inputs(n) returns the list again that it has sorted before."""
    verdict = outcome(lambda: scaling(insertion, inputs) <= "n log n")
    assert verdict.outcome == "failed"


def test_growth_on_views_of_one_array_leaves_the_array_alone() -> None:
    """`data[:n]` of an array is no copy: what is sorted in it would stay sorted for every larger n."""
    before = WHOLE.copy()
    verdict = outcome(
        lambda: scaling(in_place, lambda n: (WHOLE[:n],), sizes=[3000, 6000, 12_000, 24_000, 48_000]) <= "n^2"
    )
    assert verdict.outcome == "passed"
    assert np.array_equal(before, WHOLE)
    assert any("changes its input: every call was given one of its own" in line for line in verdict.details)


def test_growth_says_nothing_of_calls_that_change_nothing() -> None:
    """Also not on large inputs."""
    verdict = outcome(lambda: scaling(sum, lambda n: (WHOLE[:n],), sizes=[3000, 6000, 12_000, 24_000, 48_000]) <= "n")
    assert not any("changes" in line for line in verdict.details)


def test_what_a_call_puts_into_its_argument_is_no_leak() -> None:
    """Each call gets a list of its own, and it is said; what it keeps elsewhere is a leak as before."""
    kept: list[Any] = []
    values = [1]
    verdict = outcome(lambda: memory(lambda xs: xs.append("x" * len(xs)), values).leaked <= "0 B")
    assert verdict.outcome == "passed"
    assert values == [1]
    assert "a call changes its arguments: each call gets a fresh copy of them" in verdict.details
    leaking = outcome(lambda: memory(lambda xs: (xs.append(1), kept.append(bytes(100))), values).leaked <= "0 B")
    assert leaking.outcome == "failed"
    assert not any("changes" in line for line in outcome(lambda: memory(len, values).leaked <= "0 B").details)


def test_a_gil_claim_says_that_calls_work_on_what_was_left() -> None:
    """What a call does with the GIL is asked of many calls in a row, and copies between them would be in the figure."""
    verdict = outcome(lambda: gil(in_place, list(LARGE)).held)
    assert any("worked on what the one before had left" in line for line in verdict.details)
    assert not any("left" in line for line in outcome(lambda: gil(sum, LARGE[:1000]).held).details)


def test_a_peak_is_measured_on_untouched_arguments() -> None:
    """Every run gets the list as it was: sorting what is sorted needs less."""
    values = list(LARGE)
    assert outcome(lambda: memory(in_place, values).peak <= "8 MB").outcome == "passed"
    assert values == LARGE


# The same in a worker, where a submission lives.

SUBMISSION = """
def nothing(*_): pass
def work(*_): return sum(range(3000)) and None
def too_deep(n): return 0 if n == 0 else 1 + too_deep(n - 1)
def too_large(n):
    if n > 3000: raise MemoryError
    return sum(range(n))
def broken(n):
    if n > 500: raise ValueError('not that many')
    return sum(range(n))
def leave(*_): raise SystemExit(3)
def interrupt(*_): raise KeyboardInterrupt
def insertion(xs):
    for i in range(1, len(xs)):
        x, j = xs[i], i
        while j > 0 and xs[j - 1] > x:
            xs[j] = xs[j - 1]
            j -= 1
        xs[j] = x
def noisy(*_):
    print('x' * 1000)
def append(xs): xs.append(1)
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(limits=Limits(address_space=4 * 2**30, file_size=2**28, open_files=128, processes=64, cpu_seconds=60))
    yield pool
    pool.close()


@pytest.fixture
def submission(pool: Pool, tmp_path: Path) -> RemoteModule:
    path = tmp_path / "answer.py"
    path.write_text(textwrap.dedent(SUBMISSION), encoding="utf-8")
    return RemoteModule(pool, ModuleSpec("answer", path, in_place=frozenset({"insertion", "append"})))


def test_in_a_worker_nothing_is_faster_than_something(submission: RemoteModule) -> None:
    """A candidate below the price of its channel passes what is certain, and no claim beyond that fails."""
    claim = speedup(submission.nothing, over=submission.work, inputs=lambda: (1,))
    assert outcome(lambda: claim >= 5).outcome == "passed"
    # At its own ratio no look tells, so each of the four takes all of its budget.
    same = speedup(submission.nothing, over=submission.nothing, inputs=lambda: (1,), budget=0.3)
    assert outcome(lambda: same >= 1).outcome == "unclear"


@pytest.mark.parametrize(("name", "error"), [("too_deep", "RecursionError"), ("too_large", "MemoryError")])
def test_in_a_worker_too_large_a_size_ends_the_ladder(submission: RemoteModule, name: str, error: str) -> None:
    """The exception crosses the wire, the worker goes on, and the claim is never failed by it."""
    verdict = outcome(lambda: scaling(getattr(submission, name), size) <= "n")
    assert verdict.outcome != "failed"
    assert error in " ".join((verdict.message, *verdict.details))


def test_in_a_worker_an_error_at_some_sizes_is_the_candidates_own(submission: RemoteModule) -> None:
    """With its class and its text."""
    with pytest.raises(ValueError, match="not that many"):
        assert scaling(submission.broken, size) <= "n"


@pytest.mark.parametrize("name", ["leave", "interrupt"])
def test_in_a_worker_nobody_ends_the_program_of_the_parent(submission: RemoteModule, name: str) -> None:
    """exit() and Ctrl-C of a submission are errors of its own, of an ordinary class."""
    with pytest.raises(Exception, match=r"SystemExit|KeyboardInterrupt|exit|left"):
        assert speedup(getattr(submission, name), over=submission.work, inputs=lambda: (1,)) >= 2


def test_in_a_worker_growth_is_that_of_untouched_inputs(submission: RemoteModule) -> None:
    """What crosses the wire is a copy, also of a list that inputs(n) returns again and again."""
    assert outcome(lambda: scaling(submission.insertion, functools.cache(numbers)) <= "n log n").outcome == "failed"


def test_in_a_worker_what_a_call_puts_into_its_argument_is_no_leak(submission: RemoteModule) -> None:
    """As here, for a function that is declared to work in place."""
    verdict = outcome(lambda: memory(submission.append, [1]).leaked <= "0 B")
    assert verdict.outcome == "passed"
    assert "a call changes its arguments: each call gets a fresh copy of them" in verdict.details


def test_in_a_worker_a_candidate_that_prints_is_measured_like_any_other(submission: RemoteModule) -> None:
    """Its output fills no pipe and stops no claim."""
    assert outcome(lambda: speedup(submission.noisy, over=submission.work, inputs=lambda: (1,)) >= 0.01).outcome == (
        "passed"
    )


def test_results_that_differ_only_in_place_are_seen_on_the_same_object_too() -> None:
    """A candidate that sorts the wrong way round is not acquitted by a list that was handed out again."""
    values = LARGE[:100]
    with pytest.raises(ResultsDiffer):
        assert speedup(lambda xs: xs.sort(reverse=True), over=in_place, inputs=lambda: (values,)) >= 1
