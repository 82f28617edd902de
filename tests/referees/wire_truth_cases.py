"""Events for the self-test of wire_truth.py: correct ones, and ones with a planted defect."""

import copy

AUDIO = "AAD//wEA"  # three samples
COORDINATES = {"response_id": "resp_1", "item_id": "item_a", "output_index": 0}
PART = {**COORDINATES, "content_index": 0}

SESSION = {
    "type": "realtime",
    "model": "gpt-realtime-2.1",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "noise_reduction": {"type": "near_field"},
            "transcription": {"model": "gpt-transcribe", "language": "en"},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "idle_timeout_ms": None,
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
    "tools": [
        {
            "type": "function",
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string", "anything": [1]}}},
        },
        {
            "type": "mcp",
            "server_label": "docs",
            "server_url": "https://mcp.example/sse",
            "headers": {"x-a": "b"},
            "allowed_tools": {"tool_names": ["find"], "read_only": True},
            "require_approval": {"always": {"tool_names": ["write"]}, "never": {"read_only": True}},
        },
        {"type": "mcp", "server_label": "more", "server_url": "https://mcp.example", "allowed_tools": ["a"], "require_approval": "never"},
    ],
    "tool_choice": {"type": "function", "name": "weather"},
    "parallel_tool_calls": True,
    "reasoning": {"effort": "low"},
    "max_output_tokens": "inf",
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 8000}},
    "prompt": {"id": "pmpt_1", "version": "2", "variables": {"name": "Ada"}},
    "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"free": [1, {"x": None}]}},
    "include": ["item.input_audio_transcription.logprobs"],
}
TRANSCRIPTION_SESSION = {
    "type": "transcription",
    "audio": {
        "input": {
            "format": {"type": "audio/pcmu"},
            "noise_reduction": None,
            "transcription": {"model": "gpt-realtime-whisper", "delay": "low"},
            "turn_detection": None,
        }
    },
}
READ_ONLY = {"id": "sess_1", "object": "realtime.session", "expires_at": 1764000000}

SYSTEM = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Hello."}]}
USER = {
    "id": "item_u",
    "object": "realtime.item",
    "type": "message",
    "role": "user",
    "status": "completed",
    "content": [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_audio", "audio": AUDIO, "transcript": "hm"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
    ],
}
USER_SPOKEN = {
    "id": "item_u",
    "object": "realtime.item",
    "type": "message",
    "role": "user",
    "status": "completed",
    "content": [{"type": "input_audio", "transcript": None}],
}
ASSISTANT_TEXT = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}
ASSISTANT_EMPTY = {"id": "item_a", "object": "realtime.item", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
ASSISTANT = {**ASSISTANT_EMPTY, "status": "completed", "content": [{"type": "output_audio", "transcript": "Yes."}]}
CALL = {"id": "item_f", "object": "realtime.item", "type": "function_call", "status": "completed", "name": "weather", "call_id": "call_1", "arguments": "{}"}
CALL_OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": '{"sky":"blue"}'}
MCP_LIST = {"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "docs", "tools": [{"name": "find", "description": "d", "input_schema": {"type": "object"}, "annotations": {"readOnlyHint": True}}]}
MCP_CALL = {"id": "mcp_1", "type": "mcp_call", "server_label": "docs", "name": "find", "arguments": "{}", "approval_request_id": None, "output": None, "error": {"type": "http_error", "code": 500, "message": "no"}}
MCP_ASK = {"id": "mcpr_1", "type": "mcp_approval_request", "server_label": "docs", "name": "find", "arguments": "{}"}
MCP_ANSWER = {"id": "item_x", "type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True, "reason": "fine"}

RESPONSE = {
    "id": "resp_1",
    "object": "realtime.response",
    "status": "in_progress",
    "status_details": None,
    "output": [],
    "conversation_id": "conv_1",
    "output_modalities": ["audio"],
    "max_output_tokens": "inf",
    "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
    "usage": None,
    "metadata": {"client_event_id": "r1"},
}
RESPONSE_DONE = {
    **RESPONSE,
    "status": "completed",
    "status_details": {"type": "completed"},
    "output": [ASSISTANT, CALL],
    "usage": {
        "total_tokens": 30,
        "input_tokens": 10,
        "output_tokens": 20,
        "input_token_details": {
            "text_tokens": 4,
            "audio_tokens": 6,
            "image_tokens": 0,
            "cached_tokens": 2,
            "cached_tokens_details": {"text_tokens": 1, "audio_tokens": 1, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 5, "audio_tokens": 15},
    },
}


def client(kind, **fields):
    return ("client", {"type": kind, "event_id": "ev_1", **fields})


def server(kind, **fields):
    return ("server", {"type": kind, "event_id": "event_1", **fields})


CORRECT = [
    client("session.update", session=SESSION),
    client("session.update", session={"type": "realtime"}),
    client("session.update", session={"type": "realtime", "instructions": "", "tools": [], "tracing": None}),
    client("session.update", session={"type": "realtime", "tracing": "auto", "tool_choice": "auto", "truncation": "disabled", "max_output_tokens": 200}),
    client("session.update", session={"type": "realtime", "audio": {"input": {"noise_reduction": None, "transcription": None, "turn_detection": None}}}),
    client("session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}, "output": {"voice": {"id": "voice_1"}}}}),
    client("session.update", session=TRANSCRIPTION_SESSION),
    client("input_audio_buffer.append", audio=AUDIO),
    client("input_audio_buffer.commit"),
    client("input_audio_buffer.clear"),
    client("output_audio_buffer.clear"),
    client("conversation.item.create", item=SYSTEM, previous_item_id="root"),
    client("conversation.item.create", item=USER),
    client("conversation.item.create", item=ASSISTANT_TEXT, previous_item_id="item_u"),
    client("conversation.item.create", item=CALL),
    client("conversation.item.create", item=CALL_OUTPUT),
    client("conversation.item.create", item=MCP_ANSWER),
    client("conversation.item.retrieve", item_id="item_a"),
    client("conversation.item.truncate", item_id="item_a", content_index=0, audio_end_ms=1500),
    client("conversation.item.delete", item_id="item_a"),
    client("response.create"),
    client(
        "response.create",
        response={
            "conversation": "none",
            "output_modalities": ["text"],
            "instructions": "Classify.",
            "audio": {"output": {"format": {"type": "audio/pcma"}, "voice": "cedar"}},
            "tools": SESSION["tools"],
            "tool_choice": {"type": "mcp", "server_label": "docs", "name": "find"},
            "parallel_tool_calls": False,
            "reasoning": {"effort": "high"},
            "max_output_tokens": 100,
            "metadata": {"purpose": "classify"},
            "prompt": {"id": "pmpt_1"},
            "input": [{"type": "item_reference", "id": "item_u"}, USER, ASSISTANT_TEXT, CALL, CALL_OUTPUT],
        },
    ),
    client("response.create", response={"input": []}),
    client("response.cancel"),
    client("response.cancel", response_id="resp_1"),
    server("session.created", session={**SESSION, **READ_ONLY}),
    server("session.created", session={**TRANSCRIPTION_SESSION, **READ_ONLY, "object": "realtime.transcription_session"}),
    server("session.updated", session={**SESSION, **READ_ONLY, "tracing": None, "prompt": None, "include": None}),
    server("conversation.created", conversation={"id": "conv_1", "object": "realtime.conversation"}),
    server("error", error={"type": "invalid_request_error", "code": "unknown_parameter", "message": "m", "param": "session.x", "event_id": "ev_1"}),
    server("error", error={"type": "server_error", "code": None, "message": "m", "param": None, "event_id": None}),
    server("rate_limits.updated", rate_limits=[{"name": "requests", "limit": 10, "remaining": 9, "reset_seconds": 0.5}, {"name": "tokens", "limit": 10, "remaining": 9, "reset_seconds": 1}]),
    server("conversation.item.added", item=USER_SPOKEN, previous_item_id=None),
    server("conversation.item.added", item=ASSISTANT_EMPTY, previous_item_id="item_u"),
    server("conversation.item.added", item=MCP_LIST),
    server("conversation.item.done", item=ASSISTANT, previous_item_id="item_u"),
    server("conversation.item.done", item={**CALL_OUTPUT, "id": "item_o", "object": "realtime.item", "status": "completed"}),
    server("conversation.item.done", item=MCP_ASK),
    server("conversation.item.created", item=CALL),
    server("conversation.item.retrieved", item=USER),
    server("conversation.item.truncated", item_id="item_a", content_index=0, audio_end_ms=1500),
    server("conversation.item.deleted", item_id="item_a"),
    server("conversation.item.input_audio_transcription.delta", item_id="item_u", content_index=0, delta="What", logprobs=[{"token": "What", "logprob": -0.1, "bytes": [87]}]),
    server("conversation.item.input_audio_transcription.completed", item_id="item_u", content_index=0, transcript="What?", usage={"type": "duration", "seconds": 2}),
    server("conversation.item.input_audio_transcription.completed", item_id="item_u", content_index=0, transcript="What?", usage={"type": "tokens", "total_tokens": 3, "input_tokens": 2, "output_tokens": 1, "input_token_details": {"audio_tokens": 2, "text_tokens": 0}}),
    server("conversation.item.input_audio_transcription.segment", item_id="item_u", content_index=0, id="seg_1", text="What?", speaker="A", start=0.0, end=1.5),
    server("conversation.item.input_audio_transcription.failed", item_id="item_u", content_index=0, error={"type": "transcription_error", "code": "audio_unintelligible", "message": "m", "param": None}),
    server("input_audio_buffer.speech_started", item_id="item_u", audio_start_ms=100),
    server("input_audio_buffer.speech_stopped", item_id="item_u", audio_end_ms=900),
    server("input_audio_buffer.committed", item_id="item_u", previous_item_id=None),
    server("input_audio_buffer.cleared"),
    server("input_audio_buffer.timeout_triggered", item_id="item_u", audio_start_ms=100, audio_end_ms=6100),
    ("server", {"type": "input_audio_buffer.dtmf_event_received", "event": "5", "received_at": 1764000000}),
    server("output_audio_buffer.started", response_id="resp_1"),
    server("output_audio_buffer.stopped", response_id="resp_1"),
    server("output_audio_buffer.cleared", response_id="resp_1"),
    server("response.created", response=RESPONSE),
    server("response.created", response={**RESPONSE, "conversation_id": None, "metadata": None}),
    server("response.done", response=RESPONSE_DONE),
    server("response.done", response={**RESPONSE, "status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"}}),
    server("response.done", response={**RESPONSE, "status": "failed", "status_details": {"type": "failed", "error": {"type": "server_error", "code": "x", "message": "m"}}}),
    server("response.output_item.added", response_id="resp_1", output_index=0, item=ASSISTANT_EMPTY),
    server("response.output_item.done", response_id="resp_1", output_index=0, item=MCP_CALL),
    server("response.content_part.added", **PART, part={"type": "audio", "transcript": ""}),
    server("response.content_part.done", **PART, part={"type": "text", "text": "Yes."}),
    server("response.output_text.delta", **PART, delta="Y"),
    server("response.output_text.done", **PART, text="Yes."),
    server("response.output_audio_transcript.delta", **PART, delta="Y"),
    server("response.output_audio_transcript.done", **PART, transcript="Yes."),
    server("response.output_audio.delta", **PART, delta=AUDIO),
    server("response.output_audio.done", **PART),
    server("response.function_call_arguments.delta", **COORDINATES, call_id="call_1", delta="{"),
    server("response.function_call_arguments.done", **COORDINATES, call_id="call_1", name="weather", arguments="{}"),
    server("response.mcp_call_arguments.delta", **COORDINATES, delta="{", obfuscation="x"),
    server("response.mcp_call_arguments.done", **COORDINATES, arguments="{}"),
    server("response.mcp_call.in_progress", item_id="mcp_1", output_index=0),
    server("response.mcp_call.completed", item_id="mcp_1", output_index=0),
    server("response.mcp_call.failed", item_id="mcp_1", output_index=0),
    server("mcp_list_tools.in_progress", item_id="mcpl_1"),
    server("mcp_list_tools.completed", item_id="mcpl_1"),
    server("mcp_list_tools.failed", item_id="mcpl_1"),
]


def correct(side, kind, nth=0):
    return copy.deepcopy([e for s, e in CORRECT if (s, e["type"]) == (side, kind)][nth])


PLANTED = []


def plant(name, side, event, where, change):
    """`change` damages a correct event; `where` is the end of the path that must be named."""
    change(event)
    PLANTED.append((name, side, event, where))


def at(*path, value):
    """Sets one field of the event."""

    def change(event):
        for step in path[:-1]:
            event = event[step]
        event[path[-1]] = value

    return change


def without(*path):
    def change(event):
        for step in path[:-1]:
            event = event[step]
        del event[path[-1]]

    return change


def rename(*path, to):
    def change(event):
        for step in path[:-1]:
            event = event[step]
        event[to] = event.pop(path[-1])

    return change


def update():
    return correct("client", "session.update")


def create(nth=0):
    return correct("client", "conversation.item.create", nth)


def respond():
    return correct("client", "response.create", 1)


def of(kind, nth=0):
    return correct("server", kind, nth)


# Misspelt fields, at the top and deep down.
plant("misspelt instructions", "client", update(), "instruction", rename("session", "instructions", to="instruction"))
plant("misspelt VAD field", "client", update(), "silence_duration", rename("session", "audio", "input", "turn_detection", "silence_duration_ms", to="silence_duration"))
plant("misspelt token limit", "client", update(), "post_instruction", rename("session", "truncation", "token_limits", "post_instructions", to="post_instruction"))
plant("misspelt MCP filter", "client", update(), "tool_name", rename("session", "tools", 1, "allowed_tools", "tool_names", to="tool_name"))
plant("misspelt truncate field", "client", correct("client", "conversation.item.truncate"), "audio_end", rename("audio_end_ms", to="audio_end"))
plant("camel case", "client", create(), "previousItemId", rename("previous_item_id", to="previousItemId"))
plant("misspelt audio field", "client", correct("client", "input_audio_buffer.append"), "audio", rename("audio", to="data"))
plant("extra key in a function tool", "client", update(), "strict", at("session", "tools", 0, "strict", value=True))
plant("misspelt field of a reference", "client", respond(), "item_id", rename("response", "input", 0, "id", to="item_id"))
plant("misspelt part field", "client", create(1), "img_url", rename("item", "content", 2, "image_url", to="img_url"))
plant("misspelt usage", "server", of("response.done"), "cached_token", rename("response", "usage", "input_token_details", "cached_tokens", to="cached_token"))
plant("misspelt coordinate", "server", of("response.output_audio.delta"), "response", rename("response_id", to="response"))
plant("misspelt error field", "server", of("error"), "client_event_id", rename("error", "event_id", to="client_event_id"))
plant("misspelt rate limit", "server", of("rate_limits.updated"), "reset", rename("rate_limits", 0, "reset_seconds", to="reset"))

# Names of the beta.
plant("beta modalities", "client", update(), "modalities", rename("session", "output_modalities", to="modalities"))
plant("beta voice at the top of the session", "client", update(), "voice", at("session", "voice", value="marin"))
plant("beta input_audio_format", "client", update(), "input_audio_format", at("session", "input_audio_format", value="pcm16"))
plant("beta output_audio_format", "client", update(), "output_audio_format", at("session", "output_audio_format", value="pcm16"))
plant("beta input_audio_transcription", "client", update(), "input_audio_transcription", at("session", "input_audio_transcription", value={"model": "whisper-1"}))
plant("beta max_response_output_tokens", "client", update(), "max_response_output_tokens", rename("session", "max_output_tokens", to="max_response_output_tokens"))
plant("beta temperature", "client", update(), "temperature", at("session", "temperature", value=0.8))
plant("beta modalities in a response", "client", respond(), "modalities", rename("response", "output_modalities", to="modalities"))
plant("beta voice in a response", "client", respond(), "voice", at("response", "voice", value="marin"))
plant("beta format name", "client", update(), "type", at("session", "audio", "input", "format", value={"type": "pcm16"}))
plant("beta part type of the assistant", "client", create(2), "type", at("item", "content", 0, "type", value="text"))
plant("beta event transcription_session.update", "client", update(), "type", at("type", value="transcription_session.update"))
plant("beta event response.audio.delta", "server", of("response.output_audio.delta"), "type", at("type", value="response.audio.delta"))
plant("beta event response.text.delta", "server", of("response.output_text.delta"), "type", at("type", value="response.text.delta"))
plant("beta event response.audio_transcript.done", "server", of("response.output_audio_transcript.done"), "type", at("type", value="response.audio_transcript.done"))
plant("beta voice in a response resource", "server", of("response.done"), "voice", at("response", "voice", value="marin"))
plant("beta turn_detection in session.created", "server", of("session.created"), "turn_detection", at("session", "turn_detection", value={"type": "server_vad"}))

# Fields at the wrong level.
plant("turn_detection at the top of the session", "client", update(), "turn_detection", at("session", "turn_detection", value={"type": "server_vad"}))
plant("turn_detection beside input", "client", update(), "turn_detection", at("session", "audio", "turn_detection", value={"type": "server_vad"}))
plant("voice under input", "client", update(), "voice", at("session", "audio", "input", "voice", value="marin"))
plant("rate beside format", "client", update(), "rate", at("session", "audio", "input", "rate", value=24000))
plant("eagerness in server_vad", "client", update(), "eagerness", at("session", "audio", "input", "turn_detection", "eagerness", value="low"))
plant("speed in a response", "client", respond(), "speed", at("response", "audio", "output", "speed", value=1.0))
plant("text beside content", "client", create(1), "text", at("item", "text", value="hi"))
plant("role on a call output", "client", create(4), "role", at("item", "role", value="user"))
plant("function wrapped as in chat completions", "client", update(), "function", at("session", "tools", 0, value={"type": "function", "function": {"name": "weather"}}))
plant("transcript in a text part", "client", create(2), "transcript", at("item", "content", 0, "transcript", value="Yes."))
plant("metadata beside response", "client", respond(), "metadata", at("metadata", value={"a": "b"}))
plant("output_modalities in a transcription session", "client", correct("client", "session.update", 6), "output_modalities", at("session", "output_modalities", value=["text"]))
plant("status reason at the top", "server", of("response.done"), "reason", at("response", "reason", value="turn_detected"))
plant("call_id at the top", "server", of("response.output_item.done"), "call_id", at("call_id", value="call_1"))
plant("error fields at the top", "server", of("error"), "code", at("code", value="x"))
plant("response_id on an MCP call", "server", of("response.mcp_call.completed"), "response_id", at("response_id", value="resp_1"))
plant("content_index on call arguments", "server", of("response.function_call_arguments.delta"), "content_index", at("content_index", value=0))
plant("unknown field of a session", "server", of("session.created"), "sid", at("session", "sid", value="x"))

# Wrong types.
plant("text for an integer", "client", correct("client", "conversation.item.truncate"), "audio_end_ms", at("audio_end_ms", value="12"))
plant("fraction for an integer", "client", correct("client", "conversation.item.truncate"), "audio_end_ms", at("audio_end_ms", value=12.5))
plant("whole float for an integer", "client", correct("client", "conversation.item.truncate"), "audio_end_ms", at("audio_end_ms", value=12.0))
plant("truth value for an integer", "client", correct("client", "conversation.item.truncate"), "content_index", at("content_index", value=False))
plant("text for a truth value", "client", update(), "create_response", at("session", "audio", "input", "turn_detection", "create_response", value="true"))
plant("number for a truth value", "client", update(), "interrupt_response", at("session", "audio", "input", "turn_detection", "interrupt_response", value=1))
plant("text for a number", "client", update(), "threshold", at("session", "audio", "input", "turn_detection", "threshold", value="0.5"))
plant("wrong sample rate", "client", update(), "rate", at("session", "audio", "output", "format", "rate", value=16000))
plant("float sample rate", "client", update(), "rate", at("session", "audio", "output", "format", "rate", value=24000.0))
plant("one modality not in a list", "client", update(), "output_modalities", at("session", "output_modalities", value="audio"))
plant("object for tool output", "client", create(4), "output", at("item", "output", value={"sky": "blue"}))
plant("object for call arguments", "server", of("response.function_call_arguments.done"), "arguments", at("arguments", value={}))
plant("number in metadata", "client", respond(), "purpose", at("response", "metadata", "purpose", value=7))
plant("tool schema as text", "client", update(), "parameters", at("session", "tools", 0, "parameters", value="{}"))
plant("text for milliseconds", "server", of("input_audio_buffer.speech_started"), "audio_start_ms", at("audio_start_ms", value="100"))
plant("text for a token count", "server", of("response.done"), "total_tokens", at("response", "usage", "total_tokens", value="30"))
plant("expiry as text", "server", of("session.created"), "expires_at", at("session", "expires_at", value="1764000000"))
plant("not base64", "client", correct("client", "input_audio_buffer.append"), "audio", at("audio", value="AAD//wEA*"))
plant("base64 without padding", "server", of("response.output_audio.delta"), "delta", at("delta", value="AAA"))

# Missing, null, unknown values.
plant("session without type", "client", update(), "type", without("session", "type"))
plant("item without role", "client", create(), "role", without("item", "role"))
plant("part without type", "client", create(), "type", without("item", "content", 0, "type"))
plant("tool without type", "client", update(), "type", without("session", "tools", 0, "type"))
plant("tool without name", "client", update(), "name", without("session", "tools", 0, "name"))
plant("format without type", "client", update(), "type", without("session", "audio", "input", "format", "type"))
plant("null for an absent id", "client", create(), "previous_item_id", at("previous_item_id", value=None))
plant("null instructions", "client", update(), "instructions", at("session", "instructions", value=None))
plant("null event_id", "client", correct("client", "response.cancel"), "event_id", at("event_id", value=None))
plant("unknown effort", "client", update(), "effort", at("session", "reasoning", "effort", value="extreme"))
plant("unknown conversation", "client", respond(), "conversation", at("response", "conversation", value="None"))
plant("part of the wrong role", "client", create(), "type", at("item", "content", 0, "type", value="output_text"))
plant("unknown event", "client", correct("client", "response.cancel"), "type", at("type", value="response.stop"))
plant("server event sent by a client", "client", of("response.done"), "type", at("type", value="response.done"))
plant("event without type", "server", of("response.done"), "type", without("type"))
plant("no event_id", "server", of("response.done"), "event_id", without("event_id"))
plant("unknown status", "server", of("response.done"), "status", at("response", "status", value="interrupted"))
plant("unknown cancel reason", "server", of("response.done", 1), "reason", at("response", "status_details", "reason", value="user_interrupted"))
plant("GA part name in content_part", "server", of("response.content_part.added"), "type", at("part", "type", value="output_audio"))
plant("session without id", "server", of("session.created"), "id", without("session", "id"))
plant("arguments.done without name", "server", of("response.function_call_arguments.done"), "name", without("name"))
plant("transcript without usage", "server", of("conversation.item.input_audio_transcription.completed"), "usage", without("usage"))

# Those whose only defect is a key the models silently keep.
UNKNOWN_FIELDS = [
    case
    for case in PLANTED
    if case[0]
    in {
        "misspelt instructions",
        "misspelt VAD field",
        "misspelt token limit",
        "extra key in a function tool",
        "misspelt part field",
        "misspelt usage",
        "misspelt rate limit",
        "beta modalities",
        "beta voice at the top of the session",
        "beta input_audio_format",
        "beta voice in a response",
        "turn_detection at the top of the session",
        "turn_detection beside input",
        "eagerness in server_vad",
        "speed in a response",
        "status reason at the top",
    }
    and not any(item.get("type") == "item_reference" for item in case[2].get("response", {}).get("input", []))
]
