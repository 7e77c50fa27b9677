"""The loop as one would first write it: an array is used, yet every element passes through the interpreter."""

import numpy as np


def shifted_product(a):
    if a.ndim != 1 or a.dtype not in (np.int32, np.int64):
        msg = f"shifted_product needs an int32 or int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    b = np.zeros(a.size, dtype=np.int64)
    for i in range(1, a.size):
        b[i] = int(a[i]) * int(a[i - 1])
    return b
