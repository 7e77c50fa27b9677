"""The quantiles against published tables, the intervals against what they promise."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_efficiency.judge.statistics import median, share_of_error, t_probability, t_quantile, trimmed_interval

# Percentage points of Student's t: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, and the 0.9995 column of
# Fisher and Yates, Statistical Tables, table III.
PUBLISHED = [
    (0.90, 1, 3.078),
    (0.95, 1, 6.314),
    (0.975, 1, 12.706),
    (0.995, 1, 63.657),
    (0.9995, 1, 636.619),
    (0.975, 2, 4.303),
    (0.999, 2, 22.327),
    (0.9995, 3, 12.924),
    (0.975, 4, 2.776),
    (0.995, 4, 4.604),
    (0.95, 5, 2.015),
    (0.9995, 10, 4.587),
    (0.975, 12, 2.179),
    (0.999, 20, 3.552),
    (0.975, 30, 2.042),
    (0.995, 60, 2.660),
    (0.95, 100, 1.660),
    (0.999, 100, 3.174),
]


@pytest.mark.parametrize(("p", "df", "published"), PUBLISHED)
def test_quantiles_are_those_of_the_tables(p, df, published):
    """Every published value is met to its last digit."""
    assert t_quantile(p, df) == pytest.approx(published, abs=6e-4)


def test_closed_forms_are_met_far_out_in_the_tail():
    """One and two degrees of freedom have closed forms, which hold down to the smallest error a look may spend."""
    for tail in (1e-3, 1e-5, 3e-7):
        cauchy = 1.0 / math.tan(math.pi * tail)
        two = (1.0 - 2.0 * tail) / math.sqrt(2.0 * tail * (1.0 - tail))
        assert t_quantile(1.0 - tail, 1) == pytest.approx(cauchy, rel=1e-6)
        assert t_quantile(1.0 - tail, 2) == pytest.approx(two, rel=1e-6)


@given(st.floats(0.501, 0.9999), st.integers(1, 400))
def test_quantile_inverts_the_probability(p, df):
    """P(|T| < q(p)) is 2 p - 1, on both sides of zero."""
    quantile = t_quantile(p, df)
    assert t_probability(quantile, df) == pytest.approx(2.0 * p - 1.0, abs=1e-9)
    assert t_quantile(1.0 - p, df) == pytest.approx(-quantile, rel=1e-6)


@pytest.mark.parametrize(("p", "df"), [(0.0, 3), (1.0, 3), (math.nan, 3), (0.9, 0)])
def test_a_quantile_that_does_not_exist_is_refused(p, df):
    """Probabilities of 0 and 1 and no degrees of freedom are errors, not infinities."""
    with pytest.raises(ValueError, match="t_quantile needs"):
        t_quantile(p, df)


def test_all_looks_together_spend_no_more_than_the_error():
    """The shares of ever more looks approach the total and never pass it."""
    spent = [sum(share_of_error(look, 0.001) for look in range(1, looks + 1)) for looks in (1, 22, 10_000)]
    assert spent[0] < spent[1] < spent[2] < 0.001
    assert spent[2] == pytest.approx(0.001, rel=1e-3)


def test_trimming_ignores_what_one_interruption_did():
    """One value of ten may be anything at all, and mean and interval stay finite and where they were."""
    calm = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 1.0]
    mean, low, high = trimmed_interval([*calm[:-1], 1e9], 0.01)
    assert 0.97 < low < 1.0 < mean < high < 1.03


def test_values_that_agree_by_chance_are_not_believed_beyond_the_floor():
    """Three equal values have the interval of the floor, not one of width zero."""
    mean, low, high = trimmed_interval([1.0, 1.0, 1.0], 0.05, floor=0.01)
    assert mean == 1.0
    assert high - low == pytest.approx(2.0 * 4.303 * 0.01 / math.sqrt(3.0), rel=1e-3)


def test_intervals_miss_as_rarely_as_they_promise():
    """Of 2000 samples of eight and of thirty with a known mean, about 5 % of the 95 % intervals miss it."""
    rng = random.Random(7)
    for n in (8, 30):
        missed = 0
        for _ in range(2000):
            _, low, high = trimmed_interval([rng.gauss(0.0, 1.0) for _ in range(n)], 0.05)
            missed += not low <= 0.0 <= high
        assert 0.025 < missed / 2000 < 0.08


def test_median_of_odd_even_and_nothing():
    """The middle one, the mean of the middle two, NaN."""
    assert (median([3.0, 1.0, 2.0]), median([4.0, 1.0, 2.0, 3.0])) == (2.0, 2.5)
    assert math.isnan(median([]))
