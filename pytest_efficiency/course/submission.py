"""Which file answers an exercise: the learner's own, somebody's who lives elsewhere, or a reference solution."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_efficiency.errors import CourseError

if TYPE_CHECKING:
    from pytest_efficiency.course.exercise import Exercise

# What the file's ending says about how it is compiled; a .py file's backend is read off its imports.
BY_ENDING = {".pyx": "cython", ".cpp": "pybind11", ".c": "ctypes"}
ENDINGS = (".py", *BY_ENDING)

_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+(numba|cppyy|cffi|ctypes|numpy)\b", re.MULTILINE)
_SIZE_LIMIT = 1_000_000

State = Literal["started", "not started", "refused", "absent"]


@dataclass(frozen=True)
class Submission:
    """One answer to one exercise.

    Attributes:
        source: the file, or None where there is nothing to grade.
        backend: what it is written in.
        label: tells submissions of one exercise apart, as in ``test_is_fast[numba]``.
        state: "started" where there is something to grade; "not started"; "refused" where there is, but not as asked;
            "absent" where the exercise offers no such solution.
        problem: what is in the way, unless started.
    """

    exercise: Exercise
    source: Path | None
    backend: str
    label: str
    state: State = "started"
    problem: str = ""


def own_submission(exercise: Exercise) -> Submission:
    """What the learner wrote in the exercise's own folder."""
    return _choose(exercise, exercise.folder)


def submission_in(exercise: Exercise, root: Path) -> Submission:
    """The answer that lies under ``root``: in ``root/<exercise id>/``, else in ``root`` itself."""
    mirrored = root / exercise.id
    for folder in (mirrored, *mirrored.parents[: exercise.id.count("/")]):
        if folder.is_symlink():
            return _nothing(exercise, "refused", f"{_shown(folder)} is a symbolic link: hand in a real folder")
    return _choose(exercise, mirrored if mirrored.is_dir() else root)


def solutions(exercise: Exercise, root: Path, wanted: str) -> list[Submission]:
    """The reference solutions of ``exercise`` under ``root``; ``wanted`` is a backend or "all".

    Raises:
        CourseError: the exercise declares a solution that is not there.
    """
    found = []
    for backend in exercise.backends:
        if wanted not in (backend, "all"):
            continue
        folder = root / exercise.id / backend
        files = [path for path in _candidates(exercise, folder) if path.is_file()]
        if not files:
            msg = f"{exercise.id} declares a {backend} solution, but {folder} has no {exercise.name}.*"
            raise CourseError(msg)
        found.append(Submission(exercise, files[0], backend, backend))
    return found


def _choose(exercise: Exercise, folder: Path) -> Submission:
    there = [path for path in _candidates(exercise, folder) if path.is_symlink() or path.is_file()]
    for path in there:
        if path.is_symlink() or path.stat().st_size > _SIZE_LIMIT:
            what = "a symbolic link" if path.is_symlink() else f"larger than {_SIZE_LIMIT} bytes"
            return _nothing(exercise, "refused", f"{_shown(path)} is {what}: an answer is a regular source file")
    edited = [path for path in there if not same_tokens(path, exercise.pristine / path.name)]
    if not edited:
        here = _shown(there[0] if there else folder)
        found = f"{here} is as it was handed out" if there else f"{here} has no {exercise.name}.py"
        return _nothing(exercise, "not started", f"not started: {found}")
    if len(edited) > 1:
        names = " and ".join(_shown(path) for path in edited)
        problem = f"two answers to {exercise.id}: {names} are both edited; keep one, reset or delete the other"
        return _nothing(exercise, "refused", problem)
    backend = backend_of(edited[0])
    return Submission(exercise, edited[0], backend, backend)


def _shown(path: Path) -> str:
    """As the user would write it: relative to where they are, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _nothing(exercise: Exercise, state: State, problem: str) -> Submission:
    return Submission(exercise, None, "-", "learner", state, problem)


def _candidates(exercise: Exercise, folder: Path) -> list[Path]:
    return [folder / f"{exercise.name}{ending}" for ending in ENDINGS]


def backend_of(source: Path) -> str:
    """What a source file is written in: by its ending, and for Python by the packages it names in its imports.

    Only a label: it decides which trusted packages a worker starts with, never what the code may do.
    """
    if source.suffix in BY_ENDING:
        return BY_ENDING[source.suffix]
    text = source.read_text(encoding="utf-8", errors="replace")
    named = set(_IMPORT.findall(text))
    for backend in ("numba", "cppyy", "cffi", "ctypes", "numpy"):
        if backend in named:
            return backend
    return "python"


def same_tokens(path: Path, other: Path) -> bool:
    """Whether two files hold the same code, whatever their comments, blank lines and spaces within lines."""
    if not other.is_file():
        return False
    first, second = path.read_bytes(), other.read_bytes()
    if first == second:
        return True
    if path.suffix in (".py", ".pyx"):
        return _python_tokens(first) == _python_tokens(second)
    return first.split() == second.split()


def _python_tokens(source: bytes) -> list[tuple[int, str]] | bytes:
    ignored = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING}
    try:
        # Indentation counts as a token without its width: re-indenting is no answer either.
        return [
            (token.type, "" if token.type in (tokenize.INDENT, tokenize.DEDENT) else token.string)
            for token in tokenize.tokenize(io.BytesIO(source).readline)
            if token.type not in ignored
        ]
    except (tokenize.TokenError, SyntaxError, ValueError):
        # Half-written code is a start.
        return source
