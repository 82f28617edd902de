/*
 * A mistake on purpose: one thread writes into a buffer while another hands it to duologue, which reads it. The test
 * fails when ThreadSanitizer does not see it.
 */
#include "check.h"

static int16_t samples[480];
static atomic_int stop;

static void *writes(void *nothing) {
    (void)nothing;
    for (int16_t value = 1; !atomic_load_explicit(&stop, memory_order_relaxed); value++)
        for (size_t i = 0; i < COUNT(samples); i++)
            samples[i] = value;
    return NULL;
}

int main(void) {
    pthread_t thread;
    duologue_client *client = client_of(NULL);
    check_thread(&thread, writes, NULL);
    for (int i = 0; i < 200; i++) {
        int32_t result = duologue_client_push_audio(client, samples, COUNT(samples), 0, NULL);
        CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK);
        struct timespec millisecond = {0, 1000000};
        nanosleep(&millisecond, NULL);
    }
    atomic_store_explicit(&stop, 1, memory_order_relaxed);
    pthread_join(thread, NULL);
    duologue_client_destroy(client);
    return check_end();
}
