"""The formula in plain Python, on lists: float objects are made and thrown away, but no array is ever indexed."""

import math

import numpy as np


def quadratic(a, b, c):
    for array in (a, b, c):
        if array.ndim != 1 or array.dtype != np.float64:
            msg = f"quadratic needs float64 arrays of one dimension, not {array.dtype} of {array.ndim}"
            raise TypeError(msg)
    if not a.size == b.size == c.size:
        msg = f"quadratic needs arrays of one length, not of {a.size}, {b.size} and {c.size}"
        raise ValueError(msg)
    sqrt = math.sqrt
    roots = [
        (-y + sqrt(d)) / (2.0 * x) if (d := y * y - 4.0 * x * z) >= 0.0 and x != 0.0 else math.nan
        for x, y, z in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)
    ]
    return np.array(roots, dtype=np.float64)
