"""collatz_steps: right up to 2**32, several times faster than the loop, and out of other threads' way."""

import numpy as np
import pytest


def test_counts_the_steps(candidate, reference, efficiency_rng):
    """The known first numbers, an empty range, and a range anywhere below 2**32."""
    first = np.array([0, 1, 7, 2, 5, 8, 16, 3, 19, 6], dtype=np.int64)
    np.testing.assert_array_equal(candidate.collatz_steps(1, 10), first, strict=True)
    np.testing.assert_array_equal(candidate.collatz_steps(27, 1), np.array([111]), strict=True)
    np.testing.assert_array_equal(candidate.collatz_steps(5, 0), np.empty(0, dtype=np.int64), strict=True)
    for start in (int(efficiency_rng.integers(1, 2**31)), int(efficiency_rng.integers(2**31, 2**32 - 100))):
        expected = reference.collatz_steps(start, 100)
        np.testing.assert_array_equal(candidate.collatz_steps(start, 100), expected, strict=True)


def test_walks_through_large_numbers(candidate):
    """1410123943 climbs to 7125885122794452160, just within 63 bits; and the range ends exactly at 2**32."""
    np.testing.assert_array_equal(candidate.collatz_steps(1_410_123_943, 1), np.array([770]), strict=True)
    assert candidate.collatz_steps(2**32 - 1, 1).tolist() == [451]


def test_refuses_what_is_out_of_range(candidate):
    """0 never reaches 1, so a start below 1 must not be walked; nor may there be -1 numbers, or any from 2**32 on."""
    for start, count in [(0, 1), (-5, 10), (1, -1), (2**32, 1), (2**32 - 1, 2)]:
        with pytest.raises(ValueError):
            candidate.collatz_steps(start, count)


def test_is_fast(candidate, reference, speedup, efficiency_rng):
    """On 200 numbers from a random start it beats the loop in Python by far."""

    def make():
        return int(efficiency_rng.integers(2**31, 2**32 - 200)), 200

    assert speedup(candidate.collatz_steps, over=reference.collatz_steps, inputs=make) >= 5


def test_lets_other_threads_run(candidate, reference, gil, efficiency_rng):
    """While it walks some 50000 numbers, another thread gets on with its work; and it does walk them."""
    count = int(efficiency_rng.integers(45_000, 55_000))
    start = int(efficiency_rng.integers(2**31, 2**32 - count))
    first = int(efficiency_rng.integers(0, count - 100))
    steps = candidate.collatz_steps(start, count)
    assert steps.shape == (count,)
    np.testing.assert_array_equal(steps[first : first + 100], reference.collatz_steps(start + first, 100))
    assert gil(candidate.collatz_steps, start, count).released
