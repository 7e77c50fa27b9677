"""Run the compilers of one description in a folder of its own, inside limits, and tell what went wrong."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, NoReturn

from pytest_efficiency.build.messages import excerpt, first_error
from pytest_efficiency.errors import BuildError
from pytest_efficiency.wall.process import GIB, Limits, run

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_efficiency.build.describe import Description
    from pytest_efficiency.wall.process import Completed

# cc1plus takes 0.3 GiB for a pybind11 module; a table of a gigabyte is a mistake or worse.
_LIMITS = Limits(address_space=4 * GIB, file_size=GIB // 4, open_files=256, processes=64)


def compile_into(folder: Path, description: Description, timeout: float) -> str:
    """Make ``description.output`` in the empty ``folder``; returns what the compilers wrote.

    Raises:
        BuildError: with the compiler's first error, or that it took longer than ``timeout`` seconds.
    """
    for name, content in description.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    log = ""
    deadline = time.monotonic() + timeout
    for command in description.commands:
        left = deadline - time.monotonic()
        done = run(command, limits=_LIMITS, timeout=left, cwd=folder, env=_environment(folder))
        log += done.output
        if done.timed_out:
            _too_slow(description, timeout)
        if done.returncode != 0:
            _failed(description, done)
    library = folder / description.output
    if description.kind == "extension" and f"PyInit_{description.name}\0".encode() not in library.read_bytes():
        _nameless(description)
    return log


def _environment(folder: Path) -> dict[str, str]:
    """What a compiler may know: nothing that changes what it makes (CPATH and the like), and messages in English."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C"}


def _failed(description: Description, done: Completed) -> NoReturn:
    source = description.source
    files = {name: content.decode() for name, content in description.files.items()}
    error = first_error(done.output, source.name, files)
    where = error.file if error.line is None else f"{error.file}, line {error.line}"
    if done.returncode < 0:
        where += f" (the compiler was ended by {signal.Signals(-done.returncode).name})"
    msg = (
        f"{source.name} was to be built for {description.backend}; the compiler refused it: {where}: {error.text}\n\n"
        f"{excerpt(error)}\n\n"
        "What to do: mend this first error; those after it often follow from it."
    )
    raise BuildError(msg, source=str(source), line=error.line, output=error.output)


def _too_slow(description: Description, timeout: float) -> NoReturn:
    msg = (
        f"{description.source.name} was to be built for {description.backend}; the compiler was not done after "
        f"{timeout:g} s and was ended. What to do: look for templates that instantiate each other without end, or for "
        "a large table made at compile time."
    )
    raise BuildError(msg, source=str(description.source))


def _nameless(description: Description) -> NoReturn:
    name = description.name
    wanted = {
        "pybind11": f"PYBIND11_MODULE({name}, m) {{ ... }}",
        "c": f"PyMODINIT_FUNC PyInit_{name}(void)",
        "cython": f"a file named {name}.pyx",
    }[description.backend]
    msg = (
        f"{description.source.name} was to be built as the module {name!r}; it compiled, but defines no module of that "
        f"name. What to do: write {wanted}."
    )
    raise BuildError(msg, source=str(description.source))
