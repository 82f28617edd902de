/*
 * hello_voice.c without callbacks: one thread, one loop over poll(). Events come from a queue, and a
 * descriptor is readable while some wait, so the loop may be any other: epoll, kqueue, GLib, libuv.
 *
 *     cc hello_voice_queue.c -o hello_voice_queue $(pkg-config --cflags --libs duologue)
 *     OPENAI_API_KEY=... ./hello_voice_queue question.wav answer.wav
 *
 * Offline, with any key: `duologue simulate` prints a URL, which goes into DUOLOGUE_BASE_URL.
 */
#include "wav.h"
#include <duologue.h>
#include <poll.h>

/* What handle() knows: nothing else wakes the loop. */
#define KINDS                                                                                    \
    (DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_STATUS) | DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_TRANSCRIPT) | \
     DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_TURN_DONE) | DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_WARNING) | \
     DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_ERROR))

enum { RATE = 24000, TICK_US = 20000 };

/* What the loop knows. */
struct talk {
    duologue_client *client;
    wav *question;
    FILE *answer;
    int connected, over, failed;
};

static int ok(duologue_result result, const char *what) {
    char words[1024] = "";
    if (result == DUOLOGUE_OK) return 1;
    duologue_last_error(words, sizeof words, NULL);
    fprintf(stderr, "%s: %s: %s\n", what, duologue_result_name(result), words);
    return 0;
}

/* An audio call that would have to wait has done nothing: the next block comes in 20 ms. */
static int flows(duologue_result result, const char *what) {
    return result == DUOLOGUE_ERROR_WOULD_BLOCK || ok(result, what);
}

static void handle(struct talk *talk, const duologue_event *event) {
    switch (event->kind) {
    case DUOLOGUE_EVENT_STATUS:
        talk->connected = event->status->status == DUOLOGUE_STATUS_CONNECTED;
        if (event->status->status == DUOLOGUE_STATUS_IDLE || event->status->status == DUOLOGUE_STATUS_ERROR) {
            fprintf(stderr, "the session ended before the answer did\n");
            talk->over = talk->failed = 1;
        }
        break;
    case DUOLOGUE_EVENT_TRANSCRIPT:
        if (event->transcript->mode == DUOLOGUE_TRANSCRIPT_MODE_FINAL &&
            event->transcript->stage != DUOLOGUE_TRANSCRIPT_STAGE_HEARD) {
            const char *who = event->transcript->role == DUOLOGUE_ROLE_USER ? "you" : "assistant";
            printf("%s: %s\n", who, event->transcript->text.data);
        }
        break;
    case DUOLOGUE_EVENT_TURN_DONE: /* generated and played */
        talk->failed = strcmp(event->response_end->status.data, "completed") != 0;
        talk->over = 1;
        break;
    case DUOLOGUE_EVENT_WARNING:
    case DUOLOGUE_EVENT_ERROR:
        fprintf(stderr, "%s: %s\n", duologue_result_name(event->error->result), event->error->message.data);
        break;
    default:
        break;
    }
}

/* Takes all events that wait. */
static int drain(struct talk *talk) {
    for (;;) {
        duologue_event *event = NULL;
        duologue_result result = duologue_client_next_event(talk->client, 0, &event);
        if (result == DUOLOGUE_ERROR_TIMEOUT) return 1;
        if (!ok(result, "next event")) return 0;
        handle(talk, event);
        duologue_event_free(event);
    }
}

/* 20 ms of microphone and loudspeaker. */
static int audio(struct talk *talk) {
    int16_t microphone[192000 / 50], speaker[RATE / 50];
    size_t frames = talk->question->rate / 50;
    wav_next(talk->question, microphone, frames);
    if (!flows(duologue_client_push_audio(talk->client, microphone, frames, 0, NULL), "microphone") ||
        !flows(duologue_client_pull_audio(talk->client, speaker, RATE / 50, 0, NULL), "speaker")) return 0;
    wav_append(talk->answer, speaker, RATE / 50);
    return 1;
}

static int converse(struct talk *talk, const char *key) {
    duologue_credential credential = {.struct_size = sizeof credential, .value = key};
    struct pollfd wake = {-1, POLLIN, 0};
    uint64_t tick = duologue_clock_us();
    if (!ok(duologue_client_set_event_mask(talk->client, KINDS), "event mask") ||
        !ok(duologue_client_wakeup_fd(talk->client, &wake.fd), "wake-up descriptor") ||
        !ok(duologue_client_set_credential(talk->client, &credential), "credential") ||
        !ok(duologue_client_connect(talk->client, NULL), "connect")) return 0;
    while (!talk->over) {
        uint64_t now = duologue_clock_us();
        int wait_ms = tick > now ? (int)((tick - now + 999) / 1000) : 0;
        if (poll(&wake, 1, wait_ms) < 0) {
            perror("poll");
            return 0;
        }
        if (!drain(talk)) return 0;
        if (duologue_clock_us() >= tick) {
            if (talk->connected && !audio(talk)) return 0;
            tick += TICK_US;
        }
    }
    return !talk->failed;
}

int main(int argc, char **argv) {
    const char *key = getenv("OPENAI_API_KEY"), *url = getenv("DUOLOGUE_BASE_URL");
    if (argc != 3 || !key) {
        fprintf(stderr, "usage: OPENAI_API_KEY=... %s QUESTION.wav ANSWER.wav\n", argv[0]);
        return 2;
    }
    wav question = {0};
    struct talk talk = {NULL, &question, wav_create(argv[2], RATE), 0, 0, 0};
    duologue_config *config = NULL;
    int good = talk.answer && wav_read(argv[1], &question) &&
               ok(duologue_config_create("{\"delivery\": \"queue\"}", &config), "configuration") &&
               ok(duologue_config_set_int(config, "audio.input.rate", question.rate), "question") &&
               ok(duologue_config_set_int(config, "audio.output.rate", RATE), "answer") &&
               ok(duologue_config_set_string(config, "audio.output.delivery", "pull"), "answer") &&
               (!url || ok(duologue_config_set_string(config, "base_url", url), "DUOLOGUE_BASE_URL")) &&
               ok(duologue_client_create(NULL, config, &talk.client), "client") && converse(&talk, key);
    duologue_client_destroy(talk.client);
    duologue_config_free(config);
    wav_free(&question);
    return wav_close(talk.answer, RATE) && good && duologue_live_clients() == 0 ? 0 : 1;
}
