"""Joins shifted_product.c to Python: what the C function may rely on is made sure of here."""

import ctypes
from types import SimpleNamespace

import numpy as np

packed = np.ctypeslib.ndpointer(dtype=np.int64, ndim=1, flags="C_CONTIGUOUS")


def bind(library):
    kernel = library.shifted_product
    kernel.argtypes = [packed, ctypes.c_ssize_t, packed]
    kernel.restype = None

    def shifted_product(a):
        if a.ndim != 1 or a.dtype not in (np.int32, np.int64):
            msg = f"shifted_product needs an int32 or int64 array of one dimension, not {a.dtype} of {a.ndim}"
            raise TypeError(msg)
        b = np.empty(a.size, dtype=np.int64)
        kernel(np.ascontiguousarray(a, dtype=np.int64), a.size, b)
        return b

    return SimpleNamespace(shifted_product=shifted_product)
