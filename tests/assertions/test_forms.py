"""How a claim may be written, and what is said of every other way."""

from __future__ import annotations

import operator
import random
from typing import Any

import pytest

from pytest_efficiency import ClaimError, ResultsDiffer, Verdict, gil, memory, scaling, speedup
from pytest_efficiency.recorder import Recorder, current


def slow() -> int:
    return sum(1 for _ in range(2000))


def fast() -> int:
    return 2000


def numbers(n: int) -> list[int]:
    return list(range(n, 0, -1))


CLAIMS: list[Any] = [
    pytest.param(lambda: speedup(fast, over=slow), "assert speedup(f, over=g) >= 20", id="speedup"),
    pytest.param(lambda: scaling(sorted, numbers), 'assert scaling(f, inputs) <= "n log n"', id="scaling"),
    pytest.param(lambda: gil(fast), "assert gil(f, *args).released", id="gil"),
    pytest.param(lambda: memory(fast), 'assert memory(f, *args).peak <= "1.5 outputs"', id="memory"),
    pytest.param(lambda: memory(fast).peak, 'assert memory(f, *args).peak <= "1.5 outputs"', id="peak"),
    pytest.param(lambda: memory(fast).leaked, 'assert memory(f, *args).leaked <= "0 B"', id="leaked"),
]


@pytest.mark.parametrize(("claim", "form"), CLAIMS)
def test_a_claim_is_no_bool(claim: Any, form: str) -> None:
    """`assert speedup(f, over=g)` would always be true; the right form is named."""
    with pytest.raises(TypeError) as caught:
        assert claim()
    assert form in str(caught.value)


@pytest.mark.parametrize(("claim", "form"), CLAIMS)
@pytest.mark.parametrize("compare", [operator.eq, operator.ne, operator.lt, operator.gt])
def test_equality_and_strict_comparison_name_the_right_form(claim: Any, form: str, compare: Any) -> None:
    """A measured figure is never equal to anything."""
    with pytest.raises(TypeError) as caught:
        compare(claim(), 20)
    assert form in str(caught.value)


def test_the_meaningless_direction_is_refused() -> None:
    """A speedup is claimed from below, growth and memory from above."""
    with pytest.raises(TypeError, match="swap the two functions"):
        assert speedup(fast, over=slow) <= 20
    with pytest.raises(TypeError, match="refute a bound from above"):
        assert scaling(sorted, numbers) >= "n"
    with pytest.raises(TypeError, match="peak <="):
        assert memory(fast).peak >= 1
    with pytest.raises(TypeError, match="name the figure"):
        assert memory(fast) <= "8 MB"


def test_the_reflected_form_is_the_same_claim() -> None:
    """`20 <= speedup(...)` reads as well."""
    verdict = 20 <= speedup(fast, over=slow)
    assert isinstance(verdict, Verdict)
    assert verdict


def test_a_chain_is_two_claims_and_the_second_is_refused() -> None:
    """`20 <= s <= 100` asks for an upper bound, which a speedup does not have."""
    with pytest.raises(TypeError, match="swap"):
        assert 20 <= speedup(fast, over=slow) <= 100


@pytest.mark.parametrize("bound", ["twenty", float("nan"), -3, 0, None, float("inf")])
def test_a_ratio_is_a_number_above_zero(bound: Any) -> None:
    """Everything else is named with what was found."""
    with pytest.raises((ClaimError, TypeError)) as caught:
        assert speedup(fast, over=slow) >= bound
    assert repr(bound) in str(caught.value)


def test_an_unknown_growth_class_lists_the_known_ones() -> None:
    """`"n log"` is not one."""
    with pytest.raises(ClaimError, match=r"unknown growth class 'n log'.*'n log n'") as caught:
        assert scaling(sorted, numbers) <= "n log"
    assert "'n^2'" in str(caught.value)


def test_counting_decides_between_classes_that_no_clock_tells_apart() -> None:
    """Comparisons of a sort: n log n of them, which is not n. Both ways, and no time is in it."""
    made = 0

    class Compared(int):
        def __lt__(self, other: int) -> bool:
            nonlocal made
            made += 1
            return int(self) < int(other)

    def shuffled(n: int) -> list[int]:
        # Truly shuffled: a sort finds the runs in anything more regular, and needs fewer comparisons than n log n.
        return [Compared(i) for i in random.Random(n).sample(range(n), n)]

    assert scaling(sorted, shuffled, counting=lambda: made) <= "n log n"
    verdict = scaling(sorted, shuffled, counting=lambda: made) <= "n"
    assert not verdict
    assert "the caller's counts" in verdict.message
    assert verdict.data["evidence"] == "counter"


def test_counting_and_over_exclude_each_other() -> None:
    """One counts, the other compares times."""
    with pytest.raises(ClaimError, match="not both"):
        scaling(sorted, numbers, over=sorted, counting=lambda: 1)


def test_inputs_with_one_true_size_for_two_are_refused() -> None:
    """Growth over a size that does not grow is nothing."""
    with pytest.raises(ClaimError, match="true size"):
        assert scaling(sorted, lambda n: ((numbers(n),), 7)) <= "n log n"


@pytest.mark.parametrize("size", ["1.5 apples", "big", "", "-1 MB", None])
def test_a_size_that_cannot_be_parsed_lists_the_units(size: Any) -> None:
    """The units are named."""
    with pytest.raises((ClaimError, TypeError)) as caught:
        assert memory(fast).peak <= size
    assert "MiB" in str(caught.value)


def test_a_leak_is_not_claimed_in_outputs() -> None:
    """What stays behind has nothing to do with what comes out."""
    with pytest.raises(ClaimError, match="claimed in bytes"):
        assert memory(fast).leaked <= "1 outputs"


def test_a_candidate_that_raises_raises_in_the_test() -> None:
    """Its own exception, not one of ours."""

    def broken() -> int:
        msg = "no luck"
        raise LookupError(msg)

    with pytest.raises(LookupError, match="no luck"):
        assert speedup(broken, over=slow) >= 2
    with pytest.raises(LookupError, match="no luck"):
        assert scaling(lambda _: broken(), numbers) <= "n"
    with pytest.raises(LookupError, match="no luck"):
        assert gil(broken).released
    with pytest.raises(LookupError, match="no luck"):
        assert memory(broken).peak <= "1 MB"


def test_results_that_differ_show_the_smallest_failing_input() -> None:
    """A fast wrong answer is no speedup; a long argument is cut."""
    with pytest.raises(ResultsDiffer, match=r"expected 2000, got 1; the arguments were") as caught:
        assert speedup(lambda _: 1, over=lambda _: slow(), args=(list(range(100_000)),)) >= 2
    assert len(str(caught.value)) < 1000


def test_equal_none_compares_nothing_and_says_so() -> None:
    """The report says that the results were not compared."""
    verdict = speedup(lambda: 1, over=slow, equal=None) >= 2
    assert verdict
    assert any("not compared" in line for line in verdict.details)


def test_what_cannot_be_called_is_named() -> None:
    """The result was passed instead of the function."""
    with pytest.raises(TypeError, match=r"2000 cannot be called; pass the function itself"):
        assert speedup(fast(), over=slow) >= 2  # type: ignore[arg-type]  # the mistake under test


def test_a_verdict_is_a_frozen_line() -> None:
    """repr is the message, the truth value is the outcome, and nothing can be changed."""
    verdict = speedup(slow, over=fast) >= 2
    assert not verdict
    assert repr(verdict) == verdict.message
    assert "\n" not in verdict.message
    assert verdict.message.startswith("speedup(slow, over=fast) >= 2: failed")
    with pytest.raises(AttributeError):
        verdict.outcome = "passed"  # type: ignore[misc]  # the mistake under test


def test_an_unclear_verdict_has_no_truth_value() -> None:
    """`not` would turn it into an answer."""
    verdict = Verdict("gil", "unclear", "gil(f).released", "gil(f).released: unclear, too busy")
    with pytest.raises(TypeError, match="neither true nor false"):
        assert not verdict


def test_a_comparison_is_measured_once() -> None:
    """pytest asks a verdict for its truth twice, and a claim may be compared twice."""
    calls = []

    def counted() -> int:
        calls.append(1)
        return 2000

    claim = speedup(counted, over=slow)
    first = claim >= 2
    made = len(calls)
    second = claim >= 2
    assert first
    assert second is first
    assert len(calls) == made


def test_figures_without_a_claim() -> None:
    """Every claim reports its figure when nothing is claimed."""
    ratio = speedup(fast, over=slow)
    low, high = ratio.interval
    assert low <= ratio.ratio <= high
    assert ratio.ratio > 20
    growth = scaling(sorted, numbers)
    assert 0.5 < growth.exponent < 1.5
    assert growth.interval[0] <= growth.exponent <= growth.interval[1]
    assert [n for n, _ in growth.points] == sorted({n for n, _ in growth.points})
    assert memory(bytes.upper, b"a" * 8_000_000).peak.bytes == pytest.approx(8e6, rel=0.1)
    assert memory(fast).leaked.bytes < 1


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf"), True, "2"])
def test_a_budget_that_is_no_time_is_refused(budget: Any) -> None:
    """Zero does not mean the default; the error says what a budget is."""
    with pytest.raises(ClaimError, match=r"a budget is a number of seconds above zero, found"):
        speedup(fast, over=slow, budget=budget)
    with pytest.raises(ClaimError, match=r"a budget is a number of seconds above zero, found"):
        scaling(sorted, numbers, budget=budget)


@pytest.mark.parametrize("budget", [0, -1.5, float("nan")])
@pytest.mark.parametrize(("claim", "form"), CLAIMS)
def test_a_budget_of_the_test_that_is_no_time_is_refused_by_every_claim(claim: Any, form: str, budget: float) -> None:
    """Whoever sets it for a whole test hears of it from the first claim, whichever kind it is."""
    token = current.set(Recorder(budget=budget))
    try:
        with pytest.raises(ClaimError, match="a budget is a number of seconds above zero"):
            claim()
    finally:
        current.reset(token)
