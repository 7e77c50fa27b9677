"""Joins quadratic.c to Python: what the C function may rely on is made sure of here."""

import ctypes
from types import SimpleNamespace

import numpy as np

packed = np.ctypeslib.ndpointer(dtype=np.float64, ndim=1, flags="C_CONTIGUOUS")


def bind(library):
    kernel = library.quadratic
    kernel.argtypes = [packed, packed, packed, ctypes.c_ssize_t, packed]
    kernel.restype = None

    def quadratic(a, b, c):
        for array in (a, b, c):
            if array.ndim != 1 or array.dtype != np.float64:
                msg = f"quadratic needs float64 arrays of one dimension, not {array.dtype} of {array.ndim}"
                raise TypeError(msg)
        if not a.size == b.size == c.size:
            msg = f"quadratic needs arrays of one length, not of {a.size}, {b.size} and {c.size}"
            raise ValueError(msg)
        roots = np.empty(a.size)
        kernel(*map(np.ascontiguousarray, (a, b, c)), a.size, roots)
        return roots

    return SimpleNamespace(quadratic=quadratic)
