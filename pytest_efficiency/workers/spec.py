"""What a worker loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ModuleSpec:
    """One module of code under test, and how it may be used.

    Attributes:
        name: the module's name; for an extension module the one it was built with.
        path: the file to load: Python source, an extension module, or a C shared library.
        kind: how to load it.
        adapter: functions of ours that turn objects into plain data. Loaded beside the module, which it imports by
            ``name``; its functions are found before the module's own.
        binding: for a library: a module with ``bind(library: ctypes.CDLL)`` that returns the functions.
        preload: trusted packages that are imported before: "numpy", "numba", "cppyy".
        threads: whether BLAS and OpenMP may use more than one thread.
        setup_limit: seconds to load it.
        call_limit: seconds for one batch of calls.
        in_place: functions that work on their arguments, which therefore come back.
        role: what it is in the exercise; for messages.
    """

    name: str
    path: Path
    kind: Literal["python", "extension", "library"] = "python"
    adapter: Path | None = None
    binding: Path | None = None
    preload: tuple[str, ...] = ()
    threads: bool = False
    setup_limit: float = 10.0
    call_limit: float = 10.0
    in_place: frozenset[str] = frozenset()
    role: Literal["candidate", "reference"] = "candidate"
