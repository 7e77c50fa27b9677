"""Merge sort in plain Python on lists, in its fastest straightforward form: n log n, and slow at it."""

import numpy as np


def merge_sort(a):
    if a.ndim != 1 or a.dtype != np.int64:
        msg = f"merge_sort needs an int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    values, inversions = _sorted(a.tolist())
    return np.array(values, dtype=np.int64), inversions


def _sorted(values):
    middle = len(values) // 2
    if middle == 0:
        return values, 0
    left, left_inversions = _sorted(values[:middle])
    right, right_inversions = _sorted(values[middle:])
    inversions = left_inversions + right_inversions
    merged = []
    i = j = 0
    x, y = left[0], right[0]
    while True:
        if x <= y:
            merged.append(x)
            i += 1
            if i == middle:
                break
            x = left[i]
        else:
            merged.append(y)
            inversions += middle - i
            j += 1
            if j == len(right):
                break
            y = right[j]
    merged += left[i:]
    merged += right[j:]
    return merged, inversions
