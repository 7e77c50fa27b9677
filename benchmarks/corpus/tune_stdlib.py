"""Calls into the standard library, most of it C, whose complexity is known; rules may be chosen with these in sight."""

from __future__ import annotations

import bisect
import collections
import copy
import hashlib
import heapq
import itertools
import json
import re
import sys
import zlib

from corpus.case import RNG, Shelf, floats, ints, octets, ordered

known = Shelf("tune", "stdlib")


def _digits(n):
    """An integer of n of CPython's own digits, which hold 30 bits."""
    return int.from_bytes(RNG.bytes(15 * n // 4 + 1), "little") | 1


@known("1", lambda n: (collections.deque(range(n)),))
def deque_turn(items):
    items.rotate(1)
    return items[0]


@known("log n", ordered)
def bisect_c(xs, x):
    return bisect.bisect(xs, x)


@known("n", lambda n: (list(range(n, 0, -1)),))
def sort_descending(xs):
    return sorted(xs)


@known("n", ordered)
def list_index(xs, x):
    return xs.index(x)


@known("n", octets, over=zlib.crc32)
def bytes_count(data):
    return data.count(b"ab")


@known("n", floats, over=repr)
def json_text(xs):
    return json.dumps(xs)


@known("n", octets, over=zlib.crc32)
def sha256(data):
    return hashlib.sha256(data).digest()


@known("n", floats)
def heapify(xs):
    heapq.heapify(xs)


@known("n", octets)
def compress(data):
    return zlib.compress(data, 1)


@known("n", lambda n: ("ab1 " * (n // 4 + 1),), over=str.split)
def find_all(text):
    return re.findall(r"[a-z]+\d", text)


@known("n", floats, over=repr)
def join_text(xs):
    return ",".join(map(str, xs))


@known("n", ints, over=list.copy)
def deep_copy(xs):
    return copy.deepcopy(xs)


@known("n", ints, over=set, grows_faster=True)
def counter(xs):
    return collections.Counter(xs)


@known("n", ints, over=frozenset, grows_faster=True)
def set_of(xs):
    return set(xs)


@known("n", octets, over=hashlib.sha256)
def crc(data):
    return zlib.crc32(data)


@known("n", lambda n: ("word " * n,))
def split_text(text):
    return text.split()


@known("n log n", floats, over=sorted)
def list_sort(xs):
    xs.sort()


@known("n^1.585", lambda n: (_digits(n), _digits(n)))
def multiply_integers(a, b):
    return a * b


if sys.version_info < (3, 12):

    @known("n^2", _digits)
    def integer_to_text(number):
        return str(number)

else:  # from 3.12 on long integers are written out faster than that

    @known("n^2", lambda n: ("a" * n,))
    def backtrack(text):
        return re.search("a*b", text)


@known("n^2", lambda n: (list(range(n)),))
def insert_front(xs):
    out = []
    for x in xs:
        out.insert(0, x)
    return out


@known("2^n", floats)
def all_subsets(xs):
    return sum(1 for k in range(len(xs) + 1) for _ in itertools.combinations(xs, k))
