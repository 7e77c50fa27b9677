"""Figures in the unit of their kind."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_efficiency.report.figures import clock_text, headroom_text, interval_text, value_text


def said(unit: str, value: float | None, interval: Any = None, **rest: Any) -> dict[str, Any]:
    return {"unit": unit, "value": value, "interval": interval, "headroom": None, "clock": "", "data": {}, **rest}


@pytest.mark.parametrize(
    ("unit", "value", "interval", "texts"),
    [
        ("x", 45.63, (14.1, 148.2), ("45.6x", "14.1..148x")),
        ("x", 12345.6, (9000.0, math.inf), ("12346x", ">= 9000x")),
        ("x", 0.99, (-math.inf, 1.04), ("0.99x", "<= 1.04x")),
        ("exponent", 1.052, (1.02, 1.094), ("n^1.05", "n^1.02..1.09")),
        ("exponent", -0.001, (-0.07, 0.15), ("n^-0.00", "n^-0.07..0.15")),
        ("share", 0.966, (0.951, 0.994), ("97%", "95..99%")),
        ("B", 8e6, (7.7e6, 8.3e6), ("8 MB", "7.7..8.3 MB")),
        ("B", 0.0, (0.0, 270_000.0), ("0 B", "0 B..270 kB")),
        ("B", 2.5e9, None, ("2.5 GB", "")),
        ("x", math.nan, (-math.inf, math.inf), ("", "")),
        ("x", None, (None, 3.0), ("", "<= 3x")),
    ],
)
def test_value_and_interval(unit: str, value: float | None, interval: Any, texts: tuple[str, str]) -> None:
    """The unit stands once where both ends have it, and an open end is no number."""
    verdict = said(unit, value, interval)
    assert (value_text(verdict), interval_text(verdict)) == texts


@pytest.mark.parametrize(
    ("headroom", "text"), [(2.283, "2.28x"), (1950.2, "1950x"), (None, ""), (math.inf, ""), (0.4, "0.4x")]
)
def test_headroom(headroom: float | None, text: str) -> None:
    """A factor, or nothing where there is no such thing."""
    assert headroom_text(said("x", 1.0, headroom=headroom)) == text


@pytest.mark.parametrize(
    ("clock", "text"),
    [("CPU time", "CPU"), ("wall time", "wall"), ("peak RSS", "RSS"), ("ticks", "ticks"), ("sundial", "sundial")],
)
def test_clock(clock: str, text: str) -> None:
    """One word; a clock that is not known here keeps its own."""
    assert clock_text(said("x", 1.0, clock=clock)) == text
