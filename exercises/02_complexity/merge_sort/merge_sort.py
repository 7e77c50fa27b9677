"""Sort an array and count its inversions.

An inversion is a pair i < j with a[i] > a[j]: how many pairs are out of order. Equal elements are in order. Comparing
all pairs takes n * (n - 1) / 2 steps; merge sort gets the number as a by-product in n log n. No routine of NumPy or of
the standard library does.

Write ``merge_sort(a)`` so that it grows no faster than n log n *and* is several times faster than reference.py.

Argument
    a: array of shape (n,), dtype int64. It may be empty, strided (``a[::2]``, ``a[::-1]``) and read-only: sort a copy.

Returns
    A tuple of
    * a new array of shape (n,), dtype int64: the elements of a in ascending order,
    * an int: the number of inversions of a.

Raises
    TypeError or ValueError for an array of any other dtype or number of dimensions.

Where to write it
    numba, cppyy: in this file.
    Cython: in merge_sort.pyx beside it, as ``def merge_sort(a)``.
    pybind11: in merge_sort.cpp, as ``PYBIND11_MODULE(merge_sort, m)`` with ``m.def("merge_sort", ...)``.
    C: in merge_sort.c, as

        int64_t merge_sort(int64_t *a, int64_t *scratch, ptrdiff_t n);

    which sorts a in place and returns the number of inversions; scratch is room for n more elements. binding.py calls
    it with a packed copy of the argument.
    Edit one of these files; the others stay as they are, or do not exist.
"""


def merge_sort(a):
    # TODO: halve, sort both halves, merge, and count while merging.
    raise NotImplementedError
