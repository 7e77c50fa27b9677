/* Merge sort that prefers the right one of two equal elements, and so is not stable either. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static ptrdiff_t smaller(ptrdiff_t x, ptrdiff_t y) { return x < y ? x : y; }

int64_t merge_sort(int64_t *a, int64_t *scratch, ptrdiff_t n) {
    int64_t *source = a;
    int64_t *target = scratch;
    int64_t inversions = 0;
    for (ptrdiff_t width = 1; width < n; width *= 2) {
        for (ptrdiff_t low = 0; low < n; low += 2 * width) {
            const ptrdiff_t middle = smaller(low + width, n);
            const ptrdiff_t high = smaller(low + 2 * width, n);
            ptrdiff_t i = low;
            ptrdiff_t j = middle;
            for (ptrdiff_t k = low; k < high; ++k) {
                if (j == high || (i < middle && source[i] < source[j])) {
                    target[k] = source[i++];
                } else {
                    target[k] = source[j++];
                    inversions += middle - i;
                }
            }
        }
        int64_t *other = source;
        source = target;
        target = other;
    }
    if (source != a) {
        memcpy(a, source, (size_t)n * sizeof *a);
    }
    return inversions;
}
