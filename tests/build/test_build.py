"""Real compilers, each on the smallest source that shows the point."""

from __future__ import annotations

import psutil
import pytest

from pytest_efficiency.build import build
from pytest_efficiency.errors import BuildError

PYX = """\
cimport numpy as np

def total(const double[:] values):
    cdef double found = 0
    cdef Py_ssize_t i
    for i in range(values.shape[0]):
        found += values[i]
    return found
"""
CPP = """\
#include <pybind11/pybind11.h>
#include "twice.h"
PYBIND11_MODULE(a, m) { m.def("twice", &twice); }
"""
EXTENSION = """\
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "a", "", -1, methods};
PyMODINIT_FUNC PyInit_a(void) { return PyModule_Create(&module); }
"""
# 2**22 different classes.
BOMB = """\
template <int depth, long place> struct Bomb {
    static constexpr int value = Bomb<depth - 1, 2 * place>::value + Bomb<depth - 1, 2 * place + 1>::value;
};
template <long place> struct Bomb<0, place> { static constexpr int value = 1; };
int bomb = Bomb<22, 0>::value;
"""


def test_a_cython_module_is_built_and_can_be_imported(write, cache, evaluate) -> None:
    """NumPy's headers are there for those who cimport them."""
    made = build(write("a.pyx", PYX), backend="cython", cache=cache)
    assert made.kind == "extension"
    assert evaluate(made.path, "a", "module.total(__import__('array').array('d', [1, 2, 3.5]))") == 6.5


def test_a_pybind11_module_is_built_with_the_headers_beside_it(write, cache, evaluate) -> None:
    """The second time from the cache, with nothing left beside the source."""
    source = write("a.cpp", CPP)
    write("twice.h", "inline int twice(int n) { return 2 * n; }")
    made = build(source, backend="pybind11", cache=cache)
    assert evaluate(made.path, "a", "module.twice(21)") == 42
    again = build(source, backend="pybind11", cache=cache)
    assert (made.cached, again.cached, made.path) == (False, True, again.path)
    assert sorted(path.name for path in source.parent.iterdir()) == ["a.cpp", "twice.h"]


def test_a_c_file_becomes_a_library(write, cache, evaluate) -> None:
    """With the mathematics library linked to it."""
    made = build(write("a.c", "#include <math.h>\nint f(int x) { return cbrt(x); }"), backend="c", cache=cache)
    assert made.kind == "library"
    assert evaluate(made.path, "", "module.f(27)") == 3


def test_a_c_file_that_defines_a_module_becomes_an_extension(write, cache, evaluate) -> None:
    """Python.h is found without a flag."""
    made = build(write("a.c", EXTENSION), backend="c", cache=cache)
    assert evaluate(made.path, "a", "module.answer()") == 42


def test_warnings_are_kept_with_what_was_built(write, cache) -> None:
    """From the cache too: a learner who runs the tests twice sees them twice."""
    source = write("a.c", "int f(void) { int unused; return 1; }")
    logs = [build(source, backend="c", cache=cache).log for _ in range(2)]
    assert "a.c:1" in logs[0]
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        ("a.pyx", "def f(int n):\n    return n +\n", 2, "Expected an identifier"),
        (
            "a.pyx",
            'cdef extern from "math.h":\n    double sin(double, double)\ndef f(x):\n    return sin(x, x)\n',
            4,
            "sin",
        ),
        ("a.cpp", "int f() {\n    return nothing;\n}\n", 2, "'nothing' was not declared"),
        ("a.c", "int f(int x) {\n    return x\n}\n", 2, "expected ';'"),
        ("a.c", "\ndouble f(double x) { return undeclared(x); }\n", 2, "implicit declaration of function 'undeclared'"),
        ("a.c", "int g(int);\nint f(int x) { return g(x); }\n", 1, "undefined reference to `g'"),
    ],
    ids=["cython", "cython-c", "pybind11", "c", "c-undeclared", "c-undefined"],
)
def test_a_compile_error_names_the_learners_file_and_line(name, text, line, said, write, cache) -> None:
    """And gives the compiler's own words for the first error."""
    source = write(name, text)
    backend = {".pyx": "cython", ".cpp": "pybind11", ".c": "c"}[source.suffix]
    with pytest.raises(BuildError) as caught:
        build(source, backend=backend, cache=cache)
    message = str(caught.value)
    assert f"{name}, line {line}: " in message
    assert said in message
    assert "What to do:" in message
    assert (caught.value.source, caught.value.line) == (str(source), line)
    assert str(cache) not in message


def test_an_error_inside_pybind11_is_told_at_the_line_that_caused_it(write, cache) -> None:
    """The classic: something that is no function is given to def()."""
    source = write("a.cpp", '#include <pybind11/pybind11.h>\nPYBIND11_MODULE(a, m) {\n    m.def("f", 3);\n}\n')
    with pytest.raises(BuildError, match=r"a\.cpp, line 3: ") as caught:
        build(source, backend="pybind11", cache=cache)
    assert caught.value.line == 3


def test_a_module_of_another_name_is_told_before_it_is_imported(write, cache) -> None:
    """Importing it would say "dynamic module does not define module export function"."""
    with pytest.raises(BuildError, match=r"no module of that name.*PYBIND11_MODULE\(a, m\)"):
        build(write("a.cpp", 'extern "C" int PyInit_b() { return 0; }'), backend="pybind11", cache=cache)


def test_an_endless_compile_is_ended_with_all_its_processes(write, cache) -> None:
    """g++ works in a child: ending g++ alone would leave it running."""
    source = write("a.cpp", BOMB)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(BuildError, match=r"a\.cpp .* was not done after 1\.5 s"):
        build(source, backend="pybind11", cache=cache, timeout=1.5)
    assert set(psutil.Process().children(recursive=True)) <= before
    assert not list(cache.glob("scratch-*"))


def test_a_file_too_large_to_be_honest_is_not_written(write, cache) -> None:
    """A table of 1 GB in the source's data would fill the disk."""
    with pytest.raises(BuildError):
        build(write("a.c", "char table[1000000000] = {1};"), backend="c", cache=cache)
