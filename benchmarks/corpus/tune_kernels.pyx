# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Cython kernels of the half "tune"; tune_cython.py says what their complexity is.

A compiler must not find a closed form for a loop: every step depends on data, or on the step before.
"""

from libc.math cimport sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memset


def cy_item(const double[::1] a, Py_ssize_t i):
    return a[i]


def cy_bisect(const long[::1] a, long x):
    cdef Py_ssize_t low = 0, high = a.shape[0], middle
    while low < high:
        middle = (low + high) // 2
        if a[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


def cy_root_steps(long n):
    cdef long i = 1
    cdef long total = 1
    while i * i <= n:
        total = (total * 31 + i) % 1000003
        i += 1
    return total


def cy_sum(const double[::1] a):
    cdef double total = 0.0
    cdef Py_ssize_t i
    for i in range(a.shape[0]):
        total += a[i]
    return total


def cy_scatter(const long[::1] where, double[::1] out):
    """Write to random places."""
    cdef Py_ssize_t i
    for i in range(where.shape[0]):
        out[where[i]] = out[where[i]] * 0.5 + i


def cy_scatter_ones(const long[::1] where, double[::1] out):
    cdef Py_ssize_t i
    for i in range(where.shape[0]):
        out[where[i]] += 1.0


def cy_sieve(Py_ssize_t n):
    cdef char *composite = <char *> malloc(n + 1)
    cdef Py_ssize_t i, j, found = 0
    if composite == NULL:
        raise MemoryError
    memset(composite, 0, n + 1)
    for i in range(2, n + 1):
        if not composite[i]:
            found += 1
            j = i * i
            while j <= n:
                composite[j] = 1
                j += i
    free(composite)
    return found


cdef void _sift_down(double[::1] a, Py_ssize_t root, Py_ssize_t end) noexcept:
    cdef double x = a[root]
    cdef Py_ssize_t child = 2 * root + 1
    while child < end:
        if child + 1 < end and a[child + 1] > a[child]:
            child += 1
        if a[child] <= x:
            break
        a[root] = a[child]
        root = child
        child = 2 * root + 1
    a[root] = x


def cy_heap_sort(double[::1] a):
    cdef Py_ssize_t i
    cdef double top
    for i in range(a.shape[0] // 2 - 1, -1, -1):
        _sift_down(a, i, a.shape[0])
    for i in range(a.shape[0] - 1, 0, -1):
        top = a[0]
        a[0] = a[i]
        a[i] = top
        _sift_down(a, 0, i)


cdef double _best_run(const double[::1] a, Py_ssize_t start, Py_ssize_t end) noexcept:
    cdef Py_ssize_t middle, i
    cdef double total, left, right
    if end - start == 1:
        return a[start]
    middle = (start + end) // 2
    total = 0.0
    left = a[middle - 1]
    for i in range(middle - 1, start - 1, -1):
        total += a[i]
        left = max(left, total)
    total = 0.0
    right = a[middle]
    for i in range(middle, end):
        total += a[i]
        right = max(right, total)
    return max(left + right, max(_best_run(a, start, middle), _best_run(a, middle, end)))


def cy_best_run(const double[::1] a):
    """The largest sum of neighbours, by divide and conquer."""
    return _best_run(a, 0, a.shape[0])


def cy_root_scan(const double[::1] a):
    """For every element a look at the first sqrt n."""
    cdef Py_ssize_t width = <Py_ssize_t> sqrt(<double> a.shape[0])
    cdef Py_ssize_t i, j, found = 0
    for i in range(a.shape[0]):
        for j in range(width):
            if a[j] < a[i]:
                found += 1
    return found


def cy_close_pairs(const double[::1] a, double near):
    cdef Py_ssize_t i, j, found = 0
    for i in range(a.shape[0]):
        for j in range(i):
            if -near < a[i] - a[j] < near:
                found += 1
    return found


def cy_all_pairs(const double[::1] a, double near):
    cdef Py_ssize_t i, j
    cdef double total = near
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            total += a[i] * a[j]
    return total


def cy_stencil(const double[:, ::1] a, double[:, ::1] out):
    """The mean of the four neighbours, everywhere inside."""
    cdef Py_ssize_t i, j
    for i in range(1, a.shape[0] - 1):
        for j in range(1, a.shape[1] - 1):
            out[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])


def cy_matmul(const double[:, ::1] a, const double[:, ::1] b, double[:, ::1] out):
    cdef Py_ssize_t i, j, k
    cdef double x
    for i in range(a.shape[0]):
        for k in range(a.shape[0]):
            x = a[i, k]
            for j in range(a.shape[0]):
                out[i, j] += x * b[k, j]


cdef long _fibonacci(long n) noexcept:
    return n if n < 2 else _fibonacci(n - 1) + _fibonacci(n - 2)


def cy_fibonacci(long n):
    return _fibonacci(n)
