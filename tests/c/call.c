/* A call over WebRTC: connected, answered aloud, and its media counted. Argument: the simulator's URL. */
#include "check.h"

static void answered(duologue_client *client) {
    for (int over = 0; !over;) {
        duologue_event *event = NULL;
        WORKS(duologue_client_next_event(client, 60000, &event));
        CHECK(event->kind != DUOLOGUE_EVENT_TRANSPORT_CHANGED);
        over = event->kind == DUOLOGUE_EVENT_TURN_DONE;
        duologue_event_free(event);
    }
}

int main(int argc, char **argv) {
    static const char CONFIG[] = "{\"transport\": \"auto\", \"delivery\": \"queue\", \"audio\": {\"input\": {\"source\": \"none\"}}}";
    duologue_credential credential = {.struct_size = sizeof credential, .value = CANARY_KEY};
    duologue_config *config = NULL;
    duologue_client *client = NULL;
    char *json = NULL;
    CHECK(argc == 2);
    WORKS(duologue_config_create(CONFIG, &config));
    WORKS(duologue_config_set_string(config, "base_url", argv[1]));
    WORKS(duologue_client_create(NULL, config, &client));
    WORKS(duologue_client_set_credential(client, &credential));
    WORKS(duologue_client_connect(client, NULL));
    WORKS(duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, 30000));
    WORKS(duologue_client_send_text(client, "Tell me something.", 0, NULL));
    answered(client);
    WORKS(duologue_client_stats_json(client, &json));
    CHECK(strstr(json, "\"media\":{\"packets\":") != NULL && strstr(json, "\"packets\":0,") == NULL);
    duologue_string_free(json);
    WORKS(duologue_client_disconnect(client, NULL));
    WORKS(duologue_client_wait_status(client, DUOLOGUE_STATUS_IDLE, 10000));
    duologue_client_destroy(client);
    duologue_config_free(config);
    CHECK(duologue_live_clients() == 0);
    puts("done");
    return 0;
}
