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
from pytest_efficiency.measure.digest import state
from pytest_efficiency.measure.inputs import IMMUTABLE, as_call, has_own_copy, rough_size, shares
from pytest_efficiency.subject.agreement import cut
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable

# Where copying takes longer, objects that are handed out again are no longer copied to see whether a call changes them.
_LONGEST_COPY = 0.1
# Inputs that come in steps may be equal for two sizes, and not for two that lie so far apart.
_FAR = 64


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
    """The caller's ``inputs(n)``, understood and timed.

    Attributes:
        gives_n: it returns true sizes.
        changing: a call changes its arguments. Objects that ``inputs`` hands out again (it is cached, or cuts views out
            of one array) are then copied, because nobody would get them as they were.
    """

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
        self.changing = False
        self._shares: bool | None = None
        self._copying_is_dear = False

    def make(self, asked: int) -> Sized:
        """Fresh arguments of size ``asked``.

        ``inputs(n)`` returns the tuple of arguments, or one argument that is no tuple, or (tuple of arguments, true n).

        Raises:
            ClaimError: it returned nothing, or a size that is no size; or calls change what it hands out again and
                again, and that cannot be copied.
        """
        sized = self._made(asked)
        if self._shares is None:
            self._shares = shares(sized.call, self._made(asked).call)
        if not (self._shares and self.changing):
            return sized
        start = self._clock()
        make = copier(sized.call)
        if make is None:
            msg = (
                f"the measured call changes its arguments, inputs({asked}) returns the same objects again and again, "
                "and they cannot be copied. Let inputs(n) make new ones each time that it is called"
            )
            raise ClaimError(msg)
        call = make()
        return Sized(asked, sized.n, call, sized.seconds + self._clock() - start)

    def refuse_equal(self, smallest: Sized, largest: Sized) -> None:
        """Refuse inputs that are the same for every n: the time on them tells nothing about growth.

        Raises:
            ClaimError: the arguments for the smallest and for the largest n of a ladder are equal plain data.
        """
        if self.gives_n or largest.asked < _FAR * smallest.asked or not _plain(largest.call.args):
            return
        if not largest.call.kwargs and state(smallest.call) == state(largest.call):
            found = f"inputs({smallest.asked}) and inputs({largest.asked}) both return {cut(largest.call.args, 60)}"
            msg = f"growth needs inputs of different sizes, but {found}. Let what inputs(n) returns depend on n"
            raise ClaimError(msg)

    def to_try(self, call: Call) -> Call:
        """What to make a call with whose doings are not known yet: a copy of what `inputs` will hand out again."""
        if not self._shares or self.changing or self._copying_is_dear:
            return call
        start = self._clock()
        make = copier(call)
        copied = make() if make is not None else call
        self._copying_is_dear = self._clock() - start > _LONGEST_COPY
        return copied

    def _made(self, asked: int) -> Sized:
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


def _plain(values: tuple[Any, ...]) -> bool:
    """Whether a digest of these tells all about them: nothing is hidden in an object of a compiled class."""
    return bool(values) and all(
        isinstance(value, IMMUTABLE)
        or (type(value) in (list, set, dict) and has_own_copy(value))
        or hasattr(value, "__array_interface__")
        for value in values
    )


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
    if isinstance(value, IMMUTABLE):
        return lambda: value
    if has_own_copy(value):
        made: Callable[[], Any] = value.copy
        return made
    return lambda: copy.deepcopy(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
