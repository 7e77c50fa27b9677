"""pytest's side of the claims: options, fixtures, and what becomes of a verdict. No measuring and no statistics here.

Only light modules are imported at the top: this file is loaded by every project that has the package installed.
What can be set is in `plugin_options`, the score and the summary in `plugin_report`. The course's side is in
`plugin_course`, registered when the first exercise is collected; pytest-benchmark's, where it is active, in
`plugin_benchmark`.
"""

from __future__ import annotations

import contextlib
import os
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from pytest_efficiency.errors import HeadroomWarning, PytestEfficiencyWarning
from pytest_efficiency.plugin_options import add_options, budget_of, check_options, unclear_choice, why_skipped
from pytest_efficiency.recorder import Recorder, current
from pytest_efficiency.result import Unclear, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from pytest_efficiency import assertions

CLAIMS = {"speedup": "speed", "scaling": "scaling", "gil": "gil", "memory": "memory"}
RECORDER = pytest.StashKey[Recorder]()
# What the terminal calls a test that neither passed nor failed in pytest's sense; see `pytest_report_teststatus`.
STATE = pytest.StashKey[str]()
SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    check_options(config)
    # Under pytest-xdist every worker draws the inputs that the controller's score names.
    given = getattr(config, "workerinput", {}).get("efficiency_seed", config.option.efficiency_seed)
    config.stash[SEED] = given if given is not None else int.from_bytes(os.urandom(4))
    if not hasattr(config, "workerinput"):  # results come together where pytest-xdist's workers report to
        from pytest_efficiency.plugin_report import Scorekeeper

        config.pluginmanager.register(Scorekeeper(config), "efficiency-scorekeeper")


def pytest_sessionstart(session: pytest.Session) -> None:
    """By now every plugin is configured: pytest-benchmark is there, or is not."""
    manager = session.config.pluginmanager
    benchmarks = manager.get_plugin("pytest-benchmark")
    if benchmarks is not None:
        from pytest_efficiency.plugin_benchmark import Benchmarks

        manager.register(Benchmarks(session.config, benchmarks), "efficiency-benchmarks")


def _skip_where_asked(config: pytest.Config) -> None:
    reason = why_skipped(config)
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture
def speedup(request: pytest.FixtureRequest) -> Callable[..., assertions.SpeedupClaim]:
    """Claim that a function is faster than a reference: assert speedup(fast, over=plain, args=(data,)) >= 20."""
    _skip_where_asked(request.config)
    from pytest_efficiency.assertions import speedup

    return speedup


@pytest.fixture
def scaling(request: pytest.FixtureRequest) -> Callable[..., assertions.ScalingClaim]:
    """Claim how time may grow with the size of the input: assert scaling(merge_sort, random_list) <= "n log n"."""
    _skip_where_asked(request.config)
    from pytest_efficiency.assertions import scaling

    return scaling


@pytest.fixture
def gil(request: pytest.FixtureRequest) -> Callable[..., assertions.GilClaim]:
    """Claim that other threads can run meanwhile: assert gil(count_primes, 200_000).released."""
    _skip_where_asked(request.config)
    from pytest_efficiency.assertions import gil

    return gil


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> Callable[..., assertions.MemoryClaim]:
    """Claim how much memory a call may take: assert memory(f, a, b).peak <= "1.5 outputs", or .leaked <= "0 B"."""
    _skip_where_asked(request.config)
    from pytest_efficiency.assertions import memory

    return memory


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    """An exercise is known by its ``exercise.toml``; its machinery loads when the first one is met.

    Of the Python files beside it only tests are pytest's to import, whatever asks for the others (doctests, a pattern
    of names, a path on the command line): they are the submission and the reference.
    """
    found = yield
    if file_path.suffix not in (".py", ".toml") or not (file_path.parent / "exercise.toml").is_file():
        return found
    from pytest_efficiency.plugin_course import collect

    ours = collect(file_path, parent)
    mine = file_path.suffix == ".py" and not file_path.name.startswith("test_")
    return [*([] if mine else found), *([ours] if ours is not None else [])]


# pytest types its outcome exceptions as attributes of functions, which no type checker can follow.
class UnclearSkip(Unclear, pytest.skip.Exception):  # type: ignore[name-defined,misc]
    """An undecided claim in a form that every runner lets through: unittest, subtests and hypothesis know skips."""

    # As what it is named where an exception is written out.
    __module__ = "builtins"
    __qualname__ = "Unclear"

    def __init__(self, verdict: Verdict) -> None:
        Unclear.__init__(self, verdict)
        pytest.skip.Exception.__init__(self, verdict.message)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """A fixture may claim as well; and a test that is run again begins anew."""
    if STATE in item.stash:
        del item.stash[STATE]
    budget, problem = None, ""
    try:
        budget = budget_of(item)
    except ValueError as error:
        problem = str(error)
    item.stash[RECORDER] = Recorder(
        unclear=UnclearSkip,
        budget=budget,
        graded=bool(item.config.option.submission),
        stating=lambda: _skip_where_asked(item.config),
    )
    with _recording(item):
        answer = yield
    if problem:  # only now: what others have not set up they could not tear down
        pytest.fail(problem, pytrace=False)
    return answer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    recorder = item.stash[RECORDER]
    with _recording(item):
        answer = yield
    for line in recorder.unused():
        if in_exercise(item):
            pytest.fail(line, pytrace=False)
        if not _warned(item, line):
            pytest.fail(f"PytestEfficiencyWarning: {line}", pytrace=False)
    _warn_of_little_headroom(item, recorder)
    return answer


@contextlib.contextmanager
def _recording(item: pytest.Item) -> Iterator[None]:
    recorder = item.stash[RECORDER]
    token = current.set(recorder)
    try:
        yield
    except pytest.skip.Exception:
        raise
    except Unclear as unclear:  # from a thread, where no recorder was
        recorder.reach(unclear.verdict)
        raise UnclearSkip(unclear.verdict) from None
    except Exception as error:
        _hide_our_frames(error)
        if isinstance(error, AssertionError):
            _say_verdict(error, recorder)
        raise
    finally:
        current.reset(token)


def _warned(item: pytest.Item, line: str) -> bool:
    """Whether a warning stayed one; with ``-W error`` it does not."""
    try:
        item.warn(PytestEfficiencyWarning(line))
    except PytestEfficiencyWarning:
        return False
    return True


def _warn_of_little_headroom(item: pytest.Item, recorder: Recorder) -> None:
    """A pass near its bound is worth a word. Headroom is a matter of luck there, so no filter can make it an error."""
    for verdict in recorder.passed_by_little():
        warning = HeadroomWarning(
            f"{verdict.claim} passed, but with {verdict.headroom:.2f} times the claim only: another machine may say "
            "otherwise"
        )
        try:
            item.warn(warning)
        except HeadroomWarning:
            with warnings.catch_warnings():
                warnings.simplefilter("always", HeadroomWarning)
                item.warn(warning)


def in_exercise(item: pytest.Item) -> bool:
    """Whether a test belongs to an exercise: the course's plugin has said so when it was collected."""
    course = item.config.pluginmanager.get_plugin("efficiency-course")
    return course is not None and course.owns(item)


def _became_unclear(item: pytest.Item, report: pytest.TestReport, message: str) -> None:
    """What was asked for: the marker, the command line and the ini file know, and the kind of test."""
    choice = unclear_choice(item, "fail" if in_exercise(item) else "skip")
    item.stash[STATE] = "unclear"
    if choice == "fail":
        report.outcome, report.longrepr = "failed", f"not measured: {message}"
    elif choice == "pass":
        report.outcome, report.longrepr = "passed", None


def _hide_our_frames(error: BaseException) -> None:
    """A traceback ends at the line of the test that made the claim; ``--full-trace`` shows the rest."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__")).startswith("pytest_efficiency."):
            frame.f_globals["__tracebackhide__"] = True


def _say_verdict(error: AssertionError, recorder: Recorder) -> None:
    """``--assert=plain`` raises without a word: the verdict's line becomes a note of the exception."""
    failed = [verdict for verdict in recorder.verdicts if verdict.outcome == "failed"]
    if failed and failed[-1].message not in str(error):
        error.add_note(failed[-1].message)


def pytest_assertrepr_compare(left: object, right: object) -> list[str] | None:
    """The one-line message in place of the two sides of the comparison."""
    for side in (left, right):
        verdict = getattr(side, "verdict_for_pytest", None)
        if isinstance(verdict, Verdict):
            return [verdict.message]
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    recorder = item.stash.get(RECORDER, None)
    if recorder is None or call.when == "teardown":
        return report
    last = recorder.verdicts[-1] if recorder.verdicts else None
    if report.skipped and not hasattr(report, "wasxfail") and last is not None and last.outcome == "unclear":
        _became_unclear(item, report, last.message)
    state = item.stash.get(STATE, None)
    if state is not None:
        report.efficiency_state = state
    # Of a setup that did not pass there will be no other report.
    if (call.when == "call" or not report.passed) and (recorder.claims or recorder.verdicts):
        report.efficiency_verdicts = [verdict.as_json() for verdict in recorder.verdicts]
    if not report.passed and recorder.verdicts:
        lines = [line for verdict in recorder.verdicts for line in (verdict.message, *verdict.details)]
        report.sections.append(("efficiency", "\n".join(lines)))
    return report


_LETTERS = {
    "unclear": "U",
    "not started": "n",
    "not built": "B",
    "refused": "R",
    "waiting": "w",
}


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """A letter and a word of their own, so that "could not tell" never looks like "too slow"."""
    state = getattr(report, "efficiency_state", None)
    if state not in _LETTERS:
        return None
    colour = "red" if state in ("not built", "refused") else "yellow"
    return state, _LETTERS[state], (state.upper(), {colour: True})
