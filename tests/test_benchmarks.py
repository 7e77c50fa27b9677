"""The one command that makes the reliability tables, and the pages that show them. No test here waits for a verdict."""

from __future__ import annotations

import importlib
import json
import math
import re
import subprocess
import sys
import types
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
PAGE = ROOT / "docs" / "reference" / "reliability.md"
SECTIONS = {
    "scaling": "Scaling",
    "speedup here": "Speedup, in process",
    "speedup workers": "Speedup, across workers",
    "slow reference": "A slow reference",
    "gil": "GIL",
    "memory": "Memory",
}
ABOUT = {"date": "2026-01-01", "processor": "P", "cpus": "2", "system": "L 6", "python": "C 3", "packages": "numpy 2"}


@pytest.fixture(scope="module")
def house():
    """The harness and its neighbours, which are importable to scripts under benchmarks/ alone."""
    ours = {"harness", "rows", "peers", "reliability"}
    sys.path.insert(0, str(BENCHMARKS))
    try:
        names = ("pages", "run", "tally", "targets", "trial", "loads")
        yield types.SimpleNamespace(
            **{name: importlib.import_module(f"harness.{name}") for name in names},
            reliability=importlib.import_module("reliability"),
        )
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in [name for name in sys.modules if name.split(".")[0] in ours]:
            del sys.modules[name]


def made(house, count: int, answer: str = "right", **changed: object) -> list[object]:
    """So many trials of the row about scaling, each a millisecond longer than the one before."""
    usual = {
        "row": "scaling",
        "tool": "pytest-efficiency",
        "case": "f",
        "load": "quiet",
        "question": "true claim",
        "answer": answer,
        "half": "tune",
    }
    return [house.trial.Trial(**{**usual, "seconds": (1 + number) / 1000, **changed}) for number in range(count)]


# ------------------------------------------------------------------------------------------------ figures


def test_a_tally_counts_and_ranks(house) -> None:
    """Wrong and unclear are counted apart; the times are those that half and 95 % do not exceed."""
    one = house.tally.tally([*made(house, 90), *made(house, 6, "wrong"), *made(house, 4, "unclear")])
    assert (one.trials, one.wrong, one.unclear) == (100, 6, 4)
    assert (one.wrong_percent, one.unclear_percent) == (6.0, 4.0)
    assert [house.tally.quantile(range(1, 101), share) for share in (0.5, 0.95, 1.0)] == [50, 95, 100]
    assert math.isnan(house.tally.tally([]).median)


def test_groups_add_up(house) -> None:
    """Every trial is in one group."""
    every = [*made(house, 3), *made(house, 2, load="hog1"), *made(house, 4, half="held")]
    groups = house.tally.grouped(every)
    assert sorted(one.trials for one in groups.values()) == [2, 3, 4]


def states(house, trials: list[object]) -> dict[str, str]:
    return {f"{one.target.row}: {one.target.asked}": one.state for one in house.targets.findings(trials)}


def test_targets_are_met_and_missed(house) -> None:
    """One wrong answer too many, or a millisecond, is a miss; what was not tried is neither."""
    good = [*made(house, 200), *made(house, 100, question="next class", half="held")]
    found = states(house, good)
    assert found["scaling: true claim: wrong"] == "met"
    assert found["scaling: time of a verdict, median"] == "met"
    assert found["gil: all claims: wrong"] == "not tried"
    assert states(house, [*good, *made(house, 1, "wrong")])["scaling: true claim: wrong"] == "missed"
    next_wrong = made(house, 1, "wrong", question="next class")
    assert states(house, [*good, *next_wrong])["scaling: next class: wrong"] == "met"
    assert states(house, [*good, *next_wrong * 2])["scaling: next class: wrong"] == "missed"
    slow = made(house, 1, seconds=4.1)
    assert states(house, [*good, *slow])["scaling: time of a verdict, worst"] == "missed"
    many = made(house, 5, "wrong", question="next class", half="held")
    apart = "scaling: wrong, half that was tuned on and half that was not"
    assert (states(house, good)[apart], states(house, [*good, *many])[apart]) == ("met", "missed")


def test_a_peer_is_held_against_no_target_of_ours(house) -> None:
    """Its errors count for itself alone."""
    found = states(house, [*made(house, 5), *made(house, 5, "wrong", tool="big_O 1")])
    assert found["scaling: true claim: wrong"] == "met"


# ------------------------------------------------------------------------------------------------ pages


def test_pages_are_consistent(house) -> None:
    """Every block is there, and every table in it is one."""
    assert house.pages.inconsistent(PAGE.read_text(), house.pages.PAGE_BLOCKS) == []
    assert house.pages.inconsistent((ROOT / "README.md").read_text(), house.pages.README_BLOCKS) == []


def test_every_row_has_its_section(house) -> None:
    """Under its heading stands its block."""
    section = re.compile(r"^## (.+?)\n.*?<!-- reliability: ([\w ]+) -->", re.MULTILINE | re.DOTALL)
    headings = dict(section.findall(PAGE.read_text()))
    assert {row: heading for heading, row in headings.items() if row in SECTIONS} == SECTIONS
    assert set(house.pages.ROWS) == set(SECTIONS)
    assert {target.row for target in house.targets.TARGETS} == set(SECTIONS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!-- end of gil -->", ""),
        ("| a | b |", "| a |"),
        ("1 of 2", "3 of 2"),
        ("<!-- reliability: gil -->", "<!-- reliability: gills -->"),
    ],
)
def test_inconsistency_is_seen(house, before: str, after: str) -> None:
    """The check of the pages sees what it is for."""
    text = "<!-- reliability: gil -->\n| x | y |\n| --- | --- |\n| a | b |\n| 1 of 2 | c |\n<!-- end of gil -->\n"
    assert house.pages.inconsistent(text, ["gil"]) == []
    assert house.pages.inconsistent(text.replace(before, after), ["gil"])


def test_tables_hold_all_trials(house) -> None:
    """Their counts add up to the trials, load by load; each half has a line of its own, ours is the first tool."""
    every = [
        *made(house, 3, tool="big_O 1"),
        *made(house, 2, "wrong", tool="big_O 1", load="hog1"),
        *made(house, 4),
        *made(house, 5, "unclear", half="held", load="hog1"),
        *made(house, 6, row="gil", half="", question="held: held?"),
    ]
    bodies = house.pages.page(every, ABOUT)
    errors, halves = house.pages.cells(bodies["scaling"])
    assert errors[0][2:4] == ["wrong, quiet", "wrong, hog1"]
    assert [row[1:5] for row in errors[1:]] == [
        ["pytest-efficiency", "0 of 4", "0 of 5", "5 of 9 (56 %)"],
        ["big_O 1", "0 of 3", "2 of 2", "0 of 5"],
    ]
    assert [row[:3] for row in halves[1:]] == [
        ["tune", "pytest-efficiency", "0 of 4"],
        ["tune", "big_O 1", "2 of 5 (40 %)"],
        ["held", "pytest-efficiency", "0 of 5"],
    ]
    assert set(bodies) == {"run", "targets", "scaling", "gil"}
    readme = house.pages.cells(house.pages.summary(every, ABOUT)["summary"])[0]
    assert readme[1] == ["scaling: a true claim failed", "0 of 9", "5 of 9 (56 %)", "3 ms", "big_O 1 40 %", "2 ms"]


def test_what_was_not_tried_keeps_its_table(house) -> None:
    """And what stands around a block is nobody's but the author's."""
    block = "<!-- reliability: {0} -->\nold\n<!-- end of {0} -->\n"
    text = f"before\n{block.format('one')}between\n{block.format('two')}"
    assert house.pages.filled(text, {"two": "new\n"}) == text.replace("old\n<!-- end of two", "new\n<!-- end of two")
    with pytest.raises(ValueError, match="three"):
        house.pages.filled(text, {"three": "new\n"})


# ------------------------------------------------------------------------------------------------ the schedule

STUB = """
import os, time
from harness.trial import Trial
def trials(load_name, *, seconds, seed):
    print("what is measured may print")
    {first}
    yield Trial("gil", "pytest-efficiency", "f", load_name, "held: held?", "right", 0.1)
"""


def run_stub(
    house, folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, module: str = "stub_row", **more: object
):
    (folder / "stub_row.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    found = house.run.Run()
    parts = [house.run.Part("gil", module, 1.0, **more)]
    house.run.run(found, parts, ["quiet", "hog1"], seconds=1.0, passes=1, seed=1, say=print, each=print)
    return found


def test_trials_arrive(house, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under every load, whatever the module prints."""
    found = run_stub(house, tmp_path, monkeypatch, STUB.format(first=""))
    assert [one.load for one in found.trials] == ["quiet", "hog1"]
    assert found.failures == []


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("os._exit(3)", "died with 3"),
        ("raise ValueError('this one')", "ValueError: this one"),
        ("time.sleep(60)", "did not stop in time"),
        ("return", "came to no verdict"),
    ],
)
def test_a_module_that_fails_costs_itself_alone(
    house, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, said: str
) -> None:
    """It is ended, and the run says so and goes on."""
    monkeypatch.setattr(house.run, "GRACE", 0.1)
    found = run_stub(house, tmp_path, monkeypatch, STUB.format(first=first))
    assert found.trials == []
    assert said in found.failures[0]


def test_a_peer_that_is_not_installed_is_left_out(house, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Visibly, with the command that installs it; of our own rows it is a failure."""
    (tmp_path / "peers").mkdir()
    source = "import no_such_package"
    found = run_stub(house, tmp_path, monkeypatch, source)
    assert (found.failures, found.skipped) == (["stub_row needs no_such_package"], [])
    monkeypatch.setattr(house.run.Part, "is_peer", True)
    found = run_stub(house, tmp_path, monkeypatch, source)
    assert found.failures == []
    assert found.skipped == [
        "stub_row: no_such_package is not installed: pip install -r benchmarks/peers/requirements.txt"
    ]


def test_every_part_is_there(house) -> None:
    """Each module of the schedule is a file, and each row has one of ours."""
    assert all((BENCHMARKS / f"{part.module.replace('.', '/')}.py").is_file() for part in house.run.PARTS)
    assert {part.name for part in house.run.PARTS if not part.is_peer} == set(house.run.NAMES)


# ------------------------------------------------------------------------------------------------ peers


def test_peers_are_right_and_wrong(house) -> None:
    """A figure of theirs is held against every claim."""
    peers = importlib.import_module("peers.speedup")
    pair = types.SimpleNamespace(name="pair", ratio=10.0, calls="short")
    for candidate, reference, wrong in ((1.0, 10.0, set()), (1.0, 7.0, {"1.25"}), (1.0, 20.0, {"0.5", "0.67", "0.8"})):
        found = list(peers.answers("speedup here", pair, "quiet", ({"tool": (candidate, reference)}, 2.0)))
        assert {one.question for one in found if one.answer == "wrong"} == wrong
        assert {one.seconds for one in found} == {2.0}


# ------------------------------------------------------------------------------------------------ the command


def test_the_command_runs(house, tmp_path: Path) -> None:
    """The short form on one row: trials of that row under the loads named, and status 0 whatever the verdicts were."""
    file = tmp_path / "trials.jsonl"
    only = ["--only", "slow_reference", "--loads", "quiet,hog1"]
    command = [sys.executable, str(BENCHMARKS / "reliability.py"), "--short", "--minutes", "0.1", *only]
    done = subprocess.run([*command, "--json", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found, about = house.reliability.read([file])
    assert {(one.row, one.tool) for one in found.trials} == {("slow reference", "pytest-efficiency")}
    assert {one.load for one in found.trials} <= {"quiet", "hog1"}
    assert all(one.seconds > 0 for one in found.trials)
    assert set(about) == set(ABOUT)
    again = subprocess.run(
        [*command, "--from", str(file), "--check"], capture_output=True, text=True, check=False
    ).stdout
    assert "not tried  gil: all claims: wrong" in again


def test_the_status_is_of_the_targets_only_when_asked(house, tmp_path: Path) -> None:
    """A wrong verdict alone is no failure of the command; with --check --strict it is."""
    file = tmp_path / "trials.jsonl"
    wrong = [json.dumps(vars(one)) for one in made(house, 3, "wrong")]
    file.write_text("\n".join([json.dumps({"about": ABOUT}), *wrong]))
    command = [sys.executable, str(BENCHMARKS / "reliability.py"), "--from", str(file), "--check"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert subprocess.run([*command, "--strict"], capture_output=True, check=False).returncode == 1


def test_a_load_ends_with_its_block(house) -> None:
    """Also with one that raises."""
    before = psutil.Process().children()

    def interrupted() -> None:
        with house.loads.load("hog2"):
            assert len(psutil.Process().children()) > len(before)
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert psutil.Process().children() == before
