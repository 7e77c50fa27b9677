"""Beside pytest-benchmark: the timings of claims in its records, and what its options mean for claims."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pytest_benchmark", reason="what is tested here is how the two work together")

CLAIMS = """
import time
import pytest

def slow(n=2000):
    return sum([i for i in range(n)])

def fast(n=2000):
    return n * (n - 1) // 2

@pytest.mark.parametrize("n", [2000, 4000])
def test_is_fast(speedup, n):
    assert speedup(fast, over=slow, args=(n,)) >= 2

def test_scales(scaling):
    assert scaling(sum, lambda n: (range(n),), sizes=[1000, 4000, 16000, 64000]) <= "n^2"

def test_gil(gil):
    assert gil(time.sleep, 0.001).released

def test_plain():
    pass
"""
# Verdicts as measuring leaves them behind, without its time.
MADE = """
import pytest
from pytest_efficiency import Verdict
from pytest_efficiency.recorder import current

def claim(outcome="passed", said="speedup(f, over=g) >= 2", **data):
    data = {"candidate_seconds": [1e-3, 2e-3], "reference_seconds": [5e-3, 6e-3], "candidate_calls": 4,
            "reference_calls": 1, **data}
    verdict = Verdict("speedup", outcome, said, f"{said}: {outcome}", value=4.0, interval=(3.0, float("inf")),
                      bound=2.0, unit="x", clock="CPU time", rounds=2, seconds=0.1, headroom=2.0, data=data)
    recorder = current.get()
    recorder.asked.add(len(recorder.verdicts))
    recorder.reach(verdict)
    if outcome == "unclear":
        raise recorder.unclear(verdict)
    return outcome == "passed"

"""


def records(pytester: pytest.Pytester, *options: str) -> dict[str, Any]:
    """The benchmarks of a run by name, from its JSON; the whole under ''."""
    pytester.runpytest("--benchmark-json=b.json", *options)
    said = json.loads((pytester.path / "b.json").read_text())
    return {**{one["name"]: one for one in said["benchmarks"]}, "": said}


def test_timings_are_its_benchmarks(pytester: pytest.Pytester) -> None:
    """A speedup's two sides and a growth claim's largest size, with the verdict; claims without a time have none."""
    pytester.makepyfile(CLAIMS)
    found = records(pytester)
    assert set(found) == {
        "",
        *(f"test_is_fast[{n}-{side}]" for n in (2000, 4000) for side in ("candidate", "reference")),
        "test_scales[n=64000]",
    }
    fast, slow = found["test_is_fast[2000-candidate]"], found["test_is_fast[2000-reference]"]
    assert fast["fullname"] == "test_timings_are_its_benchmarks.py::test_is_fast[2000-candidate]"
    assert fast["group"] == slow["group"] == "speedup(fast, over=slow) >= 2"
    assert (fast["param"], fast["params"]) == ("2000-candidate", {"n": 2000, "side": "candidate"})
    assert fast["stats"]["rounds"] == len(fast["stats"]["data"]) == fast["extra_info"]["rounds"] >= 3
    assert fast["stats"]["iterations"] > 1
    said = fast["extra_info"]
    assert (said["outcome"], said["bound"], said["unit"]) == ("passed", 2.0, "x")
    assert said["claim"] == "speedup(fast, over=slow) >= 2"
    assert said["clock"] == fast["options"]["timer"]
    assert said["interval"][0] < said["value"]
    assert said["headroom"] == pytest.approx(said["value"] / 2.0)
    # Not how fast this machine is, but that these are the seconds of the calls that the verdict is about.
    ratio = slow["stats"]["median"] / fast["stats"]["median"]
    assert said["value"] / 3 < ratio < said["value"] * 3
    assert found["test_scales[n=64000]"]["params"] == {"n": 64000}
    assert found["test_scales[n=64000]"]["extra_info"]["unit"] == "exponent"
    assert [one["kind"] for one in found[""]["efficiency"]] == ["speedup", "speedup", "scaling", "gil"]
    assert found[""]["efficiency"][-1]["test"].endswith("::test_gil")


def test_the_table_shows_both_sides_of_a_claim(pytester: pytest.Pytester) -> None:
    """Grouped by the claim, without any option."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim()\n")
    pytester.runpytest().stdout.fnmatch_lines(
        [
            "*benchmark 'speedup(f, over=g) >= 2': 2 tests*",
            "Name (time in ms)*",
            "test_it[[]candidate[]] * 1.0000 (1.0) * 2.0000 (1.0) *",
            "test_it[[]reference[]] * 5.0000 (5.00) * 6.0000 (3.00) *",
        ]
    )


def test_a_run_is_saved_and_compared_with_the_next(pytester: pytest.Pytester) -> None:
    """--benchmark-save, then --benchmark-compare: each row is found again in the saved run."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim()\n")
    pytester.runpytest("--benchmark-save=first").stdout.fnmatch_lines(["*1 claim: 1 passed*"])
    (saved,) = (pytester.path / ".benchmarks").rglob("0001_first.json")
    assert [one["name"] for one in json.loads(saved.read_text())["benchmarks"]] == [
        "test_it[candidate]",
        "test_it[reference]",
    ]
    result = pytester.runpytest("--benchmark-compare", "--benchmark-autosave", "--benchmark-compare-fail=min:5%")
    assert result.ret == 0
    for side in ("candidate", "reference"):
        for run in ("0001_first", "NOW"):
            result.stdout.fnmatch_lines([f"test_it[[]{side}[]] ({run}) *"])


def test_a_regression_is_found_by_comparing(pytester: pytest.Pytester) -> None:
    """--benchmark-compare-fail sees the candidate's new seconds."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim()\n")
    pytester.runpytest("--benchmark-save=first")
    pytester.makepyfile(MADE + "def test_it():\n    assert claim(candidate_seconds=[4e-3, 5e-3])\n")
    result = pytester.runpytest("--benchmark-compare", "--benchmark-compare-fail=min:5%")
    assert result.ret != 0
    result.stderr.fnmatch_lines(["*test_it[[]candidate[]]*"])


def test_a_failed_claim_is_recorded_and_an_unclear_one_is_not(pytester: pytest.Pytester) -> None:
    """A history wants the slow run too, and no figures that nobody would decide on."""
    pytester.makepyfile(
        MADE + "def test_false():\n    assert claim('failed')\n\ndef test_noisy():\n    assert claim('unclear')\n"
    )
    found = records(pytester)
    assert found["test_false[candidate]"]["extra_info"]["outcome"] == "failed"
    assert not any(name.startswith("test_noisy") for name in found)
    assert [one["outcome"] for one in found[""]["efficiency"]] == ["failed", "unclear"]
    assert found[""]["efficiency"][0]["interval"] == [3.0, None]


def test_a_stopped_reference_has_no_time(pytester: pytest.Pytester) -> None:
    """It takes longer than was waited for, nobody knows how long."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim(reference_stopped=1)\n")
    assert set(records(pytester)) == {"", "test_it[candidate]"}


def test_claims_of_one_test_have_names_of_their_own(pytester: pytest.Pytester) -> None:
    """The second is told from the first, so that comparing finds each."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim() and claim(said='speedup(h, over=g) >= 2')\n")
    found = records(pytester)
    assert found["test_it[candidate]"]["group"] == "speedup(f, over=g) >= 2"
    assert found["test_it[claim=2-candidate]"]["group"] == "speedup(h, over=g) >= 2"


def test_the_mark_of_benchmarks_names_the_group(pytester: pytest.Pytester) -> None:
    """@pytest.mark.benchmark(group=...) means what it means there."""
    pytester.makepyfile(MADE + "@pytest.mark.benchmark(group='sums')\ndef test_it():\n    assert claim()\n")
    assert records(pytester)["test_it[candidate]"]["group"] == "sums"


def test_times_that_are_none_are_left_out(pytester: pytest.Pytester) -> None:
    """The table divides by them, and JSON has no NaN."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim(candidate_seconds=[0.0, float('nan')])\n")
    assert set(records(pytester)) == {"", "test_it[reference]"}


def test_what_hypothesis_draws_is_not_recorded(pytester: pytest.Pytester) -> None:
    """Its times belong to inputs that no other run has."""
    pytester.makepyfile(
        MADE
        + """
from hypothesis import given, settings, strategies as st

@settings(max_examples=3)
@given(st.integers())
def test_drawn(n):
    assert claim()

def test_it():
    assert claim()
"""
    )
    assert set(records(pytester)) == {"", "test_it[candidate]", "test_it[reference]"}


def test_a_test_that_is_run_again_is_there_once(pytester: pytest.Pytester) -> None:
    """Plugins that retry run the same item twice; the last run counts."""
    pytester.makeconftest(
        """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    runtestprotocol(item, nextitem=item, log=False)
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
    )
    pytester.makepyfile(
        MADE + "times = iter([1e-3, 7e-3])\ndef test_it():\n    assert claim(candidate_seconds=[next(times)])\n"
    )
    found = records(pytester)
    assert len(found[""]["benchmarks"]) == 2
    assert found["test_it[candidate]"]["stats"]["data"] == [7e-3]
    assert len(found[""]["efficiency"]) == 1


@pytest.mark.parametrize(
    ("options", "note"),
    [
        (["--benchmark-disable"], "; timings are not recorded (--benchmark-disable)"),
        (
            ["-n", "2", "--benchmark-json=b.json"],
            "; timings are not recorded: pytest-benchmark is off, as it always is under pytest-xdist",
        ),
        (["-n", "2"], ""),
        (["-p", "no:benchmark"], ""),
    ],
)
def test_claims_are_judged_where_it_is_off(pytester: pytest.Pytester, options: list[str], note: str) -> None:
    """They are tests. That no timing is kept is said where somebody may look for it."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim()\n\ndef test_false():\n    assert claim('failed')\n")
    result = pytester.runpytest(*options)
    result.assert_outcomes(passed=1, failed=1)
    assert f"2 claims: 1 passed, 1 failed in 0.200 s{note}" in result.stdout.lines
    result.stdout.no_fnmatch_line("*test_it[[]candidate*")
    assert not (pytester.path / "b.json").exists()


def test_only_benchmarks_are_claims_too(pytester: pytest.Pytester) -> None:
    """--benchmark-only runs what takes a fixture of claims or has our mark, and skips the rest as ever."""
    pytester.makepyfile(
        MADE
        + """
def test_claims(speedup):
    assert claim()

@pytest.mark.efficiency
def test_marked():
    assert claim()

@pytest.mark.skip(reason="for good")
def test_skipped(speedup):
    raise AssertionError

def test_benchmark(benchmark):
    benchmark(sum, [1, 2])

def test_plain():
    pass
"""
    )
    result = pytester.runpytest("--benchmark-only", "-rs")
    result.assert_outcomes(passed=3, skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*for good", "SKIPPED*--benchmark-only*"])


def test_a_release_that_is_not_known_is_named_and_left_alone(pytester: pytest.Pytester) -> None:
    """The run goes on without records, and says why in one line."""
    pytester.makeconftest("import pytest_benchmark\npytest_benchmark.__version__ = '9.1.0'\n")
    pytester.makepyfile(MADE + "def test_it():\n    assert claim()\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["1 claim: 1 passed in 0.100 s; *not in pytest-benchmark's records: version 9.1.0 is not known here, 5.x is"]
    )
    result.stdout.no_fnmatch_line("*test_it[[]candidate*")


def test_records_of_another_shape_are_no_error_of_the_run(pytester: pytest.Pytester) -> None:
    """Whatever a release changes about its records, tests pass as before."""
    pytester.makeconftest("import pytest_benchmark.stats\npytest_benchmark.stats.Metadata = lambda source: None\n")
    pytester.makepyfile(MADE + "def test_it():\n    assert claim()\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 claim: 1 passed in 0.100 s; *not in pytest-benchmark's records: TypeError: *"])


def test_its_own_benchmarks_are_as_without_us(pytester: pytest.Pytester) -> None:
    """A suite of benchmarks and claims: both are recorded, and each looks like its own."""
    pytester.makepyfile(
        MADE + "def test_own(benchmark):\n    benchmark(sum, [1, 2])\n\ndef test_it():\n    assert claim()\n"
    )
    found = records(pytester)
    assert set(found) == {"", "test_own", "test_it[candidate]", "test_it[reference]"}
    assert found["test_own"]["extra_info"] == {}


def test_a_histogram_is_drawn(pytester: pytest.Pytester) -> None:
    """--benchmark-histogram, in a process of its own: what draws it replaces the finder of installed plugins."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim()\n")
    pytester.runpytest_subprocess("--benchmark-histogram=plots/run")
    assert [one.suffix for one in (pytester.path / "plots").iterdir()] == [".svg"]


def test_its_command_line_reads_what_was_saved(pytester: pytest.Pytester) -> None:
    """`pytest-benchmark compare`, with csv."""
    pytester.makepyfile(MADE + "def test_it():\n    assert claim()\n")
    pytester.runpytest("--benchmark-save=first")
    command = Path(sys.executable).with_name("pytest-benchmark")
    result = pytester.run(str(command), "compare", "--csv=out.csv", "--group-by=fullfunc")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_it[[]candidate[]]*", "*test_it[[]reference[]]*"])
    assert "test_it[candidate]" in (pytester.path / "out.csv").read_text()
