/*
 * A written conversation: each line of the standard input is a message, the answer appears as it comes.
 *
 *     cc text_only.c -o text_only $(pkg-config --cflags --libs duologue)
 *     echo "Why is the sky blue?" | OPENAI_API_KEY=... ./text_only
 *
 * Offline, with any key: `duologue simulate` prints a URL, which goes into DUOLOGUE_BASE_URL.
 */
#include <duologue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG \
    "{\"output_modality\": \"text\", \"delivery\": \"queue\"," \
    " \"audio\": {\"input\": {\"source\": \"none\"}, \"output\": {\"source\": \"none\"}}}"

static int ok(duologue_result result, const char *what) {
    char words[1024] = "";
    if (result == DUOLOGUE_OK) return 1;
    duologue_last_error(words, sizeof words, NULL);
    fprintf(stderr, "%s: %s: %s\n", what, duologue_result_name(result), words);
    return 0;
}

/* Prints the answer; 1 when it is complete. */
static int answer(duologue_client *client) {
    int good = 0, over = 0;
    while (!over) {
        duologue_event *event = NULL;
        if (!ok(duologue_client_next_event(client, 60000, &event), "answer")) return 0;
        switch (event->kind) {
        case DUOLOGUE_EVENT_TRANSCRIPT:
            if (event->transcript->role == DUOLOGUE_ROLE_ASSISTANT &&
                event->transcript->mode == DUOLOGUE_TRANSCRIPT_MODE_DELTA) {
                fputs(event->transcript->text.data, stdout);
                fflush(stdout);
            }
            break;
        case DUOLOGUE_EVENT_TURN_DONE:
            puts("");
            good = strcmp(event->response_end->status.data, "completed") == 0;
            over = 1;
            break;
        case DUOLOGUE_EVENT_ERROR:
            fprintf(stderr, "%s: %s\n", duologue_result_name(event->error->result), event->error->message.data);
            over = event->error->fatal;
            break;
        default:
            break;
        }
        duologue_event_free(event);
    }
    return good;
}

static int converse(duologue_client *client, const char *key) {
    duologue_credential credential = {.struct_size = sizeof credential, .value = key};
    char line[4096];
    if (!ok(duologue_client_set_credential(client, &credential), "credential") ||
        !ok(duologue_client_connect(client, NULL), "connect") ||
        !ok(duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, 10000), "connect")) return 0;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!ok(duologue_client_send_text(client, line, 0, NULL), "message") || !answer(client)) return 0;
    }
    return ok(duologue_client_disconnect(client, NULL), "disconnect") &&
           ok(duologue_client_wait_status(client, DUOLOGUE_STATUS_IDLE, 5000), "disconnect");
}

int main(void) {
    const char *key = getenv("OPENAI_API_KEY"), *url = getenv("DUOLOGUE_BASE_URL");
    duologue_config *config = NULL;
    duologue_client *client = NULL;
    if (!key) {
        fprintf(stderr, "OPENAI_API_KEY is not set\n");
        return 2;
    }
    int good = ok(duologue_config_create(CONFIG, &config), "configuration") &&
               (!url || ok(duologue_config_set_string(config, "base_url", url), "DUOLOGUE_BASE_URL")) &&
               ok(duologue_client_create(NULL, config, &client), "client") && converse(client, key);
    duologue_client_destroy(client);
    duologue_config_free(config);
    return good && duologue_live_clients() == 0 ? 0 : 1;
}
