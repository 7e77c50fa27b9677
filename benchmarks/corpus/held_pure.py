"""Pure Python whose complexity is known; no rule is ever chosen by what comes out here."""

from __future__ import annotations

import collections
import itertools
import math
import random

import numpy as np

from corpus.case import RNG, Shelf, floats, ints, rows, same

known = Shelf("held", "pure")


def _almost_palindrome(n):
    """Reads the same both ways, but for one letter at a random place."""
    half = RNG.bytes((n + 1) // 2)
    data = bytearray(half + half[::-1][n % 2 :])
    data[int(RNG.integers((n + 1) // 2))] ^= 1
    return (bytes(data),)


def _nested_brackets(n):
    opening = (RNG.integers(0, 2, n // 2) * 51 + 40).astype("u1").tobytes().decode()
    return (opening + opening[::-1].translate({40: 41, 91: 93}),)


def _one_cycle(n):
    """For every place the next one, on one random way through all of them."""
    way = RNG.permutation(n)
    after = way.copy()
    after[way] = np.roll(way, -1)
    return (after.tolist(),)


def _two_tables(n):
    keys = RNG.integers(0, 1 << 40, n)
    pairs = list(zip(keys.tolist(), range(n), strict=True))
    return (pairs, list(zip(RNG.permutation(keys).tolist(), range(n), strict=True)))


def _acyclic(n):
    """Edges from each node to up to four random later ones; the nodes are numbered anew, at random."""
    later = RNG.integers(0, 1 << 40, (n, 4)) % np.maximum(n - 1 - np.arange(n)[:, None], 1) + np.arange(n)[:, None] + 1
    number = RNG.permutation(n)
    graph = number[np.minimum(later, n - 1)]
    graph[-1] = -1
    placed = np.empty_like(graph)
    placed[number] = graph
    return ([[other for other in others if other >= 0] for others in placed.tolist()],)


def _open_grid(n):
    side = math.isqrt(n - 1) + 1
    cells = RNG.random((side, side)) < 0.9
    return (cells.tolist(),), side * side


def _blocks(n):
    width = max(1, math.isqrt(n))
    return (range(n), list(range(0, n, width)), width)


def _disjoint(n):
    return (list(range(n)), list(range(n, 2 * n)))


def _things_to_pack(n):
    return (RNG.integers(1, n + 1, n).tolist(), n)


def _board(n):
    return ((RNG.random((n, n)) < 0.4).astype(int).tolist(),)


@known("1", floats)
def head_mean(xs):
    return sum(xs[:8]) / 8


@known("log n", same)
def power_by_squaring(n):
    result, base = 1, 3
    while n:
        if n & 1:
            result = result * base % 1_000_003
        base = base * base % 1_000_003
        n >>= 1
    return result


@known("log n", lambda n: (range(n),))
def climb_heap(heap):
    """From the last leaf to the root, as a push into a heap may go."""
    at, seen = len(heap) - 1, 0
    while at:
        at = (at - 1) // 2
        seen += heap[at]
    return seen


def _count_to_root(n):
    count = 0
    while count * count < n:
        count += 1
    return count


@known("sqrt n", _blocks, over=lambda xs, _, width: [xs[i] for i in range(width)])
def block_range_sum(xs, starts, width):
    """Whole blocks first, then as many single ones as are in one block."""
    total = 0
    for start in starts:
        total += start
    for i in range(len(xs) - width, len(xs)):
        total += xs[i]
    return total


@known("sqrt n", same, over=_count_to_root)
def root_by_odd_numbers(n):
    odd = 1
    while n > 0:
        n -= odd
        odd += 2
    return odd // 2


@known("n", lambda n: (("%d " * n % tuple(RNG.integers(0, 1000, n))).split(),), over=collections.Counter)
def count_words(words):
    table = {}
    for word in words:
        table[word] = table.get(word, 0) + 1
    return table


@known("n", floats, over=sum)
def best_run(xs):
    best = total = 0.0
    for x in xs:
        total = max(0.0, total + x - 0.5)
        best = max(best, total)
    return best


@known("n", _almost_palindrome)
def is_palindrome(data):
    i, j = 0, len(data) - 1
    while i < j:
        if data[i] != data[j]:
            return False
        i += 1
        j -= 1
    return True


@known("n", _nested_brackets, over=list)
def brackets_match(text):
    opened = []
    for sign in text:
        if sign in "([":
            opened.append(sign)
        elif not opened or opened.pop() + sign not in ("()", "[]"):
            return False
    return not opened


def _walk(after):
    at = after[0]
    while at:
        at = after[at]
    return at


@known("n", _one_cycle, over=_walk, grows_faster=True)
def cycle_length(after):
    """Follows a random cycle: every step needs the one before."""
    at, length = after[0], 1
    while at != 0:
        at = after[at]
        length += 1
    return length


@known("n", _two_tables, over=lambda left, right: dict(left).keys() & [key for key, _ in right], grows_faster=True)
def hash_join(left, right):
    by_key = collections.defaultdict(list)
    for key, value in left:
        by_key[key].append(value)
    return [(value, other) for key, other in right for value in by_key.get(key, ())]


@known("n", same)
def push_doubling(n):
    """A growing array by hand: full ones are copied into twice the room."""
    room, used = [None], 0
    for i in range(n):
        if used == len(room):
            larger = [None] * (2 * used)
            for j in range(used):
                larger[j] = room[j]
            room = larger
        room[used] = i
        used += 1
    return used


@known("n", floats, over=list)
def window_maxima(xs):
    """The largest of every 16 neighbours: each enters the queue once and leaves it once."""
    queue, out = collections.deque(), []
    for i, x in enumerate(xs):
        while queue and xs[queue[-1]] <= x:
            queue.pop()
        queue.append(i)
        if queue[0] <= i - 16:
            queue.popleft()
        out.append(xs[queue[0]])
    return out


@known("n", _acyclic, over=lambda graph: [len(graph[other]) for others in graph for other in others], grows_faster=True)
def topological_order(graph):
    waiting = [0] * len(graph)
    for others in graph:
        for other in others:
            waiting[other] += 1
    ready = [node for node, count in enumerate(waiting) if not count]
    order = []
    while ready:
        node = ready.pop()
        order.append(node)
        for other in graph[node]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return order


@known("n", _open_grid)
def flood_fill(cells):
    side = len(cells)
    seen = [[False] * side for _ in range(side)]
    largest = 0
    for i, j in itertools.product(range(side), repeat=2):
        todo, size = [(i, j)], 0
        while todo:
            y, x = todo.pop()
            if 0 <= y < side and 0 <= x < side and cells[y][x] and not seen[y][x]:
                seen[y][x] = True
                size += 1
                todo += [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        largest = max(largest, size)
    return largest


@known("n log n", floats, over=sorted)
def quick_sort(xs):
    if len(xs) < 2:
        return xs
    pivot = xs[random.randrange(len(xs))]
    return (
        quick_sort([x for x in xs if x < pivot])
        + [x for x in xs if x == pivot]
        + quick_sort([x for x in xs if x > pivot])
    )


@known("n log n", floats)
def fenwick_sums(xs):
    """A tree of partial sums: every value climbs up to log n steps."""
    tree = [0.0] * (len(xs) + 1)
    for i, x in enumerate(xs, 1):
        at = i
        while at <= len(xs):
            tree[at] += x
            at += at & -at
    return tree


@known("n log n", same)
def count_all_divisors(n):
    """n/1 + n/2 + ... + n/n steps."""
    counts = [0] * (n + 1)
    for i in range(1, n + 1):
        for j in range(i, n + 1, i):
            counts[j] += 1
    return counts


@known("n^1.5", floats)
def sort_blocks(xs):
    """Insertion sort of sqrt n blocks, each of sqrt n: n for every block."""
    width = max(1, math.isqrt(len(xs)))
    for start in range(0, len(xs), width):
        for i in range(start + 1, min(start + width, len(xs))):
            j, x = i, xs[i]
            while j > start and xs[j - 1] > x:
                xs[j] = xs[j - 1]
                j -= 1
            xs[j] = x


@known("n^2", floats)
def bubble_sort(xs):
    for end in range(len(xs) - 1, 0, -1):
        for i in range(end):
            if xs[i] > xs[i + 1]:
                xs[i], xs[i + 1] = xs[i + 1], xs[i]


@known("n^2", _things_to_pack)
def knapsack(weights, capacity):
    best = [0] * (capacity + 1)
    for weight in weights:
        for room in range(capacity, -1, -1):
            if room >= weight and best[room - weight] + weight > best[room]:
                best[room] = best[room - weight] + weight
    return best[capacity]


@known("n^2", lambda n: (RNG.integers(97, 123, n, dtype="u1").tobytes().decode(),))
def prepend_letters(text):
    out = ""
    for letter in text:
        out = letter + out
    return out


@known("n^2", ints)
def grow_tuple(xs):
    out = ()
    for x in xs:
        out = (*out, x)
    return out


@known("n^2", floats)
def prefix_sums_anew(xs):
    return [sum(xs[:i]) for i in range(len(xs))]


def _sum_of_rows(matrix, _):
    return sum(sum(row) for row in matrix)


@known("n^2", lambda n: (*rows(n), *floats(n)), over=_sum_of_rows)
def matrix_times_vector(matrix, vector):
    out = []
    for row in matrix:
        total = 0.0
        for x, y in zip(row, vector, strict=True):
            total += x * y
        out.append(total)
    return out


@known("n^2", _board, over=lambda board: [[cell + 1 for cell in row] for row in board])
def game_of_life(board):
    n = len(board)
    after = [[0] * n for _ in range(n)]
    for i in range(n):
        above, here, below = board[i - 1], board[i], board[(i + 1) % n]
        for j in range(n):
            k = (j + 1) % n
            around = above[j - 1] + above[j] + above[k] + here[j - 1] + here[k] + below[j - 1] + below[j] + below[k]
            after[i][j] = int(around == 3 or (around == 2 and here[j]))
    return after


@known("n^2", _disjoint, over=lambda xs, ys: [ys.count(x) for x in xs])
def common_by_list(xs, ys):
    return [x for x in xs if x in ys]


@known("n^2", lambda n: ("a" * n,))
def longest_palindrome(text):
    best = 0
    for middle in range(len(text)):
        i, j = middle, middle
        while i > 0 and j < len(text) - 1 and text[i - 1] == text[j + 1]:
            i -= 1
            j += 1
        best = max(best, j - i + 1)
    return best


@known("n^3", rows)
def gauss_eliminate(matrix):
    n = len(matrix)
    for k in range(n):
        pivot = matrix[k]
        for i in range(k + 1, n):
            row = matrix[i]
            factor = row[k] / (pivot[k] + 2.0)
            for j in range(k, n):
                row[j] -= factor * pivot[j]


@known("n^3", lambda n: (RNG.integers(-10 * n, 10 * n, n).tolist(),))
def zero_triples(xs):
    found = 0
    for i in range(len(xs)):
        for j in range(i):
            for k in range(j):
                if xs[i] + xs[j] + xs[k] == 0:
                    found += 1
    return found


@known("2^n", same)
def gray_code(n):
    codes = [0]
    for bit in range(n):
        codes += [code | (1 << bit) for code in reversed(codes)]
    return codes


@known("2^n", same)
def compositions(n):
    """In how many ways n is a sum, order counting."""
    return 1 if n == 0 else sum(compositions(rest) for rest in range(n))


@known("2^n", floats)
def fairest_split(xs):
    def least(i, difference):
        if i == len(xs):
            return abs(difference)
        return min(least(i + 1, difference + xs[i]), least(i + 1, difference - xs[i]))

    return least(0, 0.0)
