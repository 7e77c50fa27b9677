"""Sizes as a claim writes them: "8 MB", "16 MiB", "1.5 outputs", and how large a value is."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from pytest_efficiency.errors import ClaimError

_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_SPELLINGS = {
    "byte": "B",
    "bytes": "B",
    "input": "inputs",
    "inputs": "inputs",
    "output": "outputs",
    "outputs": "outputs",
} | {unit: unit for unit in _BYTES}
_KNOWN = "B, kB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024), inputs, outputs"
_FORM = re.compile(r"\s*(\d+(?:\.\d*)?(?:e\d+)?|\.\d+)\s*([A-Za-z]+)\s*")


@dataclass(frozen=True)
class Size:
    """A number of bytes, or of inputs or outputs of the call, whose bytes are known only after it."""

    count: float
    unit: str

    def __str__(self) -> str:
        unit = self.unit.removesuffix("s") if self.count == 1 else self.unit
        return f"{self.count:g} {unit}"

    def bytes(self, *, inputs: int = 0, outputs: int = 0) -> float:
        """In bytes.

        Args:
            inputs: the bytes of all arguments of the call together.
            outputs: the bytes of its result.

        Raises:
            ClaimError: a multiple of something that has no size, such as the outputs of a function that returns None.
        """
        if self.unit in _BYTES:
            return self.count * _BYTES[self.unit]
        each = {"inputs": inputs, "outputs": outputs}[self.unit]
        if each <= 0:
            what, other = ("arguments have", "outputs") if self.unit == "inputs" else ("result has", "inputs")
            msg = f"{str(self)!r} was asked for, but the call's {what} no size to multiply; give {other} or MB instead"
            raise ClaimError(msg)
        return self.count * each


def parse_size(text: str | float | Size) -> Size:
    """The size that a claim names: a string with a unit, or a plain number of bytes.

    Raises:
        ClaimError: anything else; the message lists the known units.
    """
    if isinstance(text, Size):
        return text
    if isinstance(text, (int, float)) and not isinstance(text, bool) and 0 <= text < math.inf:
        return Size(float(text), "B")
    if isinstance(text, str):
        found = _FORM.fullmatch(text)
        if found and found[2] in _SPELLINGS:
            return Size(float(found[1]), _SPELLINGS[found[2]])
        if found:
            msg = f"unknown unit {found[2]!r} in the size {text!r}; known units: {_KNOWN}"
            raise ClaimError(msg)
    msg = f'{text!r} is no size; write a number and a unit, such as "8 MB" or "1.5 outputs"; known units: {_KNOWN}'
    raise ClaimError(msg)


def show_bytes(count: float) -> str:
    """As a person writes it: ``0 B``, ``512 B``, ``1.5 kB``, ``8.00 MB``."""
    size = abs(count)
    if math.isnan(size):
        return "an unknown size"
    for unit, each in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= each:
            return f"{count / each:.3g} {unit}"
    return f"{count:.0f} B" if size >= 10 or count == int(count) else f"{count:.2g} B"


def size_of(value: Any) -> int:
    """The bytes that a value occupies: the elements of arrays, and built-in containers with all that is in them.

    The same object counts once, however often it occurs. None and a bool are nothing of their own.
    """
    seen: set[int] = set()
    waiting, total = [value], 0
    while waiting:
        item = waiting.pop()
        if item is None or isinstance(item, (bool, type)) or id(item) in seen:
            continue
        seen.add(id(item))
        elements = getattr(item, "nbytes", None)
        if isinstance(elements, int):
            total += elements
            continue
        total += sys.getsizeof(item)
        if isinstance(item, Mapping):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple, AbstractSet)):
            waiting.extend(item)
        elif hasattr(item, "__dict__"):
            waiting.append(vars(item))
    return total
