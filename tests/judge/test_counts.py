from __future__ import annotations

import math

import pytest

from pytest_efficiency.judge.classes import parse_class
from pytest_efficiency.judge.counts import Counts, fit_counts
from pytest_efficiency.judge.scaling import judge_counts

SIZES = tuple(float(2**k) for k in range(2, 12))


def counts(steps, sizes=SIZES, source="interpreter steps") -> Counts:
    return Counts(sizes, tuple((round(steps(n)),) for n in sizes), source)


def test_counts_tell_a_log_factor_that_no_clock_sees() -> None:
    """n log n steps refute n, and do not refute n log n."""
    linearithmic = counts(lambda n: 40 + 12 * n * math.log2(n))
    rejected = judge_counts(linearithmic, "n")
    assert rejected is not None
    assert rejected.outcome == "failed"
    assert rejected.evidence == "interpreter steps"
    assert "n log n fits best" in rejected.why
    assert judge_counts(linearithmic, "n log n") is None


def test_linear_counts_with_a_large_constant_do_not_refute_n() -> None:
    """Set-up costs are no growth."""
    assert judge_counts(counts(lambda n: 5000 + 7 * n), "n") is None
    assert judge_counts(counts(lambda n: 5000 + 7 * n), "sqrt n") is not None


def test_quadratic_counts_refute_n_log_n() -> None:
    """The quadratic fails and the linearithmic passes."""
    assert judge_counts(counts(lambda n: 30 + 5 * n + n * n), "n log n") is not None
    assert judge_counts(counts(lambda n: 30 + 5 * n + n * n), "n^2") is None


def test_counts_never_acquit() -> None:
    """Few steps may hide work inside one call into C: the answer is silence, not a pass."""
    assert judge_counts(counts(lambda _: 14), "1") is None
    assert judge_counts(counts(lambda _: 14), "2^n") is None


def test_scatter_of_random_inputs_is_no_higher_class() -> None:
    """A linear search for something random takes between 0 and n steps; its claim is not refuted by luck."""
    luck = [0.9, 0.2, 0.6, 0.5, 0.8, 0.3, 0.4, 0.7, 0.6, 0.95]
    uneven = Counts(SIZES, tuple((round(20 + 8 * n * part),) for n, part in zip(SIZES, luck, strict=True)))
    assert judge_counts(uneven, "n") is None
    assert judge_counts(uneven, "1") is not None


def test_steep_code_is_told_over_a_short_range() -> None:
    """n^3 reaches the limit of steps within a factor of four, and is told from n^2 all the same."""
    sizes = (4.0, 5.0, 8.0, 10.0, 12.0, 15.0)
    cubic = counts(lambda n: 50 + 12 * n * n + 8 * n**3, sizes)
    assert judge_counts(cubic, "n^2") is not None
    assert judge_counts(cubic, "n^3") is None


def test_exponential_counts_refute_every_power() -> None:
    """Fibonacci by recursion grows faster than n^3."""
    sizes = (4.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0)
    fibonacci = counts(lambda n: 20 * 1.618**n, sizes)
    assert judge_counts(fibonacci, "n^3") is not None
    assert judge_counts(fibonacci, "2^n") is None


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_sizes_say_nothing(count: int) -> None:
    """Below five sizes there is no fit."""
    assert fit_counts(counts(lambda n: n * n, SIZES[:count]), parse_class("1")) is None


def test_what_the_caller_counts_is_named() -> None:
    """A caller's own counter is evidence of its own kind."""
    compared = judge_counts(counts(lambda n: n * n, source="comparisons"), "n log n")
    assert compared is not None
    assert compared.evidence == "counter"
    assert compared.why.startswith("comparisons outgrow n log n")
