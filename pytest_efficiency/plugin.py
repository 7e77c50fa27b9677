"""pytest's side of the claims: options, fixtures, and what becomes of a verdict. No measuring and no statistics here.

Only light modules are imported at the top: this file is loaded by every project that has the package installed.
The course's side is in `plugin_course`, registered when the first exercise is collected; the score in `plugin_report`.
"""

from __future__ import annotations

import contextlib
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_efficiency.errors import PytestEfficiencyWarning
from pytest_efficiency.recorder import Recorder, current
from pytest_efficiency.result import Unclear, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from pytest_efficiency import assertions

CLAIMS = {"speedup": "speed", "scaling": "scaling", "gil": "gil", "memory": "memory"}
RECORDER = pytest.StashKey[Recorder]()
# What the terminal calls a test that neither passed nor failed in pytest's sense; see `pytest_report_teststatus`.
STATE = pytest.StashKey[str]()
SEED = pytest.StashKey[int]()
UNCLEAR_CHOICES = ("skip", "fail", "pass")
_BACKENDS = ("numpy", "ctypes", "cffi", "numba", "cython", "pybind11", "cppyy", "all")
_WALLS = ("process",)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("efficiency", "performance claims and exercises (pytest-efficiency)")
    group.addoption(
        "--efficiency-unclear",
        choices=UNCLEAR_CHOICES,
        default=None,
        help="what becomes of a claim that could not be decided on this machine: skip (letter U, the default), fail "
        "(the default in exercises) or pass",
    )
    group.addoption(
        "--efficiency-json",
        metavar="FILE",
        default=None,
        help="write every result to FILE as pytest-efficiency/result/1, anew after every test",
    )
    group.addoption(
        "--efficiency-subject",
        choices=("worker", "here"),
        default="worker",
        help="where an exercise's code runs: in workers of its own (default), or in this process for a debugger, "
        "ungraded",
    )
    group.addoption(
        "--efficiency-wall",
        choices=_WALLS,
        default=None,
        help="the wall around workers; the best there is by default",
    )
    group.addoption(
        "--efficiency-seed",
        metavar="N",
        type=int,
        default=None,
        help="seed of the exercises' inputs, to replay a grade; drawn at random and printed by default",
    )
    group.addoption(
        "--solution",
        choices=_BACKENDS,
        default=None,
        metavar="BACKEND",
        help=f"run the exercises against the reference solutions of one backend: {', '.join(_BACKENDS)}",
    )
    group.addoption(
        "--submission",
        metavar="DIR",
        default=None,
        help="grade the files in DIR (DIR/<exercise id>/NAME.py, or DIR/NAME.py) instead of those beside the tests",
    )
    parser.addini(
        "efficiency_unclear",
        "what becomes of an undecided claim: skip, fail or pass (--efficiency-unclear)",
        default="",
    )
    parser.addini(
        "efficiency_solutions",
        "the folder of the reference solutions; 'solutions' beside the course by default",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "efficiency(budget=SECONDS, unclear='skip'|'fail'|'pass'): how long the claims of this test may measure, and "
        "what becomes of one that stays undecided.",
    )
    _check_options(config)
    # Under pytest-xdist every worker draws the inputs that the controller's score names.
    given = getattr(config, "workerinput", {}).get("efficiency_seed", config.option.efficiency_seed)
    config.stash[SEED] = given if given is not None else int.from_bytes(os.urandom(4))
    if not hasattr(config, "workerinput"):  # results come together where pytest-xdist's workers report to
        from pytest_efficiency.plugin_report import Scorekeeper

        config.pluginmanager.register(Scorekeeper(config), "efficiency-scorekeeper")


def _check_options(config: pytest.Config) -> None:
    option = config.option
    asked = config.getini("efficiency_unclear")
    if asked and asked not in UNCLEAR_CHOICES:
        msg = f"efficiency_unclear = {asked}: choose one of {', '.join(UNCLEAR_CHOICES)}"
        raise pytest.UsageError(msg)
    if option.solution and option.submission:
        msg = "--solution and --submission exclude each other: one grades our solutions, the other somebody's files"
        raise pytest.UsageError(msg)
    if option.submission and not Path(option.submission).is_dir():
        msg = f"--submission {option.submission}: there is no such folder; name the one that holds the learner's files"
        raise pytest.UsageError(msg)
    if option.efficiency_subject == "here":
        for name in ("submission", "efficiency_wall", "efficiency_json"):
            if getattr(option, name):
                msg = (
                    f"--efficiency-subject=here is for debugging and gives no grade; leave it out together with "
                    f"--{name.replace('_', '-')}"
                )
                raise pytest.UsageError(msg)


@pytest.fixture
def speedup() -> Callable[..., assertions.SpeedupClaim]:
    """Claim that a function is faster than a reference: assert speedup(fast, over=plain, args=(data,)) >= 20."""
    from pytest_efficiency.assertions import speedup

    return speedup


@pytest.fixture
def scaling() -> Callable[..., assertions.ScalingClaim]:
    """Claim how time may grow with the size of the input: assert scaling(merge_sort, random_list) <= "n log n"."""
    from pytest_efficiency.assertions import scaling

    return scaling


@pytest.fixture
def gil() -> Callable[..., assertions.GilClaim]:
    """Claim that other threads can run meanwhile: assert gil(count_primes, 200_000).released."""
    from pytest_efficiency.assertions import gil

    return gil


@pytest.fixture
def memory() -> Callable[..., assertions.MemoryClaim]:
    """Claim how much memory a call may take: assert memory(f, a, b).peak <= "1.5 outputs", or .leaked <= "0 B"."""
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
    marker = item.get_closest_marker("efficiency")
    said = _marker_arguments(marker) if marker is not None else {}
    item.stash[RECORDER] = Recorder(unclear=UnclearSkip, budget=said.get("budget"))
    with _recording(item):
        return (yield)


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


def _marker_arguments(marker: pytest.Mark) -> dict[str, Any]:
    unknown = sorted(set(marker.kwargs) - {"budget", "unclear"})
    if marker.args or unknown:
        found = unknown[0] if unknown else repr(marker.args[0])
        msg = f"@pytest.mark.efficiency takes budget= and unclear=, found {found}"
        raise pytest.UsageError(msg)
    if marker.kwargs.get("unclear", "skip") not in UNCLEAR_CHOICES:
        msg = (
            f"@pytest.mark.efficiency(unclear={marker.kwargs['unclear']!r}): choose one of {', '.join(UNCLEAR_CHOICES)}"
        )
        raise pytest.UsageError(msg)
    return dict(marker.kwargs)


def in_exercise(item: pytest.Item) -> bool:
    """Whether a test belongs to an exercise: the course's plugin has said so when it was collected."""
    course = item.config.pluginmanager.get_plugin("efficiency-course")
    return course is not None and course.owns(item)


def _became_unclear(item: pytest.Item, report: pytest.TestReport, message: str) -> None:
    """Skip, fail or pass: what was asked for, in this order by marker, command line, ini file and kind of test."""
    config = item.config
    marker = item.get_closest_marker("efficiency")
    marked = marker.kwargs.get("unclear") if marker is not None else None
    usual = "fail" if in_exercise(item) else "skip"
    choice = marked or config.option.efficiency_unclear or config.getini("efficiency_unclear") or usual
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
    if call.when == "call" and (recorder.claims or recorder.verdicts):
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
