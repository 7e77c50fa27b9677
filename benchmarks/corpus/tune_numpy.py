"""NumPy calls whose complexity is known; rules may be chosen with these in sight."""

from __future__ import annotations

import numpy as np

from corpus.case import RNG, Shelf, array, permutation, power_of_two, same, square, two_arrays, two_squares

known = Shelf("tune", "numpy")


def _transformable(n):
    length = power_of_two(n)
    return (RNG.random(length),), length


def _gather_often(a):
    """As many random loads as a sort by places has comparisons."""
    places = (a * len(a)).astype(np.intp)
    for _ in range(len(a).bit_length()):
        a[places]


@known("1", array)
def array_item(a):
    return a[0]


@known("log n", lambda n: (np.arange(n), n // 3))
def array_search(a, x):
    return a.searchsorted(x)


@known("n", array, over=np.max)
def array_sum(a):
    return a.sum()


@known("n", permutation, over=lambda a, where: a.take(where), grows_faster=True)
def array_gather(a, where):
    return a[where]


@known("n", array)
def array_cumsum(a):
    return np.cumsum(a)


@known("n", array, over=lambda a: np.negative(a, out=a))
def array_add_in_place(a):
    a += 1.0


@known("n", array)
def array_where(a):
    return np.where(a > 0.5, a, 0.0)


@known("n log n", array, over=np.sort)
def array_sort(a):
    a.sort()


@known("n log n", _transformable, over=np.fft.fft)
def array_fft(a):
    return np.fft.rfft(a)


@known("n log n", lambda n: (RNG.integers(0, n, n),), over=lambda a: set(a.tolist()), grows_faster=True)
def array_unique(a):
    return np.unique(a)


@known("n log n", array, over=_gather_often, grows_faster=True)
def array_argsort(a):
    return np.argsort(a)


# A call to append takes as long as copying tens of thousands of numbers: no call of bearable length tells n^1.5.
@known("n^2", same, next_lower="n log n", two_lower="sqrt n")
def array_append(n):
    out = np.empty(0)
    for i in range(n):
        out = np.append(out, i)
    return out


@known("n^2", array, over=lambda a: np.add.outer(a, a).sum())
def array_outer(a):
    return np.outer(a, a).sum()


@known("n^2", two_arrays, over=lambda a, b: np.correlate(a, b, "full"))
def array_convolve(a, b):
    return np.convolve(a, b)


@known("n^2", lambda n: (RNG.random((n, 3)),))
def array_distances(a):
    return np.sqrt(((a[:, None] - a[None]) ** 2).sum(axis=-1))


@known("n^2", square, over=np.sum)
def array_row_sums(a):
    return a.sum(axis=1)


@known("n^3", two_squares)
def array_matmul(a, b):
    return a @ b


@known("n^3", square)
def array_inverse(a):
    return np.linalg.inv(a)


@known("n^3", square, over=np.linalg.inv)
def array_determinant(a):
    return np.linalg.det(a)
