"""The result file: valid at any moment, and plain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import pytest_efficiency.report.result_file as result_file

SCHEMA = json.loads((Path(result_file.__file__).parent / "result-1.schema.json").read_text())


def model(*entries: Any, ended: str = "yes") -> dict[str, Any]:
    return result_file.result(
        entries,
        version="0.1.0",
        seed=7,
        wall="process",
        submission="exercises",
        ended=ended,
        started="2026-01-01T00:00:00Z",
    )


def test_the_result_follows_its_schema(entry: Any, verdict: Any) -> None:
    """Every state and kind of figure is allowed by the schema that we publish."""
    entries = [entry(state=state, name=state) for state in SCHEMA["$defs"]["test"]["properties"]["state"]["enum"]]
    entries.append(entry("speed", verdicts=[verdict(samples=[1.0, float("nan")])]))
    jsonschema.validate(model(*entries), SCHEMA)


def test_the_schema_refuses_what_is_not_declared(entry: Any) -> None:
    """The schema can fail: an unknown key is refused."""
    wrong = {**model(entry()), "grade": "A"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_the_scores_of_the_tests_add_up_to_the_score(entry: Any) -> None:
    """A column's points are shared among its tests."""
    made = model(entry(planned=2), entry(name="2", planned=2), entry("speed", state="failed"))
    assert made["score"] == sum(test["score"] for test in made["tests"]) == 2
    assert made["max_score"] == sum(test["max_score"] for test in made["tests"]) == 5


def test_the_claims_are_counted(entry: Any, verdict: Any) -> None:
    """The same total as at the end of the run."""
    verdicts = [verdict(), verdict(outcome="failed")]
    made = model(entry(), entry("speed", verdicts=verdicts))
    jsonschema.validate(made, SCHEMA)
    assert made["claims"] == {"passed": 1, "failed": 1, "unclear": 0, "seconds": 0.5}


def test_infinity_and_nan_become_null(entry: Any, verdict: Any, tmp_path: Path) -> None:
    """The file is JSON for every reader, not for Python alone."""
    result_file.write(tmp_path / "r.json", model(entry("speed", verdicts=[verdict(samples=[float("nan")])])))
    (measure,) = json.loads((tmp_path / "r.json").read_text())["tests"][0]["measures"]
    assert measure["interval"] == [300.0, None]
    assert measure["data"]["samples"] == [None]


def test_nothing_gradable_is_the_students_error(entry: Any) -> None:
    """An untouched or unbuildable submission is told from a graded one, and a running or interrupted one from both."""
    assert model(entry(state="not built"))["status"] == "student_error"
    assert model(entry(state="failed"))["status"] == "graded"
    assert model(entry(), ended="no")["status"] == "running"
    assert model(entry(), ended="early")["status"] == "infra_error"


def test_a_failed_write_leaves_the_last_whole_file(entry: Any, tmp_path: Path) -> None:
    """Whoever reads the file never meets half of it, and no temporary file stays."""
    path = tmp_path / "r.json"
    result_file.write(path, model(entry()))
    before = path.read_text()
    with pytest.raises(TypeError):
        result_file.write(path, {"bad": object()})
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == ["r.json"]


def test_long_output_is_cut_and_says_so(entry: Any) -> None:
    """A flood in one test does not fill the file."""
    (test,) = model(entry(stdout="x" * 100_000))["tests"]
    assert len(test["stdout"]) == 65_536
    assert test["truncated"]
