# cython: language_level=3, boundscheck=False, wraparound=False
"""``with nogil:`` around the loop: Cython compiles it only if no line inside needs Python.

The result array is made before, and the memoryview of it is usable inside, because indexing one is plain C. Everything
in the block is typed; forget one variable and the compiler says "Operation not allowed without gil" and which line it
is. ``long long`` is 64 bits: with ``int`` the walk would leave the range and might never come back to 1.
"""

import numpy as np


def collatz_steps(long long start, long long count):
    if start < 1 or count < 0 or count > (1LL << 32) - start:
        msg = f"collatz_steps needs 1 <= start, 0 <= count, start + count <= 2**32, not {start=}, {count=}"
        raise ValueError(msg)
    out = np.empty(count, dtype=np.int64)
    cdef long long[::1] result = out
    cdef long long n, steps
    cdef Py_ssize_t k
    with nogil:
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
    return out
