/* What holds for every event, whatever caused it. */
#ifndef DUOLOGUE_TESTS_EVENTS_H
#define DUOLOGUE_TESTS_EVENTS_H

#include "check.h"

static inline void check_text(duologue_text text) {
    if (text.data == NULL)
        CHECK(text.length == 0);
    else
        CHECK(text.data[text.length] == 0);
    CHECK(text.data == NULL || strstr(text.data, CANARY_MARK) == NULL);
}

static inline void check_error_event(const duologue_error_event *error, const duologue_event *event) {
    CHECK(error->struct_size == sizeof *error);
    CHECK(error->envelope == event);
    CHECK(error->result < 0);
    CHECK(error->error_class >= DUOLOGUE_ERROR_CLASS_ARGUMENT && error->error_class <= DUOLOGUE_ERROR_CLASS_INTERNAL);
    CHECK(error->fatal == 0 || error->fatal == 1);
    CHECK(error->retryable == 0 || error->retryable == 1);
    CHECK(error->reserved == 0);
    check_text(error->code);
    check_text(error->message);
    check_text(error->field);
    check_text(error->fix);
    check_text(error->provider_code);
    CHECK(error->code.length > 0 && error->message.length > 0);
    /* What random calls say where no key belongs: redacted by its form. */
    CHECK(strstr(error->message.data, "sk-secret") == NULL);
}

static inline void check_parts(const duologue_message_event *message) {
    CHECK((message->parts != NULL) || message->part_count == 0);
    for (size_t i = 0; i < message->part_count; i++) {
        const duologue_part *part = message->parts[i];
        CHECK(part->struct_size == sizeof *part);
        CHECK(part->part_type >= DUOLOGUE_PART_TYPE_TEXT && part->part_type <= DUOLOGUE_PART_TYPE_IMAGE);
        CHECK(part->reserved == 0);
        check_text(part->text);
        check_text(part->heard_text);
        check_text(part->call_id);
        check_text(part->name);
        check_text(part->arguments);
        check_text(part->output);
        check_text(part->mime_type);
        check_text(part->data);
        check_text(part->url);
    }
}

/* Reads all of an event: AddressSanitizer and valgrind see whether it is there. */
static inline void check_event(const duologue_event *event) {
    CHECK(event != NULL);
    CHECK(event->struct_size == sizeof *event);
    CHECK(event->kind >= DUOLOGUE_EVENT_STATUS && event->kind <= DUOLOGUE_EVENT_LAGGED);
    CHECK(event->seq >= 1);
    CHECK(event->inferred == 0 || event->inferred == 1);
    check_text(event->response);
    check_text(event->item);
    CHECK((event->labels != NULL) == (event->label_count > 0));
    for (size_t i = 0; i < event->label_count; i++) {
        const duologue_label *label = event->labels[i];
        CHECK(label->struct_size == sizeof *label && label->reserved == 0);
        check_text(label->key);
        check_text(label->value);
        CHECK(label->key.data != NULL && label->value.data != NULL);
        /* By key. */
        CHECK(i == 0 || strcmp(event->labels[i - 1]->key.data, label->key.data) < 0);
    }

    const void *const families[] = {
        event->status,    event->mode,      event->speech,   event->playback,          event->response_end,
        event->interrupted, event->message, event->transcript, event->audio,           event->audio_level,
        event->tool_call, event->tool_end,  event->credential_needed, event->completed, event->session,
        event->session_replaced, event->transport_changed, event->usage, event->latency, event->device,
        event->error,     event->raw,       event->lagged,
    };
    size_t set = 0;
    for (size_t i = 0; i < COUNT(families); i++)
        set += families[i] != NULL;
    CHECK(set == 1);

/* The family that the kind names is the one that is set. */
#define FAMILY(field)                                                                                                  \
    CHECK(event->field != NULL);                                                                                       \
    CHECK(event->field->struct_size == sizeof *event->field);                                                          \
    CHECK(event->field->envelope == event)
    switch (event->kind) {
    case DUOLOGUE_EVENT_STATUS:
        FAMILY(status);
        CHECK(event->status->status >= DUOLOGUE_STATUS_IDLE && event->status->status <= DUOLOGUE_STATUS_ERROR);
        check_text(event->status->ended_code);
        check_text(event->status->detail);
        CHECK((event->status->error != NULL) == (event->status->status == DUOLOGUE_STATUS_ERROR));
        if (event->status->error != NULL)
            check_error_event(event->status->error, event);
        break;
    case DUOLOGUE_EVENT_MODE:
        FAMILY(mode);
        CHECK(event->mode->mode >= DUOLOGUE_MODE_IDLE && event->mode->mode <= DUOLOGUE_MODE_SPEAKING);
        CHECK(event->mode->agent >= DUOLOGUE_AGENT_IDLE && event->mode->agent <= DUOLOGUE_AGENT_SPEAKING);
        break;
    case DUOLOGUE_EVENT_SPEECH_STARTED:
    case DUOLOGUE_EVENT_SPEECH_STOPPED:
        FAMILY(speech);
        CHECK(event->speech->who == DUOLOGUE_ROLE_USER);
        break;
    case DUOLOGUE_EVENT_PLAYBACK_STARTED:
    case DUOLOGUE_EVENT_PLAYBACK_FINISHED:
        FAMILY(playback);
        CHECK(event->item.length > 0);
        break;
    case DUOLOGUE_EVENT_GENERATION_DONE:
    case DUOLOGUE_EVENT_TURN_DONE:
        FAMILY(response_end);
        check_text(event->response_end->status);
        check_text(event->response_end->reason);
        CHECK(event->response_end->status.length > 0);
        break;
    case DUOLOGUE_EVENT_INTERRUPTED:
        FAMILY(interrupted);
        break;
    case DUOLOGUE_EVENT_MESSAGE:
        FAMILY(message);
        check_text(event->message->id);
        check_text(event->message->after);
        CHECK(event->message->id.length > 0);
        CHECK(event->message->reserved == 0);
        check_parts(event->message);
        break;
    case DUOLOGUE_EVENT_TRANSCRIPT:
        FAMILY(transcript);
        check_text(event->transcript->text);
        break;
    case DUOLOGUE_EVENT_AUDIO: {
        FAMILY(audio);
        CHECK(event->audio->rate >= 8000 && event->audio->frame_count > 0);
        volatile int32_t sum = 0;
        for (size_t i = 0; i < event->audio->frame_count; i++)
            sum += event->audio->samples[i];
        break;
    }
    case DUOLOGUE_EVENT_AUDIO_LEVEL:
        FAMILY(audio_level);
        CHECK(event->audio_level->rms >= 0 && event->audio_level->rms <= 1);
        CHECK(event->audio_level->peak >= 0 && event->audio_level->peak <= 1);
        break;
    case DUOLOGUE_EVENT_TOOL_CALL:
        FAMILY(tool_call);
        check_text(event->tool_call->call_id);
        check_text(event->tool_call->name);
        check_text(event->tool_call->arguments);
        CHECK(event->tool_call->call_id.length > 0 && event->tool_call->name.length > 0);
        break;
    case DUOLOGUE_EVENT_TOOL_CANCELLED:
    case DUOLOGUE_EVENT_TOOL_TIMEOUT:
        FAMILY(tool_end);
        check_text(event->tool_end->call_id);
        check_text(event->tool_end->name);
        break;
    case DUOLOGUE_EVENT_CREDENTIAL_NEEDED:
        FAMILY(credential_needed);
        check_text(event->credential_needed->reason);
        break;
    case DUOLOGUE_EVENT_COMPLETED:
        FAMILY(completed);
        CHECK(event->completed->op > 0);
        CHECK((event->completed->error != NULL) == (event->completed->result != DUOLOGUE_OK));
        if (event->completed->error != NULL) {
            check_error_event(event->completed->error, event);
            CHECK(event->completed->error->result == event->completed->result);
        }
        break;
    case DUOLOGUE_EVENT_SESSION_CONFIGURED:
    case DUOLOGUE_EVENT_CAPABILITY_CHANGED:
        FAMILY(session);
        check_text(event->session->effective_json);
        check_text(event->session->differences_json);
        CHECK(event->session->effective_json.length > 0);
        break;
    case DUOLOGUE_EVENT_SESSION_REPLACED:
        FAMILY(session_replaced);
        check_text(event->session_replaced->why);
        check_text(event->session_replaced->context);
        break;
    case DUOLOGUE_EVENT_TRANSPORT_CHANGED:
        FAMILY(transport_changed);
        check_text(event->transport_changed->from);
        check_text(event->transport_changed->to);
        check_text(event->transport_changed->why);
        break;
    case DUOLOGUE_EVENT_USAGE:
        FAMILY(usage);
        break;
    case DUOLOGUE_EVENT_LATENCY:
        FAMILY(latency);
        CHECK(event->latency->total_ms ==
              event->latency->endpointing_ms + event->latency->service_ms + event->latency->buffer_ms);
        break;
    case DUOLOGUE_EVENT_DEVICE:
        FAMILY(device);
        check_text(event->device->change);
        check_text(event->device->device);
        break;
    case DUOLOGUE_EVENT_WARNING:
    case DUOLOGUE_EVENT_ERROR:
        CHECK(event->error != NULL);
        check_error_event(event->error, event);
        break;
    case DUOLOGUE_EVENT_RAW:
        FAMILY(raw);
        check_text(event->raw->json);
        CHECK(event->raw->json.length > 0);
        break;
    case DUOLOGUE_EVENT_LAGGED:
        FAMILY(lagged);
        break;
    default:
        CHECK(!"a kind this header does not know");
    }
#undef FAMILY
}

#endif
