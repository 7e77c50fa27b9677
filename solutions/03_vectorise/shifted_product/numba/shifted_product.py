"""The loop as it stands, compiled at the first call for the types it is called with.

Numba compiles one kernel per dtype, layout and writeability, so strided, read-only and int32 arrays need no code of
their own. It would also compile one for float64 and for matrices, without a word: what the task refuses has to be
refused in Python, before the kernel. ``np.int64(...)`` widens before the product.
"""

import numpy as np
from numba import njit


@njit
def _kernel(a):
    b = np.zeros(a.size, dtype=np.int64)
    for i in range(1, a.size):
        b[i] = np.int64(a[i]) * np.int64(a[i - 1])
    return b


def shifted_product(a):
    if a.ndim != 1 or a.dtype not in (np.int32, np.int64):
        msg = f"shifted_product needs an int32 or int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    return _kernel(a)
