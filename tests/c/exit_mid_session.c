/*
 * Returns from main() in the middle of a spoken turn, with clients, callbacks and waiting threads all alive:
 * the process ends in order. Arguments: the simulator's URL, a WAV file with a question.
 */
#include "events.h"

static struct signal connected = SIGNAL_INIT, speaking = SIGNAL_INIT;

static void on_any(void *user_data, const duologue_event *event) {
    (void)user_data;
    check_event(event);
    if (event->kind == DUOLOGUE_EVENT_COMPLETED && event->completed->result == DUOLOGUE_OK)
        signal_set(&connected, 1);
    if (event->kind == DUOLOGUE_EVENT_SPEECH_STARTED)
        signal_set(&speaking, 1);
}

static void *waits(void *queued) {
    duologue_event *event = NULL;
    while (duologue_client_next_event(queued, -1, &event) == DUOLOGUE_OK)
        duologue_event_free(event);
    return NULL;
}

int main(int count, char **arguments) {
    static int16_t samples[24000 * 3];
    static struct counted counted;
    duologue_credential key = {.struct_size = sizeof key, .value = CANARY_KEY};
    duologue_config *config = NULL;
    duologue_engine *engine = NULL;
    duologue_client *client = NULL;
    pthread_t thread;
    CHECK(count >= 3);
    WORKS(duologue_config_create(NULL, &config));
    WORKS(duologue_config_set_string(config, "base_url", arguments[1]));
    WORKS(duologue_engine_create(NULL, &engine));
    WORKS(duologue_client_create(engine, config, &client));
    WORKS(duologue_client_set_event_callback(client, DUOLOGUE_EVENT_MASK_ALL, on_any, &counted, count_free));
    WORKS(duologue_client_set_credential(client, &key));
    WORKS(duologue_client_connect(client, NULL));
    signal_wait(&connected, 1);

    /* Somebody waits for events meanwhile. */
    check_thread(&thread, waits, client_of("{\"delivery\": \"queue\"}"));

    FILE *file = fopen(arguments[2], "rb");
    CHECK(file != NULL && fseek(file, 44, SEEK_SET) == 0);
    size_t frames = fread(samples, sizeof *samples, COUNT(samples), file), at = 0;
    fclose(file);
    while (at < frames && signal_get(&speaking) == 0) {
        size_t block = frames - at < 480 ? frames - at : 480;
        int32_t result = duologue_client_push_audio(client, samples + at, block, 0, NULL);
        if (result == DUOLOGUE_OK)
            at += block;
        else
            ENDS(DUOLOGUE_ERROR_WOULD_BLOCK, result);
        struct timespec moment = {0, 1000000};
        nanosleep(&moment, NULL);
    }
    signal_wait(&speaking, 1);
    CHECK(duologue_live_clients() == 2);
    puts("ok");
    return 0;
}
