/*
 * rustc calls ThreadSanitizer's memory functions by names that gcc's older runtime does not have. There they
 * are the functions that the runtime watches anyway. Linked into every program of that flavour, C and C++.
 */
#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

void *__tsan_memcpy(void *to, const void *from, size_t bytes);
void *__tsan_memmove(void *to, const void *from, size_t bytes);
void *__tsan_memset(void *to, int value, size_t bytes);

void *__tsan_memcpy(void *to, const void *from, size_t bytes) { return memcpy(to, from, bytes); }
void *__tsan_memmove(void *to, const void *from, size_t bytes) { return memmove(to, from, bytes); }
void *__tsan_memset(void *to, int value, size_t bytes) { return memset(to, value, bytes); }

#ifdef __cplusplus
}
#endif
