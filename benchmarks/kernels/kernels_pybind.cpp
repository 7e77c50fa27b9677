// What the rows about the GIL and about memory call through pybind11, with and without the GIL.
#include <pybind11/pybind11.h>

#include <cstdint>
#include <map>
#include <vector>

namespace py = pybind11;

// About 1 ns a step, which no compiler can shorten: every step needs the one before.
static std::uint64_t spin(std::int64_t steps) {
    std::uint64_t x = 1;
    for (std::int64_t i = 0; i < steps; ++i) {
        x = x * 6364136223846793005u + 1442695040888963407u;
    }
    return x;
}

// Works with the GIL, and lets go of it for as long as that takes.
static std::uint64_t moments(std::int64_t steps, std::int64_t times) {
    std::uint64_t x = 0;
    for (std::int64_t i = 0; i < times; ++i) {
        x += spin(steps / times);
        py::gil_scoped_release release;
    }
    return x;
}

// Works without the GIL, and takes it for a moment after each piece.
static std::uint64_t pieces(std::int64_t steps, std::int64_t times) {
    std::uint64_t x = 0;
    for (std::int64_t i = 0; i < times; ++i) {
        py::gil_scoped_release release;
        x += spin(steps / times);
    }
    return x;
}

// So many vectors at once, of which the last one's size is all that is left.
static std::size_t vectors(std::int64_t numbers, int how_many) {
    std::vector<std::vector<double>> all;
    for (int i = 0; i < how_many; ++i) {
        all.emplace_back(numbers, 1.0);
    }
    return all.back().size();
}

// A compiler leaves out memory that nobody could look at.
static void *volatile seen;

static std::map<std::int64_t, std::int64_t> cache;

static void remember(std::int64_t every) {
    static std::int64_t calls = 0;
    cache[calls++ % every] = 1;
}

PYBIND11_MODULE(kernels_pybind, m) {
    m.def("held", &spin);
    m.def("released", &spin, py::call_guard<py::gil_scoped_release>());
    m.def("moments", &moments);
    m.def("pieces", &pieces);
    m.def("vectors", &vectors);
    m.def("leak", [] { seen = ::operator new(16); });
    m.def("leak_reference", [] { py::list().release(); });
    m.def("no_leak", [] {
        seen = ::operator new(16);
        ::operator delete(seen);
    });
    m.def("remember", &remember);
}
