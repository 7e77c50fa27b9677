# cython: language_level=3, boundscheck=False, wraparound=False
"""Bottom-up merge sort between two typed memoryviews.

``const long long[:]`` in the signature checks dtype and dimensions (ValueError) and lets read-only arrays in.
Everything in the loops is typed, so no line of them talks to Python: look at it with ``cython -a``. Swapping two
memoryviews counts references, which is fine once per pass and would not be fine once per element.
"""

import numpy as np


def merge_sort(const long long[:] a):
    cdef Py_ssize_t n = a.shape[0]
    cdef long long[::1] source = np.array(a)
    cdef long long[::1] target = np.empty(n, dtype=np.int64)
    cdef long long inversions = 0
    cdef Py_ssize_t width = 1
    cdef Py_ssize_t low, middle, high, i, j, k
    while width < n:
        low = 0
        while low < n:
            middle = min(low + width, n)
            high = min(low + 2 * width, n)
            i = low
            j = middle
            for k in range(low, high):
                if j == high or (i < middle and source[i] <= source[j]):
                    target[k] = source[i]
                    i += 1
                else:
                    target[k] = source[j]
                    j += 1
                    inversions += middle - i
            low = high
        source, target = target, source
        width *= 2
    return np.asarray(source), inversions
