# cython: language_level=3, cdivision=True
"""What the row about the GIL calls through Cython, with and without ``nogil``."""

from libc.stdint cimport int64_t, uint64_t


cdef uint64_t spin(int64_t steps) noexcept nogil:
    cdef uint64_t x = 1
    cdef int64_t i
    for i in range(steps):
        x = x * <uint64_t> 6364136223846793005 + <uint64_t> 1442695040888963407
    return x


def held(int64_t steps):
    return spin(steps)


def released(int64_t steps):
    cdef uint64_t x
    with nogil:
        x = spin(steps)
    return x


def moments(int64_t steps, int64_t times):
    cdef uint64_t x = 0
    cdef int64_t i
    for i in range(times):
        x += spin(steps / times)
        with nogil:
            pass
    return x


def pieces(int64_t steps, int64_t times):
    cdef uint64_t x = 0
    cdef int64_t i
    for i in range(times):
        with nogil:
            x += spin(steps / times)
    return x
