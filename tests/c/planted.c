/*
 * Misuses planted.rs, to show that the sanitizers see into Rust code.
 *   planted overflow   lets Rust read one sample past the end of a buffer
 *   planted race       lets Rust write one number from two threads at once
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t planted_sum(const int16_t *samples, size_t frame_count);
void planted_count(uint32_t *number);

static void *count(void *number) {
    int i;
    for (i = 0; i < 1000; i++)
        planted_count((uint32_t *)number);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "overflow") == 0) {
        int16_t *samples = calloc(480, sizeof *samples);
        int64_t sum = planted_sum(samples, 481);
        free(samples);
        /* What lies behind the buffer is anything; the program itself succeeds. */
        printf("%s\n", sum == 0 ? "zero" : "something");
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "race") == 0) {
        uint32_t *number = calloc(1, sizeof *number);
        pthread_t threads[2];
        int i;
        for (i = 0; i < 2; i++)
            if (pthread_create(&threads[i], NULL, count, number) != 0)
                return 3;
        for (i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        free(number);
        return 0;
    }
    return 2;
}
