/*
 * What rustc's ThreadSanitizer needs beyond gcc's runtime (12). Linked into programs of that flavour only.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Copies that are checked, which gcc's runtime does not have under these names. Its memcpy and the like are checked too. */
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int value, size_t size);

__attribute__((weak)) void *__tsan_memcpy(void *to, const void *from, size_t size) {
    return memcpy(to, from, size);
}

__attribute__((weak)) void *__tsan_memmove(void *to, const void *from, size_t size) {
    return memmove(to, from, size);
}

__attribute__((weak)) void *__tsan_memset(void *to, int value, size_t size) {
    return memset(to, value, size);
}

/*
 * Rust's Arc gives up a reference with a release decrement and, when it was the last, an acquire fence before it drops
 * the value. ThreadSanitizer does not know fences, and would report every last drop as a race with every earlier use.
 * (The standard library has a form for it, but comes compiled without.) Decrements acquire here as well, which is the
 * same order and says it in words the sanitizer knows.
 */
/* The types that gcc knows this function by. */
typedef unsigned long (*fetch_sub)(volatile void *, unsigned long, int);
enum { ACQUIRE_RELEASE = 4 };

static fetch_sub real_fetch_sub;

__attribute__((constructor)) static void find(void) {
    /* An object pointer becomes a function pointer, as POSIX allows and C does not. */
    void *found = dlsym(RTLD_NEXT, "__tsan_atomic64_fetch_sub");
    memcpy(&real_fetch_sub, &found, sizeof found);
    if (found == NULL)
        abort();
}

unsigned long __tsan_atomic64_fetch_sub(volatile void *at, unsigned long value, int order);

__attribute__((no_sanitize("thread"))) unsigned long __tsan_atomic64_fetch_sub(volatile void *at, unsigned long value,
                                                                               int order) {
    return real_fetch_sub(at, value, order < ACQUIRE_RELEASE ? ACQUIRE_RELEASE : order);
}

#ifdef __cplusplus
}
#endif
