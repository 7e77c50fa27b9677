"""An exercise folder as an object: what ``exercise.toml`` says, and where its files are."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import CourseError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DESCRIPTION = "exercise.toml"
COLUMNS = ("correct", "speed", "scaling", "gil", "memory")
BACKENDS = ("python", "numpy", "ctypes", "cffi", "numba", "cython", "pybind11", "cppyy")

_REQUIRED: dict[str, type] = {
    "id": str,
    "title": str,
    "goal": str,
    "topic": str,
    "functions": list,
    "backends": list,
    "hints": list,
    "points": dict,
}
_OPTIONAL: dict[str, tuple[type, ...]] = {
    "threads": (bool,),
    "setup_limit": (int, float),
    "call_limit": (int, float),
    "in_place": (list,),
}


@dataclass(frozen=True, eq=False)  # an exercise is itself: one folder, read once
class Exercise:
    """One exercise: a stub, a pure-Python reference, tests, hints and points.

    Attributes:
        id: "03_vectorise/shifted_product": the folder's last two names.
        folder: where it lies.
        functions: the names that a solution defines.
        backends: those that have a reference solution.
        hints: progressive: a question, a direction, the names of the API.
        points: column -> points, for the columns that the exercise's tests have.
        threads: whether a solution may use more than one thread in BLAS and OpenMP.
        setup_limit: seconds for importing and warming up.
        call_limit: seconds for one call.
        in_place: functions whose answer is their changed arguments.
    """

    id: str
    folder: Path
    title: str
    goal: str
    topic: str
    functions: tuple[str, ...]
    backends: tuple[str, ...]
    hints: tuple[str, ...]
    points: Mapping[str, int]
    threads: bool = False
    setup_limit: float = 10.0
    call_limit: float = 10.0
    in_place: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The stem of the learner's file, and the name of its module."""
        return self.id.rsplit("/", 1)[-1]

    @property
    def pristine(self) -> Path:
        return self.folder / "pristine"

    @property
    def reference(self) -> Path:
        return self.folder / "reference.py"

    @property
    def adapter(self) -> Path | None:
        path = self.folder / "adapter.py"
        return path if path.is_file() else None

    @property
    def binding(self) -> Path | None:
        path = self.folder / "binding.py"
        return path if path.is_file() else None

    @property
    def tests(self) -> tuple[Path, ...]:
        return tuple(sorted(self.folder.glob("test_*.py")))

    @property
    def course(self) -> Path:
        """The folder that holds the course's topics."""
        return self.folder.parents[self.id.count("/")]


def is_exercise(folder: Path) -> bool:
    """Whether ``folder`` is an exercise's."""
    return (folder / DESCRIPTION).is_file()


def load_exercise(folder: Path) -> Exercise:
    """Read ``folder/exercise.toml``.

    Raises:
        CourseError: the file is missing, is no TOML, or lacks, misnames or mistypes a key.
    """
    path = folder / DESCRIPTION
    try:
        with path.open("rb") as file:
            said = tomllib.load(file)
    except FileNotFoundError:
        msg = f"{folder} is no exercise: it has no {DESCRIPTION}"
        raise CourseError(msg) from None
    except tomllib.TOMLDecodeError as error:
        msg = f"{path} cannot be read: {error}"
        raise CourseError(msg) from None
    _check(path, said)
    return Exercise(
        id=said["id"],
        folder=folder,
        title=said["title"],
        goal=said["goal"],
        topic=said["topic"],
        functions=tuple(said["functions"]),
        backends=tuple(said["backends"]),
        hints=tuple(said["hints"]),
        points=dict(said["points"]),
        threads=said.get("threads", False),
        setup_limit=float(said.get("setup_limit", 10.0)),
        call_limit=float(said.get("call_limit", 10.0)),
        in_place=frozenset(said.get("in_place", ())),
    )


def _check(path: Path, said: dict[str, Any]) -> None:
    known = [*_REQUIRED, *_OPTIONAL]
    for key, kind in _REQUIRED.items():
        if not isinstance(said.get(key), kind):
            found = "nothing" if key not in said else repr(said[key])
            msg = f"{path}: {key!r} must be a {kind.__name__}, found {found}"
            raise CourseError(msg)
    for key, value in said.items():
        if key not in known:
            msg = f"{path}: unknown key {key!r}; known are {', '.join(known)}"
            raise CourseError(msg)
        if key in _OPTIONAL and not isinstance(value, _OPTIONAL[key]):
            msg = f"{path}: {key!r} must be a {_OPTIONAL[key][0].__name__}, found {value!r}"
            raise CourseError(msg)
    if said["id"].rsplit("/", 1)[-1] != path.parent.name:
        msg = f"{path}: id {said['id']!r} must end with the name of its folder, {path.parent.name!r}"
        raise CourseError(msg)
    _only(path, "backends", said["backends"], BACKENDS)
    _only(path, "points", said["points"], COLUMNS)
    if any(not isinstance(points, int) or points < 0 for points in said["points"].values()):
        msg = f"{path}: points must be whole numbers from 0 on, found {said['points']!r}"
        raise CourseError(msg)


def _only(path: Path, key: str, found: list[str] | dict[str, Any], allowed: tuple[str, ...]) -> None:
    for name in found:
        if name not in allowed:
            msg = f"{path}: {key} has {name!r}; allowed are {', '.join(allowed)}"
            raise CourseError(msg)
