"""The C++ is compiled when the module is imported, and cppyy passes an array as a pointer to its first element.

A pointer knows neither length nor stride. cppyy refuses a strided array for a pointer, so the wrapper packs it, and an
empty one, so the wrapper leaves it out; it does *not* refuse a matrix, so the wrapper counts dimensions. The template
is instantiated by name, once for int32 and once for int64.
"""

import cppyy
import numpy as np

cppyy.cppdef("""
#include <cstddef>
#include <cstdint>

template <typename Integer>
void shifted_product(const Integer *a, std::ptrdiff_t n, std::int64_t *b) {
    b[0] = 0;
    for (std::ptrdiff_t i = 1; i < n; ++i) {
        b[i] = static_cast<std::int64_t>(a[i]) * a[i - 1];
    }
}
""")

_kernels = {
    np.dtype(np.int32): cppyy.gbl.shifted_product["std::int32_t"],
    np.dtype(np.int64): cppyy.gbl.shifted_product["std::int64_t"],
}


def shifted_product(a):
    if a.ndim != 1 or a.dtype not in _kernels:
        msg = f"shifted_product needs an int32 or int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    b = np.empty(a.size, dtype=np.int64)
    if a.size > 0:
        _kernels[a.dtype](np.ascontiguousarray(a), a.size, b)
    return b
