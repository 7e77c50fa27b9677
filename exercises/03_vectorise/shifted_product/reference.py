"""The plain Python loop that a solution is compared with, in its fastest straightforward form.

It works on lists: indexing a NumPy array element by element would make it several times slower, and every ratio a lie.
"""

import numpy as np


def shifted_product(a):
    if a.ndim != 1 or a.dtype not in (np.int32, np.int64):
        msg = f"shifted_product needs an int32 or int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    values = a.tolist()
    products = [x * y for x, y in zip(values[1:], values[:-1], strict=True)]
    return np.array([0, *products] if values else [], dtype=np.int64)
