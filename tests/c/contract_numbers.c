/* Numbers: unknown enum integers, flags, masks, truth values, and sizes of structs. */
#include "check.h"
#include <limits.h>
#include <math.h>

static duologue_client *client, *queued;

static const int32_t ODD[] = {-1, -2, 2, 3, 5, 6, 7, 29, 64, 100, 1000, INT32_MIN, INT32_MAX};

static void truth_values(void) {
    duologue_config *config = NULL;
    uint64_t op;
    WORKS(duologue_config_create(NULL, &config));
    for (size_t i = 0; i < COUNT(ODD); i++) {
        PREFILL(op);
        REFUSED(INVALID_ARGUMENT, duologue_client_set_capture(client, ODD[i], &op));
        SAYS("on");
        REFUSED(INVALID_ARGUMENT, duologue_client_set_input_muted(client, ODD[i], &op));
        SAYS("muted");
        REFUSED(INVALID_ARGUMENT, duologue_client_submit_tool_result(client, 1, "call", "{}", ODD[i], &op));
        SAYS("is_error");
        REFUSED(INVALID_ARGUMENT, duologue_client_refuse_credential(client, 1, "none", ODD[i]));
        SAYS("retryable");
        UNTOUCHED(op);
        REFUSED(INVALID_ARGUMENT, duologue_config_set_bool(config, "auto_capture", ODD[i]));
        SAYS("value");
    }
    for (int on = 0; on < 2; on++) {
        WORKS(duologue_client_set_capture(client, on, NULL));
        WORKS(duologue_client_set_input_muted(client, on, NULL));
        WORKS(duologue_client_submit_tool_result(client, 1, "call", "{}", on, NULL));
        WORKS(duologue_config_set_bool(config, "auto_capture", on));
    }
    REFUSED(INVALID_ARGUMENT, duologue_config_set_double(config, "speed", NAN));
    SAYS("value");
    REFUSED(INVALID_ARGUMENT, duologue_config_set_double(config, "speed", INFINITY));
    REFUSED(INVALID_ARGUMENT, duologue_config_set_double(config, "speed", -INFINITY));
    REFUSED(INVALID_CONFIG, duologue_config_set_int(config, "max_output_tokens", INT64_MIN));
    REFUSED(INVALID_CONFIG, duologue_config_set_int(config, "max_output_tokens", INT64_MAX));
    REFUSED(INVALID_CONFIG, duologue_config_set_double(config, "max_output_tokens", 1.5));
    duologue_config_free(config);
}

static void enums(void) {
    for (size_t i = 0; i < COUNT(ODD); i++) {
        if (ODD[i] < DUOLOGUE_STATUS_IDLE || ODD[i] > DUOLOGUE_STATUS_ERROR) {
            REFUSED(INVALID_ARGUMENT, duologue_client_wait_status(client, ODD[i], 0));
            SAYS("status");
        }
        if (ODD[i] < DUOLOGUE_CREDENTIAL_KIND_API_KEY || ODD[i] > DUOLOGUE_CREDENTIAL_KIND_BEARER) {
            duologue_credential key = {.struct_size = sizeof key, .kind = ODD[i], .value = CANARY_KEY};
            REFUSED(INVALID_ARGUMENT, duologue_client_set_credential(client, &key));
            SAYS("credential.kind");
            REFUSED(INVALID_ARGUMENT, duologue_client_answer_credential(client, 1, &key));
            SAYS("credential.kind");
        }
        if (ODD[i] < DUOLOGUE_LOG_LEVEL_OFF || ODD[i] > DUOLOGUE_LOG_LEVEL_TRACE) {
            struct counted counted = {0};
            REFUSED(INVALID_ARGUMENT, duologue_set_log_callback(ODD[i], NULL, &counted, count_free));
            SAYS("max_level");
            CHECK(atomic_load(&counted.frees) == 1);
        }
    }
    /* Known states that are not now. */
    REFUSED(TIMEOUT, duologue_client_wait_status(client, DUOLOGUE_STATUS_RECONNECTING, 0));
    REFUSED(TIMEOUT, duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTING, 1));
    WORKS(duologue_client_wait_status(client, DUOLOGUE_STATUS_IDLE, -1));

    /* Names of results: never NULL, whatever the number. */
    CHECK(strcmp(duologue_result_name(0), "OK") == 0);
    CHECK(strcmp(duologue_result_name(DUOLOGUE_ERROR_INVALID_HANDLE), "INVALID_HANDLE") == 0);
    CHECK(strcmp(duologue_result_name(DUOLOGUE_ERROR_PANIC), "PANIC") == 0);
    CHECK(strcmp(duologue_result_name(1), "UNKNOWN") == 0);
    CHECK(strcmp(duologue_result_name(INT32_MIN), "UNKNOWN") == 0);
    for (int32_t code = -200; code < 50; code++)
        CHECK(duologue_result_name(code) != NULL && *duologue_result_name(code) != 0);
}

static void flags_and_masks(void) {
    uint64_t op;
    for (unsigned bit = 2; bit < 32; bit++) {
        PREFILL(op);
        REFUSED(INVALID_ARGUMENT, duologue_client_send_text(client, "text", 1u << bit, &op));
        SAYS("flags");
        REFUSED(INVALID_ARGUMENT, duologue_client_send_text(client, "text", 1u << bit | 3, &op));
        UNTOUCHED(op);
    }
    for (uint32_t flags = 0; flags < 4; flags++)
        WORKS(duologue_client_send_text(client, "text", flags, NULL));
    duologue_image image = {.struct_size = sizeof image, .url = "https://example.org/cat.png"};
    for (image.flags = 0; image.flags < 4; image.flags++)
        WORKS(duologue_client_send_image(client, &image, NULL));
    for (unsigned bit = 2; bit < 32; bit++) {
        image.flags = 1u << bit | 1;
        REFUSED(INVALID_ARGUMENT, duologue_client_send_image(client, &image, &op));
        SAYS("image.flags");
    }
    CHECK((DUOLOGUE_SEND_NO_RESPONSE | DUOLOGUE_SEND_INTERRUPT) == 3);

    for (unsigned bit = 0; bit < 64; bit++) {
        struct counted counted = {0};
        uint64_t mask = (uint64_t)1 << bit;
        int known = bit <= DUOLOGUE_EVENT_LAGGED;
        int32_t code = known ? DUOLOGUE_OK : DUOLOGUE_ERROR_INVALID_ARGUMENT;
        ENDS(code, duologue_client_set_event_callback(client, mask, count_event, &counted, count_free));
        CHECK(atomic_load(&counted.frees) == !known);
        ENDS(code, duologue_client_set_event_callback(client, mask, NULL, NULL, NULL));
        if (!known)
            SAYS("mask");
        WORKS(duologue_client_set_event_callback(client, 0, NULL, NULL, NULL));
        CHECK(atomic_load(&counted.frees) == 1);
        ENDS(code, duologue_client_set_event_mask(queued, mask));
    }
    CHECK(DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_LAGGED) == (uint64_t)1 << 28);
    /* All there are, so that one can be taken away; not those of later versions. */
    CHECK(DUOLOGUE_EVENT_MASK_ALL == ((uint64_t)1 << (DUOLOGUE_EVENT_LAGGED + 1)) - 1);
    WORKS(duologue_client_set_event_mask(queued, DUOLOGUE_EVENT_MASK_ALL & ~DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_RAW)));
    REFUSED(INVALID_ARGUMENT, duologue_client_set_event_mask(queued, UINT64_MAX));
    REFUSED(INVALID_ARGUMENT, duologue_client_set_event_mask(queued, ~DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_RAW)));
    WORKS(duologue_client_set_event_mask(queued, 0));
    WORKS(duologue_client_set_event_mask(queued, DUOLOGUE_EVENT_MASK_ALL));
}

static void thread_starts(void *user_data) {
    atomic_fetch_add(&((struct counted *)user_data)->calls, 1);
}

/* A caller of a later version: its structs have a tail. */
struct later_credential {
    duologue_credential known;
    uint64_t tail[4];
};
struct later_options {
    duologue_engine_options known;
    uint64_t tail[4];
};
struct later_response {
    duologue_response_options known;
    uint64_t tail[4];
};
struct later_image {
    duologue_image known;
    uint64_t tail[4];
};

/* `size` as struct_size of each struct there is. What is beyond `size` bytes must not be read: it lies in memory
 * that AddressSanitizer and valgrind know to be beyond the end. */
static void with_size(uint32_t size, int32_t credential, int32_t engine, int32_t response) {
    struct later_credential full_key = {{.struct_size = size, .value = CANARY_KEY, .model = "gpt-realtime"}, {0}};
    struct later_options full_engine = {{size, 2, 4, 0, NULL, NULL, NULL}, {0}};
    struct later_response full_response = {{size, 0, "briefly", "{}"}, {0}};
    struct later_image full_image = {{.struct_size = size, .data = (const uint8_t *)"PNG", .size = 3}, {0}};
    duologue_engine *made;
    uint64_t op;
    size_t bytes = size < 4 ? 4 : size;

    void *key = malloc(bytes), *options = malloc(bytes), *how = malloc(bytes), *image = malloc(bytes);
    CHECK(key != NULL && options != NULL && how != NULL && image != NULL);
    memset(key, 0, bytes);
    memset(options, 0, bytes);
    memset(how, 0, bytes);
    memset(image, 0, bytes);
    memcpy(key, &full_key, bytes < sizeof full_key ? bytes : sizeof full_key);
    memcpy(options, &full_engine, bytes < sizeof full_engine ? bytes : sizeof full_engine);
    memcpy(how, &full_response, bytes < sizeof full_response ? bytes : sizeof full_response);
    memcpy(image, &full_image, bytes < sizeof full_image ? bytes : sizeof full_image);

    ENDS(credential, duologue_client_set_credential(client, key));
    PREFILL(made);
    ENDS(engine, duologue_engine_create(options, &made));
    if (engine == DUOLOGUE_OK)
        duologue_engine_destroy(made);
    else
        UNTOUCHED(made);
    PREFILL(op);
    ENDS(response, duologue_client_request_response(client, how, &op));
    if (response != DUOLOGUE_OK)
        UNTOUCHED(op);
    PREFILL(op);
    /* Without its size a picture has no bytes: refused, in other words. */
    int32_t taken = size < offsetof(duologue_image, url) ? DUOLOGUE_ERROR_INVALID_ARGUMENT : response;
    ENDS(taken, duologue_client_send_image(client, image, &op));
    if (taken != DUOLOGUE_OK)
        UNTOUCHED(op);
    free(image);
    free(key);
    free(options);
    free(how);
}

static void struct_sizes(void) {
    const int32_t bad = DUOLOGUE_ERROR_INVALID_ARGUMENT, none = DUOLOGUE_ERROR_NULL_ARGUMENT;
    /* Less than any version of the struct had. */
    for (uint32_t size = 0; size < 8; size++) {
        with_size(size, bad, bad, bad);
        SAYS("struct_size");
    }
    for (uint32_t size = 8; size <= sizeof(struct later_image); size++) {
        if (size % sizeof(void *) != 0)
            with_size(size, bad, bad, bad); /* in the middle of a field: it would be accepted and ignored */
        else if (size <= offsetof(duologue_credential, value))
            with_size(size, none, DUOLOGUE_OK, DUOLOGUE_OK); /* fields that are not there have their defaults */
        else
            with_size(size, DUOLOGUE_OK, DUOLOGUE_OK, DUOLOGUE_OK); /* whole, or larger with a tail of zeros */
    }

    /* A tail that is not zero asks for what this version cannot do. */
    for (size_t at = 0; at < 4; at++) {
        struct counted counted = {0};
        struct later_credential key = {{.struct_size = sizeof key, .value = CANARY_KEY}, {0}};
        struct later_options options = {{sizeof options, 0, 0, 0, thread_starts, &counted, count_free}, {0}};
        struct later_response how = {{sizeof how, 0, NULL, NULL}, {0}};
        struct later_image image = {{.struct_size = sizeof image, .url = "https://example.org/cat.png"}, {0}};
        duologue_engine *made;
        WORKS(duologue_client_set_credential(client, &key.known));
        WORKS(duologue_client_request_response(client, &how.known, NULL));
        WORKS(duologue_client_send_image(client, &image.known, NULL));
        WORKS(duologue_engine_create(&options.known, &made));
        duologue_engine_destroy(made);
        CHECK(atomic_load(&counted.frees) == 1);
        key.tail[at] = options.tail[at] = how.tail[at] = image.tail[at] = (uint64_t)1 << 63;
        REFUSED(INVALID_ARGUMENT, duologue_client_set_credential(client, &key.known));
        SAYS("credential.struct_size");
        REFUSED(INVALID_ARGUMENT, duologue_client_request_response(client, &how.known, NULL));
        SAYS("options.struct_size");
        REFUSED(INVALID_ARGUMENT, duologue_client_send_image(client, &image.known, NULL));
        SAYS("image.struct_size");
        PREFILL(made);
        REFUSED(INVALID_ARGUMENT, duologue_engine_create(&options.known, &made));
        UNTOUCHED(made);
        CHECK(atomic_load(&counted.frees) == 2);
    }
    /* Absurd, and so not read. */
    duologue_credential key = {.struct_size = UINT32_MAX, .value = CANARY_KEY};
    REFUSED(INVALID_ARGUMENT, duologue_client_set_credential(client, &key));
    key.struct_size = 65537;
    REFUSED(INVALID_ARGUMENT, duologue_client_set_credential(client, &key));

    /* What must be 0. */
    duologue_response_options how = {.struct_size = sizeof how, .reserved = 1};
    REFUSED(INVALID_ARGUMENT, duologue_client_request_response(client, &how, NULL));
    SAYS("options.reserved");
    duologue_image image = {.struct_size = sizeof image, .url = "https://example.org/cat.png", .reserved = 1};
    REFUSED(INVALID_ARGUMENT, duologue_client_send_image(client, &image, NULL));
    SAYS("image.reserved");
}

/* Exactly one picture, with a size that can be one, and a detail there is. */
static void pictures(void) {
    static const uint8_t byte = 0x89;
    duologue_image image = {.struct_size = sizeof image};
    uint64_t op;
    PREFILL(op);
    REFUSED(INVALID_ARGUMENT, duologue_client_send_image(client, &image, &op));
    SAYS("exactly one");
    image.data = &byte; /* no bytes */
    REFUSED(INVALID_ARGUMENT, duologue_client_send_image(client, &image, &op));
    image.size = 1;
    image.url = "data:image/png;base64,iVBORw0KGgo=";
    REFUSED(INVALID_ARGUMENT, duologue_client_send_image(client, &image, &op));
    SAYS("exactly one");
    /* Not read: these bytes are not there. */
    image.url = NULL;
    static const size_t TOO_LARGE[] = {2 * 1024 * 1024 + 1, (size_t)1 << 31, SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX};
    for (size_t i = 0; i < COUNT(TOO_LARGE); i++) {
        image.size = TOO_LARGE[i];
        REFUSED(LIMIT_EXCEEDED, duologue_client_send_image(client, &image, &op));
        SAYS("2097152");
    }
    image.size = 1;
    for (size_t i = 0; i < COUNT(ODD); i++) {
        image.detail = ODD[i];
        if (ODD[i] >= DUOLOGUE_IMAGE_DETAIL_DEFAULT && ODD[i] <= DUOLOGUE_IMAGE_DETAIL_HIGH)
            continue;
        REFUSED(INVALID_ARGUMENT, duologue_client_send_image(client, &image, &op));
        SAYS("image.detail");
    }
    UNTOUCHED(op);
    for (image.detail = 0; image.detail <= DUOLOGUE_IMAGE_DETAIL_HIGH; image.detail++)
        WORKS(duologue_client_send_image(client, &image, &op));
    /* Instructions come from one place. */
    duologue_response_options how = {sizeof how, 0, "a", "{\"instructions\": \"b\"}"};
    PREFILL(op);
    REFUSED(INVALID_ARGUMENT, duologue_client_request_response(client, &how, &op));
    SAYS("options.instructions");
    UNTOUCHED(op);
}

static void engine_options(void) {
    static const struct {
        uint32_t kept, max, reserved;
        int good;
    } CASES[] = {
        {0, 0, 0, 1},  {2, 2, 0, 1},    {2, 4096, 0, 1}, {256, 256, 0, 1}, {8, 0, 0, 1},
        {1, 0, 0, 0},  {0, 1, 0, 0},    {3, 2, 0, 0},    {0, 4097, 0, 0},  {UINT32_MAX, UINT32_MAX, 0, 0},
        {2, 2, 1, 0},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct counted counted = {0};
        duologue_engine_options options = {
            sizeof options, CASES[i].kept, CASES[i].max, CASES[i].reserved, thread_starts, &counted, count_free};
        duologue_engine *engine;
        PREFILL(engine);
        ENDS(CASES[i].good ? DUOLOGUE_OK : DUOLOGUE_ERROR_INVALID_ARGUMENT, duologue_engine_create(&options, &engine));
        CHECK(atomic_load(&counted.frees) == !CASES[i].good);
        if (CASES[i].good)
            duologue_engine_destroy(engine);
        else
            UNTOUCHED(engine);
        /* No thread was ever started, so nothing is left to wait for. */
        CHECK(atomic_load(&counted.frees) == 1);
        CHECK(atomic_load(&counted.calls) == 0);
    }
}

static void credentials(void) {
    static const char *const NO_KEY[] = {"", "   ", "sk test", "sk-\xc3\xa9", "sk-\x07z", "a\nb"};
    for (size_t i = 0; i < COUNT(NO_KEY); i++) {
        duologue_credential key = {.struct_size = sizeof key, .value = NO_KEY[i]};
        REFUSED(AUTH, duologue_client_set_credential(client, &key));
    }
    duologue_credential key = {
        .struct_size = sizeof key, .kind = DUOLOGUE_CREDENTIAL_KIND_EPHEMERAL, .value = CANARY_TOKEN};
    WORKS(duologue_client_set_credential(client, &key));
    /* Nobody asked. */
    REFUSED(INVALID_STATE, duologue_client_answer_credential(client, 1, &key));
    SAYS("request_id");
    CHECK(strstr(last_words(), CANARY_MARK) == NULL);
    REFUSED(INVALID_STATE, duologue_client_answer_credential(client, 0, &key));
    REFUSED(INVALID_STATE, duologue_client_answer_credential(client, UINT64_MAX, &key));
    REFUSED(INVALID_STATE, duologue_client_refuse_credential(client, UINT64_MAX, CANARY_TOKEN, 1));
    CHECK(strstr(last_words(), CANARY_MARK) == NULL);

    /* What the provider or the configuration does not take leaves the one before. */
    key.kind = DUOLOGUE_CREDENTIAL_KIND_SIGNED_URL;
    REFUSED(UNSUPPORTED, duologue_client_set_credential(client, &key));
    SAYS("kind");
    key.kind = DUOLOGUE_CREDENTIAL_KIND_BEARER;
    key.expires_at = UINT64_MAX;
    WORKS(duologue_client_set_credential(client, &key));
    static const char *const NO_ENDPOINT[] = {"", "example.org", "http://example.org", "ftp://example.org", "https://"};
    for (size_t i = 0; i < COUNT(NO_ENDPOINT); i++) {
        key.endpoint = NO_ENDPOINT[i];
        REFUSED(AUTH, duologue_client_set_credential(client, &key));
        SAYS("endpoint");
        CHECK(strstr(last_words(), CANARY_MARK) == NULL);
    }
    key.endpoint = "https://eu.example.org/v1?ticket=" CANARY_TOKEN;
    WORKS(duologue_client_set_credential(client, &key));
}

static void versions(void) {
    CHECK(strcmp(duologue_version(), DUOLOGUE_VERSION) == 0);
    CHECK(duologue_version_number() == DUOLOGUE_VERSION_NUMBER);
    CHECK(duologue_abi_version() == DUOLOGUE_ABI_VERSION);
    uint64_t before = duologue_clock_us();
    CHECK(before > 0 && duologue_clock_us() >= before);
}

int main(void) {
    client = client_of(NULL);
    queued = client_of("{\"delivery\": \"queue\"}");
    truth_values();
    enums();
    flags_and_masks();
    struct_sizes();
    pictures();
    engine_options();
    credentials();
    versions();
    duologue_client_destroy(client);
    duologue_client_destroy(queued);
    return check_end();
}
