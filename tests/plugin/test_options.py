"""What can be set: skipping, budgets, the marker, and what is said where it is wrong."""

from __future__ import annotations

import pytest

TESTS = """
import pytest
from pytest_efficiency import Verdict
from pytest_efficiency import speedup as imported

def test_fixture(speedup, scaling, gil, memory):
    assert speedup(lambda: 1, over=lambda: sum(range(2000)) // 1999000) >= 2

def test_imported():
    assert imported(lambda: 1, over=lambda: sum(range(2000)) // 1999000) >= 2

def test_plain():
    pass
"""

BUDGET = """
import pytest
from pytest_efficiency.recorder import current

def test_usual():
    print("usual:", current.get().budget)

@pytest.mark.efficiency(budget=3)
class TestMarked:
    def test_class(self):
        print("class:", current.get().budget)

    @pytest.mark.efficiency(unclear="fail")
    def test_both(self):
        print("both:", current.get().budget)

    @pytest.mark.efficiency(budget=0.25)
    def test_nearest(self):
        print("nearest:", current.get().budget)
"""


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--efficiency-skip"], "claims are skipped (--efficiency-skip)"),
        (["-o", "efficiency_skip=true"], "claims are skipped (efficiency_skip in the ini file)"),
        (["--benchmark-skip"], "claims are skipped as benchmarks are (--benchmark-skip)"),
        (["--efficiency-skip", "-n", "2"], "claims are skipped (--efficiency-skip)"),
    ],
)
def test_skipping_claims_leaves_the_other_tests(pytester: pytest.Pytester, options: list[str], reason: str) -> None:
    """Tests that take a fixture of claims or make one with an imported name are skipped, and say why."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest(*options, "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    assert result.stdout.str().count(reason) == 2
    result.stdout.no_fnmatch_line("*claims:*")


def test_nothing_is_skipped_unless_asked(pytester: pytest.Pytester) -> None:
    """The other way round, with the setting of the ini file overruled as well."""
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\nefficiency_skip = true\n")
    pytester.runpytest("-o", "efficiency_skip=false").assert_outcomes(passed=3)


def test_fixtures_of_the_same_names_are_not_skipped(pytester: pytest.Pytester) -> None:
    """A project may have had a fixture called memory before us."""
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef memory():\n    return 3\n")
    pytester.makepyfile("def test_theirs(memory):\n    assert memory == 3\n")
    pytester.runpytest("--efficiency-skip").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("options", "usual"), [([], "None"), (["--efficiency-budget=1.5"], "1.5"), (["-o", "efficiency_budget=2"], "2.0")]
)
def test_the_nearest_budget_wins(pytester: pytest.Pytester, options: list[str], usual: str) -> None:
    """Marker of the test, of its class, the command line, the ini file; a marker adds to another that says more."""
    pytester.makepyfile(BUDGET)
    result = pytester.runpytest("-s", *options)
    said = [f"*usual: {usual}*", "*class: 3.0*", "*both: 3.0*", "*nearest: 0.25*"]
    result.stdout.fnmatch_lines(said)


def test_the_command_line_wins_over_the_ini_file(pytester: pytest.Pytester) -> None:
    """As with every option."""
    pytester.makepyfile(BUDGET)
    result = pytester.runpytest("-s", "-o", "efficiency_budget=2", "--efficiency-budget=1.5")
    result.stdout.fnmatch_lines(["*usual: 1.5*"])


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", "nan", "inf"])
@pytest.mark.parametrize("where", ["option", "ini"])
def test_a_budget_that_is_none_is_a_usage_error(pytester: pytest.Pytester, wrong: str, where: str) -> None:
    """One line with what was given and what would be right."""
    how = [f"--efficiency-budget={wrong}"] if where == "option" else ["-o", f"efficiency_budget={wrong}"]
    result = pytester.runpytest_subprocess(*how)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*efficiency*budget*'{wrong}' is no number of seconds above zero; write e.g. 0.5"])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("budgte=3", "takes budget= and unclear=, found budgte"),
        ("3", "takes budget= and unclear=, found 3"),
        ("unclear='maybe'", "(unclear='maybe'): choose one of skip, fail, pass"),
        ("budget=0", "(budget=0): give a number of seconds above zero, e.g. budget=0.5"),
        ("budget='1 s'", "(budget='1 s'): give a number of seconds above zero, e.g. budget=0.5"),
        ("budget=True", "(budget=True): give a number of seconds above zero, e.g. budget=0.5"),
    ],
)
def test_a_wrong_marker_is_an_error_of_its_test_alone(pytester: pytest.Pytester, written: str, said: str) -> None:
    """One line without a traceback; the tests beside it run."""
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.efficiency({written})\ndef test_a():\n    pass\n\ndef test_b():\n    pass\n"
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    assert f"@pytest.mark.efficiency{'' if said[0] == '(' else ' '}{said}" in result.stdout.str()
    assert "plugin_options.py" not in result.stdout.str()


def test_every_option_and_setting_has_a_sentence(pytester: pytest.Pytester) -> None:
    """--help explains each, and the group says what it is for."""
    text = pytester.runpytest("--help").stdout.str()
    group = text.partition("performance claims and exercises (pytest-efficiency):")[2].partition("\n\n")[0]
    for name in ("unclear", "explain", "skip", "budget", "json", "subject", "wall", "seed"):
        assert f"--efficiency-{name}" in group
    for name in ("unclear", "skip", "budget", "solutions"):
        assert f"\n  efficiency_{name}" in text
