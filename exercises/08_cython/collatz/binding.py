"""Joins collatz.c to Python: what the C function may rely on is made sure of here."""

import ctypes
from types import SimpleNamespace

import numpy as np

packed = np.ctypeslib.ndpointer(dtype=np.int64, ndim=1, flags="C_CONTIGUOUS, WRITEABLE")


def bind(library):
    kernel = library.collatz_steps
    kernel.argtypes = [ctypes.c_int64, ctypes.c_int64, packed]
    kernel.restype = None

    def collatz_steps(start, count):
        if start < 1 or count < 0 or start + count > 2**32:
            msg = f"collatz_steps needs 1 <= start, 0 <= count, start + count <= 2**32, not {start=}, {count=}"
            raise ValueError(msg)
        steps = np.empty(count, dtype=np.int64)
        kernel(start, count, steps)
        return steps

    return SimpleNamespace(collatz_steps=collatz_steps)
