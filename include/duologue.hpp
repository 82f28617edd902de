/*
 * duologue for C++17 and newer: duologue.h with owners, std::function and std::chrono. Header only; it
 * decides nothing, so what duologue.h says about threads, lifetime and audio holds here too.
 *
 *     duologue::client client(duologue::config().set("voice", "marin"));
 *     client.set_credential(key);
 *     client.on_transcript([](const duologue::transcript_event& e) { std::cout << duologue::view(e.text); });
 *     client.connect();
 *     client.wait(DUOLOGUE_STATUS_CONNECTED, std::chrono::seconds(10));
 *
 * ERRORS are exceptions (duologue::error). What goes wrong with a conversation - network, vendor, tool -
 * is never thrown: commands return at once, and how they ended comes as an event. A call that throws was
 * made wrongly or too late: a configuration that is wrong, a handle that is gone. Such failures are rare,
 * need their message more than a branch, and come from constructors and chained calls too, where a result
 * type would have to be unpacked each time. What a program expects to happen is not thrown either: waiting
 * returns false or an empty event when the time is over, and the calls of audio threads (push_audio,
 * pull_audio, report_playback) are noexcept and return a duologue_result.
 *
 * WITHOUT EXCEPTIONS (-fno-exceptions) the header works too. A call that would throw then invokes
 * DUOLOGUE_ON_FAILURE(code, words), which must not return and by default prints them and aborts. Where a
 * failure shall be handled, use the C function on handle(): every class adopts what C made.
 *
 * EXCEPTIONS OF CALLBACKS never reach the library. on_exception() registers who gets them, on the thread of
 * the callback. Without one the first is kept and the session disconnected, so that nobody waits for what
 * cannot come any more; wait() and rethrow() throw it. One that comes when the client is gone already is
 * lost unless on_exception() has a handler. Log callbacks and handlers must not throw: std::terminate.
 *
 * LIFETIME. A client may be destroyed anywhere, its own callbacks included, and a callback may replace or
 * remove itself: the function object lives until it has returned. Destroying from elsewhere waits for the
 * running callback. A callback that holds the last owner of its client keeps both alive for ever: give it a
 * client_ref instead. A client_ref owns nothing, survives moves of the client, and may outlive it: its
 * calls then fail with DUOLOGUE_ERROR_INVALID_HANDLE, they do not crash. In a class, declare the client behind
 * the members that its callbacks use: it is destroyed before them then.
 */

#ifndef DUOLOGUE_HPP
#define DUOLOGUE_HPP

#include "duologue.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define DUOLOGUE_HAS_EXCEPTIONS 1
#include <exception>
#include <stdexcept>
#else
#define DUOLOGUE_HAS_EXCEPTIONS 0
#include <cstdio>
#include <cstdlib>
#ifndef DUOLOGUE_ON_FAILURE
#define DUOLOGUE_ON_FAILURE(code, words) \
    (std::fprintf(stderr, "duologue: %s: %s\n", duologue_result_name(code), words), std::abort())
#endif
#endif

namespace duologue {
#if !DUOLOGUE_HAS_EXCEPTIONS
// Objects compiled with and without exceptions may meet in one program.
inline namespace without_exceptions {
#endif

// The events are the C structs: nothing is copied, and what they point to is gone when the callback returns.
using event = duologue_event;
using mode_event = duologue_mode_event;
using speech_event = duologue_speech_event;
using playback_event = duologue_playback_event;
using response_event = duologue_response_event;
using interrupted_event = duologue_interrupted_event;
using message_event = duologue_message_event;
using transcript_event = duologue_transcript_event;
using audio_event = duologue_audio_event;
using audio_level_event = duologue_audio_level_event;
using tool_call_event = duologue_tool_call_event;
using tool_end_event = duologue_tool_end_event;
using status_event = duologue_status_event;
using credential_needed_event = duologue_credential_needed_event;
using completed_event = duologue_completed_event;
using session_event = duologue_session_event;
using session_replaced_event = duologue_session_replaced_event;
using transport_changed_event = duologue_transport_changed_event;
using usage_event = duologue_usage_event;
using latency_event = duologue_latency_event;
using device_event = duologue_device_event;
using error_event = duologue_error_event;
using raw_event = duologue_raw_event;
using lagged_event = duologue_lagged_event;

/// Number of a command; its `completed` event carries the same.
using op = std::uint64_t;

/// The clock of audio times. The epoch stands for "not known".
struct clock {
    using duration = std::chrono::microseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept { return time_point(duration(static_cast<rep>(duologue_clock_us()))); }
};

// ---------------------------------------------------------------------------------------------------------
// Views

/// Some elements in a row that belong to somebody else, as std::span of C++20. T is const or not.
template <class T>
class span {
public:
    constexpr span() noexcept = default;
    constexpr span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <std::size_t N>
    constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}
    /// A vector, an array, a std::span: whatever has data() and size() of such elements.
    template <class C, class P = decltype(std::declval<C&>().data()),
              class = std::enable_if_t<std::is_convertible_v<std::remove_pointer_t<P> (*)[], T (*)[]>>>
    constexpr span(C&& container) noexcept : data_(container.data()), size_(container.size()) {}

    constexpr T* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T* begin() const noexcept { return data_; }
    constexpr T* end() const noexcept { return data_ + size_; }
    constexpr T& operator[](std::size_t i) const noexcept { return data_[i]; }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Text of an event; empty when there is none (then data is NULL).
inline std::string_view view(const duologue_text& text) noexcept {
    return text.data ? std::string_view(text.data, text.length) : std::string_view();
}

/// Samples of an audio event.
inline span<const std::int16_t> samples(const audio_event& audio) noexcept {
    return {audio.samples, audio.frame_count};
}

/// Parts of a message: pointers, because parts grow in later versions.
inline span<const duologue_part* const> parts(const message_event& message) noexcept {
    return {message.parts, message.part_count};
}

/// Labels of the client an event is of: pointers, because labels may grow in later versions.
inline span<const duologue_label* const> labels(const event& e) noexcept { return {e.labels, e.label_count}; }

/// One label of the client an event is of; empty when it has none of that name.
inline std::string_view label(const event& e, std::string_view key) noexcept {
    for (auto label : labels(e))
        if (view(label->key) == key) return view(label->value);
    return {};
}

/// A mask of these kinds of events.
inline std::uint64_t mask(std::initializer_list<duologue_event_kind> kinds) noexcept {
    std::uint64_t bits = 0;
    for (auto kind : kinds) bits |= std::uint64_t(1) << static_cast<int>(kind);
    return bits;
}

// ---------------------------------------------------------------------------------------------------------
// Errors

/// The words of the last failing call on this thread; empty when there was none.
inline std::string last_error() {
    std::size_t needed = 0;
    duologue_last_error(nullptr, 0, &needed);
    std::string words(needed, '\0');
    if (needed == 0 || duologue_last_error(words.data(), words.size(), nullptr) != DUOLOGUE_OK) return {};
    words.pop_back();
    return words;
}

#if DUOLOGUE_HAS_EXCEPTIONS
/// A call that failed: what() says cause, field and fix.
class error : public std::runtime_error {
public:
    error(duologue_result code, const std::string& words)
        : std::runtime_error(std::string(duologue_result_name(code)) + ": " + words), code_(code) {}
    /// The number; may be one that this header does not know.
    duologue_result code() const noexcept { return code_; }

private:
    duologue_result code_;
};

[[noreturn]] inline void fail(duologue_result code, const std::string& words) { throw error(code, words); }
#else
[[noreturn]] inline void fail(duologue_result code, const std::string& words) {
    DUOLOGUE_ON_FAILURE(code, words.c_str());
    std::abort();
}
#endif

/// Throws unless the call worked. To be called on its thread, before the next call.
inline void check(duologue_result result) {
    if (result != DUOLOGUE_OK) fail(result, last_error());
}

namespace detail {

/// NUL-terminated text, refused if it contains a NUL: C would see the start of it only.
class c_string {
public:
    explicit c_string(std::string_view text) : copy_(text) {
        if (copy_.find('\0') != std::string::npos) fail(DUOLOGUE_ERROR_INVALID_ARGUMENT, "the text contains a NUL");
    }
    operator const char*() const noexcept { return copy_.c_str(); }
    /// Empty text as none.
    const char* or_null() const noexcept { return copy_.empty() ? nullptr : copy_.c_str(); }

private:
    std::string copy_;
};

/// A C text that must not be NULL, for example what getenv() gives.
inline std::string_view given(const char* text) {
    if (!text) fail(DUOLOGUE_ERROR_NULL_ARGUMENT, "the text is NULL");
    return text;
}

inline duologue_credential credential(const char* secret, duologue_credential_kind kind) noexcept {
    duologue_credential credential{};
    credential.kind = kind;
    credential.value = secret;
    return credential;
}

struct deleter {
    void operator()(char* p) const noexcept { duologue_string_free(p); }
    void operator()(duologue_config* p) const noexcept { duologue_config_free(p); }
    void operator()(duologue_engine* p) const noexcept { duologue_engine_destroy(p); }
    void operator()(duologue_event* p) const noexcept { duologue_event_free(p); }
    void operator()(duologue_analyser* p) const noexcept { duologue_analyser_destroy(p); }
};
template <class T>
using owner = std::unique_ptr<T, deleter>;

/// Text that the library allocated.
template <class Call>
std::string document(Call call) {
    char* text = nullptr;
    check(call(&text));
    return owner<char>(text).get();
}

/// Cut to what C can carry: 24 days.
inline std::int32_t timeout(std::chrono::milliseconds time) noexcept {
    constexpr auto most = std::numeric_limits<std::int32_t>::max();
    return time.count() < 0 ? 0 : time.count() > most ? most : static_cast<std::int32_t>(time.count());
}

inline std::uint64_t millis(std::chrono::milliseconds time) noexcept {
    return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

inline std::uint64_t micros(clock::time_point time) noexcept {
    return time.time_since_epoch().count() < 0 ? 0 : static_cast<std::uint64_t>(time.time_since_epoch().count());
}

/// A library that is not the one this was compiled for must not be used at all.
inline void same_abi() {
    if (duologue_abi_version() != DUOLOGUE_ABI_VERSION) {
        fail(DUOLOGUE_ERROR_UNSUPPORTED, "the duologue library has another ABI than the header");
    }
}

/// Where exceptions of a client's callbacks go. Shared with the callbacks, which may outlive the client.
class failures {
public:
#if DUOLOGUE_HAS_EXCEPTIONS
    using handler = std::function<void(std::exception_ptr)>;

    explicit failures(duologue_client* client) noexcept : client_(client) {}

    void set_handler(handler function) {
        auto next = function ? std::make_shared<const handler>(std::move(function)) : nullptr;
        std::lock_guard<std::mutex> lock(mutex_);
        handler_.swap(next);
    }

    /// A handler that throws ends the program: this is the last one there is.
    void caught(std::exception_ptr exception) noexcept {
        std::shared_ptr<const handler> told;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            told = handler_;
            if (!told && !first_) first_ = exception;
        }
        if (told) {
            (*told)(std::move(exception));
        } else {
            duologue_client_disconnect(client_, nullptr);
        }
    }

    void rethrow() {
        std::exception_ptr first;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            first.swap(first_);
        }
        if (first) std::rethrow_exception(first);
    }

private:
    duologue_client* client_;
    std::mutex mutex_;
    std::shared_ptr<const handler> handler_;
    std::exception_ptr first_;
#else
    explicit failures(duologue_client*) noexcept {}
    void rethrow() noexcept {}
#endif
};

/// A host's function with what it needs: the user data of a callback.
template <class Event>
struct callback {
    std::function<void(const Event&)> function;
    std::shared_ptr<failures> failed;

    static void call(void* self, const Event* event) noexcept {
        auto& mine = *static_cast<callback*>(self);
#if DUOLOGUE_HAS_EXCEPTIONS
        try {
            mine.function(*event);
        } catch (...) {
            mine.failed->caught(std::current_exception());
        }
#else
        mine.function(*event);
#endif
    }
    static void free(void* self) noexcept { delete static_cast<callback*>(self); }
};

using log_function = std::function<void(duologue_log_level, std::string_view, std::string_view)>;

inline void log_call(void* self, std::int32_t level, const char* target, const char* message) noexcept {
    (*static_cast<log_function*>(self))(static_cast<duologue_log_level>(level), target, message);
}
inline void log_free(void* self) noexcept { delete static_cast<log_function*>(self); }

} // namespace detail

// ---------------------------------------------------------------------------------------------------------
// Configuration and engine

/// What sessions shall be. Once a client was made from it it cannot change any more.
class config {
public:
    /// The defaults.
    config() : config(make(nullptr)) {}
    /// From a JSON document.
    explicit config(std::string_view json) : config(make(detail::c_string(json))) {}
    /// Takes over what C made.
    explicit config(duologue_config* handle) noexcept : handle_(handle) {}

    /// Sets a field, for example set("audio.input.rate", 16000).
    config& set(std::string_view path, std::string_view value) & {
        check(duologue_config_set_string(handle(), detail::c_string(path), detail::c_string(value)));
        return *this;
    }
    // Its own overload: a literal would rather become a bool than a string_view.
    config& set(std::string_view path, const char* value) & { return set(path, detail::given(value)); }
    template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
    config& set(std::string_view path, T value) & {
        detail::c_string where(path);
        if constexpr (std::is_same_v<T, bool>) {
            check(duologue_config_set_bool(handle(), where, value ? 1 : 0));
        } else if constexpr (std::is_integral_v<T>) {
            if (value > T(0) && std::uintmax_t(value) > std::uintmax_t(std::numeric_limits<std::int64_t>::max())) {
                fail(DUOLOGUE_ERROR_INVALID_ARGUMENT, "the number is too large");
            }
            check(duologue_config_set_int(handle(), where, static_cast<std::int64_t>(value)));
        } else {
            check(duologue_config_set_double(handle(), where, static_cast<double>(value)));
        }
        return *this;
    }
    config& set(std::string_view path, std::nullptr_t) & = delete;
    /// Sets a field to a JSON value, for example set_json("tools[0]", R"({"name": "hang_up"})").
    config& set_json(std::string_view path, std::string_view json) & {
        check(duologue_config_set_json(handle(), detail::c_string(path), detail::c_string(json)));
        return *this;
    }
    /// The same on a configuration that has no name yet.
    template <class T>
    config&& set(std::string_view path, T&& value) && {
        return std::move(set(path, std::forward<T>(value)));
    }
    config&& set_json(std::string_view path, std::string_view json) && { return std::move(set_json(path, json)); }

    /// A copy that may change, with some fields replaced: a JSON merge patch. For one client of a shared document.
    config with(std::string_view overrides) const {
        duologue_config* copy = nullptr;
        check(duologue_config_copy(handle(), detail::c_string(overrides), &copy));
        return config(copy);
    }

    /// The whole document, defaults included.
    std::string json() const {
        return detail::document([this](char** out) { return duologue_config_to_json(handle(), out); });
    }
    duologue_config* handle() const noexcept { return handle_.get(); }

private:
    static duologue_config* make(const char* json) {
        detail::same_abi();
        duologue_config* handle = nullptr;
        check(duologue_config_create(json, &handle));
        return handle;
    }
    detail::owner<duologue_config> handle_;
};

/// Throws what is wrong with a document.
inline void validate(std::string_view json) { check(duologue_config_validate(detail::c_string(json))); }

/// The JSON Schema of the configuration.
inline std::string config_schema() { return detail::document(duologue_config_schema); }

/// What is known of providers, models and voices without asking anybody (JSON).
/// The JSON Schema of a transcript.
inline std::string transcript_schema() { return detail::document(duologue_transcript_schema); }

inline std::string catalogue() { return detail::document(duologue_catalogue); }

/// The threads that call back. Most programs need none.
class engine {
public:
    /// Fill the options with zeros (`duologue_engine_options options{}`), then what you want; struct_size is set.
    explicit engine(duologue_engine_options options = {}) {
        detail::same_abi();
        options.struct_size = sizeof options;
        duologue_engine* handle = nullptr;
        check(duologue_engine_create(&options, &handle));
        handle_.reset(handle);
    }
    /// Takes over what C made.
    explicit engine(duologue_engine* handle) noexcept : handle_(handle) {}
    duologue_engine* handle() const noexcept { return handle_.get(); }

private:
    detail::owner<duologue_engine> handle_;
};

// ---------------------------------------------------------------------------------------------------------
// Clients

/// An event of next_event(), or nothing. Frees it.
class queued_event {
public:
    queued_event() noexcept = default;
    /// Takes over what C gave.
    explicit queued_event(duologue_event* handle) noexcept : handle_(handle) {}
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    const event& operator*() const noexcept { return *handle_; }
    const event* operator->() const noexcept { return handle_.get(); }

private:
    detail::owner<duologue_event> handle_;
};

/// A picture for client_ref::send_image(): either data or url.
struct image {
    /// The bytes of a PNG or JPEG file; looked at during the call only.
    span<const std::uint8_t> data{};
    /// A `data:` URL, or an address where the vendor fetches those.
    std::string_view url{};
    /// Words to the picture.
    std::string_view text{};
    /// For example "image/png"; empty: told from the picture.
    std::string_view mime_type{};
    duologue_image_detail detail = DUOLOGUE_IMAGE_DETAIL_DEFAULT;
    /// DUOLOGUE_SEND_...
    std::uint32_t flags = 0;
};

/// How loud one direction is, 0 to 1; nothing without a connection.
struct level {
    float rms = 0, peak = 0;
    bool connected = false;
};

/// How an analyser looks; the defaults are a browser's.
struct analyser_options {
    /// Frames looked at, a power of two from 32 to 32768; there are half as many frequencies.
    std::uint32_t fft_size = 2048;
    /// What the bytes 0 and 255 stand for.
    double min_decibels = -100, max_decibels = -30;
    /// How much of the reading before stays in each new one, 0 to 1.
    double smoothing = 0.8;
};

/// What is in the sound of one direction, with the numbers of a browser's AnalyserNode; of
/// client_ref::make_analyser(). Each call gives how many values it wrote, 0 without a connection. Any thread, but
/// audio threads should not.
class analyser {
public:
    /// Takes over what C made.
    explicit analyser(duologue_analyser* handle) noexcept : handle_(handle) {}
    duologue_analyser* handle() const noexcept { return handle_.get(); }

    /// Frames per second of the sound; 0 without a connection, or before there was any.
    std::uint32_t sample_rate() const {
        std::uint32_t rate = 0;
        check(duologue_analyser_sample_rate(handle(), &rate));
        return rate;
    }
    std::size_t byte_frequency_data(span<std::uint8_t> out) const {
        return fill(duologue_analyser_byte_frequency_data, out);
    }
    std::size_t float_frequency_data(span<float> out) const {
        return fill(duologue_analyser_float_frequency_data, out);
    }
    std::size_t byte_time_domain_data(span<std::uint8_t> out) const {
        return fill(duologue_analyser_byte_time_domain_data, out);
    }
    std::size_t float_time_domain_data(span<float> out) const {
        return fill(duologue_analyser_float_time_domain_data, out);
    }
    /// The frequencies between 100 and 8000 Hz, spread over all bars of out.
    std::size_t voice_bands(span<std::uint8_t> out) const { return fill(duologue_analyser_voice_bands, out); }

private:
    template <class Function, class T>
    std::size_t fill(Function function, span<T> out) const {
        std::size_t count = 0;
        check(function(handle(), out.data(), out.size(), &count));
        return count;
    }
    detail::owner<duologue_analyser> handle_;
};

/// A client that somebody else owns. Copies refer to the same client; see LIFETIME above.
class client_ref {
public:
    client_ref() noexcept = default;
    explicit client_ref(duologue_client* handle) noexcept : handle_(handle) {}
    duologue_client* handle() const noexcept { return handle_; }

    // Commands. They return at once with a number; `completed` with that number says how it ended.

    op connect() const { return command(duologue_client_connect); }
    op disconnect() const { return command(duologue_client_disconnect); }
    op send_text(const char* text, std::uint32_t flags = 0) const { return send_text(detail::given(text), flags); }
    /// flags: DUOLOGUE_SEND_...
    op send_text(std::string_view text, std::uint32_t flags = 0) const {
        return command(duologue_client_send_text, detail::c_string(text), flags);
    }
    /// A picture, either its bytes or a URL, and what is to happen with it.
    op send_image(const image& picture) const {
        detail::c_string url(picture.url), mime_type(picture.mime_type), text(picture.text);
        duologue_image c{};
        c.struct_size = sizeof c;
        c.flags = picture.flags;
        c.data = picture.data.data();
        c.size = picture.data.size();
        c.url = url.or_null();
        c.mime_type = mime_type.or_null();
        c.text = text.or_null();
        c.detail = picture.detail;
        return command(duologue_client_send_image, &c);
    }
    /// Shows what a camera sees, for a model that takes frames: the bytes of a JPEG, about once a second.
    op send_video_frame(span<const std::uint8_t> jpeg) const {
        return command(duologue_client_send_video_frame, jpeg.data(), jpeg.size());
    }
    /// What the user thinks of an answer: "like", "dislike", or "" to take it back; for services that take it.
    op send_feedback(std::string_view item, std::string_view score) const {
        detail::c_string word(score);
        return command(duologue_client_send_feedback, detail::c_string(item), word.or_null());
    }
    /// The user is there and busy: an agent that would speak into the silence waits.
    op send_user_activity() const { return command(duologue_client_send_user_activity); }
    /// Tells the model something; nobody answers.
    op send_context(std::string_view text) const {
        return command(duologue_client_send_context, detail::c_string(text));
    }
    /// Has the assistant say this.
    op say(std::string_view text) const { return command(duologue_client_say, detail::c_string(text)); }
    op request_response() const { return command(duologue_client_request_response, nullptr); }
    /// With instructions for this response only, added to the session's own, and other options as a JSON object:
    /// request_response("Sum up.", R"({"out_of_band": true})"). Empty: none.
    op request_response(std::string_view instructions, std::string_view json = {}) const {
        detail::c_string text(instructions), more(json);
        duologue_response_options options{};
        options.struct_size = sizeof options;
        options.instructions = text.or_null();
        options.json = more.or_null();
        return command(duologue_client_request_response, &options);
    }
    op interrupt() const { return command(duologue_client_interrupt); }
    /// The key is down; the user's turn begins ("turn_detection": {"mode": "manual"}).
    op start_listening() const { return command(duologue_client_start_listening); }
    /// The key is up; the turn is answered.
    op stop_listening() const { return command(duologue_client_stop_listening); }
    op clear_input() const { return command(duologue_client_clear_input); }
    /// A JSON merge patch of the configuration: update_session(R"({"instructions": "Answer in French."})").
    op update_session(std::string_view changes) const {
        return command(duologue_client_update_session, detail::c_string(changes));
    }
    /// Answers a call, inside its callback.
    op submit_tool_result(const tool_call_event& call, std::string_view output, bool is_error = false) const {
        return submit_tool_result(call.epoch, view(call.call_id), output, is_error);
    }
    /// Answers a call at any later time.
    op submit_tool_result(std::uint32_t epoch, std::string_view call_id, std::string_view output,
                          bool is_error = false) const {
        return command(duologue_client_submit_tool_result, epoch, detail::c_string(call_id), detail::c_string(output),
                       is_error ? 1 : 0);
    }
    op set_capture(bool on) const { return command(duologue_client_set_capture, on ? 1 : 0); }
    op set_input_muted(bool muted) const { return command(duologue_client_set_input_muted, muted ? 1 : 0); }
    /// The network is another one now: the connection is opened anew at once.
    op network_changed() const { return command(duologue_client_network_changed); }
    /// Measures the way to the service and back: `completed` has round_trip_us.
    op ping() const { return command(duologue_client_ping); }
    /// Adds a conversation that was held elsewhere (a transcript); only while not connected.
    op import_history(std::string_view json) const {
        return command(duologue_client_import_history, detail::c_string(json));
    }
    /// Forgets the conversation; only while not connected.
    op clear_history() const { return command(duologue_client_clear_history); }
    op send_raw(std::string_view json) const { return command(duologue_client_send_raw, detail::c_string(json)); }

    /// Gives the secret for the next dial. The text is not copied on its way into the library, which wipes its own
    /// copy.
    void set_credential(const char* secret,
                        duologue_credential_kind kind = DUOLOGUE_CREDENTIAL_KIND_API_KEY) const {
        set_credential(detail::credential(secret, kind));
    }
    void set_credential(const std::string& secret,
                        duologue_credential_kind kind = DUOLOGUE_CREDENTIAL_KIND_API_KEY) const {
        set_credential(secret.c_str(), kind);
    }
    /// With all that is known about it: start from `duologue_credential credential{}`; struct_size is set.
    void set_credential(duologue_credential credential) const {
        credential.struct_size = sizeof credential;
        check(duologue_client_set_credential(handle_, &credential));
    }
    /// Answers a `credential_needed` event, inside its callback or later.
    void answer_credential(std::uint64_t request_id, const char* secret,
                           duologue_credential_kind kind = DUOLOGUE_CREDENTIAL_KIND_API_KEY) const {
        answer_credential(request_id, detail::credential(secret, kind));
    }
    void answer_credential(std::uint64_t request_id, const std::string& secret,
                           duologue_credential_kind kind = DUOLOGUE_CREDENTIAL_KIND_API_KEY) const {
        answer_credential(request_id, secret.c_str(), kind);
    }
    void answer_credential(std::uint64_t request_id, duologue_credential credential) const {
        credential.struct_size = sizeof credential;
        check(duologue_client_answer_credential(handle_, request_id, &credential));
    }
    /// Says that there is none, and why.
    void refuse_credential(std::uint64_t request_id, std::string_view reason, bool retryable = false) const {
        detail::c_string why(reason);
        check(duologue_client_refuse_credential(handle_, request_id, why.or_null(), retryable ? 1 : 0));
    }

    // Reading.

    duologue_status status() const { return read<duologue_status>(duologue_client_status); }
    duologue_mode mode() const { return read<duologue_mode>(duologue_client_mode); }
    /// Whether a connect has a chance; availability_json() says why not.
    bool can_connect() const { return read<int>(duologue_client_can_connect) == 1; }
    std::string availability_json() const { return document(duologue_client_availability_json); }
    std::string state_json() const { return document(duologue_client_state_json); }
    /// The conversation as a neutral document (a transcript), in any status.
    std::string export_history() const { return document(duologue_client_export_history); }
    std::string stats_json() const { return document(duologue_client_stats_json); }
    std::string capabilities_json() const { return document(duologue_client_capabilities_json); }
    std::string config_json() const { return document(duologue_client_config_json); }

    /// Waits for a state; false when the time is over. Throws what a callback threw, and the error of a run
    /// that fails. Not inside callbacks.
    bool wait(duologue_status status, std::chrono::milliseconds time) const {
        return wait_ms(status, detail::timeout(time));
    }
    /// Waits for ever.
    void wait(duologue_status status) const { wait_ms(status, -1); }
    /// Throws what a callback threw, once.
    void rethrow() const {
        if (auto failed = failed_.lock()) failed->rethrow();
    }

    // Audio: for audio threads too, therefore without exceptions.

    /// Hands over microphone audio. DUOLOGUE_ERROR_WOULD_BLOCK: nothing was taken, offer it again.
    [[nodiscard]] duologue_result push_audio(span<const std::int16_t> frames,
                                             clock::time_point captured_at = {}) const noexcept {
        return duologue_client_push_audio(handle_, frames.data(), frames.size(), detail::micros(captured_at), nullptr);
    }
    /// Fills the buffer with assistant audio, then silence; *audible receives the frames that are audio.
    [[nodiscard]] duologue_result pull_audio(span<std::int16_t> buffer, std::size_t* audible = nullptr,
                                             clock::time_point audible_at = {}) const noexcept {
        return duologue_client_pull_audio(handle_, buffer.data(), buffer.size(), detail::micros(audible_at), audible);
    }
    /// Says how far an item was played.
    [[nodiscard]] duologue_result report_playback(const char* item, std::uint32_t part,
                                                  std::chrono::milliseconds played,
                                                  std::chrono::milliseconds latency = {}) const noexcept {
        return duologue_client_report_playback(handle_, item, part, detail::millis(played), detail::millis(latency));
    }

    // Drawing.

    /// For audio threads too. DUOLOGUE_ERROR_WOULD_BLOCK: clients are being made or destroyed, come again.
    [[nodiscard]] duologue_result level(duologue_direction direction, duologue::level& out) const noexcept {
        int connected = 0;
        const auto result = duologue_client_level(handle_, direction, &out.rms, &out.peak, &connected);
        if (result == DUOLOGUE_OK) out.connected = connected == 1;
        return result;
    }
    duologue::analyser make_analyser(duologue_direction direction, const analyser_options& options = {}) const {
        duologue_analyser* made = nullptr;
        check(duologue_client_create_analyser(handle_, direction, options.fft_size, options.min_decibels,
                                              options.max_decibels, options.smoothing, &made));
        return duologue::analyser(made);
    }

    // Queue delivery ("delivery": "queue").

    /// The next event, or nothing when the time is over.
    queued_event next_event(std::chrono::milliseconds time) const { return next_ms(detail::timeout(time)); }
    /// Waits for ever.
    queued_event next_event() const { return next_ms(-1); }
    void set_event_mask(std::uint64_t mask) const { check(duologue_client_set_event_mask(handle_, mask)); }
    /// Readable while events wait. It belongs to the client.
    int wakeup_fd() const { return read<int>(duologue_client_wakeup_fd); }

    // Callbacks. Each replaces the one before; an empty function removes it.

    template <class Event>
    using handler = std::function<void(const Event&)>;

    /// Every event of these kinds, before the callbacks below.
    void on_event(handler<event> f, std::uint64_t mask = DUOLOGUE_EVENT_MASK_ALL) const {
        listen<event>([mask](auto client, auto... rest) {
            return duologue_client_set_event_callback(client, mask, rest...);
        }, std::move(f));
    }
    void on_mode(handler<mode_event> f) const { listen(duologue_client_set_mode_callback, std::move(f)); }
    void on_speech(handler<speech_event> f) const { listen(duologue_client_set_speech_callback, std::move(f)); }
    void on_playback(handler<playback_event> f) const { listen(duologue_client_set_playback_callback, std::move(f)); }
    void on_response(handler<response_event> f) const { listen(duologue_client_set_response_callback, std::move(f)); }
    void on_interrupted(handler<interrupted_event> f) const {
        listen(duologue_client_set_interrupted_callback, std::move(f));
    }
    void on_message(handler<message_event> f) const { listen(duologue_client_set_message_callback, std::move(f)); }
    void on_transcript(handler<transcript_event> f) const {
        listen(duologue_client_set_transcript_callback, std::move(f));
    }
    void on_audio(handler<audio_event> f) const { listen(duologue_client_set_audio_callback, std::move(f)); }
    void on_audio_level(handler<audio_level_event> f) const {
        listen(duologue_client_set_audio_level_callback, std::move(f));
    }
    void on_tool_call(handler<tool_call_event> f) const {
        listen(duologue_client_set_tool_call_callback, std::move(f));
    }
    void on_tool_end(handler<tool_end_event> f) const { listen(duologue_client_set_tool_end_callback, std::move(f)); }
    void on_status(handler<status_event> f) const { listen(duologue_client_set_status_callback, std::move(f)); }
    void on_credential_needed(handler<credential_needed_event> f) const {
        listen(duologue_client_set_credential_needed_callback, std::move(f));
    }
    void on_completed(handler<completed_event> f) const {
        listen(duologue_client_set_completed_callback, std::move(f));
    }
    void on_session(handler<session_event> f) const { listen(duologue_client_set_session_callback, std::move(f)); }
    void on_session_replaced(handler<session_replaced_event> f) const {
        listen(duologue_client_set_session_replaced_callback, std::move(f));
    }
    void on_transport_changed(handler<transport_changed_event> f) const {
        listen(duologue_client_set_transport_changed_callback, std::move(f));
    }
    void on_usage(handler<usage_event> f) const { listen(duologue_client_set_usage_callback, std::move(f)); }
    void on_latency(handler<latency_event> f) const { listen(duologue_client_set_latency_callback, std::move(f)); }
    void on_device(handler<device_event> f) const { listen(duologue_client_set_device_callback, std::move(f)); }
    /// Warnings and errors; envelope->kind tells which.
    void on_error(handler<error_event> f) const { listen(duologue_client_set_error_callback, std::move(f)); }
    void on_raw(handler<raw_event> f) const { listen(duologue_client_set_raw_callback, std::move(f)); }
    void on_lagged(handler<lagged_event> f) const { listen(duologue_client_set_lagged_callback, std::move(f)); }

#if DUOLOGUE_HAS_EXCEPTIONS
    /// Gets what callbacks throw, on their thread. Must not throw. Empty: as described at the top.
    void on_exception(std::function<void(std::exception_ptr)> f) const {
        if (auto failed = failed_.lock()) failed->set_handler(std::move(f));
    }
#endif

protected:
    client_ref(duologue_client* handle, const std::shared_ptr<detail::failures>& failed) noexcept
        : handle_(handle), failed_(failed) {}

private:
    template <class Function, class... Arguments>
    op command(Function function, const Arguments&... arguments) const {
        op number = 0;
        check(function(handle_, arguments..., &number));
        return number;
    }
    template <class T, class Function>
    T read(Function function) const {
        T value{};
        check(function(handle_, &value));
        return value;
    }
    template <class Function>
    std::string document(Function function) const {
        return detail::document([&](char** out) { return function(handle_, out); });
    }
    bool wait_ms(duologue_status status, std::int32_t time) const {
        auto result = duologue_client_wait_status(handle_, status, time);
        rethrow();
        if (result == DUOLOGUE_ERROR_TIMEOUT) return false;
        check(result);
        return true;
    }
    queued_event next_ms(std::int32_t time) const {
        duologue_event* next = nullptr;
        auto result = duologue_client_next_event(handle_, time, &next);
        if (result == DUOLOGUE_ERROR_TIMEOUT) return {};
        check(result);
        return queued_event(next);
    }
    template <class Event, class Setter>
    void listen(Setter set, handler<Event> function) const {
        using callback = detail::callback<Event>;
        if (!function) {
            check(set(handle_, nullptr, nullptr, nullptr));
            return;
        }
        auto failed = failed_.lock();
        // A reference to what C owns has nobody yet who keeps what callbacks throw.
        if (!failed) failed = std::make_shared<detail::failures>(handle_);
        auto data = std::make_unique<callback>(callback{std::move(function), std::move(failed)});
        // The library frees it, also when this fails.
        check(set(handle_, &callback::call, data.release(), &callback::free));
    }

    duologue_client* handle_ = nullptr;
    std::weak_ptr<detail::failures> failed_;
};

/// A voice session. Destroys it.
class client : public client_ref {
public:
    client() : client(nullptr, nullptr) {}
    explicit client(const config& config) : client(nullptr, config.handle()) {}
    client(const engine& engine, const config& config) : client(engine.handle(), config.handle()) {}
    /// Takes over what C made.
    explicit client(duologue_client* handle) : client(handle, std::make_shared<detail::failures>(handle)) {}

    client(client&& other) noexcept : client_ref(other), owned_(std::move(other.owned_)) { other.let_go(); }
    client& operator=(client&& other) noexcept {
        client next(std::move(other));
        std::swap(static_cast<client_ref&>(*this), static_cast<client_ref&>(next));
        owned_.swap(next.owned_);
        return *this;
    }
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    /// Waits for a callback that is running, unless inside one. See duologue_client_destroy().
    ~client() { duologue_client_destroy(handle()); }

    /// For callbacks and other threads: owns nothing.
    client_ref ref() const noexcept { return *this; }
    /// Gives the client up to C, which destroys it then. Callbacks stay.
    duologue_client* release() noexcept {
        auto handle = this->handle();
        let_go();
        return handle;
    }

private:
    client(duologue_engine* engine, const duologue_config* config) : client(make(engine, config)) {}
    client(duologue_client* handle, std::shared_ptr<detail::failures> failed) noexcept
        : client_ref(handle, failed), owned_(std::move(failed)) {}
    static duologue_client* make(duologue_engine* engine, const duologue_config* config) {
        detail::same_abi();
        duologue_client* handle = nullptr;
        check(duologue_client_create(engine, config, &handle));
        return handle;
    }
    void let_go() noexcept {
        static_cast<client_ref&>(*this) = client_ref();
        owned_.reset();
    }

    // Keeps what callbacks threw until wait() or rethrow() asks; references look at it weakly.
    std::shared_ptr<detail::failures> owned_;
};

// ---------------------------------------------------------------------------------------------------------
// The library

/// An event as JSON.
inline std::string to_json(const event& e) {
    return detail::document([&](char** out) { return duologue_event_to_json(&e, out); });
}

/// Sends log lines (level, target, message) to a function, from any thread and several at a time. It must
/// neither throw nor call duologue. An empty function switches logging off.
inline void set_log(duologue_log_level max_level, detail::log_function function) {
    if (!function) {
        check(duologue_set_log_callback(max_level, nullptr, nullptr, nullptr));
        return;
    }
    auto data = std::make_unique<detail::log_function>(std::move(function));
    check(duologue_set_log_callback(max_level, detail::log_call, data.release(), detail::log_free));
}

/// The library's version, for example "0.1.0".
inline std::string_view version() noexcept { return duologue_version(); }

/// Clients that were made and not destroyed.
inline std::size_t live_clients() noexcept { return duologue_live_clients(); }

#if !DUOLOGUE_HAS_EXCEPTIONS
} // namespace without_exceptions
#endif
} // namespace duologue

#endif // DUOLOGUE_HPP
