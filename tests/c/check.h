/*
 * What the C tests share: checks that name their place, every bad handle, text and callback family.
 * One process a file; each main() ends with check_end().
 */
#ifndef DUOLOGUE_TESTS_CHECK_H
#define DUOLOGUE_TESTS_CHECK_H

#include "canary.h"

#include <duologue.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Text that is not UTF-8, in the ways there are. */
static const char *const BAD_UTF8[] = {
    "\xff",             /* a byte that never occurs */
    "abc\x80",          /* a continuation without a start */
    "\xc3",             /* cut short */
    "\xc0\xaf",         /* overlong */
    "\xed\xa0\x80",     /* a surrogate */
    "\xf4\x90\x80\x80", /* beyond Unicode */
};

/* Every family of callbacks beside the sink. */
#define FAMILIES(X)                                                                                                    \
    X(mode)                                                                                                            \
    X(speech)                                                                                                          \
    X(playback)                                                                                                        \
    X(response)                                                                                                        \
    X(interrupted)                                                                                                     \
    X(message)                                                                                                         \
    X(transcript)                                                                                                      \
    X(audio)                                                                                                           \
    X(audio_level)                                                                                                     \
    X(tool_call)                                                                                                       \
    X(tool_end)                                                                                                        \
    X(status)                                                                                                          \
    X(credential_needed)                                                                                               \
    X(completed)                                                                                                       \
    X(session)                                                                                                         \
    X(session_replaced)                                                                                                \
    X(transport_changed)                                                                                               \
    X(usage)                                                                                                           \
    X(latency)                                                                                                         \
    X(device)                                                                                                          \
    X(error)                                                                                                           \
    X(raw)                                                                                                             \
    X(lagged)

/* The thread's last error; its words live until the next call on this thread. */
static inline const char *last_words(void) {
    static _Thread_local char words[4096];
    if (duologue_last_error(words, sizeof words, NULL) != DUOLOGUE_OK)
        return "(the last error cannot be had)";
    return words;
}

static inline _Noreturn void check_failed(const char *file, int line, const char *what) {
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s\n  last error of this thread: %s\n", file, line, what, last_words());
    fflush(stderr);
    /* Not exit(): leak reports would bury the cause. */
    _Exit(1);
}

static inline void check_code(const char *file, int line, const char *call, int32_t got, int32_t wanted) {
    char what[512];
    if (got == wanted)
        return;
    snprintf(what, sizeof what, "%s is %s (%d), not %s (%d)", call, duologue_result_name(got), (int)got,
             duologue_result_name(wanted), (int)wanted);
    check_failed(file, line, what);
}

static inline void check_words(const char *file, int line, const char *wanted) {
    char what[512];
    if (strstr(last_words(), wanted) != NULL)
        return;
    snprintf(what, sizeof what, "the last error does not say \"%s\"", wanted);
    check_failed(file, line, what);
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            check_failed(__FILE__, __LINE__, #condition);                                                              \
    } while (0)

/* A call that has to end so: REFUSED(NULL_ARGUMENT, call). */
#define REFUSED(code, call) check_code(__FILE__, __LINE__, #call, (int32_t)(call), DUOLOGUE_ERROR_##code)
#define WORKS(call) check_code(__FILE__, __LINE__, #call, (int32_t)(call), DUOLOGUE_OK)
/* The same with a number. */
#define ENDS(number, call) check_code(__FILE__, __LINE__, #call, (int32_t)(call), (number))
/* What the last error has to say. */
#define SAYS(words) check_words(__FILE__, __LINE__, words)

/* Outputs are written on success only: filled with this before, compared after. */
#define UNTOUCHED_BYTE 0xa5
#define PREFILL(output) memset(&(output), UNTOUCHED_BYTE, sizeof(output))

static inline int untouched(const void *output, size_t size) {
    const unsigned char *bytes = output;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != UNTOUCHED_BYTE)
            return 0;
    return 1;
}

#define UNTOUCHED(output) CHECK(untouched(&(output), sizeof(output)))

/* User data that counts how often it was freed, and is poisoned then. */
struct counted {
    atomic_int calls;
    atomic_int frees;
};

static inline void count_free(void *user_data) {
    struct counted *counted = user_data;
    if (counted != NULL)
        atomic_fetch_add(&counted->frees, 1);
}

/* Callbacks of every family that count. */
#define COUNTING(name)                                                                                                 \
    static inline void count_##name(void *user_data, const duologue_##name##_event *event) {                           \
        struct counted *counted = user_data;                                                                           \
        (void)event;                                                                                                   \
        if (counted != NULL)                                                                                           \
            atomic_fetch_add(&counted->calls, 1);                                                                      \
    }
FAMILIES(COUNTING)
#undef COUNTING

static inline void count_event(void *user_data, const duologue_event *event) {
    struct counted *counted = user_data;
    (void)event;
    if (counted != NULL)
        atomic_fetch_add(&counted->calls, 1);
}

#define NUMBER(name) FAMILY_##name,
enum { FAMILY_sink, FAMILIES(NUMBER) FAMILY_TOTAL };
#undef NUMBER

/* Registers a callback by the number of its family; 0 is the sink. */
static inline duologue_result set_callback(unsigned family, duologue_client *client, int on, void *user_data,
                                           duologue_user_data_free free_fn) {
    switch (family) {
    case FAMILY_sink:
        return duologue_client_set_event_callback(client, DUOLOGUE_EVENT_MASK_ALL, on ? count_event : NULL, user_data,
                                                  free_fn);
#define SET(name)                                                                                                      \
    case FAMILY_##name:                                                                                                \
        return duologue_client_set_##name##_callback(client, on ? count_##name : NULL, user_data, free_fn);
        FAMILIES(SET)
#undef SET
    default:
        abort();
    }
}

/* A flag that another thread waits for: never a sleep, and never for ever (the runner ends the process). */
struct signal {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int value;
};
#define SIGNAL_INIT {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

static inline void signal_set(struct signal *signal, int value) {
    pthread_mutex_lock(&signal->mutex);
    signal->value = value;
    pthread_cond_broadcast(&signal->changed);
    pthread_mutex_unlock(&signal->mutex);
}

static inline void signal_add(struct signal *signal) {
    pthread_mutex_lock(&signal->mutex);
    signal->value++;
    pthread_cond_broadcast(&signal->changed);
    pthread_mutex_unlock(&signal->mutex);
}

static inline int signal_get(struct signal *signal) {
    pthread_mutex_lock(&signal->mutex);
    int value = signal->value;
    pthread_mutex_unlock(&signal->mutex);
    return value;
}

static inline void signal_wait(struct signal *signal, int at_least) {
    pthread_mutex_lock(&signal->mutex);
    while (signal->value < at_least)
        pthread_cond_wait(&signal->changed, &signal->mutex);
    pthread_mutex_unlock(&signal->mutex);
}

static inline void check_thread(pthread_t *thread, void *(*body)(void *), void *argument) {
    CHECK(pthread_create(thread, NULL, body, argument) == 0);
}

/* A configuration from JSON that has to be right, and a client of it. */
static inline duologue_client *client_of(const char *json) {
    duologue_config *config = NULL;
    duologue_client *client = NULL;
    WORKS(duologue_config_create(json, &config));
    WORKS(duologue_client_create(NULL, config, &client));
    duologue_config_free(config);
    CHECK(client != NULL);
    return client;
}

static inline int check_end(void) {
    CHECK(duologue_live_clients() == 0);
    puts("ok");
    return 0;
}

#endif
