"""Arguments of measured calls."""

import array
import math
import sys

import numpy as np
import pytest

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.measure.inputs import Inputs, as_call, digest, rough_size, second_level_cache
from pytest_efficiency.subject.protocol import Call


def test_what_inputs_may_return():
    """A tuple holds the arguments, a Call is a call, anything else is the only argument."""
    assert as_call((1, 2)) == Call((1, 2))
    assert as_call([1, 2]) == Call(([1, 2],))
    call = Call((1,), {"k": 2})
    assert as_call(call) is call


class Plain:
    def __init__(self):
        self.items = [1, 2, 3]


def sort(x):
    x.sort()


CHANGES = {
    "list": (lambda: [3, 1, 2], sort),
    "long list": (lambda: list(range(100_000, 0, -1)), sort),
    "array": (np.arange(10.0)[::-1].copy, sort),
    "large array": (lambda: np.zeros(10**6), lambda x: x.__setitem__(777_777, 1.0)),
    "bytearray": (lambda: bytearray(b"abc"), bytearray.reverse),
    "array.array": (lambda: array.array("d", [1.0, 2.0]), lambda x: x.__setitem__(0, 9.0)),
    "dict": (lambda: {"a": [1]}, lambda x: x["a"].append(2)),
    "set": (lambda: {1, 2}, lambda x: x.add(3)),
    "object": (Plain, lambda x: x.items.append(4)),
    "nested": (lambda: [[1, 2], [3, [4]]], lambda x: x[1][1].append(5)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noticed_and_none_is_not(name):
    """The digest is the same before and after nothing, and another one after a change."""
    make, change = CHANGES[name]
    value = make()
    before = digest((value,))
    assert digest((value,)) == before
    change(value)
    assert digest((value,)) != before


def test_digests_never_raise():
    """Whatever an argument is: NaN, a function, an object that cannot be walked."""

    class Odd:
        def __len__(self):
            return 3

        def __iter__(self):
            raise RuntimeError

    loop = []
    loop.append(loop)
    for value in (
        math.nan,
        print,
        Odd(),
        object(),
        np.float64(1.0),
        np.array(["a", None], dtype=object),
        loop,
        10**5000,
    ):
        assert isinstance(digest((value,)), int)


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


def test_what_cannot_be_copied_needs_inputs():
    """The error names `inputs=`."""
    inputs = Inputs(None, Call(((item for item in [1]),)))
    inputs.changed_by_a_call()
    with pytest.raises(ClaimError, match="inputs="):
        inputs.one()


def test_the_cache_size_is_plausible():
    """Between 64 KiB and 1 GiB."""
    assert 1 << 16 <= second_level_cache() <= 1 << 30
