/* Plain C behind a plain C signature: nothing here knows Python.
 *
 * C trusts its caller with everything: the length, the stride of one element, the dtype and enough room in b.
 * binding.py makes sure of all four before it calls. The first element is written only if there is one. */
#include <stddef.h>
#include <stdint.h>

void shifted_product(const int64_t *a, ptrdiff_t n, int64_t *b) {
    if (n > 0) {
        b[0] = 0;
    }
    for (ptrdiff_t i = 1; i < n; ++i) {
        b[i] = a[i] * a[i - 1];
    }
}
