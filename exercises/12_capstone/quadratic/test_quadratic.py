"""quadratic: right, NaN included, several times faster than the loop, and without temporary arrays."""

import numpy as np
import pytest

NAN = float("nan")


def equations(rng, n):
    """Coefficients with two real roots each, none of which cancels out: every way of writing it down agrees closely."""
    return rng.uniform(1, 2, n), rng.uniform(-5, 5, n), rng.uniform(-2, -1, n)


def test_solves(candidate, reference, efficiency_rng):
    """The larger root of each equation; the empty array has none; whole numbers are exact."""
    coefficients = [np.array(x, dtype=np.float64) for x in ([1, 1, 2, -1], [-3, 2, 0, 0], [2, 1, -8, 4])]
    np.testing.assert_array_equal(candidate.quadratic(*coefficients), np.array([2.0, -1.0, 2.0, -2.0]), strict=True)
    empty = np.empty(0)
    np.testing.assert_array_equal(candidate.quadratic(empty, empty, empty), empty, strict=True)
    for n in (1, 20_001):
        coefficients = equations(efficiency_rng, n)
        expected = reference.quadratic(*coefficients)
        np.testing.assert_allclose(candidate.quadratic(*coefficients), expected, rtol=1e-9, strict=True)


def test_has_no_number_for_it(candidate):
    """No real root, no quadratic equation (whatever the sign of b) and NaN in all give NaN, and no exception."""
    a = np.array([1.0, 0.0, 0.0, 0.0, NAN, 1.0, 1.0, 1.0])
    b = np.array([0.0, 1.0, -1.0, 0.0, 1.0, NAN, 1.0, -5.0])
    c = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, NAN, 6.0])
    expected = np.array([NAN] * 7 + [3.0])
    np.testing.assert_array_equal(candidate.quadratic(a, b, c), expected, strict=True)


def test_takes_any_layout(candidate, reference, efficiency_rng):
    """Every other element, arrays backwards and read-only arrays give what packed copies give."""
    a, b, c = equations(efficiency_rng, 200)
    c.flags.writeable = False
    for views in [(a[::2], b[:100], c[1::2]), (a[::-1], b, c[::-1])]:
        expected = reference.quadratic(*(view.copy() for view in views))
        np.testing.assert_allclose(candidate.quadratic(*views), expected, rtol=1e-9, strict=True)


def test_refuses_other_arrays(candidate):
    """Arrays of float32, of integers, of two dimensions and of different lengths are refused."""
    good = np.ones(4)
    for other in (np.ones(4, dtype=np.float32), np.ones(4, dtype=np.int64), np.ones((2, 2))):
        for arrays in [(other, good, good), (good, good, other)]:
            with pytest.raises((TypeError, ValueError)):
                candidate.quadratic(*arrays)
    with pytest.raises(ValueError):
        candidate.quadratic(good, good, good[:3])
    with pytest.raises(ValueError):
        candidate.quadratic(good, good[:3], good)


def test_is_fast(candidate, reference, speedup, efficiency_rng):
    """On 20000 equations it beats the loop over lists by far."""

    def make():
        return equations(efficiency_rng, 20_000)

    assert speedup(candidate.quadratic, over=reference.quadratic, inputs=make) >= 5


def test_needs_no_temporaries(candidate, reference, memory, efficiency_rng):
    """On about a million equations (8 MB an array) it peaks near the size of its result, which is right."""
    n = int(efficiency_rng.integers(900_000, 1_100_000))
    coefficients = equations(efficiency_rng, n)
    first = int(efficiency_rng.integers(0, n - 1_000))
    some = [x[first : first + 1_000].copy() for x in coefficients]
    roots = candidate.quadratic(*coefficients)
    assert roots.shape == (n,)
    np.testing.assert_allclose(roots[first : first + 1_000], reference.quadratic(*some), rtol=1e-9)
    assert memory(candidate.quadratic, *coefficients).peak <= "1.5 outputs"
