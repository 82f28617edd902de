// Turns, tools and requests through duologue.hpp, against the simulator with tests/c/turns.json. Arguments: the
// simulator's URL, a WAV file with a question.
#include "../c/canary.h"

#include <duologue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " << #condition << '\n';   \
            std::exit(1);                                                             \
        }                                                                             \
    } while (false)

namespace {

std::string url, question;

/// What a host knows, filled by callbacks.
class host {
public:
    explicit host(duologue::config config, bool with_key = true) : client(prepared(std::move(config))) {
        client.on_event([this](const duologue::event& e) { take(e); });
        if (!with_key) return;
        client.set_credential(CANARY_KEY);
        CHECK(end(client.connect()).empty());
    }

    /// The word of the error a command ended in; empty when it worked.
    std::string end(duologue::op op) {
        until([&] { return ended.count(op) == 1; });
        return ended[op];
    }
    template <class Condition>
    void until(Condition condition) {
        std::unique_lock<std::mutex> guard(lock);
        // Generous: only a broken library or a stopped machine takes as long.
        CHECK(changed.wait_for(guard, 60s, condition));
    }
    template <class Read>
    auto read(Read read) {
        std::lock_guard<std::mutex> guard(lock);
        return read();
    }
    bool sent_has(const std::string& words) {
        return read([&] { return sent.find(words) != std::string::npos; });
    }
    void says(const std::string& words) {
        until([&] { return said.find(words) != std::string::npos; });
    }

    /// The question and silence, as fast as the library takes it.
    void speak(std::chrono::milliseconds silence) {
        std::ifstream file(question, std::ios::binary);
        CHECK(file.seekg(44)); // the plain header of the clips
        std::vector<std::int16_t> samples(24000 * 10);
        file.read(reinterpret_cast<char*>(samples.data()), static_cast<std::streamsize>(samples.size() * 2));
        samples.resize(static_cast<std::size_t>(file.gcount()) / 2);
        CHECK(samples.size() > 24000);
        samples.resize(samples.size() + static_cast<std::size_t>(silence.count()) * 24);
        for (std::size_t at = 0; at < samples.size();) {
            auto block = std::min<std::size_t>(samples.size() - at, 480);
            auto result = client.push_audio({samples.data() + at, block});
            if (result == DUOLOGUE_ERROR_WOULD_BLOCK) {
                std::this_thread::sleep_for(2ms);
                continue;
            }
            duologue::check(result);
            at += block;
        }
    }

    std::mutex lock;
    std::condition_variable changed;
    std::map<duologue::op, std::string> ended, ended_response;
    std::map<int, int> seen;
    std::string said, newest_said, newest_response, sent, warning, tenant, configured;
    /// Behind what its callbacks use.
    duologue::client client;

private:
    static duologue::config prepared(duologue::config config) {
        config.set("base_url", url).set("raw_events", "all");
        return config;
    }

    void take(const duologue::event& e) {
        std::lock_guard<std::mutex> guard(lock);
        ++seen[e.kind];
        tenant = duologue::label(e, "tenant");
        if (e.completed) {
            ended[e.completed->op] = e.completed->error ? duologue::view(e.completed->error->code) : "";
            ended_response[e.completed->op] = duologue::view(e.response);
        }
        if (e.transcript && e.transcript->mode == DUOLOGUE_TRANSCRIPT_MODE_FINAL &&
            e.transcript->stage == DUOLOGUE_TRANSCRIPT_STAGE_GENERATED) {
            newest_said = duologue::view(e.transcript->text);
            newest_response = duologue::view(e.response);
            said += newest_said;
        }
        if (e.raw && e.raw->direction == DUOLOGUE_DIRECTION_INPUT) sent += duologue::view(e.raw->json);
        if (e.session) configured = duologue::view(e.session->effective_json);
        if (e.kind == DUOLOGUE_EVENT_WARNING) warning = duologue::view(e.error->code);
        changed.notify_all();
    }
};

duologue::config text() { return duologue::config().set("output_modality", "text"); }

void push_to_talk() {
    host h(duologue::config().set("turn_detection.mode", "manual").set("turn_detection.minimum_ms", 400));
    CHECK(h.end(h.client.start_listening()).empty());
    h.speak(0ms);
    CHECK(h.end(h.client.stop_listening()).empty());
    h.says("It is old.");
    CHECK(h.sent_has("input_audio_buffer.commit"));
    CHECK(h.end(h.client.start_listening()).empty());
    CHECK(h.end(h.client.clear_input()).empty());
    CHECK(h.end(h.client.stop_listening()) == "turn_too_short");
}

void semantic_detection() {
    host h(duologue::config().set_json("turn_detection", R"({"mode": "semantic", "eagerness": "high"})"));
    CHECK(h.read([&] { return h.configured.find("semantic_vad") != std::string::npos; }));
    h.speak(1500ms);
    h.says("It is old.");
}

void not_interruptible() {
    for (bool interruptible : {true, false}) {
        host h(duologue::config().set("turn_detection.interrupt_response", interruptible));
        h.client.send_text("Tell me a story.");
        h.until([&] { return h.seen[DUOLOGUE_EVENT_PLAYBACK_STARTED] == 1; });
        h.speak(1500ms);
        h.says("It is old.");
        CHECK(h.read([&] { return h.seen[DUOLOGUE_EVENT_INTERRUPTED] > 0; }) == interruptible);
    }
}

void text_only() {
    host h(text());
    h.client.send_text("Can you tell me?");
    h.says("It is old.");
    CHECK(h.read([&] { return h.seen[DUOLOGUE_EVENT_AUDIO]; }) == 0);
}

void images() {
    const std::array<std::uint8_t, 33> png{0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0,   0, 13, 'I', 'H', 'D', 'R',
                                           0,    0,   2,   128, 0,  0,  1,  224, 8, 2, 0, 0,  0,   0,   0,   0, 0};
    host h(text());
    duologue::image picture;
    picture.data = png;
    picture.text = "What is this?";
    picture.detail = DUOLOGUE_IMAGE_DETAIL_HIGH;
    CHECK(h.end(h.client.send_image(picture)).empty());
    h.says("I see a PNG image of 640 by 480 pixels.");
    CHECK(h.sent_has("\"detail\":\"high\""));
    duologue::image by_url;
    by_url.url = "https://example.org/cat.png";
    by_url.flags = DUOLOGUE_SEND_NO_RESPONSE;
    CHECK(h.end(h.client.send_image(by_url)) == "image_url");
    try {
        h.client.send_image({});
        CHECK(false);
    } catch (const duologue::error& error) {
        CHECK(error.code() == DUOLOGUE_ERROR_INVALID_ARGUMENT);
    }
}

void update_of_instructions_and_voice() {
    host h(duologue::config().set("voice", "marin"));
    CHECK(h.end(h.client.update_session(R"({"instructions": "Answer in French.", "voice": "cedar"})")).empty());
    CHECK(h.read([&] { return h.configured.find("Answer in French.") != std::string::npos; }));
    h.client.send_text("Can you tell me?");
    h.until([&] { return h.seen[DUOLOGUE_EVENT_AUDIO] > 0; });
    CHECK(h.end(h.client.update_session(R"({"voice": "marin"})")) == "voice_locked");
    CHECK(h.end(h.client.update_session(R"({"model": "gpt-realtime"})")) == "immutable_field");
}

void tools() {
    host h(text().set_json("tools", R"([
        {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
        {"name": "wait", "timeout_ms": 50}, {"name": "read"}])").set("tool_handling.result_max_length", 300));
    std::atomic<int> calls{0};
    h.client.on_tool_call([&, ref = h.client.ref()](const duologue::tool_call_event& call) {
        ++calls;
        if (duologue::view(call.name) == "wait") return;
        ref.submit_tool_result(call, std::string(1000, 'x'));
    });
    h.client.send_text("How is the weather?");
    h.says("Sunny.");
    CHECK(calls == 1 && h.read([&] { return h.warning; }) == "tool_output_too_large");
    h.client.send_text("Ask wrongly.");
    h.says("I asked wrongly.");
    CHECK(calls == 1 && h.read([&] { return h.warning; }) == "tool_arguments");
    std::atomic<bool> over{false};
    h.client.on_tool_end([&](const duologue::tool_end_event& end) {
        over = end.envelope->kind == DUOLOGUE_EVENT_TOOL_TIMEOUT && duologue::view(end.name) == "wait";
    });
    h.client.send_text("Do it slowly.");
    h.says("That took too long.");
    CHECK(calls == 2 && over);
}

void per_response_options() {
    host h(text().set("instructions", "Be brief."));
    h.client.send_context("The user opened page 3.");
    CHECK(h.end(h.client.send_video_frame(duologue::span<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>("\xff\xd8\xff"), 3))) ==
          "video");
    CHECK(h.end(h.client.send_feedback("item_1", "")) == "feedback");
    CHECK(h.end(h.client.send_user_activity()) == "user_activity");
    auto said = h.client.say("Good day.");
    h.says("Good day.");
    CHECK(h.end(said).empty());
    auto op = h.client.request_response("Classify.", R"({"out_of_band": true, "metadata": {"page": "3"}})");
    CHECK(h.end(op).empty());
    h.until([&] { return h.newest_said == "question"; });
    CHECK(h.read([&] { return h.newest_response == h.ended_response[op] && !h.newest_response.empty(); }));
    CHECK(h.sent_has("Be brief.\\n\\nClassify.") && h.sent_has("\"page\":\"3\""));
    CHECK(h.client.state_json().find("question") == std::string::npos);
    CHECK(h.end(h.client.request_response({}, R"({"audible": true})")) == "invalid_argument");
    try {
        h.client.request_response({}, R"({"outofband": true})");
        CHECK(false);
    } catch (const duologue::error& error) {
        CHECK(std::string(error.what()).find("out_of_band") != std::string::npos);
    }
}

void labels_and_availability() {
    auto shared = duologue::config().set("labels.tenant", "7").set("credentials.source", "asked");
    auto own = shared.with(R"({"labels": {"caller": "Ada"}})");
    CHECK(own.json().find(R"("labels":{"caller":"Ada","tenant":"7"})") != std::string::npos);
    CHECK(shared.json().find("Ada") == std::string::npos);
    host h(std::move(own), false);
    CHECK(h.client.can_connect() && h.client.availability_json() == "{}");

    // Asked, and answered inside the callback; the next time there is none.
    std::atomic<int> asked{0};
    h.client.on_credential_needed([&, ref = h.client.ref()](const duologue::credential_needed_event& request) {
        if (++asked == 1) {
            ref.answer_credential(request.request_id, CANARY_KEY);
        } else {
            ref.refuse_credential(request.request_id, "the token server is down", true);
        }
    });
    CHECK(h.end(h.client.connect()).empty() && asked == 1);
    CHECK(h.read([&] { return h.tenant; }) == "7");
    CHECK(h.end(h.client.disconnect()).empty());
    CHECK(h.end(h.client.connect()) == "credential_refused" && asked == 2);
    CHECK(h.client.state_json().find("the token server is down") != std::string::npos);

    duologue::client plain;
    CHECK(!plain.can_connect() && plain.availability_json().find("missing_key") != std::string::npos);
    duologue_credential credential{};
    credential.kind = DUOLOGUE_CREDENTIAL_KIND_EPHEMERAL;
    credential.value = CANARY_TOKEN;
    credential.model = "gpt-realtime";
    plain.set_credential(credential);
    CHECK(plain.can_connect());
}

void history_and_network() {
    host h(text());
    CHECK(h.end(h.client.send_text("My name is Ada.", DUOLOGUE_SEND_NO_RESPONSE)).empty());
    std::string kept = h.client.export_history();
    CHECK(kept.find("My name is Ada.") != std::string::npos);
    CHECK(h.end(h.client.import_history(kept)) == "connected");
    CHECK(h.end(h.client.ping()).empty());
    CHECK(h.end(h.client.network_changed()).empty());
    CHECK(h.end(h.client.disconnect()).empty());
    CHECK(h.end(h.client.clear_history()).empty());
    CHECK(h.client.export_history() == R"({"version":1,"messages":[]})");
    CHECK(h.end(h.client.import_history(kept)).empty());
    CHECK(h.client.export_history() == kept);
    CHECK(duologue::transcript_schema().find("heard_transcript") != std::string::npos);
    try {
        h.client.import_history(R"({"version": 1})");
        CHECK(false);
    } catch (const duologue::error& error) {
        CHECK(error.code() == DUOLOGUE_ERROR_INVALID_ARGUMENT);
    }
}

} // namespace

int main(int argc, char** argv) {
    CHECK(argc == 3);
    url = argv[1];
    question = argv[2];
    push_to_talk();
    semantic_detection();
    not_interruptible();
    text_only();
    images();
    update_of_instructions_and_voice();
    tools();
    per_response_options();
    labels_and_availability();
    history_and_network();
    CHECK(duologue::live_clients() == 0);
    std::cout << "good\n";
}
