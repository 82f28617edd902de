/* Levels and analysers for random_calls.c. note() says how each call ended. */
#ifndef DUOLOGUE_TESTS_RANDOM_DRAWING_H
#define DUOLOGUE_TESTS_RANDOM_DRAWING_H

#include "random_arguments.h"

enum { ANALYSERS = 6 };
static void *analysers[ANALYSERS];

static void note(int32_t result);

static duologue_analyser *any_analyser(void) {
    return any_handle(analysers, ANALYSERS);
}

static void make_analyser(void) {
    static const double DECIBELS[] = {-100, -30, 0, -1000, 1e308};
    static const double SMOOTHING[] = {0, 0.5, 0.8, 1, -1, 2};
    void **place = &analysers[below(ANALYSERS)];
    duologue_analyser *made = NULL;
    uint32_t size = chance(4) ? (uint32_t)any_int() : 32u << below(8);
    double min = chance(3) ? DECIBELS[below(COUNT(DECIBELS))] : -100;
    double max = chance(3) ? DECIBELS[below(COUNT(DECIBELS))] : -30;
    int32_t result = duologue_client_create_analyser(any_client(), (int32_t)below(3), size, min, max,
                                                     SMOOTHING[below(COUNT(SMOOTHING))], chance(20) ? NULL : &made);
    note(result);
    CHECK((result == DUOLOGUE_OK) == (made != NULL));
    if (made != NULL) {
        duologue_analyser_destroy(*place);
        if (*place != NULL)
            stale[below(STALE)] = *place;
        *place = made;
    }
}

static void drawing(void) {
    static uint8_t bytes[5000];
    static float floats[5000];
    size_t count = 0, *out = chance(20) ? NULL : &count, room = chance(30) ? SIZE_MAX - below(1000) : below(5000);
    uint8_t *small = chance(20) ? NULL : bytes;
    float *large = chance(20) ? NULL : floats;
    uint32_t rate = 0;
    int connected = 0;
    switch (below(9)) {
    case 0:
        make_analyser();
        break;
    case 1:
        note(duologue_analyser_byte_frequency_data(any_analyser(), small, room, out));
        break;
    case 2:
        note(duologue_analyser_float_frequency_data(any_analyser(), large, room, out));
        break;
    case 3:
        note(duologue_analyser_byte_time_domain_data(any_analyser(), small, room, out));
        break;
    case 4:
        note(duologue_analyser_float_time_domain_data(any_analyser(), large, room, out));
        break;
    case 5:
        note(duologue_analyser_voice_bands(any_analyser(), small, room, out));
        break;
    case 6:
        note(duologue_analyser_sample_rate(any_analyser(), chance(20) ? NULL : &rate));
        break;
    case 7:
        note(duologue_client_level(any_client(), (int32_t)below(3), large, floats + 1, chance(3) ? NULL : &connected));
        break;
    default:
        /* Handles of another type end nothing. */
        duologue_analyser_destroy(chance(4) ? any_handle(clients, CLIENTS) : any_analyser());
    }
    CHECK(count <= room && connected >= 0 && connected <= 1);
}

static void end_drawing(void) {
    for (size_t i = 0; i < ANALYSERS; i++)
        duologue_analyser_destroy(analysers[i]);
}

#endif
