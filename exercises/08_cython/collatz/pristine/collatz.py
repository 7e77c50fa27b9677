"""How many steps does each number take down to 1?

One step takes an even n to n / 2 and an odd n to 3 * n + 1. Nobody has found a formula for the number of steps until 1
is reached, so each number has to be walked; but numbers do not wait for each other, so a program could walk them in
several threads, if only the function let go of the GIL.

Write ``collatz_steps(start, count)`` so that it is several times faster than reference.py *and* releases the GIL.

Arguments
    start: int, at least 1.
    count: int, at least 0; start + count is at most 2**32. (On the way to 1 the numbers grow: 64 bits are enough for
    all of them, 32 bits are not.)

Returns
    An array of shape (count,), dtype int64: the number of steps for start, start + 1, ..., start + count - 1. For 1 it
    is 0.

Raises
    ValueError if start or count is out of range (what does not fit into 64 bits may raise whatever your backend
    raises).

Where to write it
    numba, cppyy: in this file.
    Cython: in collatz.pyx beside it, as ``def collatz_steps(start, count)``.
    pybind11: in collatz.cpp, as ``PYBIND11_MODULE(collatz, m)`` with ``m.def("collatz_steps", ...)``.
    C: in collatz.c, as

        void collatz_steps(int64_t start, int64_t count, int64_t *steps);

    binding.py calls it: it checks the range and allocates ``steps`` for you.
    Edit one of these files; the others stay as they are, or do not exist.
"""


def collatz_steps(start, count):
    # TODO: a compiled loop, with the GIL released around it.
    raise NotImplementedError
