# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One pass over typed memoryviews.

``const double[:]`` checks dtype and dimensions (ValueError), takes any stride, and takes read-only arrays. The lengths
are ours to check: with boundscheck=False a short array is read past its end. ``cdivision=True`` divides as C does;
without it each division tests for zero first, to raise ZeroDivisionError.
"""

import numpy as np

from libc.math cimport NAN, sqrt


def quadratic(const double[:] a, const double[:] b, const double[:] c):
    cdef Py_ssize_t n = a.shape[0]
    cdef Py_ssize_t i
    cdef double d
    if b.shape[0] != n or c.shape[0] != n:
        msg = f"quadratic needs arrays of one length, not of {n}, {b.shape[0]} and {c.shape[0]}"
        raise ValueError(msg)
    out = np.empty(n)
    cdef double[::1] roots = out
    for i in range(n):
        d = b[i] * b[i] - 4.0 * a[i] * c[i]
        if d >= 0.0 and a[i] != 0.0:
            roots[i] = (-b[i] + sqrt(d)) / (2.0 * a[i])
        else:
            roots[i] = NAN
    return out
