"""Inputs of a chosen size: what ``inputs(n)`` returns, how large it is, and whether a call changes it.

A call that changes its input needs one of its own each time: ``list.sort`` on a list that it has sorted already reads
30 times too fast.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.measure.inputs import as_call, rough_size
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable

_ATOMS = (int, float, complex, str, bytes, bool, type(None), range, frozenset)


@dataclass(frozen=True)
class Sized:
    """One input: asked for at ``asked``, of true size ``n``, made in ``seconds``."""

    asked: int
    n: float
    call: Call
    seconds: float

    @cached_property
    def bytes(self) -> int:
        """About how much memory the arguments take."""
        return rough_size(self.call.args) + (rough_size(dict(self.call.kwargs)) if self.call.kwargs else 0)


class SizedInputs:
    """The caller's ``inputs(n)``, understood and timed."""

    def __init__(self, inputs: Callable[[int], Any], clock: Callable[[], float] = time.perf_counter) -> None:
        if not callable(inputs):
            msg = (
                f"scaling(f, inputs) needs a callable that makes the arguments for a size, but got {_shown(inputs)}. "
                "Pass a function, e.g. lambda n: (list(range(n)),)"
            )
            raise ClaimError(msg)
        self._inputs = inputs
        self._clock = clock
        self.gives_n = False

    def make(self, asked: int) -> Sized:
        """Fresh arguments of size ``asked``.

        ``inputs(n)`` returns the tuple of arguments, or one argument that is no tuple, or (tuple of arguments, true n).

        Raises:
            ClaimError: it returned nothing, or a size that is no size.
        """
        start = self._clock()
        made = self._inputs(asked)
        seconds = self._clock() - start
        n: float = asked
        if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], (tuple, Call)) and _is_size(made[1]):
            made, size = made
            n = size if isinstance(size, float) else int(size)
            self.gives_n = True
            if not (math.isfinite(n) and n > 0):
                msg = (
                    f"inputs({asked}) says that its true size is {n}. "
                    "Return (tuple of arguments, n) with a positive whole number n"
                )
                raise ClaimError(msg)
        if made is None:
            msg = f"inputs({asked}) returned None. Return the tuple of arguments for that size"
            raise ClaimError(msg)
        return Sized(asked, n, as_call(made), seconds)


def _is_size(value: object) -> bool:
    # NaN is what a size computed from nothing becomes; as a second argument of a call it would mean nothing.
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole or (isinstance(value, float) and math.isnan(value))


def copier(call: Call) -> Callable[[], Call] | None:
    """What makes equal copies of a call as fast as its arguments allow; None where they cannot be copied."""
    try:
        copiers = [_copy_of(value) for value in call.args]
        named = {name: _copy_of(value) for name, value in call.kwargs.items()}
        for one in (*copiers, *named.values()):
            one()
    except Exception:  # noqa: BLE001  a learner's class may refuse to be copied in any way it likes
        return None
    if not named:
        return lambda: Call(tuple([one() for one in copiers]))
    return lambda: Call(tuple([one() for one in copiers]), {name: one() for name, one in named.items()})


def _copy_of(value: Any) -> Callable[[], Any]:
    if isinstance(value, _ATOMS):
        return lambda: value
    flat = type(value) in (list, set, bytearray) and all(isinstance(item, _ATOMS) for item in value)
    flat = flat or (type(value) is dict and all(isinstance(item, _ATOMS) for item in value.values()))
    if flat or (hasattr(value, "dtype") and hasattr(value, "copy") and not getattr(value.dtype, "hasobject", True)):
        made: Callable[[], Any] = value.copy
        return made
    return lambda: copy.deepcopy(value)


def same(one: Any, other: Any) -> bool:
    """Whether two values of plain data are equal in type and content; False where that cannot be told."""
    try:
        return _same(one, other)
    except Exception:  # noqa: BLE001  comparing may run a learner's __eq__, or recurse too deep: then nobody can tell
        return False


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return isinstance(one, _ATOMS) or callable(one)
    if type(one) is not type(other):
        return False
    if isinstance(one, Call):
        return _same(one.args, other.args) and _same(dict(one.kwargs), dict(other.kwargs))
    if isinstance(one, (bytearray, *_ATOMS)):
        return bool(one == other) or (one != one and other != other)  # NaN
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, set):
        return bool(one == other)
    if hasattr(one, "dtype") and hasattr(one, "tobytes"):
        return bool(one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes())
    if hasattr(one, "__dict__"):
        return _same(vars(one), vars(other))
    return False


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
