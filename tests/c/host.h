/*
 * A host with no thread of its own but main(): it takes events from the queue while it waits for something. Every
 * event is checked whole on its way.
 */
#ifndef DUOLOGUE_TESTS_HOST_H
#define DUOLOGUE_TESTS_HOST_H

#include "events.h"

enum { HOST_OPS = 256, HOST_TEXT = 65536 };

struct host {
    duologue_client *client;
    uint64_t seen[DUOLOGUE_EVENT_LAGGED + 1];
    int32_t ended[HOST_OPS]; /* by op: 1 is not yet */
    char ended_code[HOST_OPS][64], ended_field[HOST_OPS][64], ended_response[HOST_OPS][128];
    duologue_status status;
    unsigned turns_done, calls;
    /* Final words, one after the other; those of the newest response beside. */
    char said[HOST_TEXT], heard[HOST_TEXT], newest_said[4096], newest_response[128];
    /* Vendor events the engine has sent, audio aside ("raw_events": "all"). */
    char sent[8 * HOST_TEXT];
    char warning[64], error[64], call_id[128], call_name[64], call_arguments[1024], tool_end[64];
    uint32_t call_epoch;
    /* The newest request for a credential. */
    uint64_t request_id;
    char reason[64];
    /* What to do with a call: its output, or NULL to leave it. */
    const char *answer;
    char configured[16384];
    uint64_t round_trip_us[HOST_OPS];
    char replaced_why[64], replaced_context[64], reconnecting[64];
};

static inline void host_append(char *to, size_t size, duologue_text text) {
    size_t length = strlen(to);
    CHECK(length + text.length + 2 < size);
    if (text.data != NULL)
        memcpy(to + length, text.data, text.length + 1);
}

static inline void host_copy(char *to, size_t size, duologue_text text) {
    *to = 0;
    host_append(to, size, text);
}

static inline void host_completed(struct host *host, const duologue_event *event) {
    uint64_t op = event->completed->op;
    CHECK(op > 0 && op < HOST_OPS);
    CHECK(host->ended[op] == 1); /* exactly one */
    host->ended[op] = event->completed->result;
    host_copy(host->ended_response[op], sizeof *host->ended_response, event->response);
    host->round_trip_us[op] = event->completed->round_trip_us;
    if (event->completed->error != NULL) {
        host_copy(host->ended_code[op], sizeof *host->ended_code, event->completed->error->code);
        host_copy(host->ended_field[op], sizeof *host->ended_field, event->completed->error->field);
    }
}

static inline void host_take(struct host *host, const duologue_event *event) {
    check_event(event);
    host->seen[event->kind]++;
    switch (event->kind) {
    case DUOLOGUE_EVENT_STATUS:
        host->status = event->status->status;
        if (event->status->status == DUOLOGUE_STATUS_RECONNECTING)
            host_copy(host->reconnecting, sizeof host->reconnecting, event->status->detail);
        break;
    case DUOLOGUE_EVENT_COMPLETED:
        host_completed(host, event);
        break;
    case DUOLOGUE_EVENT_TURN_DONE:
        host->turns_done++;
        break;
    case DUOLOGUE_EVENT_TRANSCRIPT:
        if (event->transcript->mode != DUOLOGUE_TRANSCRIPT_MODE_FINAL ||
            event->transcript->stage == DUOLOGUE_TRANSCRIPT_STAGE_HEARD)
            break;
        if (event->transcript->role == DUOLOGUE_ROLE_USER) {
            host_append(host->heard, sizeof host->heard, event->transcript->text);
            break;
        }
        host_append(host->said, sizeof host->said, event->transcript->text);
        host_copy(host->newest_said, sizeof host->newest_said, event->transcript->text);
        host_copy(host->newest_response, sizeof host->newest_response, event->response);
        break;
    case DUOLOGUE_EVENT_TOOL_CALL:
        host->calls++;
        host_copy(host->call_id, sizeof host->call_id, event->tool_call->call_id);
        host_copy(host->call_name, sizeof host->call_name, event->tool_call->name);
        host_copy(host->call_arguments, sizeof host->call_arguments, event->tool_call->arguments);
        host->call_epoch = event->tool_call->epoch;
        if (host->answer != NULL)
            WORKS(duologue_client_submit_tool_result(host->client, host->call_epoch, host->call_id, host->answer, 0, NULL));
        break;
    case DUOLOGUE_EVENT_TOOL_CANCELLED:
    case DUOLOGUE_EVENT_TOOL_TIMEOUT:
        host_copy(host->tool_end, sizeof host->tool_end, event->tool_end->name);
        break;
    case DUOLOGUE_EVENT_CREDENTIAL_NEEDED:
        CHECK(event->credential_needed->deadline_ms > event->time_ms);
        host->request_id = event->credential_needed->request_id;
        host_copy(host->reason, sizeof host->reason, event->credential_needed->reason);
        break;
    case DUOLOGUE_EVENT_WARNING:
        host_copy(host->warning, sizeof host->warning, event->error->code);
        break;
    case DUOLOGUE_EVENT_ERROR:
        host_copy(host->error, sizeof host->error, event->error->code);
        break;
    case DUOLOGUE_EVENT_SESSION_CONFIGURED:
        host_copy(host->configured, sizeof host->configured, event->session->effective_json);
        break;
    case DUOLOGUE_EVENT_SESSION_REPLACED:
        host_copy(host->replaced_why, sizeof host->replaced_why, event->session_replaced->why);
        host_copy(host->replaced_context, sizeof host->replaced_context, event->session_replaced->context);
        break;
    case DUOLOGUE_EVENT_RAW:
        /* A large picture is not looked into. */
        if (event->raw->direction == DUOLOGUE_DIRECTION_INPUT && event->raw->json.length < HOST_TEXT)
            host_append(host->sent, sizeof host->sent, event->raw->json);
        break;
    default:
        break;
    }
}

/* Waits for one event; the runner ends a process that waits for ever. */
static inline void host_next(struct host *host) {
    duologue_event *event = NULL;
    WORKS(duologue_client_next_event(host->client, -1, &event));
    host_take(host, event);
    duologue_event_free(event);
}

#define UNTIL(host, condition)                                                                                         \
    while (!(condition))                                                                                               \
    host_next(host)

static inline int32_t end_of(struct host *host, uint64_t op) {
    CHECK(op > 0 && op < HOST_OPS);
    UNTIL(host, host->ended[op] != 1);
    return host->ended[op];
}

/* A command that is taken, and how it has to end; `op` is its number. */
#define ENDS_AS(code, host, call)                                                                                      \
    do {                                                                                                               \
        WORKS(call);                                                                                                   \
        check_code(__FILE__, __LINE__, "the end of " #call, end_of(host, op), code);                                   \
    } while (0)

/* The same with the error's own word. */
#define ENDS_IN(code, word, host, call)                                                                                \
    do {                                                                                                               \
        ENDS_AS(code, host, call);                                                                                     \
        if (strcmp((host)->ended_code[op], word) != 0)                                                                 \
            check_failed(__FILE__, __LINE__, (host)->ended_code[op]);                                                  \
    } while (0)

/* A client of this configuration that is not connected. Not on the stack: it is large. */
static inline struct host *host_of(const char *json, const char *url) {
    struct host *host = calloc(1, sizeof *host);
    duologue_config *config = NULL;
    CHECK(host != NULL);
    for (int i = 0; i < HOST_OPS; i++)
        host->ended[i] = 1;
    WORKS(duologue_config_create(json, &config));
    WORKS(duologue_config_set_string(config, "base_url", url));
    WORKS(duologue_config_set_string(config, "delivery", "queue"));
    WORKS(duologue_config_set_string(config, "raw_events", "all"));
    WORKS(duologue_client_create(NULL, config, &host->client));
    duologue_config_free(config);
    return host;
}

static inline void host_key(struct host *host, const char *value) {
    duologue_credential key = {.struct_size = sizeof key, .kind = DUOLOGUE_CREDENTIAL_KIND_API_KEY, .value = value};
    WORKS(duologue_client_set_credential(host->client, &key));
}

static inline struct host *host_connected(const char *json, const char *url) {
    struct host *host = host_of(json, url);
    uint64_t op;
    host_key(host, CANARY_KEY);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_connect(host->client, &op));
    return host;
}

static inline void host_end(struct host *host) {
    duologue_client_destroy(host->client);
    free(host);
}

/* How often the engine has sent something. */
static inline unsigned host_sent(const struct host *host, const char *words) {
    unsigned count = 0;
    for (const char *at = host->sent; (at = strstr(at, words)) != NULL; at += strlen(words))
        count++;
    return count;
}

/* The question, and `silence_ms` after it, as fast as the library takes it. */
static inline void host_speaks(struct host *host, const char *question, unsigned silence_ms) {
    static int16_t samples[24000 * 24];
    size_t frames = 0, at = 0, silence = 24 * (size_t)silence_ms;
    FILE *file = fopen(question, "rb");
    CHECK(file != NULL);
    CHECK(fseek(file, 44, SEEK_SET) == 0); /* the plain header of the clips */
    frames = fread(samples, sizeof *samples, 24000 * 10, file);
    fclose(file);
    CHECK(frames > 24000 && frames + silence < COUNT(samples));
    memset(samples + frames, 0, silence * sizeof *samples);
    frames += silence;
    while (at < frames) {
        size_t block = frames - at < 480 ? frames - at : 480, accepted = 0;
        int32_t result = duologue_client_push_audio(host->client, samples + at, block, 0, &accepted);
        if (result == DUOLOGUE_ERROR_WOULD_BLOCK) {
            struct timespec moment = {0, 2000000};
            nanosleep(&moment, NULL);
            continue;
        }
        WORKS(result);
        CHECK(accepted == block);
        at += block;
    }
}

#endif
