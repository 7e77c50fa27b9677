"""Numba kernels whose complexity is known; rules may be chosen with these in sight.

A compiler must not find a closed form for a loop: every step depends on data, or on the step before.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.case import RNG, Shelf, array, permutation, same, two_squares

known = Shelf("tune", "numba")


def _with_a_place(n):
    return (np.arange(n), int(RNG.integers(n)))


def _two_words(n):
    return (RNG.integers(0, 4, n), RNG.integers(0, 4, n))


@known("1", array)
@njit
def nb_middle(a):
    return a[len(a) // 2]


@known("log n", _with_a_place)
@njit
def nb_bisect(a, x):
    low, high = 0, len(a)
    while low < high:
        middle = (low + high) // 2
        if a[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def _root_steps(n):
    total = 1
    for i in range(1, int(math.sqrt(n)) + 1):
        total = (total * 31 + i) % 1_000_003
    return total


@known("sqrt n", same, over=_root_steps)
@njit
def nb_divisors(n):
    found = 0
    for i in range(1, int(math.sqrt(n)) + 1):
        if n % i == 0:
            found += 1
    return found


@known("n", array, over=np.cumsum)
@njit
def nb_sum_of_squares(a):
    total = 0.0
    for x in a:
        total += x * x
    return total


@known("n", permutation, over=lambda a, where: a[where], grows_faster=True)
@njit
def nb_gather(a, where):
    total = 0.0
    for i in where:
        total += a[i]
    return total


@known("n", array, over=np.cumsum)
@njit
def nb_prefix_sums(a):
    out = np.empty(len(a))
    total = 0.0
    for i in range(len(a)):
        total += a[i]
        out[i] = total
    return out


@known("n log n", array, over=np.sort)
@njit
def nb_merge_sort(a):
    source, target = a.copy(), np.empty(len(a))
    width = 1
    while width < len(a):
        for start in range(0, len(a), 2 * width):
            middle, end = min(start + width, len(a)), min(start + 2 * width, len(a))
            i, j = start, middle
            for k in range(start, end):
                if i < middle and (j >= end or source[i] <= source[j]):
                    target[k] = source[i]
                    i += 1
                else:
                    target[k] = source[j]
                    j += 1
        source, target = target, source
        width *= 2
    return source


@njit
def _mixed_multiples(n):
    mixed = np.zeros(n + 1, dtype=np.int64)
    for i in range(1, n + 1):
        for j in range(i, n + 1, i):
            mixed[j] = mixed[j] * 3 + i
    return mixed


@known("n log n", same, over=_mixed_multiples, grows_faster=True)
@njit
def nb_divisor_sums(n):
    """For every number up to n the sum of its divisors: n/1 + n/2 + ... + n/n steps, most to a line of their own."""
    sums = np.zeros(n + 1, dtype=np.int64)
    for i in range(1, n + 1):
        for j in range(i, n + 1, i):
            sums[j] += i
    return sums


@njit
def _remainders_by_root(a):
    total = 0
    for i in range(len(a)):
        for j in range(1, int(math.sqrt(len(a))) + 1):
            total += i % j
    return total


@known("n^1.5", array, over=_remainders_by_root)
@njit
def nb_root_windows(a):
    """The sum of sqrt n neighbours for every place, each added up anew."""
    width = int(math.sqrt(len(a)))
    best = 0.0
    for i in range(len(a) - width):
        total = 0.0
        for j in range(i, i + width):
            total += a[j]
        best = max(best, total)
    return best


@known("n^2", array)
@njit
def nb_insertion_sort(a):
    out = a.copy()
    for i in range(1, len(out)):
        j, x = i, out[i]
        while j > 0 and out[j - 1] > x:
            out[j] = out[j - 1]
            j -= 1
        out[j] = x
    return out


@known("n^2", _two_words)
@njit
def nb_longest_common(a, b):
    row = np.zeros(len(b) + 1, dtype=np.int64)
    for x in a:
        before = 0
        for j in range(len(b)):
            above = row[j + 1]
            row[j + 1] = before + 1 if x == b[j] else max(row[j], above)
            before = above
    return row[-1]


@known("n^3", two_squares)
@njit
def nb_matmul(a, b):
    n = len(a)
    out = np.zeros((n, n))
    for i in range(n):
        for k in range(n):
            for j in range(n):
                out[i, j] += a[i, k] * b[k, j]
    return out


@known("2^n", lambda n: (RNG.integers(1, 1000, n), 7))
@njit
def nb_subset_sums(xs, target):
    """How many of the 2^n subsets have this sum; a Gray code changes one member at a time."""
    found, total = 0, 0
    for mask in range(1, 1 << len(xs)):
        bit = 0
        while not (mask >> bit) & 1:
            bit += 1
        gray = mask ^ (mask >> 1)
        total += xs[bit] if (gray >> bit) & 1 else -xs[bit]
        if total % 10 == target:
            found += 1
    return found
