#include "wrapper.hpp"

duologue_status other_unit(const duologue::client_ref& client) {
    client.on_transcript([](const duologue::transcript_event& event) { (void)duologue::view(event.text); });
    client.on_transcript({});
    return client.status();
}
