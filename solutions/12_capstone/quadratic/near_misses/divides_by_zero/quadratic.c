/* sqrt of a negative number is NaN all by itself, but x / 0.0 is NaN only for x = 0. */
#include <math.h>
#include <stddef.h>

void quadratic(const double *a, const double *b, const double *c, ptrdiff_t n, double *roots) {
    for (ptrdiff_t i = 0; i < n; ++i) {
        roots[i] = (-b[i] + sqrt(b[i] * b[i] - 4.0 * a[i] * c[i])) / (2.0 * a[i]);
    }
}
