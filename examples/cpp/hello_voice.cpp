// Says a WAV file to the assistant and records the answer in another one.
//
//     c++ -std=c++17 hello_voice.cpp -o hello_voice $(pkg-config --cflags --libs duologue)
//     OPENAI_API_KEY=... ./hello_voice question.wav answer.wav
//
// Offline, with any key: `duologue simulate` prints a URL, which goes into DUOLOGUE_BASE_URL.
#include "../c/wav.h"
#include <atomic>
#include <duologue.hpp>
#include <iostream>
#include <vector>

int main(int argc, char** argv) try {
    using namespace std::chrono_literals;
    const char *key = std::getenv("OPENAI_API_KEY"), *url = std::getenv("DUOLOGUE_BASE_URL");
    wav question{};
    if (argc != 3 || !key || !wav_read(argv[1], &question)) throw std::runtime_error("give a key and two WAV files");
    std::unique_ptr<wav, decltype(&wav_free)> question_owner(&question, wav_free);
    auto config = duologue::config().set("audio.input.rate", question.rate).set("audio.output.delivery", "pull");
    if (url) config.set("base_url", url);

    std::atomic<bool> over{false}, failed{false}; // before the client: its callbacks use them until it is gone
    duologue::client client(config);
    client.on_transcript([](const duologue::transcript_event& e) {
        if (e.mode == DUOLOGUE_TRANSCRIPT_MODE_FINAL && e.stage != DUOLOGUE_TRANSCRIPT_STAGE_HEARD)
            std::cout << (e.role == DUOLOGUE_ROLE_USER ? "you: " : "assistant: ") << duologue::view(e.text) << '\n';
    });
    client.on_event([&](const duologue::event& e) { // the turn is generated and played, or the session has ended
        failed = !e.response_end || duologue::view(e.response_end->status) != "completed";
        over = e.response_end || e.status->status == DUOLOGUE_STATUS_IDLE || e.status->error;
    }, duologue::mask({DUOLOGUE_EVENT_TURN_DONE, DUOLOGUE_EVENT_STATUS}));
    client.set_credential(key);
    client.connect();
    if (!client.wait(DUOLOGUE_STATUS_CONNECTED, 10s)) throw std::runtime_error("no connection within 10 s");

    std::vector<std::int16_t> microphone(question.rate / 50), speaker(24000 / 50);
    auto close = [](FILE* file) { wav_close(file, 24000); };
    std::unique_ptr<FILE, decltype(close)> answer(wav_create(argv[2], 24000), close);
    for (std::uint64_t tick = 0; answer && !over; pace(&tick, duologue_clock_us())) {
        wav_next(&question, microphone.data(), microphone.size());
        for (auto result : {client.push_audio(microphone), client.pull_audio(speaker)})
            if (result != DUOLOGUE_ERROR_WOULD_BLOCK) duologue::check(result);
        wav_append(answer.get(), speaker.data(), speaker.size());
    }
    return answer && !failed ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
