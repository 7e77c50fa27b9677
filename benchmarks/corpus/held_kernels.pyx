# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Cython kernels of the half "held"; held_cython.py says what their complexity is.

A compiler must not find a closed form for a loop: every step depends on data, or on the step before.
"""

from libc.math cimport cos, sin
from libc.stdlib cimport calloc, free, malloc


def cy_length(const double[::1] a):
    return a.shape[0]


def cy_digit_sum(long n):
    cdef long total = 0
    while n:
        total += n % 10
        n //= 10
    return total


def cy_triangular_root(long n):
    cdef long i = 1
    cdef long mixed = 0
    while n > 0:
        n -= i
        mixed = (mixed ^ n) % 1000003
        i += 1
    return mixed


def cy_root_harmonic(long n):
    cdef long i = 1
    cdef double total = 0.0
    while i * i <= 2 * n:
        total = total * 0.9 + 1.0 / i
        i += 1
    return total


def cy_runs(const unsigned char[::1] data):
    """How many runs of equal bytes there are."""
    cdef Py_ssize_t i, runs = 1
    for i in range(1, data.shape[0]):
        if data[i] != data[i - 1]:
            runs += 1
    return runs


cdef inline unsigned long _mixed(unsigned long key) noexcept:
    key *= 0x9E3779B97F4A7C15UL
    return key ^ (key >> 29)


def cy_distinct(const long[::1] keys):
    """How many different keys there are, by open addressing in a table twice as large; no key is 0."""
    cdef Py_ssize_t room = 16
    cdef Py_ssize_t i, found = 0
    cdef unsigned long at
    while room < 2 * keys.shape[0]:
        room *= 2
    cdef long *table = <long *> calloc(room, sizeof(long))
    if table == NULL:
        raise MemoryError
    for i in range(keys.shape[0]):
        at = _mixed(<unsigned long> keys[i]) & (room - 1)
        while table[at] != 0 and table[at] != keys[i]:
            at = (at + 1) & (room - 1)
        if table[at] == 0:
            table[at] = keys[i]
            found += 1
    free(table)
    return found


def cy_distinct_twice(const long[::1] keys):
    """The same, with a second look for every key."""
    cdef Py_ssize_t room = 16
    cdef Py_ssize_t i, found = 0
    cdef unsigned long at
    while room < 2 * keys.shape[0]:
        room *= 2
    cdef long *table = <long *> calloc(room, sizeof(long))
    if table == NULL:
        raise MemoryError
    for i in range(keys.shape[0]):
        at = _mixed(<unsigned long> keys[i]) & (room - 1)
        while table[at] != 0:
            at = (at + 1) & (room - 1)
        table[at] = keys[i]
    for i in range(keys.shape[0]):
        at = _mixed(<unsigned long> keys[i]) & (room - 1)
        while table[at] != keys[i]:
            at = (at + 1) & (room - 1)
        found += at & 1
    free(table)
    return found


def cy_moving_average(const double[::1] a, double[::1] out):
    cdef Py_ssize_t i
    cdef double total = 0.0
    for i in range(a.shape[0]):
        total += a[i]
        if i >= 16:
            total -= a[i - 16]
        out[i] = total / 16.0


cdef void _transform(double *re, double *im, double *spare_re, double *spare_im, Py_ssize_t n) noexcept:
    cdef Py_ssize_t half = n // 2, k
    cdef double c, s, step_c, step_s, x, y, turned
    if n == 1:
        return
    for k in range(half):
        spare_re[k] = re[2 * k]
        spare_im[k] = im[2 * k]
        spare_re[half + k] = re[2 * k + 1]
        spare_im[half + k] = im[2 * k + 1]
    _transform(spare_re, spare_im, re, im, half)
    _transform(spare_re + half, spare_im + half, re + half, im + half, half)
    step_c = cos(6.283185307179586 / n)
    step_s = -sin(6.283185307179586 / n)
    c = 1.0
    s = 0.0
    for k in range(half):
        x = c * spare_re[half + k] - s * spare_im[half + k]
        y = c * spare_im[half + k] + s * spare_re[half + k]
        re[k] = spare_re[k] + x
        im[k] = spare_im[k] + y
        re[half + k] = spare_re[k] - x
        im[half + k] = spare_im[k] - y
        turned = c * step_c - s * step_s
        s = s * step_c + c * step_s
        c = turned


def cy_fft(const double[::1] a):
    """The sum of a spectrum's real parts, by a recursive transform; the length is a power of two."""
    cdef Py_ssize_t n = a.shape[0], k
    cdef double *room = <double *> malloc(4 * n * sizeof(double))
    cdef double total = 0.0
    if room == NULL:
        raise MemoryError
    for k in range(n):
        room[k] = a[k]
        room[n + k] = 0.0
    _transform(room, room + n, room + 2 * n, room + 3 * n, n)
    for k in range(n):
        total += room[k]
    free(room)
    return total


def cy_range_minima(double[::1] a):
    """The levels of a table of minima over 1, 2, 4, ... neighbours, one after the other in one row."""
    cdef Py_ssize_t width = 1, i
    cdef double total = 0.0
    while width < a.shape[0]:
        for i in range(a.shape[0] - width):
            a[i] = min(a[i], a[i + width])
            total = total * 0.5 + a[i]
        width *= 2
    return total


def cy_all_divisors_by_trial(long n):
    """For every number up to n a division by every number up to sqrt n."""
    cdef long i, j, found = 0
    for i in range(1, n + 1):
        j = 1
        while j * j <= n:
            if i % j == 0:
                found += 1
            j += 1
    return found


def cy_palindromic_part(const unsigned char[::1] text):
    """The longest part that reads the same both ways, letters left out, row by row."""
    cdef Py_ssize_t n = text.shape[0], i, j
    cdef long before, kept, result
    cdef long *row = <long *> calloc(n, sizeof(long))
    if row == NULL:
        raise MemoryError
    for i in range(n - 1, -1, -1):
        before = 0
        row[i] = 1
        for j in range(i + 1, n):
            kept = row[j]
            row[j] = before + 2 if text[i] == text[j] else max(row[j], row[j - 1])
            before = kept
    result = row[n - 1]
    free(row)
    return result


def cy_equal_pairs(const unsigned char[::1] text):
    cdef Py_ssize_t i, j
    cdef long mixed = 0
    for i in range(text.shape[0]):
        for j in range(text.shape[0]):
            mixed = (mixed * 3 + text[i] - text[j]) & 0xFFFF
    return mixed


def cy_coins(const long[::1] coins, long amount):
    """In how many ways the amount can be paid with n kinds of coins."""
    cdef Py_ssize_t i, j
    cdef unsigned long *ways = <unsigned long *> calloc(amount + 1, sizeof(long))
    cdef unsigned long result
    if ways == NULL:
        raise MemoryError
    ways[0] = 1
    for i in range(coins.shape[0]):
        for j in range(coins[i], amount + 1):
            ways[j] += ways[j - coins[i]]
    result = ways[amount]
    free(ways)
    return result


def cy_triangles(const unsigned char[:, ::1] linked):
    cdef Py_ssize_t i, j, k
    # Each step needs the one before, so that no compiler takes 64 of them at once.
    cdef unsigned long mixed = 0
    for i in range(linked.shape[0]):
        for j in range(i):
            if linked[i, j]:
                for k in range(j):
                    mixed = mixed * 3 + (linked[i, k] & linked[j, k])
    return mixed


cdef long _subsets(const long[::1] xs, Py_ssize_t i, long mixed) noexcept:
    if i == xs.shape[0]:
        return mixed == 0
    return _subsets(xs, i + 1, mixed ^ xs[i]) + _subsets(xs, i + 1, mixed)


def cy_xor_subsets(const long[::1] xs):
    """How many of the 2^n subsets cancel out."""
    return _subsets(xs, 0, 0)
