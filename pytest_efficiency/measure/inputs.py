"""The arguments of measured calls: the same ones, a copy each, or fresh ones each. Always made outside the clock."""

from __future__ import annotations

import copy
import sys
import time
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable

# How many elements of one container are looked at, by how deep it lies in the arguments: an estimate is enough, lists
# of millions are common, and so are lists of lists.
_LOOKED_AT = (1000, 1000, 32, 4)
# How many calls' inputs are held against each other to see whether they are fresh, and for how many seconds.
_TURNS, _LONGEST_LOOK = 32, 0.05
_ATOMS = {int, float, complex, str, bytes, bool, type(None)}
IMMUTABLE = (int, float, complex, str, bytes, bool, type(None), range, frozenset)


def as_call(made: Any) -> Call:
    """What ``inputs()`` returned, as a call: a tuple holds the arguments, anything but a `Call` is the only one."""
    if isinstance(made, Call):
        return made
    return Call(made) if type(made) is tuple else Call((made,))


def rough_size(value: Any, depth: int = 0) -> int:
    """About how many bytes a value occupies; large containers are extrapolated from their first elements."""
    array_bytes = getattr(value, "nbytes", None)
    if isinstance(array_bytes, int):
        return array_bytes
    size = sys.getsizeof(value, 64)
    if depth < len(_LOOKED_AT) and isinstance(value, (list, tuple, set, frozenset, dict)) and value:
        items = list(islice(value.items() if isinstance(value, dict) else value, _LOOKED_AT[depth]))
        inside = sum(rough_size(item, depth + 1) for item in items)
        size += inside * len(value) // len(items)
    return size


def shares(one: Call, other: Call) -> bool:
    """Whether two calls have an object in common that a call could change: what changes it changes the other's, too."""
    return _shared((*one.args, *one.kwargs.values()), (*other.args, *other.kwargs.values()), 3)


def _shared(one: Any, other: Any, depth: int) -> bool:
    if one is other:
        immutable = isinstance(one, IMMUTABLE) or callable(one)
        return not immutable and not (type(one) is tuple and not any(_shared(each, each, depth - 1) for each in one))
    if hasattr(one, "__array_interface__") and hasattr(other, "__array_interface__"):
        # Two views of one array lie in the same place; NumPy is there, since somebody has made them.
        return bool(sys.modules["numpy"].may_share_memory(one, other))
    if depth > 0 and isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        pairs = islice(zip(one, other, strict=False), _LOOKED_AT[-1])
        return any(_shared(mine, theirs, depth - 1) for mine, theirs in pairs)
    return False


def has_own_copy(value: Any) -> bool:
    """Whether ``value.copy()`` is a deep copy, and a hundred times as fast as one: a list of numbers, an array."""
    kind = type(value)
    if kind in (list, set, bytearray):
        return set(map(type, value)) <= _ATOMS
    if kind is dict:
        return set(map(type, value.values())) <= _ATOMS
    return hasattr(value, "dtype") and hasattr(value, "copy") and not getattr(value.dtype, "hasobject", True)


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """A deep copy; what occurs twice in the arguments (``memo``) occurs twice in their copies."""
    if id(value) not in memo and has_own_copy(value):
        memo[id(value)] = value.copy()
    return copy.deepcopy(value, memo)


@cache
def second_level_cache() -> int:
    """Bytes of the second-level cache of a core; 1 MiB where the system does not say."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(text.rstrip("KMG")) * {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:], 1)
    except (OSError, ValueError):
        return 1 << 20


class Inputs:
    """Makes the calls of a batch.

    Attributes:
        fresh: each call has arguments of its own (made by ``make``, or copies because calls change them).
        notes: lines for the report.
    """

    def __init__(self, make: Callable[[], Any] | None, call: Call) -> None:
        self._make = make
        self._call = call
        self._copies = False
        self._changed = False
        self._size: int | None = None
        self._seconds = 0.0
        self.notes: list[str] = []
        if make is None:
            self.notes.append("same arguments each call: a cache would win")

    @property
    def fresh(self) -> bool:
        return self._make is not None or self._copies

    def one(self) -> Call:
        """The arguments of the next call."""
        call = self._call if self._make is None else as_call(self._make())
        return self.copied(call) if self._copies else call

    def batch(self, n: int) -> list[Call]:
        if not self.fresh:
            return [self._call] * n
        start = time.perf_counter()
        calls = [self.one() for _ in range(n)]
        self._seconds = (time.perf_counter() - start) / max(n, 1)
        return calls

    def copied(self, call: Call) -> Call:
        """The same arguments once more.

        Raises:
            ClaimError: they cannot be copied.
        """
        memo: dict[int, Any] = {}
        try:
            return Call(
                tuple([_copied(value, memo) for value in call.args]),
                {name: _copied(value, memo) for name, value in call.kwargs.items()},
            )
        except Exception as error:
            what = "hand over `inputs=`, a function that makes fresh ones"
            if self._make is not None:
                what = "let `inputs` return what can be copied: a list, say, in place of an iterator or a generator"
            msg = (
                f"the measured call changes its arguments, so each call needs its own and both functions need equal "
                f"ones, and they cannot be copied ({type(error).__name__}: {error}); {what}"
            )
            raise ClaimError(msg) from error

    def changed_by_a_call(self) -> None:
        """Arguments turned out to be changed by a call: from now on no two calls get the same ones."""
        if self._changed:
            return
        self._changed = True
        if self._make is None:
            self._copies = True
            self.notes.append("a call changes its arguments: each call gets a fresh copy of them")
        elif self._repeats():
            self._copies = True
            self.notes.append(
                "a call changes its arguments, and inputs() returns the same objects again: each call gets a copy"
            )

    def _repeats(self) -> bool:
        """Whether ``make`` hands out what it has handed out before: one object each time, or a few in turns."""
        assert self._make is not None
        start = time.perf_counter()
        made = [as_call(self._make())]
        while len(made) < 2 or (len(made) < _TURNS and time.perf_counter() - start < _LONGEST_LOOK):
            new = as_call(self._make())
            if any(shares(new, old) for old in made):
                return True
            made.append(new)
        return False

    def most(self, capacity: int, seconds: float = 0.01) -> int:
        """How many calls' inputs fit into ``capacity`` bytes and are made within ``seconds``; at least one."""
        if not self.fresh:
            return sys.maxsize
        if self._size is None:
            call = self.batch(1)[0]
            self._size = max(rough_size(call.args) + rough_size(dict(call.kwargs)), 64)
        most = capacity // self._size
        if self._seconds > 0.0:
            most = min(most, int(seconds / self._seconds))
        return max(most, 1)
