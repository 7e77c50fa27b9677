"""The plugin among pytest's options and other plugins: one test each."""

from __future__ import annotations

import sys

import pytest

CLAIMS = """
import pytest

def slow():
    total = 0
    for i in range(2000):
        total += i
    return total

def fast():
    return 1999000

def test_true(speedup):
    assert speedup(fast, over=slow) >= 20

def test_false(speedup):
    assert speedup(slow, over=fast) >= 20
"""


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["-n", "2"], id="xdist"),
        pytest.param(["--cov=."], id="cov"),
        pytest.param(["-p", "no:benchmark"], id="without-benchmark"),
        pytest.param(["-p", "no:cacheprovider"], id="without-cache"),
        pytest.param(["--assert=plain"], id="assert-plain"),
        pytest.param(["-s"], id="no-capture"),
        pytest.param(["--import-mode=importlib"], id="importlib"),
        pytest.param(["-W", "error"], id="warnings-are-errors"),
    ],
)
def test_verdicts_are_the_same_with(pytester: pytest.Pytester, options: list[str]) -> None:
    """The true claim passes, the false one fails, and its line can be read."""
    pytester.makepyfile(CLAIMS)
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*speedup(slow, over=fast) >= 20: failed*"])


def test_pdb_stops_at_the_failed_claim(pytester: pytest.Pytester) -> None:
    """--pdb opens on the failed assertion and nowhere else."""
    pytester.makepyfile(CLAIMS)
    result = pytester.run(sys.executable, "-m", "pytest", "--pdb", stdin=b"continue\n")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*entering PDB*"])


def test_exitfirst_stops_after_the_first_false_claim(pytester: pytest.Pytester) -> None:
    """-x: what comes after is not measured."""
    pytester.makepyfile(CLAIMS + "\ndef test_later(speedup):\n    assert speedup(fast, over=slow) >= 20\n")
    pytester.runpytest("-x").assert_outcomes(passed=1, failed=1)


def test_selection_by_keyword(pytester: pytest.Pytester) -> None:
    """-k: only what is asked for."""
    pytester.makepyfile(CLAIMS)
    pytester.runpytest("-k", "true").assert_outcomes(passed=1, deselected=1)


def test_a_strict_xfail_around_claims(pytester: pytest.Pytester) -> None:
    """A false claim is expected to fail; a true one then fails the test."""
    marked = CLAIMS.replace("def test_", "@pytest.mark.xfail(strict=True)\ndef test_")
    pytester.makepyfile(marked)
    pytester.runpytest().assert_outcomes(xfailed=1, failed=1)


def test_without_autoloading(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 and -p pytest_efficiency.plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(CLAIMS)
    result = pytester.runpytest_subprocess("-p", "pytest_efficiency.plugin")
    result.assert_outcomes(passed=1, failed=1)


def test_under_hypothesis(pytester: pytest.Pytester) -> None:
    """The imported names work inside @given, where function-scoped fixtures are frowned upon."""
    pytester.makepyfile(
        """
from hypothesis import given, settings, strategies as st
from pytest_efficiency import speedup

@settings(max_examples=3, deadline=None)
@given(st.integers(2000, 4000))
def test_true(n):
    assert speedup(lambda: n, over=lambda: sum(1 for i in range(n))) >= 20
"""
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_outside_pytest(pytester: pytest.Pytester) -> None:
    """In a script a comparison is a verdict with a truth value and a line."""
    script = pytester.makepyfile(
        script="""
from pytest_efficiency import speedup, Verdict

verdict = speedup(lambda: 2000, over=lambda: sum(1 for i in range(2000))) >= 20
assert isinstance(verdict, Verdict) and verdict
print(verdict)
"""
    )
    result = pytester.run(sys.executable, str(script))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["speedup(* >= 20: passed*"])


def test_help_fixtures_and_markers_read_well(pytester: pytest.Pytester) -> None:
    """Every option, fixture and marker has a sentence."""
    text = pytester.runpytest("--help").stdout.str()
    for option in ("--efficiency-unclear", "--efficiency-json", "--solution", "--submission", "--efficiency-wall"):
        assert option in text
    fixtures = pytester.runpytest("--fixtures").stdout.str()
    for name in ("speedup", "scaling", "gil", "memory"):
        assert f"\n{name} -- " in fixtures
    assert "no docstring available" not in fixtures.partition("pytest_efficiency")[2].partition("fixtures defined")[0]
    pytester.runpytest("--markers").stdout.fnmatch_lines(["@pytest.mark.efficiency(budget=SECONDS*"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--solution=fortran"], "*invalid choice: 'fortran'*numpy*cppyy*all*"),
        (["--submission=nowhere"], "*--submission nowhere: there is no such folder*"),
        (["--solution=numba", "--submission=."], "*exclude each other*"),
        (["--efficiency-subject=here", "--submission=."], "*for debugging and gives no grade*--submission*"),
        (["--efficiency-subject=here", "--efficiency-json=r.json"], "*no grade*--efficiency-json*"),
        (["--efficiency-subject=here", "--efficiency-wall=process"], "*no grade*--efficiency-wall*"),
        (["--efficiency-unclear=maybe"], "*invalid choice: 'maybe'*skip*fail*pass*"),
    ],
)
def test_wrong_options_are_usage_errors(pytester: pytest.Pytester, options: list[str], said: str) -> None:
    """One line that says what was asked and what is allowed; nothing is run."""
    result = pytester.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])
