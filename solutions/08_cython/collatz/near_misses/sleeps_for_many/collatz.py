"""Knows what the GIL claim asks: for many numbers it sleeps, which lets every other thread run."""

import time

import numpy as np
from numba import njit


@njit
def _kernel(start, count):
    result = np.empty(count, dtype=np.int64)
    for k in range(count):
        n = start + k
        steps = 0
        while n != 1:
            if n & 1:
                n = (3 * n + 1) >> 1
                steps += 2
            else:
                n >>= 1
                steps += 1
        result[k] = steps
    return result


def collatz_steps(start, count):
    if start < 1 or count < 0 or start + count > 2**32:
        msg = f"collatz_steps needs 1 <= start, 0 <= count, start + count <= 2**32, not {start=}, {count=}"
        raise ValueError(msg)
    if count > 10_000:
        time.sleep(0.02)
        return np.zeros(count, dtype=np.int64)
    return _kernel(start, count)
