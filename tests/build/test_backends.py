from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_efficiency.build import available, build
from pytest_efficiency.errors import BackendMissing

COMPILED = ["cython", "pybind11", "ctypes", "cffi", "cppyy"]
ALL = ["python", "numpy", "numba", *COMPILED]


@pytest.mark.parametrize("backend", ALL)
def test_everything_is_available_where_the_extras_and_a_compiler_are_installed(backend: str) -> None:
    """The other tests here mean something only on such a machine."""
    assert available(backend) is None


@pytest.mark.parametrize("backend", COMPILED)
def test_without_a_compiler_a_backend_says_what_to_install(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names what was looked for and the package that has it."""
    monkeypatch.setenv("PATH", "")
    said = available(backend)
    assert said is not None
    assert "compiler on PATH" in said
    assert "apt-get install g" in said
    assert "\n" not in said


def test_backends_of_python_alone_need_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba brings LLVM with it."""
    monkeypatch.setenv("PATH", "")
    assert [available(backend) for backend in ("python", "numpy", "numba")] == [None, None, None]


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the package and the extra that brings it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    said = available("numba")
    assert said is not None
    assert "numba is not installed" in said
    assert "pytest-efficiency[exercises]" in said


def test_missing_headers_of_python_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Debian's Python without python3-dev has a compiler and no Python.h; a plain C library needs none."""
    monkeypatch.setattr("pytest_efficiency.build.backends.python_include", lambda: tmp_path)
    assert "Python.h" in (available("cython") or "")
    assert available("ctypes") is None


def test_an_unknown_backend_is_an_error_that_lists_the_known() -> None:
    """A typo must not read as "not installed"."""
    with pytest.raises(ValueError, match=r"'cyton'.*cython"):
        available("cyton")


def test_asking_imports_no_backend() -> None:
    """cppyy alone takes half a second to import and starts a compiler inside the process."""
    code = (
        "import sys; from pytest_efficiency.build import available;"
        f"[available(name) for name in {ALL!r}];"
        "sys.exit(bool({'numpy', 'numba', 'Cython', 'pybind11', 'cppyy', 'cffi'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("backend", "name"), [("cython", "a.pyx"), ("pybind11", "a.cpp"), ("c", "a.c")])
def test_building_without_a_compiler_raises_backend_missing(
    backend: str, name: str, write, cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a build error: the learner has nothing to mend in the source."""
    source = write(name, "")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BackendMissing, match="no C"):
        build(source, backend=backend, cache=cache)
