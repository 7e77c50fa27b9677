from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.measure.sized import SizedInputs, copier
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
    assert copied.args[:3] == original.args[:3]
    assert copied.args[3].tolist() == original.args[3].tolist()
    assert copied.args[4:] == original.args[4:]
    assert copied.kwargs == original.kwargs
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


SHARED = [3, 1, 2]
WHOLE = np.arange(1000.0)[::-1].copy()


@pytest.mark.parametrize("inputs", [lambda _: (SHARED,), lambda n: (WHOLE[:n],)], ids=["cached", "views"])
def test_what_is_handed_out_again_is_never_changed_by_a_call(inputs) -> None:
    """As long as nobody knows what a call does it gets a copy, and ever after if it changes its input."""
    made = SizedInputs(inputs)
    sized = made.make(8)
    tried = made.to_try(sized.call)
    assert not np.may_share_memory(np.asarray(tried.args[0]), np.asarray(sized.call.args[0]))
    tried.args[0].sort()
    made.changing = True
    one, other = made.make(8).call.args[0], made.make(8).call.args[0]
    assert one is not other
    assert list(one) == list(inputs(8)[0])
    one.sort()
    assert list(other) == list(inputs(8)[0]) == list(made.make(8).call.args[0])


def test_fresh_inputs_are_handed_on_as_they_are() -> None:
    """Nothing is copied that nobody else has."""
    made = SizedInputs(lambda n: (list(range(n)),))
    sized = made.make(8)
    assert made.to_try(sized.call) is sized.call


def test_the_same_objects_again_that_cannot_be_copied_are_refused_once_a_call_changes_them() -> None:
    """The message says that inputs(n) has to make new ones."""
    generator = (i for i in range(3))
    made = SizedInputs(lambda _: (generator,))
    call = made.make(4).call
    assert made.to_try(call).args == (generator,)
    made.changing = True
    with pytest.raises(ClaimError, match=r"inputs\(4\) returns the same objects.*make new ones"):
        made.make(4)


def test_copies_that_take_long_are_not_made_again_and_again() -> None:
    """A shared table of gigabytes is copied once, not at every size."""
    now = iter(range(100))
    made = SizedInputs(lambda _: (SHARED,), clock=lambda: next(now))
    call = made.make(4).call
    assert made.to_try(call) is not call
    assert made.to_try(call) is call
