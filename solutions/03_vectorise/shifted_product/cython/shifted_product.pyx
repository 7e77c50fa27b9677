# cython: language_level=3, boundscheck=False, wraparound=False
"""A fused type is a template: Cython compiles the function once for int and once for long long, and picks by dtype.

An array that fits neither (float64, uint64, a matrix) is refused with a TypeError by that very choice. ``const`` is
what lets read-only arrays in; ``[:]`` instead of ``[::1]`` lets strided ones in. Without the cast the product of two C
ints would be an int.
"""

import numpy as np

ctypedef fused integer:
    int
    long long


def shifted_product(const integer[:] a):
    cdef Py_ssize_t n = a.shape[0]
    cdef Py_ssize_t i
    out = np.zeros(n, dtype=np.int64)
    cdef long long[::1] b = out
    for i in range(1, n):
        b[i] = <long long> a[i] * a[i - 1]
    return out
