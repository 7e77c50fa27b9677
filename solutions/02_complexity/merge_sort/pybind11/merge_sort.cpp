// Bottom-up merge sort; the argument is copied element by element, because it may be strided and read-only.
//
// The second buffer is a std::vector, but the result is a NumPy array from the start: returning a vector would copy it
// into a Python *list*. The function may end with the sorted elements in either buffer, hence the last copy.
#include <pybind11/numpy.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace py = pybind11;

static std::pair<py::array_t<std::int64_t>, std::int64_t> merge_sort(const py::array_t<std::int64_t> &a) {
    const auto x = a.unchecked<1>();  // raises ValueError for any other number of dimensions
    const py::ssize_t n = x.shape(0);
    py::array_t<std::int64_t> out(n);
    std::vector<std::int64_t> scratch(static_cast<std::size_t>(n));
    std::int64_t *source = out.mutable_data();
    std::int64_t *target = scratch.data();
    for (py::ssize_t i = 0; i < n; ++i) {
        source[i] = x(i);
    }
    std::int64_t inversions = 0;
    for (py::ssize_t width = 1; width < n; width *= 2) {
        for (py::ssize_t low = 0; low < n; low += 2 * width) {
            const py::ssize_t middle = std::min(low + width, n);
            const py::ssize_t high = std::min(low + 2 * width, n);
            py::ssize_t i = low;
            py::ssize_t j = middle;
            for (py::ssize_t k = low; k < high; ++k) {
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
    if (source != out.data()) {
        std::copy(source, source + n, target);
    }
    return {std::move(out), inversions};
}

PYBIND11_MODULE(merge_sort, m) {
    m.def("merge_sort", &merge_sort, py::arg("a").noconvert());  // otherwise floats would be truncated silently
}
