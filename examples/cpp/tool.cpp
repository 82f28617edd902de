// Lets the model call functions of the program. Text in and text out, to show the tools alone; in a spoken
// conversation it is the same.
//
//     c++ -std=c++17 tool.cpp -o tool $(pkg-config --cflags --libs duologue)
//     OPENAI_API_KEY=... ./tool "What is the weather like in Paris?"
//
// Offline, with any key: `duologue simulate` prints a URL, which goes into DUOLOGUE_BASE_URL.
#include <atomic>
#include <cstdlib>
#include <duologue.hpp>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>

namespace {

constexpr auto weather_json = R"({
    "name": "get_weather",
    "description": "Weather in a city",
    "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "minLength": 1}},
        "required": ["city"], "additionalProperties": false
    },
    "timeout_ms": 5000
})";

// The arguments are JSON that fits the schema above: what does not is refused before it gets here, and the model is
// told. A real program parses them.
std::string get_weather(std::string_view arguments) {
    if (arguments.find("Paris") == std::string_view::npos) throw std::invalid_argument("this example knows Paris only");
    return R"({"celsius": 18, "sky": "sunny"})";
}

void converse(const char* key, const char* url, const char* question) {
    using namespace std::chrono_literals;
    const std::map<std::string_view, std::function<std::string(std::string_view)>> tools{{"get_weather", get_weather}};
    auto config = duologue::config().set("output_modality", "text").set_json("tools[0]", weather_json);
    if (url) config.set("base_url", url);

    std::atomic<bool> answered{false};
    bool called = false; // touched by callbacks only, which run one after the other
    duologue::client client(config);
    auto session = client.ref(); // callbacks take a reference that owns nothing

    client.on_tool_call([&, session](const duologue::tool_call_event& call) {
        called = true;
        try {
            auto output = tools.at(duologue::view(call.name))(duologue::view(call.arguments));
            std::cout << duologue::view(call.name) << duologue::view(call.arguments) << " -> " << output << '\n';
            session.submit_tool_result(call, output);
        } catch (const std::logic_error& error) { // arguments it does not take: the model shall know
            session.submit_tool_result(call, error.what(), true);
        }
    });
    client.on_transcript([](const duologue::transcript_event& words) {
        if (words.role == DUOLOGUE_ROLE_ASSISTANT && words.mode == DUOLOGUE_TRANSCRIPT_MODE_FINAL &&
            words.stage == DUOLOGUE_TRANSCRIPT_STAGE_GENERATED)
            std::cout << "assistant: " << duologue::view(words.text) << '\n';
    });
    client.on_response([&, session](const duologue::response_event& response) {
        if (response.envelope->kind != DUOLOGUE_EVENT_TURN_DONE) return;
        // What a callback throws ends the session, and wait() throws it on.
        if (duologue::view(response.status) != "completed") throw std::runtime_error("no answer came");
        // After the response that called comes the one with the answer.
        if (std::exchange(called, false)) return;
        answered = true;
        session.disconnect();
    });

    client.set_credential(key);
    client.connect();
    if (!client.wait(DUOLOGUE_STATUS_CONNECTED, 10s)) throw std::runtime_error("no connection within 10 s");
    client.send_text(question);
    if (!client.wait(DUOLOGUE_STATUS_IDLE, 60s) || !answered) throw std::runtime_error("no answer within a minute");
}

} // namespace

int main(int argc, char** argv) try {
    const char* key = std::getenv("OPENAI_API_KEY");
    if (argc != 2 || !key) throw std::runtime_error("set OPENAI_API_KEY and give a question");
    converse(key, std::getenv("DUOLOGUE_BASE_URL"), argv[1]);
    return duologue::live_clients() == 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
