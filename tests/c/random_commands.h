/* The commands of random_calls.c, and credentials. note() says how each call ended. */
#ifndef DUOLOGUE_TESTS_RANDOM_COMMANDS_H
#define DUOLOGUE_TESTS_RANDOM_COMMANDS_H

#include "random_arguments.h"

static const char *url = "http://127.0.0.1:1/v1";

static void note(int32_t result);

/* A handle that may dial: a living one that does not lead to real people, or none that lives. */
static duologue_client *any_dialler(void) {
    unsigned at = below(CLIENTS);
    if (chance(10))
        return chance(2) ? NULL : (void *)configs[below(CONFIGS)];
    return may_dial[at] ? clients[at] : NULL;
}

static int32_t picture(uint64_t *out) {
    static const uint8_t PNG[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
    struct {
        duologue_image known;
        uint64_t tail[2];
    } image = {{.struct_size = sizeof image.known, .flags = below(4), .detail = chance(4) ? any_int() : 0}, {0, 0}};
    if (!chance(4)) {
        image.known.data = PNG;
        /* Too much is refused, not read. */
        image.known.size = chance(8) ? SIZE_MAX - below(1000) : below(sizeof PNG + 1);
    }
    if (chance(4))
        image.known.url = any_text();
    if (chance(4))
        image.known.mime_type = chance(2) ? "image/png" : any_text();
    if (chance(2))
        image.known.text = any_text();
    if (chance(8))
        image.known.flags = (uint32_t)any_int();
    if (chance(8))
        image.known.struct_size = below(sizeof image + 1);
    if (chance(16))
        image.tail[0] = 1;
    return duologue_client_send_image(any_client(), chance(20) ? NULL : &image.known, out);
}

static void command(void) {
    uint64_t op = 0, *out = chance(3) ? NULL : &op;
    struct {
        duologue_response_options known;
        uint64_t tail[2];
    } how = {{sizeof how.known, 0, chance(2) ? any_text() : NULL, chance(2) ? any_options() : NULL}, {0, 0}};
    int32_t result;
    switch (below(16)) {
    case 0:
        result = duologue_client_connect(any_dialler(), out);
        break;
    case 1:
        result = duologue_client_disconnect(any_client(), out);
        break;
    case 2:
        result = duologue_client_send_text(any_client(), any_text(), chance(4) ? (uint32_t)any_int() : below(4), out);
        break;
    case 3:
        if (chance(3))
            how.known.struct_size = below(sizeof how + 1);
        if (chance(8))
            how.known.reserved = 7;
        if (chance(8))
            how.tail[0] = 1;
        result = duologue_client_request_response(any_client(), chance(3) ? NULL : &how.known, out);
        break;
    case 4:
        result = duologue_client_interrupt(any_client(), out);
        break;
    case 5:
        result = duologue_client_submit_tool_result(any_client(), (uint32_t)any_int(), any_text(), any_text(), any_int(),
                                                    out);
        break;
    case 6:
        result = duologue_client_set_capture(any_client(), any_int(), out);
        break;
    case 7:
        result = duologue_client_set_input_muted(any_client(), any_int(), out);
        break;
    case 8:
        result = duologue_client_send_raw(any_client(), any_text(), out);
        break;
    case 9:
        result = duologue_client_start_listening(any_client(), out);
        break;
    case 10:
        result = duologue_client_stop_listening(any_client(), out);
        break;
    case 11:
        result = duologue_client_clear_input(any_client(), out);
        break;
    case 12:
        result = duologue_client_send_context(any_client(), any_text(), out);
        break;
    case 13:
        result = duologue_client_say(any_client(), any_text(), out);
        break;
    case 14:
        result = duologue_client_update_session(any_client(), any_changes(), out);
        break;
    default:
        result = picture(out);
    }
    note(result);
    CHECK(result == DUOLOGUE_OK || op == 0);
    CHECK(result != DUOLOGUE_OK || out == NULL || op > 0);
}

static void credential(void) {
    struct {
        duologue_credential known;
        uint64_t tail[2];
    } key = {{.struct_size = sizeof key.known, .kind = chance(3) ? any_int() : 0,
              .value = chance(3) ? any_text() : CANARY_KEY, .expires_at = chance(8) ? any_number() : 0,
              .model = chance(8) ? any_text() : NULL}, {0, 0}};
    /* Nothing may be dialled where real people answer. */
    if (chance(8))
        key.known.endpoint = chance(2) ? url : "ws://127.0.0.1:1/v1";
    if (chance(4))
        key.known.struct_size = below(sizeof key + 1);
    if (chance(8))
        key.tail[1] = 1;
    switch (below(4)) {
    case 0:
        note(duologue_client_answer_credential(any_client(), any_number(), chance(10) ? NULL : &key.known));
        break;
    case 1:
        note(duologue_client_refuse_credential(any_client(), any_number(), any_text(), any_int()));
        break;
    default:
        note(duologue_client_set_credential(any_client(), chance(10) ? NULL : &key.known));
    }
}

#endif
