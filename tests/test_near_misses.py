"""Wrong solutions, each wrong in one way: it fails in that column and passes every other."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEAR_MISSES = sorted((ROOT / "solutions").glob("*/*/near_misses/*/near_miss.toml"))


def columns(folder: Path, out: Path) -> dict[str, set[str]]:
    """Column -> the states of its tests, when the near miss in ``folder`` is graded as a submission."""
    exercise = ROOT / "exercises" / folder.relative_to(ROOT / "solutions").parents[1]
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(exercise),
        "--submission",
        str(folder),
        "--efficiency-json",
        str(out),
    ]
    done = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    found: dict[str, set[str]] = {}
    for test in json.loads(out.read_text())["tests"]:
        found.setdefault(test["kind"], set()).add(test["state"])
    return found


@pytest.mark.parametrize("description", NEAR_MISSES, ids=lambda path: f"{path.parents[2].name}-{path.parent.name}")
def test_a_near_miss_fails_in_its_own_column(description: Path, tmp_path: Path) -> None:
    """Only there: a slow answer is still right, a wrong one is not timed."""
    said = tomllib.loads(description.read_text())
    found = columns(description.parent, tmp_path / "out.json")
    assert "failed" in found[said["fails"]]
    for column, states in found.items():
        if column != said["fails"]:
            assert states == ({"waiting"} if said["fails"] == "correct" else {"passed"}), column


def test_every_column_has_a_near_miss() -> None:
    """Naive Python, a quadratic sort, a kernel that holds the GIL, the one-liner, the overflow: at least one each."""
    fails = {tomllib.loads(path.read_text())["fails"] for path in NEAR_MISSES}
    assert fails == {"correct", "speed", "scaling", "gil", "memory"}
