"""Two views of one array, one element apart: the loop moves into NumPy's C code.

``a[1:]`` and ``a[:-1]`` copy nothing. ``dtype=np.int64`` makes the ufunc widen its *inputs*; ``a[1:] * a[:-1]`` stored
into an int64 array would multiply in 32 bits first and widen the wrapped result. ``out=`` saves a temporary array.
"""

import numpy as np


def shifted_product(a):
    if a.ndim != 1 or a.dtype not in (np.int32, np.int64):
        msg = f"shifted_product needs an int32 or int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    b = np.empty(a.size, dtype=np.int64)
    b[:1] = 0
    np.multiply(a[1:], a[:-1], out=b[1:], dtype=np.int64)
    return b
