"""merge_sort: right, n log n, and several times faster than merge sort in Python."""

import math

import numpy as np
import pytest

RANGE = (-(2**63), 2**63 - 1)


def check_equal(actual, expected):
    """Both parts of the result are equal, types included."""
    values, inversions = actual
    expected_values, expected_inversions = expected
    np.testing.assert_array_equal(values, np.array(expected_values, dtype=np.int64), strict=True)
    assert type(inversions) is int
    assert inversions == expected_inversions


def test_sorts_and_counts(candidate, reference, efficiency_rng):
    """The array comes back in order, with the number of pairs that were not; equal elements are none of them."""
    for values, inversions in [
        ([], 0),
        ([7], 0),
        ([1, 2], 0),
        ([2, 1], 1),
        ([3, 1, 2], 2),
        ([2, 2, 2], 0),
        ([2, 1, 2, 1], 3),
        ([5, 4, 3, 2, 1], 10),
        ([2**63 - 1, -(2**63), 0], 2),
    ]:
        check_equal(candidate.merge_sort(np.array(values, dtype=np.int64)), (sorted(values), inversions))
    for high, n in [(RANGE[1], 1_023), (10, 1_024), (RANGE[1], 20_000)]:
        a = efficiency_rng.integers(-high, high, n)
        check_equal(candidate.merge_sort(a), reference.merge_sort(a))


def test_takes_any_layout(candidate, reference, efficiency_rng):
    """Every other element, the array backwards and a read-only array give what a packed copy gives."""
    a = efficiency_rng.integers(-1_000, 1_000, 200)
    read_only = a.copy()
    read_only.flags.writeable = False
    for view in (a[::2], a[::-1], read_only, read_only[1::3]):
        check_equal(candidate.merge_sort(view), reference.merge_sort(view.copy()))


def test_refuses_other_arrays(candidate):
    """Floats, narrower integers and a matrix are refused, not converted."""
    for other in (np.array([2.5, 1.5]), np.array([2, 1], dtype=np.int32), np.ones((3, 3), dtype=np.int64)):
        with pytest.raises((TypeError, ValueError)):
            candidate.merge_sort(other)


def test_is_fast(candidate, reference, speedup, efficiency_rng):
    """On 1000 elements it beats merge sort in Python by far."""

    def make():
        return (efficiency_rng.integers(*RANGE, 1_000),)

    assert speedup(candidate.merge_sort, over=reference.merge_sort, inputs=make) >= 4


def test_scales(candidate, scaling, efficiency_rng):
    """Twice as many elements take little more than twice as long."""

    def make(n):
        return (efficiency_rng.integers(*RANGE, n),)

    def check(args, result):
        (a,) = args
        values, inversions = result
        # Numbers drawn at random have n * (n - 1) / 4 inversions, give or take ten times the standard deviation.
        spread = 10 * math.sqrt(a.size * (a.size - 1) * (2 * a.size + 5) / 72)
        plausible = abs(inversions - a.size * (a.size - 1) / 4) <= spread
        return plausible and np.array_equal(values, np.sort(a))

    assert scaling(candidate.merge_sort, make, check=check) <= "n log n"
