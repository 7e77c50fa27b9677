from __future__ import annotations

import numpy as np
import pytest

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.sizes import Size, parse_size, show_bytes, size_of


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [
        ("1.5 outputs", 1.5, "outputs"),
        ("1 output", 1, "outputs"),
        ("2 inputs", 2, "inputs"),
        ("8 MB", 8, "MB"),
        ("16 MiB", 16, "MiB"),
        ("0 B", 0, "B"),
        ("100 bytes", 100, "B"),
        ("4kB", 4, "kB"),
        (" .5 GiB ", 0.5, "GiB"),
        (4096, 4096, "B"),
        (1e6, 1e6, "B"),
    ],
)
def test_what_a_claim_may_say(text, count, unit):
    """A number and a unit, or plain bytes."""
    assert parse_size(text) == Size(count, unit)


@pytest.mark.parametrize(
    "text",
    ["", "MB", "8", "-1 MB", "8 mb", "8 MB/s", "1,5 MB", "two inputs", "nan B", -1, True, None, float("nan"), [8]],
)
def test_what_it_may_not_say(text):
    """The message names the known units."""
    with pytest.raises(ClaimError, match=r"KiB, MiB, GiB .*inputs, outputs"):
        parse_size(text)


def test_an_unknown_unit_is_named():
    """So that a typo is found at once."""
    with pytest.raises(ClaimError, match="unknown unit 'Mb'"):
        parse_size("8 Mb")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8 MB", 8e6), ("16 MiB", 16 * 2**20), ("1 kB", 1000), ("1 KiB", 1024), ("2 inputs", 200), ("1.5 outputs", 75)],
)
def test_in_bytes(text, expected):
    """MB are 10**6, MiB 2**20, and the call's own sizes are multiplied."""
    assert parse_size(text).bytes(inputs=100, outputs=50) == expected


@pytest.mark.parametrize(("text", "other"), [("1 output", "inputs"), ("1 input", "outputs")])
def test_nothing_cannot_be_multiplied(text, other):
    """A function that returns None has no output to measure by; the message says what to write instead."""
    with pytest.raises(ClaimError, match=f"give {other} or MB"):
        parse_size(text).bytes(inputs=0, outputs=0)


@pytest.mark.parametrize("text", ["1.5 outputs", "1 output", "2 inputs", "8 MB", "0 B"])
def test_a_size_reads_as_it_was_written(text):
    """In messages and reports."""
    assert str(parse_size(text)) == text


def test_size_of_arrays_is_that_of_their_elements():
    """Whatever holds them; the same array twice counts once."""
    array = np.zeros(1000)
    assert size_of(array) == 8000
    assert size_of(array[::2]) == 4000
    assert size_of(None) == 0
    assert size_of((array, array)) == size_of((array,)) + 8
    assert 16_000 < size_of({"a": array, "b": [array.copy()]}) < 17_000


def test_size_of_builtins_goes_inside():
    """A list of numbers is its slots and the numbers."""
    numbers = [float(i) for i in range(1000)]
    assert size_of(numbers) >= 8 * 1000 + 24 * 1000
    assert size_of(b"x" * 1000) >= 1000
    loop: list[object] = []
    loop.append(loop)
    assert size_of(loop) < 200


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (16, "16 B"), (1500, "1.5 kB"), (8e6, "8 MB"), (2.5e9, "2.5 GB"), (0.25, "0.25 B")]
)
def test_bytes_are_shown_in_a_readable_unit(count, text):
    """Powers of 1000, three digits."""
    assert show_bytes(count) == text
