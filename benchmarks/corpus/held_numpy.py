"""NumPy calls whose complexity is known; no rule is ever chosen by what comes out here."""

from __future__ import annotations

import numpy as np

from corpus.case import RNG, Shelf, array, power_of_two, square, two_arrays, two_squares

known = Shelf("held", "numpy")


def _two_of_a_power(n):
    length = power_of_two(n)
    return (RNG.random(length), RNG.random(length)), length


def _one_of_two(n):
    return (RNG.random(n), RNG.integers(0, 2, n))


def _searched(n):
    return (np.sort(RNG.random(n)), RNG.random(n))


def _gather_often(a, b):
    """As many random loads as a binary search has steps, for every element."""
    places = (b * len(a)).astype(np.intp) % len(a)
    for _ in range(len(a).bit_length()):
        a[places]


def _matrix_and_vector(n):
    return (RNG.random((n, n)), RNG.random(n))


@known("1", array)
def array_view(a):
    return a[::-2]


@known("log n", lambda n: (n / 3, np.arange(n, dtype=float), np.arange(n, dtype=float)))
def array_interpolate(x, xs, ys):
    return np.interp(x, xs, ys)


@known("n", two_arrays, over=lambda a, b: np.add(a, b, out=a))
def array_dot(a, b):
    return a @ b


@known("n", lambda n: (RNG.permutation(n),), over=lambda a: a[a], grows_faster=True)
def array_tally(a):
    return np.bincount(a)


@known("n", array, over=lambda a: np.flatnonzero(a > 0.5))
def array_filter(a):
    return a[a > 0.5]


@known("n", array, over=lambda a: a - 1.0)
def array_differences(a):
    return np.diff(a)


@known("n", array)
def array_exponential(a):
    return np.exp(a)


@known("n log n", array, over=lambda a: a.sort(kind="stable"))
def array_stable_sort(a):
    return np.sort(a, kind="stable")


@known("n log n", _two_of_a_power, over=lambda a, b: (np.fft.fft(a), np.fft.fft(b)))
def array_product_by_fft(a, b):
    return np.fft.irfft(np.fft.rfft(a) * np.fft.rfft(b), len(a))


@known("n log n", _searched, over=_gather_often, grows_faster=True)
def array_ranks(a, b):
    return a.searchsorted(b)


@known("n log n", _one_of_two, over=lambda a, _: np.argsort(a, kind="stable"))
def array_sort_by_two(a, b):
    return np.lexsort((a, b))


@known("n^2", square, over=np.negative)
def array_running_rows(a):
    return a.cumsum(axis=1)


@known("n^2", _matrix_and_vector, over=lambda a, x: a + x)
def array_times_vector(a, x):
    return a @ x


@known("n^2", array, over=lambda a: np.subtract.outer(a, a).sum())
def array_count_smaller(a):
    return (a[:, None] < a[None]).sum()


@known("n^2", square, over=lambda a: np.negative(a).sum())
def array_lower_half(a):
    return np.tril(a).sum()


@known("n^2", two_arrays)
def array_hypotenuses(a, b):
    return np.hypot.outer(a, b).max()


@known("n^3", _matrix_and_vector)
def array_solve(a, x):
    return np.linalg.solve(a, x)


@known("n^3", square)
def array_orthogonal(a):
    return np.linalg.qr(a)


@known("n^3", two_squares)
def array_contract(a, b):
    return np.einsum("ij,kj->ik", a, b, optimize=False)
