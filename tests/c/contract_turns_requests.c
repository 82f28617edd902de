/*
 * What a host says and asks for besides turns: pictures, context, speech on demand, options of a response, changes of
 * the session, labels, and whether a connect has a chance. Argument: the simulator's URL.
 */
#include "host.h"

static const char *url;

/* The head of a PNG file of 640 by 480 pixels; nobody decodes the rest. */
static const uint8_t PNG[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R',
                              0,    0,   2,   128, 0,  0,  1,  224, 8, 2, 0, 0,  0,   0,   0,   0, 0};

static void images(void) {
    struct host *host = host_connected("{\"output_modality\": \"text\"}", url);
    uint64_t op;

    /* The model sees it, and the conversation has it. */
    duologue_image image = {.struct_size = sizeof image, .data = PNG, .size = sizeof PNG, .text = "What is this?"};
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_image(host->client, &image, &op));
    UNTIL(host, host->turns_done == 1);
    CHECK(strcmp(host->said, "I see a PNG image of 640 by 480 pixels.") == 0);
    char *json = NULL;
    WORKS(duologue_client_state_json(host->client, &json));
    CHECK(strstr(json, "image/png") != NULL && strstr(json, "What is this?") != NULL);
    duologue_string_free(json);

    /* By URL, told apart from an answer; the answer is asked for later. */
    duologue_image by_url = {
        .struct_size = sizeof by_url,
        .flags = DUOLOGUE_SEND_NO_RESPONSE,
        .url = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAAAAAAA",
        .text = "And this?",
        .detail = DUOLOGUE_IMAGE_DETAIL_LOW,
    };
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_image(host->client, &by_url, &op));
    CHECK(strstr(host->sent, "\"detail\":\"low\"") != NULL);
    CHECK(host->turns_done == 1);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_request_response(host->client, NULL, &op));
    UNTIL(host, host->turns_done == 2);
    CHECK(strstr(host->newest_said, "Now I see a PNG image") != NULL);

    /* What the vendor does not take, with its reason. */
    unsigned items = host_sent(host, "conversation.item.create");
    by_url.url = "https://example.org/cat.png";
    ENDS_IN(DUOLOGUE_ERROR_UNSUPPORTED, "image_url", host, duologue_client_send_image(host->client, &by_url, &op));
    image.data = (const uint8_t *)"GIF89a..";
    image.size = 8;
    ENDS_IN(DUOLOGUE_ERROR_UNSUPPORTED, "image_type", host, duologue_client_send_image(host->client, &image, &op));
    image.data = (const uint8_t *)"not a picture";
    image.size = 13;
    ENDS_AS(DUOLOGUE_ERROR_INVALID_ARGUMENT, host, duologue_client_send_image(host->client, &image, &op));
    image.data = PNG;
    image.size = sizeof PNG;
    image.mime_type = "image/jpeg";
    ENDS_AS(DUOLOGUE_ERROR_INVALID_ARGUMENT, host, duologue_client_send_image(host->client, &image, &op));
    CHECK(strcmp(host->ended_field[op], "image.mime_type") == 0);
    by_url.url = "data:image/png;base64,***";
    ENDS_AS(DUOLOGUE_ERROR_INVALID_ARGUMENT, host, duologue_client_send_image(host->client, &by_url, &op));
    CHECK(host_sent(host, "conversation.item.create") == items);

    /* The largest there may be is not refused for its size, one byte more is. */
    size_t most = 2 * 1024 * 1024;
    uint8_t *large = calloc(1, most + 1);
    CHECK(large != NULL);
    memcpy(large, PNG, sizeof PNG);
    duologue_image huge = {.struct_size = sizeof huge, .flags = DUOLOGUE_SEND_NO_RESPONSE, .data = large, .size = most};
    WORKS(duologue_client_send_image(host->client, &huge, &op));
    CHECK(end_of(host, op) != DUOLOGUE_ERROR_LIMIT_EXCEEDED);
    huge.size = most + 1;
    REFUSED(LIMIT_EXCEEDED, duologue_client_send_image(host->client, &huge, NULL));
    SAYS("more than 2097152");
    REFUSED(LIMIT_EXCEEDED, duologue_client_send_video_frame(host->client, large, most + 1, NULL));

    /* A model that sees pictures and no video. */
    ENDS_IN(DUOLOGUE_ERROR_UNSUPPORTED, "video", host,
            duologue_client_send_video_frame(host->client, PNG, sizeof PNG, &op));
    free(large);

    /* A service that takes no thumbs, and a model that never speaks unasked. */
    ENDS_IN(DUOLOGUE_ERROR_UNSUPPORTED, "feedback", host,
            duologue_client_send_feedback(host->client, "item_1", NULL, &op));
    ENDS_IN(DUOLOGUE_ERROR_UNSUPPORTED, "user_activity", host,
            duologue_client_send_user_activity(host->client, &op));
    host_end(host);
}

static void context_and_say(void) {
    struct host *host = host_connected("{\"output_modality\": \"text\"}", url);
    uint64_t op;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_context(host->client, "The user opened page 3.", &op));
    CHECK(strstr(host->sent, "\"role\":\"system\"") != NULL && host_sent(host, "response.create\"") == 0);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_say(host->client, "Good \"day\".", &op));
    CHECK(*host->ended_response[op] != 0);
    UNTIL(host, host->turns_done == 1);
    CHECK(strcmp(host->said, "Good \"day\".") == 0);
    CHECK(strcmp(host->newest_response, host->ended_response[op]) == 0);
    ENDS_IN(DUOLOGUE_ERROR_INVALID_ARGUMENT, "empty_text", host, duologue_client_say(host->client, " ", &op));
    ENDS_IN(DUOLOGUE_ERROR_INVALID_ARGUMENT, "empty_text", host, duologue_client_send_context(host->client, "", &op));
    host_end(host);
}

static void per_response_options(void) {
    struct host *host = host_connected("{\"output_modality\": \"text\", \"instructions\": \"Be brief.\"}", url);
    uint64_t op;
    /* Added to the session's own, or in their place. */
    duologue_response_options how = {.struct_size = sizeof how, .instructions = "Speak like a \"pirate\"."};
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_request_response(host->client, &how, &op));
    CHECK(strstr(host->sent, "Be brief.\\n\\nSpeak like a \\\"pirate\\\".") != NULL);
    UNTIL(host, host->turns_done == 1);
    CHECK(strcmp(host->newest_response, host->ended_response[op]) == 0);
    how.json = "{\"replace_instructions\": true, \"max_output_tokens\": 17, \"metadata\": {\"page\": \"3\"}}";
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_request_response(host->client, &how, &op));
    CHECK(strstr(host->sent, "\"instructions\":\"Speak like a") != NULL);
    CHECK(strstr(host->sent, "\"page\":\"3\"") != NULL && strstr(host->sent, "17") != NULL);
    UNTIL(host, host->turns_done == 2);

    /* Outside the conversation: words under the response's name, nothing in the conversation. */
    how.instructions = "Please classify.";
    how.json = "{\"out_of_band\": true, \"input\": [{\"role\": \"user\", \"text\": \"How tall is it?\"}]}";
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_request_response(host->client, &how, &op));
    UNTIL(host, strcmp(host->newest_said, "question") == 0);
    CHECK(strcmp(host->newest_response, host->ended_response[op]) == 0);
    how.instructions = NULL;
    how.json = "{\"out_of_band\": true, \"metadata\": {\"purpose\": \"title\"}, \"input\": []}";
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_request_response(host->client, &how, &op));
    UNTIL(host, strcmp(host->newest_said, "Lighthouses") == 0);
    char *json = NULL;
    WORKS(duologue_client_state_json(host->client, &json));
    CHECK(strstr(json, "\"question\"") == NULL && strstr(json, "Lighthouses") == NULL);
    duologue_string_free(json);

    /* What contradicts itself or is out of range. */
    static const char *const WRONG[][2] = {
        {"{\"audible\": true}", "options.audible"},
        {"{\"max_output_tokens\": 4097}", "options.max_output_tokens"},
        {"{\"replace_instructions\": true}", "options.replace_instructions"},
        {"{\"out_of_band\": true, \"tools\": [{\"name\": \"a\"}]}", "options.tools"},
        {"{\"tools\": [], \"tool_choice\": {\"function\": \"a\"}}", "options.tool_choice"},
    };
    unsigned requests = host_sent(host, "response.create\"");
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        how.json = WRONG[i][0];
        ENDS_AS(DUOLOGUE_ERROR_INVALID_ARGUMENT, host, duologue_client_request_response(host->client, &how, &op));
        CHECK(strcmp(host->ended_field[op], WRONG[i][1]) == 0);
    }
    CHECK(host_sent(host, "response.create\"") == requests);
    host_end(host);
}

static void update_of_instructions(void) {
    struct host *host = host_connected("{\"output_modality\": \"text\", \"instructions\": \"Be brief.\"}", url);
    uint64_t op;
    ENDS_AS(DUOLOGUE_OK, host,
            duologue_client_update_session(host->client, "{\"instructions\": \"Answer in French.\"}", &op));
    CHECK(strstr(host->configured, "Answer in French.") != NULL);
    CHECK(host_sent(host, "session.update") == 2);

    /* Wrong fields and fields that stay, by their path; nothing is sent. */
    ENDS_AS(DUOLOGUE_ERROR_INVALID_CONFIG, host,
            duologue_client_update_session(host->client, "{\"turn_detection\": {\"mod\": \"manual\"}}", &op));
    CHECK(strcmp(host->ended_field[op], "turn_detection.mod") == 0);
    ENDS_IN(DUOLOGUE_ERROR_INVALID_CONFIG, "immutable_field", host,
            duologue_client_update_session(host->client, "{\"model\": \"gpt-realtime\"}", &op));
    CHECK(strcmp(host->ended_field[op], "model") == 0);
    CHECK(host_sent(host, "session.update") == 2);

    /* Tools and turn detection while it runs. */
    ENDS_AS(DUOLOGUE_OK, host,
            duologue_client_update_session(host->client,
                                           "{\"tools\": [{\"name\": \"get_weather\"}],"
                                           " \"turn_detection\": {\"mode\": \"manual\"}}", &op));
    host->answer = "{}";
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(host->client, "How is the weather?", 0, &op));
    UNTIL(host, strstr(host->said, "Sunny.") != NULL);
    CHECK(host->calls == 1);
    host_end(host);
}

static void voice_after_first_audio(void) {
    struct host *host = host_connected("{\"voice\": \"marin\"}", url);
    uint64_t op;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_update_session(host->client, "{\"voice\": \"cedar\"}", &op));
    CHECK(strstr(host->configured, "cedar") != NULL);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(host->client, "Can you tell me?", 0, &op));
    UNTIL(host, host->seen[DUOLOGUE_EVENT_AUDIO] > 0);
    unsigned updates = host_sent(host, "session.update");
    ENDS_IN(DUOLOGUE_ERROR_INVALID_STATE, "voice_locked", host,
            duologue_client_update_session(host->client, "{\"voice\": \"marin\"}", &op));
    CHECK(strcmp(host->ended_field[op], "voice") == 0);
    CHECK(host_sent(host, "session.update") == updates);
    host_end(host);
}

static void labels_and_availability(void) {
    struct host *host = host_of("{\"labels\": {\"tenant\": \"7\", \"room\": \"k\xc3\xbc" "che\"}}", url);
    duologue_event *event = NULL;
    char *json = NULL;
    uint64_t op;
    int can = -1;

    WORKS(duologue_client_can_connect(host->client, &can));
    CHECK(can == 0);
    WORKS(duologue_client_availability_json(host->client, &json));
    CHECK(strstr(json, "\"credential\"") != NULL && strstr(json, "missing_key") != NULL);
    CHECK(strstr(json, "\"transport\"") == NULL && strstr(json, "\"microphone\"") == NULL);
    duologue_string_free(json);
    host_key(host, CANARY_KEY);
    WORKS(duologue_client_can_connect(host->client, &can));
    CHECK(can == 1);
    WORKS(duologue_client_availability_json(host->client, &json));
    CHECK(strcmp(json, "{}") == 0);
    duologue_string_free(json);

    WORKS(duologue_client_connect(host->client, &op));
    WORKS(duologue_client_next_event(host->client, -1, &event));
    CHECK(event->label_count == 2);
    CHECK(strcmp(event->labels[0]->key.data, "room") == 0);
    CHECK(strcmp(event->labels[0]->value.data, "k\xc3\xbc" "che") == 0);
    CHECK(strcmp(event->labels[1]->key.data, "tenant") == 0);
    CHECK(strcmp(event->labels[1]->value.data, "7") == 0);
    WORKS(duologue_event_to_json(event, &json));
    CHECK(strstr(json, "\"labels\":{\"room\":") != NULL);
    duologue_string_free(json);
    host_take(host, event);
    duologue_event_free(event);
    CHECK(end_of(host, op) == DUOLOGUE_OK);
    host_end(host);

    /* None: nothing to look at. */
    host = host_of("{}", url);
    host_key(host, CANARY_KEY);
    WORKS(duologue_client_connect(host->client, &op));
    WORKS(duologue_client_next_event(host->client, -1, &event));
    CHECK(event->labels == NULL && event->label_count == 0);
    duologue_event_free(event);
    host_end(host);
}

/* The newest error stays in the state. */
static void the_state_has_the_error(void) {
    struct host *host = host_of("{}", url);
    uint64_t op;
    host_key(host, CANARY_REFUSED);
    ENDS_AS(DUOLOGUE_ERROR_AUTH, host, duologue_client_connect(host->client, &op));
    char *json = NULL;
    WORKS(duologue_client_state_json(host->client, &json));
    CHECK(strstr(json, "\"error\":{\"class\":\"credential\"") != NULL);
    CHECK(strstr(json, CANARY_MARK) == NULL);
    duologue_string_free(json);
    host_end(host);
}

/* A conversation goes on in another client. */
static void history(void) {
    struct host *first = host_connected("{\"output_modality\": \"text\"}", url);
    uint64_t op;
    char *kept = NULL, *again = NULL;
    ENDS_AS(DUOLOGUE_OK, first,
            duologue_client_send_text(first->client, "My name is Ada.", DUOLOGUE_SEND_NO_RESPONSE, &op));
    WORKS(duologue_client_export_history(first->client, &kept));
    CHECK(strstr(kept, "{\"version\":1,\"messages\":[{\"id\":") == kept);
    CHECK(strstr(kept, "My name is Ada.") != NULL);
    ENDS_IN(DUOLOGUE_ERROR_INVALID_STATE, "connected", first, duologue_client_import_history(first->client, kept, &op));
    ENDS_IN(DUOLOGUE_ERROR_INVALID_STATE, "connected", first, duologue_client_clear_history(first->client, &op));
    host_end(first);

    struct host *second = host_of("{\"output_modality\": \"text\", \"raw_events\": \"all\"}", url);
    ENDS_AS(DUOLOGUE_OK, second, duologue_client_import_history(second->client, kept, &op));
    WORKS(duologue_client_export_history(second->client, &again));
    CHECK(strcmp(kept, again) == 0);
    duologue_string_free(again);
    host_key(second, CANARY_KEY);
    ENDS_AS(DUOLOGUE_OK, second, duologue_client_connect(second->client, &op));
    UNTIL(second, strcmp(second->replaced_why, "connect") == 0);
    CHECK(strcmp(second->replaced_context, "full") == 0);
    CHECK(strstr(second->sent, "My name is Ada.") != NULL);
    ENDS_AS(DUOLOGUE_OK, second, duologue_client_disconnect(second->client, &op));
    ENDS_AS(DUOLOGUE_OK, second, duologue_client_clear_history(second->client, &op));
    WORKS(duologue_client_export_history(second->client, &again));
    CHECK(strcmp(again, "{\"version\":1,\"messages\":[]}") == 0);
    duologue_string_free(again);

    /* What is no transcript is refused at once, with its path. */
    char words[256];
    const char *wrong = "{\"version\": 1, \"messages\": [{\"role\": \"bot\", \"parts\": []}]}";
    REFUSED(INVALID_ARGUMENT, duologue_client_import_history(second->client, wrong, NULL));
    WORKS(duologue_last_error(words, sizeof words, NULL));
    CHECK(strstr(words, "messages[0].role: \"bot\" is none of the accepted words") == words);
    REFUSED(INVALID_JSON, duologue_client_import_history(second->client, "{", NULL));
    REFUSED(INVALID_UTF8, duologue_client_import_history(second->client, "\xff", NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_import_history(second->client, NULL, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_export_history(second->client, NULL));
    WORKS(duologue_transcript_schema(&again));
    CHECK(strstr(again, "\"heard_transcript\"") != NULL);
    duologue_string_free(again);
    duologue_string_free(kept);
    host_end(second);
}

static void network(void) {
    struct host *host = host_connected("{}", url);
    uint64_t op;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_ping(host->client, &op));
    CHECK(host->round_trip_us[op] > 0);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_network_changed(host->client, &op));
    CHECK(host->round_trip_us[op] == 0);
    UNTIL(host, strcmp(host->reconnecting, "network_changed") == 0);
    UNTIL(host, strcmp(host->replaced_why, "reconnect") == 0);
    UNTIL(host, host->status == DUOLOGUE_STATUS_CONNECTED);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(host->client, &op));
    ENDS_IN(DUOLOGUE_ERROR_INVALID_STATE, "not_connected", host, duologue_client_ping(host->client, &op));
    ENDS_IN(DUOLOGUE_ERROR_INVALID_STATE, "not_connected", host, duologue_client_network_changed(host->client, &op));
    host_end(host);
}

int main(int count, char **arguments) {
    CHECK(count >= 2);
    url = arguments[1];
    images();
    context_and_say();
    per_response_options();
    update_of_instructions();
    voice_after_first_audio();
    labels_and_availability();
    the_state_has_the_error();
    history();
    network();
    return check_end();
}
