"""One root of each of n quadratic equations a[i] * x * x + b[i] * x + c[i] = 0.

Write ``quadratic(a, b, c)`` so that it is several times faster than reference.py *and* needs hardly more memory than
its result: at its peak at most 1.5 times the size of the array that it returns. The one line of NumPy needs about
twice that.

Arguments
    a, b, c: arrays of shape (n,), dtype float64. They may be empty, strided (``a[::2]``, ``a[::-1]``) and read-only.

Returns
    A new array of shape (n,), dtype float64: (-b + sqrt(b * b - 4 * a * c)) / (2 * a), element by element; NaN where
    there is no such number: where b * b - 4 * a * c is negative, where a is 0, and where a, b or c is NaN.

Raises
    TypeError or ValueError for arrays of any other dtype or number of dimensions, ValueError if they differ in length.

Where to write it
    NumPy, numba, cppyy: in this file.
    Cython: in quadratic.pyx beside it, as ``def quadratic(a, b, c)``.
    pybind11: in quadratic.cpp, as ``PYBIND11_MODULE(quadratic, m)`` with ``m.def("quadratic", ...)``.
    C: in quadratic.c, as

        void quadratic(const double *a, const double *b, const double *c, ptrdiff_t n, double *roots);

    binding.py calls it: it refuses what is to be refused, packs strided arrays and allocates ``roots`` for you.
    Edit one of these files; the others stay as they are, or do not exist.
"""


def quadratic(a, b, c):
    # TODO: one pass over the elements, without arrays that are needed only in between.
    raise NotImplementedError
