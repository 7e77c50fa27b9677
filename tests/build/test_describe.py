from __future__ import annotations

from pathlib import Path

import pytest

from pytest_efficiency.build.describe import describe, solutions
from pytest_efficiency.errors import BuildError

ROOT = Path(__file__).resolve().parents[2]


def flags(source: Path, backend: str) -> str:
    return " ".join(word for command in describe(source, backend).commands for word in command)


@pytest.mark.parametrize(("backend", "name"), [("cython", "a.pyx"), ("pybind11", "a.cpp"), ("c", "a.c")])
def test_a_library_in_the_cache_survives_a_change_of_cpu(backend: str, name: str, write) -> None:
    """-O2 for everybody, and nothing that only this processor can run."""
    said = flags(write(name, ""), backend)
    assert "-O2" in said
    assert "-march" not in said


@pytest.mark.parametrize(("backend", "name"), [("cython", "a.pyx"), ("pybind11", "a.cpp"), ("c", "a.c")])
def test_openmp_is_there_for_who_asks(backend: str, name: str, write) -> None:
    """Only then: it links a library that starts threads."""
    assert "-fopenmp" not in flags(write(name, ""), backend)
    sign = "#" if backend == "cython" else "//"
    assert "-fopenmp" in flags(write(name, f"{sign} pytest-efficiency: openmp\n"), backend)


def test_cython_writes_cpp_for_who_asks(write) -> None:
    """libcpp needs it; the comment takes the place of a distutils line."""
    assert "a.cpp" in flags(write("a.pyx", "# pytest-efficiency: c++\n"), "cython")
    assert "a.cpp" not in flags(write("a.pyx", ""), "cython")


def test_a_c_file_is_a_library_unless_it_defines_a_module(write) -> None:
    """The GIL's exercise asks for a C extension, the others for a function behind ctypes."""
    assert describe(write("a.c", "int f(void) { return 1; }"), "c").kind == "library"
    module = describe(write("a.c", "PyMODINIT_FUNC PyInit_a(void) { return 0; }"), "c")
    assert module.kind == "extension"
    assert module.output != "a.so"


def test_a_file_of_the_wrong_kind_is_refused(write) -> None:
    """The error lists what can be built."""
    with pytest.raises(BuildError, match=r"\.cpp for pybind11"):
        describe(write("a.py", ""), "pybind11")
    with pytest.raises(BuildError, match="nothing is known"):
        describe(write("a.f90", ""), "fortran")


def test_equal_environments_share_what_was_built(write) -> None:
    """The identity holds versions and no path of a virtual environment: a new one starts with a warm cache."""
    description = describe(write("a.pyx", ""), "cython")
    compiler = description.identity.pop("compiler")[0]
    assert not compiler.startswith(str(ROOT))
    said = str(description.identity)
    assert "site-packages" not in said
    assert "/bin/python" not in said


def test_the_solutions_to_compile_are_all_found() -> None:
    """Each exercise's .pyx, .cpp and .c, and no near miss."""
    found = {source.relative_to(ROOT) for _, source, _ in solutions(ROOT)}
    there = {
        path.relative_to(ROOT) for path in (ROOT / "solutions").rglob("*") if path.suffix in (".pyx", ".cpp", ".c")
    }
    assert found == {path for path in there if "near_misses" not in path.parts}
    assert found
