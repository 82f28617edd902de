/* Handles: NULL, stale, of another type, never given out, ended twice; and NULL in every other place. */
#include "check.h"

static struct counted counted;

/* Every function that takes a client, all else being right. */
static void every_client_function(duologue_client *client, int32_t code) {
    duologue_credential key = {.struct_size = sizeof key, .value = CANARY_KEY};
    duologue_status status;
    duologue_mode mode;
    char *json;
    uint64_t op;
    int fd, can;
    duologue_event *event;
    duologue_image image = {.struct_size = sizeof image, .url = "data:image/png;base64,iVBORw0KGgo="};
    int16_t samples[16] = {1, 2, 3};
    size_t frames;

    ENDS(code, duologue_client_set_credential(client, &key));
    ENDS(code, duologue_client_answer_credential(client, 1, &key));
    ENDS(code, duologue_client_refuse_credential(client, 1, "none", 0));
    PREFILL(status);
    ENDS(code, duologue_client_status(client, &status));
    UNTOUCHED(status);
    PREFILL(mode);
    ENDS(code, duologue_client_mode(client, &mode));
    UNTOUCHED(mode);
    ENDS(code, duologue_client_wait_status(client, DUOLOGUE_STATUS_IDLE, 0));
    ENDS(code, duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, -1));
    PREFILL(json);
    ENDS(code, duologue_client_state_json(client, &json));
    ENDS(code, duologue_client_stats_json(client, &json));
    ENDS(code, duologue_client_capabilities_json(client, &json));
    ENDS(code, duologue_client_config_json(client, &json));
    ENDS(code, duologue_client_availability_json(client, &json));
    UNTOUCHED(json);
    PREFILL(can);
    ENDS(code, duologue_client_can_connect(client, &can));
    UNTOUCHED(can);

    PREFILL(op);
    ENDS(code, duologue_client_connect(client, &op));
    ENDS(code, duologue_client_disconnect(client, &op));
    ENDS(code, duologue_client_send_text(client, "text", 0, &op));
    ENDS(code, duologue_client_send_image(client, &image, &op));
    ENDS(code, duologue_client_send_video_frame(client, (const uint8_t *)"\xff\xd8\xff", 3, &op));
    ENDS(code, duologue_client_send_feedback(client, "item_1", "like", &op));
    ENDS(code, duologue_client_send_user_activity(client, &op));
    ENDS(code, duologue_client_send_context(client, "text", &op));
    ENDS(code, duologue_client_say(client, "text", &op));
    ENDS(code, duologue_client_request_response(client, NULL, &op));
    ENDS(code, duologue_client_interrupt(client, &op));
    ENDS(code, duologue_client_start_listening(client, &op));
    ENDS(code, duologue_client_stop_listening(client, &op));
    ENDS(code, duologue_client_clear_input(client, &op));
    ENDS(code, duologue_client_update_session(client, "{}", &op));
    ENDS(code, duologue_client_submit_tool_result(client, 1, "call", "{}", 0, &op));
    ENDS(code, duologue_client_set_capture(client, 1, &op));
    ENDS(code, duologue_client_set_input_muted(client, 1, &op));
    ENDS(code, duologue_client_send_raw(client, "{}", &op));
    UNTOUCHED(op);
    ENDS(code, duologue_client_connect(client, NULL));

    PREFILL(event);
    ENDS(code, duologue_client_next_event(client, 0, &event));
    ENDS(code, duologue_client_next_event(client, -1, &event));
    UNTOUCHED(event);
    PREFILL(fd);
    ENDS(code, duologue_client_wakeup_fd(client, &fd));
    UNTOUCHED(fd);
    ENDS(code, duologue_client_set_event_mask(client, DUOLOGUE_EVENT_MASK_ALL));

    ENDS(code, duologue_client_push_audio(client, samples, COUNT(samples), 0, NULL));
    PREFILL(frames);
    ENDS(code, duologue_client_push_audio(client, NULL, 0, 0, &frames));
    CHECK(frames == 0);
    ENDS(code, duologue_client_report_playback(client, "item", 0, 20, 0));
    ENDS(code, duologue_client_pull_audio(client, samples, COUNT(samples), 0, NULL));
    /* A speaker never plays what happened to lie in its buffer. */
    for (size_t i = 0; i < COUNT(samples); i++)
        CHECK(samples[i] == 0);

    for (unsigned family = 0; family < FAMILY_TOTAL; family++) {
        for (int on = 0; on < 2; on++) {
            int before = atomic_load(&counted.frees);
            ENDS(code, set_callback(family, client, on, &counted, count_free));
            /* A registration that fails frees before it returns. */
            CHECK(atomic_load(&counted.frees) == before + 1);
            ENDS(code, set_callback(family, client, on, &counted, NULL));
        }
    }
    duologue_client_destroy(client);
}

static void every_config_function(duologue_config *config, int32_t code) {
    char *json;
    duologue_client *client;
    ENDS(code, duologue_config_set_string(config, "voice", "marin"));
    ENDS(code, duologue_config_set_int(config, "max_output_tokens", 7));
    ENDS(code, duologue_config_set_double(config, "speed", 1.0));
    ENDS(code, duologue_config_set_bool(config, "auto_capture", 1));
    ENDS(code, duologue_config_set_json(config, "labels", "{}"));
    PREFILL(json);
    ENDS(code, duologue_config_to_json(config, &json));
    UNTOUCHED(json);
    if (config != NULL) { /* NULL here means the defaults */
        duologue_config *copy;
        PREFILL(copy);
        ENDS(code, duologue_config_copy(config, NULL, &copy));
        ENDS(code, duologue_config_copy(config, "{}", &copy));
        UNTOUCHED(copy);
        PREFILL(client);
        ENDS(code, duologue_client_create(NULL, config, &client));
        UNTOUCHED(client);
    }
    duologue_config_free(config);
}

static void every_engine_function(duologue_engine *engine, int32_t code) {
    duologue_client *client;
    if (engine != NULL) { /* NULL here means the default one */
        PREFILL(client);
        ENDS(code, duologue_client_create(engine, NULL, &client));
        UNTOUCHED(client);
    }
    duologue_engine_destroy(engine);
}

/* Every pointer that must not be NULL, the handle being right. */
static void null_everywhere_else(duologue_client *client, duologue_client *queued, duologue_config *config) {
    duologue_credential key = {.struct_size = sizeof key, .value = NULL};
    duologue_engine *engine = NULL;
    duologue_config *made = NULL;
    int16_t sample = 0;
    size_t frames;

    REFUSED(NULL_ARGUMENT, duologue_last_error_json(NULL));
    REFUSED(NULL_ARGUMENT, duologue_config_create("{}", NULL));
    SAYS("out_config");
    REFUSED(NULL_ARGUMENT, duologue_config_copy(config, "{}", NULL));
    SAYS("out_config");
    REFUSED(NULL_ARGUMENT, duologue_config_set_string(config, NULL, "x"));
    SAYS("path");
    REFUSED(NULL_ARGUMENT, duologue_config_set_string(config, "voice", NULL));
    SAYS("value");
    REFUSED(NULL_ARGUMENT, duologue_config_set_int(config, NULL, 1));
    REFUSED(NULL_ARGUMENT, duologue_config_set_double(config, NULL, 1));
    REFUSED(NULL_ARGUMENT, duologue_config_set_bool(config, NULL, 1));
    REFUSED(NULL_ARGUMENT, duologue_config_set_json(config, NULL, "1"));
    REFUSED(NULL_ARGUMENT, duologue_config_set_json(config, "voice", NULL));
    SAYS("json");
    REFUSED(NULL_ARGUMENT, duologue_config_to_json(config, NULL));
    SAYS("out_json");
    REFUSED(NULL_ARGUMENT, duologue_config_validate(NULL));
    REFUSED(NULL_ARGUMENT, duologue_config_schema(NULL));
    REFUSED(NULL_ARGUMENT, duologue_catalogue(NULL));
    REFUSED(NULL_ARGUMENT, duologue_engine_create(NULL, NULL));
    SAYS("out_engine");
    REFUSED(NULL_ARGUMENT, duologue_client_create(NULL, NULL, NULL));
    SAYS("out_client");
    REFUSED(NULL_ARGUMENT, duologue_client_set_credential(client, NULL));
    SAYS("credential");
    REFUSED(NULL_ARGUMENT, duologue_client_set_credential(client, &key));
    SAYS("credential.value");
    REFUSED(NULL_ARGUMENT, duologue_client_answer_credential(client, 1, NULL));
    SAYS("credential");
    REFUSED(NULL_ARGUMENT, duologue_client_answer_credential(client, 1, &key));
    SAYS("credential.value");
    REFUSED(NULL_ARGUMENT, duologue_client_status(client, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_mode(client, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_state_json(client, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_stats_json(client, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_capabilities_json(client, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_config_json(client, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_availability_json(client, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_can_connect(client, NULL));
    SAYS("out_can_connect");
    REFUSED(NULL_ARGUMENT, duologue_client_send_text(client, NULL, 0, NULL));
    SAYS("text");
    REFUSED(NULL_ARGUMENT, duologue_client_send_image(client, NULL, NULL));
    SAYS("image");
    duologue_image image = {.struct_size = sizeof image, .size = 1};
    REFUSED(NULL_ARGUMENT, duologue_client_send_image(client, &image, NULL));
    SAYS("image.data");
    REFUSED(NULL_ARGUMENT, duologue_client_send_video_frame(client, NULL, 1, NULL));
    SAYS("data");
    REFUSED(NULL_ARGUMENT, duologue_client_send_video_frame(client, (const uint8_t *)"", 0, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_send_feedback(client, NULL, "like", NULL));
    SAYS("item");
    REFUSED(INVALID_ARGUMENT, duologue_client_send_feedback(client, "item_1", "very good", NULL));
    SAYS("like");
    REFUSED(INVALID_UTF8, duologue_client_send_feedback(client, "item_1", "\xff", NULL));
    SAYS("score");
    REFUSED(NULL_ARGUMENT, duologue_client_send_context(client, NULL, NULL));
    SAYS("text");
    REFUSED(NULL_ARGUMENT, duologue_client_say(client, NULL, NULL));
    SAYS("text");
    REFUSED(NULL_ARGUMENT, duologue_client_update_session(client, NULL, NULL));
    SAYS("changes");
    REFUSED(NULL_ARGUMENT, duologue_client_submit_tool_result(client, 1, NULL, "{}", 0, NULL));
    SAYS("call_id");
    REFUSED(NULL_ARGUMENT, duologue_client_submit_tool_result(client, 1, "call", NULL, 0, NULL));
    SAYS("output");
    REFUSED(NULL_ARGUMENT, duologue_client_send_raw(client, NULL, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_push_audio(client, NULL, 1, 0, &frames));
    SAYS("samples");
    REFUSED(NULL_ARGUMENT, duologue_client_pull_audio(client, NULL, 1, 0, &frames));
    REFUSED(NULL_ARGUMENT, duologue_client_report_playback(client, NULL, 0, 0, 0));
    REFUSED(NULL_ARGUMENT, duologue_client_next_event(queued, 0, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_wakeup_fd(queued, NULL));
    REFUSED(NULL_ARGUMENT, duologue_event_to_json(NULL, NULL));

    /* NULL that is allowed. */
    duologue_string_free(NULL);
    duologue_event_free(NULL);
    duologue_client_destroy(NULL);
    duologue_config_free(NULL);
    duologue_engine_destroy(NULL);
    WORKS(duologue_engine_create(NULL, &engine));
    duologue_engine_destroy(engine);
    WORKS(duologue_config_create(NULL, &made));
    duologue_config_free(made);
    WORKS(duologue_config_copy(NULL, NULL, &made));
    duologue_config_free(made);
    WORKS(duologue_config_copy(NULL, "{\"voice\": \"marin\"}", &made));
    duologue_config_free(made);
    REFUSED(INVALID_STATE, duologue_client_refuse_credential(client, 1, NULL, 0));
    WORKS(duologue_client_push_audio(client, NULL, 0, 0, NULL));
    WORKS(duologue_client_pull_audio(client, NULL, 0, 0, NULL));
    WORKS(duologue_client_pull_audio(client, &sample, 1, 0, NULL));
    WORKS(duologue_client_set_capture(client, 0, NULL));
    /* A command's number is wanted by nobody; how it ends is another matter. */
    WORKS(duologue_client_start_listening(client, NULL));
    WORKS(duologue_client_stop_listening(client, NULL));
    WORKS(duologue_client_clear_input(client, NULL));
    WORKS(duologue_client_request_response(client, NULL, NULL));
    /* Both user data and free function may be NULL, and each without the other. */
    WORKS(set_callback(1, client, 1, NULL, NULL));
    WORKS(set_callback(1, client, 1, &counted, NULL));
    WORKS(set_callback(1, client, 0, NULL, count_free));
}

/* Two threads end the same client; so does the main thread. */
static void *destroys(void *client) {
    duologue_client_destroy(client);
    return NULL;
}

static void destroyed_by_many(void) {
    for (int round = 0; round < 50; round++) {
        pthread_t threads[3];
        duologue_client *client = client_of(NULL);
        WORKS(set_callback(0, client, 1, &counted, count_free));
        int before = atomic_load(&counted.frees);
        for (size_t i = 0; i < COUNT(threads); i++)
            check_thread(&threads[i], destroys, client);
        duologue_client_destroy(client);
        for (size_t i = 0; i < COUNT(threads); i++)
            pthread_join(threads[i], NULL);
        CHECK(atomic_load(&counted.frees) == before + 1);
        CHECK(duologue_live_clients() == 0);
    }
}

int main(void) {
    duologue_engine *engine = NULL;
    duologue_config *config = NULL;
    duologue_client *client = NULL, *queued = NULL;
    WORKS(duologue_engine_create(NULL, &engine));
    WORKS(duologue_config_create("{\"audio\": {\"output\": {\"delivery\": \"pull\"}}}", &config));
    WORKS(duologue_client_create(engine, config, &client));
    CHECK(duologue_live_clients() == 1);
    queued = client_of("{\"delivery\": \"queue\"}");
    CHECK(duologue_live_clients() == 2);
    duologue_config_free(config);
    WORKS(duologue_config_create(NULL, &config));

    duologue_client *stale = client_of(NULL);
    duologue_client_destroy(stale);
    duologue_engine *stale_engine = NULL;
    WORKS(duologue_engine_create(NULL, &stale_engine));
    duologue_engine_destroy(stale_engine);
    duologue_config *stale_config = NULL;
    WORKS(duologue_config_create(NULL, &stale_config));
    duologue_config_free(stale_config);

    static int object;
    void *const wild[] = {
        stale, stale_engine, stale_config,              /* ended */
        (void *)1, (void *)(uintptr_t)0xdeadbeef,       /* never given out */
        (void *)UINTPTR_MAX, &object,
    };
    every_client_function(NULL, DUOLOGUE_ERROR_NULL_ARGUMENT);
    every_config_function(NULL, DUOLOGUE_ERROR_NULL_ARGUMENT);
    every_engine_function(NULL, DUOLOGUE_ERROR_NULL_ARGUMENT);
    for (size_t i = 0; i < COUNT(wild); i++) {
        every_client_function(wild[i], DUOLOGUE_ERROR_INVALID_HANDLE);
        every_config_function(wild[i], DUOLOGUE_ERROR_INVALID_HANDLE);
        every_engine_function(wild[i], DUOLOGUE_ERROR_INVALID_HANDLE);
    }
    /* Handles of another type; the functions that end them end nothing. */
    every_client_function((duologue_client *)config, DUOLOGUE_ERROR_INVALID_HANDLE);
    every_client_function((duologue_client *)engine, DUOLOGUE_ERROR_INVALID_HANDLE);
    every_config_function((duologue_config *)client, DUOLOGUE_ERROR_INVALID_HANDLE);
    every_config_function((duologue_config *)engine, DUOLOGUE_ERROR_INVALID_HANDLE);
    every_engine_function((duologue_engine *)client, DUOLOGUE_ERROR_INVALID_HANDLE);
    every_engine_function((duologue_engine *)config, DUOLOGUE_ERROR_INVALID_HANDLE);
    CHECK(duologue_live_clients() == 2);
    duologue_status status;
    WORKS(duologue_client_status(client, &status));
    CHECK(status == DUOLOGUE_STATUS_IDLE);

    null_everywhere_else(client, queued, config);
    CHECK(atomic_load(&counted.calls) == 0);

    /* An engine ends before its clients; they live on. */
    duologue_engine_destroy(engine);
    duologue_engine_destroy(engine);
    WORKS(duologue_client_status(client, &status));
    REFUSED(INVALID_HANDLE, duologue_client_create(engine, NULL, &client));
    SAYS("engine");

    duologue_client_destroy(client);
    duologue_client_destroy(client);
    duologue_client_destroy(queued);
    duologue_config_free(config);
    duologue_config_free(config);
    destroyed_by_many();
    return check_end();
}
