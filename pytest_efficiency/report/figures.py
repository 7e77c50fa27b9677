"""How the figures of a verdict are written in a table: short, in their unit, and nothing where there is none."""

from __future__ import annotations

import math
from typing import Any

_CLOCKS = {
    "CPU time": "CPU",
    "CPU time of all threads": "CPU all",
    "wall time": "wall",
    "interpreter steps": "steps",
    "peak RSS": "RSS",
    "sampled RSS": "sampled",
}
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def value_text(verdict: dict[str, Any]) -> str:
    """What was measured: "45.6x", "n^1.05", "97%", "24 MB"."""
    return _in_unit(verdict["value"], verdict["unit"])


def interval_text(verdict: dict[str, Any]) -> str:
    """How surely: "14.1..148x"; ">= 14.1x" where one end is open."""
    low, high = verdict["interval"] or (None, None)
    unit = verdict["unit"]
    if not _known(low):
        return f"<= {_in_unit(high, unit)}" if _known(high) else ""
    if not _known(high):
        return f">= {_in_unit(low, unit)}"
    first, last = _in_unit(low, unit), _in_unit(high, unit)
    # "n^1.02..1.09", "7.9..8.1 MB", "95..99%": the unit once, if it is the same.
    if unit == "exponent":
        return f"{first}..{last.removeprefix('n^')}"
    end = last.lstrip("0123456789.e+-")
    return f"{first.removesuffix(end)}..{last}" if end and first.endswith(end) else f"{first}..{last}"


def headroom_text(verdict: dict[str, Any]) -> str:
    """How far on the right side of the bound, as a factor."""
    headroom = verdict["headroom"]
    return _in_unit(headroom, "x")


def clock_text(verdict: dict[str, Any]) -> str:
    """What was read, in a word: "CPU", "wall", "steps", "RSS"."""
    clock = str(verdict["clock"])
    return _CLOCKS.get(clock, clock)


def _known(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _in_unit(value: Any, unit: str) -> str:
    if not _known(value):
        return ""
    if unit == "x":
        return f"{value:.3g}x" if abs(value) < 1000 else f"{value:.0f}x"
    if unit == "exponent":
        return f"n^{value:.2f}"
    if unit == "share":
        return f"{value:.0%}"
    size, name = next(((size, name) for size, name in _BYTES if abs(value) >= size), (1.0, "B"))
    return f"{value / size:.3g} {name}"
