"""What the complexity of the kernels in held_kernels.pyx is; no rule is ever chosen by what comes out here."""

from __future__ import annotations

import numpy as np

from corpus.case import RNG, Shelf, array, extension, power_of_two, same

known = Shelf("held", "cython")
kernels = extension("held_kernels")


def _transformable(n):
    length = power_of_two(n)
    return (RNG.random(length),), length


def _bytes(n):
    return (RNG.integers(0, 4, n, dtype=np.uint8),)


def _keys(n):
    return (RNG.integers(1, 1 << 40, n),)


def _links(n):
    return ((RNG.random((n, n)) < 0.5).view(np.uint8),)


known("1", array)(kernels.cy_length)
known("log n", same)(kernels.cy_digit_sum)
known("sqrt n", same, over=kernels.cy_root_harmonic)(kernels.cy_triangular_root)
known("n", _bytes)(kernels.cy_runs)
known("n", _keys, over=kernels.cy_distinct_twice, grows_faster=True)(kernels.cy_distinct)
known("n", lambda n: (*array(n), np.zeros(n)))(kernels.cy_moving_average)
known("n log n", _transformable, over=np.fft.fft)(kernels.cy_fft)
known("n log n", array, over=np.sort)(kernels.cy_range_minima)
known("n^1.5", same)(kernels.cy_all_divisors_by_trial)
known("n^2", _bytes, over=kernels.cy_equal_pairs)(kernels.cy_palindromic_part)
known("n^2", lambda n: (RNG.integers(1, n // 2 + 2, n), n))(kernels.cy_coins)
known("n^3", _links)(kernels.cy_triangles)
known("2^n", lambda n: (RNG.integers(1, 1 << 40, n),))(kernels.cy_xor_subsets)
