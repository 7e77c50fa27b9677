from __future__ import annotations

import dataclasses
import math
import random

import pytest

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.counts import Counts
from pytest_efficiency.judge.scaling import judge_scaling
from pytest_efficiency.judge.tail import Sampling

SIZES = (4.0, 8.0, *(float(2**k) for k in range(8, 16)))


def sampled(seconds, *, sizes=SIZES, rounds=4, noise=0.01, seed=3, **more) -> Sampling:
    """Samples of a curve, each up to ``noise`` too slow."""
    rng = random.Random(seed)
    samples = tuple(tuple(seconds(n) * (1 + noise * rng.random()) for _ in range(rounds)) for n in sizes)
    return Sampling(sizes, samples, **{"in_cache": True, **more})


def linearithmic(n: float) -> float:
    return 2e-7 + 3e-8 * n * math.log2(n)


def quadratic(n: float) -> float:
    return 2e-7 + 2e-9 * n * n


def test_the_linearithmic_passes_n_log_n() -> None:
    """The true claim holds, with its exponent and the size up to which it was seen."""
    decision = judge_scaling(sampled(linearithmic), None, "n log n")
    assert decision.outcome == "passed"
    assert decision.exponent == pytest.approx(1.12, abs=0.04)
    assert decision.interval[0] <= decision.exponent <= decision.interval[1] < decision.bound
    assert decision.holds_up_to == 32768
    assert decision.evidence == "time"


def test_the_quadratic_fails_n_log_n() -> None:
    """The next class up is refuted, and the message holds claim, figure, interval and sizes."""
    decision = judge_scaling(sampled(quadratic), None, "n log n")
    assert decision.outcome == "failed"
    assert decision.exponent == pytest.approx(2.0, abs=0.05)
    assert decision.interval[0] > decision.bound
    for part in ("n^2.0", "99% interval", "32 768", "n log n"):
        assert part in decision.why


CLASSES = {
    "1": lambda _: 1e-7,
    "log n": lambda n: 5e-8 * math.log2(n),
    "sqrt n": lambda n: 1e-7 + 1e-8 * math.sqrt(n),
    "n": lambda n: 1e-7 + 1e-8 * n,
    "n^1.5": lambda n: 1e-7 + 1e-8 * n**1.5,
    "n^2": quadratic,
    "n^3": lambda n: 1e-7 + 1e-10 * n**3,
}


@pytest.mark.parametrize("true", CLASSES)
@pytest.mark.parametrize("claim", ["log n", "sqrt n", "n log n", "n^1.5", "n^2", "n^3"])
def test_every_group_is_told_from_every_other(true: str, claim: str) -> None:
    """A curve passes its own group's claim and all above, and fails all below."""
    group = {"1": 0, "log n": 0, "sqrt n": 1, "n": 2, "n log n": 2, "n^1.5": 3, "n^2": 4, "n^3": 5}
    decision = judge_scaling(sampled(CLASSES[true]), None, claim, escalated=True)
    assert decision.outcome == ("passed" if group[true] <= group[claim] else "failed")


def test_exponential_growth_is_refuted_and_admitted() -> None:
    """2^n passes "2^n", fails "n^3", and 8^n fails "2^n"."""
    sizes = (4.0, 8.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0)
    assert judge_scaling(sampled(lambda n: 1e-8 * 2**n, sizes=sizes), None, "2^n").outcome == "passed"
    assert judge_scaling(sampled(lambda n: 1e-8 * 2**n, sizes=sizes), None, "n^3").outcome == "failed"
    assert judge_scaling(sampled(lambda n: 1e-14 * 8**n, sizes=sizes), None, "2^n").outcome == "failed"


def test_fewer_than_four_rounds_ask_for_more() -> None:
    """No verdict from three rounds, however clear; with the budget gone it is unclear."""
    decision = judge_scaling(sampled(quadratic, rounds=3), None, "1")
    assert (decision.outcome, decision.wants) == (None, "more")
    spent = judge_scaling(sampled(quadratic, rounds=3, exhausted=True), None, "1")
    assert spent.outcome == "unclear"
    assert "3 of at least 4 rounds" in spent.why


def test_a_curve_on_the_bound_is_never_a_verdict() -> None:
    """n^1.3 against n log n asks for rounds, then for longer calls, and ends unclear."""

    def between(n: float) -> float:
        return 1e-8 * n**1.31

    few = judge_scaling(sampled(between), None, "n log n")
    assert (few.outcome, few.wants) == (None, "more")
    many = sampled(between, rounds=12)
    assert judge_scaling(many, None, "n log n").wants == "escalate"
    last = dataclasses.replace(many, exhausted=True, in_cache=False)
    assert judge_scaling(last, None, "n log n", escalated=True).outcome == "unclear"


def test_a_cache_step_does_not_fail_a_linear_curve() -> None:
    """A step raises one window of the three; the minimum counts."""

    def stepped(n: float) -> float:
        return 1e-8 * n * (2.0 if n >= 16384 else 1.0)

    assert judge_scaling(sampled(stepped), None, "n", escalated=True).outcome == "passed"


def test_a_steepening_tail_asks_for_longer_calls_once() -> None:
    """A quadratic under call overhead looks linear at first: the ladder is made longer before anything is said."""

    def late(n: float) -> float:
        return 5e-8 * n + 1e-12 * n * n

    first = judge_scaling(sampled(late), None, "n")
    assert (first.outcome, first.wants) == (None, "escalate")
    longer = sampled(late, sizes=(4.0, 8.0, *(float(2**k) for k in range(12, 20))))
    assert judge_scaling(longer, None, "n", escalated=True).outcome == "failed"


def test_a_flattening_tail_asks_for_longer_calls_before_it_fails() -> None:
    """Steep at first and flat later is a cache step in the widest window or a low class: longer calls tell."""

    def flattening(n: float) -> float:
        return 1e-9 * math.exp(2.6 * math.log(n) - 0.05 * math.log(n) ** 2)

    decision = judge_scaling(sampled(flattening), None, "n")
    assert (decision.outcome, decision.wants) == (None, "escalate")
    assert judge_scaling(sampled(flattening), None, "n", escalated=True).outcome == "failed"


def test_a_tail_that_ends_in_a_jump_is_not_acquitted() -> None:
    """Flat on the whole, n^2.6 at the end and no way to look further: unclear, with the place where it begins."""

    def jump(n: float) -> float:
        return 1e-7 * n * (1.0 if n < 16384 else 1.6 if n < 32768 else 10.0)

    decision = judge_scaling(sampled(jump, exhausted=True), None, "n", escalated=True)
    assert decision.outcome == "unclear"
    assert "it steepens to n^2" in decision.why
    assert "over=" in decision.why


def test_different_luck_of_random_inputs_is_unclear_and_not_a_verdict() -> None:
    """A linear search whose target happened to lie early at the largest sizes is not called constant."""
    luck = dict(zip(SIZES, [0.5, 0.5, 0.6, 0.9, 0.2, 0.7, 0.5, 0.9, 0.3, 0.05], strict=True))
    decision = judge_scaling(sampled(lambda n: 1e-8 * n * luck[n], exhausted=True), None, "sqrt n", escalated=True)
    assert decision.outcome == "unclear"


def test_call_overhead_is_taken_off_where_it_can_be_told() -> None:
    """A quadratic with 40 us of overhead a call is a quadratic."""
    decision = judge_scaling(sampled(lambda n: 4e-5 + 2e-9 * n * n), None, "n log n", escalated=True)
    assert decision.outcome == "failed"


def test_a_reference_cancels_what_both_feel() -> None:
    """Memory makes both grow like n^1.8; their ratio is constant, and a candidate that is worse by n is seen."""

    def memory(n: float) -> float:
        return 1e-9 * n**1.8

    reference = sampled(memory, seed=5).samples
    both = dataclasses.replace(sampled(lambda n: 3 * memory(n)), reference=reference)
    assert judge_scaling(both, None, "1").outcome == "passed"
    worse = dataclasses.replace(sampled(lambda n: n * memory(n)), reference=reference)
    decision = judge_scaling(worse, None, "1")
    assert decision.outcome == "failed"
    assert "ratio" in decision.why


def test_steps_reject_before_time_is_asked() -> None:
    """Counts that outgrow the claim decide, whatever the clock has read; counts that do not leave it to the clock."""
    sizes = tuple(float(2**k) for k in range(2, 12))
    steps = Counts(sizes, tuple((round(12 * n * math.log2(n)),) for n in sizes))
    by_steps = judge_scaling(sampled(linearithmic), steps, "n")
    assert (by_steps.outcome, by_steps.evidence) == ("failed", "interpreter steps")
    assert judge_scaling(sampled(linearithmic), None, "n").outcome == "passed"
    few = Counts(sizes, tuple((14,) for _ in sizes))
    assert judge_scaling(sampled(quadratic), few, "n").outcome == "failed"


def test_a_failure_says_up_to_where_the_claim_held() -> None:
    """Linear up to 2048 and cubic from there on."""

    def broken(n: float) -> float:
        return 1e-7 * n if n <= 2048 else 1e-7 * n * (n / 2048) ** 2

    decision = judge_scaling(sampled(broken), None, "n", escalated=True)
    assert decision.holds_up_to in (2048.0, 4096.0)


@pytest.mark.parametrize("seed", range(20))
def test_the_same_numbers_give_the_same_decision(seed: int) -> None:
    """The bootstrap is seeded, and its seed does not decide a clear case."""
    sampling = sampled(linearithmic, noise=0.05)
    assert judge_scaling(sampling, None, "n log n", seed=seed) == judge_scaling(sampling, None, "n log n", seed=seed)
    assert judge_scaling(sampling, None, "n log n", seed=seed).outcome == "passed"


@pytest.mark.parametrize(
    ("sampling", "reason"),
    [
        (Sampling((4.0, 8.0), ((1.0,) * 4,) * 2, ended="a call at n = 16 raised RecursionError"), "RecursionError"),
        (Sampling((), (), ended="larger sizes take more than 40 ms a call"), "n = none"),
        (Sampling((), (), problem="coverage could not be suspended"), "coverage could not be suspended"),
        (Sampling(SIZES, ((0.0,) * 4,) * len(SIZES)), "too fast for the clock"),
        (Sampling(SIZES, ((math.nan,) * 4,) * len(SIZES)), "too fast for the clock"),
    ],
)
def test_no_usable_ladder_is_unclear_with_the_reason(sampling: Sampling, reason: str) -> None:
    """Too slow, too fast or disturbed is no verdict and no crash."""
    decision = judge_scaling(sampling, None, "n")
    assert decision.outcome == "unclear"
    assert reason in decision.why


@pytest.mark.parametrize("sizes", [(4.0, math.nan, 16.0, 32.0), (4.0, -8.0, 16.0, 32.0), (4.0, 8.0, 8.0, 32.0)])
def test_sizes_that_are_no_ascending_numbers_are_refused(sizes: tuple[float, ...]) -> None:
    """NaN, negative and repeated sizes come from the caller's generator, and the message says so."""
    with pytest.raises(ClaimError, match=r"inputs\(n\)"):
        judge_scaling(Sampling(sizes, ((1.0,) * 4,) * 4), None, "n")
