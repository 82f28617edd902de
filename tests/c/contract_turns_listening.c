/*
 * Who decides when the user's turn is over, and who may cut whom off: push to talk, semantic detection, an assistant
 * that cannot be interrupted, text alone. Arguments: the simulator's URL, a WAV file with a question.
 */
#include "host.h"

static const char *url, *question;

static void push_to_talk(void) {
    struct host *host = host_connected("{\"turn_detection\": {\"mode\": \"manual\", \"minimum_ms\": 400}}", url);
    uint64_t op;
    CHECK(host_sent(host, "\"turn_detection\":null") == 1);

    /* Key down, words, key up: one turn, and its answer. */
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_start_listening(host->client, &op));
    host_speaks(host, question, 0);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_stop_listening(host->client, &op));
    UNTIL(host, host->turns_done == 1);
    CHECK(strcmp(host->said, "It is old.") == 0);
    UNTIL(host, strstr(host->heard, "lighthouse") != NULL);
    CHECK(host_sent(host, "input_audio_buffer.commit") == 1 && host_sent(host, "response.create") == 1);

    /* Let go too soon: thrown away, and nobody answers. */
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_start_listening(host->client, &op));
    int16_t moment[480] = {0};
    WORKS(duologue_client_push_audio(host->client, moment, COUNT(moment), 0, NULL));
    ENDS_IN(DUOLOGUE_ERROR_LIMIT_EXCEEDED, "turn_too_short", host, duologue_client_stop_listening(host->client, &op));
    ENDS_IN(DUOLOGUE_ERROR_INVALID_STATE, "not_listening", host, duologue_client_stop_listening(host->client, &op));
    CHECK(host_sent(host, "input_audio_buffer.commit") == 1 && host_sent(host, "response.create") == 1);

    /* What was said is forgotten: too little is left. */
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_start_listening(host->client, &op));
    host_speaks(host, question, 0);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_clear_input(host->client, &op));
    ENDS_IN(DUOLOGUE_ERROR_LIMIT_EXCEEDED, "turn_too_short", host, duologue_client_stop_listening(host->client, &op));

    /* The key cuts the assistant off. */
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(host->client, "Tell me a story.", 0, &op));
    UNTIL(host, host->seen[DUOLOGUE_EVENT_PLAYBACK_STARTED] == 2);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_start_listening(host->client, &op));
    UNTIL(host, host->seen[DUOLOGUE_EVENT_INTERRUPTED] == 1);
    host_speaks(host, question, 0);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_stop_listening(host->client, &op));
    UNTIL(host, strstr(host->said, "It is still old.") != NULL);
    host_end(host);

    /* The host asks itself. */
    host = host_connected("{\"turn_detection\": {\"mode\": \"manual\", \"create_response\": false}}", url);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_start_listening(host->client, &op));
    host_speaks(host, question, 0);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_stop_listening(host->client, &op));
    UNTIL(host, strstr(host->heard, "lighthouse") != NULL);
    CHECK(host_sent(host, "response.create") == 0 && *host->said == 0);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_request_response(host->client, NULL, &op));
    UNTIL(host, host->turns_done == 1);
    CHECK(strcmp(host->said, "It is old.") == 0);
    host_end(host);
}

static void semantic_detection(void) {
    struct host *host =
        host_connected("{\"turn_detection\": {\"mode\": \"semantic\", \"eagerness\": \"high\"}}", url);
    CHECK(strstr(host->sent, "semantic_vad") != NULL && strstr(host->sent, "\"eagerness\":\"high\"") != NULL);
    CHECK(strstr(host->configured, "semantic_vad") != NULL);
    host_speaks(host, question, 1500);
    UNTIL(host, host->turns_done == 1);
    CHECK(strcmp(host->said, "It is old.") == 0);
    CHECK(host->seen[DUOLOGUE_EVENT_SPEECH_STARTED] == 1 && host->seen[DUOLOGUE_EVENT_SPEECH_STOPPED] == 1);
    CHECK(host_sent(host, "input_audio_buffer.commit") == 0);
    host_end(host);
}

/* The user speaks while a story is audible. */
static void speaks_into_the_story(const char *config, int cut_off) {
    struct host *host = host_connected(config, url);
    uint64_t op;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(host->client, "Tell me a story.", 0, &op));
    UNTIL(host, host->seen[DUOLOGUE_EVENT_PLAYBACK_STARTED] == 1);
    host_speaks(host, question, 1500);
    UNTIL(host, strstr(host->said, "It is old.") != NULL);
    CHECK(host->seen[DUOLOGUE_EVENT_SPEECH_STARTED] == 1);
    CHECK((host->seen[DUOLOGUE_EVENT_INTERRUPTED] > 0) == cut_off);
    if (!cut_off) { /* only the host does */
        ENDS_AS(DUOLOGUE_OK, host, duologue_client_interrupt(host->client, &op));
        UNTIL(host, host->seen[DUOLOGUE_EVENT_INTERRUPTED] > 0);
    }
    host_end(host);
}

static void not_interruptible(void) {
    speaks_into_the_story("{}", 1);
    speaks_into_the_story("{\"turn_detection\": {\"interrupt_response\": false}}", 0);
}

static void text_only(void) {
    struct host *host =
        host_connected("{\"output_modality\": \"text\", \"audio\": {\"input\": {\"source\": \"none\"}}}", url);
    uint64_t op;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(host->client, "Can you tell me?", 0, &op));
    UNTIL(host, host->turns_done == 1);
    CHECK(strcmp(host->said, "It is old.") == 0);
    CHECK(host->seen[DUOLOGUE_EVENT_AUDIO] == 0 && host->seen[DUOLOGUE_EVENT_PLAYBACK_STARTED] == 0);
    ENDS_IN(DUOLOGUE_ERROR_INVALID_STATE, "no_microphone", host, duologue_client_start_listening(host->client, &op));
    host_end(host);
}

int main(int count, char **arguments) {
    CHECK(count >= 3);
    url = arguments[1];
    question = arguments[2];
    push_to_talk();
    semantic_detection();
    not_interruptible();
    text_only();
    return check_end();
}
