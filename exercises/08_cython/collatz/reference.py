"""The walk in plain Python, two steps at a time where it can: 3 * n + 1 is even whenever n is odd."""

import numpy as np


def collatz_steps(start, count):
    if start < 1 or count < 0 or start + count > 2**32:
        msg = f"collatz_steps needs 1 <= start, 0 <= count, start + count <= 2**32, not start={start}, count={count}"
        raise ValueError(msg)
    result = []
    for first in range(start, start + count):
        n = first
        steps = 0
        while n != 1:
            if n & 1:
                n = (3 * n + 1) >> 1
                steps += 2
            else:
                n >>= 1
                steps += 1
        result.append(steps)
    return np.array(result, dtype=np.int64)
