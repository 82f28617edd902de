/*
 * A part of the behavioural suite (tests/behaviour) for C: the same conversations with every provider over every
 * transport, in events of the queue. Nothing here knows a provider; what cannot be done is said by a capability.
 * Arguments: provider, transport, model ("-": the provider's own), base URL, a WAV file with a question. The service
 * plays assets/workshop.json. Prints a line for each cell; ends with 0 whatever they say.
 */
#include "../../examples/c/wav.h"
#include "canary.h"

#include <duologue.h>

/* Nothing that is waited for takes so long on a machine that works. */
#define PATIENCE_US 60000000u
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Enough silence to end a turn: 24 kHz. */
enum { FRAME = 480, SILENCE = 24000 };

/* A conversation, and what was told of it so far. */
struct talk {
    duologue_client *client;
    wav question;
    size_t silence; /* still to be pushed after the question */
    int speaking;
    unsigned user_finals, answers, turns_done, playing, interrupted, calls, cut_messages, usages;
    duologue_interrupt_source cut_by;
    char user[512], said[4096];
    char call_name[64], call_arguments[256], call_id[128];
    uint32_t call_epoch;
    int cut_is_whole, heard_is_whole;
    uint64_t duration_ms, heard_ms, read, written;
    uint64_t ended_op;
    int32_t ended_result;
    char failed[256];
};

static const char *provider, *transport, *model, *base_url, *question;

static void copy(char *to, size_t size, duologue_text from) {
    snprintf(to, size, "%s", from.data == NULL ? "" : from.data);
}

static void add(char *to, size_t size, duologue_text from) {
    size_t length = strlen(to);
    snprintf(to + length, size - length, "%s ", from.data == NULL ? "" : from.data);
}

/* What was heard of an answer: all of it, or where it was cut the beginning. */
static void take_message(struct talk *talk, const duologue_message_event *message) {
    if (message->role != DUOLOGUE_ROLE_ASSISTANT) return;
    talk->cut_messages += message->interrupted;
    for (size_t i = 0; i < message->part_count; i++) {
        const duologue_part *part = message->parts[i];
        if (part->part_type != DUOLOGUE_PART_TYPE_AUDIO || part->heard_text.data == NULL) continue;
        int same = strcmp(part->heard_text.data, part->text.data) == 0;
        int begins = strncmp(part->text.data, part->heard_text.data, part->heard_text.length) == 0;
        talk->duration_ms = part->duration_ms;
        talk->heard_ms = part->heard_ms;
        talk->heard_is_whole = same && part->heard_ms == part->duration_ms;
        if (message->interrupted) talk->cut_is_whole = same || !begins || part->heard_ms > part->duration_ms;
    }
}

static void take(struct talk *talk, const duologue_event *event) {
    switch (event->kind) {
    case DUOLOGUE_EVENT_TRANSCRIPT:
        if (event->transcript->mode != DUOLOGUE_TRANSCRIPT_MODE_FINAL) break;
        if (event->transcript->role == DUOLOGUE_ROLE_USER) {
            talk->user_finals++;
            copy(talk->user, sizeof talk->user, event->transcript->text);
        } else {
            talk->answers++;
            add(talk->said, sizeof talk->said, event->transcript->text);
        }
        break;
    case DUOLOGUE_EVENT_TURN_DONE: talk->turns_done++; break;
    case DUOLOGUE_EVENT_PLAYBACK_STARTED: talk->playing++; break;
    case DUOLOGUE_EVENT_INTERRUPTED:
        talk->interrupted++;
        talk->cut_by = event->interrupted->source;
        break;
    case DUOLOGUE_EVENT_MESSAGE: take_message(talk, event->message); break;
    case DUOLOGUE_EVENT_TOOL_CALL:
        talk->calls++;
        talk->call_epoch = event->tool_call->epoch;
        copy(talk->call_id, sizeof talk->call_id, event->tool_call->call_id);
        copy(talk->call_name, sizeof talk->call_name, event->tool_call->name);
        copy(talk->call_arguments, sizeof talk->call_arguments, event->tool_call->arguments);
        break;
    case DUOLOGUE_EVENT_USAGE:
        talk->usages++;
        talk->read = event->usage->input_total;
        talk->written = event->usage->output_total;
        break;
    case DUOLOGUE_EVENT_COMPLETED:
        talk->ended_op = event->completed->op;
        talk->ended_result = event->completed->result;
        break;
    case DUOLOGUE_EVENT_STATUS:
        if (event->status->error != NULL) copy(talk->failed, sizeof talk->failed, event->status->error->message);
        break;
    default: break;
    }
}

/* As much of the question as is taken, as fast as it is taken. */
static void speak(struct talk *talk) {
    static const int16_t nothing[FRAME];
    while (talk->speaking) {
        size_t left = talk->question.frames - talk->question.next, frames = left < FRAME ? left : FRAME, taken = 0;
        const int16_t *from = talk->question.samples + talk->question.next;
        if (left == 0) {
            from = nothing;
            frames = talk->silence < FRAME ? talk->silence : FRAME;
        }
        if (frames == 0) {
            talk->speaking = 0;
            return;
        }
        duologue_result result = duologue_client_push_audio(talk->client, from, frames, 0, &taken);
        if (result != DUOLOGUE_OK) {
            if (result != DUOLOGUE_ERROR_WOULD_BLOCK) snprintf(talk->failed, sizeof talk->failed, "push: %d", (int)result);
            return;
        }
        if (left == 0) talk->silence -= taken;
        else talk->question.next += taken;
    }
}

/* One event, if one comes soon. */
static int step(struct talk *talk) {
    duologue_event *event = NULL;
    speak(talk);
    duologue_result result = duologue_client_next_event(talk->client, talk->speaking ? 2 : 20, &event);
    if (result == DUOLOGUE_OK) {
        take(talk, event);
        duologue_event_free(event);
    } else if (result != DUOLOGUE_ERROR_TIMEOUT) {
        snprintf(talk->failed, sizeof talk->failed, "next_event: %s", duologue_result_name(result));
    }
    return talk->failed[0] == 0;
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
/* A cell ends with the first thing that is not as it should be. */
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) return "line " TEXT(__LINE__) ": " #condition;                                               \
    } while (0)
#define WORKS(call) MUST((call) == DUOLOGUE_OK)
#define UNTIL(talk, condition)                                                                                         \
    do {                                                                                                               \
        uint64_t end = duologue_clock_us() + PATIENCE_US;                                                              \
        while (!(condition)) {                                                                                         \
            MUST(step(talk));                                                                                          \
            if (duologue_clock_us() > end) return "line " TEXT(__LINE__) ": never " #condition;                        \
        }                                                                                                              \
    } while (0)

static duologue_config *configuration(void) {
    static const char JSON[] = "{\"delivery\": \"queue\"}";
    duologue_config *config = NULL;
    if (duologue_config_create(JSON, &config) == DUOLOGUE_OK &&
        duologue_config_set_string(config, "provider", provider) == DUOLOGUE_OK &&
        duologue_config_set_string(config, "transport", transport) == DUOLOGUE_OK &&
        duologue_config_set_string(config, "base_url", base_url) == DUOLOGUE_OK &&
        (strcmp(model, "-") == 0 || duologue_config_set_string(config, "model", model) == DUOLOGUE_OK))
        return config;
    duologue_config_free(config);
    return NULL;
}

/* A conversation with what is other in the configuration: path and JSON, or NULL. */
static const char *connected(struct talk *talk, const char *path, const char *json) {
    duologue_credential key = {.struct_size = sizeof key, .value = CANARY_KEY};
    duologue_config *config = configuration();
    MUST(config != NULL);
    duologue_result made = path == NULL ? DUOLOGUE_OK : duologue_config_set_json(config, path, json);
    if (made == DUOLOGUE_OK) made = duologue_client_create(NULL, config, &talk->client);
    duologue_config_free(config);
    WORKS(made);
    WORKS(duologue_client_set_credential(talk->client, &key));
    WORKS(duologue_client_connect(talk->client, NULL));
    WORKS(duologue_client_wait_status(talk->client, DUOLOGUE_STATUS_CONNECTED, 30000));
    return NULL;
}

#define CONNECT(talk, path, json)                                                                                      \
    do {                                                                                                               \
        const char *why = connected(talk, path, json);                                                                 \
        if (why != NULL) return why;                                                                                   \
    } while (0)

static int ask(struct talk *talk) {
    talk->silence = SILENCE;
    return talk->speaking = wav_read(question, &talk->question);
}

static const char *text(struct talk *talk, const char *words) {
    WORKS(duologue_client_send_text(talk->client, words, 0, NULL));
    return NULL;
}

#define SAY(talk, words)                                                                                               \
    do {                                                                                                               \
        const char *why = text(talk, words);                                                                           \
        if (why != NULL) return why;                                                                                   \
    } while (0)

static const char *spoken_turn(struct talk *talk) {
    CONNECT(talk, NULL, NULL);
    MUST(ask(talk));
    UNTIL(talk, talk->user_finals > 0 && talk->turns_done > 0);
    MUST(strstr(talk->user, "lighthouse") != NULL);
    MUST(strstr(talk->said, "The first lighthouses were open fires on hills.") != NULL);
    MUST(talk->heard_is_whole && talk->heard_ms > 500);
    return NULL;
}

static const char *text_turn(struct talk *talk) {
    CONNECT(talk, NULL, NULL);
    SAY(talk, "How tall is the tallest one?");
    UNTIL(talk, strstr(talk->said, "one hundred and thirty three metres") != NULL && talk->turns_done > 0);
    return NULL;
}

static const char *tool(struct talk *talk) {
    CONNECT(talk, "tools",
            "[{\"name\": \"get_weather\", \"parameters\": {\"type\": \"object\","
            " \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"]}}]");
    SAY(talk, "What is the weather like in Paris?");
    UNTIL(talk, talk->calls > 0);
    MUST(strcmp(talk->call_name, "get_weather") == 0 && strstr(talk->call_arguments, "\"Paris\"") != NULL);
    WORKS(duologue_client_submit_tool_result(talk->client, talk->call_epoch, talk->call_id, "{\"weather\": \"sunny\"}", 0,
                                             NULL));
    UNTIL(talk, strstr(talk->said, "eighteen degrees") != NULL);
    MUST(talk->calls == 1);
    return NULL;
}

/* Cut by a voice; what was heard is what is kept, and the question that cut it is answered. */
static const char *interruption(struct talk *talk) {
    CONNECT(talk, NULL, NULL);
    SAY(talk, "Read me something long.");
    UNTIL(talk, talk->playing > 0);
    MUST(ask(talk));
    UNTIL(talk, talk->interrupted > 0);
    MUST(talk->cut_by == DUOLOGUE_INTERRUPT_SOURCE_USER);
    UNTIL(talk, strstr(talk->said, "open fires") != NULL);
    MUST(talk->cut_messages == 0 || !talk->cut_is_whole);
    return NULL;
}

/* Cut by the host; the next answer is heard again. */
static const char *host_interrupts(struct talk *talk) {
    uint64_t op = 0;
    CONNECT(talk, NULL, NULL);
    SAY(talk, "Read me something long.");
    UNTIL(talk, talk->playing > 0);
    WORKS(duologue_client_interrupt(talk->client, &op));
    UNTIL(talk, talk->ended_op == op);
    MUST(talk->ended_result == DUOLOGUE_OK);
    MUST(talk->cut_messages == 0 || !talk->cut_is_whole);
    unsigned played = talk->playing;
    SAY(talk, "How tall is the tallest one?");
    UNTIL(talk, strstr(talk->said, "one hundred and thirty three metres") != NULL && talk->playing > played);
    return NULL;
}

static const char *manual_turn(struct talk *talk) {
    CONNECT(talk, "turn_detection.mode", "\"manual\"");
    WORKS(duologue_client_start_listening(talk->client, NULL));
    MUST(ask(talk));
    talk->silence = 0;
    UNTIL(talk, !talk->speaking);
    WORKS(duologue_client_stop_listening(talk->client, NULL));
    UNTIL(talk, strstr(talk->said, "open fires") != NULL && talk->turns_done > 0);
    MUST(talk->turns_done == 1);
    return NULL;
}

static const char *update(struct talk *talk) {
    uint64_t op = 0;
    CONNECT(talk, "instructions", "\"Be kind.\"");
    WORKS(duologue_client_update_session(talk->client, "{\"instructions\": \"Be brief.\"}", &op));
    UNTIL(talk, talk->ended_op == op);
    MUST(talk->ended_result == DUOLOGUE_OK);
    SAY(talk, "How tall is the tallest one?");
    UNTIL(talk, strstr(talk->said, "one hundred and thirty three metres") != NULL);
    return NULL;
}

static const char *usage(struct talk *talk) {
    CONNECT(talk, NULL, NULL);
    SAY(talk, "What is a lighthouse?");
    UNTIL(talk, talk->usages > 0);
    MUST(talk->read > 0 && talk->written > 0);
    return NULL;
}

/* A capability that is confirmed to be missing, as `"name":false`. */
static int lacks(const char *capabilities, const char *name) {
    char field[64];
    snprintf(field, sizeof field, "\"%s\":false", name);
    return strstr(capabilities, field) != NULL;
}

/* Whether the list of that name has the word. */
static int lists(const char *capabilities, const char *name, const char *word) {
    char field[64], quoted[64];
    snprintf(field, sizeof field, "\"%s\":[", name);
    snprintf(quoted, sizeof quoted, "\"%s\"", word);
    const char *list = strstr(capabilities, field);
    const char *end = list == NULL ? NULL : strchr(list, ']');
    const char *found = list == NULL ? NULL : strstr(list, quoted);
    return found != NULL && found < end;
}

static int always(const char *capabilities) { return capabilities == NULL; }
static int no_text(const char *capabilities) { return lacks(capabilities, "text_in"); }
static int no_tools(const char *capabilities) { return lacks(capabilities, "tools"); }
static int no_manual(const char *capabilities) { return !lists(capabilities, "turn_modes", "manual"); }
static int no_usage(const char *capabilities) { return lacks(capabilities, "usage"); }
static int no_update(const char *capabilities) { return !lists(capabilities, "updates", "instructions"); }

static const struct {
    const char *name, *capability;
    int (*missing)(const char *capabilities);
    const char *(*run)(struct talk *talk);
} CELLS[] = {
    {"spoken_turn", "", always, spoken_turn},
    {"text_turn", "text_in", no_text, text_turn},
    {"tool", "tools", no_tools, tool},
    {"interruption", "", always, interruption},
    {"host_interrupts", "", always, host_interrupts},
    {"manual_turn", "turn_modes", no_manual, manual_turn},
    {"update", "updates", no_update, update},
    {"usage", "usage", no_usage, usage},
};

/* What the client says that it can do, before anything is dialled. */
static char *capabilities(void) {
    duologue_config *config = configuration();
    duologue_client *client = NULL;
    char *json = NULL;
    if (config != NULL && duologue_client_create(NULL, config, &client) == DUOLOGUE_OK)
        duologue_client_capabilities_json(client, &json);
    duologue_client_destroy(client);
    duologue_config_free(config);
    return json;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: %s PROVIDER TRANSPORT MODEL|- BASE_URL QUESTION.wav\n", argv[0]);
        return 2;
    }
    provider = argv[1], transport = argv[2], model = argv[3], base_url = argv[4], question = argv[5];
    char *can = capabilities();
    if (can == NULL) {
        char words[1024] = "";
        duologue_last_error(words, sizeof words, NULL);
        fprintf(stderr, "no client: %s\n", words);
        return 1;
    }
    for (size_t i = 0; i < COUNT(CELLS); i++) {
        if (CELLS[i].missing(can)) {
            printf("%s n/a %s\n", CELLS[i].name, CELLS[i].capability);
            continue;
        }
        struct talk talk = {0};
        const char *why = CELLS[i].run(&talk);
        duologue_client_destroy(talk.client);
        wav_free(&talk.question);
        printf("%s %s\n", CELLS[i].name, why == NULL ? "pass" : "FAIL");
        if (why != NULL)
            fprintf(stderr, "%s: %s\n  said: %s\n  failed: %s\n", CELLS[i].name, why, talk.said, talk.failed);
        fflush(stdout);
    }
    duologue_string_free(can);
    return duologue_live_clients() == 0 ? 0 : 1;
}
