"""Which backends can be used here, found out without importing any of them."""

from __future__ import annotations

import importlib.util
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from pytest_efficiency.errors import BackendMissing

_COMPILERS = {"C": ("gcc", "cc", "clang"), "C++": ("g++", "c++", "clang++")}
_DEBIAN = {"C": "gcc", "C++": "g++"}


@dataclass(frozen=True)
class _Need:
    package: str | None = None  # what to import
    compiler: str | None = None  # "C" or "C++"
    headers: bool = False  # Python.h


_NEEDS = {
    "python": _Need(),
    "numpy": _Need("numpy"),
    "numba": _Need("numba"),
    # cling compiles by itself but takes the C++ standard library's headers from a compiler's installation.
    "cppyy": _Need("cppyy", "C++"),
    "cython": _Need("Cython", "C", headers=True),
    "pybind11": _Need("pybind11", "C++", headers=True),
    "ctypes": _Need(compiler="C"),
    "cffi": _Need("cffi", "C"),
    "c": _Need(compiler="C"),
}


def available(backend: str) -> str | None:
    """What ``backend`` lacks on this machine and how to get it, in one line; None if it can be used.

    Raises:
        ValueError: no backend has this name.
    """
    need = _NEEDS.get(backend)
    if need is None:
        msg = f"there is no backend {backend!r}; the backends are {', '.join(_NEEDS)}"
        raise ValueError(msg)
    if need.package is not None and not is_installed(need.package):
        return f"the Python package {need.package.lower()} is not installed: pip install 'pytest-efficiency[exercises]'"
    if need.compiler is not None and find_compiler(need.compiler) is None:
        return _no_compiler(need.compiler)
    if need.headers and not (python_include() / "Python.h").is_file():
        return (
            f"Python.h is not in {python_include()}: install the headers of this Python "
            "(Debian, Ubuntu: apt-get install python3-dev)"
        )
    return None


def require(backend: str) -> None:
    """Raise BackendMissing unless ``backend`` can be used here."""
    lacking = available(backend)
    if lacking is not None:
        msg = f"{backend} was asked for; {lacking}"
        raise BackendMissing(msg)


def find_compiler(language: str) -> Path | None:
    """The first compiler of ``language`` ("C" or "C++") on PATH."""
    for name in _COMPILERS[language]:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    return None


def compiler_for(language: str) -> Path:
    """The compiler of ``language``; BackendMissing where there is none."""
    found = find_compiler(language)
    if found is None:
        msg = f"a {language} source was to be compiled; {_no_compiler(language)}"
        raise BackendMissing(msg)
    return found


def is_installed(package: str) -> bool:
    return package_folder(package) is not None


def package_folder(package: str) -> Path | None:
    """The folder of a top-level package, looked up without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def python_include() -> Path:
    return Path(sysconfig.get_path("include"))


def _no_compiler(language: str) -> str:
    return (
        f"there is no {language} compiler on PATH (looked for {', '.join(_COMPILERS[language])}): install one "
        f"(Debian, Ubuntu: apt-get install {_DEBIAN[language]}; macOS: xcode-select --install)"
    )
