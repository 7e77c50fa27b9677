"""Where submissions become something that can be called: built where needed, each in workers of its own."""

from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

from pytest_efficiency.build import available, build
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

    def __init__(self, *, wall: str = "process", here: bool = False) -> None:
        self._pool = None if here else Pool(wall=wall)
        self._modules: dict[Submission, RemoteModule | ModuleType | EfficiencyError] = {}
        self._references: dict[str, RemoteModule | ModuleType] = {}

    @property
    def pool(self) -> Pool | None:
        return self._pool

    def build_ahead(self, submissions: Iterable[Submission]) -> Iterator[tuple[Submission, float | EfficiencyError]]:
        """Build what must be compiled, two at a time; yields each with its seconds or its error as it ends."""
        todo = [one for one in submissions if one.source is not None and one.source.suffix in _COMPILED]
        with ThreadPoolExecutor(max_workers=2) as several:
            running = {several.submit(self._built, one): one for one in todo}
            for future in as_completed(running):
                submission = running[future]
                try:
                    yield submission, future.result()[1]
                except EfficiencyError as error:
                    self._modules[submission] = error
                    yield submission, error

    def candidate(self, submission: Submission) -> Any:
        """The submission as an object whose attributes are its functions.

        Raises:
            BuildError, BackendMissing, CourseError: as they say; the same again each time it is asked for.
        """
        found = self._modules.get(submission)
        if found is None:
            try:
                found = self._load(submission)
            except EfficiencyError as error:
                found = error
            self._modules[submission] = found
        if isinstance(found, EfficiencyError):
            raise found.with_traceback(None)
        return found

    def reference(self, exercise: Exercise) -> Any:
        """The exercise's pure-Python reference, in workers of its own."""
        if exercise.id not in self._references:
            if not exercise.reference.is_file():
                msg = f"{exercise.id} has no reference.py beside its tests"
                raise CourseError(msg)
            spec = ModuleSpec(
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
            self._references[exercise.id] = self._module(spec)
        return self._references[exercise.id]

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def _built(self, submission: Submission) -> tuple[Path, float]:
        assert submission.source is not None
        made = build(submission.source, backend=_COMPILED[submission.source.suffix])
        return made.path, made.seconds

    def _load(self, submission: Submission) -> Any:
        exercise, source = submission.exercise, submission.source
        if source is None:
            raise CourseError(submission.problem)
        lacking = available(submission.backend)
        if lacking:
            msg = f"{source.name} is written for {submission.backend}: {lacking}"
            raise BackendMissing(msg)
        kind, path = "python", source
        if source.suffix in _COMPILED:
            path = self._built(submission)[0]
            kind = "library" if source.suffix == ".c" else "extension"
            if kind == "library" and exercise.binding is None:
                msg = f"{source}: {exercise.id} has no binding.py, so a .c file cannot be called; solve it in another way"
                raise CourseError(msg)
        spec = ModuleSpec(
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
        return self._module(spec)

    def _module(self, spec: ModuleSpec) -> Any:
        return _load_here(spec) if self._pool is None else RemoteModule(self._pool, spec)


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
