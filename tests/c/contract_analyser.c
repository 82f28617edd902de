/* Levels and analysers: handles, ranges, buffers, and that there is nothing to see without a connection. */
#include "check.h"

static const double SMOOTHING = 0.8;

static duologue_analyser *analyser_of(duologue_client *client, int32_t direction, uint32_t size) {
    duologue_analyser *analyser = NULL;
    WORKS(duologue_client_create_analyser(client, direction, size, -100, -30, SMOOTHING, &analyser));
    CHECK(analyser != NULL);
    return analyser;
}

static void levels(void) {
    duologue_client *client = client_of(NULL);
    float rms = 7, peak = 7;
    int connected = 7;
    for (int32_t direction = DUOLOGUE_DIRECTION_INPUT; direction <= DUOLOGUE_DIRECTION_OUTPUT; direction++) {
        rms = peak = 7;
        WORKS(duologue_client_level(client, direction, &rms, &peak, &connected));
        CHECK(rms == 0 && peak == 0 && connected == 0);
        WORKS(duologue_client_level(client, direction, &rms, &peak, NULL));
    }
    rms = 7;
    REFUSED(NULL_ARGUMENT, duologue_client_level(client, 0, NULL, &peak, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_level(client, 0, &rms, NULL, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_level(NULL, 0, &rms, &peak, NULL));
    REFUSED(INVALID_ARGUMENT, duologue_client_level(client, 2, &rms, &peak, NULL));
    SAYS("direction");
    REFUSED(INVALID_ARGUMENT, duologue_client_level(client, -1, &rms, &peak, NULL));
    duologue_client_destroy(client);
    REFUSED(INVALID_HANDLE, duologue_client_level(client, 0, &rms, &peak, NULL));
    CHECK(rms == 7);
}

static void making(void) {
    duologue_client *client = client_of(NULL);
    duologue_client *deaf = client_of("{\"audio\": {\"input\": {\"source\": \"none\"}}}");
    duologue_analyser *made = NULL;
    static const uint32_t SIZES[] = {32, 64, 2048, 32768}, WRONG[] = {0, 1, 31, 33, 1000, 65536, UINT32_MAX};
    for (size_t i = 0; i < COUNT(SIZES); i++)
        duologue_analyser_destroy(analyser_of(client, DUOLOGUE_DIRECTION_INPUT, SIZES[i]));
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        REFUSED(INVALID_ARGUMENT, duologue_client_create_analyser(client, 0, WRONG[i], -100, -30, SMOOTHING, &made));
        SAYS("fft_size");
    }
    REFUSED(INVALID_ARGUMENT, duologue_client_create_analyser(client, 0, 2048, -30, -30, SMOOTHING, &made));
    SAYS("min_decibels");
    REFUSED(INVALID_ARGUMENT, duologue_client_create_analyser(client, 0, 2048, -100, -30, 1.5, &made));
    SAYS("smoothing");
    REFUSED(INVALID_ARGUMENT, duologue_client_create_analyser(client, 2, 2048, -100, -30, SMOOTHING, &made));
    SAYS("direction");
    REFUSED(INVALID_STATE, duologue_client_create_analyser(deaf, 0, 2048, -100, -30, SMOOTHING, &made));
    SAYS("audio.input.source");
    REFUSED(NULL_ARGUMENT, duologue_client_create_analyser(client, 0, 2048, -100, -30, SMOOTHING, NULL));
    REFUSED(NULL_ARGUMENT, duologue_client_create_analyser(NULL, 0, 2048, -100, -30, SMOOTHING, &made));
    CHECK(made == NULL);
    duologue_client_destroy(client);
    duologue_client_destroy(deaf);
}

static void reading(void) {
    duologue_client *client = client_of(NULL);
    duologue_analyser *analyser = analyser_of(client, DUOLOGUE_DIRECTION_OUTPUT, 64);
    uint8_t bytes[80];
    float floats[80];
    size_t count = 7;
    uint32_t rate = 7;
    memset(bytes, 7, sizeof bytes);
    WORKS(duologue_analyser_byte_frequency_data(analyser, bytes, 40, &count));
    CHECK(count == 0 && bytes[0] == 0 && bytes[39] == 0 && bytes[40] == 7);
    WORKS(duologue_analyser_byte_time_domain_data(analyser, bytes, sizeof bytes, &count));
    WORKS(duologue_analyser_float_frequency_data(analyser, floats, COUNT(floats), &count));
    WORKS(duologue_analyser_float_time_domain_data(analyser, floats, COUNT(floats), &count));
    WORKS(duologue_analyser_voice_bands(analyser, bytes, 12, &count));
    WORKS(duologue_analyser_voice_bands(analyser, NULL, 0, &count));
    WORKS(duologue_analyser_sample_rate(analyser, &rate));
    CHECK(count == 0 && rate == 0);

    count = 7;
    REFUSED(NULL_ARGUMENT, duologue_analyser_byte_frequency_data(analyser, NULL, 1, &count));
    REFUSED(NULL_ARGUMENT, duologue_analyser_byte_frequency_data(analyser, bytes, 1, NULL));
    REFUSED(NULL_ARGUMENT, duologue_analyser_byte_frequency_data(NULL, bytes, 1, &count));
    REFUSED(NULL_ARGUMENT, duologue_analyser_sample_rate(analyser, NULL));
    REFUSED(INVALID_ARGUMENT, duologue_analyser_float_time_domain_data(analyser, floats, SIZE_MAX, &count));
    REFUSED(INVALID_HANDLE, duologue_analyser_byte_frequency_data((void *)client, bytes, 1, &count));
    REFUSED(INVALID_HANDLE, duologue_client_level((void *)analyser, 0, floats, floats, NULL));
    CHECK(count == 7);

    /* It may outlive its client: then there is no connection. */
    duologue_client_destroy(client);
    WORKS(duologue_analyser_byte_frequency_data(analyser, bytes, 1, &count));
    CHECK(count == 0);
    duologue_analyser_destroy(analyser);
    REFUSED(INVALID_HANDLE, duologue_analyser_byte_frequency_data(analyser, bytes, 1, &count));
    duologue_analyser_destroy(analyser);
    duologue_analyser_destroy(NULL);
}

int main(void) {
    levels();
    making();
    reading();
    return check_end();
}
