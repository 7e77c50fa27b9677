"""Pure Python whose complexity is known; rules may be chosen with these in sight."""

from __future__ import annotations

import bisect
import collections
import heapq
import itertools
import math

from corpus.case import RNG, Shelf, floats, ints, octets, ordered, rows, same

known = Shelf("tune", "pure")


def _two_rows(n):
    return (*rows(n), *rows(n))


def _bytes_twice(n):
    return (RNG.bytes(n), RNG.bytes(n))


def _graph(n):
    return (dict(enumerate(RNG.integers(0, n, (n, 4)).tolist())),)


def _table(n):
    return (dict(zip(RNG.random(n).tolist(), range(n), strict=True)),)


def _unreachable_target(n):
    return (*ints(n), -1)


@known("1", lambda n: (dict(zip(range(n), range(n), strict=True)), n // 2))
def dict_lookup(table, key):
    return table[key]


@known("log n", ordered)
def bisect_python(xs, x):
    low, high = 0, len(xs)
    while low < high:
        middle = (low + high) // 2
        if xs[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@known("log n", same)
def binary_digits(n):
    digits = 0
    while n:
        n //= 2
        digits += 1
    return digits


def _sum_of_squares_to_root(n):
    total = 0
    for i in range(math.isqrt(n)):
        total += i * i
    return total


@known("sqrt n", same, over=_sum_of_squares_to_root)
def loop_to_root(n):
    total = 0
    for i in range(math.isqrt(n)):
        total += i
    return total


@known("sqrt n", same, over=_sum_of_squares_to_root)
def count_divisors(n):
    return sum(1 for i in range(1, math.isqrt(n) + 1) if n % i == 0)


@known("n", ints, over=sum)
def sum_loop(xs):
    total = 0
    for x in xs:
        total += x
    return total


@known("n", ints, over=set, grows_faster=True)
def distinct_by_set(xs):
    seen, out = set(), []
    for x in xs:
        if x not in seen:
            seen.add(x)
            out.append(x)
    return out


def _as_table(xs, _):
    return {x: i for i, x in enumerate(xs)}


@known("n", _unreachable_target, over=_as_table, grows_faster=True)
def two_sum(xs, target):
    seen = {}
    for i, x in enumerate(xs):
        if target - x in seen:
            return i
        seen[x] = i
    return None


@known("n", floats)
def quick_select(xs):
    k = len(xs) // 2
    while len(xs) > 1:
        pivot = xs[len(xs) // 2]
        below = [x for x in xs if x < pivot]
        equal = sum(1 for x in xs if x == pivot)
        if k < len(below):
            xs = below
        elif k < len(below) + equal:
            return pivot
        else:
            k -= len(below) + equal
            xs = [x for x in xs if x > pivot]
    return xs[0]


@known("n", ordered, over=list.index)
def linear_search(xs, x):
    for i, y in enumerate(xs):
        if x == y:
            return i
    return None


@known("n", same)
def sieve(n):
    flags = bytearray([1]) * (n + 1)
    for i in range(2, math.isqrt(n) + 1):
        if flags[i]:
            flags[i * i :: i] = bytes(len(range(i * i, n + 1, i)))
    return sum(flags)


@known("n", ordered)
def bisect_by_slices(xs, x):
    while len(xs) > 1:
        middle = len(xs) // 2
        xs = xs[:middle] if x < xs[middle] else xs[middle:]
    return xs


def _look_up_all_edges(graph):
    return sum(1 for others in graph.values() for other in others if graph[other] is None)


@known("n", _graph, over=_look_up_all_edges, grows_faster=True)
def breadth_first(graph):
    seen, todo = {0}, collections.deque([0])
    while todo:
        for other in graph[todo.popleft()]:
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return len(seen)


@known("n", ints, over=sum)
def running_maximum(xs):
    out, best = [], xs[0]
    for x in xs:
        best = max(best, x)
        out.append(best)
    return out


@known("n", _table)
def invert_table(table):
    return {value: key for key, value in table.items()}


@known("n log n", floats, over=sorted)
def merge_sort(xs):
    if len(xs) < 2:
        return xs
    middle = len(xs) // 2
    left, right = merge_sort(xs[:middle]), merge_sort(xs[middle:])
    out, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] < right[j]:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return out + left[i:] + right[j:]


@known("n log n", floats, over=sorted)
def heap_sort(xs):
    heap = []
    for x in xs:
        heapq.heappush(heap, x)
    return [heapq.heappop(heap) for _ in range(len(heap))]


@known("n log n", ints)
def longest_increasing(xs):
    tails = []
    for x in xs:
        at = bisect.bisect_left(tails, x)
        tails[at : at + 1] = [x]
    return len(tails)


@known("n^1.5", same)
def n_times_root(n):
    total = 0
    for _ in range(n):
        for j in range(math.isqrt(n)):
            total += j
    return total


@known("n^2", floats)
def insertion_sort(xs):
    for i in range(1, len(xs)):
        j, x = i, xs[i]
        while j and xs[j - 1] > x:
            xs[j] = xs[j - 1]
            j -= 1
        xs[j] = x


def _look_for_every_one(xs):
    return sum(1 for x in xs if x + 0.5 in xs)


@known("n^2", ints, over=_look_for_every_one)
def distinct_by_list(xs):
    seen = []
    for x in xs:
        if x not in seen:
            seen.append(x)
    return seen


@known("n^2", ints)
def pop_front(xs):
    total = 0
    while xs:
        total += xs.pop(0)
    return total


@known("n^2", ints)
def slice_away(xs):
    total = 0
    while xs:
        total += xs[0]
        xs = xs[1:]
    return total


def _sum_of_all_pairs(xs, _):
    return sum(x + y for x in xs for y in xs)


@known("n^2", lambda n: (sorted(ints(n)[0]), -1), over=_sum_of_all_pairs)
def three_sum(xs, target):
    found = 0
    for i in range(len(xs)):
        low, high = i + 1, len(xs) - 1
        while low < high:
            total = xs[i] + xs[low] + xs[high]
            found += total == target
            if total < target:
                low += 1
            else:
                high -= 1
    return found


def _equal_pairs(a, b):
    return sum(x == y for x in a for y in b)


@known("n^2", _bytes_twice, over=_equal_pairs)
def longest_common(a, b):
    row = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b):
            before, row[j + 1] = row[j + 1], before + 1 if x == y else max(row[j], row[j + 1])
    return row[-1]


@known("n^2", ints)
def selection_sort(xs):
    for i in range(len(xs)):
        least = min(range(i, len(xs)), key=xs.__getitem__)
        xs[i], xs[least] = xs[least], xs[i]


@known("n^2", same)
def pascal_row(n):
    row = [1]
    for _ in range(n):
        row = [1, *((a + b) % 1009 for a, b in itertools.pairwise(row)), 1]
    return row


@known("n^2", octets)
def bytes_one_by_one(data):
    out = b""
    for i in range(len(data)):
        out = out + data[i : i + 1]
    return out


@known("n^3", _two_rows)
def matmul_python(a, b):
    columns = list(zip(*b, strict=True))
    return [[sum([x * y for x, y in zip(row, column, strict=True)]) for column in columns] for row in a]


@known("n^3", rows)
def floyd_warshall(distance):
    n = len(distance)
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if distance[i][k] + distance[k][j] < distance[i][j]:
                    distance[i][j] = distance[i][k] + distance[k][j]


@known("2^n", same)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@known("2^n", lambda n: (RNG.integers(0, 1000, n).tolist(), -1))
def subset_sum(xs, target):
    if not xs:
        return target == 0
    return subset_sum(xs[1:], target - xs[0]) or subset_sum(xs[1:], target)


@known("2^n", same)
def hanoi(n):
    return 0 if n == 0 else hanoi(n - 1) + 1 + hanoi(n - 1)
