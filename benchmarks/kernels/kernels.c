/* What the rows about the GIL and about memory call through ctypes: PyDLL keeps the GIL meanwhile, CDLL lets go of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* About 1 ns a step, which no compiler can shorten: every step needs the one before. */
uint64_t spin(int64_t steps) {
    uint64_t x = 1;
    for (int64_t i = 0; i < steps; ++i) {
        x = x * 6364136223846793005u + 1442695040888963407u;
    }
    return x;
}

/* A compiler leaves out memory that nobody could look at. */
static void *volatile seen;

/* Memory that comes and goes during one call, every page of it touched. */
void touch(int64_t bytes) {
    char *place = malloc(bytes);
    memset(place, 1, bytes);
    __asm__ volatile("" : : "r"(place) : "memory");  /* somebody might look at it here */
    free(place);
}

/* One block after the other, never two at once: the peak is one of them. */
void touch_in_turn(int64_t bytes, int64_t times) {
    for (int64_t i = 0; i < times; ++i) {
        touch(bytes);
    }
}

void *leak(int64_t bytes) { return seen = malloc(bytes); }

void no_leak(int64_t bytes) { free(leak(bytes)); }

/* A block every so many calls only. */
void leak_sometimes(int64_t bytes, int64_t every) {
    static int64_t calls = 0;
    if (++calls % every == 0) {
        leak(bytes);
    }
}

/* Grows for so many calls, and then no more. */
void fill(int64_t bytes, int64_t times) {
    static int64_t calls = 0;
    if (calls < times) {
        ++calls;
        leak(bytes);
    }
}
