/*
 * What the examples share and a real program has anyway: WAV files (16-bit mono) and a clock that ticks
 * every 20 ms. No part of duologue. Include it first: it asks for POSIX.
 */
#ifndef WAV_H
#define WAV_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A file in memory. Fill it with zeros before the first use. */
typedef struct wav {
    int16_t *samples;
    size_t frames;
    uint32_t rate;
    size_t next; /* where wav_next() goes on */
} wav;

static inline uint32_t wav_number(const unsigned char *at, int bytes) {
    uint32_t number = 0;
    for (int i = bytes - 1; i >= 0; i--) number = number << 8 | at[i];
    return number;
}

static inline void wav_free(wav *file) {
    free(file->samples);
    memset(file, 0, sizeof *file);
}

/* Reads a file; wav_free() frees it. Returns 0 after telling the reason on stderr. */
static inline int wav_read(const char *path, wav *file) {
    unsigned char head[16];
    uint32_t format = 0, channels = 0, bits = 0;
    const char *problem = "is no 16-bit mono WAV file";
    FILE *in = fopen(path, "rb");
    memset(file, 0, sizeof *file);
    if (!in) {
        perror(path);
        return 0;
    }
    if (fread(head, 1, 12, in) != 12 || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0) goto bad;
    while (fread(head, 1, 8, in) == 8) {
        uint32_t size = wav_number(head + 4, 4);
        if (memcmp(head, "fmt ", 4) == 0 && size >= 16 && fread(head, 1, 16, in) == 16) {
            format = wav_number(head, 2);
            channels = wav_number(head + 2, 2);
            file->rate = wav_number(head + 4, 4);
            bits = wav_number(head + 14, 2);
            size -= 16;
        } else if (memcmp(head, "data", 4) == 0) {
            if (format != 1 || channels != 1 || bits != 16 || file->rate < 8000 || file->rate > 192000) break;
            file->samples = (int16_t *)malloc(size + 2u);
            if (!file->samples) break;
            size = (uint32_t)fread(file->samples, 1, size, in);
            file->frames = size / 2;
            for (size_t i = 0; i < file->frames; i++) { /* little endian in the file */
                const unsigned char *at = (const unsigned char *)&file->samples[i];
                file->samples[i] = (int16_t)wav_number(at, 2);
            }
            fclose(in);
            return 1;
        }
        if (fseek(in, (long)(size + (size & 1)), SEEK_CUR) != 0) break;
    }
bad:
    fprintf(stderr, "%s: %s\n", path, problem);
    fclose(in);
    wav_free(file);
    return 0;
}

/* The next frames of the file, then silence: a microphone. */
static inline void wav_next(wav *file, int16_t *block, size_t frames) {
    size_t there = file->frames - file->next;
    if (there > frames) there = frames;
    memset(block, 0, frames * sizeof *block);
    memcpy(block, file->samples + file->next, there * sizeof *block);
    file->next += there;
}

static inline void wav_put(unsigned char *at, uint32_t number, int bytes) {
    for (int i = 0; i < bytes; i++) at[i] = (unsigned char)(number >> 8 * i);
}

static inline int wav_header(FILE *out, uint32_t rate, uint32_t bytes) {
    unsigned char head[44] = "RIFF....WAVEfmt ";
    memcpy(head + 36, "data", 4);
    wav_put(head + 4, 36 + bytes, 4);
    wav_put(head + 16, 16, 4);
    wav_put(head + 20, 1, 2); /* PCM */
    wav_put(head + 22, 1, 2); /* mono */
    wav_put(head + 24, rate, 4);
    wav_put(head + 28, rate * 2, 4);
    wav_put(head + 32, 2, 2);
    wav_put(head + 34, 16, 2);
    wav_put(head + 40, bytes, 4);
    return fwrite(head, 1, sizeof head, out) == sizeof head;
}

/* Starts a file; NULL after telling the reason on stderr. */
static inline FILE *wav_create(const char *path, uint32_t rate) {
    FILE *out = fopen(path, "wb");
    if (!out) {
        perror(path);
    } else if (!wav_header(out, rate, 0)) {
        perror(path);
        fclose(out);
        out = NULL;
    }
    return out;
}

/* Adds frames. What cannot be written shows in wav_close(). */
static inline void wav_append(FILE *out, const int16_t *samples, size_t frames) {
    for (size_t i = 0; i < frames; i++) {
        unsigned char bytes[2];
        wav_put(bytes, (uint16_t)samples[i], 2);
        fwrite(bytes, 1, sizeof bytes, out);
    }
}

/* Ends a file; NULL is nothing to end. Returns 0 after telling on stderr that it was not written. */
static inline int wav_close(FILE *out, uint32_t rate) {
    int good = 1;
    if (out) {
        long size = ftell(out);
        good = size >= 44 && fseek(out, 0, SEEK_SET) == 0 && wav_header(out, rate, (uint32_t)(size - 44));
        good = !ferror(out) && good;
        good = fclose(out) == 0 && good;
        if (!good) perror("the recording");
    }
    return good;
}

/* Waits for the next tick, 20 ms after the one before. Times in microseconds; 0 in *tick starts it. */
static inline void pace(uint64_t *tick, uint64_t now) {
    *tick = (*tick ? *tick : now) + 20000;
    if (*tick > now) {
        struct timespec rest = {0, 0};
        rest.tv_sec = (time_t)((*tick - now) / 1000000);
        rest.tv_nsec = (long)((*tick - now) % 1000000 * 1000);
        nanosleep(&rest, NULL);
    }
}

#endif
