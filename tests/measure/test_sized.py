from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.measure.sized import SizedInputs, copier, same
from pytest_efficiency.subject.protocol import Call


@pytest.mark.parametrize(
    ("returned", "args", "n"),
    [
        ((1, 2), (1, 2), 8),
        ([1, 2], ([1, 2],), 8),
        (5, (5,), 8),
        (((1, 2), 16), (1, 2), 16),
        (((1, 2), np.int64(16)), (1, 2), 16),
        (((1, 2), 0.5), ((1, 2), 0.5), 8),
        (((1, 2), True), ((1, 2), True), 8),
        (([1, 2], 16), ([1, 2], 16), 8),
        (Call((1,), {"key": 2}), (1,), 8),
    ],
)
def test_what_inputs_returns_is_understood(returned: object, args: tuple, n: int) -> None:
    """A tuple of arguments, a single argument, or a tuple of arguments with the true n."""
    sized = SizedInputs(lambda _: returned).make(8)
    assert sized.call.args == args
    assert (sized.asked, sized.n) == (8, n)


@pytest.mark.parametrize("wrong", [[1, 2, 3], 5, None, "n"])
def test_inputs_that_cannot_be_called_are_refused(wrong: object) -> None:
    """The message shows what came and what to write."""
    with pytest.raises(ClaimError, match="lambda n"):
        SizedInputs(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("returned", "said"), [(((1,), 0), "0"), (((1,), -3), "-3"), (((1,), math.nan), "nan"), (None, "None")]
)
def test_a_size_that_is_none_is_refused(returned: object, said: str) -> None:
    """Zero, negative, NaN, and nothing at all."""
    with pytest.raises(ClaimError, match=said):
        SizedInputs(lambda _: returned).make(8)


def test_copies_are_equal_and_independent() -> None:
    """What is done to a copy is not done to the original, nested or not."""
    original = Call(([3, 1], [[1], [2]], {"a": [1]}, np.arange(3.0), bytearray(b"ab"), "text"), {"key": [1]})
    make = copier(original)
    assert make is not None
    copied = make()
    assert same(copied, original)
    for value in (copied.args[0], copied.args[1][0], copied.args[2]["a"], copied.kwargs["key"]):
        value.append(9)
    copied.args[3][0] = 9.0
    copied.args[4][0] = 9
    assert original.args[:3] == ([3, 1], [[1], [2]], {"a": [1]})
    assert original.args[3][0] == 0.0
    assert original.args[4] == b"ab"
    assert original.kwargs == {"key": [1]}


def test_what_cannot_be_copied_is_said() -> None:
    """A generator has no copy."""
    assert copier(Call(((i for i in range(3)),))) is None


class Point:
    def __init__(self, x: float) -> None:
        self.x = x


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1], [1.0], False),
        ([math.nan], [math.nan], True),
        ({"a": [1]}, {"a": [2]}, False),
        ({1, 2}, {2, 1}, True),
        (np.arange(3), np.arange(3), True),
        (np.arange(3), np.arange(3.0), False),
        (Point(1.0), Point(1.0), True),
        (Point(1.0), Point(2.0), False),
        (iter([1]), iter([1]), False),
    ],
)
def test_changes_are_seen(one: object, other: object, *, equal: bool) -> None:
    """What cannot be told counts as changed: such calls get inputs of their own."""
    assert same(one, other) is equal
