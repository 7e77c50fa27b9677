"""What becomes of a claim inside pytest: passed, failed, unclear, and claims that check nothing."""

from __future__ import annotations

import pytest

FUNCTIONS = """
import pytest

def slow():
    total = 0
    for i in range(2000):
        total += i
    return total

def fast():
    return 1999000
"""

# A verdict is unclear where the clock sees nothing: what a meter would say of such a machine is said here by hand.
UNCLEAR = """
from pytest_efficiency import Verdict
from pytest_efficiency.recorder import current

def undecided():
    verdict = Verdict("speedup", "unclear", "speedup(f, over=g) >= 2", "speedup(f, over=g) >= 2: unclear, too noisy")
    current.get().reach(verdict)
    raise current.get().unclear(verdict)
"""


def test_a_true_claim_passes_and_a_false_one_fails(pytester: pytest.Pytester) -> None:
    """Both ways: 20 times as fast, and not."""
    pytester.makepyfile(
        FUNCTIONS
        + """
def test_true(speedup):
    assert speedup(fast, over=slow) >= 20

def test_false(speedup):
    assert speedup(slow, over=fast) >= 20
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines([r"E +assert speedup\(slow, over=fast\) >= 20.*"])


def test_a_failed_claim_says_the_rest_in_a_section(pytester: pytest.Pytester) -> None:
    """The one line is in the assertion, the evidence in a section of its own."""
    pytester.makepyfile(FUNCTIONS + "def test_false(speedup):\n    assert speedup(slow, over=fast) >= 20\n")
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(["*- efficiency -*"])
    result.stdout.fnmatch_lines(["*rounds*"])


def test_the_imported_names_do_the_same_as_the_fixtures(pytester: pytest.Pytester) -> None:
    """from pytest_efficiency import speedup, in a test without the fixture."""
    pytester.makepyfile(
        FUNCTIONS
        + """
from pytest_efficiency import speedup

def test_true():
    assert speedup(fast, over=slow) >= 20

def test_false():
    assert speedup(slow, over=fast) >= 20
"""
    )
    pytester.runpytest().assert_outcomes(passed=1, failed=1)


def test_a_claim_never_compared_is_a_warning(pytester: pytest.Pytester) -> None:
    """speedup(...) alone checks nothing."""
    pytester.makepyfile(FUNCTIONS + "def test_idle(speedup):\n    speedup(fast, over=slow)\n")
    result = pytester.runpytest("-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*PytestEfficiencyWarning: *was never compared*"])


def test_a_comparison_that_nobody_looks_at_is_a_warning(pytester: pytest.Pytester) -> None:
    """The assert was forgotten."""
    pytester.makepyfile(FUNCTIONS + "def test_idle(speedup):\n    speedup(fast, over=slow) >= 20\n")
    result = pytester.runpytest("-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*PytestEfficiencyWarning: *write 'assert' before it*"])


def test_the_warning_turned_into_an_error_says_the_same(pytester: pytest.Pytester) -> None:
    """-W error: the test fails with the warning's own line."""
    pytester.makepyfile(FUNCTIONS + "def test_idle(speedup):\n    speedup(fast, over=slow)\n")
    result = pytester.runpytest("-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["PytestEfficiencyWarning: *was never compared*"])


def test_a_claim_that_is_asserted_warns_of_nothing(pytester: pytest.Pytester) -> None:
    """The two warnings above are not always there."""
    pytester.makepyfile(FUNCTIONS + "def test_true(speedup):\n    ok = speedup(fast, over=slow) >= 20\n    assert ok\n")
    pytester.runpytest("-W", "error").assert_outcomes(passed=1, warnings=0)


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ([], 0),
        (["--efficiency-unclear=skip"], 0),
        (["--efficiency-unclear=fail"], 1),
        (["--efficiency-unclear=pass"], 0),
        (["-o", "efficiency_unclear=fail"], 1),
    ],
)
def test_an_unclear_claim_has_a_letter_of_its_own(pytester: pytest.Pytester, how: list[str], status: int) -> None:
    """Neither a pass nor a failure; whether it ends the run with 1 is the user's choice."""
    pytester.makepyfile(UNCLEAR + "def test_noisy():\n    assert undecided()\n\ndef test_fine():\n    pass\n")
    result = pytester.runpytest(*how)
    assert result.ret == status
    result.stdout.fnmatch_lines(["*.py U.*"])
    result.stdout.fnmatch_lines(["*1 passed, 1 unclear*"])
    result.stdout.fnmatch_lines(["unclear: *::test_noisy: *speedup(f, over=g) >= 2: unclear, too noisy"])


def test_unclear_is_not_turned_into_an_answer_by_not(pytester: pytest.Pytester) -> None:
    """`assert not (...)` of an undecided claim stays undecided."""
    pytester.makepyfile(UNCLEAR + "def test_noisy():\n    assert not undecided()\n")
    pytester.runpytest().stdout.fnmatch_lines(["*1 unclear*"])


def test_the_marker_sets_what_becomes_of_unclear(pytester: pytest.Pytester) -> None:
    """One test may be stricter than its session."""
    pytester.makepyfile(
        UNCLEAR
        + """
import pytest

@pytest.mark.efficiency(unclear="fail")
def test_noisy():
    assert undecided()
"""
    )
    assert pytester.runpytest().ret == 1


@pytest.mark.parametrize("wrong", ["budgte=3", "3", "unclear='maybe'"])
def test_a_wrong_marker_argument_is_named(pytester: pytest.Pytester, wrong: str) -> None:
    """A misspelt marker is an error that says what is allowed."""
    pytester.makepyfile(f"import pytest\n@pytest.mark.efficiency({wrong})\ndef test_a():\n    pass\n")
    result = pytester.runpytest()
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*pytest.mark.efficiency*"])


def test_a_wrong_ini_value_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """The allowed ones are named."""
    pytester.makepyfile("def test_a():\n    pass\n")
    result = pytester.runpytest("-o", "efficiency_unclear=maybe")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*efficiency_unclear = maybe*skip, fail, pass*"])


def test_a_json_file_holds_a_librarys_own_claims(pytester: pytest.Pytester) -> None:
    """--efficiency-json works without any exercise."""
    import json

    pytester.makepyfile(FUNCTIONS + "def test_true(speedup):\n    assert speedup(fast, over=slow) >= 20\n")
    pytester.runpytest("--efficiency-json=out.json")
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    assert (test["outcome"], test["exercise"]) == ("passed", None)
    assert test["measures"][0]["value"] > 20


@pytest.mark.parametrize(
    "test",
    [
        pytest.param(
            """
import unittest

class TestNoisy(unittest.TestCase):
    def test_noisy(self):
        assert undecided()
""",
            id="unittest",
        ),
        pytest.param(
            """
import pytest

@pytest.fixture
def noisy():
    assert undecided()

def test_noisy(noisy):
    pass
""",
            id="fixture",
        ),
        pytest.param(
            """
from hypothesis import given, settings, strategies as st

@settings(database=None)
@given(st.integers())
def test_noisy(n):
    assert undecided()
""",
            id="hypothesis",
        ),
    ],
)
def test_unclear_is_unclear_whoever_runs_the_test(pytester: pytest.Pytester, test: str) -> None:
    """A runner that catches exceptions must not turn "could not tell" into red."""
    pytester.makepyfile(UNCLEAR + test)
    result = pytester.runpytest()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*1 unclear*"])


def test_an_error_in_teardown_is_an_error(pytester: pytest.Pytester) -> None:
    """After an undecided claim too."""
    pytester.makepyfile(
        UNCLEAR
        + """
import pytest

@pytest.fixture
def broken():
    yield
    raise RuntimeError("teardown")

def test_noisy(broken):
    assert undecided()
"""
    )
    result = pytester.runpytest()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*1 error, 1 unclear*"])


def test_a_claim_that_ends_in_an_error_is_in_the_json_file(pytester: pytest.Pytester) -> None:
    """Results that differ are no verdict, and no reason to be missing."""
    import json

    pytester.makepyfile(FUNCTIONS + "def test_wrong(speedup):\n    assert speedup(lambda: 1, over=slow) >= 2\n")
    pytester.runpytest("--efficiency-json=out.json")
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    assert test["outcome"] == "failed"
    assert "do the same" in test["message"] or "same results" in test["message"]


def test_a_result_file_that_cannot_be_written_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """Said before the first test, and no older file is taken for this run's."""
    pytester.makepyfile("def test_a():\n    pass\n")
    result = pytester.runpytest("--efficiency-json=/proc/nowhere/out.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--efficiency-json /proc/nowhere/out.json cannot be written*"])
