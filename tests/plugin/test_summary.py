"""What a run says of its claims at the end: the total, every claim where asked, and a warning of little headroom."""

from __future__ import annotations

import pytest

# What a measurement of that outcome would leave behind, without its time.
CLAIMS = """
import pytest
from pytest_efficiency import Verdict
from pytest_efficiency.recorder import current

def claim(outcome="passed", kind="speedup", headroom=2.5, said="speedup(f, over=g) >= 2", value=5.0, seconds=0.25):
    verdict = Verdict(
        kind, outcome, said, f"{said}: {outcome}", value=value, interval=(4.1, 6.2), bound=2.0, unit="x",
        clock="CPU time", rounds=7, seconds=seconds, headroom=headroom,
    )
    recorder = current.get()
    recorder.asked.add(len(recorder.verdicts))
    recorder.reach(verdict)
    if outcome == "unclear":
        raise recorder.unclear(verdict)
    return outcome == "passed"

"""
MIXED = """
def test_passes():
    assert claim()

def test_claims_twice():
    assert claim(said="speedup(h, over=g) >= 2") and claim(seconds=1.5)

def test_fails():
    assert claim("failed", headroom=0.4)

def test_is_unclear():
    assert claim("unclear")

def test_claims_nothing():
    pass
"""


@pytest.mark.parametrize("options", [[], ["-n", "2"], ["-v"], ["-p", "no:benchmark"]])
def test_the_total_is_one_line(pytester: pytest.Pytester, options: list[str]) -> None:
    """How many claims there were, how each ended, and what they took together."""
    pytester.makepyfile(CLAIMS + MIXED)
    result = pytester.runpytest(*options)
    result.stdout.fnmatch_lines(["5 claims: 3 passed, 1 failed, 1 unclear in 2.50 s"])
    result.stdout.no_fnmatch_line("*test_passes: speedup*")


def test_one_claim_is_no_plural(pytester: pytest.Pytester) -> None:
    """The line is read by people."""
    pytester.makepyfile(CLAIMS + "def test_passes():\n    assert claim()\n")
    pytester.runpytest().stdout.fnmatch_lines(["1 claim: 1 passed in 0.250 s"])


@pytest.mark.parametrize("options", [["-q"], ["-qq"]])
def test_quiet_says_nothing_of_claims(pytester: pytest.Pytester, options: list[str]) -> None:
    """Who asked for less gets less."""
    pytester.makepyfile(CLAIMS + "def test_passes():\n    assert claim()\n")
    pytester.runpytest(*options).stdout.no_fnmatch_line("*claim*")


def test_without_claims_nothing_is_said(pytester: pytest.Pytester) -> None:
    """A project that has the plugin and makes no claim sees nothing of it."""
    pytester.makepyfile("def test_plain():\n    pass\n")
    pytester.runpytest("--efficiency-explain").stdout.no_fnmatch_line("*[0-9]* claim*")


@pytest.mark.parametrize("options", [[], ["-n", "2"], ["-q"]])
def test_explain_has_a_line_for_every_claim(pytester: pytest.Pytester, options: list[str]) -> None:
    """Passed ones too, with value, interval, headroom, clock, rounds and seconds."""
    pytester.makepyfile(CLAIMS + MIXED)
    result = pytester.runpytest("--efficiency-explain", *options)
    lines = result.stdout.lines
    start = next(number for number, line in enumerate(lines) if "= claims =" in line)
    table = [" ".join(line.split()) for line in lines[start:]]
    assert "outcome value interval headroom clock rounds seconds claim" in table
    assert "passed 5x 4.1..6.2x 2.5x CPU 7 0.250 test_passes: speedup(f, over=g) >= 2" in table
    assert "passed 5x 4.1..6.2x 2.5x CPU 7 0.250 test_claims_twice: speedup(h, over=g) >= 2" in table
    assert "passed 5x 4.1..6.2x 2.5x CPU 7 1.50 test_claims_twice: speedup(f, over=g) >= 2" in table
    assert "failed 5x 4.1..6.2x 0.4x CPU 7 0.250 test_fails: speedup(f, over=g) >= 2" in table
    assert "unclear 5x 4.1..6.2x 2.5x CPU 7 0.250 test_is_unclear: speedup(f, over=g) >= 2" in table
    assert "5 claims: 3 passed, 1 failed, 1 unclear in 2.50 s" in table


def test_a_real_claim_of_each_kind_is_explained(pytester: pytest.Pytester) -> None:
    """Every kind has its figures, and headroom where there is such a thing."""
    pytester.makepyfile(
        """
import time

def test_speedup(speedup):
    assert speedup(lambda: 1, over=lambda: sum(range(2000)) // 1999000) >= 2

def test_scaling(scaling):
    assert scaling(sum, lambda n: (range(n),)) <= "n^2"

def test_gil(gil):
    assert gil(time.sleep, 0.001).released

def test_memory(memory):
    assert memory(bytes.upper, b"x" * 8_000_000).peak <= "2 outputs"
"""
    )
    result = pytester.runpytest("--efficiency-explain")
    result.assert_outcomes(passed=4)
    result.stdout.re_match_lines(
        [
            r"passed +[\d.]+x  [\d.]+\.\.[\d.]+x +[\d.]+x  (CPU|wall) +\d+ +[\d.]+  test_speedup: speedup\(",
            r"passed +n\^[01]\.\d\d  n\^[-\d.]+\.\.[\d.]+ +[\d.]+x  CPU +\d+ +[\d.]+  test_scaling: scaling\(sum\) <= ",
            r"passed +\d+%  \d+\.\.\d+% +-  ticks +\d+ +[\d.]+  test_gil: gil\(sleep\)\.released",
            r"passed +\d\.?\d* MB  [\d.]+\.\.[\d.]+ MB +[12][\d.]*x  RSS +\d +[\d.]+  test_memory: memory\(",
        ]
    )


def test_a_claim_of_a_fixture_counts(pytester: pytest.Pytester) -> None:
    """Whether its setup passes or ends there; a failing setup is an error in the result file."""
    pytester.makepyfile(
        CLAIMS
        + """
@pytest.fixture
def checked(request):
    assert claim(request.param)

@pytest.mark.parametrize("checked", ["passed", "failed", "unclear"], indirect=True)
def test_after(checked):
    pass
"""
    )
    result = pytester.runpytest("--efficiency-json=r.json")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["3 claims: 1 passed, 1 failed, 1 unclear in 0.750 s"])
    text = (pytester.path / "r.json").read_text()
    assert [state in text for state in ('"state": "error"', '"state": "unclear"', '"state": "passed"')] == [True] * 3


@pytest.mark.parametrize("options", [[], ["-n", "2"], ["-W", "error"], ["-W", "error::UserWarning"]])
def test_little_headroom_is_a_warning_and_never_red(pytester: pytest.Pytester, options: list[str]) -> None:
    """A pass near its bound is said in pytest's warnings, whatever the filters make of other warnings."""
    pytester.makepyfile(CLAIMS + "def test_barely():\n    assert claim(headroom=1.1)\n")
    result = pytester.runpytest(*options)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*HeadroomWarning: speedup(f, over=g) >= 2 passed, but with 1.10 times the claim only*"]
    )


@pytest.mark.parametrize("made", ["headroom=1.3", "'failed', headroom=0.9", "kind='memory', headroom=1.1"])
def test_only_a_speedup_that_passed_by_little_is_warned_of(pytester: pytest.Pytester, made: str) -> None:
    """Enough headroom, a failure, and a count of bytes are none."""
    pytester.makepyfile(CLAIMS + f"def test_it():\n    claim({made})\n")
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(passed=1, warnings=0)


def test_a_test_that_fails_otherwise_is_not_warned_of(pytester: pytest.Pytester) -> None:
    """Its claim may have passed, but there are other things to look at."""
    pytester.makepyfile(CLAIMS + "def test_it():\n    assert claim(headroom=1.1)\n    assert False\n")
    pytester.runpytest().assert_outcomes(failed=1, warnings=0)


@pytest.mark.parametrize("how", ["option", "mark", "ini"])
def test_the_warning_can_be_silenced(pytester: pytest.Pytester, how: str) -> None:
    """By pytest's own means."""
    ignore = "ignore::pytest_efficiency.HeadroomWarning"
    mark = f"@pytest.mark.filterwarnings('{ignore}')\n" if how == "mark" else ""
    pytester.makepyfile(CLAIMS + mark + "def test_barely():\n    assert claim(headroom=1.1)\n")
    if how == "ini":
        pytester.makeini(f"[pytest]\nfilterwarnings =\n    error\n    {ignore}\n")
    result = pytester.runpytest(*(["-W", ignore] if how == "option" else []))
    result.assert_outcomes(passed=1, warnings=0)


def test_a_claim_made_often_is_warned_of_once(pytester: pytest.Pytester) -> None:
    """Under Hypothesis one claim is made a hundred times: the least headroom is said."""
    pytester.makepyfile(CLAIMS + "def test_it():\n    assert all(claim(headroom=h) for h in (1.2, 1.1, 1.24, 3.0))\n")
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*with 1.10 times the claim only*"])
