"""How figures are written in a verdict's line: short, and the same everywhere."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """12345.0 as "12 345", 0.1234567 as "0.123"."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value):
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.3g}"


def ratio(value: float) -> str:
    """A speedup: "318x", "1.02x"."""
    return f"{value:.3g}x" if value < 1000 else f"{value:.0f}x"


def between(interval: tuple[float, float], unit: str) -> str:
    """An interval: "12.1x to 13.4x"; an open end is left out."""
    low, high = interval
    if math.isinf(high):
        return f"at least {low:.3g}{unit}"
    return f"{low:.3g}{unit} to {high:.3g}{unit}"


def class_text(exponent: float) -> str:
    """An exponent as growth: "n^1.05"."""
    return f"n^{exponent:.2f}" if math.isfinite(exponent) else "?"
