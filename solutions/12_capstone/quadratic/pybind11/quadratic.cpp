// One pass in C++, the result written straight into the array that is returned.
//
// py::vectorize of a scalar function would do the loop and the broadcasting by itself, but it converts whatever comes;
// noconvert() refuses a float32 array instead of converting a copy of it behind our back.
#include <pybind11/numpy.h>

#include <cmath>
#include <limits>

namespace py = pybind11;

using Array = py::array_t<double>;

static Array quadratic(const Array &a, const Array &b, const Array &c) {
    const auto x = a.unchecked<1>();  // raises ValueError for any other number of dimensions
    const auto y = b.unchecked<1>();
    const auto z = c.unchecked<1>();
    const py::ssize_t n = x.shape(0);
    if (y.shape(0) != n || z.shape(0) != n) {
        throw py::value_error("quadratic needs arrays of one length");
    }
    Array out(n);
    auto roots = out.mutable_unchecked<1>();
    for (py::ssize_t i = 0; i < n; ++i) {
        const double d = y(i) * y(i) - 4.0 * x(i) * z(i);
        roots(i) = d >= 0.0 && x(i) != 0.0 ? (-y(i) + std::sqrt(d)) / (2.0 * x(i))
                                           : std::numeric_limits<double>::quiet_NaN();
    }
    return out;
}

PYBIND11_MODULE(quadratic, m) {
    m.def("quadratic", &quadratic, py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("c").noconvert());
}
