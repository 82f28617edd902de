/* Audio of the host: who may push and pull, how much, with which times, and that nothing ever waits. */
#include "check.h"

enum { SECOND = 24000 };

/* Unlike other outputs, how many frames were taken or given is told with every failure as well: none. */
#define NONE(code, output, call)                                                                                       \
    do {                                                                                                               \
        PREFILL(output);                                                                                               \
        REFUSED(code, call);                                                                                           \
        CHECK((output) == 0);                                                                                          \
    } while (0)

static int16_t audio[2 * SECOND];

static void pushing(void) {
    duologue_client *client = client_of(NULL);
    size_t accepted;
    /* A block, a single frame, nothing, half a second. */
    PREFILL(accepted);
    WORKS(duologue_client_push_audio(client, audio, 480, 0, &accepted));
    CHECK(accepted == 480);
    WORKS(duologue_client_push_audio(client, audio, 1, 0, &accepted));
    CHECK(accepted == 1);
    PREFILL(accepted);
    WORKS(duologue_client_push_audio(client, audio, 0, 0, &accepted));
    CHECK(accepted == 0);
    WORKS(duologue_client_push_audio(client, NULL, 0, 0, &accepted));

    /* More than half a second at once is a mistake, however much room there is. */
    NONE(INVALID_ARGUMENT, accepted, duologue_client_push_audio(client, audio, SECOND / 2 + 1, 0, &accepted));
    NONE(INVALID_ARGUMENT, accepted, duologue_client_push_audio(client, audio, COUNT(audio), 0, &accepted));
    /* Lengths no audio has are not followed. */
    NONE(INVALID_ARGUMENT, accepted, duologue_client_push_audio(client, audio, SIZE_MAX, 0, &accepted));
    NONE(INVALID_ARGUMENT, accepted, duologue_client_push_audio(client, audio, SIZE_MAX / 2, 0, &accepted));
    duologue_client_destroy(client);
}

/* Half a second can wait; a block that does not fit is taken not at all. */
static void full(void) {
    duologue_client *client = client_of(NULL);
    size_t accepted;
    int refused = 0;
    WORKS(duologue_client_set_capture(client, 1, NULL));
    for (int i = 0; i < 2000; i++) {
        PREFILL(accepted);
        int32_t result = duologue_client_push_audio(client, audio, SECOND / 4, 0, &accepted);
        if (result == DUOLOGUE_OK) {
            CHECK(accepted == SECOND / 4);
        } else {
            ENDS(DUOLOGUE_ERROR_WOULD_BLOCK, result);
            CHECK(accepted == 0);
            refused++;
        }
    }
    /* Nobody takes audio from a client that is not connected faster than it can be pushed. */
    CHECK(refused > 0);
    duologue_client_destroy(client);
}

static void times(void) {
    duologue_client *client = client_of(NULL);
    duologue_client *pulled = client_of("{\"audio\": {\"output\": {\"delivery\": \"pull\"}}}");
    size_t accepted;
    uint64_t now = duologue_clock_us();
    WORKS(duologue_client_push_audio(client, audio, 10, now, NULL));
    WORKS(duologue_client_push_audio(client, audio, 10, now > 1000000 ? now - 1000000 : 1, NULL));
    NONE(INVALID_ARGUMENT, accepted, duologue_client_push_audio(client, audio, 10, UINT64_MAX, &accepted));
    SAYS("captured_at_us");
    NONE(INVALID_ARGUMENT, accepted, duologue_client_push_audio(client, audio, 10, duologue_clock_us() + 60000000, &accepted));
    now = duologue_clock_us();
    if (now > 11000000) { /* the clock may have started with the machine */
        NONE(INVALID_ARGUMENT, accepted, duologue_client_push_audio(client, audio, 10, now - 11000000, &accepted));
        SAYS("captured_at_us");
        NONE(INVALID_ARGUMENT, accepted, duologue_client_push_audio(client, audio, 10, 1, &accepted));
    }
    /* When a frame will be heard is a guess, so no guess is refused. */
    WORKS(duologue_client_pull_audio(pulled, audio, 10, 1, NULL));
    WORKS(duologue_client_pull_audio(pulled, audio, 10, duologue_clock_us() + 20000, NULL));
    WORKS(duologue_client_pull_audio(pulled, audio, 10, UINT64_MAX, NULL));
    duologue_client_destroy(client);
    duologue_client_destroy(pulled);
}

static void pulling(void) {
    duologue_client *client = client_of("{\"audio\": {\"output\": {\"delivery\": \"pull\", \"rate\": 48000}}}");
    static const size_t LENGTHS[] = {0, 1, 2, 3, 479, 480, 481, 4096, COUNT(audio)};
    size_t frames;
    for (size_t i = 0; i < COUNT(LENGTHS); i++) {
        memset(audio, 0x7f, sizeof audio);
        PREFILL(frames);
        WORKS(duologue_client_pull_audio(client, audio, LENGTHS[i], 0, &frames));
        CHECK(frames == 0);
        for (size_t at = 0; at < COUNT(audio); at++)
            CHECK(audio[at] == (at < LENGTHS[i] ? 0 : 0x7f7f));
    }
    /* Absurd lengths touch nothing. */
    memset(audio, 0x7f, sizeof audio);
    NONE(INVALID_ARGUMENT, frames, duologue_client_pull_audio(client, audio, SIZE_MAX, 0, &frames));
    NONE(INVALID_ARGUMENT, frames, duologue_client_pull_audio(client, audio, SIZE_MAX / 2, 0, &frames));
    NONE(NULL_ARGUMENT, frames, duologue_client_pull_audio(client, NULL, 1, 0, &frames));
    CHECK(audio[0] == 0x7f7f);
    memset(audio, 0, sizeof audio);

    /* A host that does not pull gets silence and is told. */
    duologue_client *events = client_of(NULL);
    memset(audio, 0x7f, 20);
    NONE(INVALID_STATE, frames, duologue_client_pull_audio(events, audio, 10, 0, &frames));
    for (int i = 0; i < 10; i++)
        CHECK(audio[i] == 0);
    duologue_client_destroy(events);
    duologue_client_destroy(client);
}

static void rates(void) {
    static const int RATES[] = {8000, 16000, 22050, 44100, 48000, 192000};
    for (size_t i = 0; i < COUNT(RATES); i++) {
        duologue_config *config = NULL;
        duologue_client *client = NULL;
        size_t accepted;
        WORKS(duologue_config_create(NULL, &config));
        WORKS(duologue_config_set_int(config, "audio.input.rate", RATES[i]));
        WORKS(duologue_config_set_int(config, "audio.output.rate", RATES[i]));
        WORKS(duologue_config_set_string(config, "audio.output.delivery", "pull"));
        WORKS(duologue_client_create(NULL, config, &client));
        duologue_config_free(config);
        /* Half a second at that rate. */
        int16_t *half = calloc((size_t)RATES[i] / 2 + 1, sizeof *half);
        CHECK(half != NULL);
        WORKS(duologue_client_push_audio(client, half, (size_t)RATES[i] / 50, 0, &accepted));
        CHECK(accepted == (size_t)RATES[i] / 50);
        REFUSED(INVALID_ARGUMENT, duologue_client_push_audio(client, half, (size_t)RATES[i] / 2 + 1, 0, NULL));
        WORKS(duologue_client_pull_audio(client, half, (size_t)RATES[i] / 2, 0, NULL));
        free(half);
        duologue_client_destroy(client);
    }
}

static void reporting(void) {
    duologue_client *client = client_of("{\"audio\": {\"output\": {\"positions\": \"reported\"}}}");
    char item[200];
    memset(item, 'i', sizeof item);
    item[128] = 0;
    int32_t result = duologue_client_report_playback(client, item, 0, 20, 5);
    CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK);
    item[128] = 'i';
    item[129] = 0;
    REFUSED(INVALID_ARGUMENT, duologue_client_report_playback(client, item, 0, 20, 5));
    SAYS("item");
    /* What nobody knows, and numbers that make no sense, are no errors: reports may cross an interruption. */
    static const uint64_t ODD[] = {0, 1, UINT64_MAX, UINT64_MAX / 2};
    for (size_t played = 0; played < COUNT(ODD); played++)
        for (size_t latency = 0; latency < COUNT(ODD); latency++) {
            result = duologue_client_report_playback(client, "nothing", UINT32_MAX, ODD[played], ODD[latency]);
            CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK);
        }
    result = duologue_client_report_playback(client, "", 0, 0, 0);
    CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK);
    /* Never more than can wait, and never waiting. */
    for (int i = 0; i < 3000; i++) {
        result = duologue_client_report_playback(client, "item", 0, (uint64_t)i, 0);
        CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK);
    }
    duologue_client_destroy(client);
}

/* Pushing and pulling while clients come and go: only ever taken, come again, or gone. */
struct user {
    _Atomic(duologue_client *) client;
    atomic_int stop;
};

static void *uses(void *argument) {
    struct user *user = argument;
    int16_t block[480] = {0};
    while (!atomic_load(&user->stop)) {
        duologue_client *client = atomic_load(&user->client);
        size_t frames;
        int32_t result = duologue_client_push_audio(client, block, 480, 0, &frames);
        CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK || result == DUOLOGUE_ERROR_INVALID_HANDLE ||
              result == DUOLOGUE_ERROR_CLOSED);
        memset(block, 0x11, sizeof block);
        result = duologue_client_pull_audio(client, block, 480, 0, &frames);
        CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK || result == DUOLOGUE_ERROR_INVALID_HANDLE ||
              result == DUOLOGUE_ERROR_CLOSED);
        CHECK(block[0] == 0 && block[479] == 0);
        result = duologue_client_report_playback(client, "item", 0, 20, 0);
        CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK || result == DUOLOGUE_ERROR_INVALID_HANDLE ||
              result == DUOLOGUE_ERROR_CLOSED);
    }
    return NULL;
}

static void while_clients_come_and_go(void) {
    struct user user = {0};
    pthread_t threads[2];
    const char *json = "{\"audio\": {\"output\": {\"delivery\": \"pull\", \"positions\": \"reported\"}}}";
    atomic_store(&user.client, client_of(json));
    for (size_t i = 0; i < COUNT(threads); i++)
        check_thread(&threads[i], uses, &user);
    for (int i = 0; i < 60; i++) {
        duologue_client *fresh = client_of(json);
        duologue_client_destroy(atomic_exchange(&user.client, fresh));
    }
    atomic_store(&user.stop, 1);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    duologue_client_destroy(atomic_load(&user.client));
}

int main(void) {
    pushing();
    full();
    times();
    pulling();
    rates();
    reporting();
    while_clients_come_and_go();
    return check_end();
}
