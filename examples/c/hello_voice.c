/*
 * Says a WAV file to the assistant and records the answer in another one; callbacks tell what happens.
 *
 *     cc hello_voice.c -o hello_voice $(pkg-config --cflags --libs duologue)
 *     OPENAI_API_KEY=... ./hello_voice question.wav answer.wav
 *
 * Offline, with any key: `duologue simulate` prints a URL, which goes into DUOLOGUE_BASE_URL.
 */
#include "wav.h"
#include <duologue.h>
#include <stdatomic.h>

enum { RATE = 24000 /* what OpenAI speaks */, TALKING = 0, ANSWERED, FAILED };

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

static void on_transcript(void *user_data, const duologue_transcript_event *event) {
    if (event->mode != DUOLOGUE_TRANSCRIPT_MODE_FINAL || event->stage == DUOLOGUE_TRANSCRIPT_STAGE_HEARD) return;
    fprintf(user_data, "%s: %s\n", event->role == DUOLOGUE_ROLE_USER ? "you" : "assistant", event->text.data);
}

static void on_response(void *user_data, const duologue_response_event *event) {
    atomic_int *outcome = user_data;
    if (event->envelope->kind == DUOLOGUE_EVENT_TURN_DONE) /* generated and played */
        *outcome = strcmp(event->status.data, "completed") == 0 ? ANSWERED : FAILED;
}

static void on_status(void *user_data, const duologue_status_event *event) {
    if (event->error) fprintf(stderr, "%s: %s\n", event->error->code.data, event->error->message.data);
    if (event->status == DUOLOGUE_STATUS_IDLE || event->error) *(atomic_int *)user_data = FAILED;
}

static int converse(duologue_client *client, const char *key, wav *question, FILE *answer, atomic_int *outcome) {
    duologue_credential credential = {.struct_size = sizeof credential, .value = key};
    if (!ok(duologue_client_set_credential(client, &credential), "credential") ||
        !ok(duologue_client_set_transcript_callback(client, on_transcript, stdout, NULL), "transcripts") ||
        !ok(duologue_client_set_response_callback(client, on_response, outcome, NULL), "responses") ||
        !ok(duologue_client_set_status_callback(client, on_status, outcome, NULL), "status") ||
        !ok(duologue_client_connect(client, NULL), "connect") ||
        !ok(duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, 10000), "connect")) return 0;
    for (uint64_t tick = 0; *outcome == TALKING; pace(&tick, duologue_clock_us())) {
        int16_t microphone[192000 / 50], speaker[RATE / 50];
        wav_next(question, microphone, question->rate / 50);
        if (!flows(duologue_client_push_audio(client, microphone, question->rate / 50, 0, NULL), "microphone") ||
            !flows(duologue_client_pull_audio(client, speaker, RATE / 50, 0, NULL), "speaker")) return 0;
        wav_append(answer, speaker, RATE / 50);
    }
    return *outcome == ANSWERED;
}

int main(int argc, char **argv) {
    const char *key = getenv("OPENAI_API_KEY"), *url = getenv("DUOLOGUE_BASE_URL");
    if (argc != 3 || !key) return fprintf(stderr, "usage: OPENAI_API_KEY=... %s QUESTION.wav ANSWER.wav\n", *argv), 2;
    wav question = {0};
    atomic_int outcome = TALKING;
    duologue_config *config = NULL;
    duologue_client *client = NULL;
    FILE *answer = wav_create(argv[2], RATE);
    int good = answer && wav_read(argv[1], &question) && ok(duologue_config_create(NULL, &config), "configuration") &&
        ok(duologue_config_set_int(config, "audio.input.rate", question.rate), "question") &&
        ok(duologue_config_set_string(config, "audio.output.delivery", "pull"), "answer") &&
        (!url || ok(duologue_config_set_string(config, "base_url", url), "DUOLOGUE_BASE_URL")) &&
        ok(duologue_client_create(NULL, config, &client), "client") &&
        converse(client, key, &question, answer, &outcome);
    duologue_client_destroy(client); /* waits for a callback that is running; none comes after this */
    duologue_config_free(config);
    wav_free(&question);
    return wav_close(answer, RATE) && good && duologue_live_clients() == 0 ? 0 : 1;
}
