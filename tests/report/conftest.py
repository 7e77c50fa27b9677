"""Entries as the plugin makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_efficiency.report.entries import Entry

POINTS = {"correct": 2, "speed": 3}


def measured(kind: str = "speedup", outcome: str = "passed", value: float = 318.2, **data: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "outcome": outcome,
        "claim": f"{kind}(...)",
        "message": f"{kind} {outcome}",
        "value": value,
        "interval": [300.0, float("inf")],
        "bound": 60.0,
        "unit": "x",
        "clock": "CPU time",
        "rounds": 5,
        "seconds": 0.25,
        "headroom": 5.3,
        "data": data,
    }


@pytest.fixture
def entry() -> Callable[..., Entry]:
    def make(column: str = "correct", state: str = "passed", **rest: Any) -> Entry:
        made = {
            "id": f"test_{column}_{rest.get('name', '')}[numba]",
            "exercise": "03_vectorise/shifted_product",
            "title": "Shifted product",
            "submission": "numba",
            "backend": "numba",
            "source": "shifted_product.py",
            "column": column,
            "planned": 1,
            "points": POINTS,
            "state": state,
            "message": "",
            "hint": "",
            "verdicts": [],
            "file": "test_x.py",
            "line": 3,
            "seconds": 0.1,
            "stdout": "",
            "stderr": "",
        }
        rest.pop("name", None)
        return {**made, **rest}  # type: ignore[return-value]  # a literal of all keys, typed by hand above

    return make


@pytest.fixture
def verdict() -> Callable[..., dict[str, Any]]:
    return measured
