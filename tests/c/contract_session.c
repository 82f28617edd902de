/*
 * A session against the simulator, in every way a host can have it: callbacks with audio events, the queue with
 * reported positions, callbacks with pulled audio. Arguments: the simulator's URL, a WAV file with a question.
 */
#include "events.h"

enum { MODES = 3, OPS = 512 };

struct mode {
    const char *name;
    const char *json;
    int queued, pulled, reported;
};

static const struct mode MODE[MODES] = {
    {"callbacks, audio events",
     "{\"raw_events\": \"all\", \"tools\": [{\"name\": \"get_weather\"}]}", 0, 0, 0},
    {"queue, reported positions",
     "{\"raw_events\": \"all\", \"tools\": [{\"name\": \"get_weather\"}], \"delivery\": \"queue\","
     " \"audio\": {\"output\": {\"positions\": \"reported\"}}}", 1, 0, 1},
    {"callbacks, pulled audio",
     "{\"raw_events\": \"all\", \"tools\": [{\"name\": \"get_weather\"}],"
     " \"audio\": {\"output\": {\"delivery\": \"pull\", \"rate\": 48000}}}", 0, 1, 0},
};

static const char *url, *question;

/* What the host knows, under its own mutex. */
struct host {
    const struct mode *mode;
    duologue_client *client;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t seen[DUOLOGUE_EVENT_LAGGED + 1];
    uint64_t last_seq, last_time;
    int32_t ended[OPS]; /* by op: 1 is not yet */
    unsigned turns_done, playing, calls, errors;
    char said[4096], heard_question[256], last_error_code[64];
    char call_id[128];
    uint32_t call_epoch, epoch;
    int answer_calls;
    duologue_status status;
    duologue_ended_by ended_by;
    int32_t status_error;
    char item[128];
    uint64_t item_frames;
    atomic_int stop, frees;
    atomic_uint family[FAMILY_TOTAL];
};

static void append(char *to, size_t size, duologue_text text) {
    size_t length = strlen(to);
    if (text.data != NULL && length + text.length + 1 < size)
        memcpy(to + length, text.data, text.length + 1);
}

static void copy(char *to, size_t size, duologue_text text) {
    *to = 0;
    append(to, size, text);
}

/* One event, whichever way it came. */
static void take(struct host *host, const duologue_event *event) {
    check_event(event);
    pthread_mutex_lock(&host->mutex);
    CHECK(event->seq > host->last_seq);
    CHECK(event->time_ms >= host->last_time);
    CHECK(event->epoch == 0 || event->epoch >= host->epoch);
    host->last_seq = event->seq;
    host->last_time = event->time_ms;
    if (event->epoch != 0)
        host->epoch = event->epoch;
    host->seen[event->kind]++;
    switch (event->kind) {
    case DUOLOGUE_EVENT_STATUS:
        host->status = event->status->status;
        host->ended_by = event->status->ended_by;
        host->status_error = event->status->error == NULL ? 0 : event->status->error->result;
        break;
    case DUOLOGUE_EVENT_COMPLETED:
        CHECK(event->completed->op < OPS);
        CHECK(host->ended[event->completed->op] == 1); /* exactly one */
        host->ended[event->completed->op] = event->completed->result;
        break;
    case DUOLOGUE_EVENT_TURN_DONE:
        host->turns_done++;
        break;
    case DUOLOGUE_EVENT_PLAYBACK_STARTED:
        host->playing++;
        break;
    case DUOLOGUE_EVENT_TRANSCRIPT:
        if (event->transcript->role == DUOLOGUE_ROLE_USER && event->transcript->mode == DUOLOGUE_TRANSCRIPT_MODE_FINAL)
            copy(host->heard_question, sizeof host->heard_question, event->transcript->text);
        if (event->transcript->role == DUOLOGUE_ROLE_ASSISTANT && event->transcript->mode == DUOLOGUE_TRANSCRIPT_MODE_FINAL &&
            event->transcript->stage == DUOLOGUE_TRANSCRIPT_STAGE_GENERATED)
            append(host->said, sizeof host->said, event->transcript->text);
        break;
    case DUOLOGUE_EVENT_TOOL_CALL:
        host->calls++;
        CHECK(strcmp(event->tool_call->name.data, "get_weather") == 0);
        CHECK(strstr(event->tool_call->arguments.data, "Paris") != NULL);
        CHECK(event->tool_call->epoch == event->epoch);
        copy(host->call_id, sizeof host->call_id, event->tool_call->call_id);
        host->call_epoch = event->tool_call->epoch;
        break;
    case DUOLOGUE_EVENT_AUDIO:
        CHECK(!host->mode->pulled);
        CHECK(event->item.length > 0 && event->item.length < sizeof host->item);
        if (strcmp(host->item, event->item.data) != 0) {
            strcpy(host->item, event->item.data);
            host->item_frames = 0;
        }
        host->item_frames += event->audio->frame_count;
        break;
    case DUOLOGUE_EVENT_ERROR:
        host->errors++;
        copy(host->last_error_code, sizeof host->last_error_code, event->error->provider_code);
        break;
    default:
        break;
    }
    uint64_t played_ms = event->kind == DUOLOGUE_EVENT_AUDIO ? host->item_frames * 1000 / event->audio->rate : 0;
    int answers = event->kind == DUOLOGUE_EVENT_TOOL_CALL && host->answer_calls;
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->mutex);

    /* A host whose speaker is infinitely fast. The library is called without the host's mutex. */
    if (event->kind == DUOLOGUE_EVENT_AUDIO && host->mode->reported) {
        int32_t result =
            duologue_client_report_playback(host->client, event->item.data, event->audio->part, played_ms, 0);
        CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK);
    }
    if (answers)
        WORKS(duologue_client_submit_tool_result(host->client, event->tool_call->epoch, event->tool_call->call_id.data,
                                                 "{\"celsius\": 18}", 0, NULL));
}

/* Waits until a condition on the host's state holds; the runner ends a process that waits for ever. */
#define UNTIL(host, condition)                                                                                         \
    do {                                                                                                               \
        pthread_mutex_lock(&(host)->mutex);                                                                            \
        while (!(condition))                                                                                           \
            pthread_cond_wait(&(host)->changed, &(host)->mutex);                                                       \
        pthread_mutex_unlock(&(host)->mutex);                                                                          \
    } while (0)

static void on_any(void *user_data, const duologue_event *event) {
    take(user_data, event);
}

#define COUNT_FAMILY(name)                                                                                             \
    static void on_##name(void *user_data, const duologue_##name##_event *event) {                                     \
        struct host *host = user_data;                                                                                 \
        check_event(event->envelope);                                                                                  \
        atomic_fetch_add(&host->family[FAMILY_##name], 1);                                                             \
    }
FAMILIES(COUNT_FAMILY)
#undef COUNT_FAMILY

static void host_free(void *user_data) {
    atomic_fetch_add(&((struct host *)user_data)->frees, 1);
}

static void *consumes(void *argument) {
    struct host *host = argument;
    duologue_event *event = NULL;
    int32_t result;
    while ((result = duologue_client_next_event(host->client, -1, &event)) == DUOLOGUE_OK) {
        char *json = NULL;
        take(host, event);
        WORKS(duologue_event_to_json(event, &json));
        CHECK(*json == '{');
        duologue_string_free(json);
        duologue_event_free(event);
    }
    CHECK(result == DUOLOGUE_ERROR_CLOSED || result == DUOLOGUE_ERROR_INVALID_HANDLE);
    return NULL;
}

/* A speaker that takes 10 ms every millisecond. */
static void *pulls(void *argument) {
    struct host *host = argument;
    int16_t block[480];
    struct timespec millisecond = {0, 1000000};
    while (!atomic_load(&host->stop)) {
        size_t frames = 0;
        int32_t result = duologue_client_pull_audio(host->client, block, COUNT(block), 0, &frames);
        CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK);
        CHECK(frames <= COUNT(block));
        for (size_t i = frames; i < COUNT(block); i++)
            CHECK(block[i] == 0);
        nanosleep(&millisecond, NULL);
    }
    return NULL;
}

static int32_t end_of(struct host *host, uint64_t op) {
    CHECK(op > 0 && op < OPS);
    UNTIL(host, host->ended[op] != 1);
    return host->ended[op];
}

/* A command that is taken, and how it has to end. */
#define ENDS_AS(code, host, call)                                                                                      \
    do {                                                                                                               \
        uint64_t op = 0;                                                                                               \
        WORKS(call);                                                                                                   \
        check_code(__FILE__, __LINE__, "the end of " #call, end_of(host, op), code);                                   \
    } while (0)

static void key(struct host *host, const char *value) {
    duologue_credential credential = {.struct_size = sizeof credential, .value = value};
    WORKS(duologue_client_set_credential(host->client, &credential));
}

/* The question, and a second of silence, as fast as the library takes it. */
static void speak(struct host *host) {
    static int16_t samples[24000 * 12];
    size_t frames = 0, at = 0;
    FILE *file = fopen(question, "rb");
    CHECK(file != NULL);
    CHECK(fseek(file, 44, SEEK_SET) == 0); /* the plain header of the clips */
    frames = fread(samples, sizeof *samples, 24000 * 10, file);
    fclose(file);
    CHECK(frames > 24000);
    memset(samples + frames, 0, 24000 * sizeof *samples);
    frames += 24000;
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

static void converse(struct host *host) {
    duologue_client *client = host->client;
    unsigned turns, calls, errors;
    uint64_t op = 0;
    char *json = NULL;

    key(host, CANARY_KEY);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_connect(client, &op));
    WORKS(duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, -1));
    duologue_status status;
    WORKS(duologue_client_status(client, &status));
    CHECK(status == DUOLOGUE_STATUS_CONNECTED);
    ENDS_AS(DUOLOGUE_ERROR_INVALID_STATE, host, duologue_client_connect(client, &op));

    /* A spoken turn. */
    speak(host);
    UNTIL(host, host->turns_done == 1);
    CHECK(strstr(host->said, "It is old.") != NULL);
    UNTIL(host, strstr(host->heard_question, "lighthouse") != NULL);
    duologue_mode mode;
    WORKS(duologue_client_mode(client, &mode));
    CHECK(mode >= DUOLOGUE_MODE_IDLE && mode <= DUOLOGUE_MODE_SPEAKING);

    /* A tool call, answered where it is heard of. */
    turns = host->turns_done;
    calls = host->calls;
    host->answer_calls = 1;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(client, "How is the weather?", 0, &op));
    UNTIL(host, host->calls == calls + 1 && strstr(host->said, "Sunny.") != NULL && host->turns_done > turns);
    /* Answered already; unknown; of another connection. */
    ENDS_AS(DUOLOGUE_ERROR_NOT_FOUND, host,
            duologue_client_submit_tool_result(client, host->call_epoch, host->call_id, "{}", 0, &op));
    ENDS_AS(DUOLOGUE_ERROR_NOT_FOUND, host, duologue_client_submit_tool_result(client, 1, "call_x", "{}", 1, &op));
    ENDS_AS(DUOLOGUE_ERROR_NOT_FOUND, host,
            duologue_client_submit_tool_result(client, host->call_epoch + 1, host->call_id, "{}", 0, &op));

    /* An answer that is cut off. */
    unsigned playing = host->playing;
    WORKS(duologue_client_send_text(client, "Please tell me a story.", 0, NULL));
    UNTIL(host, host->playing > playing);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_interrupt(client, &op));
    UNTIL(host, host->seen[DUOLOGUE_EVENT_INTERRUPTED] > 0 || host->mode->reported);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_interrupt(client, &op));

    /* Without an answer; with one of its own kind; and one that fails. */
    ENDS_AS(DUOLOGUE_OK, host,
            duologue_client_send_text(client, "Only remember this.", DUOLOGUE_SEND_NO_RESPONSE, &op));
    duologue_response_options options = {.struct_size = sizeof options, .instructions = "Be brief."};
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_request_response(client, &options, &op));
    errors = host->errors;
    ENDS_AS(DUOLOGUE_OK, host,
            duologue_client_send_text(client, "Now fail.", DUOLOGUE_SEND_INTERRUPT, &op));
    UNTIL(host, host->errors > errors);

    /* What is too much or nothing. */
    ENDS_AS(DUOLOGUE_ERROR_INVALID_ARGUMENT, host, duologue_client_send_text(client, " ", 0, &op));
    size_t large = 256 * 1024 + 1;
    char *text = malloc(large + 1);
    CHECK(text != NULL);
    memset(text, 'x', large);
    text[large] = 0;
    ENDS_AS(DUOLOGUE_ERROR_LIMIT_EXCEEDED, host, duologue_client_send_text(client, text, 0, &op));
    CHECK(duologue_client_send_raw(client, text, &op) < 0 || end_of(host, op) < 0);
    free(text);

    /* Vendor events by hand. */
    ENDS_AS(DUOLOGUE_ERROR_INVALID_JSON, host, duologue_client_send_raw(client, "no json", &op));
    ENDS_AS(DUOLOGUE_ERROR_INVALID_JSON, host, duologue_client_send_raw(client, "[]", &op));
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_raw(client, "{\"type\": \"input_audio_buffer.clear\"}", &op));
    errors = host->errors;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_raw(client, "{\"type\": \"nonsense\"}", &op));
    UNTIL(host, host->errors > errors);

    ENDS_AS(DUOLOGUE_OK, host, duologue_client_set_input_muted(client, 1, &op));
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_set_capture(client, 0, &op));

    WORKS(duologue_client_state_json(client, &json));
    CHECK(strstr(json, "Only remember this.") != NULL && strstr(json, "connected") != NULL);
    duologue_string_free(json);

    /* The end, twice; the conversation stays. */
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(client, &op));
    UNTIL(host, host->status == DUOLOGUE_STATUS_IDLE);
    CHECK(host->ended_by == DUOLOGUE_ENDED_BY_USER);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(client, &op));
    WORKS(duologue_client_wait_status(client, DUOLOGUE_STATUS_IDLE, -1));
    WORKS(duologue_client_state_json(client, &json));
    CHECK(strstr(json, "Only remember this.") != NULL);
    duologue_string_free(json);

    /* Again, on the same client. */
    uint32_t epoch = host->epoch;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_connect(client, &op));
    CHECK(host->epoch == epoch + 1);
    turns = host->turns_done;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(client, "Are you there?", 0, &op));
    UNTIL(host, host->turns_done > turns);
    ENDS_AS(DUOLOGUE_ERROR_NOT_FOUND, host,
            duologue_client_submit_tool_result(client, host->call_epoch, host->call_id, "{}", 0, &op));
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(client, &op));

    /* A key that is refused ends the run with an error; a good one works after it. */
    key(host, CANARY_REFUSED);
    ENDS_AS(DUOLOGUE_ERROR_AUTH, host, duologue_client_connect(client, &op));
    UNTIL(host, host->status == DUOLOGUE_STATUS_ERROR);
    ENDS(DUOLOGUE_ERROR_AUTH, host->status_error);
    REFUSED(AUTH, duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, -1));
    CHECK(strstr(last_words(), CANARY_MARK) == NULL);
    WORKS(duologue_client_wait_status(client, DUOLOGUE_STATUS_ERROR, -1));
    key(host, CANARY_KEY);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_connect(client, &op));

    /* A turn is under way when the client ends. */
    WORKS(duologue_client_send_text(client, "Please tell me a story.", 0, &op));
    WORKS(duologue_client_stats_json(client, &json));
    CHECK(strstr(json, "\"") != NULL);
    duologue_string_free(json);
}

static void one(const struct mode *mode) {
    struct host *host = calloc(1, sizeof *host);
    duologue_config *config = NULL;
    pthread_t consumer, speaker;
    CHECK(host != NULL);
    host->mode = mode;
    pthread_mutex_init(&host->mutex, NULL);
    pthread_cond_init(&host->changed, NULL);
    for (int i = 0; i < OPS; i++)
        host->ended[i] = 1;

    WORKS(duologue_config_create(mode->json, &config));
    WORKS(duologue_config_set_string(config, "base_url", url));
    WORKS(duologue_client_create(NULL, config, &host->client));
    duologue_config_free(config);
    if (mode->queued) {
        check_thread(&consumer, consumes, host);
    } else {
        WORKS(duologue_client_set_event_callback(host->client, DUOLOGUE_EVENT_MASK_ALL, on_any, host, host_free));
#define REGISTER(name) WORKS(duologue_client_set_##name##_callback(host->client, on_##name, host, host_free));
        FAMILIES(REGISTER)
#undef REGISTER
    }
    if (mode->pulled)
        check_thread(&speaker, pulls, host);

    converse(host);

    atomic_store(&host->stop, 1);
    if (mode->pulled)
        pthread_join(speaker, NULL);
    duologue_client_destroy(host->client);
    if (mode->queued)
        pthread_join(consumer, NULL);
    else
        CHECK(atomic_load(&host->frees) == FAMILY_TOTAL);

    static const int WANTED[] = {
        DUOLOGUE_EVENT_STATUS,           DUOLOGUE_EVENT_MODE,
        DUOLOGUE_EVENT_SPEECH_STARTED,   DUOLOGUE_EVENT_SPEECH_STOPPED,
        DUOLOGUE_EVENT_PLAYBACK_STARTED, DUOLOGUE_EVENT_PLAYBACK_FINISHED,
        DUOLOGUE_EVENT_GENERATION_DONE,  DUOLOGUE_EVENT_TURN_DONE,
        DUOLOGUE_EVENT_MESSAGE,          DUOLOGUE_EVENT_TRANSCRIPT,
        DUOLOGUE_EVENT_AUDIO_LEVEL,      DUOLOGUE_EVENT_TOOL_CALL,
        DUOLOGUE_EVENT_COMPLETED,        DUOLOGUE_EVENT_SESSION_CONFIGURED,
        DUOLOGUE_EVENT_USAGE,            DUOLOGUE_EVENT_LATENCY,
        DUOLOGUE_EVENT_ERROR,            DUOLOGUE_EVENT_RAW,
    };
    printf("%s: kinds", mode->name);
    for (int kind = 0; kind <= DUOLOGUE_EVENT_LAGGED; kind++)
        if (host->seen[kind] > 0)
            printf(" %d:%llu", kind, (unsigned long long)host->seen[kind]);
    puts("");
    for (size_t i = 0; i < COUNT(WANTED); i++) {
        if (host->seen[WANTED[i]] == 0)
            fprintf(stderr, "no event of kind %d\n", WANTED[i]);
        CHECK(host->seen[WANTED[i]] > 0);
    }
    CHECK((host->seen[DUOLOGUE_EVENT_AUDIO] == 0) == mode->pulled);
    if (!mode->queued) {
        /* Each family had what the sink had of its kinds. The end of the client may come between the two. */
        static const struct {
            int family, kind, other;
        } SAME[] = {
            {FAMILY_status, DUOLOGUE_EVENT_STATUS, -1},
            {FAMILY_mode, DUOLOGUE_EVENT_MODE, -1},
            {FAMILY_speech, DUOLOGUE_EVENT_SPEECH_STARTED, DUOLOGUE_EVENT_SPEECH_STOPPED},
            {FAMILY_playback, DUOLOGUE_EVENT_PLAYBACK_STARTED, DUOLOGUE_EVENT_PLAYBACK_FINISHED},
            {FAMILY_response, DUOLOGUE_EVENT_GENERATION_DONE, DUOLOGUE_EVENT_TURN_DONE},
            {FAMILY_interrupted, DUOLOGUE_EVENT_INTERRUPTED, -1},
            {FAMILY_message, DUOLOGUE_EVENT_MESSAGE, -1},
            {FAMILY_transcript, DUOLOGUE_EVENT_TRANSCRIPT, -1},
            {FAMILY_audio, DUOLOGUE_EVENT_AUDIO, -1},
            {FAMILY_audio_level, DUOLOGUE_EVENT_AUDIO_LEVEL, -1},
            {FAMILY_tool_call, DUOLOGUE_EVENT_TOOL_CALL, -1},
            {FAMILY_completed, DUOLOGUE_EVENT_COMPLETED, -1},
            {FAMILY_session, DUOLOGUE_EVENT_SESSION_CONFIGURED, DUOLOGUE_EVENT_CAPABILITY_CHANGED},
            {FAMILY_usage, DUOLOGUE_EVENT_USAGE, -1},
            {FAMILY_latency, DUOLOGUE_EVENT_LATENCY, -1},
            {FAMILY_error, DUOLOGUE_EVENT_WARNING, DUOLOGUE_EVENT_ERROR},
            {FAMILY_raw, DUOLOGUE_EVENT_RAW, -1},
        };
        uint64_t cut_off = 0;
        for (size_t i = 0; i < COUNT(SAME); i++) {
            uint64_t sink = host->seen[SAME[i].kind] + (SAME[i].other < 0 ? 0 : host->seen[SAME[i].other]);
            uint64_t family = atomic_load(&host->family[SAME[i].family]);
            CHECK(family <= sink);
            cut_off += sink - family;
        }
        CHECK(cut_off <= 1);
    }
    pthread_cond_destroy(&host->changed);
    pthread_mutex_destroy(&host->mutex);
    free(host);
}

int main(int count, char **arguments) {
    CHECK(count >= 3);
    url = arguments[1];
    question = arguments[2];
    for (int i = 0; i < MODES; i++)
        if (count < 4 || atoi(arguments[3]) == i)
            one(&MODE[i]);
    return check_end();
}
