"""One pass, one element after the other: the temporaries are registers.

``error_model="numpy"`` makes a division by zero give inf or NaN as in C. With numba's default, Python's rules hold:
every division is preceded by a test, and the first zero raises ZeroDivisionError.
"""

import numpy as np
from numba import njit


@njit(error_model="numpy")
def _kernel(a, b, c):
    roots = np.empty(a.size)
    for i in range(a.size):
        d = b[i] * b[i] - 4.0 * a[i] * c[i]
        if d >= 0.0 and a[i] != 0.0:
            roots[i] = (-b[i] + np.sqrt(d)) / (2.0 * a[i])
        else:
            roots[i] = np.nan
    return roots


def quadratic(a, b, c):
    for array in (a, b, c):
        if array.ndim != 1 or array.dtype != np.float64:
            msg = f"quadratic needs float64 arrays of one dimension, not {array.dtype} of {array.ndim}"
            raise TypeError(msg)
    if not a.size == b.size == c.size:
        msg = f"quadratic needs arrays of one length, not of {a.size}, {b.size} and {c.size}"
        raise ValueError(msg)
    return _kernel(a, b, c)
