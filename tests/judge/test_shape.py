from __future__ import annotations

import dataclasses
import math
import random

import pytest

from pytest_efficiency.judge.classes import parse_class
from pytest_efficiency.judge.scaling import judge_scaling
from pytest_efficiency.judge.shape import shape_of
from pytest_efficiency.judge.tail import Sampling

SIZES = (4.0, 8.0, *(float(2**k) for k in range(8, 16)))


def sampled(seconds, *, noise=0.01, **more) -> Sampling:
    rng = random.Random(7)
    samples = tuple(tuple(seconds(n) * (1 + noise * rng.random()) for _ in range(4)) for n in SIZES)
    return Sampling(SIZES, samples, **more)


def appended(n: float) -> float:
    """What appending to an array costs: 1 us each, and a copy of all that is there."""
    return 1e-6 * n + 1.5e-11 * n * n


def in_memory(n: float) -> float:
    """A linear function whose data leave the cache at n = 1024: each item then takes up to three times as long."""
    return 1e-8 * n * (1.0 + 2.0 * min(1.0, max(0.0, math.log2(n / 1024) / 5)))


def test_a_higher_class_is_seen_before_it_dominates() -> None:
    """A third of the time at n_max is quadratic: no slope says so, the shape does."""
    sampling = sampled(appended, in_cache=True)
    shape = shape_of(sampling, parse_class("n log n"))
    assert shape.likely
    assert not shape.plain
    assert shape.share == pytest.approx(0.3, abs=0.1)
    decision = judge_scaling(sampling, None, "n log n", escalated=True)
    assert decision.outcome == "failed"
    assert decision.evidence == "shape"
    assert decision.share == pytest.approx(shape.share)
    assert "classes above n log n hold" in decision.why


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5, 2.0])
def test_a_curve_of_its_own_class_has_no_such_shape(power: float) -> None:
    """The true class, with call overhead and noise, is neither plain nor likely refuted."""
    sampling = sampled(lambda n: 1e-7 + 1e-8 * n**power, noise=0.05)
    shape = shape_of(sampling, parse_class(f"n^{power:g}"))
    assert not shape.plain
    assert not shape.likely


def test_the_shape_refutes_nothing_before_the_memory_is_weighed() -> None:
    """Not asked: weigh. In the cache: failed. Beyond it: the slope alone decides, and it passes."""
    sampling = sampled(appended)
    assert judge_scaling(sampling, None, "n log n", escalated=True).wants == "weigh"
    within = dataclasses.replace(sampling, in_cache=True)
    beyond = dataclasses.replace(sampling, in_cache=False)
    assert judge_scaling(within, None, "n log n", escalated=True).outcome == "failed"
    assert judge_scaling(beyond, None, "n log n", escalated=True).outcome == "passed"


def test_a_likely_shape_asks_for_longer_calls_first() -> None:
    """A third of the time is not most of it: a longer ladder is asked for where there is one."""
    decision = judge_scaling(sampled(appended, in_cache=True), None, "n log n")
    assert (decision.outcome, decision.wants) == (None, "escalate")


def test_memory_that_bends_a_curve_is_no_failure() -> None:
    """Three times the cost per item beyond the cache: no verdict of the shape's, whatever it looks like."""
    beyond = sampled(in_memory, in_cache=False)
    assert judge_scaling(beyond, None, "n", escalated=True).outcome != "failed"


def test_one_point_that_jumps_makes_no_class() -> None:
    """The largest size alone, ten times too slow, refutes nothing by its shape."""
    sampling = sampled(lambda n: 1e-8 * n * (10.0 if n == SIZES[-1] else 1.0))
    shape = shape_of(sampling, parse_class("n"))
    assert shape.share > 0.5
    assert not shape.likely


def test_steepening_past_the_bound_beyond_the_cache_is_unclear() -> None:
    """LAPACK below its asymptote, or memory: the last window is over the bound, the wide ones are not."""

    def late(n: float) -> float:
        return 2e-7 * n + 3e-16 * n**3

    beyond = sampled(late, in_cache=False, exhausted=True)
    decision = judge_scaling(beyond, None, "n", escalated=True)
    assert decision.outcome == "unclear"
    assert "over=" in decision.why
