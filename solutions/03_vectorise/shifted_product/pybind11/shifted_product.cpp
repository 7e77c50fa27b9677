// One template, bound twice: pybind11 tries the overloads in order and raises TypeError if none takes the argument.
//
// noconvert() is the important word. Without it array_t<int64_t> accepts a float array by truncating a copy of it, and
// accepts a list; with it only an array of exactly this dtype gets in, at any stride and read-only too.
#include <pybind11/numpy.h>

#include <cstdint>

namespace py = pybind11;

template <typename Integer>
py::array_t<std::int64_t> shifted_product(const py::array_t<Integer> &a) {
    const auto x = a.template unchecked<1>();  // raises ValueError for any other number of dimensions
    const py::ssize_t n = x.shape(0);
    py::array_t<std::int64_t> out(n);
    auto b = out.mutable_unchecked<1>();
    if (n > 0) {
        b(0) = 0;
    }
    for (py::ssize_t i = 1; i < n; ++i) {
        b(i) = static_cast<std::int64_t>(x(i)) * x(i - 1);  // widen first: int * int is an int
    }
    return out;
}

PYBIND11_MODULE(shifted_product, m) {
    m.def("shifted_product", &shifted_product<std::int64_t>, py::arg("a").noconvert());
    m.def("shifted_product", &shifted_product<std::int32_t>, py::arg("a").noconvert());
}
