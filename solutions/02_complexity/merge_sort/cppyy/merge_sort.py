"""Bottom-up merge sort in C++, compiled when the module is imported.

The C++ side sorts in place, in memory that NumPy owns: ``a.copy()`` packs a strided array, and the copy is writeable
whatever the original was. Take care to pass the copy: cppyy would write into a read-only array without a word. An empty
array has no first element to point at, and cppyy refuses it.
"""

import cppyy
import numpy as np

cppyy.cppdef("""
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

std::int64_t merge_sort(std::int64_t *a, std::ptrdiff_t n) {
    std::vector<std::int64_t> scratch(n);
    std::int64_t *source = a;
    std::int64_t *target = scratch.data();
    std::int64_t inversions = 0;
    for (std::ptrdiff_t width = 1; width < n; width *= 2) {
        for (std::ptrdiff_t low = 0; low < n; low += 2 * width) {
            const std::ptrdiff_t middle = std::min(low + width, n);
            const std::ptrdiff_t high = std::min(low + 2 * width, n);
            std::ptrdiff_t i = low;
            std::ptrdiff_t j = middle;
            for (std::ptrdiff_t k = low; k < high; ++k) {
                if (j == high || (i < middle && source[i] <= source[j])) {
                    target[k] = source[i++];
                } else {
                    target[k] = source[j++];
                    inversions += middle - i;
                }
            }
        }
        std::swap(source, target);
    }
    if (source != a) {
        std::copy(source, source + n, a);
    }
    return inversions;
}
""")

_kernel = cppyy.gbl.merge_sort


def merge_sort(a):
    if a.ndim != 1 or a.dtype != np.int64:
        msg = f"merge_sort needs an int64 array of one dimension, not {a.dtype} of {a.ndim}"
        raise TypeError(msg)
    values = a.copy()
    inversions = _kernel(values, values.size) if values.size else 0
    return values, inversions
