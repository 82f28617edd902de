/* Inside callbacks and free functions: what may be called there, and what waits for nobody. */
#include "events.h"

/* Everything that may be called inside a callback, and what may not. */
struct inside {
    duologue_client *client, *queued;
    struct signal done;
    atomic_int frees, replaced_frees, calls;
};

static void inside_free(void *user_data) {
    struct inside *inside = user_data;
    atomic_fetch_add(&inside->frees, 1);
}

static void replaced_free(void *user_data) {
    struct inside *inside = user_data;
    atomic_fetch_add(&inside->replaced_frees, 1);
}

static void replacement(void *user_data, const duologue_completed_event *event) {
    struct inside *inside = user_data;
    check_event(event->envelope);
    CHECK(atomic_load(&inside->frees) == 1); /* of the one before, after its call */
    signal_add(&inside->done);
}

static void does_everything(void *user_data, const duologue_completed_event *event) {
    struct inside *inside = user_data;
    duologue_client *client = inside->client, *made = NULL;
    duologue_status status;
    duologue_event *next;
    char *json = NULL, *again = NULL;
    uint64_t op = 0;
    int fd;

    CHECK(atomic_fetch_add(&inside->calls, 1) == 0);
    REFUSED(WOULD_DEADLOCK, duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, -1));
    REFUSED(WOULD_DEADLOCK, duologue_client_wait_status(inside->queued, DUOLOGUE_STATUS_CONNECTED, 10));
    PREFILL(next);
    REFUSED(WOULD_DEADLOCK, duologue_client_next_event(inside->queued, -1, &next));
    REFUSED(WOULD_DEADLOCK, duologue_client_next_event(inside->queued, 10, &next));
    REFUSED(TIMEOUT, duologue_client_next_event(inside->queued, 0, &next));
    UNTOUCHED(next);
    WORKS(duologue_client_wakeup_fd(inside->queued, &fd));

    WORKS(duologue_client_status(client, &status));
    WORKS(duologue_client_state_json(client, &json));
    duologue_string_free(json);
    WORKS(duologue_event_to_json(event->envelope, &json));
    WORKS(duologue_event_to_json(event->envelope, &again));
    CHECK(strcmp(json, again) == 0 && strstr(json, "completed") != NULL);
    duologue_string_free(json);
    duologue_string_free(again);

    /* A client's whole life inside a callback of another one. */
    WORKS(duologue_client_create(NULL, NULL, &made));
    WORKS(set_callback(FAMILY_sink, made, 1, NULL, NULL));
    WORKS(duologue_client_interrupt(made, NULL));
    duologue_client_destroy(made);
    REFUSED(INVALID_HANDLE, duologue_client_interrupt(made, NULL));

    int can = -1;
    WORKS(duologue_client_can_connect(client, &can));
    CHECK(can == 0);
    REFUSED(INVALID_STATE, duologue_client_refuse_credential(client, 1, NULL, 0));
    duologue_config *copy = NULL;
    WORKS(duologue_config_copy(NULL, "{\"labels\": {\"a\": \"b\"}}", &copy));
    duologue_config_free(copy);

    /* Its own slot: the old free function does not run before this call is over. */
    WORKS(duologue_client_set_completed_callback(client, replacement, inside, replaced_free));
    CHECK(atomic_load(&inside->frees) == 0);
    WORKS(duologue_client_set_status_callback(client, count_status, NULL, NULL));
    WORKS(duologue_client_set_status_callback(client, NULL, NULL, NULL));
    WORKS(duologue_client_interrupt(client, &op));
    CHECK(op > event->op);
}

static void inside_a_callback(void) {
    struct inside inside = {.done = SIGNAL_INIT};
    inside.queued = client_of("{\"delivery\": \"queue\"}");
    inside.client = client_of(NULL);
    WORKS(duologue_client_set_completed_callback(inside.client, does_everything, &inside, inside_free));
    WORKS(duologue_client_interrupt(inside.client, NULL));
    signal_wait(&inside.done, 1);
    duologue_client_destroy(inside.client);
    CHECK(atomic_load(&inside.frees) == 1 && atomic_load(&inside.replaced_frees) == 1);
    duologue_client_destroy(inside.queued);
}

/* A callback ends its own client: this call is the last, and its data is freed after it. */
struct suicide {
    duologue_client *client;
    struct signal freed;
    atomic_int calls, running;
};

static void kills_itself(void *user_data, const duologue_completed_event *event) {
    struct suicide *suicide = user_data;
    atomic_store(&suicide->running, 1);
    CHECK(atomic_fetch_add(&suicide->calls, 1) == 0);
    duologue_client_destroy(suicide->client);
    duologue_client_destroy(suicide->client);
    REFUSED(INVALID_HANDLE, duologue_client_interrupt(suicide->client, NULL));
    /* The event is still there, and nothing of this was freed. */
    check_event(event->envelope);
    CHECK(signal_get(&suicide->freed) == 0);
    atomic_store(&suicide->running, 0);
}

static void suicide_free(void *user_data) {
    struct suicide *suicide = user_data;
    CHECK(atomic_load(&suicide->running) == 0);
    signal_add(&suicide->freed);
}

static void destroyed_inside(void) {
    for (int round = 0; round < 20; round++) {
        struct suicide suicide = {.freed = SIGNAL_INIT};
        suicide.client = client_of(NULL);
        WORKS(duologue_client_set_completed_callback(suicide.client, kills_itself, &suicide, suicide_free));
        WORKS(duologue_client_set_lagged_callback(suicide.client, count_lagged, NULL, NULL));
        WORKS(duologue_client_set_event_callback(suicide.client, DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_RAW), count_event,
                                                 &suicide, suicide_free));
        for (int i = 0; i < 5; i++) {
            int32_t result = duologue_client_interrupt(suicide.client, NULL);
            CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_INVALID_HANDLE || result == DUOLOGUE_ERROR_CLOSED);
        }
        signal_wait(&suicide.freed, 2);
        CHECK(atomic_load(&suicide.calls) == 1);
    }
}

/* Two callbacks, inside at once, end each other's client. */
struct duel {
    duologue_client *other;
    struct signal *both, freed;
};

static void shoots(void *user_data, const duologue_completed_event *event) {
    struct duel *duel = user_data;
    (void)event;
    signal_add(duel->both);
    signal_wait(duel->both, 2);
    duologue_client_destroy(duel->other);
}

static void duel_free(void *user_data) {
    struct duel *duel = user_data;
    signal_add(&duel->freed);
}

static void each_destroys_the_other(void) {
    for (int round = 0; round < 20; round++) {
        struct signal both = SIGNAL_INIT;
        struct duel duels[2] = {{.both = &both, .freed = SIGNAL_INIT}, {.both = &both, .freed = SIGNAL_INIT}};
        duologue_client *clients[2] = {client_of(NULL), client_of(NULL)};
        for (int i = 0; i < 2; i++) {
            duels[i].other = clients[1 - i];
            WORKS(duologue_client_set_completed_callback(clients[i], shoots, &duels[i], duel_free));
        }
        for (int i = 0; i < 2; i++)
            WORKS(duologue_client_interrupt(clients[i], NULL));
        for (int i = 0; i < 2; i++)
            signal_wait(&duels[i].freed, 1);
        CHECK(signal_get(&duels[0].freed) == 1 && signal_get(&duels[1].freed) == 1);
    }
}

/* A free function may call duologue: here it registers the next one and ends the client. */
static struct signal chain = SIGNAL_INIT;

static void chained_free(void *client) {
    int value;
    signal_add(&chain);
    value = signal_get(&chain);
    if (value < 5) {
        int32_t result = duologue_client_set_completed_callback(client, count_completed, client, chained_free);
        CHECK(result == DUOLOGUE_OK);
    } else if (value == 5) {
        duologue_client_destroy(client);
    }
}

static void chained_call(void *user_data, const duologue_completed_event *event) {
    (void)user_data;
    (void)event;
}

static void free_functions_may_call(void) {
    duologue_client *client = client_of(NULL);
    WORKS(duologue_client_set_completed_callback(client, chained_call, client, chained_free));
    for (int i = 0; i < 5; i++)
        WORKS(duologue_client_set_completed_callback(client, NULL, NULL, NULL));
    CHECK(signal_get(&chain) == 5);
    CHECK(duologue_live_clients() == 0);
}

int main(void) {
    inside_a_callback();
    destroyed_inside();
    each_destroys_the_other();
    free_functions_may_call();
    return check_end();
}
