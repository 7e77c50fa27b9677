"""Two slices and an int64 result, but the multiplication in between is done in the dtype of the input."""

import numpy as np


def shifted_product(a):
    if a.ndim != 1 or a.dtype not in (np.int32, np.int64):
        msg = f"shifted_product needs an int32 or int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    b = np.zeros(a.size, dtype=np.int64)
    b[1:] = a[1:] * a[:-1]
    return b
