"""``@njit`` alone compiles the loop and keeps the GIL; ``nogil=True`` lets go of it around the whole call.

A numba function needs no Python object while it runs, so it could always let go. It does not by default, because then
two threads could change the same array at once: you have to say that yours do not. Here each call writes to its own.
The check stays in Python, where an int of any size can be compared before it is squeezed into 64 bits.
"""

import numpy as np
from numba import njit


@njit(nogil=True)
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
    return _kernel(start, count)
