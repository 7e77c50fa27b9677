"""Calls into the standard library, most of it C, of known complexity; no rule is chosen by what comes out here."""

from __future__ import annotations

import base64
import collections
import csv
import heapq
import itertools
import json
import math
import pickle
import re
import struct

from corpus.case import RNG, Shelf, floats, ints, octets, same

known = Shelf("held", "stdlib")


def _letters(n):
    return (RNG.integers(97, 123, n, dtype="u1").tobytes().decode(),)


def _needle(n):
    """A text without the letter z, but for two at a random place."""
    text = RNG.integers(97, 122, n + 1, dtype="u1")
    place = int(RNG.integers(n))
    text[place : place + 2] = 122
    return (text.tobytes().decode(),)


def _packed(n):
    return (n, RNG.random(n).tobytes())


def _two_sets(n):
    keys = RNG.integers(0, 1 << 40, 2 * n).tolist()
    return (set(keys[: 3 * n // 2]), set(keys[n // 2 :]))


def _pairs(n):
    keys = RNG.integers(0, 1 << 40, n).tolist()
    return (list(zip(keys, range(n), strict=True)),)


def _texts(n):
    return (list(map(hex, RNG.integers(1 << 40, 1 << 44, n).tolist())),)


def _digits(n):
    """An integer of n of CPython's own digits, which hold 30 bits."""
    return int.from_bytes(RNG.bytes(15 * n // 4 + 1), "little") | 1


@known("1", lambda n: (list(range(n)),))
def first_few(xs):
    return list(itertools.islice(xs, 4))


@known("log n", same)
def modular_power(n):
    return pow(3, n, 1_000_003)


@known("n", floats, over=sum)
def largest_item(xs):
    return max(xs)


@known("n", _letters, over=str.upper)
def replace_letters(text):
    return text.replace("e", "__")


@known("n", _letters)
def substitute(text):
    return re.sub(r"[aeiou]+", lambda found: found[0].upper(), text)


@known("n", octets, over=bytes.hex)
def base64_text(data):
    return base64.b64encode(data)


@known("n", _packed, over=lambda _, data: list(data))
def unpack_numbers(n, data):
    return struct.unpack(f"{n}d", data)


@known("n", lambda n: ("[" + "12.5, " * (n - 1) + "0]",), over=str.split)
def json_parse(text):
    return json.loads(text)


@known("n", floats, over=repr)
def pickle_numbers(xs):
    return pickle.dumps(xs)


@known("n", _needle)
def find_word(text):
    """A loop in C to a random place."""
    return text.index("zz")


@known("n", ints)
def running_totals(xs):
    return list(itertools.accumulate(xs))


@known("n", lambda n: (list(range(0, n, 2)), list(range(1, n, 2))))
def merge_two(xs, ys):
    return list(heapq.merge(xs, ys))


@known("n", floats, over=sum)
def exact_sum(xs):
    return math.fsum(xs)


@known("n", lambda n: (["a,12,2.5"] * n,))
def csv_rows(lines):
    return list(csv.reader(lines))


@known("n", _two_sets, over=set.difference, grows_faster=True)
def common_members(xs, ys):
    return xs & ys


@known("n", _pairs, over=collections.OrderedDict, grows_faster=True)
def table_of_pairs(pairs):
    return dict(pairs)


@known("n log n", _texts, over=sorted)
def sort_texts(texts):
    texts.sort()


@known("n^1.585", lambda n: 30 * n)
def large_power(n):
    return 3**n


@known("n^2", lambda n: (_digits(n), _digits(n)))
def common_divisor(a, b):
    return math.gcd(a, b)


@known("n^2", lambda n: (collections.deque(range(n)),))
def deque_by_index(items):
    """Every look into the middle walks there from the nearer end."""
    return sum(items[i] for i in range(len(items)))


@known("2^n", same)
def all_choices(n):
    collections.deque(itertools.product((False, True), repeat=n), maxlen=0)
