"""pytest's side of a course: which answers are graded, in what order, and what stands in a claim's way.

Registered by `plugin` when the first exercise is collected, so that other projects never load it.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_efficiency.course import (
    COLUMNS,
    DESCRIPTION,
    Exercise,
    Submission,
    is_exercise,
    load_exercise,
    own_submission,
    solutions,
    submission_in,
)
from pytest_efficiency.errors import BuildError, CourseError, EfficiencyError
from pytest_efficiency.plugin import CLAIMS, SEED, STATE
from pytest_efficiency.plugin_options import why_skipped
from pytest_efficiency.plugin_report import reason

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import numpy as np

    from pytest_efficiency.course.desk import Desk
    from pytest_efficiency.report.entries import Entry, State


class CoursePlugin:
    """The exercises of one session."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._exercises: dict[Path, Exercise] = {}
        self._submissions: dict[str, list[Submission]] = {}
        self._missing: dict[str, str] = {}
        self._items: dict[str, tuple[Exercise, Submission | None, str]] = {}
        self._planned: Counter[tuple[Submission | None, str]] = Counter()
        self._claimed: set[Submission] = set()
        self._wrong: set[tuple[str, str]] = set()
        self._hinted: set[Submission | None] = set()
        self._desk: Desk | None = None
        self.seed = config.stash[SEED]

    @property
    def desk(self) -> Desk:
        if self._desk is None:
            from pytest_efficiency.course.desk import Desk

            option = self._config.option
            self._desk = Desk(wall=option.efficiency_wall or "process", here=option.efficiency_subject == "here")
        return self._desk

    def owns(self, item: pytest.Item) -> bool:
        return item.nodeid in self._items

    def exercise_at(self, folder: Path) -> Exercise:
        """The exercise whose tests lie in ``folder``, read once.

        Raises:
            CourseError: its description is not as it should be.
        """
        if folder not in self._exercises:
            self._forget_course_folders()
            exercise = load_exercise(folder)
            twin = next((one.folder for one in self._exercises.values() if one.id == exercise.id), None)
            if twin is not None:
                msg = f"two exercises are called {exercise.id}: {twin} and {folder}; grade one of them at a time"
                raise CourseError(msg)
            self._exercises[folder] = exercise
        return self._exercises[folder]

    def _forget_course_folders(self) -> None:
        """Take every exercise's folder off ``sys.path``: a learner's numpy.py must never be imported here.

        ``python -m pytest`` puts the current directory there, and that may be an exercise's.
        """
        sys.path[:] = [entry for entry in sys.path if not is_exercise(Path(entry or ".").absolute())]

    # Collecting

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        """Import an exercise's tests in importlib mode, whatever the session's: it leaves ``sys.path`` alone."""
        if not isinstance(collector, pytest.Module) or collector.path.parent not in self._exercises:
            return (yield)
        option = self._config.option
        before, option.importmode = option.importmode, "importlib"
        try:
            return (yield)
        finally:
            option.importmode = before

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        exercise = self._exercises.get(metafunc.definition.path.parent)
        if exercise is not None and "candidate" in metafunc.fixturenames:
            answers = self._answers(exercise)
            metafunc.parametrize("candidate", answers, ids=[one.label for one in answers], indirect=True)

    def _answers(self, exercise: Exercise) -> list[Submission]:
        if exercise.id not in self._submissions:
            self._submissions[exercise.id] = self._find_answers(exercise)
        return self._submissions[exercise.id]

    def _find_answers(self, exercise: Exercise) -> list[Submission]:
        option = self._config.option
        if option.submission:
            return [submission_in(exercise, Path(option.submission).absolute())]
        if not option.solution:
            return [own_submission(exercise)]
        asked = self._config.getini("efficiency_solutions")
        root = self._config.rootpath / asked if asked else exercise.course.parent / "solutions"
        wanted = option.solution
        try:
            found = solutions(exercise, root, wanted)
        except CourseError as error:
            return [Submission(exercise, None, wanted, wanted, "refused", str(error))]
        if found:
            return found
        problem = f"has no {wanted} solution in {root}"
        self._missing[exercise.id] = problem
        return [Submission(exercise, None, wanted, wanted, "absent", problem)]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, Any, Any]:
        """Before others deselect, count what there is: a column counts only whole. After them, put in order."""
        dropped = []
        for item in items:
            exercise = self._exercises.get(item.path.parent)
            if exercise is not None and self._note(item, exercise):
                dropped.append(item)
        if dropped:
            items[:] = [item for item in items if item not in dropped]
            self._config.hook.pytest_deselected(items=dropped)
        answer = yield
        items[:] = _correct_first(items, self._items)
        return answer

    def _note(self, item: pytest.Item, exercise: Exercise) -> str | None:
        """Remember whose test this is; returns why it cannot run here at all, or None."""
        callspec = getattr(item, "callspec", None)
        submission: Submission | None = callspec.params.get("candidate") if callspec is not None else None
        named = [column for claim, column in CLAIMS.items() if claim in getattr(item, "fixturenames", ())]
        column = named[0] if named else "correct"
        self._items[item.nodeid] = (exercise, submission, column)
        self._planned[submission, column] += 1
        if named and submission is not None and self._why_skipped(column) is None:
            self._claimed.add(submission)
        if submission is None or not self._config.option.solution:
            return None
        if submission.state == "absent":
            return submission.problem
        if submission.source is None:
            return None
        from pytest_efficiency.build import available

        lacking: str | None = available(submission.backend)
        if lacking:
            self._missing[submission.backend] = lacking
        return lacking

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Build what must be compiled before the first test, so that no test waits and no timing is disturbed."""
        if session.config.option.collectonly:
            return
        answers = {self._items[item.nodeid][1]: None for item in session.items if item.nodeid in self._items}
        self._build([one for one in answers if one is not None and one.state == "started"])

    def _build(self, answers: Sequence[Submission]) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        say = reporter.write_line if reporter is not None and reporter.verbosity >= 0 else lambda _line: None
        for submission, ended in self.desk.build_ahead(answers) if answers else ():
            assert submission.source is not None
            name = f"{submission.exercise.id}/{submission.source.name}"
            if isinstance(ended, EfficiencyError):
                say(f"building {name}: {type(ended).__name__}")
            elif ended > 0.5:  # what comes out of the cache is not worth a line
                say(f"built {name} in {ended:.1f} s")

    def pytest_report_collectionfinish(self) -> list[str]:
        lines = [f"deselected: {what}: {why}" for what, why in self._missing.items()]
        if self._items:
            where = "here (not graded)" if self._config.option.efficiency_subject == "here" else "workers"
            wall = self._config.option.efficiency_wall or "process"
            lines.append(f"exercises: code runs in {where}, wall {wall}, seed {self.seed}")
        return lines

    # Fixtures

    @pytest.fixture
    def candidate(self, request: pytest.FixtureRequest) -> Any:
        """The answer that is graded: candidate.merge_sort([3, 1, 2]) calls it in a process of its own."""
        return self.desk.candidate(request.param)

    @pytest.fixture
    def reference(self, request: pytest.FixtureRequest) -> Any:
        """The exercise's pure-Python reference, called as the candidate is, in a process of its own."""
        return self.desk.reference(self._exercises[request.node.path.parent])

    @pytest.fixture
    def efficiency_rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """A NumPy generator for fresh inputs; its seed is that of the run (--efficiency-seed) and the test's name."""
        import numpy as np

        exercise, submission, _ = self._items[request.node.nodeid]
        whose = f"{exercise.id} {submission.label if submission else ''} {request.node.name}"
        name = hashlib.sha256(whose.encode()).digest()
        return np.random.default_rng([self.seed, *name[:16]])

    # Running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        exercise, submission, column = self._items.get(item.nodeid, (None, None, ""))
        skipped = self._why_skipped(column)
        if skipped is not None and exercise is not None:
            pytest.skip(skipped)  # whatever else stands in the claim's way
        if exercise is None or submission is None:
            return
        if submission.state != "started":
            item.stash[STATE] = submission.state
            pytest.fail(submission.problem, pytrace=False)
        state, problem = self._hindrance(exercise, submission)
        if state is not None:
            item.stash[STATE] = state
            pytest.fail(problem, pytrace=False)
        if column != "correct" and (exercise.id, submission.label) in self._wrong:
            item.stash[STATE] = "waiting"
            pytest.fail("waits until the answer is correct", pytrace=False)
        if column == "correct" and submission in self._claimed:
            self.desk.ahead(submission)

    def _why_skipped(self, column: str) -> str | None:
        """Why the whole run skips claims, so that nothing is got ready for them; None for a test of correctness."""
        return why_skipped(self._config) if column != "correct" else None

    def _hindrance(self, exercise: Exercise, submission: Submission) -> tuple[State | None, str]:
        """What keeps an answer from being called at all, and what to say of it."""
        try:
            self.desk.candidate(submission)
            self.desk.reference(exercise)
        except BuildError as error:
            return "not built", str(error)
        except EfficiencyError as error:
            return "refused", str(error)
        return None, ""

    def pytest_runtest_teardown(self, nextitem: pytest.Item | None) -> None:
        _, submission, column = self._items.get(nextitem.nodeid, (None, None, "")) if nextitem else (None, None, "")
        if submission is None or column == "correct" or submission.state != "started":
            return
        if self._why_skipped(column) is not None:
            return
        with contextlib.suppress(EfficiencyError):  # said when the next test is set up
            self.desk.ahead(submission)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        report = yield
        exercise, submission, column = self._items.get(item.nodeid, (None, None, ""))
        if exercise is None or (call.when != "call" and report.passed) or call.when == "teardown":
            return report
        if column == "correct" and report.failed and submission is not None:
            self._wrong.add((exercise.id, submission.label))
        entry = _entry(report, exercise, submission, column, self._planned[submission, column])
        if report.failed and entry["hint"] and submission not in self._hinted:
            self._hinted.add(submission)
            report.sections.append(("hint", entry["hint"]))
        report.efficiency_entry = entry
        return report

    def pytest_sessionfinish(self) -> None:
        if hasattr(self._config, "workeroutput"):  # a worker of pytest-xdist prints nothing itself
            self._config.workeroutput["efficiency_deselected"] = self._missing
        if self._desk is not None:
            self._desk.close()


def _correct_first(
    items: list[pytest.Item], known: dict[str, tuple[Exercise, Submission | None, str]]
) -> list[pytest.Item]:
    """Exercises in the order they were collected; within one, answer by answer, and correctness before claims."""
    exercises: dict[str, int] = {}
    answers: dict[tuple[str, str], int] = {}

    def place(item: pytest.Item) -> tuple[int, int, int]:
        exercise, submission, column = known[item.nodeid]
        label = submission.label if submission is not None else ""
        first = exercises.setdefault(exercise.id, len(exercises))
        return first, answers.setdefault((exercise.id, label), len(answers)), COLUMNS.index(column)

    ours = [item for item in items if item.nodeid in known]
    in_order = iter(sorted(ours, key=place))
    return [next(in_order) if item.nodeid in known else item for item in items]


def _entry(
    report: pytest.TestReport, exercise: Exercise, submission: Submission | None, column: str, planned: int
) -> Entry:
    file, line, _ = report.location
    verdicts: list[dict[str, Any]] = getattr(report, "efficiency_verdicts", [])
    state: State | None = getattr(report, "efficiency_state", None)
    if state is None:
        state = "expected" if hasattr(report, "wasxfail") else report.outcome
        state = "error" if report.failed and report.when != "call" else state
    hint = ""
    if report.failed and exercise.hints and state in ("failed", "error"):
        hint = f"{exercise.hints[0]} ({len(exercise.hints) - 1} more in {exercise.folder.name}/exercise.toml)"
    return {
        "id": report.nodeid,
        "exercise": exercise.id,
        "title": exercise.title,
        "submission": submission.label if submission is not None else "",
        "backend": submission.backend if submission is not None else "",
        "source": str(submission.source) if submission is not None and submission.source is not None else None,
        "column": column,
        "planned": planned,
        "points": dict(exercise.points),
        "state": state,
        "message": reason(report),
        "hint": hint,
        "verdicts": verdicts,
        "file": file,
        "line": (line or 0) + 1,
        "seconds": report.duration,
        "stdout": report.capstdout,
        "stderr": report.capstderr,
    }


def collect(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Called for ``exercise.toml`` and every .py beside one: makes the exercise known, or says what is wrong."""
    config = parent.config
    plugin = config.pluginmanager.get_plugin("efficiency-course")
    if plugin is None:
        plugin = CoursePlugin(config)
        config.pluginmanager.register(plugin, "efficiency-course")
    known = partial(plugin.exercise_at, file_path.parent)
    if file_path.name != DESCRIPTION:
        try:
            known()
        except CourseError:
            if not file_path.name.startswith("test_"):
                return None
        else:
            return None
    return _ExerciseDescription.from_parent(parent, path=file_path, known=known)


class _ExerciseDescription(pytest.File):
    """``exercise.toml`` itself: holds no test, and fails where the exercise cannot be graded."""

    def __init__(self, *, known: partial[Exercise], **rest: Any) -> None:
        super().__init__(**rest)
        self._known = known

    def collect(self) -> list[pytest.Item]:
        exercise = self._known()
        if not exercise.tests:
            msg = f"{exercise.id} has no tests: no test_*.py lies beside {self.path}"
            raise CourseError(msg)
        return []

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002  pytest's signature
        if isinstance(excinfo.value, EfficiencyError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)
