"""Whether two results agree, and where they do not: the default ``equal=`` of a speedup.

Knows plain data and NumPy arrays. Types are part of a result: a float for an int, or a list for an array, is another
answer and often a cheaper one.
"""

from __future__ import annotations

import math
import reprlib
import sys
from typing import Any

_EXACT = (int, str, bool, bytes, type(None))
_DEEPEST = 100


def agree(expected: Any, actual: Any, *, rtol: float = 1e-9, atol: float = 0.0) -> str | None:
    """None when both results are the same; otherwise one line that says where and how they differ.

    Exact for int, str, bool, bytes and None; within ``rtol`` of the expected value for floats and complex numbers (and
    ``atol``, 0 by default: a sum that cancels to nothing needs one); NaN equals NaN. Lists, tuples, sets and dicts are
    compared element by element, and their type counts. Arrays must have the same dtype and shape. A NumPy scalar counts
    as the Python number of its kind. Anything else is compared with ``==``.
    """
    return _compare(expected, actual, rtol, atol, "", 0)


def _compare(expected: Any, actual: Any, rtol: float, atol: float, path: str, depth: int) -> str | None:
    if depth > _DEEPEST:
        return f"{_at(path)}nested more than {_DEEPEST} deep, which is not compared; pass equal="
    kind, other = _kind(expected), _kind(actual)
    if kind is not other:
        return f"{_at(path)}expected {cut(expected, 60)} ({_named(expected)}), got {cut(actual, 60)} ({_named(actual)})"
    if kind in _EXACT:
        return None if expected == actual else _differs(expected, actual, path)
    if kind in (float, complex):
        return None if _close(expected, actual, rtol, atol) else _differs(expected, actual, path, rtol)
    if kind in (list, tuple) or isinstance(expected, (list, tuple)):
        return _sequences(expected, actual, rtol, atol, path, depth)
    if isinstance(expected, dict):
        return _dicts(expected, actual, rtol, atol, path, depth)
    if isinstance(expected, (set, frozenset)):
        return _sets(expected, actual, rtol, atol, path)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(expected, numpy.ndarray):
        return _arrays(numpy, expected, actual, rtol, atol, path, depth)
    return _others(expected, actual, path)


def _kind(value: Any) -> type:
    """The type that counts. NumPy's scalars count as what they stand for: nobody means another answer by them."""
    kind = type(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        for python, abstract in (
            (bool, numpy.bool_),
            (int, numpy.integer),
            (float, numpy.floating),
            (complex, numpy.complexfloating),
        ):
            if isinstance(value, abstract) and not isinstance(value, numpy.timedelta64):
                return python
    return kind


def _named(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _at(path: str) -> str:
    return f"at {path}: " if path else ""


def _differs(expected: Any, actual: Any, path: str, rtol: float | None = None) -> str:
    within = f" (rtol {rtol:g})" if rtol is not None else ""
    return f"{_at(path)}expected {cut(expected, 80)}, got {cut(actual, 80)}{within}"


def _close(expected: Any, actual: Any, rtol: float, atol: float) -> bool:
    if bool(expected == actual):
        return True
    if _kind(expected) is complex:
        return _close_float(expected.real, actual.real, rtol, atol, abs(expected)) and _close_float(
            expected.imag, actual.imag, rtol, atol, abs(expected)
        )
    return _close_float(expected, actual, rtol, atol, abs(expected))


def _close_float(left: Any, right: Any, rtol: float, atol: float, magnitude: Any) -> bool:
    expected, actual, size = float(left), float(right), float(magnitude)
    if math.isnan(expected) or math.isnan(actual):
        return math.isnan(expected) and math.isnan(actual)
    if math.isinf(expected) or math.isinf(actual):
        return expected == actual
    return abs(expected - actual) <= max(rtol * size if math.isfinite(size) else 0.0, atol)


def _sequences(expected: Any, actual: Any, rtol: float, atol: float, path: str, depth: int) -> str | None:
    if len(expected) != len(actual):
        return f"{_at(path)}expected {len(expected)} elements, got {len(actual)}"
    types = list(map(type, expected))
    # A million ints are compared in C; only what that cannot decide is walked through.
    if set(types) <= {*_EXACT, float} and types == list(map(type, actual)) and expected == actual:
        return None
    for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
        found = _compare(one, other, rtol, atol, f"{path}[{index}]", depth + 1)
        if found is not None:
            return found
    return None


def _dicts(expected: Any, actual: Any, rtol: float, atol: float, path: str, depth: int) -> str | None:
    keys = {(type(key), key) for key in expected}, {(type(key), key) for key in actual}
    if keys[0] != keys[1]:
        missing, extra = ([key for _, key in one - other] for one, other in (keys, keys[::-1]))
        sides = ("missing", missing), ("unexpected", extra)
        return _at(path) + ", ".join(f"keys {word}: {cut(some, 60)}" for word, some in sides if some)
    for key, value in expected.items():
        found = _compare(value, actual[key], rtol, atol, f"{path}[{cut(key, 40)}]", depth + 1)
        if found is not None:
            return found
    return None


def _sets(expected: Any, actual: Any, rtol: float, atol: float, path: str) -> str | None:
    keys = {(_kind(item), item) for item in expected}, {(_kind(item), item) for item in actual}
    missing, extra = keys[0] - keys[1], keys[1] - keys[0]
    if not missing and not extra:
        return None
    left, right = ([item for _, item in some] for some in (missing, extra))
    if len(left) == len(right) and all(kind is float for kind, _ in missing | extra):
        # What is left over on both sides may be the same floats up to rounding; order pairs them up.
        pairs = zip(sorted(left, key=_nan_last), sorted(right, key=_nan_last), strict=True)
        if all(_close_float(one, other, rtol, atol, abs(one)) for one, other in pairs):
            return None
    parts = [f"{word} {cut(some, 80)}" for word, some in (("missing", left), ("unexpected", right)) if some]
    return f"{_at(path)}elements {', '.join(parts)}"


def _nan_last(value: float) -> tuple[bool, float]:
    return (True, 0.0) if math.isnan(value) else (False, value)


def _arrays(numpy: Any, expected: Any, actual: Any, rtol: float, atol: float, path: str, depth: int) -> str | None:
    if expected.dtype != actual.dtype:
        return f"{_at(path)}expected an array of {expected.dtype}, got {actual.dtype}"
    if expected.shape != actual.shape:
        return f"{_at(path)}expected an array of shape {expected.shape}, got {actual.shape}"
    if expected.dtype.names:
        for field in expected.dtype.names:
            found = _compare(expected[field], actual[field], rtol, atol, f"{path}[{field!r}]", depth + 1)
            if found is not None:
                return found
        return None
    if expected.dtype.kind == "O":
        return _sequences(expected.ravel().tolist(), actual.ravel().tolist(), rtol, atol, path, depth)
    if expected.dtype.kind in "fc":
        with numpy.errstate(all="ignore"):
            same = numpy.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
    elif expected.dtype.kind in "mM":
        same = (expected == actual) | (numpy.isnat(expected) & numpy.isnat(actual))
    else:
        same = expected == actual
    wrong = numpy.argwhere(~numpy.atleast_1d(same))
    if not len(wrong):
        return None
    where = tuple(int(index) for index in wrong[0])
    spot = f"{path}[{', '.join(map(str, where))}]" if expected.ndim else path
    first = where if expected.ndim else ()
    within = rtol if expected.dtype.kind in "fc" else None
    line = _differs(expected[first], actual[first], spot, within)
    return f"{line}; {len(wrong)} of {expected.size} elements differ" if expected.size > 1 else line


def _others(expected: Any, actual: Any, path: str) -> str | None:
    if hasattr(expected, "__next__") or hasattr(expected, "__await__"):
        return (
            f"{_at(path)}the result is {_named(expected)}, which does its work only when it is consumed; "
            f"return a list or an array instead"
        )
    try:
        same = bool(expected == actual)
    except Exception as error:  # noqa: BLE001  somebody else's __eq__
        return f"{_at(path)}two {_named(expected)} cannot be compared ({type(error).__name__}); pass equal="
    if same:
        return None
    if getattr(type(expected), "__eq__", None) is object.__eq__:
        return f"{_at(path)}{_named(expected)} has no equality of its own; pass equal="
    return _differs(expected, actual, path)


class _Short(reprlib.Repr):
    """repr with few elements, which never walks through all of a large value.

    (`reprlib.Repr` hands every method a ``level``, which leaves have no use for.)
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = 8
        self.maxdict = self.maxdeque = self.maxarray = 8
        self.maxstring = self.maxother = self.maxlong = size

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002
        # Python refuses to print what has more than 4300 digits, and takes quadratic time below that.
        return repr(x) if x.bit_length() <= 400 else f"<int of {x.bit_length()} bits>"

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002
        return repr(x) if len(x) <= self.maxstring else f"{x[: self.maxstring]!r}... ({len(x)} characters)"

    def repr_bytes(self, x: bytes, level: int) -> str:  # noqa: ARG002
        return repr(x) if len(x) <= self.maxstring else f"{x[: self.maxstring]!r}... ({len(x)} bytes)"

    def repr_bytearray(self, x: bytearray, level: int) -> str:
        return self.repr_bytes(bytes(x[: self.maxstring + 1]), level)

    def repr_ndarray(self, x: Any, level: int) -> str:  # noqa: ARG002
        import numpy as np

        if x.ndim == 0:
            return f"array({x.item()!r}, dtype={x.dtype})"
        text = np.array2string(x, threshold=8, edgeitems=2, separator=", ").replace("\n", "")
        return f"array({text}, shape={x.shape}, dtype={x.dtype})"

    def repr_instance(self, x: Any, level: int) -> str:  # noqa: ARG002
        try:
            text = repr(x)
        except Exception as error:  # noqa: BLE001  somebody else's __repr__
            return f"<{type(x).__name__} whose repr raised {type(error).__name__}>"
        return text


def cut(value: Any, size: int = 200) -> str:
    """``repr(value)`` in at most ``size`` characters; safe and quick for huge values."""
    text = _Short(size).repr(value)
    return text if len(text) <= size else text[: max(size - 3, 0)] + "..."
