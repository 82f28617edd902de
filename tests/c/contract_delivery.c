/* Who delivers: callbacks or the queue, never both; and engines with threads of their own. */
#include "events.h"

static _Thread_local int thread_was_started;

/* The modes of delivery exclude each other. */
static void exclusive_delivery(void) {
    duologue_client *queued = client_of("{\"delivery\": \"queue\"}"), *called = client_of("{\"delivery\": \"callbacks\"}");
    duologue_event *event;
    int fd;
    for (unsigned family = 0; family < FAMILY_TOTAL; family++) {
        struct counted counted = {0};
        REFUSED(INVALID_STATE, set_callback(family, queued, 1, &counted, count_free));
        SAYS("delivery");
        CHECK(atomic_load(&counted.frees) == 1);
        REFUSED(INVALID_STATE, set_callback(family, queued, 0, &counted, count_free));
        CHECK(atomic_load(&counted.frees) == 2 && atomic_load(&counted.calls) == 0);
    }
    PREFILL(event);
    PREFILL(fd);
    REFUSED(INVALID_STATE, duologue_client_next_event(called, 0, &event));
    SAYS("delivery");
    REFUSED(INVALID_STATE, duologue_client_next_event(called, -1, &event));
    REFUSED(INVALID_STATE, duologue_client_wakeup_fd(called, &fd));
    REFUSED(INVALID_STATE, duologue_client_set_event_mask(called, DUOLOGUE_EVENT_MASK_ALL));
    UNTOUCHED(event);
    UNTOUCHED(fd);
    duologue_client_destroy(queued);
    duologue_client_destroy(called);
}

static atomic_int threads_started;

static void thread_starts(void *user_data) {
    CHECK(user_data == &threads_started);
    CHECK(thread_was_started == 0);
    thread_was_started = 1;
    atomic_fetch_add(&threads_started, 1);
}

static struct signal threads_freed = SIGNAL_INIT;

static void threads_free(void *user_data) {
    CHECK(user_data == &threads_started);
    signal_add(&threads_freed);
}

static void on_started_thread(void *user_data, const duologue_completed_event *event) {
    (void)event;
    CHECK(thread_was_started == 1);
    signal_add(user_data);
}

static void an_engine_of_ones_own(void) {
    struct signal seen = SIGNAL_INIT;
    duologue_engine_options options = {sizeof options, 2, 2, 0, thread_starts, &threads_started, threads_free};
    duologue_engine *engine = NULL;
    duologue_client *clients[6];
    WORKS(duologue_engine_create(&options, &engine));
    for (size_t i = 0; i < COUNT(clients); i++) {
        WORKS(duologue_client_create(engine, NULL, &clients[i]));
        WORKS(duologue_client_set_completed_callback(clients[i], on_started_thread, &seen, NULL));
        WORKS(duologue_client_interrupt(clients[i], NULL));
    }
    duologue_engine_destroy(engine);
    signal_wait(&seen, COUNT(clients));
    CHECK(atomic_load(&threads_started) >= 1 && atomic_load(&threads_started) <= 2);
    CHECK(signal_get(&threads_freed) == 0);
    for (size_t i = 0; i < COUNT(clients); i++)
        duologue_client_destroy(clients[i]);
    /* The last of the engine's threads frees it. */
    signal_wait(&threads_freed, 1);
    CHECK(signal_get(&threads_freed) == 1);
}

int main(void) {
    exclusive_delivery();
    an_engine_of_ones_own();
    return check_end();
}
