/* The configuration object: every setter, every path, frozen once used, shared by clients. */
#include "check.h"

static duologue_config *fresh(void) {
    duologue_config *config = NULL;
    WORKS(duologue_config_create(NULL, &config));
    return config;
}

/* Whether the document contains this piece. */
static void has(duologue_config *config, const char *piece) {
    char *json = NULL;
    WORKS(duologue_config_to_json(config, &json));
    if (strstr(json, piece) == NULL) {
        fprintf(stderr, "%s is not in %s\n", piece, json);
        CHECK(!"the document has it");
    }
    duologue_string_free(json);
}

static void setters(void) {
    duologue_config *config = fresh();
    WORKS(duologue_config_set_string(config, "instructions", "Say \"yes\"."));
    has(config, "\"Say \\\"yes\\\".\"");
    WORKS(duologue_config_set_int(config, "audio.input.rate", 16000));
    has(config, "\"rate\":16000");
    WORKS(duologue_config_set_double(config, "turn_detection.threshold", 0.25));
    has(config, "\"threshold\":0.25");
    WORKS(duologue_config_set_bool(config, "auto_capture", 0));
    has(config, "\"auto_capture\":false");
    WORKS(duologue_config_set_bool(config, "auto_capture", 1));
    has(config, "\"auto_capture\":true");
    WORKS(duologue_config_set_json(config, "tools[0]", "{\"name\": \"clock\", \"description\": \"tells the time\"}"));
    WORKS(duologue_config_set_string(config, "tools[1].name", "lamp"));
    has(config, "\"lamp\"");
    WORKS(duologue_config_set_string(config, "tools.0.name", "watch"));
    has(config, "\"watch\"");
    WORKS(duologue_config_set_json(config, "transcription", "null"));
    has(config, "\"transcription\":null");
    WORKS(duologue_config_set_string(config, "transcription.language", "de"));
    has(config, "\"de\"");
    WORKS(duologue_config_set_string(config, "labels.room", "kitchen"));
    has(config, "\"room\":\"kitchen\"");
    WORKS(duologue_config_set_json(config, "extra.some.thing", "[1, {\"a\": null}, \"x\"]"));
    has(config, "[1,{\"a\":null},\"x\"]");
    /* A whole number is a number, too. */
    WORKS(duologue_config_set_int(config, "speed", 1));
    WORKS(duologue_config_set_double(config, "speed", 1.25));
    duologue_config_free(config);
}

/* What is refused changes nothing. */
static void refused(void) {
    duologue_config *config = fresh();
    char *before = NULL, *after = NULL;
    WORKS(duologue_config_to_json(config, &before));
    static const char *const NO_PATH[] = {"",           ".",        "..",           "voice.",   ".voice",
                                          "voicee",     "voice.x",  "tools[1]",     "tools[x]", "tools[-1].name",
                                          "audio",      "audio.",   "audio.input",  "[",        "]",
                                          "tools[",     "tools[0",  "tools[0]x",    "[0]",      "tools[99999999999999999999]",
                                          "audio.rate", "VOICE",    " voice",       "voice ",   "audio.input.rate.x",
                                          "\n",         "a\x01",    "\xe2\x82\xac", "tools[18446744073709551615]"};
    for (size_t i = 0; i < COUNT(NO_PATH); i++) {
        check_code(__FILE__, __LINE__, NO_PATH[i], duologue_config_set_string(config, NO_PATH[i], "x"),
                   DUOLOGUE_ERROR_INVALID_CONFIG);
        CHECK(*last_words() != 0);
        check_code(__FILE__, __LINE__, NO_PATH[i], duologue_config_set_int(config, NO_PATH[i], 7),
                   DUOLOGUE_ERROR_INVALID_CONFIG);
        CHECK(duologue_config_set_double(config, NO_PATH[i], 0.5) < 0);
        CHECK(duologue_config_set_bool(config, NO_PATH[i], 1) < 0);
        CHECK(duologue_config_set_json(config, NO_PATH[i], "7") < 0);
    }
    REFUSED(INVALID_CONFIG, duologue_config_set_string(config, "audio.input.rate", "fast"));
    SAYS("audio.input.rate");
    REFUSED(INVALID_CONFIG, duologue_config_set_int(config, "voice", 1));
    SAYS("voice");
    REFUSED(INVALID_CONFIG, duologue_config_set_bool(config, "voice", 1));
    REFUSED(INVALID_CONFIG, duologue_config_set_string(config, "auto_capture", "true"));
    REFUSED(INVALID_CONFIG, duologue_config_set_double(config, "audio.input.rate", 16000.5));
    REFUSED(INVALID_CONFIG, duologue_config_set_json(config, "audio", "[]"));
    REFUSED(INVALID_CONFIG, duologue_config_set_json(config, "audio", "{\"rat\": 1}"));
    SAYS("audio.rat");
    WORKS(duologue_config_to_json(config, &after));
    CHECK(strcmp(before, after) == 0);
    duologue_string_free(before);
    duologue_string_free(after);
    duologue_config_free(config);
}

/* Long and deep paths are refused, never followed to the end of the stack. */
static void absurd_paths(void) {
    duologue_config *config = fresh();
    enum { PARTS = 200000 };
    char *path = malloc(2 * PARTS + 16);
    CHECK(path != NULL);
    char *at = path + sprintf(path, "extra");
    for (int i = 0; i < PARTS; i++) {
        *at++ = '.';
        *at++ = 'a';
    }
    *at = 0;
    REFUSED(INVALID_CONFIG, duologue_config_set_int(config, path, 1));
    REFUSED(INVALID_CONFIG, duologue_config_set_json(config, path, "{}"));
    memset(path, 'v', 2 * PARTS);
    REFUSED(INVALID_CONFIG, duologue_config_set_string(config, path, "x"));
    memset(path, '.', 2 * PARTS);
    REFUSED(INVALID_CONFIG, duologue_config_set_string(config, path, "x"));
    memset(path, '[', 2 * PARTS);
    REFUSED(INVALID_CONFIG, duologue_config_set_string(config, path, "x"));
    free(path);
    has(config, "\"extra\":{}");

    /* Deeper step by step. */
    char steps[1024] = "extra";
    int deepest = 0;
    while (strlen(steps) + 3 < sizeof steps && duologue_config_set_int(config, strcat(steps, ".a"), 1) == DUOLOGUE_OK) {
        /* A number has no fields: put an object in its place for the next step. */
        WORKS(duologue_config_set_json(config, steps, "{}"));
        deepest++;
    }
    CHECK(deepest > 8);
    /* And what came out can be read again. */
    char *json = NULL;
    WORKS(duologue_config_to_json(config, &json));
    WORKS(duologue_config_validate(json));
    duologue_string_free(json);
    duologue_config_free(config);
}

/* Types are checked at once, combinations when a client is made; a configuration that fails may be put right. */
static void frozen_after_use(void) {
    duologue_config *config = fresh();
    duologue_client *first = NULL, *second = NULL;
    duologue_client *untouched_client;
    WORKS(duologue_config_set_double(config, "speed", 9.0));
    PREFILL(untouched_client);
    REFUSED(INVALID_CONFIG, duologue_client_create(NULL, config, &untouched_client));
    SAYS("speed");
    UNTOUCHED(untouched_client);
    CHECK(duologue_live_clients() == 0);
    WORKS(duologue_config_set_string(config, "provider", "nobody"));
    WORKS(duologue_config_set_double(config, "speed", 1.0));
    REFUSED(UNSUPPORTED, duologue_client_create(NULL, config, &untouched_client));
    SAYS("provider");
    UNTOUCHED(untouched_client);
    WORKS(duologue_config_set_string(config, "provider", "openai"));
    WORKS(duologue_config_set_string(config, "instructions", "shared"));
    WORKS(duologue_client_create(NULL, config, &first));

    REFUSED(INVALID_STATE, duologue_config_set_string(config, "voice", "marin"));
    SAYS("config");
    REFUSED(INVALID_STATE, duologue_config_set_int(config, "max_output_tokens", 1));
    REFUSED(INVALID_STATE, duologue_config_set_double(config, "speed", 1.1));
    REFUSED(INVALID_STATE, duologue_config_set_bool(config, "auto_capture", 0));
    REFUSED(INVALID_STATE, duologue_config_set_json(config, "labels", "{}"));
    has(config, "\"shared\"");
    WORKS(duologue_client_create(NULL, config, &second));
    CHECK(first != second && duologue_live_clients() == 2);

    /* The clients keep it. */
    char *whole = NULL, *of_client = NULL;
    WORKS(duologue_config_to_json(config, &whole));
    duologue_config_free(config);
    duologue_client_destroy(first);
    WORKS(duologue_client_config_json(second, &of_client));
    CHECK(strcmp(whole, of_client) == 0);
    duologue_string_free(whole);
    duologue_string_free(of_client);
    duologue_client_destroy(second);
}

/* One document, and one client's own way. */
static void copies_with_overrides(void) {
    duologue_config *shared = NULL, *one = NULL, *two = NULL, *untouched_config;
    duologue_client *client = NULL;
    WORKS(duologue_config_create(
        "{\"voice\": \"marin\", \"labels\": {\"shop\": \"7\"}, \"tools\": [{\"name\": \"a\"}]}", &shared));
    WORKS(duologue_client_create(NULL, shared, &client));
    WORKS(duologue_config_copy(shared, "{\"voice\": null, \"labels\": {\"caller\": \"Ada\"}, \"tools\": []}", &one));
    has(one, "\"labels\":{\"caller\":\"Ada\",\"shop\":\"7\"}");
    has(one, "\"voice\":null");
    has(one, "\"tools\":[]");
    has(shared, "\"labels\":{\"shop\":\"7\"}");
    has(shared, "\"voice\":\"marin\"");
    /* The copy may change although the other one may not. */
    REFUSED(INVALID_STATE, duologue_config_set_string(shared, "voice", "cedar"));
    WORKS(duologue_config_copy(shared, NULL, &two));
    WORKS(duologue_config_set_string(two, "voice", "cedar"));
    has(two, "\"voice\":\"cedar\"");
    has(shared, "\"voice\":\"marin\"");

    PREFILL(untouched_config);
    REFUSED(INVALID_CONFIG, duologue_config_copy(shared, "{\"voicee\": \"x\"}", &untouched_config));
    SAYS("voicee");
    REFUSED(INVALID_CONFIG, duologue_config_copy(shared, "{\"speed\": 99}", &untouched_config));
    SAYS("speed");
    REFUSED(INVALID_CONFIG, duologue_config_copy(shared, "[]", &untouched_config));
    REFUSED(INVALID_CONFIG, duologue_config_copy(shared, "7", &untouched_config));
    UNTOUCHED(untouched_config);
    duologue_config_free(shared);
    duologue_config_free(one);
    duologue_config_free(two);
    duologue_client_destroy(client);
}

static void documents(void) {
    char *schema = NULL, *json = NULL;
    WORKS(duologue_config_schema(&schema));
    CHECK(strstr(schema, "\"audio\"") != NULL && strstr(schema, "\"delivery\"") != NULL);
    duologue_string_free(schema);

    duologue_client *client = client_of("{\"labels\": {\"who\": \"me\"}}");
    WORKS(duologue_client_state_json(client, &json));
    CHECK(strstr(json, "\"messages\":[]") != NULL && strstr(json, "\"revision\"") != NULL);
    CHECK(strstr(json, "idle") != NULL);
    duologue_string_free(json);
    WORKS(duologue_client_stats_json(client, &json));
    CHECK(*json == '{');
    duologue_string_free(json);
    WORKS(duologue_client_capabilities_json(client, &json));
    CHECK(*json == '{');
    duologue_string_free(json);
    WORKS(duologue_client_config_json(client, &json));
    CHECK(strstr(json, "\"who\":\"me\"") != NULL);
    WORKS(duologue_config_validate(json));
    duologue_string_free(json);

    duologue_mode mode;
    PREFILL(mode);
    WORKS(duologue_client_mode(client, &mode));
    CHECK(mode == DUOLOGUE_MODE_IDLE);
    duologue_client_destroy(client);

    WORKS(duologue_config_validate("{}"));
    WORKS(duologue_config_validate(" {\"voice\": \"cedar\", \"tools\": [{\"name\": \"a\"}], \"tool_choice\": \"auto\"} "));
}

/* Several threads set, read, use and free one configuration. */
struct shared {
    duologue_config *config;
    int number;
};

static void *worker(void *argument) {
    struct shared *shared = argument;
    for (int i = 0; i < 60; i++) {
        char *json = NULL;
        duologue_client *client = NULL;
        int32_t set = duologue_config_set_int(shared->config, "max_output_tokens", 1 + i);
        CHECK(set == DUOLOGUE_OK || set == DUOLOGUE_ERROR_INVALID_STATE || set == DUOLOGUE_ERROR_INVALID_HANDLE);
        if (duologue_config_to_json(shared->config, &json) == DUOLOGUE_OK)
            duologue_string_free(json);
        if (i > 20 && duologue_client_create(NULL, shared->config, &client) == DUOLOGUE_OK)
            duologue_client_destroy(client);
        if (i > 40 && shared->number == 0)
            duologue_config_free(shared->config);
    }
    return NULL;
}

static void at_once(void) {
    pthread_t threads[4];
    struct shared shared[4];
    duologue_config *config = fresh();
    for (int i = 0; i < 4; i++) {
        shared[i] = (struct shared){config, i};
        check_thread(&threads[i], worker, &shared[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    duologue_config_free(config);
}

int main(void) {
    setters();
    refused();
    absurd_paths();
    frozen_after_use();
    copies_with_overrides();
    documents();
    at_once();
    return check_end();
}
