"""Bottom-up merge sort between two buffers, compiled by numba at the first call.

Recursion on slices allocates at every level; runs of 1, 2, 4, ... elements merged from one buffer into the other need
two buffers in all. ``a.copy()`` in the wrapper packs a strided array and frees a read-only one, so the kernel sees one
type only and is compiled once. numba returns the int64 counter to Python as an int.
"""

import numpy as np
from numba import njit


@njit
def _kernel(source):
    n = source.size
    target = np.empty_like(source)
    inversions = 0
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle = min(low + width, n)
            high = min(low + 2 * width, n)
            i, j = low, middle
            for k in range(low, high):
                if j == high or (i < middle and source[i] <= source[j]):
                    target[k] = source[i]
                    i += 1
                else:
                    target[k] = source[j]
                    j += 1
                    inversions += middle - i
        source, target = target, source
        width *= 2
    return source, inversions


def merge_sort(a):
    if a.ndim != 1 or a.dtype != np.int64:
        msg = f"merge_sort needs an int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    return _kernel(a.copy())
