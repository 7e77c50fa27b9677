"""Numba kernels whose complexity is known; no rule is ever chosen by what comes out here.

A compiler must not find a closed form for a loop: every step depends on data, or on the step before.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.case import RNG, Shelf, array, same, square

known = Shelf("held", "numba")


def _one_cycle(n):
    """For every place the next one, on one random way through all of them."""
    way = RNG.permutation(n)
    after = np.empty(n, dtype=np.int64)
    after[way] = np.roll(way, -1)
    return (after,)


def _bytes(n):
    return (RNG.integers(0, 256, n, dtype=np.uint8),)


def _two_words(n):
    return (RNG.integers(0, 4, n), RNG.integers(0, 4, n))


def _bodies(n):
    return (RNG.random(n), RNG.random(n))


@known("1", array)
@njit
def nb_ends(a):
    return a[0] + a[-1]


@known("log n", same)
@njit
def nb_power_mod(n):
    result, base = 1, 3
    while n > 0:
        if n % 2 == 1:
            result = result * base % 1_000_003
        base = base * base % 1_000_003
        n //= 2
    return result


@njit
def _count_to_root(n):
    total, i = 0.0, 0
    while i * i < n:
        total = total * 0.5 + i
        i += 1
    return total


@known("sqrt n", same, over=_count_to_root)
@njit
def nb_quarter_circle(n):
    """Points with whole coordinates in a quarter of a circle, column by column."""
    found, x = 0, 0
    while x * x <= n:
        found += int(math.sqrt(n - x * x)) + 1
        x += 1
    return found


@njit
def _walk(after):
    at = after[0]
    while at != 0:
        at = after[at]
    return at


@known("n", _one_cycle, over=_walk, grows_faster=True)
@njit
def nb_pointer_chase(after):
    at, mixed = after[0], 0
    while at != 0:
        mixed ^= at
        at = after[at]
    return mixed


@known("n", array, over=np.cumsum)
@njit
def nb_best_run(a):
    best, total = 0.0, 0.0
    for x in a:
        total = max(0.0, total + x - 0.5)
        best = max(best, total)
    return best


@known("n", _bytes)
@njit
def nb_byte_histogram(data):
    counts = np.zeros(256, dtype=np.int64)
    for value in data:
        counts[value] += 1
    return counts


@known("n log n", array, over=np.sort)
@njit
def nb_quick_sort(a):
    out = a.copy()
    starts, ends = [0], [len(a) - 1]
    while len(starts) > 0:
        low, high = starts.pop(), ends.pop()
        while low < high:
            pivot = out[(low + high) // 2]
            i, j = low, high
            while i <= j:
                while out[i] < pivot:
                    i += 1
                while out[j] > pivot:
                    j -= 1
                if i <= j:
                    out[i], out[j] = out[j], out[i]
                    i += 1
                    j -= 1
            starts.append(i)
            ends.append(high)
            high = j
    return out


@known("n log n", array)
@njit
def nb_fenwick(a):
    tree = np.zeros(len(a) + 1)
    for i in range(1, len(a) + 1):
        at = i
        while at <= len(a):
            tree[at] += a[i - 1]
            at += at & -at
    return tree


@known("n^1.5", array)
@njit
def nb_nearby_minimum(a):
    """For every place the smallest of the sqrt n before it, looked for anew, sums of squares in between."""
    width = int(math.sqrt(len(a)))
    total = 0.0
    for i in range(width, len(a)):
        nearest = 1e9
        for j in range(i - width, i):
            apart = (a[j] - a[i]) ** 2
            if apart < nearest:
                nearest = apart
        total += nearest
    return total


@njit
def _sum_of_distances(xs, ys):
    total = 0.0
    for i in range(len(xs)):
        for j in range(len(xs)):
            total += math.sqrt((xs[i] - xs[j]) ** 2 + (ys[i] - ys[j]) ** 2)
    return total


@known("n^2", _bodies, over=_sum_of_distances)
@njit
def nb_potential(xs, ys):
    total = 0.0
    for i in range(len(xs)):
        for j in range(i):
            total += 1.0 / (1e-3 + (xs[i] - xs[j]) ** 2 + (ys[i] - ys[j]) ** 2)
    return total


@known("n^2", _two_words)
@njit
def nb_edit_distance(a, b):
    before, row = np.arange(len(b) + 1), np.zeros(len(b) + 1, dtype=np.int64)
    for i in range(len(a)):
        row[0] = i + 1
        for j in range(len(b)):
            change = 0 if a[i] == b[j] else 1
            row[j + 1] = min(before[j] + change, before[j + 1] + 1, row[j] + 1)
        before, row = row, before
    return before[-1]


@known("n^3", square)
@njit
def nb_cheapest_triangle(cost):
    best = 1e9
    for i in range(len(cost)):
        for j in range(i):
            for k in range(j):
                total = cost[i, j] + cost[j, k] + cost[i, k]
                if total < best:
                    best = total
    return best


@known("2^n", same)
@njit
def nb_independent_sets(n):
    """How many of the 2^n sets hold no two neighbours."""
    found = 0
    for mask in range(1 << n):
        if mask & (mask >> 1) == 0:
            found += mask % 7
    return found
