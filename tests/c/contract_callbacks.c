/* Callback delivery: registration, order, replacing, freeing exactly once; and log lines. */
#include "events.h"

/* What a test sees of its events. The mutex is for the test, not for the library: calls of one client never overlap. */
struct record {
    duologue_client *client;
    struct signal completed;
    atomic_int inside, frees, sink_calls, family_calls;
    uint64_t last_op;
    int32_t last_result;
    uint64_t last_seq;
    pthread_t caller;
};

static void record_free(void *user_data) {
    struct record *record = user_data;
    CHECK(atomic_load(&record->inside) == 0);
    atomic_fetch_add(&record->frees, 1);
}

static void on_event(void *user_data, const duologue_event *event) {
    struct record *record = user_data;
    CHECK(atomic_fetch_add(&record->inside, 1) == 0); /* one after the other */
    CHECK(!pthread_equal(pthread_self(), record->caller)); /* never inside the call that caused it */
    check_event(event);
    CHECK(event->seq > record->last_seq);
    record->last_seq = event->seq;
    atomic_fetch_add(&record->sink_calls, 1);
    atomic_fetch_sub(&record->inside, 1);
}

static void on_completed(void *user_data, const duologue_completed_event *event) {
    struct record *record = user_data;
    CHECK(atomic_fetch_add(&record->inside, 1) == 0);
    check_event(event->envelope);
    CHECK(event->envelope->completed == event);
    /* The sink had it before. */
    if (atomic_load(&record->sink_calls) > 0)
        CHECK(record->last_seq == event->envelope->seq);
    record->last_op = event->op;
    record->last_result = event->result;
    atomic_fetch_add(&record->family_calls, 1);
    atomic_fetch_sub(&record->inside, 1);
    signal_add(&record->completed);
}

#define RECORD_INIT {.completed = SIGNAL_INIT, .caller = pthread_self()}

static void events_come_in_order(void) {
    struct record record = RECORD_INIT;
    uint64_t op = 0, before = 0;
    record.client = client_of(NULL);
    WORKS(duologue_client_set_event_callback(record.client, DUOLOGUE_EVENT_MASK_ALL, on_event, &record, record_free));
    WORKS(duologue_client_set_completed_callback(record.client, on_completed, &record, record_free));
    for (int i = 0; i < 40; i++) {
        if (i % 2)
            WORKS(duologue_client_set_input_muted(record.client, i % 4 == 1, &op));
        else
            WORKS(duologue_client_send_text(record.client, "nobody is there", 0, &op));
        CHECK(op > before);
        before = op;
        signal_wait(&record.completed, i + 1);
        CHECK(record.last_op == op);
        ENDS(i % 2 ? DUOLOGUE_OK : DUOLOGUE_ERROR_INVALID_STATE, record.last_result);
    }
    duologue_client_destroy(record.client);
    CHECK(atomic_load(&record.frees) == 2);
    CHECK(atomic_load(&record.family_calls) == 40);
    CHECK(atomic_load(&record.sink_calls) >= 40);
}

/* Each command while idle: taken, and told about. */
static void commands_while_idle(void) {
    struct record record = RECORD_INIT;
    int32_t wanted = DUOLOGUE_ERROR_INVALID_STATE;
    int done = 0;
    record.client = client_of(NULL);
    WORKS(duologue_client_set_completed_callback(record.client, on_completed, &record, record_free));
#define ENDS_AS(code, call)                                                                                            \
    WORKS(call);                                                                                                       \
    signal_wait(&record.completed, ++done);                                                                            \
    check_code(__FILE__, __LINE__, "the end of " #call, record.last_result, code)
    ENDS_AS(DUOLOGUE_OK, duologue_client_disconnect(record.client, NULL));
    ENDS_AS(DUOLOGUE_OK, duologue_client_set_capture(record.client, 1, NULL));
    ENDS_AS(DUOLOGUE_OK, duologue_client_set_capture(record.client, 0, NULL));
    ENDS_AS(DUOLOGUE_OK, duologue_client_set_input_muted(record.client, 1, NULL));
    ENDS_AS(wanted, duologue_client_send_text(record.client, "text", 3, NULL));
    ENDS_AS(wanted, duologue_client_request_response(record.client, NULL, NULL));
    ENDS_AS(wanted, duologue_client_interrupt(record.client, NULL));
    ENDS_AS(wanted, duologue_client_submit_tool_result(record.client, 1, "call", "{}", 1, NULL));
    ENDS_AS(wanted, duologue_client_send_raw(record.client, "{}", NULL));
    ENDS_AS(DUOLOGUE_ERROR_AUTH, duologue_client_connect(record.client, NULL));
#undef ENDS_AS
    duologue_client_destroy(record.client);
    CHECK(atomic_load(&record.frees) == 1);
}

static void the_mask_chooses(void) {
    struct record record = RECORD_INIT, other = RECORD_INIT;
    duologue_client *client = client_of(NULL);
    WORKS(duologue_client_set_event_callback(client, DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_RAW), on_event, &other, NULL));
    WORKS(duologue_client_set_completed_callback(client, on_completed, &record, NULL));
    WORKS(duologue_client_interrupt(client, NULL));
    signal_wait(&record.completed, 1);
    CHECK(atomic_load(&other.sink_calls) == 0);
    duologue_client_destroy(client);
    CHECK(atomic_load(&other.sink_calls) == 0);
}

static void every_family_is_freed_once(void) {
    static struct counted counted[FAMILY_TOTAL];
    duologue_client *client = client_of(NULL);
    for (unsigned family = 0; family < FAMILY_TOTAL; family++)
        WORKS(set_callback(family, client, 1, &counted[family], count_free));
    /* Replaced: the old one is freed before the call returns. */
    for (unsigned family = 0; family < FAMILY_TOTAL; family++) {
        struct counted next = {0};
        WORKS(set_callback(family, client, 1, &next, count_free));
        CHECK(atomic_load(&counted[family].frees) == 1);
        WORKS(set_callback(family, client, 1, &counted[family], count_free));
        CHECK(atomic_load(&next.frees) == 1);
        /* Unregistered; what came with NULL is freed as well. */
        if (family % 2) {
            struct counted with_null = {0};
            WORKS(set_callback(family, client, 0, &with_null, count_free));
            CHECK(atomic_load(&counted[family].frees) == 2);
            CHECK(atomic_load(&with_null.frees) == 1);
        }
    }
    duologue_client_destroy(client);
    for (unsigned family = 0; family < FAMILY_TOTAL; family++)
        CHECK(atomic_load(&counted[family].frees) == 2);
}

/* A callback that stays inside until it is told to go, and knows when it has left. */
struct held {
    struct signal inside, go;
    atomic_int left, frees;
};

static void hold(void *user_data, const duologue_completed_event *event) {
    struct held *held = user_data;
    struct timespec moment = {0, 5000000};
    signal_add(&held->inside);
    signal_wait(&held->go, 1);
    /* Whoever does not wait for this is ahead of it now. */
    nanosleep(&moment, NULL);
    check_event(event->envelope);
    CHECK(atomic_load(&held->frees) == 0);
    atomic_store(&held->left, 1);
}

static void held_free(void *user_data) {
    struct held *held = user_data;
    CHECK(atomic_load(&held->left) == 1);
    atomic_fetch_add(&held->frees, 1);
}

static void *lets_go(void *held) {
    signal_set(&((struct held *)held)->go, 1);
    return NULL;
}

/* Replacing, unregistering and destroying wait for the call that is running. */
static void waits_for_a_running_call(void) {
    for (int how = 0; how < 3; how++) {
        struct held held = {.inside = SIGNAL_INIT, .go = SIGNAL_INIT};
        struct counted next = {0};
        pthread_t thread;
        duologue_client *client = client_of(NULL);
        WORKS(duologue_client_set_completed_callback(client, hold, &held, held_free));
        WORKS(duologue_client_interrupt(client, NULL));
        signal_wait(&held.inside, 1);
        check_thread(&thread, lets_go, &held);
        if (how == 0)
            duologue_client_destroy(client);
        else
            WORKS(set_callback(FAMILY_completed, client, how == 1, &next, count_free));
        CHECK(atomic_load(&held.left) == 1);
        CHECK(atomic_load(&held.frees) == 1);
        pthread_join(thread, NULL);
        CHECK(atomic_load(&next.frees) == (how == 2));
        duologue_client_destroy(client);
        CHECK(atomic_load(&held.frees) == 1);
        CHECK(atomic_load(&next.frees) == (how > 0));
    }
}

/* A client whose host blocks holds up no other; and another slot can be changed meanwhile. */
static void others_go_on(void) {
    struct held held = {.inside = SIGNAL_INIT, .go = SIGNAL_INIT};
    struct record record = RECORD_INIT;
    struct counted counted = {0};
    duologue_client *blocked = client_of(NULL);
    record.client = client_of(NULL);
    WORKS(duologue_client_set_completed_callback(blocked, hold, &held, held_free));
    WORKS(duologue_client_interrupt(blocked, NULL));
    signal_wait(&held.inside, 1);
    WORKS(duologue_client_set_completed_callback(record.client, on_completed, &record, record_free));
    WORKS(duologue_client_interrupt(record.client, NULL));
    signal_wait(&record.completed, 1);
    WORKS(set_callback(FAMILY_status, blocked, 1, &counted, count_free));
    WORKS(set_callback(FAMILY_status, blocked, 0, NULL, NULL));
    CHECK(atomic_load(&counted.frees) == 1);
    /* Commands do not wait either. */
    WORKS(duologue_client_disconnect(blocked, NULL));
    signal_set(&held.go, 1);
    duologue_client_destroy(blocked);
    duologue_client_destroy(record.client);
    CHECK(atomic_load(&held.frees) == 1 && atomic_load(&record.frees) == 1);
}

/* Log lines. */
struct lines {
    atomic_int lines, frees, worst;
};

static void on_line(void *user_data, int32_t level, const char *target, const char *message) {
    struct lines *lines = user_data;
    CHECK(level >= DUOLOGUE_LOG_LEVEL_ERROR && level <= DUOLOGUE_LOG_LEVEL_TRACE);
    CHECK(target != NULL && message != NULL && strlen(target) > 0 && strlen(message) < 100000);
    CHECK(strstr(message, CANARY_MARK) == NULL);
    CHECK(atomic_load(&lines->frees) == 0);
    if (level > atomic_load(&lines->worst))
        atomic_store(&lines->worst, level);
    atomic_fetch_add(&lines->lines, 1);
}

static void lines_free(void *user_data) {
    struct lines *lines = user_data;
    atomic_fetch_add(&lines->frees, 1);
}

static void log_lines(void) {
    struct lines all = {0}, few = {0}, bad = {0};
    struct record record = RECORD_INIT;
    duologue_credential key = {.struct_size = sizeof key, .value = CANARY_KEY};
    WORKS(duologue_set_log_callback(DUOLOGUE_LOG_LEVEL_TRACE, on_line, &all, lines_free));
    REFUSED(INVALID_ARGUMENT, duologue_set_log_callback(6, on_line, &bad, lines_free));
    REFUSED(INVALID_ARGUMENT, duologue_set_log_callback(-1, on_line, &bad, lines_free));
    CHECK(atomic_load(&bad.frees) == 2 && atomic_load(&all.frees) == 0);
    duologue_client *client = client_of("{\"base_url\": \"http://127.0.0.1:1/v1\"}");
    WORKS(duologue_client_set_completed_callback(client, on_completed, &record, NULL));
    WORKS(duologue_client_set_credential(client, &key));
    WORKS(duologue_client_connect(client, NULL));
    signal_wait(&record.completed, 1);
    ENDS(DUOLOGUE_ERROR_CONNECT_FAILED, record.last_result);
    WORKS(duologue_set_log_callback(DUOLOGUE_LOG_LEVEL_ERROR, on_line, &few, lines_free));
    WORKS(duologue_client_connect(client, NULL));
    signal_wait(&record.completed, 2);
    CHECK(atomic_load(&few.worst) <= DUOLOGUE_LOG_LEVEL_ERROR);
    WORKS(duologue_set_log_callback(DUOLOGUE_LOG_LEVEL_TRACE, NULL, &bad, lines_free));
    CHECK(atomic_load(&bad.frees) == 3);
    duologue_client_destroy(client);
    /* Their lines may be running elsewhere: the free functions come when those are over. */
    WORKS(duologue_set_log_callback(DUOLOGUE_LOG_LEVEL_OFF, NULL, NULL, NULL));
    for (int i = 0; i < 10000 && (atomic_load(&all.frees) == 0 || atomic_load(&few.frees) == 0); i++) {
        struct timespec moment = {0, 1000000};
        nanosleep(&moment, NULL);
    }
    CHECK(atomic_load(&all.frees) == 1 && atomic_load(&few.frees) == 1);
    CHECK(atomic_load(&all.lines) > 0);
    printf("log lines: %d\n", atomic_load(&all.lines));
}

int main(void) {
    events_come_in_order();
    commands_while_idle();
    the_mask_chooses();
    every_family_is_freed_once();
    waits_for_a_running_call();
    others_go_on();
    log_lines();
    return check_end();
}
