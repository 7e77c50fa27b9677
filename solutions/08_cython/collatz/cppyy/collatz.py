"""cppyy keeps the GIL around a C++ call, because the call might come back into Python; this one does not.

``__release_gil__`` is an attribute of the function: set it once, and every call lets go of the GIL. The array is made
by NumPy and only its address goes to C++; an empty array has none to give, and cppyy refuses it.
"""

import cppyy
import numpy as np

cppyy.cppdef("""
#include <cstdint>

void collatz_steps(std::int64_t start, std::int64_t count, std::int64_t *result) {
    for (std::int64_t k = 0; k < count; ++k) {
        std::int64_t n = start + k;
        std::int64_t steps = 0;
        while (n != 1) {
            if (n & 1) {
                n = (3 * n + 1) >> 1;
                steps += 2;
            } else {
                n >>= 1;
                steps += 1;
            }
        }
        result[k] = steps;
    }
}
""")

_kernel = cppyy.gbl.collatz_steps
_kernel.__release_gil__ = True


def collatz_steps(start, count):
    if start < 1 or count < 0 or start + count > 2**32:
        msg = f"collatz_steps needs 1 <= start, 0 <= count, start + count <= 2**32, not {start=}, {count=}"
        raise ValueError(msg)
    result = np.empty(count, dtype=np.int64)
    if count > 0:
        _kernel(start, count, result)
    return result
