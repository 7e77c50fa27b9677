"""Where submissions become something that can be called: built where needed, each in workers of its own."""

from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, Literal

from pytest_efficiency.build import Built, available, build
from pytest_efficiency.errors import BackendMissing, CourseError, EfficiencyError
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.workers.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import ModuleType

    from pytest_efficiency.course.exercise import Exercise
    from pytest_efficiency.course.submission import Submission

# Trusted packages that a worker has loaded before the submission arrives, by backend. Their import is nobody's work.
_PRELOAD = {
    "python": ("numpy",),
    "numpy": ("numpy",),
    "ctypes": ("numpy",),
    "cython": ("numpy",),
    "pybind11": ("numpy",),
    "cffi": ("numpy", "cffi"),
    "numba": ("numpy", "numba"),
    "cppyy": ("numpy", "cppyy"),
}
_COMPILED = {".pyx": "cython", ".cpp": "pybind11", ".c": "c"}


class Desk:
    """One run's workers and built modules. ``close()`` ends every worker.

    Args:
        here: load submissions and references into this process instead (``--efficiency-subject=here``): for a
            debugger, never for a grade.
    """

    def __init__(self, *, wall: Literal["process"] = "process", here: bool = False) -> None:
        self._pool = None if here else Pool(wall=wall)
        self._specs: dict[Submission, ModuleSpec | EfficiencyError] = {}
        self._here: dict[ModuleSpec, Any] = {}

    def build_ahead(self, submissions: Iterable[Submission]) -> Iterator[tuple[Submission, float | EfficiencyError]]:
        """Build what must be compiled, two at a time; yields each with its seconds or its error as it ends."""
        todo = [one for one in submissions if one.source is not None and one.source.suffix in _COMPILED]
        with ThreadPoolExecutor(max_workers=2) as several:
            running = {several.submit(self._built, one): one for one in todo}
            for future in as_completed(running):
                submission = running[future]
                try:
                    yield submission, future.result().seconds
                except EfficiencyError as error:
                    self._specs[submission] = error
                    yield submission, error

    def candidate(self, submission: Submission) -> Any:
        """The submission as an object whose attributes are its functions.

        Raises:
            BuildError, BackendMissing, CourseError: as they say; the same again each time it is asked for.
        """
        return self._module(self._candidate_spec(submission))

    def reference(self, exercise: Exercise) -> Any:
        """The exercise's pure-Python reference, in workers of its own.

        Raises:
            CourseError: it has none.
        """
        return self._module(_reference_spec(exercise))

    def ahead(self, submission: Submission) -> None:
        """Start a worker for either side of the next claim, so that no claim waits for imports and compilers."""
        if self._pool is not None:
            self._pool.ahead(self._candidate_spec(submission))
            self._pool.ahead(_reference_spec(submission.exercise))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def _built(self, submission: Submission) -> Built:
        assert submission.source is not None
        return build(submission.source, backend=_COMPILED[submission.source.suffix])

    def _candidate_spec(self, submission: Submission) -> ModuleSpec:
        found = self._specs.get(submission)
        if found is None:
            try:
                found = self._found_out(submission)
            except EfficiencyError as error:
                found = error
            self._specs[submission] = found
        if isinstance(found, EfficiencyError):
            raise found.with_traceback(None)
        return found

    def _found_out(self, submission: Submission) -> ModuleSpec:
        exercise, source = submission.exercise, submission.source
        if source is None:
            raise CourseError(submission.problem)
        lacking = available(submission.backend)
        if lacking:
            msg = f"{source.name} is written for {submission.backend}: {lacking}"
            raise BackendMissing(msg)
        kind: Literal["python", "extension", "library"] = "python"
        path = source
        if source.suffix in _COMPILED:
            made = self._built(submission)
            path, kind = made.path, made.kind
            if kind == "library" and exercise.binding is None:
                msg = (
                    f"{source}: {exercise.id} has no binding.py, so a .c file cannot be called; solve it in another way"
                )
                raise CourseError(msg)
        return ModuleSpec(
            name=exercise.name,
            path=path,
            kind=kind,
            adapter=exercise.adapter,
            binding=exercise.binding if kind == "library" else None,
            preload=_PRELOAD[submission.backend],
            threads=exercise.threads,
            setup_limit=exercise.setup_limit,
            call_limit=exercise.call_limit,
            in_place=exercise.in_place,
            role="candidate",
        )

    def _module(self, spec: ModuleSpec) -> Any:
        if self._pool is not None:
            return RemoteModule(self._pool, spec)
        if spec not in self._here:
            self._here[spec] = _load_here(spec)
        return self._here[spec]


def _reference_spec(exercise: Exercise) -> ModuleSpec:
    if not exercise.reference.is_file():
        msg = f"{exercise.id} has no reference.py; write the plain solution that others are compared with"
        raise CourseError(msg)
    return ModuleSpec(
        name="reference",
        path=exercise.reference,
        kind="python",
        preload=_PRELOAD["python"],
        threads=exercise.threads,
        setup_limit=exercise.setup_limit,
        call_limit=exercise.call_limit,
        in_place=exercise.in_place,
        role="reference",
    )


def _load_here(spec: ModuleSpec) -> Any:
    """Import a module by its path into this process; for debugging."""
    if spec.kind == "library":
        import ctypes

        assert spec.binding is not None
        return _import(spec.binding, f"{spec.name}_binding").bind(ctypes.CDLL(str(spec.path)))
    return _import(spec.path, spec.name)


def _import(path: Path, name: str) -> ModuleType:
    known = f"pytest_efficiency_here_{name}" if path.suffix == ".py" else name
    found = importlib.util.spec_from_file_location(known, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[known] = module
    found.loader.exec_module(module)
    return module
