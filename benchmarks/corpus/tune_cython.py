"""What the complexity of the kernels in tune_kernels.pyx is; rules may be chosen with these in sight."""

from __future__ import annotations

import numpy as np

from corpus.case import RNG, Shelf, array, extension, same, square, two_squares

known = Shelf("tune", "cython")
kernels = extension("tune_kernels")


def _with_a_place(n):
    return (np.arange(n), int(RNG.integers(n)))


def _places_and_room(n):
    return (RNG.permutation(n), np.zeros(n))


def _two_grids(n):
    return (*square(n), np.zeros((n, n)))


def _signed(n):
    return (RNG.random(n) - 0.5,)


known("1", lambda n: (*array(n), n // 2))(kernels.cy_item)
known("log n", _with_a_place)(kernels.cy_bisect)
known("sqrt n", same)(kernels.cy_root_steps)
known("n", array, over=np.cumsum)(kernels.cy_sum)
known("n", _places_and_room, over=kernels.cy_scatter_ones, grows_faster=True)(kernels.cy_scatter)
known("n", same)(kernels.cy_sieve)
known("n log n", array, over=np.sort)(kernels.cy_heap_sort)
known("n log n", _signed, over=np.sort)(kernels.cy_best_run)
known("n^1.5", array)(kernels.cy_root_scan)
known("n^2", lambda n: (*array(n), 0.01), over=kernels.cy_all_pairs)(kernels.cy_close_pairs)
known("n^2", _two_grids, over=lambda a, out: np.negative(a, out=out))(kernels.cy_stencil)
known("n^3", lambda n: (*two_squares(n), np.zeros((n, n))))(kernels.cy_matmul)
known("2^n", same)(kernels.cy_fibonacci)
