/*
 * Load driver: what a conversation through the C library costs, in a form a bench can compare.
 *
 * The same contract and the same conversation as examples/rust/load.rs: the bench server stamps every audio
 * delta and reads the stamps in microphone frames (`DuoStamp`, CLOCK_MONOTONIC nanoseconds and a sequence
 * number in the first 24 bytes). One thread has all microphones; callbacks get the audio, read the stamps,
 * count transcript text, answer tool calls, and note when playback had to stop. Linux and little endian.
 *
 *     cc -O2 load.c -o load $(pkg-config --cflags --libs duologue)
 *     ./run.py "cmd:.../load" --seconds 20 --mode paced
 *     ./run.py "cmd:.../load" --seconds 2000 --mode fast
 *
 * Prints one line of JSON. Exit code 0 when the conversation ran, 1 when it did not, 2 for a wrong option.
 */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <duologue.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define CONFIG \
    "{\"model\": \"gpt-realtime-2.1\", \"instructions\": \"Be brief.\", \"audio\": {\"level_events\": false}," \
    " \"tools\": [{\"name\": \"get_weather\", \"description\": \"Weather for a city\", \"parameters\": {" \
    "   \"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"]," \
    "   \"additionalProperties\": false}}]}"
#define WEATHER "{\"temp_c\": 18, \"sky\": \"clear\"}"
#define KINDS                                                                                                    \
    (DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_AUDIO) | DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_TRANSCRIPT) |                \
     DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_INTERRUPTED) | DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_TOOL_CALL) |           \
     DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_WARNING) | DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_ERROR))

enum { FRAME = 480, MAX_STAMPS = 1 << 20, MAX_FLUSHES = 1 << 16, MAX_ERRORS = 16 }; /* 20 ms of 24 kHz */

struct options {
    const char *url, *mode;
    int sessions;
    double seconds, turn_ms;
};

/* What was observed, by the callbacks of all sessions. */
static struct {
    pthread_mutex_t lock;
    uint32_t *delivery_us;
    uint64_t *flush_ns;
    size_t stamps, flushes;
    uint64_t out_bytes, tools, text;
    char errors[MAX_ERRORS][128];
    int error_count;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The microphone: one frame of a tone, stamped anew each time. */
static int16_t tone[FRAME];
static uint64_t sequence, refused;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns) {
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {}
}

static void sleep_ms(uint64_t ms) { sleep_until(now_ns() + ms * 1000000u); }

static void note(const char *words) {
    if (seen.error_count < MAX_ERRORS) snprintf(seen.errors[seen.error_count++], sizeof seen.errors[0], "%s", words);
}

static int ok(duologue_result result, const char *what) {
    char words[1024] = "";
    if (result == DUOLOGUE_OK) return 1;
    duologue_last_error(words, sizeof words, NULL);
    fprintf(stderr, "%s: %s: %s\n", what, duologue_result_name(result), words);
    return 0;
}

static void on_audio(const duologue_audio_event *audio) {
    size_t bytes = audio->frame_count * sizeof *audio->samples;
    uint64_t now = now_ns(), sent;
    pthread_mutex_lock(&seen.lock);
    seen.out_bytes += bytes;
    if (bytes >= 16 && memcmp(audio->samples, "DuoStamp", 8) == 0 && seen.stamps < MAX_STAMPS) {
        memcpy(&sent, (const char *)audio->samples + 8, sizeof sent);
        seen.delivery_us[seen.stamps++] = now > sent ? (uint32_t)((now - sent) / 1000) : 0;
    }
    pthread_mutex_unlock(&seen.lock);
}

static void on_event(void *client, const duologue_event *event) {
    const duologue_transcript_event *words = event->transcript;
    if (event->audio) {
        on_audio(event->audio);
    } else if (words && words->stage != DUOLOGUE_TRANSCRIPT_STAGE_HEARD) {
        /* The assistant's words as they come, the user's when they are final. */
        int streamed = words->stage == DUOLOGUE_TRANSCRIPT_STAGE_GENERATED;
        if (streamed == (words->mode == DUOLOGUE_TRANSCRIPT_MODE_DELTA)) {
            pthread_mutex_lock(&seen.lock);
            seen.text += words->text.length;
            pthread_mutex_unlock(&seen.lock);
        }
    } else if (event->interrupted) {
        pthread_mutex_lock(&seen.lock);
        if (seen.flushes < MAX_FLUSHES) seen.flush_ns[seen.flushes++] = now_ns();
        pthread_mutex_unlock(&seen.lock);
    } else if (event->tool_call) {
        const duologue_tool_call_event *call = event->tool_call;
        duologue_result sent =
            duologue_client_submit_tool_result(client, call->epoch, call->call_id.data, WEATHER, 0, NULL);
        pthread_mutex_lock(&seen.lock);
        seen.tools++;
        if (sent != DUOLOGUE_OK) note(duologue_result_name(sent));
        pthread_mutex_unlock(&seen.lock);
    } else if (event->error) {
        pthread_mutex_lock(&seen.lock);
        note(event->error->code.data);
        pthread_mutex_unlock(&seen.lock);
    }
}

static duologue_client *open_session(const duologue_config *config) {
    duologue_client *client = NULL;
    duologue_credential credential = {.struct_size = sizeof credential, .value = "sk-none"};
    if (ok(duologue_client_create(NULL, config, &client), "client") &&
        ok(duologue_client_set_credential(client, &credential), "credential") &&
        ok(duologue_client_set_event_callback(client, KINDS, on_event, client, NULL), "callback") &&
        ok(duologue_client_connect(client, NULL), "connect") &&
        ok(duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, 30000), "connect")) return client;
    duologue_client_destroy(client);
    return NULL;
}

static void stamp(void) {
    uint64_t now = now_ns();
    sequence++;
    memcpy(tone, "DuoStamp", 8);
    memcpy((char *)tone + 8, &now, sizeof now);
    memcpy((char *)tone + 16, &sequence, sizeof sequence);
}

/* Hands one frame over. The engine takes half a second ahead; beyond that it has to have its turn. */
static int push(duologue_client *client) {
    stamp();
    for (;;) {
        duologue_result result = duologue_client_push_audio(client, tone, FRAME, 0, NULL);
        if (result != DUOLOGUE_ERROR_WOULD_BLOCK) return ok(result, "push");
        refused++;
        sleep_until(now_ns() + 200000);
    }
}

static int paced(const struct options *options, duologue_client **clients) {
    uint64_t start = now_ns();
    int tick_only = strcmp(options->mode, "tick") == 0;
    for (int tick = 0; tick < (int)(options->seconds * 200); tick++) {
        /* Four phases, so that the frames of many sessions do not all fall on one moment. */
        if (tick % 4 >= options->sessions) continue;
        sleep_until(start + (uint64_t)tick * 5000000u);
        for (int i = tick % 4; i < options->sessions; i += 4) {
            if (tick_only) {
                stamp();
            } else if (!push(clients[i])) {
                return 0;
            }
        }
    }
    sleep_ms(300);
    return 1;
}

static int received(const struct options *options, double turns) {
    double wanted = (turns * options->turn_ms * 48 - 12000) * options->sessions; /* a few deltas short is there */
    pthread_mutex_lock(&seen.lock);
    int there = seen.error_count > 0 || (double)seen.out_bytes >= wanted;
    pthread_mutex_unlock(&seen.lock);
    return there;
}

static int fast(const struct options *options, duologue_client **clients) {
    for (uint64_t k = 0; k < (uint64_t)(options->seconds * 50); k++) {
        while (!received(options, floor((double)k * 20 / options->turn_ms) - 1)) sleep_ms(1);
        for (int i = 0; i < options->sessions; i++) {
            if (!push(clients[i])) return 0;
        }
    }
    while (!received(options, floor(options->seconds * 1000 / options->turn_ms))) sleep_ms(1);
    return 1;
}

/* A counter of the statistics, 0 when it is not there. */
static uint64_t counter(const char *json, const char *name) {
    const char *at = strstr(json, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* Returns the blocks that did not fit at first. */
static uint64_t look_for_losses(duologue_client *client) {
    static const char *const names[] = {"\"dropped_audio\":", "\"output_overrun\":", "\"malformed\":",
                                        "\"capture_overruns\":"};
    char *json = NULL;
    uint64_t overruns;
    if (!ok(duologue_client_stats_json(client, &json), "stats")) {
        note("stats");
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strstr(json, names[i])) note("a counter is missing");
        if (i < 3 && counter(json, names[i]) > 0) note("audio or frames were lost");
    }
    overruns = counter(json, names[3]);
    duologue_string_free(json);
    return overruns;
}

struct cpu { double user, system; };

static struct cpu cpu_ms(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (struct cpu){(double)u.ru_utime.tv_sec * 1e3 + (double)u.ru_utime.tv_usec / 1e3,
                        (double)u.ru_stime.tv_sec * 1e3 + (double)u.ru_stime.tv_usec / 1e3};
}

/* Resident memory ("VmRSS:") or its peak ("VmHWM:"). */
static long memory_kib(const char *name) {
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, name, strlen(name)) == 0) kib = atol(line + strlen(name));
    }
    if (status) fclose(status);
    return kib;
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t at(double q) { return seen.delivery_us[(size_t)((double)(seen.stamps - 1) * q + 0.5)]; }

static void print_lists(void) {
    if (seen.stamps > 0) {
        qsort(seen.delivery_us, seen.stamps, sizeof *seen.delivery_us, by_size);
        printf("\"delivery_us\": {\"n\": %zu, \"p50\": %u, \"p90\": %u, \"p99\": %u, \"max\": %u}, ", seen.stamps,
               at(0.5), at(0.9), at(0.99), at(1));
    } else {
        printf("\"delivery_us\": null, ");
    }
    printf("\"flush_ns\": [");
    for (size_t i = 0; i < seen.flushes; i++) printf("%s%" PRIu64, i ? ", " : "", seen.flush_ns[i]);
    printf("], \"errors\": [");
    for (int i = 0; i < seen.error_count; i++) printf("%s\"%s\"", i ? ", " : "", seen.errors[i]);
    printf("]}\n");
}

/* Holds the conversation and prints the figures. */
static int run(const struct options *options, const duologue_config *config, duologue_client **clients) {
    struct cpu startup = cpu_ms();
    long rss_base = memory_kib("VmRSS:");
    for (int i = 0; i < options->sessions; i++) {
        if (!(clients[i] = open_session(config))) return 0;
    }
    sleep_ms(300); /* what connecting stirred up settles */
    struct cpu connected = cpu_ms();
    long rss_connected = memory_kib("VmRSS:");
    uint64_t start = now_ns();
    int good = 1;
    if (strcmp(options->mode, "idle") == 0) {
        sleep_ms((uint64_t)(options->seconds * 1000));
    } else if (strcmp(options->mode, "fast") == 0) {
        good = fast(options, clients);
    } else {
        good = paced(options, clients);
    }
    struct cpu end = cpu_ms();
    double wall = (double)(now_ns() - start) / 1e9;
    long rss = memory_kib("VmRSS:"), peak = memory_kib("VmHWM:");
    if (!good) return 0;
    pthread_mutex_lock(&seen.lock);
    uint64_t overruns = 0;
    for (int i = 0; i < options->sessions; i++) overruns += look_for_losses(clients[i]);
    if (overruns != refused) note("microphone audio was lost"); /* the refused ones were offered again */
    printf("{\"peer\": \"duologue-c\", \"version\": \"%s\", \"mode\": \"%s\", \"sessions\": %d, \"wall_s\": %f, ",
           duologue_version(), options->mode, options->sessions, wall);
    printf("\"in_s\": %f, \"out_s\": %f, ", (double)sequence / 50, (double)seen.out_bytes / 48000);
    printf("\"cpu_ms\": %f, \"cpu_user_ms\": %f, \"cpu_sys_ms\": %f, ",
           end.user + end.system - connected.user - connected.system, end.user - connected.user,
           end.system - connected.system);
    printf("\"startup_cpu_ms\": %f, \"connect_cpu_ms\": %f, ", startup.user + startup.system,
           connected.user + connected.system - startup.user - startup.system);
    printf("\"rss_base_kib\": %ld, \"rss_connected_kib\": %ld, \"rss_kib\": %ld, \"rss_peak_kib\": %ld, ", rss_base,
           rss_connected, rss, peak);
    printf("\"tools\": %" PRIu64 ", \"text_chars\": %" PRIu64 ", ", seen.tools, seen.text);
    print_lists();
    pthread_mutex_unlock(&seen.lock);
    return 1;
}

static int parse(int argc, char **argv, struct options *options) {
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--url") == 0) {
            options->url = value;
        } else if (strcmp(name, "--mode") == 0) {
            options->mode = value;
        } else if (strcmp(name, "--sessions") == 0) {
            options->sessions = atoi(value);
        } else if (strcmp(name, "--seconds") == 0) {
            options->seconds = atof(value);
        } else if (strcmp(name, "--turn-ms") == 0) {
            options->turn_ms = atof(value);
        } else {
            return 0;
        }
    }
    return argc % 2 == 1 && options->url && options->sessions > 0 && options->seconds > 0 && options->turn_ms > 0 &&
           strstr(" paced fast idle tick ", options->mode) != NULL;
}

int main(int argc, char **argv) {
    struct options options = {NULL, "paced", 1, 20, 4000};
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "usage: load --url ws://127.0.0.1:PORT/v1/realtime [--sessions N] [--seconds S]\n"
                        "            [--mode paced|fast|idle|tick] [--turn-ms T]\n");
        return 2;
    }
    for (int i = 0; i < FRAME; i++) tone[i] = (int16_t)(6000 * sin(i * 0.11));
    duologue_config *config = NULL;
    duologue_client **clients = calloc((size_t)options.sessions, sizeof *clients);
    /* Room made beforehand, so that keeping the figures does not count as growth. */
    seen.delivery_us = malloc(MAX_STAMPS * sizeof *seen.delivery_us);
    seen.flush_ns = malloc(MAX_FLUSHES * sizeof *seen.flush_ns);
    int good = clients && seen.delivery_us && seen.flush_ns && ok(duologue_config_create(CONFIG, &config), "config") &&
               ok(duologue_config_set_string(config, "base_url", options.url), "--url") &&
               run(&options, config, clients);
    for (int i = 0; clients && i < options.sessions; i++) duologue_client_destroy(clients[i]);
    duologue_config_free(config);
    free(clients);
    free(seen.delivery_us);
    free(seen.flush_ns);
    return good && duologue_live_clients() == 0 ? 0 : 1;
}
