"""shifted_product: right on every layout and on int32, and several times faster than the loop."""

import numpy as np
import pytest


def test_multiplies_neighbours(candidate, reference, efficiency_rng):
    """b[i] is a[i] * a[i - 1], b[0] is 0, and arrays of no, one and two elements are no exception."""
    for values, expected in [([], []), ([7], [0]), ([3, 5], [0, 15]), ([2, -3, 0, 4], [0, -6, 0, 0])]:
        b = candidate.shifted_product(np.array(values, dtype=np.int64))
        np.testing.assert_array_equal(b, np.array(expected, dtype=np.int64), strict=True)
    a = efficiency_rng.integers(-(2**31), 2**31, 1_001)
    np.testing.assert_array_equal(candidate.shifted_product(a), reference.shifted_product(a), strict=True)


def test_takes_any_layout(candidate, reference, efficiency_rng):
    """Every other element, the array backwards and a read-only array give what a packed copy gives."""
    a = efficiency_rng.integers(-1_000, 1_000, 200)
    read_only = a.copy()
    read_only.flags.writeable = False
    for view in (a[::2], a[::-1], read_only, read_only[1::3]):
        expected = reference.shifted_product(view.copy())
        np.testing.assert_array_equal(candidate.shifted_product(view), expected, strict=True)


def test_widens_before_it_multiplies(candidate):
    """The product of two int32 numbers does not wrap round at 2**31."""
    a = np.array([50_000, 50_000, -(2**31), -(2**31)], dtype=np.int32)
    expected = np.array([0, 2_500_000_000, -107_374_182_400_000, 2**62], dtype=np.int64)
    np.testing.assert_array_equal(candidate.shifted_product(a), expected, strict=True)


def test_refuses_other_arrays(candidate):
    """Floats and unsigned integers are refused, not truncated, and so is a matrix."""
    for dtype in (np.float64, np.float32, np.uint64):
        with pytest.raises(TypeError):
            candidate.shifted_product(np.array([1, 2, 3], dtype=dtype))
    with pytest.raises((TypeError, ValueError)):
        candidate.shifted_product(np.ones((3, 3), dtype=np.int64))


def test_is_fast(candidate, reference, speedup, efficiency_rng):
    """On 20000 elements it beats the loop over a list by far."""

    def make():
        return (efficiency_rng.integers(-(2**31), 2**31, 20_000),)

    assert speedup(candidate.shifted_product, over=reference.shifted_product, inputs=make) >= 6
