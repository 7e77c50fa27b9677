"""That a change is noticed, and that none is not, for whatever may be an argument."""

from __future__ import annotations

import array
import collections
import datetime as dt
import enum
import functools
import io
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_efficiency.measure import digest as module
from pytest_efficiency.measure.digest import digest, state
from pytest_efficiency.subject.protocol import Call


class Plain:
    def __init__(self):
        self.items = [1, 2, 3]


class Slotted:
    __slots__ = ("items", "unset")

    def __init__(self):
        self.items = [1, 2, 3]


class Odd:
    """Refuses to be walked."""

    def __len__(self):
        return 3

    def __iter__(self):
        raise RuntimeError


class Named(list):
    """A list with something beside its elements."""


def sort(x):
    x.sort()


def put(where, what):
    return lambda x: x.__setitem__(where, what)


def shuffled(n):
    return random.Random(3).sample(range(n), n)


def generated():
    return (item for item in [1, 2, 3])


CHANGES: dict[str, tuple[Any, Any]] = {
    "list": (lambda: [3, 1, 2], sort),
    "one of 5000": (lambda: list(range(5000)), put(3217, -5)),
    "sorting a million": (lambda: shuffled(10**6), sort),
    "sorting half of a million": (
        lambda: shuffled(10**6),
        lambda x: x.__setitem__(slice(500_000), sorted(x[:500_000])),
    ),
    "reversing a million": (lambda: list(range(10**6)), list.reverse),
    "popping from a million": (lambda: list(range(10**6)), list.pop),
    "the first of a million": (lambda: list(range(10**6)), put(0, 7)),
    "the last of a million": (lambda: list(range(10**6)), put(-1, 7)),
    "other types": (lambda: [1, 2, 3], lambda x: x.__setitem__(slice(None), map(float, x))),
    "bool for int": (lambda: [1, 0], put(0, True)),
    "strings": (lambda: ["b", "a"], sort),
    "array": (np.arange(10.0)[::-1].copy, sort),
    "one of a million in an array": (lambda: np.zeros(10**6), put(777_777, 1.0)),
    "array by columns": (lambda: np.zeros((300, 200), order="F"), put((17, 20), 1.0)),
    "array with gaps": (lambda: np.zeros((300, 200))[::2, ::3], put((17, 20), 1.0)),
    "array of objects": (lambda: np.array([[1], [2, 3]], dtype=object), lambda x: x[0].append(1)),
    "array of dates": (lambda: np.zeros(9, "datetime64[s]"), put(3, np.datetime64("2020-01-01"))),
    "record array": (lambda: np.zeros(9, [("a", "i4"), ("b", "f8")]), put(3, (1, 2.0))),
    "array without dimensions": (lambda: np.array(1.0), put((), 2.0)),
    "reshaped array": (lambda: np.zeros(6), lambda x: x.resize((2, 3), refcheck=False)),
    "large array": (lambda: np.zeros(9 << 20), lambda x: x.__iadd__(1)),
    "bytearray": (lambda: bytearray(b"abc"), bytearray.reverse),
    "array.array": (lambda: array.array("d", [1.0, 2.0]), put(0, 9.0)),
    "memoryview": (lambda: memoryview(bytearray(5)), put(0, 9)),
    "dict": (lambda: {"a": [1]}, lambda x: x["a"].append(2)),
    "large dict": (lambda: dict.fromkeys(range(10**5)), lambda x: x.popitem()),
    "the first of a large dict": (lambda: dict.fromkeys(range(10**5)), put(0, 1)),
    "set": (lambda: {1, 2}, lambda x: x.add(3)),
    "one for another in a set": (lambda: {1, 2}, lambda x: (x.discard(1), x.add(5))),
    "deque": (lambda: collections.deque([1, 2]), lambda x: x.rotate()),
    "object": (Plain, lambda x: x.items.append(4)),
    "object with slots": (Slotted, lambda x: x.items.append(4)),
    "object in a list": (lambda: [Plain()], lambda x: x[0].items.append(4)),
    "attribute of a list": (Named, lambda x: setattr(x, "name", 1)),
    "nested": (lambda: [[1, 2], [3, [4]]], lambda x: x[1][1].append(5)),
    "rows": (lambda: [shuffled(1000) for _ in range(1000)], lambda x: [row.sort() for row in x]),
    "generator": (generated, next),
    "generator used up": (generated, list),
    "list iterator": (lambda: iter([1, 2]), next),
    "zip": (lambda: zip([1, 2], [3, 4], strict=True), next),
    "map of a generator": (lambda: map(str, generated()), list),
    "file": (lambda: io.StringIO("ab\ncd\n"), lambda x: x.readline()),
    "ordered": (lambda: collections.OrderedDict(a=1, b=2), lambda x: x.move_to_end("a")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noticed_and_none_is_not(name):
    """The number is the same before and after nothing, and another one after a change."""
    make, change = CHANGES[name]
    value = make()
    before = digest(value)
    assert before == digest(value) != 0
    change(value)
    assert digest(value) != before


@pytest.mark.parametrize("nan", [math.nan, complex(math.nan, 1)])
def test_nan_in_nans_place_is_no_change(nan):
    """It differs from itself, and is another object each time that it is computed."""
    values = [1.0, nan]
    before = digest(values)
    values[1] = values[1] * 1
    assert digest(values) == before


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        math.nan,
        10**5000,
        "text",
        range(10**9),
        Colour.RED,
        dt.date(2020, 1, 1),
        dt,
        print,
        functools.partial(int, "7", base=8),
        np.float64(1.0),
        np.random.default_rng(1),
        object(),
        Odd(),
        Slotted(),
        type("Empty", (), {})(),
        {frozenset({1}): [(1, 2.0), math.nan]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_nobody_changed_is_never_said_to_be_changed(value):
    """Nothing raises, and two looks at the same are the same."""
    assert digest(value) == digest(value)
    assert state(Call((value, [value]), {"key": value})) == state(Call((value, [value]), {"key": value}))


def test_what_contains_itself_comes_to_an_end():
    """A list in itself, an object that knows itself, and a nest a thousand deep."""
    loop: list[Any] = []
    loop.append(loop)
    plain = Plain()
    plain.items.append(plain)
    deep: list[Any] = []
    for _ in range(1000):
        deep = [deep]
    for value in (loop, plain, deep):
        assert digest(value) == digest(value)


def test_an_iterator_that_tells_nothing_counts_as_changed():
    """Nobody can say whether `itertools` has been asked for more."""
    unknown = map(str, iter(int, 1))
    assert digest(unknown) != digest(unknown)


def test_looking_uses_nothing_up():
    """An iterator has all of its items afterwards."""
    for make in (generated, lambda: iter([1, 2, 3]), lambda: map(int, [1, 2, 3]), lambda: io.StringIO("1\n2\n3\n")):
        value = make()
        digest(value)
        assert list(map(int, value)) == [1, 2, 3]


def test_all_arguments_of_a_call_count():
    """The second, and one that has a name."""
    call = Call((1, [2]), {"key": [3]})
    before = state(call)
    call.args[1].append(1)
    after = state(call)
    call.kwargs["key"].append(1)
    assert len({before, after, state(call)}) == 3


@given(st.recursive(st.integers() | st.floats() | st.text() | st.none(), st.lists, max_leaves=30))
def test_a_deep_copy_has_the_same_number(value):
    """What is equal has the same number, whatever it is made of: only contents count, never places in memory."""
    # repr and not copy.deepcopy, which keeps what cannot change.
    again = eval(repr(value), {"nan": math.nan, "inf": math.inf})  # as written by repr
    assert digest(again) == digest(value)


@given(st.lists(st.integers(), min_size=2, max_size=20_000, unique=True), st.randoms())
def test_sorting_is_noticed_whatever_the_length(values, rng):
    """Unless it was sorted already, which is no change."""
    rng.shuffle(values)
    before = digest(values)
    was_sorted = values == sorted(values)
    values.sort()
    assert (digest(values) == before) == was_sorted


def test_it_is_cheap(monkeypatch):
    """Fewer elements are looked at than are there: a million numbers, a matrix in lists, and 128 MB."""
    looked = []
    several = module._several
    monkeypatch.setattr(
        module, "_several", lambda sample, elements: looked.append(len(sample)) or several(sample, elements)
    )
    for value in (list(range(10**6)), [[0] * 1000 for _ in range(1000)], dict.fromkeys(range(10**5))):
        looked.clear()
        digest(value)
        assert sum(looked) < 20_000
    read = []
    crc32 = module.zlib.crc32
    monkeypatch.setattr(module.zlib, "crc32", lambda data, start=0: read.append(len(data)) or crc32(data, start))
    digest(np.zeros(1 << 27, np.uint8))
    assert sum(read) < 1 << 25
