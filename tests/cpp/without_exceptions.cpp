// duologue.hpp under -fno-exceptions: a failure calls the hook with code and words, and does not return.
#include <cstdio>
#include <cstdlib>
#include <cstring>

[[noreturn]] static void failed(int code, const char* words) {
    std::printf("%d %s\n", code, words);
    std::exit(std::strstr(words, "nonsense") ? 3 : 1);
}
#define DUOLOGUE_ON_FAILURE(code, words) failed(code, words)
#include <duologue.hpp>

int main() {
    {
        duologue::client client(duologue::config().set("voice", "marin"));
        client.on_status([](const duologue::status_event&) {});
        if (client.status() != DUOLOGUE_STATUS_IDLE) return 1;
        if (client.wait(DUOLOGUE_STATUS_CONNECTED, std::chrono::milliseconds(0))) return 1;
        // What shall not end the program goes through C.
        duologue::config config;
        if (duologue_config_set_int(config.handle(), "nonsense", 1) != DUOLOGUE_ERROR_INVALID_CONFIG) return 1;
    }
    if (duologue::live_clients() != 0) return 1;
    duologue::config().set("nonsense", 1);
}
