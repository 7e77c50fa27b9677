from __future__ import annotations

import functools
import inspect
import sys

import pytest

from pytest_efficiency.probes.hotlines import probe

pytest.importorskip("line_profiler", reason="line_profiler is not installed")


def inner(n):
    total = 0
    for i in range(n):
        total += i * i
    return total


def outer(n):
    cheap = [1]
    dear = inner(n)
    return dear + len(cheap)


class Adder:
    def add(self, n):
        return inner(n)

    def __call__(self, n):
        return inner(n)


def texts(answer):
    return [text for _, text, _ in answer["lines"]]


def test_the_hottest_lines_come_first():
    """The call into the loop, then the loop itself, with true line numbers."""
    answer = probe(outer, (20_000,), {})
    assert texts(answer)[0] == "dear = inner(n)"
    assert set(texts(answer)[1:]) == {"for i in range(n):", "total += i * i"}
    lines, start = inspect.getsourcelines(outer)
    assert answer["lines"][0][0] == start + next(i for i, line in enumerate(lines) if "dear =" in line)
    assert answer["lines"][0][2] > 0.5
    assert answer["file"] == __file__
    assert answer["reason"] is None


def test_no_more_lines_than_asked_for():
    """One is enough for one."""
    assert len(probe(outer, (1000,), {}, lines=1)["lines"]) == 1


@pytest.mark.parametrize(
    "function",
    [Adder().add, Adder(), functools.partial(outer), functools.lru_cache(outer)],
    ids=["method", "object", "partial", "cache"],
)
def test_what_is_python_underneath_is_profiled(function):
    """Methods, callable objects, partials and caches."""
    assert "total += i * i" in texts(probe(function, (20_000,), {}))


@pytest.mark.parametrize("function", [len, sorted, list])
def test_builtins_have_no_lines(function):
    """The answer says so."""
    answer = probe(function, ([],), {})
    assert answer["lines"] == []
    assert "compiled" in answer["reason"]


def test_numba_has_no_lines_unless_it_runs_objects():
    """Machine code has none; object mode is Python and shows them."""
    numba = pytest.importorskip("numba", reason="numba is not installed")
    answer = probe(numba.njit(inner), (10,), {})
    assert answer["lines"] == []
    assert "Numba" in answer["reason"]


def test_the_tracer_is_left_as_it_was():
    """Coverage goes on counting, also after an exception, which reaches the caller."""
    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError):
        probe(lambda: 1 / 0, (), {})
    probe(outer, (10,), {})
    assert sys.gettrace() is before
