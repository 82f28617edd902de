/* The last error: one for each thread, kept by success, and outputs only with success. */
#include "check.h"

static struct signal first_failed = SIGNAL_INIT, second_failed = SIGNAL_INIT;

static void *second(void *nothing) {
    char words[256];
    char *json;
    size_t needed = 0;
    (void)nothing;
    signal_wait(&first_failed, 1);
    /* Nothing failed on this thread. */
    WORKS(duologue_last_error(words, sizeof words, &needed));
    CHECK(needed == 1 && *words == 0);
    REFUSED(BUFFER_TOO_SMALL, duologue_last_error(NULL, 0, &needed));
    CHECK(needed == 1);
    PREFILL(json);
    REFUSED(NOT_FOUND, duologue_last_error_json(&json));
    UNTOUCHED(json);
    /* Nor does that count as a failure. */
    WORKS(duologue_last_error(words, sizeof words, &needed));
    CHECK(needed == 1);

    REFUSED(INVALID_CONFIG, duologue_config_validate("{\"second\": 1}"));
    SAYS("second");
    signal_set(&second_failed, 1);
    signal_wait(&first_failed, 2);
    SAYS("second");
    return NULL;
}

static void per_thread(void) {
    pthread_t thread;
    check_thread(&thread, second, NULL);
    REFUSED(INVALID_CONFIG, duologue_config_validate("{\"first\": 1}"));
    signal_set(&first_failed, 1);
    signal_wait(&second_failed, 1);
    SAYS("first");
    CHECK(strstr(last_words(), "second") == NULL);
    REFUSED(INVALID_CONFIG, duologue_config_validate("{\"third\": 1}"));
    signal_set(&first_failed, 2);
    pthread_join(thread, NULL);
    SAYS("third");
}

/* Every kind of success leaves the words alone. */
static void kept_by_success(void) {
    duologue_config *config = NULL;
    duologue_engine *engine = NULL;
    char *json = NULL;
    REFUSED(INVALID_CONFIG, duologue_config_validate("{\"kept\": 1}"));
    WORKS(duologue_config_validate("{}"));
    WORKS(duologue_config_create(NULL, &config));
    WORKS(duologue_config_set_string(config, "voice", "marin"));
    WORKS(duologue_config_to_json(config, &json));
    duologue_string_free(json);
    WORKS(duologue_engine_create(NULL, &engine));
    duologue_engine_destroy(engine);
    duologue_client *client = client_of(NULL);
    WORKS(duologue_client_set_capture(client, 1, NULL));
    WORKS(duologue_client_state_json(client, &json));
    duologue_string_free(json);
    duologue_client_destroy(client);
    duologue_client_destroy(client);
    duologue_config_free(config);
    (void)duologue_live_clients();
    (void)duologue_version();
    (void)duologue_result_name(DUOLOGUE_ERROR_TLS);
    SAYS("kept");

    WORKS(duologue_last_error_json(&json));
    CHECK(strstr(json, "\"class\":\"config\"") != NULL);
    CHECK(strstr(json, "\"code\":\"invalid_config\"") != NULL);
    CHECK(strstr(json, "\"field\":\"kept\"") != NULL);
    CHECK(strstr(json, "\"message\":") != NULL && strstr(json, "\"fix\":") != NULL);
    CHECK(strstr(json, "\"fatal\":false") != NULL && strstr(json, "\"retryable\":false") != NULL);
    duologue_string_free(json);
    SAYS("kept");

    /* The next failure takes its place. */
    REFUSED(NULL_ARGUMENT, duologue_config_validate(NULL));
    CHECK(strstr(last_words(), "kept") == NULL);
    WORKS(duologue_last_error_json(&json));
    CHECK(strstr(json, "\"class\":\"argument\"") != NULL && strstr(json, "\"field\":\"json\"") != NULL);
    duologue_string_free(json);
}

/* The audio functions fail with words as well, but a "come again" has none. */
static void audio_failures(void) {
    duologue_client *client = client_of("{\"audio\": {\"input\": {\"source\": \"none\"}, \"output\": {\"source\": \"none\"}}}");
    int16_t sample = 0;
    REFUSED(INVALID_STATE, duologue_client_push_audio(client, &sample, 1, 0, NULL));
    SAYS("audio.input.source");
    REFUSED(INVALID_STATE, duologue_client_pull_audio(client, &sample, 1, 0, NULL));
    SAYS("audio.output.delivery");
    REFUSED(INVALID_STATE, duologue_client_report_playback(client, "item", 0, 0, 0));
    SAYS("audio.output.positions");
    duologue_client_destroy(client);
}

/* A failing free function does not replace the words of the call that failed. */
static void frees_and_fails(void *user_data) {
    (void)user_data;
    REFUSED(INVALID_CONFIG, duologue_config_validate("{\"inside_free\": 1}"));
}

static void words_of_the_call_itself(void) {
    REFUSED(INVALID_HANDLE, set_callback(0, (duologue_client *)1, 1, NULL, frees_and_fails));
    SAYS("client");
    CHECK(strstr(last_words(), "inside_free") == NULL);
}

/* A thread that ends takes its words along (leak checkers look). */
static void *only_fails(void *nothing) {
    (void)nothing;
    REFUSED(INVALID_JSON, duologue_config_validate("{"));
    return NULL;
}

int main(void) {
    per_thread();
    kept_by_success();
    audio_failures();
    words_of_the_call_itself();
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        check_thread(&thread, only_fails, NULL);
        pthread_join(thread, NULL);
    }
    return check_end();
}
