/* Nothing to do here for the GIL: ctypes.CDLL lets go of it around every call (ctypes.PyDLL would not).
 *
 * That is safe because this function knows nothing of Python: two integers go in, and it writes to memory that no other
 * thread has seen yet. */
#include <stdint.h>

void collatz_steps(int64_t start, int64_t count, int64_t *steps) {
    for (int64_t k = 0; k < count; ++k) {
        int64_t n = start + k;
        int64_t taken = 0;
        while (n != 1) {
            if (n & 1) {
                n = (3 * n + 1) >> 1;
                taken += 2;
            } else {
                n >>= 1;
                taken += 1;
            }
        }
        steps[k] = taken;
    }
}
