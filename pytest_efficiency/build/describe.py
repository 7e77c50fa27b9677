"""How each kind of source is compiled: the one place with flags.

``setup.py build_ext`` and a test run take their commands from here, so that both build the same thing.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
import sysconfig
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_efficiency.build.backends import compiler_for, package_folder, python_include, require
from pytest_efficiency.build.sources import read_sources
from pytest_efficiency.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIXES = {"cython": ".pyx", "pybind11": ".cpp", "c": ".c"}
# Folders of solutions/<topic>/<exercise>/ that hold something to compile, and how it is built.
_SOLUTION_FOLDERS = {"cython": "cython", "pybind11": "pybind11", "ctypes": "c", "cffi": "c"}

# -O2 and no -march=native: a cached library must survive a change of CPU, and -O3 won nothing on the exercises' kernels
# that was not lost on another. -fwrapv as CPython itself is built. No debug information: it doubles the library.
_COMMON = ("-O2", "-fPIC", "-fwrapv", "-DNDEBUG", "-g0", "-fdiagnostics-color=never")
# In generated C a warning is nobody's who reads it.
_CYTHON = ("-w", "-DNPY_NO_DEPRECATED_API=NPY_1_7_API_VERSION")
# A call of an undeclared function compiles in gcc before 14, and then reads its double result from the wrong register.
_C = ("-std=gnu11", "-Wall", "-Werror=implicit-function-declaration")
_CPP = ("-std=c++17", "-Wall", "-fvisibility=hidden")
_OPENMP = "-fopenmp"


@dataclass(frozen=True)
class Description:
    """One thing to build: files, and the commands that make ``output`` from them in an empty folder.

    ``kind`` says how it is loaded: "extension" is imported as the module ``name``, "library" is opened by ctypes.
    ``identity`` is everything but the files that the result depends on: flags, versions, compiler, platform. It
    holds no path of an environment, so that equal environments share what was built.
    """

    source: Path
    backend: str
    name: str
    kind: Literal["extension", "library"]
    output: str
    files: dict[str, bytes]
    commands: tuple[tuple[str, ...], ...]
    identity: dict[str, Any]


def describe(source: Path, backend: str) -> Description:
    """Describe how ``source`` is built for ``backend``: "cython" (.pyx), "pybind11" (.cpp) or "c" (.c).

    A ``.c`` that defines ``PyInit_NAME`` is an extension module, any other a shared library. A comment
    ``# pytest-efficiency: openmp`` (``//`` in C and C++) adds OpenMP, ``# pytest-efficiency: c++`` makes Cython write
    C++; no other flag can be had.

    Raises:
        BackendMissing: a compiler or package is not installed.
        BuildError: the source is refused before anything is compiled.
    """
    if SUFFIXES.get(backend) != source.suffix:
        builds = ", ".join(f"{suffix} for {name}" for name, suffix in SUFFIXES.items())
        msg = (
            f"{source.name} was to be built for {backend}, and nothing is known about that; what can be built: {builds}"
        )
        raise BuildError(msg, source=str(source))
    require(backend)
    known = frozenset({"openmp", "c++"} if backend == "cython" else {"openmp"})
    read = read_sources(source, known)
    name, text = source.stem, read.files[source.name].decode()
    extension = backend != "c" or re.search(rf"\bPyInit_{name}\b", text) is not None
    plusplus = backend == "pybind11" or "c++" in read.options
    compiler = compiler_for("C++" if plusplus else "C")
    flags = [*_COMMON, *_link(extension=extension), *([_OPENMP] if "openmp" in read.options else [])]
    output = name + (sysconfig.get_config_var("EXT_SUFFIX") if extension else ".so")
    commands: list[tuple[str, ...]] = []
    compiled = source.name
    if backend == "cython":
        compiled = f"{name}.{'cpp' if plusplus else 'c'}"
        commands.append(_cython(source.name, compiled, name, plusplus=plusplus))
        flags += [*_CYTHON, *(["-std=c++17"] if plusplus else []), f"-I{_numpy_include()}"]
    elif backend == "pybind11":
        flags += [*_CPP, f"-I{_folder('pybind11') / 'include'}", f"-I{_numpy_include()}"]
    else:
        flags += _C
    if backend != "c" or extension:
        flags.append(f"-I{python_include()}")
    commands.append((str(compiler), *flags, "-I.", compiled, "-o", output, "-lm"))
    return Description(
        source=source,
        backend=backend,
        name=name,
        kind="extension" if extension else "library",
        output=output,
        files=read.files,
        commands=tuple(commands),
        identity=_identity(backend, compiler, commands, extension=extension),
    )


def solutions(root: Path) -> Iterator[tuple[str, Path, str]]:
    """Every solution under ``root``/solutions that is compiled: (dotted name, source, how it is built)."""
    for source in sorted((root / "solutions").glob("*/*/*/*")):
        backend = _SOLUTION_FOLDERS.get(source.parent.name)
        if backend is not None and source.suffix == SUFFIXES[backend] and source.stem == source.parents[1].name:
            yield ".".join(source.relative_to(root).with_suffix("").parts), source, backend


def _cython(source: str, output: str, module: str, *, plusplus: bool) -> tuple[str, ...]:
    # -I: neither PYTHONPATH nor the folder of the source may put modules into the compiler's process.
    # --line-directives: the C compiler's errors then speak of the .pyx.
    command = (sys.executable, "-I", "-m", "cython", "-3", "--line-directives", "--module-name", module)
    return (*command, *(["-+"] if plusplus else []), source, "-o", output)


def _link(*, extension: bool) -> tuple[str, ...]:
    if sys.platform == "darwin":
        return ("-bundle", "-undefined", "dynamic_lookup") if extension else ("-dynamiclib",)
    # An extension takes Python's symbols from the interpreter; a symbol that a library lacks is an error to tell now.
    return ("-shared",) if extension else ("-shared", "-Wl,--no-undefined")


def _identity(backend: str, compiler: Path, commands: list[tuple[str, ...]], *, extension: bool) -> dict[str, Any]:
    real = compiler.resolve()
    status = real.stat()
    paths = {sys.executable, str(compiler)}
    identity: dict[str, Any] = {
        "flags": [
            [word for word in command if word not in paths and not word.startswith("-I/")] for command in commands
        ],
        "compiler": [str(real), status.st_size, status.st_mtime_ns],
        "platform": sysconfig.get_platform(),
    }
    if extension:
        identity["python"] = [sys.version, sysconfig.get_config_var("EXT_SUFFIX")]
    packages = {"cython": ("cython", "numpy"), "pybind11": ("pybind11", "numpy"), "c": ()}[backend]
    identity["packages"] = {package: importlib.metadata.version(package) for package in packages}
    return identity


def _numpy_include() -> Path:
    return _folder("numpy") / "_core" / "include"


def _folder(package: str) -> Path:
    folder = package_folder(package)
    # The backends that need numpy or pybind11 were found available, and numpy is a dependency of this package.
    assert folder is not None, package
    return folder
