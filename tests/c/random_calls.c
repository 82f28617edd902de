/*
 * Any call, in any order, with any argument that is not a wild data pointer: nothing may crash, hang or leak, and a
 * clean end has to be possible afterwards. Arguments: a seed, how many calls, and perhaps the simulator's URL.
 */
#include "random_callbacks.h"
#include "random_commands.h"
#include "random_drawing.h"
#include <math.h>

enum { EVENTS = 16, STRINGS = 16 };

static duologue_event *events[EVENTS];
static char *strings[STRINGS];
static unsigned long results[256], refused_calls;

/* Remembers how a call ended. */
static void note(int32_t result) {
    CHECK(result <= 0 && result > -100);
    CHECK(strcmp(duologue_result_name(result), "UNKNOWN") != 0);
    CHECK(result != DUOLOGUE_ERROR_PANIC && result != DUOLOGUE_ERROR_INTERNAL);
    results[-result]++;
    refused_calls += result != 0;
}

/* Puts a text that came from the library where another was, which is freed. */
static void keep_string(int32_t result, char **out) {
    char *string = *out; /* read after the call, whose result is the other argument */
    note(result);
    if (result == DUOLOGUE_OK) {
        char **place = &strings[below(STRINGS)];
        CHECK(strlen(string) > 0);
        duologue_string_free(*place);
        *place = string;
    } else {
        CHECK(string == NULL);
    }
}

static void forget(void *handle) {
    if (handle != NULL)
        stale[below(STALE)] = handle;
}

static void make_config(void) {
    void **place = &configs[below(CONFIGS)];
    duologue_config *config = NULL;
    int32_t result = chance(3) ? duologue_config_copy(any_config(), any_changes(), chance(20) ? NULL : &config)
                               : duologue_config_create(any_document(), chance(20) ? NULL : &config);
    note(result);
    if (result != DUOLOGUE_OK)
        return;
    /* None of these may dial where real people answer. */
    WORKS(duologue_config_set_string(config, "base_url", url));
    duologue_config_free(*place);
    forget(*place);
    *place = config;
}

static void make_client(void) {
    unsigned at = below(CLIENTS);
    duologue_client *client = NULL;
    duologue_config *config = chance(6) ? NULL : any_config();
    int32_t result = duologue_client_create(chance(2) ? NULL : any_engine(), config, chance(20) ? NULL : &client);
    note(result);
    if (result != DUOLOGUE_OK) {
        CHECK(client == NULL);
        return;
    }
    duologue_client_destroy(clients[at]);
    forget(clients[at]);
    clients[at] = client;
    may_dial[at] = config != NULL;
    /* Most have a session soon, so that the calls meet one. */
    if (may_dial[at] && !chance(3)) {
        duologue_credential key = {.struct_size = sizeof key, .value = CANARY_KEY};
        struct given *given = new_given(client);
        note(duologue_client_set_credential(client, &key));
        note(duologue_client_set_event_callback(client, DUOLOGUE_EVENT_MASK_ALL, called_sink, given, given_free));
        note(duologue_client_connect(client, NULL));
    }
}

static void make_engine(void) {
    void **place = &engines[below(ENGINES)];
    struct {
        duologue_engine_options known;
        uint64_t tail[2];
    } options = {{sizeof options.known, 0, 0, 0, NULL, NULL, NULL}, {0, 0}};
    duologue_engine *engine = NULL;
    struct given *given = NULL;
    if (chance(3))
        options.known.struct_size = below(sizeof options + 1);
    if (chance(3))
        options.known.callback_threads = (uint32_t)any_int();
    if (chance(3))
        options.known.max_callback_threads = (uint32_t)any_int();
    if (chance(8))
        options.known.reserved = 1;
    /* Only where the struct says that it has all of them: otherwise nobody frees. */
    if (chance(2) && options.known.struct_size >= sizeof options.known) {
        given = new_given(NULL);
        options.known.thread_start = chance(2) ? thread_starts : NULL;
        options.known.thread_start_user_data = given;
        options.known.thread_start_free = given_free;
    }
    int32_t result = duologue_engine_create(chance(4) && given == NULL ? NULL : &options.known, chance(20) ? NULL : &engine);
    note(result);
    if (result != DUOLOGUE_OK) {
        CHECK(engine == NULL);
        return;
    }
    duologue_engine_destroy(*place);
    forget(*place);
    *place = engine;
}

static void audio(void) {
    static int16_t samples[48000];
    static const size_t LENGTHS[] = {0, 1, 2, 80, 480, 960, 12000, 12001, 24000, 48000};
    size_t frames = 0, length = LENGTHS[below(COUNT(LENGTHS))];
    int16_t *buffer = chance(20) ? NULL : samples;
    uint64_t time = chance(2) ? 0 : chance(2) ? duologue_clock_us() - below(2000000) : any_number();
    if (chance(30))
        length = SIZE_MAX - below(1000); /* no buffer is that long: refused, not followed */
    switch (below(3)) {
    case 0:
        note(duologue_client_push_audio(any_client(), buffer, length, time, chance(3) ? NULL : &frames));
        break;
    case 1:
        note(duologue_client_pull_audio(any_client(), buffer, length, time, chance(3) ? NULL : &frames));
        break;
    default:
        note(duologue_client_report_playback(any_client(), any_text(), random_number(), any_number(), any_number()));
    }
    CHECK(frames <= length);
}

static void read_client(void) {
    char *json = NULL;
    char **out = chance(20) ? NULL : &json;
    duologue_status status;
    duologue_mode mode;
    int fd = -1, can = -1;
    int32_t result;
    switch (below(10)) {
    case 0:
        keep_string(duologue_client_state_json(any_client(), out), &json);
        break;
    case 1:
        keep_string(duologue_client_stats_json(any_client(), out), &json);
        break;
    case 2:
        keep_string(duologue_client_capabilities_json(any_client(), out), &json);
        break;
    case 3:
        keep_string(duologue_client_config_json(any_client(), out), &json);
        break;
    case 4:
        note(duologue_client_status(any_client(), chance(20) ? NULL : &status));
        break;
    case 5:
        note(duologue_client_mode(any_client(), chance(20) ? NULL : &mode));
        break;
    case 6:
        keep_string(duologue_client_availability_json(any_client(), out), &json);
        break;
    case 7:
        result = duologue_client_can_connect(any_client(), chance(20) ? NULL : &can);
        note(result);
        CHECK((result == DUOLOGUE_OK) == (can == 0 || can == 1));
        break;
    case 8:
        note(duologue_client_wait_status(any_client(), any_int(), (int32_t)below(2)));
        break;
    default:
        result = duologue_client_wakeup_fd(any_client(), chance(20) ? NULL : &fd);
        note(result);
        CHECK((result == DUOLOGUE_OK) == (fd >= 0));
    }
}

static void queue(void) {
    duologue_event *event = NULL;
    unsigned at = below(EVENTS);
    int32_t result;
    switch (below(4)) {
    case 0:
        note(duologue_client_set_event_mask(any_client(), any_mask()));
        break;
    case 1:
        if (events[at] != NULL) {
            char *json = NULL;
            check_event(events[at]);
            keep_string(duologue_event_to_json(events[at], &json), &json);
        } else {
            note(duologue_event_to_json(NULL, NULL));
        }
        break;
    default:
        result = duologue_client_next_event(any_client(), chance(20), chance(20) ? NULL : &event);
        note(result);
        if (result == DUOLOGUE_OK) {
            check_event(event);
            duologue_event_free(events[at]);
            events[at] = event;
        } else {
            CHECK(event == NULL);
        }
    }
}

static void set_config(void) {
    duologue_config *config = any_config();
    const char *path = any_path();
    char *json = NULL;
    switch (below(7)) {
    case 0:
        note(duologue_config_set_string(config, path, any_text()));
        break;
    case 1:
        note(duologue_config_set_int(config, path, (int64_t)any_number()));
        break;
    case 2: {
        static const double DOUBLES[] = {0, 0.5, 1, -1, 1.25, 1e308, -1e-300, 48000};
        double value = chance(10) ? NAN : chance(10) ? INFINITY : DOUBLES[below(COUNT(DOUBLES))];
        note(duologue_config_set_double(config, path, value));
        break;
    }
    case 3:
        note(duologue_config_set_bool(config, path, any_int()));
        break;
    case 4:
        note(duologue_config_set_json(config, path, any_text()));
        break;
    case 5:
        keep_string(duologue_config_to_json(config, chance(20) ? NULL : &json), &json);
        break;
    default:
        note(duologue_config_validate(any_document()));
    }
}

static void last_error(void) {
    char words[300], *json = NULL;
    size_t needed = 0, capacity = below(sizeof words + 1);
    switch (below(3)) {
    case 0:
        note(duologue_last_error(chance(8) ? NULL : words, capacity, chance(3) ? NULL : &needed));
        break;
    case 1: {
        int32_t result = duologue_last_error_json(chance(20) ? NULL : &json);
        keep_string(result, &json);
        break;
    }
    default:
        CHECK(duologue_result_name((int32_t)random_number()) != NULL);
        CHECK(duologue_result_name(any_int()) != NULL);
        CHECK(duologue_version() != NULL && duologue_version_number() > 0 && duologue_abi_version() > 0);
        (void)duologue_live_clients();
        (void)duologue_clock_us();
    }
}

static void log_callback(void) {
    struct given *given = chance(4) ? NULL : new_given(NULL);
    note(duologue_set_log_callback(any_int(), given != NULL && !chance(3) ? on_line : NULL, given,
                                   given == NULL ? NULL : given_free));
}

static void destroy(void) {
    unsigned at;
    switch (below(8)) {
    case 0:
        at = below(CLIENTS);
        duologue_client_destroy(clients[at]);
        forget(clients[at]);
        if (chance(2))
            clients[at] = NULL;
        break;
    case 1:
        at = below(CONFIGS);
        duologue_config_free(configs[at]);
        forget(configs[at]);
        break;
    case 2:
        at = below(ENGINES);
        duologue_engine_destroy(engines[at]);
        forget(engines[at]);
        break;
    case 3:
        /* Handles of another type end nothing. */
        duologue_client_destroy(configs[below(CONFIGS)]);
        duologue_config_free(engines[below(ENGINES)]);
        duologue_engine_destroy(clients[below(CLIENTS)]);
        break;
    case 4:
        duologue_client_destroy(stale[below(STALE)]);
        duologue_config_free(stale[below(STALE)]);
        duologue_engine_destroy(stale[below(STALE)]);
        break;
    case 5:
        at = below(EVENTS);
        duologue_event_free(events[at]);
        events[at] = NULL;
        break;
    default:
        at = below(STRINGS);
        duologue_string_free(strings[at]);
        strings[at] = NULL;
    }
}

static void schema(void) {
    char *json = NULL;
    if (chance(8))
        keep_string(duologue_config_schema(chance(8) ? NULL : &json), &json);
}

int main(int count, char **arguments) {
    unsigned long long seed = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
    unsigned long calls = count > 2 ? strtoul(arguments[2], NULL, 0) : 100000;
    if (count > 3)
        url = arguments[3];
    random_state = seed;
    printf("seed %llu, %lu calls\n", seed, calls);
    fflush(stdout);

    enum { HUGE_BYTES = 300 * 1024, DEEP = 20000 };
    huge = malloc(HUGE_BYTES + 1);
    deep_path = malloc(2 * DEEP + 8);
    deep_json = malloc(DEEP + 1);
    CHECK(huge != NULL && deep_path != NULL && deep_json != NULL);
    memset(huge, 'h', HUGE_BYTES);
    huge[HUGE_BYTES] = 0;
    memset(deep_json, '[', DEEP);
    deep_json[DEEP] = 0;
    strcpy(deep_path, "extra");
    for (int i = 0; i < DEEP; i++)
        memcpy(deep_path + 5 + 2 * i, ".a", 3);

    for (unsigned long i = 0; i < calls; i++) {
        /* The other side needs a moment now and then. */
        if (i % 250 == 0) {
            struct timespec moment = {0, 2000000};
            nanosleep(&moment, NULL);
        }
        switch (below(42)) {
        case 40:
        case 41:
            drawing();
            break;
        case 0:
            if (chance(2))
                make_client();
            break;
        case 1:
        case 2:
        case 3:
            make_config();
            break;
        case 4:
            make_engine();
            break;
        case 5:
            destroy();
            break;
        case 6:
            log_callback();
            break;
        case 7:
            schema();
            break;
        case 8:
        case 9:
            last_error();
            break;
        case 10:
        case 11:
        case 12:
            credential();
            break;
        case 13:
        case 14:
        case 15:
        case 16:
            set_config();
            break;
        case 17:
        case 18:
        case 19:
        case 20:
        case 21:
            note(any_callback());
            break;
        case 22:
        case 23:
        case 24:
        case 25:
            queue();
            break;
        case 26:
        case 27:
        case 28:
        case 29:
            read_client();
            break;
        case 30:
        case 31:
        case 32:
        case 33:
            audio();
            break;
        default:
            command();
        }
    }

    end_drawing();
    for (size_t i = 0; i < CLIENTS; i++)
        duologue_client_destroy(clients[i]);
    for (size_t i = 0; i < CONFIGS; i++)
        duologue_config_free(configs[i]);
    for (size_t i = 0; i < ENGINES; i++)
        duologue_engine_destroy(engines[i]);
    for (size_t i = 0; i < EVENTS; i++)
        duologue_event_free(events[i]);
    for (size_t i = 0; i < STRINGS; i++)
        duologue_string_free(strings[i]);
    WORKS(duologue_set_log_callback(DUOLOGUE_LOG_LEVEL_OFF, NULL, NULL, NULL));
    /* Threads of engines, and lines of the log, may be on their way out. The runner ends what never comes. */
    while (atomic_load(&frees) != atomic_load(&registrations)) {
        struct timespec millisecond = {0, 1000000};
        nanosleep(&millisecond, NULL);
    }
    free(huge);
    free(deep_path);
    free(deep_json);

    printf("%lu refused; %lu registrations, %lu frees, %lu callbacks;", refused_calls, atomic_load(&registrations),
           atomic_load(&frees), atomic_load(&called));
    for (int code = 0; code < 256; code++)
        if (results[code] > 0)
            printf(" %s %lu", duologue_result_name(-code), results[code]);
    puts("");
    /* It was not all refused. */
    CHECK(results[0] > calls / 20 && atomic_load(&called) > 0);
    return check_end();
}
