from __future__ import annotations

import sys

import pytest

from pytest_efficiency.probes.steps import probe


def loop(n: int) -> int:
    total = 0
    for i in range(n):
        total += i
    return total


def steps(function, *args, **options) -> int:
    answer = probe(function, args, {}, **options)
    assert answer["complete"]
    return answer["steps"]


def test_a_loop_takes_steps_in_proportion_to_its_length() -> None:
    """The count is exact: each pass of the loop adds the same."""
    few, some, many = (steps(loop, n) for n in (100, 200, 400))
    assert many - some == 2 * (some - few) > 0


def test_the_count_is_the_same_every_time() -> None:
    """No load, no warm-up and no specialised bytecode changes it."""
    assert len({steps(loop, 1000) for _ in range(20)}) == 1


def test_the_method_is_that_of_the_python_version() -> None:
    """Opcode events of sys.settrace on 3.11, sys.monitoring from 3.12 on."""
    expected = "sys.monitoring" if sys.version_info >= (3, 12) else "settrace"
    assert probe(loop, (3,), {})["method"] == expected


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_with_all_tools_taken_the_count_falls_back_to_settrace() -> None:
    """Six other tools leave no place: settrace counts, and all six are still there."""
    taken = [tool for tool in range(6) if sys.monitoring.get_tool(tool) is None]
    for tool in taken:
        sys.monitoring.use_tool_id(tool, f"other {tool}")
    try:
        answers = [probe(loop, (n,), {}) for n in (100, 200)]
        assert all(sys.monitoring.get_tool(tool) == f"other {tool}" for tool in taken)
    finally:
        for tool in taken:
            sys.monitoring.free_tool_id(tool)
    assert {answer["method"] for answer in answers} == {"settrace"}
    assert answers[1]["steps"] > 1.8 * answers[0]["steps"]


def test_work_inside_c_is_invisible() -> None:
    """Sorting a long list takes no more steps than a short one: why a count never acquits."""
    assert steps(sorted, list(range(10, 0, -1))) == steps(sorted, list(range(10_000, 0, -1)))


def test_python_called_from_c_is_counted() -> None:
    """A key function is the candidate's own work."""
    few, many = (probe(sorted, (list(range(n)),), {"key": lambda x: -x})["steps"] for n in (10, 1000))
    assert many > 50 * few


def test_generators_are_counted() -> None:
    """Each resumption counts."""
    few, many = (steps(lambda n: sum(i * i for i in range(n)), n) for n in (10, 1000))
    assert many > 30 * few


def test_the_limit_breaks_the_call_off() -> None:
    """The limit is one of steps, not of seconds."""
    answer = probe(loop, (10**12,), {}, limit=5000)
    assert answer["complete"] is False
    assert answer["steps"] == 5000


def test_code_that_swallows_every_exception_does_not_hang_the_count() -> None:
    """It runs on uncounted, and the answer says that the count is not complete."""

    def stubborn(n: int) -> int:
        for _ in range(3):
            try:
                loop(n)
            except BaseException:  # noqa: BLE001  what a stubborn candidate does
                continue
        return n

    assert probe(stubborn, (10_000,), {}, limit=1000)["complete"] is False


def test_an_exception_passes_through_and_leaves_nothing_behind() -> None:
    """The candidate's own error is the candidate's own."""

    def broken() -> None:
        msg = "mine"
        raise ValueError(msg)

    before = _tools()
    with pytest.raises(ValueError, match="mine"):
        probe(broken, (), {})
    assert _tools() == before


@pytest.mark.parametrize("limit", [100, 200_000])
def test_the_tracer_from_before_is_put_back_and_sees_nothing(limit: int) -> None:
    """Coverage and debuggers go on where they were."""
    seen = []

    def tracer(frame, event, argument):
        seen.append(frame.f_code.co_name)
        return tracer

    before, previous = _tools(), sys.gettrace()
    sys.settrace(tracer)
    try:
        probe(loop, (1000,), {}, limit=limit)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(previous)
    assert "loop" not in seen
    assert _tools() == before


def _tools() -> list[str | None]:
    return [sys.monitoring.get_tool(tool) for tool in range(6)] if sys.version_info >= (3, 12) else []
