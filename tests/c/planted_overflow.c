/* A mistake on purpose: more frames are announced than the buffer has. AddressSanitizer has to see duologue read them. */
#include "check.h"

int main(void) {
    duologue_client *client = client_of(NULL);
    int16_t *samples = calloc(100, sizeof *samples);
    CHECK(samples != NULL);
    (void)duologue_client_push_audio(client, samples, 480, 0, NULL);
    free(samples);
    duologue_client_destroy(client);
    return check_end();
}
