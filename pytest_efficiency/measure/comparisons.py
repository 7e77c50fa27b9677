"""Values that count how often they are compared: a meter for sorting and searching that no load disturbs.

Code in C compares Python objects by their own methods, so this sees into `sorted`, `bisect` and compiled extensions as
well, where interpreter steps see nothing.
"""

from __future__ import annotations

from typing import Any

from pytest_efficiency.errors import ClaimError


class Comparisons:
    """Counts the comparisons between values that it has wrapped; calling it reads the count.

    ``comparisons = Comparisons()``, then ``[comparisons.of(x) for x in numbers]`` as an input, and
    ``scaling(f, inputs, counting=comparisons) <= "n log n"``.
    """

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> int:
        return self.made

    def __repr__(self) -> str:
        return f"<{self.made} comparisons>"

    def of(self, value: Any) -> Compared:
        """The value, so wrapped that each of <, <=, >, >=, == and != with another one is counted."""
        return Compared(value, self)


class Compared:
    """A value of `Comparisons.of`; ``value`` is what it holds. Compares and hashes as that does."""

    __slots__ = ("_counter", "value")

    def __init__(self, value: Any, counter: Comparisons) -> None:
        self.value = value
        self._counter = counter

    def __lt__(self, other: Any) -> bool:
        return self._counted(other) and bool(self.value < other.value)

    def __le__(self, other: Any) -> bool:
        return self._counted(other) and bool(self.value <= other.value)

    def __gt__(self, other: Any) -> bool:
        return self._counted(other) and bool(self.value > other.value)

    def __ge__(self, other: Any) -> bool:
        return self._counted(other) and bool(self.value >= other.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compared) and self._counted(other) and bool(self.value == other.value)

    def _counted(self, other: Any) -> bool:
        if not isinstance(other, Compared):
            msg = f"a counted value can be compared with another one, not with {type(other).__name__}; wrap both"
            raise ClaimError(msg)
        self._counter.made += 1
        return True

    def __hash__(self) -> int:
        return hash(self.value)

    def __copy__(self) -> Compared:
        return self

    def __deepcopy__(self, memo: Any) -> Compared:
        # A copy has to count on the same counter, or inputs that a call changes would be sorted uncounted.
        return self

    def __repr__(self) -> str:
        return f"Compared({self.value!r})"
