/*
 * Lets the model call a function of the program. Text in and text out, to show the tool alone; in a spoken
 * conversation it is the same.
 *
 *     cc tool_call.c -o tool_call $(pkg-config --cflags --libs duologue)
 *     OPENAI_API_KEY=... ./tool_call "What is the weather like in Paris?"
 *
 * Offline, with any key: `duologue simulate` prints a URL, which goes into DUOLOGUE_BASE_URL.
 */
#include <duologue.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG \
    "{\"output_modality\": \"text\", \"instructions\": \"Be brief.\", \"tools\": [{" \
    "  \"name\": \"get_weather\"," \
    "  \"description\": \"Weather in a city\"," \
    "  \"parameters\": {" \
    "    \"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\", \"minLength\": 1}}," \
    "    \"required\": [\"city\"], \"additionalProperties\": false" \
    "  }," \
    "  \"timeout_ms\": 5000" \
    "}]}"

enum { ASKING = 0, ANSWERED, FAILED };

/* What the callbacks need. */
struct talk {
    duologue_client *client;
    atomic_int outcome;
    int called; /* touched by callbacks only, which run one after the other */
};

static int ok(duologue_result result, const char *what) {
    char words[1024] = "";
    if (result == DUOLOGUE_OK) return 1;
    duologue_last_error(words, sizeof words, NULL);
    fprintf(stderr, "%s: %s: %s\n", what, duologue_result_name(result), words);
    return 0;
}

/* The function. The arguments are JSON that fits the schema above: what does not is refused before it gets here,
 * and the model is told. A real program parses them. */
static const char *get_weather(const char *arguments) {
    if (!strstr(arguments, "Paris")) return "{\"error\": \"this example knows Paris only\"}";
    return "{\"celsius\": 18, \"sky\": \"sunny\"}";
}

static void on_tool_call(void *user_data, const duologue_tool_call_event *event) {
    struct talk *talk = user_data;
    const char *output = get_weather(event->arguments.data); /* the only function: others are refused */
    printf("%s(%s) -> %s\n", event->name.data, event->arguments.data, output);
    talk->called = 1;
    /* What takes long belongs on another thread: keep epoch and call_id, answer later. After "timeout_ms" the model
     * is told that it took too long, and a tool_timeout event comes. */
    if (!ok(duologue_client_submit_tool_result(talk->client, event->epoch, event->call_id.data, output, 0, NULL),
            "tool result")) {
        talk->outcome = FAILED;
    }
}

static void on_transcript(void *user_data, const duologue_transcript_event *event) {
    (void)user_data;
    if (event->role == DUOLOGUE_ROLE_ASSISTANT && event->mode == DUOLOGUE_TRANSCRIPT_MODE_FINAL &&
        event->stage == DUOLOGUE_TRANSCRIPT_STAGE_GENERATED) {
        printf("assistant: %s\n", event->text.data);
    }
}

static void on_response(void *user_data, const duologue_response_event *event) {
    struct talk *talk = user_data;
    if (event->envelope->kind != DUOLOGUE_EVENT_TURN_DONE) return;
    if (strcmp(event->status.data, "completed") != 0) {
        talk->outcome = FAILED;
    } else if (talk->called) {
        talk->called = 0; /* after the response that called comes the one with the answer */
    } else {
        talk->outcome = ANSWERED;
    }
    if (talk->outcome != ASKING && !ok(duologue_client_disconnect(talk->client, NULL), "disconnect")) {
        exit(1); /* cannot happen: nothing would end the program then */
    }
}

static void on_error(void *user_data, const duologue_error_event *event) {
    (void)user_data;
    fprintf(stderr, "%s: %s\n", duologue_result_name(event->result), event->message.data);
}

static int converse(struct talk *talk, const char *key, const char *question) {
    duologue_client *client = talk->client;
    duologue_credential credential = {.struct_size = sizeof credential, .value = key};
    return ok(duologue_client_set_credential(client, &credential), "credential") &&
           ok(duologue_client_set_tool_call_callback(client, on_tool_call, talk, NULL), "tool calls") &&
           ok(duologue_client_set_transcript_callback(client, on_transcript, NULL, NULL), "transcripts") &&
           ok(duologue_client_set_response_callback(client, on_response, talk, NULL), "responses") &&
           ok(duologue_client_set_error_callback(client, on_error, NULL, NULL), "errors") &&
           ok(duologue_client_connect(client, NULL), "connect") &&
           ok(duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, 10000), "connect") &&
           ok(duologue_client_send_text(client, question, 0, NULL), "question") &&
           ok(duologue_client_wait_status(client, DUOLOGUE_STATUS_IDLE, 60000), "answer") &&
           talk->outcome == ANSWERED;
}

int main(int argc, char **argv) {
    const char *key = getenv("OPENAI_API_KEY"), *url = getenv("DUOLOGUE_BASE_URL");
    if (argc != 2 || !key) {
        fprintf(stderr, "usage: OPENAI_API_KEY=... %s QUESTION\n", argv[0]);
        return 2;
    }
    struct talk talk = {NULL, ASKING, 0};
    duologue_config *config = NULL;
    int good = ok(duologue_config_create(CONFIG, &config), "configuration") &&
               (!url || ok(duologue_config_set_string(config, "base_url", url), "DUOLOGUE_BASE_URL")) &&
               ok(duologue_client_create(NULL, config, &talk.client), "client") && converse(&talk, key, argv[1]);
    duologue_client_destroy(talk.client);
    duologue_config_free(config);
    return good && duologue_live_clients() == 0 ? 0 : 1;
}
