"""What belongs to one build: the source and the files beside it that it includes, read once.

A build sees the files found here and no others, so that the cache's key covers everything that was compiled.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from pytest_efficiency.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

_SIZE_LIMIT = 1_000_000  # bytes a file; the largest reference solution has 5 kB
_FILES_LIMIT = 50

_C_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_CYTHON_INCLUDE = re.compile(
    r"""^[ \t]*(?:cdef[ \t]+extern[ \t]+from|include)[ \t]+["']([^"'\n<>*]+)["']""", re.MULTILINE
)
_CYTHON_CIMPORT = re.compile(r"^[ \t]*(?:cimport[ \t]+([\w ,]+)|from[ \t]+\.?(\w+)[ \t]+cimport\b)", re.MULTILINE)
_DISTUTILS = re.compile(r"^[ \t]*#[ \t]*distutils[ \t]*:.*$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*(?:#|//|/\*)[ \t]*pytest-efficiency[ \t]*:[ \t]*([^\n*]*)", re.MULTILINE)


@dataclass(frozen=True)
class Sources:
    """The files of one build, by their path relative to the source's folder; the source itself comes first.

    ``options`` are the words of its ``pytest-efficiency:`` comment.
    """

    name: str
    files: dict[str, bytes]
    options: frozenset[str]


def read_sources(source: Path, known_options: frozenset[str]) -> Sources:
    """Read ``source`` and what it includes from its own folder.

    Raises:
        BuildError: it is no regular file, too large, not UTF-8, includes files of other folders, or asks for options
            that nobody but the exercise may choose.
    """
    if not source.stem.isidentifier():
        _refuse(source, f"its name becomes the module's name, and {source.stem!r} is no Python identifier", "rename it")
    files: dict[str, bytes] = {}
    waiting = [source.name]
    while waiting:
        name = waiting.pop()
        if name in files:
            continue
        path = source.parent / name
        content = _read(source, path)
        files[name] = content
        if len(files) > _FILES_LIMIT:
            _refuse(source, f"it includes more than {_FILES_LIMIT} files of its folder", "put it into fewer files")
        waiting += [found for found in _included(source, name, content) if found not in files]
    return Sources(source.name, files, _options(source, files[source.name].decode(), known_options))


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _read(source: Path, path: Path) -> bytes:
    try:
        status = path.lstat()
        # A link would let a submission pull in any file that the grader can read.
        if not stat.S_ISREG(status.st_mode):
            _refuse(source, f"{path.name} is no regular file", "put a plain file there")
        if status.st_size > _SIZE_LIMIT:
            _refuse(source, f"{path.name} has {status.st_size} bytes; {_SIZE_LIMIT} are allowed", "make it smaller")
        content = path.read_bytes()
    except OSError as error:
        _refuse(source, f"{path.name} could not be read: {error.strerror}", "check that the file is there")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse(source, f"line {line} of {path.name} is not UTF-8", "save it as UTF-8", line)
    return content


def _included(source: Path, name: str, content: bytes) -> list[str]:
    """Files of the source's own folder that ``name`` includes; the system's headers are the compiler's business."""
    text = content.decode()
    # A header of a .pyx can be C, and a .pyx can hold C in a string: so both kinds are looked for everywhere.
    asked = [(found[1], found.start()) for found in _C_INCLUDE.finditer(text)]
    cython = name.endswith((".pyx", ".pxd", ".pxi"))
    if cython:
        asked += [(found[1], found.start()) for found in _CYTHON_INCLUDE.finditer(text)]
        for found in _CYTHON_CIMPORT.finditer(text):
            modules = [part.split()[0] for part in (found[1] or found[2]).split(",") if part.split()]
            asked += [(f"{module}.pxd", found.start()) for module in modules]
        asked.append((f"{source.stem}.pxd", 0))
    names = []
    for other, position in asked:
        if other.startswith("/") or ".." in other.split("/"):
            line = line_of(text, position)
            reason = f"line {line} of {name} includes {other}, which lies outside its folder"
            _refuse(source, reason, f"put the file beside {source.name}", line)
        beside = "/".join([*name.split("/")[:-1], other])
        for candidate in (beside, other):
            if (source.parent / candidate).is_file() and not _leaves(source.parent, candidate):
                names.append(candidate)
                break
    return names


def _leaves(folder: Path, name: str) -> bool:
    """Whether a folder on the way to ``name`` is a link that leads elsewhere."""
    return not (folder / name).parent.resolve().is_relative_to(folder.resolve())


def _options(source: Path, text: str, known: frozenset[str]) -> frozenset[str]:
    distutils = _DISTUTILS.search(text)
    if distutils is not None:
        line = line_of(text, distutils.start())
        reason = f"line {line} says {distutils[0].strip()!r}, and the flags of an exercise are the same for everybody"
        advice = (
            "remove that line; of the flags, '# pytest-efficiency: openmp' and '# pytest-efficiency: c++' can be had"
        )
        _refuse(source, reason, advice, line)
    options: set[str] = set()
    for directive in _DIRECTIVE.finditer(text):
        for option in directive[1].replace(",", " ").split():
            if option not in known:
                line = line_of(text, directive.start())
                reason = f"line {line} asks for {option!r}, which is no option here"
                _refuse(source, reason, f"the options are {', '.join(sorted(known)) or '(none)'}", line)
            options.add(option)
    return frozenset(options)


def _refuse(source: Path, found: str, advice: str, line: int | None = None) -> NoReturn:
    msg = f"{source.name} was to be built; {found}. What to do: {advice}."
    raise BuildError(msg, source=str(source), line=line)
