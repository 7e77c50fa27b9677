"""The product of neighbours: b[i] = a[i] * a[i - 1].

Write ``shifted_product(a)`` so that it is several times faster than the plain Python loop in reference.py.

Argument
    a: array of shape (n,), dtype int32 or int64. It may be empty, strided (``a[::2]``, ``a[::-1]``) and read-only.

Returns
    A new array b of shape (n,), dtype int64, with b[0] = 0 and b[i] = a[i] * a[i - 1] for i = 1 ... n - 1.
    The product of two int32 numbers fits into an int64 and must arrive there whole: 50000 * 50000 is 2500000000.
    (Two int64 numbers whose product does not fit are not asked for.)

Raises
    TypeError for an array of any other dtype, TypeError or ValueError for one that has not exactly one dimension.

Where to write it
    NumPy, numba, cppyy: in this file.
    Cython: in shifted_product.pyx beside it, as ``def shifted_product(a)``.
    pybind11: in shifted_product.cpp, as ``PYBIND11_MODULE(shifted_product, m)`` with ``m.def("shifted_product", ...)``.
    C: in shifted_product.c, as

        void shifted_product(const int64_t *a, ptrdiff_t n, int64_t *b);

    binding.py calls it: it refuses what is to be refused, widens and packs ``a`` and allocates ``b`` for you.
    Edit one of these files; the others stay as they are, or do not exist.
"""


def shifted_product(a):
    # TODO: no loop over the elements in Python.
    raise NotImplementedError
