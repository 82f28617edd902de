/* Callbacks of random_calls.c, whose user data is poisoned and counted when it is freed. */
#ifndef DUOLOGUE_TESTS_RANDOM_CALLBACKS_H
#define DUOLOGUE_TESTS_RANDOM_CALLBACKS_H

#include "random_arguments.h"

static atomic_ulong registrations, frees, called;

/* User data that is poisoned when it is freed. */
struct given {
    uint32_t alive;
    duologue_client *client;
};
enum { ALIVE = 0x5ca1ab1e };

static void given_free(void *user_data) {
    struct given *given = user_data;
    CHECK(given->alive == ALIVE);
    memset(given, 0xdd, sizeof *given);
    free(given);
    atomic_fetch_add(&frees, 1);
}

static void *new_given(duologue_client *client) {
    struct given *given = malloc(sizeof *given);
    CHECK(given != NULL);
    *given = (struct given){ALIVE, client};
    atomic_fetch_add(&registrations, 1);
    return given;
}

static void inside(struct given *given, const duologue_event *event) {
    unsigned long number = atomic_fetch_add(&called, 1);
    CHECK(given->alive == ALIVE);
    check_event(event);
    /* Not drawn, so that the seed decides what the main thread does. */
    switch (number % 64) {
    case 7:
        duologue_client_destroy(given->client);
        break;
    case 17:
        (void)duologue_client_send_text(given->client, "from inside", 0, NULL);
        break;
    case 27: {
        char *json = NULL;
        WORKS(duologue_event_to_json(event, &json));
        duologue_string_free(json);
        break;
    }
    case 37:
        (void)duologue_client_set_completed_callback(given->client, NULL, NULL, NULL);
        break;
    case 47: {
        int32_t result = duologue_client_wait_status(given->client, DUOLOGUE_STATUS_RECONNECTING, -1);
        CHECK(result == DUOLOGUE_ERROR_WOULD_DEADLOCK || result == DUOLOGUE_ERROR_INVALID_HANDLE ||
              result == DUOLOGUE_ERROR_CLOSED);
        break;
    }
    default:
        break;
    }
}

static void called_sink(void *user_data, const duologue_event *event) {
    inside(user_data, event);
}

#define CALLED(name)                                                                                                   \
    static void called_##name(void *user_data, const duologue_##name##_event *event) {                                 \
        inside(user_data, event->envelope);                                                                            \
    }
FAMILIES(CALLED)
#undef CALLED

static void on_line(void *user_data, int32_t level, const char *target, const char *message) {
    struct given *given = user_data;
    CHECK(given->alive == ALIVE);
    CHECK(level >= 1 && level <= 5 && target != NULL && message != NULL);
    CHECK(strstr(message, CANARY_MARK) == NULL && strstr(message, "sk-secret") == NULL);
}

static void thread_starts(void *user_data) {
    CHECK(((struct given *)user_data)->alive == ALIVE);
}

static int32_t any_callback(void) {
    duologue_client *client = any_client();
    struct given *given = chance(10) ? NULL : new_given(client);
    duologue_user_data_free free_fn = given == NULL ? NULL : given_free;
    int on = given != NULL && !chance(4);
    unsigned family = below(FAMILY_TOTAL);
    switch (family) {
    case FAMILY_sink:
        return duologue_client_set_event_callback(client, any_mask(), on ? called_sink : NULL, given, free_fn);
#define SET(name)                                                                                                      \
    case FAMILY_##name:                                                                                                \
        return duologue_client_set_##name##_callback(client, on ? called_##name : NULL, given, free_fn);
        FAMILIES(SET)
#undef SET
    default:
        abort();
    }
}

#endif
