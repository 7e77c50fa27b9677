"""What a library's author writes first; run by .ci/run on the wheel, installed with its core dependencies alone."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

import pytest

import pytest_efficiency


def plain_sum(numbers: list[int]) -> int:
    total = 0
    for number in numbers:
        total += number
    return total


def test_the_wheel_is_what_is_tested() -> None:
    """Not the checkout, and without the extras."""
    assert "site-packages" in pytest_efficiency.__file__
    assert importlib.metadata.version("pytest-efficiency") == pytest_efficiency.__version__
    assert not any(importlib.util.find_spec(name) for name in ("numba", "Cython", "pybind11", "line_profiler"))


def test_exercises_travel_with_it() -> None:
    folder = Path(pytest_efficiency.__file__).with_name("exercises")
    assert list(folder.glob("*/*/exercise.toml"))


@pytest.mark.efficiency(unclear="pass")
def test_speedup(speedup) -> None:
    assert speedup(sum, over=plain_sum, args=(list(range(10_000)),)) >= 1.5


@pytest.mark.efficiency(unclear="pass")
def test_scaling(scaling) -> None:
    assert scaling(plain_sum, lambda n: ([1] * n,)) <= "n log n"


@pytest.mark.efficiency(unclear="pass")
def test_gil(gil) -> None:
    assert gil(plain_sum, [1] * 1_000_000).held


@pytest.mark.efficiency(unclear="pass")
def test_memory(memory) -> None:
    assert memory(plain_sum, [1] * 1000).peak <= "1 MB"
