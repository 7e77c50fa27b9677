"""The table of all claims, and their total."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_efficiency.report.explain import explained, total, total_line


def made(entry: Any, verdict: Any, *tests: str, exercise: str | None = None, **rest: Any) -> list[Any]:
    return [{**entry("speed", verdicts=[{**verdict(), **rest}], exercise=exercise), "id": test} for test in tests]


def test_a_table_without_claims_is_empty(entry: Any) -> None:
    """Not even a head."""
    assert explained([entry()]) == []
    assert total_line([entry()]) == ""


def test_columns_are_aligned_and_figures_to_the_right(entry: Any, verdict: Any) -> None:
    """Whatever is longest makes the column."""
    entries = made(entry, verdict, "t.py::a", value=3.0) + made(entry, verdict, "t.py::b", value=12345.0, rounds=250)
    (head, bold), (first, green), (second, _) = explained(entries)
    assert (bold, green) == ("", "green")
    for name, left, right in (("value", "3x", "12345x"), ("rounds", "5", "250")):
        end = head.index(name) + len(name)
        assert first[:end].endswith(left)
        assert second[:end].endswith(right)
    assert head.index("claim") == first.index("a: speedup(...)") == second.index("b: speedup(...)")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(entry: Any, verdict: Any, width: int) -> None:
    """A long claim is cut in the middle, so that its function and its bound stay."""
    claim = f"speedup(a_function_{'x' * 60}, over=another) >= 20"
    lines = [text for text, _ in explained(made(entry, verdict, "t.py::test_it", claim=claim), width)]
    assert max(map(len, lines)) <= width
    assert any("test_it: " in line and "…" in line and line.endswith("another) >= 20") for line in lines)


def test_a_narrow_terminal_gives_the_claim_a_line_of_its_own(entry: Any, verdict: Any) -> None:
    """And a wide one does not; a log without a width cuts nothing."""
    entries = made(entry, verdict, "t.py::test_it")
    assert len(explained(entries, 70)) == 4
    assert len(explained(entries, 120)) == len(explained(entries)) == 2
    assert "…" not in explained(made(entry, verdict, "t.py::test_it", claim="x" * 500))[1][0]


def test_tests_of_one_name_are_told_apart(entry: Any, verdict: Any) -> None:
    """By their file where they would be called alike, and by their exercise."""
    lines = explained(made(entry, verdict, "a.py::test_it", "b.py::test_it", "b.py::T::test_other"))
    assert [line.rpartition("0.250  ")[2].rpartition(": ")[0] for line, _ in lines[1:]] == [
        "a.py::test_it",
        "b.py::test_it",
        "T::test_other",
    ]
    (_, (line, _)) = explained(made(entry, verdict, "x/test_add.py::test_it[numba]", exercise="01_sums/add"))
    assert "  01_sums/add test_it[numba]: " in line


def test_the_total(entry: Any, verdict: Any) -> None:
    """Outcomes are counted by claim and not by test; seconds add up."""
    verdicts = [verdict(outcome=outcome) for outcome in ("passed", "unclear", "passed", "failed")]
    entries = [entry("speed", verdicts=verdicts[:3]), entry("speed", verdicts=verdicts[3:])]
    assert total(entries) == {"passed": 2, "failed": 1, "unclear": 1, "seconds": 1.0}
    assert total_line(entries) == "4 claims: 2 passed, 1 failed, 1 unclear in 1.00 s"
    assert total_line(entries[1:]) == "1 claim: 1 failed in 0.250 s"
