/*
 * duologue: spoken conversations with realtime AI models.
 *
 * This header is the whole interface for C and for every language that calls C. C++ programs may
 * prefer duologue.hpp, which wraps it.
 *
 * QUICK START
 *
 *     duologue_config *config = NULL;
 *     duologue_client *client = NULL;
 *     duologue_credential key = {.struct_size = sizeof key, .value = getenv("OPENAI_API_KEY")};
 *
 *     duologue_config_create("{\"instructions\": \"Be brief.\"}", &config);
 *     duologue_client_create(NULL, config, &client);
 *     duologue_config_free(config);
 *     duologue_client_set_credential(client, &key);
 *     duologue_client_set_transcript_callback(client, on_transcript, NULL, NULL);
 *     duologue_client_connect(client, NULL);
 *     if (duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, 30000) == DUOLOGUE_OK)
 *         duologue_client_send_text(client, "Why is the sky blue?", 0, NULL);
 *     ...
 *     duologue_client_destroy(client);
 *
 *     cc program.c $(pkg-config --cflags --libs duologue)            the shared library
 *     cc program.c $(pkg-config --cflags --libs duologue-static)     the static one
 *
 * Whole programs are in examples/c; with `duologue simulate` they run without a key or a network.
 *
 * COMMANDS AND EVENTS
 *
 * Commands (connect, send_text, interrupt, ...) return at once with a number (out_op) and end in
 * exactly one `completed` event with that number. What the engine does not even take fails in the
 * call itself and has no event. Everything that happens comes as events, in order, in one of two
 * ways:
 *
 * - callbacks (the default): one sink for all kinds, and a setter for each family;
 * - a queue, with "delivery": "queue" in the configuration: duologue_client_next_event(), and a file
 *   descriptor for poll() or a main loop. No foreign thread enters the host then.
 *
 * The functions of the one are refused (DUOLOGUE_ERROR_INVALID_STATE) while the other is in use.
 * Completions come as things complete, not in the order of the commands; a connect that is given while
 * a disconnect is under way waits for it.
 *
 * A host that does not keep up loses loudness and raw events first; where nothing may be dropped any
 * more the session ends after 5 seconds with `host_too_slow`.
 *
 * TURNS
 *
 * "turn_detection": {"mode": ...} says who decides when the user's turn is over: the vendor by loudness
 * ("server", the default) or by what was said ("semantic"), or the host ("manual", push to talk): then
 * duologue_client_start_listening() is the key that goes down and duologue_client_stop_listening() the one
 * that comes up. "create_response": false leaves the answer to duologue_client_request_response(), and
 * "interrupt_response": false lets only duologue_client_interrupt() cut the assistant off.
 *
 * TOOLS
 *
 * The model calls functions that the configuration declares ("tools"). Arguments that do not fit the
 * function's JSON Schema never reach the host: the model is told. What does comes as a tool_call event, to be
 * answered once with duologue_client_submit_tool_result(), within `timeout_ms` of the tool (30 s by
 * default); then, or when the connection ends first, tool_timeout or tool_cancelled says that no answer is
 * wanted any more. Warnings `tool_arguments`, `tool_refused` and `tool_output_too_large` are for developers.
 *
 * CREDENTIALS
 *
 * Either given, duologue_client_set_credential() before connecting, or asked for: with "credentials":
 * {"source": "asked"} each dial begins with a credential_needed event, which
 * duologue_client_answer_credential() or duologue_client_refuse_credential() answers within its deadline.
 *
 * TRANSPORT
 *
 * "transport" in the configuration: "websocket" (the default), "webrtc" (a call: audio as Opus over RTP), or "auto":
 * a call, and a WebSocket where no path for one is found within 2 s (transport_changed). With "sdp_proxy" a server
 * of your own takes the offer of the call and keeps the vendor's key; the credential is your own bearer token then.
 *
 * THREADS
 *
 * Every function says under "Thread" where it may be called. "any" means: from every thread, from
 * several at once, and from inside a callback. "but audio threads" means that it may take a lock or
 * allocate. Callbacks run on threads of the library named duologue-cb: those of one client one after
 * the other and in order, those of different clients in parallel; never on an audio thread, and never
 * inside the call that caused the event. Functions that wait return DUOLOGUE_ERROR_WOULD_DEADLOCK
 * inside a callback. fork() without exec() is not supported once a client was made. The library
 * installs no signal handlers, does not change the locale, and cannot be unloaded.
 *
 * LIFETIME
 *
 * Handles are tokens: they are looked up and never followed, so that one that is stale, or of another
 * type, is refused instead of crashing. Each is ended by the function of its type, which accepts NULL
 * and does nothing the second time. A client keeps its configuration and its engine. Destroying a
 * client waits for its running callback, except inside callbacks: never hold a lock there that the
 * callback needs. What a callback is given lives until it returns. user_data is freed through free_fn
 * exactly once for each call it was given to, also for one that failed.
 *
 * ERRORS
 *
 * A function that can fail returns 0 (DUOLOGUE_OK) or a negative duologue_result; treat a negative
 * number you do not know as a failure of unknown kind. duologue_last_error() has the words for the last
 * failing call of the thread: the cause, the field, the fix. Outputs are written on success only, unless
 * the function says otherwise. What fails later comes as a `completed` or a status event. No panic of the
 * library crosses this boundary; a callback must not throw or longjmp out either.
 *
 * STRUCTS
 *
 * Structs that you fill begin with struct_size: fill them with zeros, set it to their sizeof, then what
 * you want; {.struct_size = sizeof it, ...} does so. Structs that you are given begin with it as well: a field beyond it is not there. They only
 * grow at the end, so never embed or copy them by value across versions; lists are lists of pointers.
 *
 * STRINGS
 *
 * All text is UTF-8; other text is refused. Texts you give end with NUL and are copied before the call
 * returns. Texts in events have a length besides their NUL. Documents that come through a char ** are
 * freed with duologue_string_free(); static texts are not freed. Configurations hold no secrets:
 * credentials are given apart and never written anywhere.
 *
 * AUDIO
 *
 * Samples are int16_t, mono, in the machine's byte order, 8000 to 192000 a second as configured.
 * Amounts are counted in frames, never in bytes; with one channel a frame is one sample. Push the
 * microphone 10 or 20 ms at a time in real time. Assistant audio either comes in audio events, faster
 * than real time, or ("audio.output.delivery": "pull") waits to be pulled at the pace of a speaker.
 * What was heard decides what the conversation remembers of an interrupted answer: audio events count
 * as heard at real-time speed, pulled audio when pulled, and with "audio.output.positions": "reported"
 * only what duologue_client_report_playback() says. push, pull and report wait for nobody and
 * allocate nothing while they succeed; they wake the network thread, which is a system call while it sleeps.
 *
 * duologue_client_level() and duologue_analyser are for drawing both directions: loudness, and frequencies and
 * waveform with the numbers of a browser's AnalyserNode. The output is what is played, not what was received.
 *
 * NOT YET
 *
 * These events are part of the interface and are not produced by this version: capability_changed,
 * device. Device audio needs an audio backend, which only Rust programs can give: use "host"
 * (the default) or "none".
 *
 * VERSIONING
 *
 * DUOLOGUE_ABI_VERSION grows with every break of the binary interface and only then: compare it with
 * duologue_abi_version() where the library is loaded by hand. Within one value functions, results, events
 * and struct tails are only added. Before 1.0 a minor version may raise it, a patch version never does;
 * the shared library's name (libduologue.so.0.1) changes with the minor version.
 */

#ifndef DUOLOGUE_H
#define DUOLOGUE_H

/* Generated by build.rs from src/ffi/c: change it there. */

#include <stddef.h>
#include <stdint.h>

/** The version of this header as text; the library's own is duologue_version(). */
#define DUOLOGUE_VERSION "0.1.0"
#define DUOLOGUE_VERSION_MAJOR 0
#define DUOLOGUE_VERSION_MINOR 1
#define DUOLOGUE_VERSION_PATCH 0
/** major * 1000000 + minor * 1000 + patch, as duologue_version_number() returns it. */
#define DUOLOGUE_VERSION_NUMBER 1000

/*
 * DUOLOGUE_SHARED: define it on Windows when linking the DLL. Nothing is needed elsewhere, or for the
 * static library.
 */
#ifndef DUOLOGUE_API
#if defined(_WIN32) && defined(DUOLOGUE_SHARED)
#define DUOLOGUE_API __declspec(dllimport)
#elif defined(__GNUC__) && !defined(_WIN32)
#define DUOLOGUE_API __attribute__((visibility("default")))
#else
#define DUOLOGUE_API
#endif
#endif

/* Marks what a later version will remove. DUOLOGUE_NO_DEPRECATED silences the compiler about it. */
#ifndef DUOLOGUE_DEPRECATED
#if defined(DUOLOGUE_NO_DEPRECATED)
#define DUOLOGUE_DEPRECATED
#elif defined(__GNUC__)
#define DUOLOGUE_DEPRECATED __attribute__((deprecated))
#elif defined(_MSC_VER)
#define DUOLOGUE_DEPRECATED __declspec(deprecated)
#else
#define DUOLOGUE_DEPRECATED
#endif
#endif

/** The bit of a duologue_event_kind in a mask of events; bits are added up with |. */
#define DUOLOGUE_EVENT_MASK(kind) (((uint64_t)1) << (kind))
/** Every kind of event that this header knows; all but one: DUOLOGUE_EVENT_MASK_ALL & ~DUOLOGUE_EVENT_MASK(kind). */
#define DUOLOGUE_EVENT_MASK_ALL ((uint64_t)0x1fffffff)

/**
 * Version of the binary interface: grows with every break, and only then.
 */
#define DUOLOGUE_ABI_VERSION 1

/**
 * For duologue_client_send_text() and duologue_image: only add the message, do not ask for an answer.
 */
#define DUOLOGUE_SEND_NO_RESPONSE 1

/**
 * For duologue_client_send_text() and duologue_image: cut the assistant off first.
 */
#define DUOLOGUE_SEND_INTERRUPT 2

/**
 * Result of a call: 0 is success, errors are negative. Numbers are only ever added: treat an unknown
 * negative number as a failure. duologue_last_error() has the words.
 */
enum duologue_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It worked.
     */
    DUOLOGUE_OK = 0,
    /**
     * A pointer that must not be NULL is NULL.
     */
    DUOLOGUE_ERROR_NULL_ARGUMENT = -1,
    /**
     * A handle that was never given out, is of another type, or was destroyed.
     */
    DUOLOGUE_ERROR_INVALID_HANDLE = -2,
    /**
     * A value that can never be right.
     */
    DUOLOGUE_ERROR_INVALID_ARGUMENT = -3,
    /**
     * Text that is not UTF-8.
     */
    DUOLOGUE_ERROR_INVALID_UTF8 = -4,
    /**
     * Text that is not JSON.
     */
    DUOLOGUE_ERROR_INVALID_JSON = -5,
    /**
     * A configuration that is wrong; the message names the path.
     */
    DUOLOGUE_ERROR_INVALID_CONFIG = -6,
    /**
     * Right, but not now.
     */
    DUOLOGUE_ERROR_INVALID_STATE = -7,
    /**
     * The caller's buffer is too small; the needed size was written.
     */
    DUOLOGUE_ERROR_BUFFER_TOO_SMALL = -8,
    /**
     * The provider, model or build cannot do it.
     */
    DUOLOGUE_ERROR_UNSUPPORTED = -9,
    /**
     * It would wait for itself: a blocking call inside a callback.
     */
    DUOLOGUE_ERROR_WOULD_DEADLOCK = -10,
    /**
     * Nothing was done because it would have to wait; come again.
     */
    DUOLOGUE_ERROR_WOULD_BLOCK = -20,
    /**
     * The time given was not enough.
     */
    DUOLOGUE_ERROR_TIMEOUT = -21,
    /**
     * Cancelled by another call.
     */
    DUOLOGUE_ERROR_CANCELLED = -22,
    /**
     * The client is over.
     */
    DUOLOGUE_ERROR_CLOSED = -23,
    /**
     * The host was too slow and a queue ran over.
     */
    DUOLOGUE_ERROR_QUEUE_OVERFLOW = -24,
    /**
     * There is nothing with that name.
     */
    DUOLOGUE_ERROR_NOT_FOUND = -25,
    /**
     * A documented bound was exceeded.
     */
    DUOLOGUE_ERROR_LIMIT_EXCEEDED = -26,
    /**
     * Host code failed.
     */
    DUOLOGUE_ERROR_HOST = -27,
    /**
     * A tool failed, timed out or was refused.
     */
    DUOLOGUE_ERROR_TOOL = -28,
    /**
     * No connection came about.
     */
    DUOLOGUE_ERROR_CONNECT_FAILED = -40,
    /**
     * The peer's certificate or the TLS handshake was refused.
     */
    DUOLOGUE_ERROR_TLS = -41,
    /**
     * The credential is missing, malformed, expired or refused.
     */
    DUOLOGUE_ERROR_AUTH = -42,
    /**
     * The peer broke the protocol, or duologue did.
     */
    DUOLOGUE_ERROR_PROTOCOL = -43,
    /**
     * The connection was lost.
     */
    DUOLOGUE_ERROR_DISCONNECTED = -44,
    /**
     * Too many requests for the account.
     */
    DUOLOGUE_ERROR_RATE_LIMITED = -45,
    /**
     * The vendor reported a failure of its own.
     */
    DUOLOGUE_ERROR_PROVIDER = -46,
    /**
     * The account's quota is used up.
     */
    DUOLOGUE_ERROR_QUOTA = -47,
    /**
     * There is no such device.
     */
    DUOLOGUE_ERROR_DEVICE_NOT_FOUND = -70,
    /**
     * The device failed.
     */
    DUOLOGUE_ERROR_DEVICE_LOST = -71,
    /**
     * The operating system denied access.
     */
    DUOLOGUE_ERROR_PERMISSION_DENIED = -72,
    /**
     * An audio format that is not possible.
     */
    DUOLOGUE_ERROR_FORMAT = -73,
    /**
     * A bug in duologue.
     */
    DUOLOGUE_ERROR_INTERNAL = -98,
    /**
     * A panic was caught: a bug in duologue. The client, if there was one, is closed.
     */
    DUOLOGUE_ERROR_PANIC = -99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_result duologue_result;
#else
typedef int32_t duologue_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * State of the connection.
 */
enum duologue_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not connected.
     */
    DUOLOGUE_STATUS_IDLE = 0,
    /**
     * On the way; duologue_client_disconnect() cancels.
     */
    DUOLOGUE_STATUS_CONNECTING = 1,
    /**
     * Configured and ready.
     */
    DUOLOGUE_STATUS_CONNECTED = 2,
    /**
     * Lost, coming back.
     */
    DUOLOGUE_STATUS_RECONNECTING = 3,
    /**
     * Over for this run; the next connect starts afresh.
     */
    DUOLOGUE_STATUS_ERROR = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_status duologue_status;
#else
typedef int32_t duologue_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * One word for a user interface.
 */
enum duologue_mode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not capturing.
     */
    DUOLOGUE_MODE_IDLE = 0,
    /**
     * Capturing.
     */
    DUOLOGUE_MODE_LISTENING = 1,
    /**
     * The agent works on an answer.
     */
    DUOLOGUE_MODE_THINKING = 2,
    /**
     * The agent is audible.
     */
    DUOLOGUE_MODE_SPEAKING = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_mode duologue_mode;
#else
typedef int32_t duologue_mode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happened; tells which family pointer of a duologue_event is set.
 */
enum duologue_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The connection changed: `status`.
     */
    DUOLOGUE_EVENT_STATUS = 0,
    /**
     * Who is audible changed: `mode`.
     */
    DUOLOGUE_EVENT_MODE = 1,
    /**
     * Somebody started to speak: `speech`.
     */
    DUOLOGUE_EVENT_SPEECH_STARTED = 2,
    /**
     * Somebody stopped: `speech`.
     */
    DUOLOGUE_EVENT_SPEECH_STOPPED = 3,
    /**
     * The first sample of the item left the speaker: `playback`.
     */
    DUOLOGUE_EVENT_PLAYBACK_STARTED = 4,
    /**
     * The item will not be heard further: `playback`.
     */
    DUOLOGUE_EVENT_PLAYBACK_FINISHED = 5,
    /**
     * The model finished writing: `response_end`.
     */
    DUOLOGUE_EVENT_GENERATION_DONE = 6,
    /**
     * The response is generated, and played or cut: `response_end`. After a response that called tools another
     * one follows with the answer, and with a turn_done of its own.
     */
    DUOLOGUE_EVENT_TURN_DONE = 7,
    /**
     * The assistant was cut off: `interrupted`.
     */
    DUOLOGUE_EVENT_INTERRUPTED = 8,
    /**
     * The conversation changed: `message`.
     */
    DUOLOGUE_EVENT_MESSAGE = 9,
    /**
     * Words, as they come: `transcript`.
     */
    DUOLOGUE_EVENT_TRANSCRIPT = 10,
    /**
     * Assistant audio to play: `audio`.
     */
    DUOLOGUE_EVENT_AUDIO = 11,
    /**
     * Loudness: `audio_level`.
     */
    DUOLOGUE_EVENT_AUDIO_LEVEL = 12,
    /**
     * The model calls a host function: `tool_call`.
     */
    DUOLOGUE_EVENT_TOOL_CALL = 13,
    /**
     * Nobody waits for a call's answer any more, because the connection ended: `tool_end`.
     */
    DUOLOGUE_EVENT_TOOL_CANCELLED = 14,
    /**
     * A call was answered for the host because it took too long: `tool_end`.
     */
    DUOLOGUE_EVENT_TOOL_TIMEOUT = 15,
    /**
     * The host must provide a credential: `credential_needed`. To be answered before its deadline.
     */
    DUOLOGUE_EVENT_CREDENTIAL_NEEDED = 16,
    /**
     * A command ended: `completed`.
     */
    DUOLOGUE_EVENT_COMPLETED = 17,
    /**
     * The vendor acknowledged the configuration: `session`.
     */
    DUOLOGUE_EVENT_SESSION_CONFIGURED = 18,
    /**
     * What the session can do changed: `session`.
     */
    DUOLOGUE_EVENT_CAPABILITY_CHANGED = 19,
    /**
     * The conversation continues on another vendor session: `session_replaced`.
     */
    DUOLOGUE_EVENT_SESSION_REPLACED = 20,
    /**
     * The conversation continues on another transport: `transport_changed`.
     */
    DUOLOGUE_EVENT_TRANSPORT_CHANGED = 21,
    /**
     * Tokens used: `usage`.
     */
    DUOLOGUE_EVENT_USAGE = 22,
    /**
     * How long a turn took: `latency`.
     */
    DUOLOGUE_EVENT_LATENCY = 23,
    /**
     * An audio device came, went or changed: `device`.
     */
    DUOLOGUE_EVENT_DEVICE = 24,
    /**
     * Something a developer should see: `error`.
     */
    DUOLOGUE_EVENT_WARNING = 25,
    /**
     * A failure: `error`.
     */
    DUOLOGUE_EVENT_ERROR = 26,
    /**
     * A vendor event as it came: `raw`.
     */
    DUOLOGUE_EVENT_RAW = 27,
    /**
     * The host was too slow and events were dropped: `lagged`.
     */
    DUOLOGUE_EVENT_LAGGED = 28,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_event_kind duologue_event_kind;
#else
typedef int32_t duologue_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Step of connecting.
 */
enum duologue_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not connecting.
     */
    DUOLOGUE_PHASE_NONE = 0,
    /**
     * Waiting for a credential.
     */
    DUOLOGUE_PHASE_CREDENTIAL = 1,
    /**
     * Name look-up, TCP, TLS, upgrade.
     */
    DUOLOGUE_PHASE_DIAL = 2,
    /**
     * WebRTC only.
     */
    DUOLOGUE_PHASE_ICE = 3,
    /**
     * WebRTC only.
     */
    DUOLOGUE_PHASE_DTLS = 4,
    /**
     * Waiting for the vendor to acknowledge the session.
     */
    DUOLOGUE_PHASE_CONFIGURE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_phase duologue_phase;
#else
typedef int32_t duologue_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who ended the last run.
 */
enum duologue_ended_by
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nobody: never connected, or not idle.
     */
    DUOLOGUE_ENDED_BY_NONE = 0,
    /**
     * The host called disconnect.
     */
    DUOLOGUE_ENDED_BY_USER = 1,
    /**
     * The vendor closed normally.
     */
    DUOLOGUE_ENDED_BY_AGENT = 2,
    /**
     * The network.
     */
    DUOLOGUE_ENDED_BY_NETWORK = 3,
    /**
     * An error.
     */
    DUOLOGUE_ENDED_BY_ERROR = 4,
    /**
     * A session limit.
     */
    DUOLOGUE_ENDED_BY_LIMIT = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_ended_by duologue_ended_by;
#else
typedef int32_t duologue_ended_by;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Family of an error.
 */
enum duologue_error_class
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A value that can never be right.
     */
    DUOLOGUE_ERROR_CLASS_ARGUMENT = 0,
    /**
     * The configuration is wrong.
     */
    DUOLOGUE_ERROR_CLASS_CONFIG = 1,
    /**
     * The provider, model or build cannot do this.
     */
    DUOLOGUE_ERROR_CLASS_UNSUPPORTED = 2,
    /**
     * Right, but not now.
     */
    DUOLOGUE_ERROR_CLASS_STATE = 3,
    /**
     * A credential is missing, expired or refused.
     */
    DUOLOGUE_ERROR_CLASS_CREDENTIAL = 4,
    /**
     * The network or the peer's transport failed.
     */
    DUOLOGUE_ERROR_CLASS_NETWORK = 5,
    /**
     * The peer's certificate or the TLS handshake was refused.
     */
    DUOLOGUE_ERROR_CLASS_TLS = 6,
    /**
     * The peer broke the protocol, or duologue did.
     */
    DUOLOGUE_ERROR_CLASS_PROTOCOL = 7,
    /**
     * The vendor reported a failure of its own.
     */
    DUOLOGUE_ERROR_CLASS_PROVIDER = 8,
    /**
     * Billing or rate limits of the account.
     */
    DUOLOGUE_ERROR_CLASS_QUOTA = 9,
    /**
     * A documented bound was exceeded.
     */
    DUOLOGUE_ERROR_CLASS_LIMIT = 10,
    /**
     * An audio device failed.
     */
    DUOLOGUE_ERROR_CLASS_DEVICE = 11,
    /**
     * The operating system denied access.
     */
    DUOLOGUE_ERROR_CLASS_PERMISSION = 12,
    /**
     * A tool failed, timed out or does not exist.
     */
    DUOLOGUE_ERROR_CLASS_TOOL = 13,
    /**
     * Host code is too slow or misbehaved.
     */
    DUOLOGUE_ERROR_CLASS_HOST = 14,
    /**
     * A bug in duologue.
     */
    DUOLOGUE_ERROR_CLASS_INTERNAL = 15,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_error_class duologue_error_class;
#else
typedef int32_t duologue_error_class;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the agent does, by what is audible.
 */
enum duologue_agent
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing under way.
     */
    DUOLOGUE_AGENT_IDLE = 0,
    /**
     * A response is under way and not audible.
     */
    DUOLOGUE_AGENT_THINKING = 1,
    /**
     * Audible.
     */
    DUOLOGUE_AGENT_SPEAKING = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_agent duologue_agent;
#else
typedef int32_t duologue_agent;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who said it.
 */
enum duologue_role
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The person.
     */
    DUOLOGUE_ROLE_USER = 0,
    /**
     * The model.
     */
    DUOLOGUE_ROLE_ASSISTANT = 1,
    /**
     * Instructions placed into the conversation.
     */
    DUOLOGUE_ROLE_SYSTEM = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_role duologue_role;
#else
typedef int32_t duologue_role;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who heard that somebody speaks.
 */
enum duologue_speech_source
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The vendor's voice activity detection.
     */
    DUOLOGUE_SPEECH_SOURCE_SERVER = 0,
    /**
     * Duologue's.
     */
    DUOLOGUE_SPEECH_SOURCE_LOCAL = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_speech_source duologue_speech_source;
#else
typedef int32_t duologue_speech_source;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What cut the assistant off.
 */
enum duologue_interrupt_source
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The person spoke.
     */
    DUOLOGUE_INTERRUPT_SOURCE_USER = 0,
    /**
     * The host called for it.
     */
    DUOLOGUE_INTERRUPT_SOURCE_CALL = 1,
    /**
     * The vendor did.
     */
    DUOLOGUE_INTERRUPT_SOURCE_SERVER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_interrupt_source duologue_interrupt_source;
#else
typedef int32_t duologue_interrupt_source;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Kind of change to the conversation.
 */
enum duologue_message_op
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * New.
     */
    DUOLOGUE_MESSAGE_OP_ADDED = 0,
    /**
     * Changed.
     */
    DUOLOGUE_MESSAGE_OP_UPDATED = 1,
    /**
     * Gone.
     */
    DUOLOGUE_MESSAGE_OP_REMOVED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_message_op duologue_message_op;
#else
typedef int32_t duologue_message_op;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How far a message is.
 */
enum duologue_message_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Content may still change.
     */
    DUOLOGUE_MESSAGE_STATE_IN_PROGRESS = 0,
    /**
     * The vendor declared it complete.
     */
    DUOLOGUE_MESSAGE_STATE_COMPLETED = 1,
    /**
     * Cut short: cancelled, interrupted or failed.
     */
    DUOLOGUE_MESSAGE_STATE_INCOMPLETE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_message_state duologue_message_state;
#else
typedef int32_t duologue_message_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Kind of a part of a message.
 */
enum duologue_part_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Typed or written text.
     */
    DUOLOGUE_PART_TYPE_TEXT = 0,
    /**
     * Speech.
     */
    DUOLOGUE_PART_TYPE_AUDIO = 1,
    /**
     * A call of a host function.
     */
    DUOLOGUE_PART_TYPE_TOOL_CALL = 2,
    /**
     * The answer to one.
     */
    DUOLOGUE_PART_TYPE_TOOL_RESULT = 3,
    /**
     * A picture.
     */
    DUOLOGUE_PART_TYPE_IMAGE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_part_type duologue_part_type;
#else
typedef int32_t duologue_part_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Life of a tool call.
 */
enum duologue_tool_call_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The model is still writing the arguments.
     */
    DUOLOGUE_TOOL_CALL_STATE_PENDING = 0,
    /**
     * Handed to the host.
     */
    DUOLOGUE_TOOL_CALL_STATE_RUNNING = 1,
    /**
     * Answered with a result.
     */
    DUOLOGUE_TOOL_CALL_STATE_COMPLETED = 2,
    /**
     * Answered with an error.
     */
    DUOLOGUE_TOOL_CALL_STATE_FAILED = 3,
    /**
     * Never ran: the response was cut short.
     */
    DUOLOGUE_TOOL_CALL_STATE_CANCELLED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_tool_call_state duologue_tool_call_state;
#else
typedef int32_t duologue_tool_call_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a transcript text is to be applied.
 */
enum duologue_transcript_mode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Append.
     */
    DUOLOGUE_TRANSCRIPT_MODE_DELTA = 0,
    /**
     * Replaces what is pending.
     */
    DUOLOGUE_TRANSCRIPT_MODE_REPLACE = 1,
    /**
     * The whole text, done.
     */
    DUOLOGUE_TRANSCRIPT_MODE_FINAL = 2,
    /**
     * Replaces a final text.
     */
    DUOLOGUE_TRANSCRIPT_MODE_CORRECTION = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_transcript_mode duologue_transcript_mode;
#else
typedef int32_t duologue_transcript_mode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a transcript is about.
 */
enum duologue_transcript_stage
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * What the user was understood to say.
     */
    DUOLOGUE_TRANSCRIPT_STAGE_RECOGNIZED = 0,
    /**
     * What the model generated.
     */
    DUOLOGUE_TRANSCRIPT_STAGE_GENERATED = 1,
    /**
     * What was played of it: comes after an interruption, before or after the final text that was generated.
     * A text on screen shall keep this one.
     */
    DUOLOGUE_TRANSCRIPT_STAGE_HEARD = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_transcript_stage duologue_transcript_stage;
#else
typedef int32_t duologue_transcript_stage;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which way audio flows.
 */
enum duologue_direction
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * From the microphone / to the vendor.
     */
    DUOLOGUE_DIRECTION_INPUT = 0,
    /**
     * To the speaker / from the vendor.
     */
    DUOLOGUE_DIRECTION_OUTPUT = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_direction duologue_direction;
#else
typedef int32_t duologue_direction;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a usage figure covers.
 */
enum duologue_usage_scope
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * One response.
     */
    DUOLOGUE_USAGE_SCOPE_RESPONSE = 0,
    /**
     * The session so far.
     */
    DUOLOGUE_USAGE_SCOPE_SESSION = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_usage_scope duologue_usage_scope;
#else
typedef int32_t duologue_usage_scope;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How important a log line is.
 */
enum duologue_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing.
     */
    DUOLOGUE_LOG_LEVEL_OFF = 0,
    /**
     * A bug in duologue or its host.
     */
    DUOLOGUE_LOG_LEVEL_ERROR = 1,
    /**
     * Something a developer should see.
     */
    DUOLOGUE_LOG_LEVEL_WARN = 2,
    /**
     * What happens.
     */
    DUOLOGUE_LOG_LEVEL_INFO = 3,
    /**
     * How it happens; may contain what was said, never a secret.
     */
    DUOLOGUE_LOG_LEVEL_DEBUG = 4,
    /**
     * Everything.
     */
    DUOLOGUE_LOG_LEVEL_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_log_level duologue_log_level;
#else
typedef int32_t duologue_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Kind of a credential. A provider takes some of them only (`credentials` in
 * duologue_client_capabilities_json()).
 */
enum duologue_credential_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A long-lived key of the account. Not for programs that others can read.
     */
    DUOLOGUE_CREDENTIAL_KIND_API_KEY = 0,
    /**
     * A short-lived secret minted for one client.
     */
    DUOLOGUE_CREDENTIAL_KIND_EPHEMERAL = 1,
    /**
     * A URL that carries its own permission.
     */
    DUOLOGUE_CREDENTIAL_KIND_SIGNED_URL = 2,
    /**
     * A token of another issuer that the service takes in the place of a key.
     */
    DUOLOGUE_CREDENTIAL_KIND_BEARER = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_credential_kind duologue_credential_kind;
#else
typedef int32_t duologue_credential_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How closely the model looks at a picture, where the model lets one choose.
 */
enum duologue_image_detail
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing is said about it.
     */
    DUOLOGUE_IMAGE_DETAIL_DEFAULT = 0,
    /**
     * The vendor's choice.
     */
    DUOLOGUE_IMAGE_DETAIL_AUTO = 1,
    /**
     * Roughly, for fewer tokens.
     */
    DUOLOGUE_IMAGE_DETAIL_LOW = 2,
    /**
     * Closely.
     */
    DUOLOGUE_IMAGE_DETAIL_HIGH = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum duologue_image_detail duologue_image_detail;
#else
typedef int32_t duologue_image_detail;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What is in the sound of one direction, with the numbers of a browser's AnalyserNode.
 */
typedef struct duologue_analyser duologue_analyser;

/**
 * A voice session. It can connect, disconnect and connect again; the conversation stays until it is
 * destroyed.
 */
typedef struct duologue_client duologue_client;

/**
 * What a session shall be: one document, made from JSON and adjusted with duologue_config_set_...().
 * Once a client was made from it it cannot change any more, and any number of clients may share it.
 * Credentials are never part of it.
 */
typedef struct duologue_config duologue_config;

/**
 * The threads that call back, shared by any number of clients. Most programs need none: NULL in its
 * place means the default engine, which always exists.
 */
typedef struct duologue_engine duologue_engine;

/**
 * A log line. level is a duologue_log_level, target the part of the library, both texts NUL-terminated
 * UTF-8 (a NUL in a line is written as \0) that are gone when the callback returns.
 */
typedef void (*duologue_log_callback)(void *user_data,
                                      int32_t level,
                                      const char *target,
                                      const char *message);

/**
 * Frees user data. Called exactly once for each call it was given to: after the last callback when that
 * call succeeded, before it returns when it failed. May call duologue.
 */
typedef void (*duologue_user_data_free)(void *user_data);

/**
 * Called once on every thread that will call back, before its first callback; for example to attach it
 * to a Java virtual machine. Must not call duologue.
 */
typedef void (*duologue_thread_start_callback)(void *user_data);

/**
 * How an engine shall be. Fill it with zeros, set struct_size, then what you want; 0 keeps the default.
 */
typedef struct duologue_engine_options {
    /**
     * sizeof(duologue_engine_options)
     */
    uint32_t struct_size;
    /**
     * Threads kept ready, from 2 to max_callback_threads; default 2.
     */
    uint32_t callback_threads;
    /**
     * Threads at most, when callbacks that do not return hold up others, from 2 to 4096; default 256.
     */
    uint32_t max_callback_threads;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * May be NULL.
     */
    duologue_thread_start_callback thread_start;
    /**
     * Handed to thread_start, from several threads.
     */
    void *thread_start_user_data;
    /**
     * Frees thread_start_user_data: called exactly once, when the engine and all its clients are gone, or
     * before duologue_engine_create() returns if it fails. May be NULL.
     */
    duologue_user_data_free thread_start_free;
} duologue_engine_options;

/**
 * A secret for the provider. Fill it with zeros, set struct_size, then kind and value, and what else is known.
 */
typedef struct duologue_credential {
    /**
     * sizeof(duologue_credential)
     */
    uint32_t struct_size;
    /**
     * A duologue_credential_kind.
     */
    int32_t kind;
    /**
     * The secret, UTF-8; copied, and wiped from duologue's memory when it is not needed any more.
     */
    const char *value;
    /**
     * When it stops being good, in seconds since 1970 (what `expires_at` says in the vendors' answers); 0 when
     * nobody knows. After that nothing is dialled with it.
     */
    uint64_t expires_at;
    /**
     * The base URL it is good for, in the place of the configured one: https or wss, on this machine http and ws
     * too; may be NULL. A query in it is taken as secret.
     */
    const char *endpoint;
    /**
     * The model it was minted for; may be NULL. It is dialled when the configuration names none, and another one
     * than the configured is refused.
     */
    const char *model;
} duologue_credential;

/**
 * A picture for the model. Fill it with zeros, set struct_size, then either data and size, or url; the rest
 * as wanted.
 */
typedef struct duologue_image {
    /**
     * sizeof(duologue_image)
     */
    uint32_t struct_size;
    /**
     * 0, or DUOLOGUE_SEND_NO_RESPONSE and DUOLOGUE_SEND_INTERRUPT added.
     */
    uint32_t flags;
    /**
     * The bytes of a picture file, not NUL-terminated; copied. What vendors take: PNG and JPEG.
     */
    const uint8_t *data;
    /**
     * How many bytes; at most 2 MiB.
     */
    size_t size;
    /**
     * In the place of data: a `data:` URL with base64, or the address of a picture where the vendor fetches
     * those itself (OpenAI Realtime does not).
     */
    const char *url;
    /**
     * For example `image/png`; NULL: told from the picture itself.
     */
    const char *mime_type;
    /**
     * Words to the picture, in the same message; may be NULL.
     */
    const char *text;
    /**
     * A duologue_image_detail.
     */
    int32_t detail;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} duologue_image;

/**
 * How a response shall be. Fill it with zeros, set struct_size, then what you want.
 */
typedef struct duologue_response_options {
    /**
     * sizeof(duologue_response_options)
     */
    uint32_t struct_size;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * What the model shall do in this response, added to the session's own instructions. Plain text, so that
     * nothing has to be quoted into JSON; the same as the key in json, and only one of them may be given.
     */
    const char *instructions;
    /**
     * Everything else, as a JSON object; may be NULL. Unknown keys are refused. Its keys, all optional:
     *
     * `instructions`; `replace_instructions` (true: they take the place of the session's own);
     * `output_modality` ("audio" or "text"); `voice`; `tools` (a list as in the configuration, in the place of
     * the session's); `tool_choice` ("auto", "none", "required" or {"function": "NAME"}); `max_output_tokens` (1
     * to 4096); `metadata` (an object of texts, for the vendor's logs: at most 15, keys of 64 and values of 512
     * characters); `out_of_band` (true: no part of the conversation; its words come as transcript events under its
     * own response id, several may run beside the conversation's); `audible` (with out_of_band: play it all the
     * same); `input` (what the model sees in the place of the conversation: a list of {"role": "user", "text":
     * "..."} and {"item": "ID"}; empty: nothing).
     */
    const char *json;
} duologue_response_options;

/**
 * Text inside an event: UTF-8, NUL-terminated, with its length. data is NULL when there is none.
 */
typedef struct duologue_text {
    /**
     * The text, or NULL.
     */
    const char *data;
    /**
     * Bytes without the terminator. Text of a vendor may contain a NUL: the length is right.
     */
    size_t length;
} duologue_text;

/**
 * What went wrong: words for a person, codes for a program. As an event of its own it is a warning or
 * an error (envelope->kind tells which); it also stands in status and completed events.
 */
typedef struct duologue_error_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Its number.
     */
    duologue_result result;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Family.
     */
    duologue_error_class error_class;
    /**
     * 1 when the session cannot go on.
     */
    int32_t fatal;
    /**
     * 1 when the same call may succeed later without a change.
     */
    int32_t retryable;
    /**
     * Always 0.
     */
    int32_t reserved;
    /**
     * Stable word, for example `connect_failed`.
     */
    struct duologue_text code;
    /**
     * One sentence for a person. Never contains a secret.
     */
    struct duologue_text message;
    /**
     * JSON path or parameter it is about.
     */
    struct duologue_text field;
    /**
     * What to do about it.
     */
    struct duologue_text fix;
    /**
     * The vendor's own code.
     */
    struct duologue_text provider_code;
    /**
     * How long the service asks to be left alone, milliseconds; 0 when it does not.
     */
    uint64_t retry_after_ms;
} duologue_error_event;

/**
 * The connection.
 */
typedef struct duologue_status_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Where it is.
     */
    duologue_status status;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Connecting and reconnecting: the step.
     */
    duologue_phase phase;
    /**
     * Idle: who ended the last run.
     */
    duologue_ended_by ended_by;
    /**
     * Idle: stable word for how the last run ended, for example `remote_closed`.
     */
    struct duologue_text ended_code;
    /**
     * Idle: how the last run ended. Reconnecting: why. For a person.
     */
    struct duologue_text detail;
    /**
     * Reconnecting: number of the attempt, from 1.
     */
    uint32_t attempt;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * Reconnecting: milliseconds until the next dial.
     */
    uint64_t retry_in_ms;
    /**
     * Error: why; otherwise NULL.
     */
    const struct duologue_error_event *error;
} duologue_status_event;

/**
 * Both speakers.
 */
typedef struct duologue_mode_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Derived from the two below.
     */
    duologue_mode mode;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * 1 while the person is speaking.
     */
    int32_t user_speaking;
    /**
     * The agent.
     */
    duologue_agent agent;
} duologue_mode_event;

/**
 * A start or stop of the user's speech (envelope->kind tells which).
 */
typedef struct duologue_speech_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Who speaks: always the user today.
     */
    duologue_role who;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Position in the audio sent in this session, milliseconds.
     */
    uint64_t audio_ms;
    /**
     * Who heard it.
     */
    duologue_speech_source source;
} duologue_speech_event;

/**
 * First or last sample of an item (envelope->kind tells which; the item is in the envelope).
 */
typedef struct duologue_playback_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Content index.
     */
    uint32_t part;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Finished: milliseconds really played.
     */
    uint64_t heard_ms;
    /**
     * Finished: 1 when all that was received was played.
     */
    int32_t complete;
    /**
     * Finished: 1 when heard_ms is counted by a clock or by pulls, not reported by who played it.
     */
    int32_t estimated;
} duologue_playback_event;

/**
 * End of generation, or of a whole turn (envelope->kind tells which).
 */
typedef struct duologue_response_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * `completed`, `cancelled`, `failed`, `incomplete`, or what a vendor adds.
     */
    struct duologue_text status;
    /**
     * The vendor's reason, for example `turn_detected`.
     */
    struct duologue_text reason;
} duologue_response_event;

/**
 * The assistant was cut off; the item is in the envelope. Throw away what you have not played.
 */
typedef struct duologue_interrupted_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * What did it.
     */
    duologue_interrupt_source source;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Milliseconds of the item really played.
     */
    uint64_t heard_ms;
    /**
     * 1 when the vendor cuts its own copy, 0 when it is told where.
     */
    int32_t server_truncated;
    /**
     * 1 when heard_ms is counted by a clock or by pulls, not reported by who played it.
     */
    int32_t estimated;
} duologue_interrupted_event;

/**
 * A piece of a message. Which fields are set depends on the type.
 */
typedef struct duologue_part {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Content index: its place in the message.
     */
    uint32_t index;
    /**
     * Kind.
     */
    duologue_part_type part_type;
    /**
     * Tool call: how far it is.
     */
    duologue_tool_call_state tool_state;
    /**
     * Tool result: 1 when the tool failed.
     */
    int32_t is_error;
    /**
     * Always 0.
     */
    int32_t reserved;
    /**
     * Text: the text. Audio: what was said or generated. Tool result: the result.
     */
    struct duologue_text text;
    /**
     * Audio of the assistant: the words really played; data is NULL until known.
     */
    struct duologue_text heard_text;
    /**
     * Audio: milliseconds received (assistant) or spoken (user).
     */
    uint64_t duration_ms;
    /**
     * Audio of the assistant: milliseconds really played.
     */
    uint64_t heard_ms;
    /**
     * Tool call and tool result: id of the call.
     */
    struct duologue_text call_id;
    /**
     * Tool call: function name.
     */
    struct duologue_text name;
    /**
     * Tool call: arguments as the model wrote them, JSON text.
     */
    struct duologue_text arguments;
    /**
     * Tool call: what the model was answered.
     */
    struct duologue_text output;
    /**
     * Image: for example `image/png`.
     */
    struct duologue_text mime_type;
    /**
     * Image: base64 of the encoded picture; either this or url.
     */
    struct duologue_text data;
    /**
     * Image: where it is.
     */
    struct duologue_text url;
} duologue_part;

/**
 * A change to the conversation. When updated, `parts` has only the parts that changed.
 */
typedef struct duologue_message_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Kind of change.
     */
    duologue_message_op op;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * The message.
     */
    struct duologue_text id;
    /**
     * The message before this one; data is NULL when it is the first.
     */
    struct duologue_text after;
    /**
     * Who said it.
     */
    duologue_role role;
    /**
     * How far it is.
     */
    duologue_message_state state;
    /**
     * Grows with every change, 1 for a new message.
     */
    uint64_t revision;
    /**
     * Start of speech or time of sending, on the clock of the events.
     */
    uint64_t created_ms;
    /**
     * 1 when the assistant was cut off while this was audible or pending.
     */
    int32_t interrupted;
    /**
     * Always 0.
     */
    int32_t reserved;
    /**
     * The parts, each with its index.
     */
    const struct duologue_part *const *parts;
    /**
     * How many.
     */
    size_t part_count;
} duologue_message_event;

/**
 * Words of the item in the envelope.
 */
typedef struct duologue_transcript_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Who.
     */
    duologue_role role;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * The words.
     */
    struct duologue_text text;
    /**
     * How to apply them.
     */
    duologue_transcript_mode mode;
    /**
     * What they are.
     */
    duologue_transcript_stage stage;
    /**
     * Content index.
     */
    uint32_t part;
    /**
     * 1 when duologue computed them from positions.
     */
    int32_t estimated;
    /**
     * 1 when error_words is known: heard words that had to be estimated from the text.
     */
    int32_t has_error_words;
    /**
     * How many words too many or too few these may be, in 95 of 100 cases.
     */
    uint32_t error_words;
} duologue_transcript_event;

/**
 * Assistant audio to play; the item is in the envelope. It comes faster than real time.
 */
typedef struct duologue_audio_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Frames a second.
     */
    uint32_t rate;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Mono samples, native endian.
     */
    const int16_t *samples;
    /**
     * How many.
     */
    size_t frame_count;
    /**
     * Content index.
     */
    uint32_t part;
} duologue_audio_event;

/**
 * Loudness on the scale -60..0 dBFS, as 0..1; at most ten a second and direction.
 */
typedef struct duologue_audio_level_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Which way.
     */
    duologue_direction direction;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Of the signal's power.
     */
    float rms;
    /**
     * Of its largest sample.
     */
    float peak;
} duologue_audio_level_event;

/**
 * A call of a host function: answer it with duologue_client_submit_tool_result().
 */
typedef struct duologue_tool_call_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Number of the connection it came on; answer with it.
     */
    uint32_t epoch;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Id of the call; answer with it.
     */
    struct duologue_text call_id;
    /**
     * Function name.
     */
    struct duologue_text name;
    /**
     * Arguments as the model wrote them, JSON text; they fit the function's schema.
     */
    struct duologue_text arguments;
} duologue_tool_call_event;

/**
 * A call that ended without the host (envelope->kind tells why).
 */
typedef struct duologue_tool_end_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Number of the connection it came on.
     */
    uint32_t epoch;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Id of the call.
     */
    struct duologue_text call_id;
    /**
     * Function name.
     */
    struct duologue_text name;
} duologue_tool_end_event;

/**
 * A request for a credential: answer with duologue_client_answer_credential(), or refuse it.
 */
typedef struct duologue_credential_needed_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Answer with this.
     */
    uint64_t request_id;
    /**
     * Until when, on the clock of the events.
     */
    uint64_t deadline_ms;
    /**
     * `connect`: for a dial. `reconnect`: for the dial after a lost connection. `rollover`: for the next session,
     * opened before this one ends. `rejected`: the service refused the last one. `refresh`: it expires soon.
     */
    struct duologue_text reason;
} duologue_credential_needed_event;

/**
 * How a command ended. For a response that was asked for, envelope->response names it.
 */
typedef struct duologue_completed_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * DUOLOGUE_OK, or the error's number.
     */
    duologue_result result;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * The command's number, as out_op gave it.
     */
    uint64_t op;
    /**
     * What went wrong; NULL when it worked.
     */
    const struct duologue_error_event *error;
    /**
     * Of duologue_client_ping(): there and back, microseconds; otherwise 0.
     */
    uint64_t round_trip_us;
} duologue_completed_event;

/**
 * The session in force (configured), or what it can do changed.
 */
typedef struct duologue_session_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * The vendor's session object as it came, JSON.
     */
    struct duologue_text effective_json;
    /**
     * Where it differs from the wish: JSON list of {path, wished, effective}.
     */
    struct duologue_text differences_json;
} duologue_session_event;

/**
 * The conversation continues on another vendor session.
 */
typedef struct duologue_session_replaced_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * `reconnect`: the connection was lost. `rollover`: the vendor was about to end its session, or has.
     * `connect`: the client connected again, or with an imported conversation. `reconfigure`.
     */
    struct duologue_text why;
    /**
     * How much of the conversation it was told: `full`, `partial` or `none`.
     */
    struct duologue_text context;
    /**
     * Microphone audio lost, milliseconds.
     */
    uint64_t gap_ms;
} duologue_session_replaced_event;

/**
 * The conversation continues on another transport.
 */
typedef struct duologue_transport_changed_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Before.
     */
    struct duologue_text from;
    /**
     * After.
     */
    struct duologue_text to;
    /**
     * Why.
     */
    struct duologue_text why;
} duologue_transport_changed_event;

/**
 * Tokens used.
 */
typedef struct duologue_usage_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * What it covers.
     */
    duologue_usage_scope scope;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * 1 when later figures include this one.
     */
    int32_t cumulative;
    /**
     * 1 when cost is known.
     */
    int32_t has_cost;
    /**
     * In US dollars.
     */
    double cost;
    /**
     * Read by the model: all tokens.
     */
    uint64_t input_total;
    /**
     * Of them text.
     */
    uint64_t input_text;
    /**
     * Of them audio.
     */
    uint64_t input_audio;
    /**
     * Of them pictures.
     */
    uint64_t input_image;
    /**
     * Of them read from the vendor's cache.
     */
    uint64_t input_cached;
    /**
     * Written by the model: all tokens.
     */
    uint64_t output_total;
    /**
     * Of them text.
     */
    uint64_t output_text;
    /**
     * Of them audio.
     */
    uint64_t output_audio;
    /**
     * Time the vendor bills, milliseconds; 0 where it bills by tokens.
     */
    uint64_t billed_ms;
} duologue_usage_event;

/**
 * One turn, from the last voiced sample (or sending text) to the first one played.
 */
typedef struct duologue_latency_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Last voiced sample until the vendor said the turn ended, milliseconds.
     */
    uint64_t endpointing_ms;
    /**
     * From there to the first audio or text received.
     */
    uint64_t service_ms;
    /**
     * From there to the first sample played.
     */
    uint64_t buffer_ms;
    /**
     * Their sum.
     */
    uint64_t total_ms;
} duologue_latency_event;

/**
 * An audio device came, went or changed.
 */
typedef struct duologue_device_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * 1 when the microphone is closed while the agent is audible.
     */
    int32_t half_duplex;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * `added`, `removed`, `changed`, `lost`, `denied` or `silent`.
     */
    struct duologue_text change;
    /**
     * Which device.
     */
    struct duologue_text device;
} duologue_device_event;

/**
 * A vendor event as it came (`raw_events` in the configuration).
 */
typedef struct duologue_raw_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Input: sent to the vendor; output: received.
     */
    duologue_direction direction;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * JSON text.
     */
    struct duologue_text json;
} duologue_raw_event;

/**
 * How many events were dropped because the host was slow.
 */
typedef struct duologue_lagged_event {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * The event this is part of.
     */
    const struct duologue_event *envelope;
    /**
     * Level events.
     */
    uint64_t levels;
    /**
     * Raw events.
     */
    uint64_t raw;
    /**
     * Usage and latency events replaced by newer ones.
     */
    uint64_t figures;
    /**
     * Transcript deltas merged into one.
     */
    uint64_t merged;
    /**
     * Audio events.
     */
    uint64_t audio;
} duologue_lagged_event;

/**
 * What the host calls a client: one of the `labels` of its configuration.
 */
typedef struct duologue_label {
    /**
     * Bytes of this struct.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * For example `tenant`.
     */
    struct duologue_text key;
    /**
     * For example `7`.
     */
    struct duologue_text value;
} duologue_label;

/**
 * Something that happened. Exactly one of the family pointers is not NULL: the one `kind` names; an
 * event of a newer version may have none that this header knows. Everything it points to lives as long
 * as the event: until the callback returns, or until duologue_event_free().
 */
typedef struct duologue_event {
    /**
     * Bytes of this struct in the library that made it: look before reading fields added later.
     */
    uint32_t struct_size;
    /**
     * What happened.
     */
    duologue_event_kind kind;
    /**
     * Consecutive number within the client, from 1.
     */
    uint64_t seq;
    /**
     * Milliseconds since the client was made, monotonic.
     */
    uint64_t time_ms;
    /**
     * Number of the user's turn it belongs to, from 1; 0 for none.
     */
    uint64_t turn;
    /**
     * Number of the connection, from 1; 0 before the first.
     */
    uint32_t epoch;
    /**
     * 1 when the vendor did not say it and duologue concluded it.
     */
    int32_t inferred;
    /**
     * The response it belongs to.
     */
    struct duologue_text response;
    /**
     * The conversation item it belongs to, which is also the id of its message.
     */
    struct duologue_text item;
    /**
     * The connection.
     */
    const struct duologue_status_event *status;
    /**
     * Both speakers.
     */
    const struct duologue_mode_event *mode;
    /**
     * Speech of the user.
     */
    const struct duologue_speech_event *speech;
    /**
     * Playing of an item.
     */
    const struct duologue_playback_event *playback;
    /**
     * End of a response.
     */
    const struct duologue_response_event *response_end;
    /**
     * The assistant was cut off.
     */
    const struct duologue_interrupted_event *interrupted;
    /**
     * A change to the conversation.
     */
    const struct duologue_message_event *message;
    /**
     * Words.
     */
    const struct duologue_transcript_event *transcript;
    /**
     * Assistant audio.
     */
    const struct duologue_audio_event *audio;
    /**
     * Loudness.
     */
    const struct duologue_audio_level_event *audio_level;
    /**
     * A call of a host function.
     */
    const struct duologue_tool_call_event *tool_call;
    /**
     * A call that ended without the host.
     */
    const struct duologue_tool_end_event *tool_end;
    /**
     * A request for a credential.
     */
    const struct duologue_credential_needed_event *credential_needed;
    /**
     * End of a command.
     */
    const struct duologue_completed_event *completed;
    /**
     * The session in force.
     */
    const struct duologue_session_event *session;
    /**
     * Another vendor session.
     */
    const struct duologue_session_replaced_event *session_replaced;
    /**
     * Another transport.
     */
    const struct duologue_transport_changed_event *transport_changed;
    /**
     * Tokens used.
     */
    const struct duologue_usage_event *usage;
    /**
     * How long a turn took.
     */
    const struct duologue_latency_event *latency;
    /**
     * A device.
     */
    const struct duologue_device_event *device;
    /**
     * A warning or a failure.
     */
    const struct duologue_error_event *error;
    /**
     * A vendor event.
     */
    const struct duologue_raw_event *raw;
    /**
     * Events that were dropped.
     */
    const struct duologue_lagged_event *lagged;
    /**
     * The client's labels (`labels` in the configuration), by key; pointers, because labels may grow in later
     * versions. NULL when it has none.
     */
    const struct duologue_label *const *labels;
    /**
     * How many.
     */
    size_t label_count;
} duologue_event;

/**
 * Something happened. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_event_callback)(void *user_data, const struct duologue_event *event);

/**
 * The connection changed. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_status_callback)(void *user_data, const struct duologue_status_event *event);

/**
 * The host must provide a credential. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_credential_needed_callback)(void *user_data,
                                                    const struct duologue_credential_needed_event *event);

/**
 * A command ended. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_completed_callback)(void *user_data,
                                            const struct duologue_completed_event *event);

/**
 * The session was configured, or what it can do changed. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_session_callback)(void *user_data,
                                          const struct duologue_session_event *event);

/**
 * The conversation continues on another vendor session. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_session_replaced_callback)(void *user_data,
                                                   const struct duologue_session_replaced_event *event);

/**
 * The conversation continues on another transport. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_transport_changed_callback)(void *user_data,
                                                    const struct duologue_transport_changed_event *event);

/**
 * Tokens were used. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_usage_callback)(void *user_data, const struct duologue_usage_event *event);

/**
 * A turn took so long. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_latency_callback)(void *user_data,
                                          const struct duologue_latency_event *event);

/**
 * An audio device came, went or changed. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_device_callback)(void *user_data, const struct duologue_device_event *event);

/**
 * Something failed, or a developer should see it. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_error_callback)(void *user_data, const struct duologue_error_event *event);

/**
 * A vendor event, as it came. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_raw_callback)(void *user_data, const struct duologue_raw_event *event);

/**
 * The host was too slow and events were dropped. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_lagged_callback)(void *user_data, const struct duologue_lagged_event *event);

/**
 * Who is audible changed. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_mode_callback)(void *user_data, const struct duologue_mode_event *event);

/**
 * The user started or stopped to speak. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_speech_callback)(void *user_data, const struct duologue_speech_event *event);

/**
 * An item began to be heard, or will not be heard further. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_playback_callback)(void *user_data,
                                           const struct duologue_playback_event *event);

/**
 * The model finished writing, or the turn is over. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_response_callback)(void *user_data,
                                           const struct duologue_response_event *event);

/**
 * The assistant was cut off. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_interrupted_callback)(void *user_data,
                                              const struct duologue_interrupted_event *event);

/**
 * The conversation changed. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_message_callback)(void *user_data,
                                          const struct duologue_message_event *event);

/**
 * Words came. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_transcript_callback)(void *user_data,
                                             const struct duologue_transcript_event *event);

/**
 * Assistant audio came. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_audio_callback)(void *user_data, const struct duologue_audio_event *event);

/**
 * It is this loud. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_audio_level_callback)(void *user_data,
                                              const struct duologue_audio_level_event *event);

/**
 * The model calls a host function. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_tool_call_callback)(void *user_data,
                                            const struct duologue_tool_call_event *event);

/**
 * A tool call ended without the host. The event and all it points to is gone when the callback returns.
 */
typedef void (*duologue_tool_end_callback)(void *user_data,
                                           const struct duologue_tool_end_event *event);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The library's version as text, for example "0.1.0".
 *
 * @return static text, never NULL; not to be freed
 * @par Thread
 * any
 */
DUOLOGUE_API const char *duologue_version(void);

/**
 * The library's version as one number: major * 1000000 + minor * 1000 + patch.
 *
 * @return the number; compare it with DUOLOGUE_VERSION_NUMBER of the header
 * @par Thread
 * any
 */
DUOLOGUE_API uint32_t duologue_version_number(void);

/**
 * The version of the binary interface the library was built with.
 *
 * @return the number; a program works with a library of the same DUOLOGUE_ABI_VERSION
 * @par Thread
 * any
 */
DUOLOGUE_API uint32_t duologue_abi_version(void);

/**
 * Name of a result without its prefix, for example "INVALID_HANDLE".
 *
 * @param code a duologue_result, or any number
 * @return static text, never NULL ("UNKNOWN" for a number this version does not know); not to be freed
 * @par Thread
 * any, also audio threads
 */
DUOLOGUE_API
const char *duologue_result_name(int32_t code);

/**
 * The words of the last failing call on this thread: cause, field, fix. A call that succeeds does not
 * clear them. Empty when no call has failed on this thread.
 *
 * What fails later does not come here but as a `completed` event or a status with its error.
 *
 * @param[out] buffer receives NUL-terminated UTF-8, cut at no character's expense: all of it or nothing;
 *             may be NULL when capacity is 0
 * @param capacity bytes of buffer
 * @param[out] out_needed bytes needed with the terminator; may be NULL; also written with
 *             DUOLOGUE_ERROR_BUFFER_TOO_SMALL
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_BUFFER_TOO_SMALL, DUOLOGUE_ERROR_NULL_ARGUMENT (buffer is NULL
 *         and capacity is not 0); none of them replaces the words
 * @par Thread
 * any but audio threads; each thread has its own last error
 */
DUOLOGUE_API
duologue_result duologue_last_error(char *buffer,
                                    size_t capacity,
                                    size_t *out_needed);

/**
 * The last failing call on this thread as a JSON object: `class`, `code`, `message`, and where there is
 * one `field`, `fix`, `provider_code`, `retry_after_ms`; `fatal`, `retryable`.
 *
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_NOT_FOUND (no call has failed)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_last_error_json(char **out_json);

/**
 * Frees text that duologue allocated: whatever came through a `char **`.
 *
 * @param string the text, or NULL
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API void duologue_string_free(char *string);

/**
 * Sends log lines of the whole library to a callback, in the place of an earlier one. It is called on
 * the thread that has something to say, which is any but an audio thread, on several at a time; it must not
 * call duologue, and be quick: most lines come from the network thread, which all sessions share. Replacing does not wait
 * for a call that is running: the old free_fn runs when it is over.
 *
 * @param max_level a duologue_log_level: the least important that is wanted
 * @param callback the function; NULL switches logging off
 * @param user_data handed to it
 * @param free_fn frees user_data: called exactly once, after the last line, or before this returns if it
 *                fails; may be NULL
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown level), DUOLOGUE_ERROR_INVALID_STATE (the
 *         program is in Rust and its own logger already gets the lines)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_set_log_callback(int32_t max_level,
                                          duologue_log_callback callback,
                                          void *user_data,
                                          duologue_user_data_free free_fn);

/**
 * Makes a configuration.
 *
 * @param json the document, or NULL for the defaults; unknown keys are errors (duologue_config_schema()
 *             has the keys)
 * @param[out] out_config receives the configuration; free it with duologue_config_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_UTF8,
 *         DUOLOGUE_ERROR_INVALID_JSON, DUOLOGUE_ERROR_INVALID_CONFIG (the last error names the path, the
 *         cause and the fix), DUOLOGUE_ERROR_UNSUPPORTED (for example an unknown provider)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_config_create(const char *json,
                                       duologue_config **out_config);

/**
 * Makes a configuration from another one, for example for one client of a document that many share: a copy that
 * may change again, with some fields replaced.
 *
 * @param config the other one, which stays as it is; NULL for the defaults
 * @param overrides a JSON object, or NULL for none: a merge patch (RFC 7396), so objects are merged, everything
 *                  else, lists too, is replaced, and null gives a default back, for example {"voice": null,
 *                  "labels": {"caller": "Ada"}}. Only {"transcription": null} switches transcription off, as in a
 *                  document
 * @param[out] out_config receives the configuration; free it with duologue_config_free()
 * @return as duologue_config_create(), and DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_config_copy(const duologue_config *config,
                                     const char *overrides,
                                     duologue_config **out_config);

/**
 * Frees a configuration. Clients made from it keep it.
 *
 * @param config the configuration, or NULL; one that was freed already is ignored
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API void duologue_config_free(duologue_config *config);

/**
 * Sets a text, for example `instructions` or `base_url`. Nothing has to be quoted. Types and names are
 * checked at once; combinations of fields when a client is made.
 *
 * @param config a configuration no client was made from yet
 * @param path a path like `voice`, `audio.input.source` or `tools[0].name`
 * @param value the text
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
 *         DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_CONFIG (the last error names the path),
 *         DUOLOGUE_ERROR_INVALID_STATE (a client was made from it)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_config_set_string(duologue_config *config,
                                           const char *path,
                                           const char *value);

/**
 * Sets a whole number, for example `audio.input.rate`.
 *
 * @param config a configuration no client was made from yet
 * @param path as in duologue_config_set_string()
 * @param value the number
 * @return as duologue_config_set_string()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_config_set_int(duologue_config *config,
                                        const char *path,
                                        int64_t value);

/**
 * Sets a number, for example `turn_detection.threshold`.
 *
 * @param config a configuration no client was made from yet
 * @param path as in duologue_config_set_string()
 * @param value the number, finite
 * @return as duologue_config_set_string(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (not a finite number)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_config_set_double(duologue_config *config,
                                           const char *path,
                                           double value);

/**
 * Sets a truth value, for example `auto_capture`.
 *
 * @param config a configuration no client was made from yet
 * @param path as in duologue_config_set_string()
 * @param value 0 or 1
 * @return as duologue_config_set_string(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (neither 0 nor 1)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_config_set_bool(duologue_config *config,
                                         const char *path,
                                         int value);

/**
 * Sets any field, for example `tools[0]`, to a JSON value. `null` takes it back to nothing.
 *
 * @param config a configuration no client was made from yet
 * @param path as in duologue_config_set_string()
 * @param json the value
 * @return as duologue_config_set_string(), and DUOLOGUE_ERROR_INVALID_JSON
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_config_set_json(duologue_config *config,
                                         const char *path,
                                         const char *json);

/**
 * The whole document, defaults included.
 *
 * @param config the configuration
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_config_to_json(const duologue_config *config,
                                        char **out_json);

/**
 * Checks a document without making a configuration.
 *
 * @param json the document
 * @return as duologue_config_create()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API duologue_result duologue_config_validate(const char *json);

/**
 * The JSON Schema of the document.
 *
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API duologue_result duologue_config_schema(char **out_json);

/**
 * What is known of providers, models and voices without asking anybody: a JSON object with the list
 * `providers`, each with its defaults, `models` (until when they live, what follows them),
 * `transcription_models` and `voices`.
 *
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API duologue_result duologue_catalogue(char **out_json);

/**
 * Makes an engine.
 *
 * @param options how it shall be; NULL for the defaults
 * @param[out] out_engine receives the engine; end it with duologue_engine_destroy()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_ARGUMENT (a value is out of
 *         range, struct_size is too small, or reserved is not 0), DUOLOGUE_ERROR_INTERNAL (the system gives
 *         no threads)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_engine_create(const duologue_engine_options *options,
                                       duologue_engine **out_engine);

/**
 * Ends an engine. Its clients live on, and its threads with them.
 *
 * @param engine the engine, or NULL; one that was destroyed already is ignored
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API void duologue_engine_destroy(duologue_engine *engine);

/**
 * Makes a client that is not connected. It copies nothing: a configuration is shared.
 *
 * @param engine the engine whose threads call back; NULL for the default one
 * @param config what the session shall be; NULL for the defaults. It cannot change any more then
 * @param[out] out_client receives the client; end it with duologue_client_destroy()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
 *         DUOLOGUE_ERROR_INVALID_CONFIG, DUOLOGUE_ERROR_UNSUPPORTED, DUOLOGUE_ERROR_INTERNAL (the system gives
 *         no threads)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_create(duologue_engine *engine,
                                       const duologue_config *config,
                                       duologue_client **out_client);

/**
 * Ends a client: it disconnects, and everything it holds is released. Waits for a callback of this
 * client that is running, however long that takes; afterwards no callback runs or will run, and every
 * free function has run.
 *
 * Inside a callback (of any client) it does not wait: no further callback starts, the current one
 * finishes normally, and the free functions run after it, on that thread.
 *
 * Never hold a lock that a callback needs while calling this (a Python GIL too): both would wait for
 * ever. The connection is closed in the background; to see it closed, call duologue_client_disconnect()
 * and wait for DUOLOGUE_STATUS_IDLE first.
 *
 * @param client the client, or NULL; one that was destroyed already is ignored, also by another thread
 *               at the same time, which then does not wait
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
void duologue_client_destroy(duologue_client *client);

/**
 * Clients that were made and not destroyed. At the end of a program that cleans up: 0.
 *
 * @return how many
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API size_t duologue_live_clients(void);

/**
 * The connection, now.
 *
 * @param client the client
 * @param[out] out_status receives it
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_status(const duologue_client *client,
                                       duologue_status *out_status);

/**
 * One word for a user interface, now.
 *
 * @param client the client
 * @param[out] out_mode receives it
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_mode(const duologue_client *client,
                                     duologue_mode *out_mode);

/**
 * Waits until the connection is in a state. The one blocking call of callback delivery: for programs
 * that have nothing else to do.
 *
 * @param client the client
 * @param status a duologue_status
 * @param timeout_ms how long; 0 only looks, negative waits for ever
 * @return DUOLOGUE_OK (it is, or was for a moment), DUOLOGUE_ERROR_TIMEOUT, DUOLOGUE_ERROR_WOULD_DEADLOCK
 *         (inside a callback), DUOLOGUE_ERROR_CLOSED (destroyed meanwhile), DUOLOGUE_ERROR_NULL_ARGUMENT,
 *         DUOLOGUE_ERROR_INVALID_HANDLE, DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown status); when the run fails
 *         while another state is waited for: the number of its error
 * @par Thread
 * any but callbacks and audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_wait_status(duologue_client *client,
                                            int32_t status,
                                            int32_t timeout_ms);

/**
 * Whether a connect has a chance, before anything is dialled: there is a credential (or one is asked for) and a
 * way to dial. Asks neither network nor device.
 *
 * @param client the client
 * @param[out] out_can_connect receives 1 or 0; duologue_client_availability_json() says why not
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_can_connect(const duologue_client *client,
                                            int *out_can_connect);

/**
 * What stands in the way of a connect, as JSON: the keys `credential`, `transport` and `microphone`, each with the
 * error that a person can be told, and absent when all is well there. Without a microphone a client works all
 * the same, with text.
 *
 * @param client the client
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_availability_json(const duologue_client *client,
                                                  char **out_json);

/**
 * Everything about the client now, as JSON: `revision`, `status`, `mode`, `user_speaking`, `agent`, `error` (the
 * newest of this run, fatal or not, or null), and `messages`, the conversation in order with what is being said.
 *
 * @param client the client
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_state_json(const duologue_client *client,
                                           char **out_json);

/**
 * Counters since the client was made, as JSON.
 *
 * @param client the client
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_stats_json(const duologue_client *client,
                                           char **out_json);

/**
 * What the provider and model can do, as JSON: turn modes, pictures, tools, voices, kinds of credentials, what can
 * change while a session runs, and more. A key that is absent is not declared; `false` is confirmed unsupported.
 *
 * @param client the client
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_capabilities_json(const duologue_client *client,
                                                  char **out_json);

/**
 * The configuration the client was made from, as JSON.
 *
 * @param client the client
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_config_json(const duologue_client *client,
                                            char **out_json);

/**
 * Gives the secret for the next dial, in the place of an earlier one ("credentials": {"source": "given"}, the
 * default). What fails leaves the earlier one.
 *
 * @param client the client
 * @param credential the secret
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
 *         DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown kind, or struct_size too
 *         small), DUOLOGUE_ERROR_AUTH (empty, or characters no key has; `bad_endpoint`; `model_mismatch`;
 *         `ephemeral_only`: the configuration takes short-lived secrets only), DUOLOGUE_ERROR_UNSUPPORTED
 *         (`credential_kind`: the provider takes none of that kind), DUOLOGUE_ERROR_INVALID_STATE
 *         (`credential_asked`: the configuration says that credentials are asked for)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_credential(duologue_client *client,
                                               const duologue_credential *credential);

/**
 * Answers a `credential_needed` event ("credentials": {"source": "asked"}), also inside its callback. Each request
 * takes one answer, before its deadline. What fails for another reason than DUOLOGUE_ERROR_INVALID_STATE leaves the
 * request open for a better answer.
 *
 * @param client the client
 * @param request_id the request_id of the event
 * @param credential the secret; used for one dial
 * @return as duologue_client_set_credential(), DUOLOGUE_ERROR_INVALID_STATE meaning `stale_request` here (nobody
 *         asked, it was answered or refused already, its deadline is past, or its run is over: nothing changes), and
 *         DUOLOGUE_ERROR_AUTH also for `expired_key`; DUOLOGUE_ERROR_CLOSED (destroyed meanwhile)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_answer_credential(duologue_client *client,
                                                  uint64_t request_id,
                                                  const duologue_credential *credential);

/**
 * Says that there is no credential for a `credential_needed` event: the connect fails with `credential_refused`, or,
 * when it was asked for ahead of expiry, the call goes on with what it has.
 *
 * @param client the client
 * @param request_id the request_id of the event
 * @param reason one sentence for a person, which goes into the error; what looks like a key is taken out; NULL
 *               for none
 * @param retryable 1 when it may succeed later without a change, otherwise 0
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
 *         DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT (retryable is neither 0 nor 1),
 *         DUOLOGUE_ERROR_INVALID_STATE (`stale_request`, as duologue_client_answer_credential()),
 *         DUOLOGUE_ERROR_CLOSED (destroyed meanwhile)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_refuse_credential(duologue_client *client,
                                                  uint64_t request_id,
                                                  const char *reason,
                                                  int retryable);

/**
 * Dials, configures, and completes when the vendor has confirmed; bounded to 30 seconds. Give a
 * credential first. `completed` carries DUOLOGUE_ERROR_INVALID_STATE (already connected),
 * DUOLOGUE_ERROR_AUTH, DUOLOGUE_ERROR_CONNECT_FAILED, DUOLOGUE_ERROR_TLS, DUOLOGUE_ERROR_PROTOCOL,
 * DUOLOGUE_ERROR_CANCELLED, or what the vendor says.
 *
 * @param client the client
 * @param[out] out_op receives the number of the command; may be NULL
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
 *         DUOLOGUE_ERROR_WOULD_BLOCK (256 commands or 4096 events are waiting), DUOLOGUE_ERROR_CLOSED
 *         (destroyed meanwhile); so does every command below
 * @par Thread
 * any but audio threads; so is every command below
 */
DUOLOGUE_API
duologue_result duologue_client_connect(duologue_client *client,
                                        uint64_t *out_op);

/**
 * Ends the run, also while connecting. Completes when idle, always well; doing it twice is no error. Never
 * waits for host code.
 *
 * @param client the client
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_disconnect(duologue_client *client,
                                           uint64_t *out_op);

/**
 * Cuts the assistant off. Completes when the speaker is silent and the vendor was told what was heard; at once,
 * and well, when nothing is said. `completed` carries DUOLOGUE_ERROR_INVALID_STATE (not connected) or
 * DUOLOGUE_ERROR_CANCELLED (the connection ended first).
 *
 * @param client the client, connected
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_interrupt(duologue_client *client,
                                          uint64_t *out_op);

/**
 * Answers a tool call, at any later time, inside the callback too. `completed` carries
 * DUOLOGUE_ERROR_NOT_FOUND for a call that is unknown, answered already, or of an earlier connection;
 * DUOLOGUE_ERROR_INVALID_STATE (not connected; `call_over`: it took too long, and the model was told so); and, the
 * model being told of it in the place of the result, DUOLOGUE_ERROR_TOOL (`invalid_result`: it does not fit the
 * function's output_schema) and DUOLOGUE_ERROR_LIMIT_EXCEEDED (over 256 KiB). A result over
 * `tool_handling.result_max_length` is cut for the model, with a warning.
 *
 * @param client the client, connected
 * @param epoch the epoch of the tool_call event
 * @param call_id the call_id of the tool_call event
 * @param output what the model shall see: JSON text, or plain text; at most 256 KiB
 * @param is_error 1 when the tool failed, otherwise 0
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT
 *         (is_error is neither 0 nor 1)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_submit_tool_result(duologue_client *client,
                                                   uint32_t epoch,
                                                   const char *call_id,
                                                   const char *output,
                                                   int is_error,
                                                   uint64_t *out_op);

/**
 * Changes the session while it runs: instructions, tools, turn detection and the like. Only what changes is
 * sent. Completes when the vendor has confirmed; a refusal leaves everything as it was. `completed` carries
 * DUOLOGUE_ERROR_INVALID_CONFIG (a field that is wrong, or that cannot change while the session runs: the error
 * names its path), DUOLOGUE_ERROR_UNSUPPORTED (the provider or model cannot), DUOLOGUE_ERROR_INVALID_STATE (not
 * connected; `voice_locked`: the assistant has spoken with the voice it had; `response_running`: the speed
 * changes between responses only), DUOLOGUE_ERROR_CANCELLED (the connection ended first),
 * DUOLOGUE_ERROR_PROVIDER (refused or never confirmed).
 *
 * The next connect uses the configuration the client was made from.
 *
 * @param client the client, connected
 * @param changes a JSON object, at most 256 KiB: a merge patch (RFC 7396) of the configuration document, for
 *                example {"instructions": "Answer in French.", "turn_detection": {"mode": "manual"}}; null gives
 *                a default back
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_JSON
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_update_session(duologue_client *client,
                                               const char *changes,
                                               uint64_t *out_op);

/**
 * Sends one vendor event as it is. `completed` carries DUOLOGUE_ERROR_INVALID_JSON for what is no JSON
 * object.
 *
 * @param client the client, connected
 * @param json a JSON object, at most 256 KiB
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_send_raw(duologue_client *client,
                                         const char *json,
                                         uint64_t *out_op);

/**
 * Adds a user message and asks for an answer. Completes when the vendor has taken the message. `completed`
 * carries DUOLOGUE_ERROR_INVALID_STATE (not connected), DUOLOGUE_ERROR_INVALID_ARGUMENT (empty text),
 * DUOLOGUE_ERROR_LIMIT_EXCEEDED (too long), DUOLOGUE_ERROR_WOULD_BLOCK (the network is too slow),
 * DUOLOGUE_ERROR_CANCELLED (the connection ended first), DUOLOGUE_ERROR_PROVIDER (refused or never confirmed).
 *
 * @param client the client, connected
 * @param text UTF-8, at most 256 KiB
 * @param flags 0, or DUOLOGUE_SEND_NO_RESPONSE and DUOLOGUE_SEND_INTERRUPT added
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT
 *         (unknown flags)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_send_text(duologue_client *client,
                                          const char *text,
                                          uint32_t flags,
                                          uint64_t *out_op);

/**
 * Adds a user message with a picture, and asks for an answer. Completes when the vendor has taken the message.
 * `completed` carries DUOLOGUE_ERROR_INVALID_ARGUMENT (no picture that duologue knows, another type than
 * mime_type says, or no base64 in the URL), DUOLOGUE_ERROR_UNSUPPORTED (`image_type`, `image_url`: the vendor
 * does not take that kind; the model takes no pictures), DUOLOGUE_ERROR_LIMIT_EXCEEDED (`image_too_large`), and
 * what duologue_client_send_text() has.
 *
 * @param client the client, connected
 * @param image the picture and what is to happen with it
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT (neither
 *         data nor url, or both; unknown flags or detail; struct_size is too small, or reserved is not 0),
 *         DUOLOGUE_ERROR_LIMIT_EXCEEDED (size is over 2 MiB)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_send_image(duologue_client *client,
                                           const duologue_image *image,
                                           uint64_t *out_op);

/**
 * Shows what a camera sees: one JPEG, about once a second, for a model that takes frames (Gemini; each is billed).
 * The next spoken turn sees it, a typed one may not. It is no message of the history, and no other connection is
 * told of it. Completes when it is on its way; `completed` carries DUOLOGUE_ERROR_UNSUPPORTED (`video`: the model
 * sees none; `image_type`), DUOLOGUE_ERROR_INVALID_ARGUMENT (no picture that duologue knows) and
 * DUOLOGUE_ERROR_INVALID_STATE (`not_connected`; also while the connection is coming back: a frame of then is nothing
 * for later).
 *
 * @param client the client, connected
 * @param data the bytes of the picture; looked at during the call only
 * @param size how many, at most 2 MiB
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (no data),
 *         DUOLOGUE_ERROR_LIMIT_EXCEEDED (size is over 2 MiB)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_send_video_frame(duologue_client *client,
                                                 const uint8_t *data,
                                                 size_t size,
                                                 uint64_t *out_op);

/**
 * Tells the service what the user thinks of an answer, for services that take it (ElevenLabs). It is no part of the
 * history, and nothing waits for another connection. Completes when it is on its way: the service confirms nothing.
 * `completed` carries DUOLOGUE_ERROR_UNSUPPORTED (`feedback`: the service takes none; `unsupported_option` about `item`:
 * it is none of the newest 64 messages of the assistant on this connection) and DUOLOGUE_ERROR_INVALID_STATE
 * (`not_connected`).
 *
 * @param client the client, connected
 * @param item id of the message of the assistant
 * @param score "like" or "dislike"; NULL: takes it back
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_NULL_ARGUMENT (no item), DUOLOGUE_ERROR_INVALID_UTF8,
 *         DUOLOGUE_ERROR_INVALID_ARGUMENT (another score)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_send_feedback(duologue_client *client,
                                              const char *item,
                                              const char *score,
                                              uint64_t *out_op);

/**
 * Says that the user is there and busy, typing for example: an agent that would speak into the silence waits, for
 * services that have such (ElevenLabs). Good for a few seconds, so say it again while it lasts. Completes when it is on
 * its way. `completed` carries DUOLOGUE_ERROR_UNSUPPORTED (`user_activity`: nobody there speaks unasked) and
 * DUOLOGUE_ERROR_INVALID_STATE (`not_connected`).
 *
 * @param client the client, connected
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_send_user_activity(duologue_client *client,
                                                   uint64_t *out_op);

/**
 * Tells the model something it should know (a system message), and nobody answers: "the user opened page 3".
 * Completes when the vendor has taken it. `completed` carries what duologue_client_send_text() has.
 *
 * @param client the client, connected
 * @param text UTF-8, at most 256 KiB
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_send_context(duologue_client *client,
                                             const char *text,
                                             uint64_t *out_op);

/**
 * Has the assistant say this, after what is under way. Where the vendor has no such command (OpenAI), the model
 * is told to say it word for word, and may not. Completes when the response has begun. `completed` carries what
 * duologue_client_request_response() has.
 *
 * @param client the client, connected
 * @param text UTF-8, at most 256 KiB
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_say(duologue_client *client,
                                    const char *text,
                                    uint64_t *out_op);

/**
 * Asks for a response. Completes when it has begun; the `completed` event names it (envelope->response), and the
 * events of the response carry the same name. `completed` carries DUOLOGUE_ERROR_INVALID_ARGUMENT (options that
 * contradict each other or are out of range; the error names the field), DUOLOGUE_ERROR_UNSUPPORTED,
 * DUOLOGUE_ERROR_INVALID_STATE (not connected), DUOLOGUE_ERROR_WOULD_BLOCK (64 requests wait, or 16 outside the
 * conversation, or the network is too slow), DUOLOGUE_ERROR_LIMIT_EXCEEDED (too long), DUOLOGUE_ERROR_CANCELLED
 * (interrupted, or the connection ended first), DUOLOGUE_ERROR_PROVIDER (refused or never begun).
 *
 * @param client the client, connected
 * @param options how it shall be; NULL for the session's own way
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_JSON,
 *         DUOLOGUE_ERROR_INVALID_ARGUMENT (an unknown key or a wrong type in json, instructions twice, struct_size is
 *         too small, or reserved is not 0)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_request_response(duologue_client *client,
                                                 const duologue_response_options *options,
                                                 uint64_t *out_op);

/**
 * Begins the user's turn by hand ("turn_detection": {"mode": "manual"}): the key is down. The assistant is cut
 * off, and the microphone goes to the vendor, beginning with the moment before this call, so that the first
 * syllable is there although the key came late (`turn_detection.prefix_padding_ms`; "auto_capture" must be on for
 * that, as it is by default). Where the vendor finds the turns it only switches capturing on, as
 * duologue_client_set_capture(). Completes when it is so; doing it twice is no error. `completed` carries
 * DUOLOGUE_ERROR_INVALID_STATE (not connected, or the configuration has no microphone).
 *
 * @param client the client, connected
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_start_listening(duologue_client *client,
                                                uint64_t *out_op);

/**
 * Ends the user's turn by hand: the key is up. All audio that was pushed before this call is part of the turn.
 * Completes when the vendor has taken the turn; the answer follows by itself unless
 * `turn_detection.create_response` is off. Where the vendor finds the turns it switches capturing off, and what the
 * user is in the middle of saying is answered. `completed` carries DUOLOGUE_ERROR_LIMIT_EXCEEDED with the code
 * `turn_too_short` (less than `turn_detection.minimum_ms` was pushed: it is thrown away and nobody answers),
 * DUOLOGUE_ERROR_INVALID_STATE (not connected, or no turn has begun), DUOLOGUE_ERROR_CANCELLED (the connection
 * ended first), DUOLOGUE_ERROR_PROVIDER (refused or never confirmed).
 *
 * @param client the client, connected
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_stop_listening(duologue_client *client,
                                               uint64_t *out_op);

/**
 * Forgets what the user said since the last turn. Completes at once. `completed` carries
 * DUOLOGUE_ERROR_INVALID_STATE (not connected).
 *
 * @param client the client, connected
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_clear_input(duologue_client *client,
                                            uint64_t *out_op);

/**
 * Sends microphone audio to the vendor, or stops. Completes when it is so, always well.
 *
 * @param client the client
 * @param on 1 or 0
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (neither 0 nor 1)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_capture(duologue_client *client,
                                            int on,
                                            uint64_t *out_op);

/**
 * Sends silence in the place of the microphone; the vendor's clock goes on. Completes when it is so, always
 * well.
 *
 * @param client the client
 * @param muted 1 or 0
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (neither 0 nor 1)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_input_muted(duologue_client *client,
                                                int muted,
                                                uint64_t *out_op);

/**
 * The conversation as a neutral document (a transcript), in any status, pending words included: to be kept, or given
 * to another client with duologue_client_import_history(). duologue_transcript_schema() has its keys.
 *
 * @param client the client
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_export_history(duologue_client *client,
                                               char **out_json);

/**
 * Adds a conversation that was held elsewhere behind what there is, all of it or nothing; the next connect tells it
 * to the service. Each of its messages comes as a `message` event. Names of messages and calls that services do not
 * take (longer than 32 characters, or of others than letters, digits, _ and -), that are there twice or that this
 * client could give itself are replaced; what was open is settled, and calls that ran are cancelled. `completed`
 * carries DUOLOGUE_ERROR_INVALID_STATE (`connected`: disconnect first) and DUOLOGUE_ERROR_LIMIT_EXCEEDED
 * (`history_full`: with what there is more than 2000 messages, 8 MiB of text or 8 MiB of pictures).
 *
 * @param client the client, not connected
 * @param json a transcript, as duologue_client_export_history() gives it; unknown keys are errors
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_JSON,
 *         DUOLOGUE_ERROR_INVALID_ARGUMENT (no transcript: the last error names the path, the cause and the fix)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_import_history(duologue_client *client,
                                               const char *json,
                                               uint64_t *out_op);

/**
 * Forgets the conversation. Each message comes as a `message` event that removes it. `completed` carries
 * DUOLOGUE_ERROR_INVALID_STATE (`connected`: disconnect first).
 *
 * @param client the client, not connected
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_clear_history(duologue_client *client,
                                              uint64_t *out_op);

/**
 * Says that the network is another one now: what there is of a connection is given up and opened anew at once.
 * Completes when that has begun; status events tell the rest. `completed` carries DUOLOGUE_ERROR_INVALID_STATE (not
 * connected; `reconnect_off`: `recovery.reconnect` is off).
 *
 * @param client the client, connected or reconnecting
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_network_changed(duologue_client *client,
                                                uint64_t *out_op);

/**
 * Measures the way to the service and back: `completed` carries it as round_trip_us, or
 * DUOLOGUE_ERROR_INVALID_STATE (not connected, also while the connection is coming back),
 * DUOLOGUE_ERROR_WOULD_BLOCK (16 are on their way), DUOLOGUE_ERROR_TIMEOUT (no answer within 15 seconds).
 *
 * @param client the client, connected
 * @param[out] out_op receives the number of the command; may be NULL
 * @return as duologue_client_connect()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_ping(duologue_client *client,
                                     uint64_t *out_op);

/**
 * The JSON Schema of a transcript.
 *
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API duologue_result duologue_transcript_schema(char **out_json);

/**
 * The clock of audio times: microseconds, monotonic (CLOCK_MONOTONIC where there is one).
 *
 * @return now
 * @par Thread
 * any, also audio threads
 */
DUOLOGUE_API uint64_t duologue_clock_us(void);

/**
 * Hands over microphone audio: 16-bit mono in native byte order, at `audio.input.rate` (default: the
 * provider's rate, 24000 for OpenAI). Push in real time, 10 or 20 ms at a time, from one thread at a
 * time; half a second can wait. A block that does not fit is taken not at all: offer it again. Copies,
 * and wakes the network thread (a system call where it sleeps); waits for nobody, and allocates only for the
 * words of a failure other than DUOLOGUE_ERROR_WOULD_BLOCK.
 *
 * @param client the client; `audio.input.source` is "host"
 * @param samples the frames; may be NULL when frame_count is 0
 * @param frame_count how many, at most half a second
 * @param captured_at_us when the first frame was captured, on duologue_clock_us(); 0: just now. It makes
 *                       the latency figures include the capture
 * @param[out] out_accepted receives the frames taken, all or none; 0 on every failure; may be NULL
 * @return DUOLOGUE_OK (all taken), DUOLOGUE_ERROR_WOULD_BLOCK (none taken), DUOLOGUE_ERROR_INVALID_STATE (the
 *         host does not have the microphone), DUOLOGUE_ERROR_INVALID_ARGUMENT (more than half a second, or a
 *         time in the future or older than 10 s), DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any, also audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_push_audio(duologue_client *client,
                                           const int16_t *samples,
                                           size_t frame_count,
                                           uint64_t captured_at_us,
                                           size_t *out_accepted);

/**
 * Takes assistant audio to play: 16-bit mono in native byte order, at `audio.output.rate`. Always fills
 * the buffer, with silence where there is no audio; call it from the audio callback of a speaker. What
 * is pulled counts as heard (unless `audio.output.positions` is "reported"). Waits for nobody, wakes the
 * network thread, and allocates only for the words of a failure other than DUOLOGUE_ERROR_WOULD_BLOCK.
 *
 * @param client the client; `audio.output.source` is "host" and `audio.output.delivery` "pull"
 * @param[out] out receives frame_count frames, whatever the result (not when it is NULL)
 * @param frame_count how many; may be 0
 * @param audible_at_us when the first frame will leave the loudspeaker, on duologue_clock_us(); 0: at
 *                      once. What is pulled counts as heard only then
 * @param[out] out_frames receives the frames that are audio, not filled up with silence; 0 on every failure;
 *                        may be NULL
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_WOULD_BLOCK (silence: clients are being made or destroyed),
 *         DUOLOGUE_ERROR_INVALID_STATE (audio is not pulled), DUOLOGUE_ERROR_NULL_ARGUMENT,
 *         DUOLOGUE_ERROR_INVALID_HANDLE, DUOLOGUE_ERROR_INVALID_ARGUMENT (frame_count is absurd; nothing is
 *         filled)
 * @par Thread
 * any, also audio threads; one at a time
 */
DUOLOGUE_API
duologue_result duologue_client_pull_audio(duologue_client *client,
                                           int16_t *out,
                                           size_t frame_count,
                                           uint64_t audible_at_us,
                                           size_t *out_frames);

/**
 * Says how far the host has played an item; with `audio.output.positions` "reported" only this counts as
 * heard. Waits for nobody; a report that is taken allocates nothing.
 *
 * @param client the client
 * @param item the item of the audio event's envelope, at most 128 bytes
 * @param part the part of the audio event
 * @param played_ms milliseconds of that item and part given to the speaker since its start
 * @param latency_ms how much of it is not audible yet
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_WOULD_BLOCK (too many reports wait; the next one will do),
 *         DUOLOGUE_ERROR_INVALID_STATE (positions are not reported), DUOLOGUE_ERROR_INVALID_ARGUMENT (item is
 *         too long), DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any, also audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_report_playback(duologue_client *client,
                                                const char *item,
                                                uint32_t part,
                                                uint64_t played_ms,
                                                uint64_t latency_ms);

/**
 * How loud it is now, as the audio_level events say it (0 is -60 dBFS and below, 1 full scale): of the newest
 * complete 10 ms, falling slowly; for whoever draws as often as the screen does. Output is what was played. Of a
 * host that plays audio events itself it moves ten times a second of audio at most, and only when the engine has
 * something to do, unless there is an analyser of it. Muting does not show, set_capture does.
 *
 * @param client the client
 * @param direction a duologue_direction
 * @param[out] out_rms receives the loudness of the signal's power; 0 without a connection
 * @param[out] out_peak receives that of its largest sample; 0 without a connection
 * @param[out] out_connected receives whether there is a connection, 1 or 0; may be NULL
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_WOULD_BLOCK (clients are being made or destroyed),
 *         DUOLOGUE_ERROR_INVALID_ARGUMENT (no such direction), DUOLOGUE_ERROR_NULL_ARGUMENT,
 *         DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any, also audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_level(const duologue_client *client,
                                      int32_t direction,
                                      float *out_rms,
                                      float *out_peak,
                                      int *out_connected);

/**
 * Makes an analyser: it looks at the microphone or at what is played as a browser's AnalyserNode does, whose
 * defaults are 2048, -100, -30 and 0.8. From here on the newest sound of that direction is kept, 256 KiB a
 * direction, and of a host that plays audio events itself all that it is given from here on. It works until it is
 * destroyed, over all connections of its client; when the client is gone there is none any more.
 *
 * What it is asked for is computed on the thread that asks, and disturbs no audio.
 *
 * @param client the client
 * @param direction a duologue_direction
 * @param fft_size frames looked at, a power of two from 32 to 32768; there are half as many frequencies
 * @param min_decibels what the byte 0 stands for
 * @param max_decibels what the byte 255 stands for, more than min_decibels
 * @param smoothing how much of the reading before stays in each new one, 0 to 1
 * @param[out] out_analyser receives the analyser; end it with duologue_analyser_destroy()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_INVALID_ARGUMENT (out of range; the error names the parameter),
 *         DUOLOGUE_ERROR_INVALID_STATE (that direction's source is "none"), DUOLOGUE_ERROR_NULL_ARGUMENT,
 *         DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_create_analyser(const duologue_client *client,
                                                int32_t direction,
                                                uint32_t fft_size,
                                                double min_decibels,
                                                double max_decibels,
                                                double smoothing,
                                                duologue_analyser **out_analyser);

/**
 * Ends an analyser. A call that is under way on another thread ends normally.
 *
 * @param analyser the analyser, or NULL; one that was destroyed already is ignored
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API void duologue_analyser_destroy(duologue_analyser *analyser);

/**
 * How fine the frequencies are: number n is that of n * rate / fft_size hertz.
 *
 * @param analyser the analyser
 * @param[out] out_rate receives the frames per second of the sound; 0 without a connection, or before there was
 *                      any sound
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_analyser_sample_rate(const duologue_analyser *analyser,
                                              uint32_t *out_rate);

/**
 * getByteFrequencyData: how strong each frequency is, 0 at min_decibels and 255 at max_decibels, low ones first.
 * Smoothed from one call to the next; asking again before 128 more frames have passed gives the same.
 *
 * @param analyser the analyser
 * @param[out] out receives the values; what there is no value for becomes 0
 * @param capacity how many there is room for; there are fft_size / 2
 * @param[out] out_count receives how many were written; 0 without a connection
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_INVALID_ARGUMENT (capacity is absurd), DUOLOGUE_ERROR_NULL_ARGUMENT,
 *         DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_analyser_byte_frequency_data(const duologue_analyser *analyser,
                                                      uint8_t *out,
                                                      size_t capacity,
                                                      size_t *out_count);

/**
 * getFloatFrequencyData: the same in decibels; silence is minus infinity.
 *
 * @param analyser the analyser
 * @param[out] out receives the values; what there is no value for becomes 0
 * @param capacity how many there is room for; there are fft_size / 2
 * @param[out] out_count receives how many were written; 0 without a connection
 * @return as duologue_analyser_byte_frequency_data()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_analyser_float_frequency_data(const duologue_analyser *analyser,
                                                       float *out,
                                                       size_t capacity,
                                                       size_t *out_count);

/**
 * getByteTimeDomainData: the waveform, oldest frame first; 128 is silence.
 *
 * @param analyser the analyser
 * @param[out] out receives the values; what there is no value for becomes 0
 * @param capacity how many there is room for; there are fft_size
 * @param[out] out_count receives how many were written; 0 without a connection
 * @return as duologue_analyser_byte_frequency_data()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_analyser_byte_time_domain_data(const duologue_analyser *analyser,
                                                        uint8_t *out,
                                                        size_t capacity,
                                                        size_t *out_count);

/**
 * getFloatTimeDomainData: the waveform from -1 to 1, oldest frame first.
 *
 * @param analyser the analyser
 * @param[out] out receives the values; what there is no value for becomes 0
 * @param capacity how many there is room for; there are fft_size
 * @param[out] out_count receives how many were written; 0 without a connection
 * @return as duologue_analyser_byte_frequency_data()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_analyser_float_time_domain_data(const duologue_analyser *analyser,
                                                         float *out,
                                                         size_t capacity,
                                                         size_t *out_count);

/**
 * The frequency bytes between 100 and 8000 Hz spread over as many bars as wanted, the same at every rate, as
 * ElevenLabs' own clients give them.
 *
 * @param analyser the analyser
 * @param[out] out receives the bars
 * @param band_count how many bars
 * @param[out] out_count receives how many were written: all, or 0 without a connection (then they are 0)
 * @return as duologue_analyser_byte_frequency_data()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_analyser_voice_bands(const duologue_analyser *analyser,
                                              uint8_t *out,
                                              size_t band_count,
                                              size_t *out_count);

/**
 * Registers the sink for events of all kinds in `mask`, in the place of an earlier one. It is called
 * before the callbacks of single families. With "delivery": "queue" callbacks are refused.
 *
 * Callbacks run on the engine's threads, never inside the call that caused the event. Those of one
 * client come one after the other, in order; different clients run in parallel. Inside a callback every
 * function may be called except those that block, which return DUOLOGUE_ERROR_WOULD_DEADLOCK. A callback
 * that takes long holds up the events of its client: after 1024 waiting events and 5 seconds the
 * session ends with `host_too_slow`. It must not throw, and not leave by longjmp.
 *
 * Replacing and unregistering wait until a running call of the old callback has returned and its
 * free_fn has run, but not inside a callback: there the old free_fn runs when that call is over. Never
 * hold a lock that the callback needs while replacing it.
 *
 * @param client the client
 * @param mask kinds of events: DUOLOGUE_EVENT_MASK_ALL, or DUOLOGUE_EVENT_MASK(kind) added up
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data: called exactly once, after the last callback, or before this returns if
 *                it fails; may be NULL
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
 *         DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown bits in mask), DUOLOGUE_ERROR_INVALID_STATE (queue delivery),
 *         DUOLOGUE_ERROR_CLOSED (destroyed meanwhile)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_event_callback(duologue_client *client,
                                                   uint64_t mask,
                                                   duologue_event_callback callback,
                                                   void *user_data,
                                                   duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_STATUS. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_status_callback(duologue_client *client,
                                                    duologue_status_callback callback,
                                                    void *user_data,
                                                    duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_CREDENTIAL_NEEDED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_credential_needed_callback(duologue_client *client,
                                                               duologue_credential_needed_callback callback,
                                                               void *user_data,
                                                               duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_COMPLETED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_completed_callback(duologue_client *client,
                                                       duologue_completed_callback callback,
                                                       void *user_data,
                                                       duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_SESSION_CONFIGURED, DUOLOGUE_EVENT_CAPABILITY_CHANGED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_session_callback(duologue_client *client,
                                                     duologue_session_callback callback,
                                                     void *user_data,
                                                     duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_SESSION_REPLACED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_session_replaced_callback(duologue_client *client,
                                                              duologue_session_replaced_callback callback,
                                                              void *user_data,
                                                              duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_TRANSPORT_CHANGED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_transport_changed_callback(duologue_client *client,
                                                               duologue_transport_changed_callback callback,
                                                               void *user_data,
                                                               duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_USAGE. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_usage_callback(duologue_client *client,
                                                   duologue_usage_callback callback,
                                                   void *user_data,
                                                   duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_LATENCY. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_latency_callback(duologue_client *client,
                                                     duologue_latency_callback callback,
                                                     void *user_data,
                                                     duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_DEVICE. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_device_callback(duologue_client *client,
                                                    duologue_device_callback callback,
                                                    void *user_data,
                                                    duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_WARNING, DUOLOGUE_EVENT_ERROR. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_error_callback(duologue_client *client,
                                                   duologue_error_callback callback,
                                                   void *user_data,
                                                   duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_RAW. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_raw_callback(duologue_client *client,
                                                 duologue_raw_callback callback,
                                                 void *user_data,
                                                 duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_LAGGED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_lagged_callback(duologue_client *client,
                                                    duologue_lagged_callback callback,
                                                    void *user_data,
                                                    duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_MODE. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_mode_callback(duologue_client *client,
                                                  duologue_mode_callback callback,
                                                  void *user_data,
                                                  duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_SPEECH_STARTED, DUOLOGUE_EVENT_SPEECH_STOPPED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_speech_callback(duologue_client *client,
                                                    duologue_speech_callback callback,
                                                    void *user_data,
                                                    duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_PLAYBACK_STARTED, DUOLOGUE_EVENT_PLAYBACK_FINISHED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_playback_callback(duologue_client *client,
                                                      duologue_playback_callback callback,
                                                      void *user_data,
                                                      duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_GENERATION_DONE, DUOLOGUE_EVENT_TURN_DONE. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_response_callback(duologue_client *client,
                                                      duologue_response_callback callback,
                                                      void *user_data,
                                                      duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_INTERRUPTED. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_interrupted_callback(duologue_client *client,
                                                         duologue_interrupted_callback callback,
                                                         void *user_data,
                                                         duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_MESSAGE. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_message_callback(duologue_client *client,
                                                     duologue_message_callback callback,
                                                     void *user_data,
                                                     duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_TRANSCRIPT. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_transcript_callback(duologue_client *client,
                                                        duologue_transcript_callback callback,
                                                        void *user_data,
                                                        duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_AUDIO. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_audio_callback(duologue_client *client,
                                                   duologue_audio_callback callback,
                                                   void *user_data,
                                                   duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_AUDIO_LEVEL. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_audio_level_callback(duologue_client *client,
                                                         duologue_audio_level_callback callback,
                                                         void *user_data,
                                                         duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_TOOL_CALL. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_tool_call_callback(duologue_client *client,
                                                       duologue_tool_call_callback callback,
                                                       void *user_data,
                                                       duologue_user_data_free free_fn);

/**
 * Registers the callback for: DUOLOGUE_EVENT_TOOL_CANCELLED, DUOLOGUE_EVENT_TOOL_TIMEOUT. Rules and results are those of
 * duologue_client_set_event_callback().
 *
 * @param client the client
 * @param callback the function; NULL unregisters
 * @param user_data handed to it
 * @param free_fn frees user_data after the last callback; may be NULL
 * @return as duologue_client_set_event_callback()
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_tool_end_callback(duologue_client *client,
                                                      duologue_tool_end_callback callback,
                                                      void *user_data,
                                                      duologue_user_data_free free_fn);

/**
 * Takes the next event, with "delivery": "queue" in the configuration. One thread at a time.
 *
 * @param client the client
 * @param timeout_ms how long to wait; 0 only looks, negative waits for ever
 * @param[out] out_event receives the event; free it with duologue_event_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_TIMEOUT (there is none), DUOLOGUE_ERROR_CLOSED (it was destroyed
 *         while this waited, and there will be none; afterwards the handle is invalid), DUOLOGUE_ERROR_INVALID_STATE (callback delivery, or another thread is waiting),
 *         DUOLOGUE_ERROR_WOULD_DEADLOCK (waiting inside a callback of another client),
 *         DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_next_event(duologue_client *client,
                                           int timeout_ms,
                                           duologue_event **out_event);

/**
 * Frees an event of duologue_client_next_event(). Not for events of callbacks.
 *
 * @param event the event, or NULL
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API void duologue_event_free(duologue_event *event);

/**
 * An event as JSON, for logs and for languages that read JSON more easily than structs.
 *
 * @param event an event that is alive: inside its callback, or before duologue_event_free()
 * @param[out] out_json receives the text; free it with duologue_string_free()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_event_to_json(const duologue_event *event,
                                       char **out_json);

/**
 * Which kinds of events come into the queue from now on; all at first. What nobody reads need not be
 * queued: with "audio.output.delivery": "pull", or a file descriptor that should not wake for levels.
 *
 * @param client the client, with queue delivery
 * @param mask as in duologue_client_set_event_callback()
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
 *         DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown bits), DUOLOGUE_ERROR_INVALID_STATE (callback delivery)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_set_event_mask(duologue_client *client,
                                               uint64_t mask);

/**
 * A file descriptor that is readable while events wait, for poll, epoll, kqueue, a main loop. Do not
 * read or close it: it is the client's, which closes it some time after it was destroyed, when the
 * connection is closed too: stop polling it before. Take events with timeout 0 until
 * DUOLOGUE_ERROR_TIMEOUT, then wait again. Stays readable once the client is over.
 *
 * @param client the client, with queue delivery
 * @param[out] out_fd receives it
 * @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
 *         DUOLOGUE_ERROR_INVALID_STATE (callback delivery), DUOLOGUE_ERROR_UNSUPPORTED (not on this system),
 *         DUOLOGUE_ERROR_INTERNAL (no descriptor left)
 * @par Thread
 * any but audio threads
 */
DUOLOGUE_API
duologue_result duologue_client_wakeup_fd(duologue_client *client,
                                          int *out_fd);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DUOLOGUE_H */
