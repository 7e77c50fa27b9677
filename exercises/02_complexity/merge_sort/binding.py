"""Joins merge_sort.c to Python: what the C function may rely on is made sure of here."""

import ctypes
from types import SimpleNamespace

import numpy as np

packed = np.ctypeslib.ndpointer(dtype=np.int64, ndim=1, flags="C_CONTIGUOUS, WRITEABLE")


def bind(library):
    kernel = library.merge_sort
    kernel.argtypes = [packed, packed, ctypes.c_ssize_t]
    kernel.restype = ctypes.c_int64

    def merge_sort(a):
        if a.ndim != 1 or a.dtype != np.int64:
            msg = f"merge_sort needs an int64 array of one dimension, not {a.dtype} of {a.ndim}"
            raise TypeError(msg)
        values = a.copy()
        inversions = kernel(values, np.empty_like(values), values.size)
        return values, inversions

    return SimpleNamespace(merge_sort=merge_sort)
