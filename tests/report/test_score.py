"""Points: positive evidence only."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_efficiency.report.score import rows
from pytest_efficiency.report.scoreboard import markdown, scoreboard


def only_row(*entries: Any) -> Any:
    (row,) = rows(entries)
    return row


def test_a_column_whose_tests_all_passed_earns_its_points(entry: Any) -> None:
    """Correct and fast is full marks."""
    row = only_row(entry(planned=2), entry(name="2", planned=2), entry("speed"))
    assert (row.score, row.max_score) == (5, 5)


def test_one_failure_in_a_column_costs_the_column(entry: Any) -> None:
    """There is no half of correct."""
    assert only_row(entry(planned=2), entry(state="failed", name="2", planned=2)).score == 0


def test_a_column_that_did_not_run_whole_earns_nothing(entry: Any) -> None:
    """Two tests were planned, one was seen to pass: the other may have been interrupted, deselected or killed."""
    row = only_row(entry(planned=2), entry("speed"))
    assert row.score == 0
    assert row.state("correct") == "not all run"
    assert "not all run" in scoreboard([entry(planned=2)])[1][0]


def test_a_test_about_no_answer_has_no_row(entry: Any) -> None:
    """A test of the reference alone earns its exercise nothing, and doubles no points."""
    assert rows([entry(submission="")]) == []


def test_a_claim_without_a_correct_answer_earns_nothing(entry: Any) -> None:
    """Speed of a wrong answer is worth nothing, however the tests were ordered or distributed."""
    assert only_row(entry("speed"), entry(state="failed")).score == 0
    assert only_row(entry("speed")).score == 0, "correctness was never shown"


@pytest.mark.parametrize("state", ["unclear", "skipped", "waiting", "not started", "not built", "refused", "error"])
def test_only_a_passed_test_is_evidence(entry: Any, state: str) -> None:
    """Whatever else became of it, it was not seen to pass."""
    assert only_row(entry(), entry("speed", state=state)).score == 2


def test_a_librarys_own_claims_have_no_row(entry: Any) -> None:
    """Points belong to exercises."""
    assert rows([entry(exercise=None)]) == []


def test_the_scoreboard_shows_figures_words_and_a_total(entry: Any, verdict: Any) -> None:
    """What was measured, what is in the way, what is not asked."""
    lines = scoreboard([entry(), entry("speed", verdicts=[verdict()])])
    head, row, total = [line for line, _ in lines]
    assert head.split() == ["exercise", "backend", "correct", "speed", "scaling", "gil", "memory", "points"]
    assert row.split() == ["03_vectorise/shifted_product", "numba", "passed", "318x", "-", "-", "-", "5/5"]
    assert total.split() == ["total", "5/5"]
    assert [colour for _, colour in lines] == ["", "green", "green"]


def test_the_scoreboard_says_what_failed(entry: Any, verdict: Any) -> None:
    """A failed column shows its figure; a column that never ran says so."""
    slow = scoreboard([entry(), entry("speed", state="failed", verdicts=[verdict(outcome="failed", value=1.02)])])
    assert "FAILED 1.02x" in slow[1][0]
    assert slow[1][1] == "red"
    assert "not run" in scoreboard([entry()])[1][0]
    assert "1 of 2" in scoreboard([entry(planned=2), entry(state="failed", name="2", planned=2)])[1][0]


def test_the_summary_in_markdown_has_a_row_for_each_submission(entry: Any) -> None:
    """What a job summary shows."""
    text = markdown([entry(), entry(submission="cython", backend="cython")])
    assert text.count("| 03_vectorise/shifted_product |") == 2
    assert "**4 of 10 points**" in text
