/*
 * Push to talk: the assistant listens only while a key is held, and answers when it is let go.
 *
 *     cc push_to_talk.c -o push_to_talk $(pkg-config --cflags --libs duologue)
 *     OPENAI_API_KEY=... ./push_to_talk question.wav answer.wav
 *
 * Offline, with any key: `duologue simulate` prints a URL, which goes into DUOLOGUE_BASE_URL.
 *
 * The WAV file is the microphone, and the program is the finger too: it presses when connected and lets go
 * with the last word. A user interface calls key_down() and key_up().
 *
 * Between two turns nothing is sent. The newest moment is kept, so that the first syllable is there although the
 * key came late ("prefix_padding_ms"); a press that was too short ends in the error `turn_too_short` and is
 * thrown away. Pressing while the assistant speaks cuts it off.
 */
#include "wav.h"
#include <duologue.h>
#include <stdatomic.h>

#define CONFIG \
    "{\"turn_detection\": {\"mode\": \"manual\", \"prefix_padding_ms\": 300, \"minimum_ms\": 300}," \
    " \"audio\": {\"output\": {\"delivery\": \"pull\", \"rate\": 24000}}}"

enum { RATE = 24000 };

/* What callbacks and the audio loop share. */
struct talk {
    duologue_client *client;
    atomic_int over, failed;
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

static int key_down(struct talk *talk) {
    return ok(duologue_client_start_listening(talk->client, NULL), "key down");
}

/* The answer comes by itself. */
static int key_up(struct talk *talk) {
    return ok(duologue_client_stop_listening(talk->client, NULL), "key up");
}

/* How commands ended: here it is seen that a press was too short. */
static void on_completed(void *user_data, const duologue_completed_event *event) {
    struct talk *talk = user_data;
    if (!event->error || event->error->fatal) return; /* on_status() tells what ends the session */
    fprintf(stderr, "%s: %s\n", event->error->code.data, event->error->message.data);
    talk->failed = talk->over = 1;
}

static void on_response(void *user_data, const duologue_response_event *event) {
    struct talk *talk = user_data;
    if (event->envelope->kind != DUOLOGUE_EVENT_TURN_DONE) return;
    talk->failed = strcmp(event->status.data, "completed") != 0;
    talk->over = 1;
}

static void on_transcript(void *user_data, const duologue_transcript_event *event) {
    (void)user_data;
    if (event->mode != DUOLOGUE_TRANSCRIPT_MODE_FINAL || event->stage == DUOLOGUE_TRANSCRIPT_STAGE_HEARD) return;
    printf("%s: %s\n", event->role == DUOLOGUE_ROLE_USER ? "you" : "assistant", event->text.data);
}

static void on_status(void *user_data, const duologue_status_event *event) {
    struct talk *talk = user_data;
    if (event->error) fprintf(stderr, "%s: %s\n", event->error->code.data, event->error->message.data);
    if (event->status == DUOLOGUE_STATUS_IDLE || event->error) talk->failed = talk->over = 1;
}

/* Microphone and loudspeaker, 20 ms at a time, until the answer is over. */
static int converse(struct talk *talk, wav *question, FILE *answer) {
    uint64_t tick = 0;
    int held = 1;
    if (!key_down(talk)) return 0;
    while (!talk->over) {
        int16_t microphone[192000 / 50], speaker[RATE / 50];
        size_t frames = question->rate / 50;
        if (held && question->next == question->frames) {
            held = 0;
            if (!key_up(talk)) return 0;
        }
        wav_next(question, microphone, frames);
        if (!flows(duologue_client_push_audio(talk->client, microphone, frames, 0, NULL), "microphone") ||
            !flows(duologue_client_pull_audio(talk->client, speaker, RATE / 50, 0, NULL), "speaker")) return 0;
        wav_append(answer, speaker, RATE / 50);
        pace(&tick, duologue_clock_us());
    }
    return !talk->failed;
}

static int connect_client(struct talk *talk, const char *key) {
    duologue_client *client = talk->client;
    duologue_credential credential = {.struct_size = sizeof credential, .value = key};
    return ok(duologue_client_set_credential(client, &credential), "credential") &&
           ok(duologue_client_set_completed_callback(client, on_completed, talk, NULL), "commands") &&
           ok(duologue_client_set_response_callback(client, on_response, talk, NULL), "responses") &&
           ok(duologue_client_set_transcript_callback(client, on_transcript, NULL, NULL), "transcripts") &&
           ok(duologue_client_set_status_callback(client, on_status, talk, NULL), "status") &&
           ok(duologue_client_connect(client, NULL), "connect") &&
           ok(duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, 10000), "connect");
}

int main(int argc, char **argv) {
    const char *key = getenv("OPENAI_API_KEY"), *url = getenv("DUOLOGUE_BASE_URL");
    if (argc != 3 || !key) {
        fprintf(stderr, "usage: OPENAI_API_KEY=... %s QUESTION.wav ANSWER.wav\n", argv[0]);
        return 2;
    }
    wav question = {0};
    struct talk talk = {NULL, 0, 0};
    duologue_config *config = NULL;
    FILE *answer = wav_create(argv[2], RATE);
    int good = answer && wav_read(argv[1], &question) && ok(duologue_config_create(CONFIG, &config), "configuration") &&
               ok(duologue_config_set_int(config, "audio.input.rate", question.rate), "question") &&
               (!url || ok(duologue_config_set_string(config, "base_url", url), "DUOLOGUE_BASE_URL")) &&
               ok(duologue_client_create(NULL, config, &talk.client), "client") && connect_client(&talk, key) &&
               converse(&talk, &question, answer);
    duologue_client_destroy(talk.client); /* waits for a callback that is running; none comes after this */
    duologue_config_free(config);
    wav_free(&question);
    return wav_close(answer, RATE) && good && duologue_live_clients() == 0 ? 0 : 1;
}
