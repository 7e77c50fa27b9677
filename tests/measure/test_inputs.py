"""Arguments of measured calls."""

import itertools
import sys

import numpy as np
import pytest

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.measure.inputs import Inputs, as_call, rough_size, second_level_cache, shares
from pytest_efficiency.subject.protocol import Call


def test_what_inputs_may_return():
    """A tuple holds the arguments, a Call is a call, anything else is the only argument."""
    assert as_call((1, 2)) == Call((1, 2))
    assert as_call([1, 2]) == Call(([1, 2],))
    call = Call((1,), {"k": 2})
    assert as_call(call) is call


def test_sizes_are_about_right():
    """Arrays exactly, lists by what they hold, huge ones by extrapolation."""
    assert rough_size(np.zeros(1000)) == 8000
    numbers = list(range(1000, 101_000))
    exact = sys.getsizeof(numbers) + sum(map(sys.getsizeof, numbers))
    assert rough_size(numbers) == pytest.approx(exact, rel=0.1)
    assert rough_size([bytes(10**6)] * 3) > 3 * 10**6


def test_batches_are_capped_by_bytes():
    """Fixed arguments cost nothing; fresh ones only as many as fit, and one at least."""
    fixed = Inputs(None, Call((bytes(10**6),)))
    assert fixed.most(10**6) == sys.maxsize
    assert len({id(call) for call in fixed.batch(100)}) == 1
    fresh = Inputs(lambda: (np.zeros(10_000),), Call())
    assert 1 <= fresh.most(10**6) <= 13
    assert Inputs(lambda: (bytes(10**8),), Call()).most(10**6) == 1


def test_copies_are_made_only_when_a_call_changes_its_arguments():
    """The same object until then, a copy for each call from then on, and one note."""
    data = [1, 2]
    inputs = Inputs(None, Call((data,)))
    assert inputs.one().args[0] is data
    inputs.changed_by_a_call()
    inputs.changed_by_a_call()
    one, other = inputs.batch(2)
    assert one.args[0] == data
    assert one.args[0] is not data
    assert one.args[0] is not other.args[0]
    assert len(inputs.notes) == 2


def test_copies_keep_what_occurs_twice():
    """A function that works on its argument in two places gets one object twice, not two."""
    data, row = [1, 2], [3]
    inputs = Inputs(None, Call((data, [row, row]), {"out": data}))
    inputs.changed_by_a_call()
    call = inputs.one()
    assert call.args[0] is call.kwargs["out"] is not data
    assert call.args[1][0] is call.args[1][1] is not row


def test_a_million_numbers_are_copied_as_one():
    """A list of plain numbers is copied in C: the copy of an int is that int."""
    numbers = list(range(10**6))
    inputs = Inputs(None, Call((numbers, np.arange(3.0))))
    inputs.changed_by_a_call()
    call = inputs.one()
    assert call.args[0] == numbers
    assert call.args[0] is not numbers
    assert not np.may_share_memory(call.args[1], inputs.one().args[1])


@pytest.mark.parametrize(
    ("make", "expected"),
    [(None, "hand over `inputs=`"), (lambda: ((item for item in [1]),), "in place of an iterator")],
    ids=["fixed", "made"],
)
def test_what_cannot_be_copied_is_said_with_what_to_do(make, expected):
    """The error names `inputs=`, or what it should return."""
    inputs = Inputs(make, Call(((item for item in [1]),)))
    inputs.changed_by_a_call()
    with pytest.raises(ClaimError, match=expected):
        inputs.copied(inputs.one())


SHARED = [3, 1, 2]
WHOLE = np.arange(10.0)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: (SHARED,), True),
        (lambda: SHARED, True),
        (lambda: ([SHARED],), True),
        (lambda: Call((1,), {"key": SHARED}), True),
        (lambda: (WHOLE[2:7],), True),
        (lambda: ((1, SHARED),), True),
        (lambda: (list(SHARED),), False),
        (lambda: (WHOLE[2:7].copy(), "text", 10**5), False),
        (lambda: (sorted, (1, 2), None, range(5)), False),
    ],
    ids=["argument", "bare", "in a list", "named", "view", "in a tuple", "copies", "copied view", "immutable"],
)
def test_objects_that_are_handed_out_again_are_seen(make, expected):
    """The same list, one inside another, or a view of one array; what cannot change is no matter."""
    assert shares(as_call(make()), as_call(make())) is expected


def test_inputs_that_are_handed_out_again_are_copied_once_a_call_changes_them():
    """The same list each time, or a few in turns: each call gets a copy, and a note says why."""
    turns = itertools.cycle([[3, 1], [5, 4], [9, 8]])
    for make in (lambda: (SHARED,), lambda: (next(turns),)):
        inputs = Inputs(make, Call())
        assert inputs.one().args[0] is SHARED or inputs.one().args[0] in ([3, 1], [5, 4], [9, 8])
        inputs.changed_by_a_call()
        made = inputs.batch(4)
        assert len({id(call.args[0]) for call in made}) == 4
        assert not any(call.args[0] is SHARED for call in made)
        assert inputs.notes == [
            "a call changes its arguments, and inputs() returns the same objects again: each call gets a copy"
        ]
    fresh = Inputs(lambda: ([3, 1],), Call())
    fresh.changed_by_a_call()
    assert fresh.notes == []


def test_the_cache_size_is_plausible():
    """Between 64 KiB and 1 GiB."""
    assert 1 << 16 <= second_level_cache() <= 1 << 30
