"""What a user can set: command line, ini file and marker. What is wrong is said together with what would be right."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNCLEAR = ("skip", "fail", "pass")
_BACKENDS = ("numpy", "ctypes", "cffi", "numba", "cython", "pybind11", "cppyy", "all")
_WALLS = ("process",)
_MARKER = (
    "efficiency(budget=SECONDS, unclear='skip'|'fail'|'pass'): for how long each claim of this test may measure, and "
    "what becomes of one that stays undecided."
)


def add_options(parser: pytest.Parser) -> None:
    """Declare the options and settings of ``pytest --help``: claims first, then exercises."""
    group = parser.getgroup("efficiency", "performance claims and exercises (pytest-efficiency)")
    group.addoption(
        "--efficiency-unclear",
        choices=_UNCLEAR,
        default=None,
        help="what becomes of a claim that could not be decided on this machine: skip (letter U, the default), fail "
        "(the default in exercises) or pass",
    )
    group.addoption(
        "--efficiency-explain",
        action="store_true",
        default=False,
        help="show every claim at the end, passed ones too: what was measured, how surely, with which clock, in how "
        "many rounds and seconds, and how far from the claim",
    )
    group.addoption(
        "--efficiency-skip",
        action="store_true",
        default=False,
        help="measure nothing: skip each test that makes a claim, and run all others",
    )
    group.addoption(
        "--efficiency-budget",
        metavar="SECONDS",
        type=_seconds,
        default=None,
        help="for how long the rounds of a speedup (2 s by default) or of a growth claim (3 s) may go on; a budget of "
        "the claim's or the marker's own wins",
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
        help="the wall around an exercise's workers; the best there is by default",
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
        "efficiency_skip", "skip each test that makes a claim (--efficiency-skip)", type="bool", default=False
    )
    parser.addini(
        "efficiency_budget",
        "for how many seconds the rounds of a claim may go on (--efficiency-budget)",
        default="",
    )
    parser.addini(
        "efficiency_solutions",
        "the folder of the reference solutions; 'solutions' beside the course by default",
        default="",
    )


def check_options(config: pytest.Config) -> None:
    """Declare the marker; refuse what cannot be or cannot be together.

    Raises:
        pytest.UsageError: says which, and what to do.
    """
    config.addinivalue_line("markers", _MARKER)
    option = config.option
    asked = config.getini("efficiency_unclear")
    if asked and asked not in _UNCLEAR:
        msg = f"efficiency_unclear = {asked}: choose one of {', '.join(_UNCLEAR)}"
        raise pytest.UsageError(msg)
    try:
        _seconds(config.getini("efficiency_budget") or "1")
    except argparse.ArgumentTypeError as error:
        msg = f"efficiency_budget = {error}"
        raise pytest.UsageError(msg) from None
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


def marker_arguments(item: pytest.Item) -> dict[str, Any]:
    """What the markers of a test, its class and its module say; the nearest one that says a thing wins.

    Raises:
        ValueError: an argument that the marker does not have, or a value that cannot be.
    """
    said: dict[str, Any] = {}
    for marker in item.iter_markers("efficiency"):
        unknown: Sequence[object] = [*map(repr, marker.args), *sorted(set(marker.kwargs) - {"budget", "unclear"})]
        if unknown:
            msg = f"@pytest.mark.efficiency takes budget= and unclear=, found {unknown[0]}"
            raise ValueError(msg)
        said = {**marker.kwargs, **said}
    if said.get("unclear", "skip") not in _UNCLEAR:
        msg = f"@pytest.mark.efficiency(unclear={said['unclear']!r}): choose one of {', '.join(_UNCLEAR)}"
        raise ValueError(msg)
    budget = said.get("budget", 1)
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget < math.inf:
        msg = f"@pytest.mark.efficiency(budget={budget!r}): give a number of seconds above zero, e.g. budget=0.5"
        raise ValueError(msg)
    return said


def budget_of(item: pytest.Item) -> float | None:
    """The seconds of claims that have no budget of their own: by marker, command line and ini file, in this order."""
    config = item.config
    asked = marker_arguments(item).get("budget") or config.option.efficiency_budget
    asked = asked or config.getini("efficiency_budget")
    return float(asked) if asked else None


def unclear_choice(item: pytest.Item, usual: str) -> str:
    """Skip, fail or pass: by marker, command line, ini file and kind of test, in this order."""
    config = item.config
    marked = marker_arguments(item).get("unclear")
    return str(marked or config.option.efficiency_unclear or config.getini("efficiency_unclear") or usual)


def why_skipped(config: pytest.Config) -> str | None:
    """Why claims are not to be measured in this run, or None."""
    if config.option.efficiency_skip:
        return "claims are skipped (--efficiency-skip)"
    if config.getini("efficiency_skip"):
        return "claims are skipped (efficiency_skip in the ini file)"
    if getattr(config.pluginmanager.get_plugin("pytest-benchmark"), "skip", False):
        return "claims are skipped as benchmarks are (--benchmark-skip)"
    return None


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        msg = f"{text!r} is no number of seconds above zero; write e.g. 0.5"
        raise argparse.ArgumentTypeError(msg)
    return value
