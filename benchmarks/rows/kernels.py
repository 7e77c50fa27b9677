"""The compiled functions that the rows about the GIL and about memory call, built as an exercise's answers are."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import sys
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_efficiency.build import build

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).parents[1] / "kernels"


@functools.cache
def extension(name: str, backend: str) -> ModuleType:
    """The extension module of this name."""
    built = build(next(FOLDER.glob(f"{name}.*")), backend=backend)
    spec = importlib.util.spec_from_file_location(name, built.path, loader=ExtensionFileLoader(name, str(built.path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@functools.cache
def library(loader: type[ctypes.CDLL]) -> Any:
    """The C functions: with `ctypes.PyDLL` they keep the GIL, with `ctypes.CDLL` they let go of it."""
    functions = loader(str(built_library()))
    whole = ctypes.c_int64
    for name, arguments, result in (
        ("spin", [whole], ctypes.c_uint64),
        ("touch", [whole], None),
        ("touch_in_turn", [whole, whole], None),
        ("leak", [whole], ctypes.c_void_p),
        ("no_leak", [whole], None),
        ("leak_sometimes", [whole, whole], None),
        ("fill", [whole, whole], None),
    ):
        function = getattr(functions, name)
        function.argtypes, function.restype = arguments, result
    return functions


def built_library() -> Path:
    """The file of the C functions."""
    return build(FOLDER / "kernels.c", backend="c").path


@functools.cache
def cpp(source: str) -> Any:
    """What a piece of C++ defines, as cppyy hands it over."""
    import cppyy

    cppyy.cppdef(source)
    return cppyy.gbl
