"""The formula on 8192 elements at a time, each step written into memory that is there already.

Temporary arrays of 64 KB stay in the cache and are reused for every chunk, so the peak is the result and little more,
and main memory is read once instead of at every step. ``out=`` avoids new temporaries; the branch of a loop becomes
``where=``, on a result that is NaN to begin with. NumPy's warnings about sqrt(-1) are expected and switched off.
"""

import numpy as np

CHUNK = 8192


def quadratic(a, b, c):
    for array in (a, b, c):
        if array.ndim != 1 or array.dtype != np.float64:
            msg = f"quadratic needs float64 arrays of one dimension, not {array.dtype} of {array.ndim}"
            raise TypeError(msg)
    if not a.size == b.size == c.size:
        msg = f"quadratic needs arrays of one length, not of {a.size}, {b.size} and {c.size}"
        raise ValueError(msg)
    roots = np.full(a.size, np.nan)
    scratch = np.empty(min(CHUNK, a.size))
    with np.errstate(all="ignore"):
        for low in range(0, a.size, CHUNK):
            here = slice(low, low + CHUNK)
            _solve(a[here], b[here], c[here], roots[here], scratch)
    return roots


def _solve(a, b, c, roots, scratch):
    root = scratch[: a.size]
    np.multiply(a, c, out=root)
    root *= -4.0
    root += b * b
    np.sqrt(root, out=root)
    root -= b
    root *= 0.5
    np.divide(root, a, out=roots, where=a != 0.0)
