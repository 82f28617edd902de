/*
 * What a call costs: pushing 20 ms of microphone audio, and a callback, beside an empty library call and beside
 * waking a thread without the library: most of a push that finds the engine asleep.
 *
 *     cc -O2 call_cost.c -o call_cost $(pkg-config --cflags --libs duologue)
 *     OPENAI_API_KEY=any DUOLOGUE_BASE_URL=ws://127.0.0.1:PORT/v1/realtime ./call_cost
 *
 * It wants a server that costs nothing: `duologue simulate` prints the URL. Prints nanoseconds, the middle one
 * of many measurements. A callback's cost is the CPU time of the thread that calls back, from one callback to
 * the next: taking the event, making its C form, the call, freeing it, and waiting for the next one.
 */
#define _POSIX_C_SOURCE 200809L
#include <duologue.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 480, BATCH = 16, ROUNDS = 200, COMMANDS = 64, MAX = 1 << 15 };

/* Costs of callbacks of one kind. They come one after the other, so only `count` is looked at from outside. */
struct costs {
    uint64_t ns[MAX], last;
    pthread_t thread;
    atomic_int count;
    int measured;
};
static struct costs audio_costs, completed_costs;
static atomic_int turns;

static uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void rest_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static int ok(duologue_result result, const char *what) {
    char words[1024] = "";
    if (result == DUOLOGUE_OK) return 1;
    duologue_last_error(words, sizeof words, NULL);
    fprintf(stderr, "%s: %s: %s\n", what, duologue_result_name(result), words);
    return 0;
}

static void measure(struct costs *costs) {
    uint64_t now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    if (costs->count > 0 && pthread_equal(costs->thread, pthread_self()) && costs->measured < MAX) {
        costs->ns[costs->measured++] = now - costs->last;
    }
    costs->thread = pthread_self();
    costs->count++;
    costs->last = clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void on_audio(void *user_data, const duologue_audio_event *event) {
    (void)event;
    measure(user_data);
}

static void on_completed(void *user_data, const duologue_completed_event *event) {
    (void)event;
    measure(user_data);
}

static void on_response(void *user_data, const duologue_response_event *event) {
    (void)user_data;
    if (event->envelope->kind == DUOLOGUE_EVENT_GENERATION_DONE) turns++;
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, uint64_t *ns, int count) {
    if (count == 0) {
        printf("%-44s  not measured\n", what);
        return;
    }
    qsort(ns, (size_t)count, sizeof *ns, by_size);
    printf("%-44s %8.1f %8.1f %8d\n", what, (double)ns[count / 2] / BATCH, (double)ns[count * 9 / 10] / BATCH, count);
}

static void empty_calls(void) {
    static uint64_t ns[ROUNDS];
    uint32_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_ns(CLOCK_MONOTONIC);
        for (int i = 0; i < 1000 * BATCH; i++) sum += duologue_abi_version();
        ns[round] = (clock_ns(CLOCK_MONOTONIC) - start) / 1000;
    }
    if (sum == 0) puts("no version");
    print("empty call (duologue_abi_version)", ns, ROUNDS);
}

static void *sleeper(void *end) {
    char byte;
    while (read(*(int *)end, &byte, 1) == 1) {}
    return NULL;
}

/* For comparison: a byte into a pipe in which a thread waits. */
static int wakes(void) {
    static uint64_t ns[ROUNDS];
    pthread_t thread;
    int ends[2], good = 1;
    if (pipe(ends) != 0) return 0;
    if (pthread_create(&thread, NULL, sleeper, &ends[0]) != 0) return 0;
    for (int round = 0; round < ROUNDS; round++) {
        rest_ms(5);
        uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        good = write(ends[1], "", 1) == 1 && good;
        ns[round] = (clock_ns(CLOCK_THREAD_CPUTIME_ID) - start) * BATCH;
    }
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    print("waking a thread through a pipe", ns, ROUNDS);
    return good;
}

/* `batch` pushes in a row, again and again. CPU time of this thread: what the engine's threads do is theirs. */
static int pushes(duologue_client *client, int batch, const char *what) {
    static uint64_t ns[ROUNDS];
    static const int16_t silence[FRAME];
    int measured = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int all = 1;
        uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        for (int i = 0; i < batch; i++) {
            duologue_result result = duologue_client_push_audio(client, silence, FRAME, 0, NULL);
            if (result == DUOLOGUE_ERROR_WOULD_BLOCK) {
                all = 0;
            } else if (!ok(result, "push")) {
                return 0;
            }
        }
        uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        if (all) ns[measured++] = (end - start) * BATCH / (uint64_t)batch;
        rest_ms(5); /* what was pushed is sent */
    }
    print(what, ns, measured);
    return 1;
}

/* Costs of callbacks stand for one, those of calls for a batch. */
static void print_callbacks(const char *what, struct costs *costs) {
    for (int i = 0; i < costs->measured; i++) costs->ns[i] *= BATCH;
    print(what, costs->ns, costs->measured);
}

static int converse(duologue_client *client, const char *key) {
    duologue_credential credential = {.struct_size = sizeof credential, .value = key};
    if (!ok(duologue_client_set_credential(client, &credential), "credential") ||
        !ok(duologue_client_set_audio_callback(client, on_audio, &audio_costs, NULL), "audio") ||
        !ok(duologue_client_set_response_callback(client, on_response, NULL, NULL), "responses") ||
        !ok(duologue_client_connect(client, NULL), "connect") ||
        !ok(duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, 10000), "connect")) return 0;
    printf("%-44s %8s %8s %8s\n", "nanoseconds", "median", "p90", "measured");
    empty_calls();
    if (!wakes() || !pushes(client, 1, "push of 20 ms, wakes the engine") ||
        !pushes(client, BATCH, "push of 20 ms, 16 in a row")) return 0;
    if (!ok(duologue_client_send_text(client, "Hello", 0, NULL), "text")) return 0;
    for (int i = 0; i < 1000 && turns == 0; i++) rest_ms(20);
    if (!ok(duologue_client_set_completed_callback(client, on_completed, &completed_costs, NULL), "completed"))
        return 0;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < COMMANDS; i++) {
            if (!ok(duologue_client_set_input_muted(client, 0, NULL), "mute")) return 0;
        }
        for (int i = 0; i < 1000 && completed_costs.count < (round + 1) * COMMANDS; i++) rest_ms(1);
    }
    /* No callback is running when these return. */
    if (!ok(duologue_client_set_audio_callback(client, NULL, NULL, NULL), "audio") ||
        !ok(duologue_client_set_completed_callback(client, NULL, NULL, NULL), "completed")) return 0;
    print_callbacks("callback with 100 ms of audio, as they come", &audio_costs);
    print_callbacks("callback of a completed command, 64 in a row", &completed_costs);
    return 1;
}

int main(void) {
    const char *key = getenv("OPENAI_API_KEY"), *url = getenv("DUOLOGUE_BASE_URL");
    duologue_config *config = NULL;
    duologue_client *client = NULL;
    if (!key || !url) {
        fprintf(stderr, "OPENAI_API_KEY and DUOLOGUE_BASE_URL are needed\n");
        return 2;
    }
    int good = ok(duologue_config_create("{\"audio\": {\"level_events\": false}}", &config), "configuration") &&
               ok(duologue_config_set_string(config, "base_url", url), "DUOLOGUE_BASE_URL") &&
               ok(duologue_client_create(NULL, config, &client), "client") && converse(client, key);
    duologue_client_destroy(client);
    duologue_config_free(config);
    return good && duologue_live_clients() == 0 ? 0 : 1;
}
