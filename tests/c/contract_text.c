/* Text: what is not UTF-8, what is not JSON, and buffers that are too small. */
#include "check.h"

static duologue_config *config;
static duologue_client *client;

/* Every text argument, alone bad. */
static void every_text(const char *bad) {
    duologue_credential key = {.struct_size = sizeof key, .value = bad};
    duologue_response_options options = {.struct_size = sizeof options, .instructions = bad};
    duologue_response_options asked = {.struct_size = sizeof asked, .json = bad};
    duologue_image pictures[] = {
        {.struct_size = sizeof *pictures, .url = bad},
        {.struct_size = sizeof *pictures, .url = "data:,", .mime_type = bad},
        {.struct_size = sizeof *pictures, .url = "data:,", .text = bad},
    };
    duologue_credential at = {.struct_size = sizeof at, .value = CANARY_KEY, .endpoint = bad};
    duologue_credential of = {.struct_size = sizeof of, .value = CANARY_KEY, .model = bad};
    duologue_config *made;
    uint64_t op;

    PREFILL(made);
    REFUSED(INVALID_UTF8, duologue_config_create(bad, &made));
    UNTOUCHED(made);
    REFUSED(INVALID_UTF8, duologue_config_copy(config, bad, &made));
    SAYS("overrides");
    UNTOUCHED(made);
    REFUSED(INVALID_UTF8, duologue_config_validate(bad));
    REFUSED(INVALID_UTF8, duologue_config_set_string(config, bad, "x"));
    SAYS("path");
    REFUSED(INVALID_UTF8, duologue_config_set_string(config, "instructions", bad));
    SAYS("value");
    REFUSED(INVALID_UTF8, duologue_config_set_int(config, bad, 1));
    REFUSED(INVALID_UTF8, duologue_config_set_double(config, bad, 1));
    REFUSED(INVALID_UTF8, duologue_config_set_bool(config, bad, 1));
    REFUSED(INVALID_UTF8, duologue_config_set_json(config, bad, "1"));
    REFUSED(INVALID_UTF8, duologue_config_set_json(config, "instructions", bad));
    SAYS("json");
    REFUSED(INVALID_UTF8, duologue_client_set_credential(client, &key));
    SAYS("credential.value");
    REFUSED(INVALID_UTF8, duologue_client_set_credential(client, &at));
    SAYS("credential.endpoint");
    REFUSED(INVALID_UTF8, duologue_client_set_credential(client, &of));
    SAYS("credential.model");
    REFUSED(INVALID_UTF8, duologue_client_answer_credential(client, 1, &key));
    SAYS("credential.value");
    REFUSED(INVALID_UTF8, duologue_client_refuse_credential(client, 1, bad, 0));
    SAYS("reason");
    PREFILL(op);
    REFUSED(INVALID_UTF8, duologue_client_send_text(client, bad, 0, &op));
    SAYS("text");
    REFUSED(INVALID_UTF8, duologue_client_request_response(client, &options, &op));
    SAYS("options.instructions");
    REFUSED(INVALID_UTF8, duologue_client_request_response(client, &asked, &op));
    SAYS("options.json");
    REFUSED(INVALID_UTF8, duologue_client_send_image(client, &pictures[0], &op));
    SAYS("image.url");
    REFUSED(INVALID_UTF8, duologue_client_send_image(client, &pictures[1], &op));
    SAYS("image.mime_type");
    REFUSED(INVALID_UTF8, duologue_client_send_image(client, &pictures[2], &op));
    SAYS("image.text");
    REFUSED(INVALID_UTF8, duologue_client_send_context(client, bad, &op));
    SAYS("text");
    REFUSED(INVALID_UTF8, duologue_client_say(client, bad, &op));
    SAYS("text");
    REFUSED(INVALID_UTF8, duologue_client_update_session(client, bad, &op));
    SAYS("changes");
    REFUSED(INVALID_UTF8, duologue_client_submit_tool_result(client, 1, bad, "{}", 0, &op));
    SAYS("call_id");
    REFUSED(INVALID_UTF8, duologue_client_submit_tool_result(client, 1, "call", bad, 0, &op));
    SAYS("output");
    REFUSED(INVALID_UTF8, duologue_client_send_raw(client, bad, &op));
    SAYS("json");
    UNTOUCHED(op);
    REFUSED(INVALID_UTF8, duologue_client_report_playback(client, bad, 0, 0, 0));
    SAYS("item");
}

static void not_json(void) {
    static const char *const BAD[] = {"", " ", "{", "}", "[1,", "{\"voice\":}", "{\"voice\": \"x\"", "nul", "\"\\x\"",
                                      "{'voice': 'x'}", "\"\\ud800\"", "1e", "\x01"};
    duologue_config *made;
    for (size_t i = 0; i < COUNT(BAD); i++) {
        PREFILL(made);
        REFUSED(INVALID_JSON, duologue_config_create(BAD[i], &made));
        UNTOUCHED(made);
        CHECK(*last_words() != 0);
        REFUSED(INVALID_JSON, duologue_config_validate(BAD[i]));
        REFUSED(INVALID_JSON, duologue_config_copy(config, BAD[i], &made));
        UNTOUCHED(made);
        REFUSED(INVALID_JSON, duologue_config_set_json(config, "instructions", BAD[i]));
        SAYS("duologue_config_set_string");
        REFUSED(INVALID_JSON, duologue_client_update_session(client, BAD[i], NULL));
        SAYS("changes");
        duologue_response_options asked = {.struct_size = sizeof asked, .json = BAD[i]};
        REFUSED(INVALID_JSON, duologue_client_request_response(client, &asked, NULL));
        SAYS("options");
    }
    /* More than one document. */
    CHECK(duologue_config_validate("{} {}") < 0);
    CHECK(duologue_config_set_json(config, "labels", "{} {}") < 0);

    /* Nested beyond reason: refused, not followed. */
    enum { DEEP = 300000 };
    char *deep = malloc(DEEP + 32);
    CHECK(deep != NULL);
    memset(deep, '[', DEEP);
    deep[DEEP] = 0;
    CHECK(duologue_config_set_json(config, "extra.a", deep) < 0);
    REFUSED(INVALID_JSON, duologue_client_update_session(client, deep, NULL));
    duologue_response_options asked = {.struct_size = sizeof asked, .json = deep};
    CHECK(duologue_client_request_response(client, &asked, NULL) < 0);
    CHECK(duologue_config_validate(deep) < 0);
    memcpy(deep, "{\"extra\":{\"a\":", 14);
    CHECK(duologue_config_validate(deep) < 0);
    free(deep);
}

/* The message names the path that is wrong. */
static void the_message_names_the_path(void) {
    static const struct {
        const char *json, *path;
        int32_t code;
    } WRONG[] = {
        {"{\"voicee\": \"x\"}", "voicee", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"voice\": 7}", "voice", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"audio\": {\"input\": {\"rat\": 16000}}}", "audio.input.rat", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"audio\": {\"input\": {\"rate\": \"16000\"}}}", "audio.input.rate", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"audio\": {\"input\": {\"rate\": -1}}}", "audio.input.rate", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"audio\": {\"input\": {\"rate\": 7999}}}", "audio.input.rate", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"audio\": {\"output\": {\"source\": \"none\", \"delivery\": \"pull\"}}}", "audio.output.delivery",
         DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"audio\": []}", "audio", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"tools\": [{\"name\": \"ok\"}, {\"name\": \"not ok\"}]}", "tools[1].name", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"tools\": [{}]}", "tools[0]", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"tool_choice\": \"required\"}", "tool_choice", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"speed\": 9}", "speed", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"delivery\": \"pigeon\"}", "delivery", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"turn_detection\": {\"threshold\": 2}}", "turn_detection.threshold", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"voice\": \"a\", \"voice\": \"b\"}", "voice", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"{\"provider\": \"nobody\"}", "provider", DUOLOGUE_ERROR_UNSUPPORTED},
        {"[]", "object", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"7", "object", DUOLOGUE_ERROR_INVALID_CONFIG},
        {"null", "object", DUOLOGUE_ERROR_INVALID_CONFIG},
    };
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        duologue_config *made;
        PREFILL(made);
        check_code(__FILE__, __LINE__, WRONG[i].json, duologue_config_create(WRONG[i].json, &made), WRONG[i].code);
        UNTOUCHED(made);
        SAYS(WRONG[i].path);
        ENDS(WRONG[i].code, duologue_config_validate(WRONG[i].json));
        SAYS(WRONG[i].path);
    }
}

/* So do options of a response. */
static void options_name_the_key(void) {
    static const struct {
        const char *json, *words[2];
    } WRONG[] = {
        {"{\"instruction\": \"x\"}", {"options.instruction", "instructions"}},
        {"{\"out_of_band\": 1}", {"options.out_of_band", "true or false"}},
        {"{\"output_modality\": \"smell\"}", {"options.output_modality", "audio"}},
        {"{\"max_output_tokens\": \"7\"}", {"options.max_output_tokens", "number"}},
        {"{\"max_output_tokens\": -1}", {"options.max_output_tokens", "number"}},
        {"{\"tools\": [{\"nam\": \"x\"}]}", {"options.tools[0].nam", "name"}},
        {"{\"input\": [{\"text\": \"x\"}]}", {"options.input[0]", "role"}},
        {"{\"metadata\": {\"a\": 1}}", {"options.metadata.a", "string"}},
        {"{\"voice\": \"a\", \"voice\": \"b\"}", {"options.voice", "twice"}},
        {"[]", {"options", "object"}},
        {"7", {"options", "object"}},
    };
    uint64_t op;
    PREFILL(op);
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        duologue_response_options asked = {.struct_size = sizeof asked, .json = WRONG[i].json};
        check_code(__FILE__, __LINE__, WRONG[i].json, duologue_client_request_response(client, &asked, &op),
                   DUOLOGUE_ERROR_INVALID_ARGUMENT);
        SAYS(WRONG[i].words[0]);
        SAYS(WRONG[i].words[1]);
    }
    UNTOUCHED(op);
    /* What is right is taken, empty too. */
    static const char *const RIGHT[] = {
        "{}", "{\"instructions\": \"x\", \"replace_instructions\": true}",
        "{\"out_of_band\": true, \"input\": [{\"role\": \"user\", \"text\": \"x\"}, {\"item\": \"item_1\"}]}",
        "{\"tools\": [{\"name\": \"a\"}], \"tool_choice\": {\"function\": \"a\"}, \"metadata\": {\"a\": \"1\"}}",
    };
    for (size_t i = 0; i < COUNT(RIGHT); i++) {
        duologue_response_options asked = {.struct_size = sizeof asked, .json = RIGHT[i]};
        WORKS(duologue_client_request_response(client, &asked, NULL));
    }
}

/* The last error into a caller's buffer: all of it or nothing. */
static void buffers(void) {
    char big[4096], exact[4096];
    size_t needed = 0, again = 0;
    REFUSED(INVALID_CONFIG, duologue_config_set_string(config, "n\xc3\xa4nu", "x"));
    WORKS(duologue_last_error(big, sizeof big, &needed));
    CHECK(needed == strlen(big) + 1);
    CHECK(strstr(big, "n\xc3\xa4nu") != NULL);

    /* Exactly enough. */
    memset(exact, UNTOUCHED_BYTE, sizeof exact);
    WORKS(duologue_last_error(exact, needed, &again));
    CHECK(again == needed && strcmp(exact, big) == 0);
    CHECK(untouched(exact + needed, sizeof exact - needed));

    /* One byte short, and every smaller one. */
    for (size_t capacity = needed - 1;; capacity--) {
        memset(exact, UNTOUCHED_BYTE, sizeof exact);
        again = 0;
        REFUSED(BUFFER_TOO_SMALL, duologue_last_error(exact, capacity, &again));
        CHECK(again == needed);
        CHECK(untouched(exact, sizeof exact));
        if (capacity == 0)
            break;
    }
    /* Only asking. */
    again = 0;
    REFUSED(BUFFER_TOO_SMALL, duologue_last_error(NULL, 0, &again));
    CHECK(again == needed);
    REFUSED(BUFFER_TOO_SMALL, duologue_last_error(NULL, 0, NULL));
    PREFILL(again);
    REFUSED(NULL_ARGUMENT, duologue_last_error(NULL, 5, &again));
    UNTOUCHED(again);
    REFUSED(NULL_ARGUMENT, duologue_last_error(NULL, SIZE_MAX, NULL));
    WORKS(duologue_last_error(exact, needed, NULL));

    /* None of them replaced the words. */
    WORKS(duologue_last_error(exact, sizeof exact, NULL));
    CHECK(strcmp(exact, big) == 0);
}

/* Good text arrives as it is, however it looks. */
static void good_text(void) {
    static const char *const GOOD[] = {"", "quote \" and \\ and / and \n", "\xe2\x82\xac \xf0\x9f\x98\x80", "\x01\x7f",
                                       "%s%n", "</script>"};
    duologue_config *fresh = NULL;
    WORKS(duologue_config_create(NULL, &fresh));
    for (size_t i = 0; i < COUNT(GOOD); i++) {
        char *before = NULL, *after = NULL;
        duologue_config *copy = NULL;
        WORKS(duologue_config_set_string(fresh, "instructions", GOOD[i]));
        WORKS(duologue_config_to_json(fresh, &before));
        /* The document can be read again and is the same. */
        WORKS(duologue_config_create(before, &copy));
        WORKS(duologue_config_to_json(copy, &after));
        CHECK(strcmp(before, after) == 0);
        duologue_string_free(before);
        duologue_string_free(after);
        duologue_config_free(copy);
    }
    duologue_config_free(fresh);
}

/* A caller's text may be gone right after the call. */
static void text_is_copied(void) {
    char path[] = "instructions", value[] = "first words";
    char *json = NULL;
    duologue_config *fresh = NULL;
    WORKS(duologue_config_create(NULL, &fresh));
    WORKS(duologue_config_set_string(fresh, path, value));
    memset(path, 'x', sizeof path - 1);
    memset(value, 'y', sizeof value - 1);
    WORKS(duologue_config_to_json(fresh, &json));
    CHECK(strstr(json, "first words") != NULL);
    duologue_string_free(json);
    duologue_config_free(fresh);
}

int main(void) {
    WORKS(duologue_config_create(NULL, &config));
    client = client_of("{\"audio\": {\"output\": {\"positions\": \"reported\"}}}");
    for (size_t i = 0; i < COUNT(BAD_UTF8); i++)
        every_text(BAD_UTF8[i]);
    not_json();
    the_message_names_the_path();
    options_name_the_key();
    buffers();
    good_text();
    text_is_copied();
    duologue_client_destroy(client);
    duologue_config_free(config);
    return check_end();
}
