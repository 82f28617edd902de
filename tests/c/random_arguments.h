/* What random_calls.c gives to the library: mostly good, often odd, never a wild pointer to data. */
#ifndef DUOLOGUE_TESTS_RANDOM_ARGUMENTS_H
#define DUOLOGUE_TESTS_RANDOM_ARGUMENTS_H

#include "events.h"

enum { CLIENTS = 12, CONFIGS = 8, ENGINES = 3, STALE = 64 };

static void *clients[CLIENTS], *configs[CONFIGS], *engines[ENGINES];
static int may_dial[CLIENTS];
static void *stale[STALE];
static char *huge, *deep_path, *deep_json;

/* The same for every run of a seed: only this thread draws. */
static uint64_t random_state;

static uint32_t random_number(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static unsigned below(unsigned bound) {
    return random_number() % bound;
}

static int chance(unsigned in) {
    return below(in) == 0;
}

/* A handle: mostly a living one of its type, else anything else. */
static void *any_handle(void *const *living, size_t count) {
    switch (below(12)) {
    case 0:
        return NULL;
    case 1:
        return stale[below(STALE)];
    case 2:
        return clients[below(CLIENTS)];
    case 3:
        return configs[below(CONFIGS)];
    case 4:
        return chance(2) ? engines[below(ENGINES)] : (void *)(uintptr_t)below(100000);
    default:
        return living[below((unsigned)count)];
    }
}

static duologue_client *any_client(void) {
    return any_handle(clients, CLIENTS);
}

static duologue_config *any_config(void) {
    return any_handle(configs, CONFIGS);
}

static duologue_engine *any_engine(void) {
    return any_handle(engines, ENGINES);
}

static const char *any_text(void) {
    static const char *const TEXTS[] = {
        "", " ", "a", "hello", "item_1", "call_1", "{}", "[]", "null", "true", "7", "-1e400", "\"text\"", "{", "\"",
        "{\"type\": \"input_audio_buffer.clear\"}", "{\"type\": \"nonsense\", \"event_id\": 7}", "{\"type\": 7}",
        "{\"a\": {\"b\": [1, 2, {\"c\": null}]}}", "{\"name\": \"clock\"}", "sk-secret", "sk-invalid",
        "\xe2\x82\xac\xf0\x9f\x98\x80", "\x01\x02\x7f", "%n%s%x", "openai", "queue", "callbacks", "pull", "host", "none",
        "reported", "../../etc/passwd", "Please tell me a story.", "How is the weather?",
    };
    switch (below(16)) {
    case 0:
        return NULL;
    case 1:
    case 2:
        return BAD_UTF8[below(COUNT(BAD_UTF8))];
    case 3:
        return chance(8) ? huge : "not so huge";
    case 4:
        return chance(8) ? deep_json : "[[[[";
    default:
        return TEXTS[below(COUNT(TEXTS))];
    }
}

static const char *any_path(void) {
    static const char *const PATHS[] = {
        "instructions", "voice", "speed", "model", "audio", "audio.input", "audio.input.rate", "audio.input.source",
        "audio.output.rate", "audio.output.delivery", "audio.output.positions", "tools", "tools[0]", "tools[0].name",
        "tools[1].name", "tools[7].name", "tools.0.parameters", "labels.room", "labels", "extra.a", "extra.a.b.c", "extra",
        "delivery", "turn_detection.threshold", "turn_detection", "transcription", "transcription.language", "provider",
        "max_output_tokens", "auto_capture", "raw_events", "output_modality", "tls.extra_roots", "tls.extra_roots[0]",
        "tool_choice", "noise_reduction", "", ".", "..", "[", "]", "[0]", "tools[-1]", "tools[4294967296].name", "voicee",
        "audio.input.rate.x", "\n", "a.b.c.d.e.f", "auth",
    };
    switch (below(20)) {
    case 0:
        return NULL;
    case 1:
        return BAD_UTF8[below(COUNT(BAD_UTF8))];
    case 2:
        return chance(10) ? deep_path : "extra.a.a.a.a.a.a";
    case 3:
        return chance(10) ? huge : "x";
    default:
        return PATHS[below(COUNT(PATHS))];
    }
}

static const char *any_document(void) {
    static const char *const DOCUMENTS[] = {
        "{}", "{\"delivery\": \"queue\"}", "{\"audio\": {\"output\": {\"delivery\": \"pull\"}}}",
        "{\"audio\": {\"output\": {\"positions\": \"reported\"}}}", "{\"raw_events\": \"all\"}",
        "{\"tools\": [{\"name\": \"get_weather\"}], \"raw_events\": \"all\", \"delivery\": \"queue\"}",
        "{\"audio\": {\"input\": {\"source\": \"none\"}, \"output\": {\"source\": \"none\"}}}",
        "{\"audio\": {\"input\": {\"rate\": 8000}, \"output\": {\"rate\": 48000, \"delivery\": \"pull\"}}}",
        "{\"audio\": {\"input\": {\"source\": \"device\"}}}", "{\"credentials\": {\"source\": \"asked\"}}",
        "{\"turn_detection\": {\"mode\": \"manual\"}}", "{\"labels\": {\"who\": \"me\", \"room\": \"kitchen\"}}",
        "{\"output_modality\": \"text\"}", "{\"voicee\": 1}", "[]", "{\"speed\": 99}", "{\"provider\": \"nobody\"}",
    };
    return chance(5) ? any_text() : DOCUMENTS[below(COUNT(DOCUMENTS))];
}

static const char *any_options(void) {
    static const char *const OPTIONS[] = {
        "{}", "{\"instructions\": \"x\"}", "{\"out_of_band\": true}", "{\"out_of_band\": true, \"audible\": true}",
        "{\"audible\": true}", "{\"tools\": [{\"name\": \"get_weather\"}]}", "{\"tool_choice\": \"none\"}",
        "{\"metadata\": {\"a\": \"b\"}}", "{\"input\": []}", "{\"max_output_tokens\": 5000}",
        "{\"output_modality\": \"text\", \"input\": [{\"role\": \"user\", \"text\": \"story\"}]}", "{\"what\": 1}",
    };
    return chance(5) ? any_text() : OPTIONS[below(COUNT(OPTIONS))];
}

static const char *any_changes(void) {
    static const char *const CHANGES[] = {
        "{}", "{\"instructions\": \"Be brief.\"}", "{\"instructions\": null}", "{\"voice\": \"cedar\"}",
        "{\"turn_detection\": {\"mode\": \"manual\"}}", "{\"turn_detection\": {\"mode\": \"semantic\"}}",
        "{\"tools\": []}", "{\"tools\": [{\"name\": \"clock\"}]}", "{\"transcription\": null}", "{\"speed\": 1.5}",
        "{\"output_modality\": \"text\"}", "{\"provider\": \"nobody\"}", "{\"nonsense\": 1}", "{\"speed\": 99}",
    };
    return chance(5) ? any_text() : CHANGES[below(COUNT(CHANGES))];
}

static int32_t any_int(void) {
    static const int32_t INTS[] = {0, 1, 0, 1, 2, 3, 4, 5, 6, -1, -2, 29, 100, 1000, INT32_MAX, INT32_MIN};
    return INTS[below(COUNT(INTS))];
}

static uint64_t any_number(void) {
    static const uint64_t NUMBERS[] = {0, 0, 0, 1, 2, 20, 1000, UINT32_MAX, UINT64_MAX, UINT64_MAX / 2, INT64_MAX};
    return chance(4) ? (uint64_t)random_number() << below(33) : NUMBERS[below(COUNT(NUMBERS))];
}

static uint64_t any_mask(void) {
    switch (below(4)) {
    case 0:
        return DUOLOGUE_EVENT_MASK_ALL;
    case 1:
        return (uint64_t)1 << below(64);
    default:
        return ((uint64_t)random_number() << 32 | random_number()) & (chance(8) ? UINT64_MAX : ((uint64_t)1 << 29) - 1);
    }
}

#endif
