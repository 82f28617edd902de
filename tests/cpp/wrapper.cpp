// duologue.hpp does what it promises: lifetimes, exceptions, errors, moves. Runs against the simulator.
#include "wrapper.hpp"

#include "../c/canary.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif

using namespace std::chrono_literals;

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " << #condition << '\n';   \
            std::exit(1);                                                             \
        }                                                                             \
    } while (false)

static_assert(!std::is_copy_constructible_v<duologue::client> && !std::is_copy_assignable_v<duologue::client>);
static_assert(std::is_nothrow_move_constructible_v<duologue::client>);
static_assert(std::is_nothrow_move_assignable_v<duologue::client>);
static_assert(!std::is_copy_constructible_v<duologue::config> && !std::is_copy_constructible_v<duologue::engine>);
static_assert(std::is_nothrow_move_constructible_v<duologue::config>);
static_assert(std::is_nothrow_move_constructible_v<duologue::engine>);
static_assert(std::is_nothrow_copy_constructible_v<duologue::client_ref>);
static_assert(!std::is_constructible_v<duologue::span<std::int16_t>, const std::vector<std::int16_t>&>,
              "what is pulled cannot go into constant memory");

namespace {

/// Counts the copies of a callback that are alive.
struct token {
    explicit token(std::atomic<int>& alive) : alive_(&alive) { ++*alive_; }
    token(const token& other) : alive_(other.alive_) { ++*alive_; }
    ~token() { --*alive_; }
    std::atomic<int>* alive_;
};

void eventually(const char* what, const std::function<bool()>& condition) {
    // Generous: only a broken library or a stopped machine takes as long.
    for (int i = 0; i < 6000; ++i) {
        if (condition()) return;
        std::this_thread::sleep_for(5ms);
    }
    std::cerr << "never: " << what << '\n';
    std::exit(1);
}

template <class Call>
duologue_result code_of(Call call) {
    try {
        call();
    } catch (const duologue::error& error) {
        CHECK(std::string(error.what()).find(duologue_result_name(error.code())) == 0);
        return error.code();
    }
    return DUOLOGUE_OK;
}

duologue::config text_config() {
    auto config = duologue::config().set("output_modality", "text");
    config.set("base_url", std::getenv("DUOLOGUE_BASE_URL"));
    return config;
}

duologue::client connected(const duologue::config& config) {
    duologue::client client(config);
    client.set_credential(std::string(CANARY_KEY));
    client.connect();
    CHECK(client.wait(DUOLOGUE_STATUS_CONNECTED, 30s));
    return client;
}

void configuration() {
    duologue::config config;
    config.set("instructions", "brief").set("voice", std::string("marin"));
    config.set("model", std::string_view("gpt-realtime"));
    config.set("auto_capture", false).set("audio.input.rate", 16000).set("max_output_tokens", 17u).set("speed", 1.25);
    config.set_json("tools[0]", R"({"name": "hang_up"})");
    auto json = config.json();
    for (auto part : {"\"brief\"", "\"marin\"", "16000", "17", "1.25", "hang_up", "\"auto_capture\":false"}) {
        CHECK(json.find(part) != std::string::npos);
    }
    duologue::validate(json);
    CHECK(duologue::config(json).json() == json);
    CHECK(duologue::config_schema().find("auto_capture") != std::string::npos);
    CHECK(duologue::catalogue().find("gpt-realtime-2.1") != std::string::npos);

    CHECK(code_of([&] { config.set("nonsense", 1); }) == DUOLOGUE_ERROR_INVALID_CONFIG);
    CHECK(code_of([&] { config.set("audio.input.rate", ~std::uint64_t(0)); }) == DUOLOGUE_ERROR_INVALID_ARGUMENT);
    CHECK(code_of([&] { config.set("voice", std::string_view("a\0b", 3)); }) == DUOLOGUE_ERROR_INVALID_ARGUMENT);
    CHECK(code_of([] { duologue::validate("{"); }) == DUOLOGUE_ERROR_INVALID_JSON);
    try {
        config.set("audio.input.source", "moon");
        CHECK(false);
    } catch (const duologue::error& error) {
        CHECK(std::string(error.what()).find("audio.input.source") != std::string::npos);
    }
    duologue::client client(config);
    CHECK(client.config_json() == json);
    CHECK(code_of([&] { config.set("voice", "cedar"); }) == DUOLOGUE_ERROR_INVALID_STATE);
}

void ownership() {
    std::atomic<int> alive{0};
    duologue::client_ref ref;
    CHECK(code_of([&] { ref.connect(); }) == DUOLOGUE_ERROR_NULL_ARGUMENT);
    {
        duologue::client first;
        ref = first.ref();
        first.on_status([t = token(alive)](const duologue::status_event&) { (void)t; });
        CHECK(alive == 1);
        duologue::client second(std::move(first));
        CHECK(!first.handle() && second.handle() == ref.handle() && duologue::live_clients() == 1);
        duologue::client third;
        third = std::move(second); // destroys what third had
        CHECK(third.handle() == ref.handle() && duologue::live_clients() == 1 && alive == 1);
        third.on_status(nullptr);
        CHECK(alive == 0);
        third.on_status([t = token(alive)](const duologue::status_event&) { (void)t; });
        // C takes it, and the wrapper takes it back.
        duologue::client back(third.release());
        CHECK(!third.handle() && duologue::live_clients() == 1 && alive == 1);
        CHECK(back.status() == DUOLOGUE_STATUS_IDLE && back.mode() == DUOLOGUE_MODE_IDLE);
    }
    CHECK(alive == 0 && duologue::live_clients() == 0);
    CHECK(code_of([&] { ref.connect(); }) == DUOLOGUE_ERROR_INVALID_HANDLE);
    CHECK(code_of([&] { ref.on_status([t = token(alive)](auto&) { (void)t; }); }) == DUOLOGUE_ERROR_INVALID_HANDLE);
    CHECK(alive == 0 && "freed when refused");

    duologue_engine_options options{};
    options.callback_threads = 2;
    duologue::engine engine(options);
    duologue::client client(engine, duologue::config());
    options.callback_threads = 100000;
    CHECK(code_of([&] { duologue::engine refused(options); }) == DUOLOGUE_ERROR_INVALID_ARGUMENT);
    CHECK(other_unit(client) == DUOLOGUE_STATUS_IDLE);
}

/// A callback replaces itself, then destroys its client: what it captured lives until it returns.
void inside_callbacks() {
    std::atomic<int> alive{0}, first_calls{0}, second_calls{0}, destroyed{0};
    auto client = std::make_unique<duologue::client>(text_config());
    client->set_credential(CANARY_KEY);
    auto ref = client->ref();
    client->on_status([&, ref, t = token(alive)](const duologue::status_event&) {
        ++first_calls;
        ref.on_status([&, t = t](const duologue::status_event& event) {
            ++second_calls;
            if (event.status != DUOLOGUE_STATUS_CONNECTED) return;
            client.reset();
            CHECK(*t.alive_ > 0 && "still there");
            ++destroyed;
        });
        CHECK(*t.alive_ > 0 && "still there");
    });
    client->connect();
    eventually("the callback destroyed its client", [&] { return destroyed == 1; });
    eventually("everything is freed", [&] { return alive == 0; });
    CHECK(first_calls == 1 && second_calls >= 1 && !client && duologue::live_clients() == 0);
}

void exceptions() {
    { // Kept: the session ends, and wait() throws it once.
        auto client = connected(text_config());
        client.on_message([](const duologue::message_event&) { throw std::out_of_range("thrown by a callback"); });
        client.send_text("Hello");
        try {
            client.wait(DUOLOGUE_STATUS_IDLE);
            CHECK(false);
        } catch (const std::out_of_range& thrown) {
            CHECK(std::string(thrown.what()) == "thrown by a callback");
        }
        CHECK(client.status() == DUOLOGUE_STATUS_IDLE);
    }
    { // Handled: the session goes on.
        std::atomic<int> caught{0};
        auto client = connected(text_config());
        client.on_exception([&](std::exception_ptr thrown) {
            try {
                std::rethrow_exception(thrown);
            } catch (int number) {
                caught += number;
            }
        });
        client.on_message([](const duologue::message_event&) { throw 1; });
        client.send_text("Hello");
        eventually("the handler got it", [&] { return caught > 0; });
        CHECK(client.status() == DUOLOGUE_STATUS_CONNECTED);
        client.rethrow();
    }
    CHECK(duologue::live_clients() == 0);
}

void conversation() {
    std::string words;
    std::mutex lock;
    std::vector<duologue::op> completed;
    std::atomic<bool> done{false};
    auto client = connected(text_config().set_json("tools[0]", R"({"name": "get_weather"})"));
    client.on_event([&](const duologue::event& event) {
        CHECK(event.kind == DUOLOGUE_EVENT_COMPLETED && event.completed->result == DUOLOGUE_OK);
        std::lock_guard<std::mutex> guard(lock);
        completed.push_back(event.completed->op);
        CHECK(duologue::to_json(event).find("\"seq\"") != std::string::npos);
    }, duologue::mask({DUOLOGUE_EVENT_COMPLETED}));
    client.on_tool_call([ref = client.ref()](const duologue::tool_call_event& call) {
        ref.submit_tool_result(call, R"({"celsius": 18})");
    });
    client.on_message([&](const duologue::message_event& message) {
        for (auto part : duologue::parts(message)) {
            if (message.role == DUOLOGUE_ROLE_ASSISTANT && part->part_type == DUOLOGUE_PART_TYPE_TEXT) {
                words = duologue::view(part->text);
            }
        }
    });
    client.on_response([&](const duologue::response_event& response) {
        done = done || (response.envelope->kind == DUOLOGUE_EVENT_TURN_DONE && !words.empty());
    });
    auto muted = client.set_input_muted(true);
    auto sent = client.send_text("And what is the weather like in Paris today?");
    eventually("the answer", [&] { return done.load(); });
    client.on_message({});
    CHECK(words.find("eighteen") != std::string::npos);
    eventually("both commands are completed", [&] {
        std::lock_guard<std::mutex> guard(lock);
        auto has = [&](duologue::op op) { return std::count(completed.begin(), completed.end(), op) == 1; };
        return has(muted) && has(sent);
    });
    CHECK(client.state_json().find("eighteen") != std::string::npos);
    CHECK(code_of([&] { client.next_event(0ms); }) == DUOLOGUE_ERROR_INVALID_STATE);
    client.disconnect();
    CHECK(client.wait(DUOLOGUE_STATUS_IDLE, 30s));
    // Nothing would end this wait but a new connect.
    CHECK(code_of([&] { client.wait(DUOLOGUE_STATUS_CONNECTED, 1ms); }) == DUOLOGUE_ERROR_INVALID_STATE);
}

void queue() {
    auto client = connected(text_config().set("delivery", "queue"));
    CHECK(client.wakeup_fd() >= 0);
    client.set_event_mask(duologue::mask({DUOLOGUE_EVENT_TURN_DONE, DUOLOGUE_EVENT_TRANSCRIPT}));
    while (client.next_event(0ms)) {}
    client.send_text("Hello");
    bool words = false;
    for (;;) {
        auto event = client.next_event();
        CHECK(event && (*event).seq > 0);
        words = words || (event->transcript && !duologue::view(event->transcript->text).empty());
        if (event->kind == DUOLOGUE_EVENT_TURN_DONE) break;
    }
    CHECK(words && !client.next_event(1ms));
    CHECK(code_of([&] { client.on_audio([](auto&) {}); }) == DUOLOGUE_ERROR_INVALID_STATE);
}

void audio() {
    auto client = connected(text_config().set("audio.output.delivery", "pull"));
    std::vector<std::int16_t> block(480, 100);
    const std::array<std::int16_t, 240> constant{};
    std::int16_t plain[480];
    std::size_t audible = 1;
    CHECK(client.push_audio(block) == DUOLOGUE_OK && client.push_audio(constant) == DUOLOGUE_OK);
    CHECK(client.push_audio({block.data(), 10}, duologue::clock::now()) == DUOLOGUE_OK);
    std::vector<std::int16_t> much(12000);
    auto result = DUOLOGUE_OK;
    for (int i = 0; i < 1000 && result == DUOLOGUE_OK; ++i) result = client.push_audio(much);
    CHECK(result == DUOLOGUE_ERROR_WOULD_BLOCK);
    CHECK(client.pull_audio(plain, &audible, duologue::clock::now() + 20ms) == DUOLOGUE_OK && audible == 0);
    CHECK(client.pull_audio(block) == DUOLOGUE_OK && block[0] == 0);
    CHECK(client.report_playback("item", 0, 20ms) == DUOLOGUE_ERROR_INVALID_STATE);
#if __cplusplus >= 202002L
    CHECK(std::span<const std::int16_t>(duologue::span<const std::int16_t>(block)).size() == 480);
    CHECK(client.pull_audio(std::span<std::int16_t>(block)) == DUOLOGUE_OK);
#endif
}

void drawing() {
    auto client = connected(text_config().set("audio.output.delivery", "pull"));
    duologue::level level;
    CHECK(client.level(DUOLOGUE_DIRECTION_INPUT, level) == DUOLOGUE_OK && level.connected && level.peak == 0);
    duologue::analyser_options small;
    small.fft_size = 256;
    auto output = client.make_analyser(DUOLOGUE_DIRECTION_OUTPUT, small);
    std::vector<std::uint8_t> bytes(300, 7);
    std::array<float, 128> floats{};
    CHECK(output.byte_frequency_data(bytes) == 128 && bytes[0] == 0);
    CHECK(output.float_frequency_data(floats) == 128 && floats[0] < -1000);
    CHECK(output.byte_time_domain_data(bytes) == 256 && bytes[255] == 128);
    CHECK(output.float_time_domain_data(floats) == 128 && floats[0] == 0);
    CHECK(output.voice_bands({bytes.data(), 9}) == 9);
    std::int16_t block[480];
    CHECK(client.pull_audio(block) == DUOLOGUE_OK && output.sample_rate() == 24000);
    auto moved = std::move(output);
    CHECK(moved.handle() != nullptr && output.handle() == nullptr);
    small.smoothing = 2;
    CHECK(code_of([&] { client.make_analyser(DUOLOGUE_DIRECTION_INPUT, small); }) == DUOLOGUE_ERROR_INVALID_ARGUMENT);
    client = duologue::client();
    CHECK(moved.byte_frequency_data(bytes) == 0);
}

void logging() {
    std::atomic<int> alive{0};
    duologue::set_log(DUOLOGUE_LOG_LEVEL_TRACE, [t = token(alive)](auto, auto target, auto) {
        CHECK(!target.empty() && *t.alive_ == 1);
    });
    CHECK(alive == 1);
    connected(text_config());
    duologue::set_log(DUOLOGUE_LOG_LEVEL_OFF, nullptr);
    eventually("the log function is freed", [&] { return alive == 0; });
}

} // namespace

int main() {
    CHECK(duologue::version() == DUOLOGUE_VERSION);
    configuration();
    ownership();
    inside_callbacks();
    exceptions();
    conversation();
    queue();
    audio();
    drawing();
    logging();
    CHECK(duologue::live_clients() == 0);
    std::cout << "good\n";
}
