/* One pass: what NumPy keeps in whole arrays between two steps is one register here.
 *
 * The length is an argument. A loop to a fixed 1000000 works until somebody passes a shorter array, and then writes
 * over whatever lies behind it. A NaN in d makes d >= 0 false, so NaN needs no test of its own. */
#include <math.h>
#include <stddef.h>

void quadratic(const double *a, const double *b, const double *c, ptrdiff_t n, double *roots) {
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double d = b[i] * b[i] - 4.0 * a[i] * c[i];
        roots[i] = d >= 0.0 && a[i] != 0.0 ? (-b[i] + sqrt(d)) / (2.0 * a[i]) : NAN;
    }
}
