/* Insertion sort: the place of each element is found by bisection, and one memmove makes room for it.
 *
 * The number of elements that have to move is the number of inversions, so the count is free. The bisections are
 * n log n together; the memmoves are n * n / 4, which no constant factor, however small, makes up for. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int64_t merge_sort(int64_t *a, int64_t *scratch, ptrdiff_t n) {
    int64_t inversions = 0;
    (void)scratch;
    for (ptrdiff_t k = 1; k < n; ++k) {
        const int64_t value = a[k];
        ptrdiff_t low = 0;
        ptrdiff_t high = k;
        while (low < high) {
            const ptrdiff_t middle = low + (high - low) / 2;
            if (a[middle] <= value) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        memmove(a + low + 1, a + low, (size_t)(k - low) * sizeof *a);
        a[low] = value;
        inversions += k - low;
    }
    return inversions;
}
