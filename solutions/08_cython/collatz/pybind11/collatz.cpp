// py::gil_scoped_release lets go of the GIL for as long as the object lives, and takes it back when the block ends.
//
// Inside the block nothing of Python may be touched, not even by a copied py::object: so the array is made before, and
// only a plain pointer to its memory goes in. An exception is thrown outside of it too.
#include <pybind11/numpy.h>

#include <cstdint>

namespace py = pybind11;

static py::array_t<std::int64_t> collatz_steps(std::int64_t start, std::int64_t count) {
    if (start < 1 || count < 0 || count > (std::int64_t{1} << 32) - start) {
        throw py::value_error("collatz_steps needs 1 <= start, 0 <= count, start + count <= 2**32");
    }
    py::array_t<std::int64_t> out(count);
    std::int64_t *result = out.mutable_data();
    {
        const py::gil_scoped_release released;
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
    return out;
}

PYBIND11_MODULE(collatz, m) {
    m.def("collatz_steps", &collatz_steps, py::arg("start"), py::arg("count"));
}
