/* The header's macros against what the library returns, and against each other. */
#include <duologue.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    char text[64];
    if (strcmp(duologue_version(), DUOLOGUE_VERSION) != 0)
        return 1;
    if (duologue_version_number() != DUOLOGUE_VERSION_NUMBER)
        return 2;
    if (duologue_abi_version() != DUOLOGUE_ABI_VERSION)
        return 3;
    /* The composite ones are made of the single ones. */
    if (DUOLOGUE_VERSION_NUMBER !=
        DUOLOGUE_VERSION_MAJOR * 1000000 + DUOLOGUE_VERSION_MINOR * 1000 + DUOLOGUE_VERSION_PATCH)
        return 4;
    snprintf(text, sizeof text, "%d.%d.%d", DUOLOGUE_VERSION_MAJOR, DUOLOGUE_VERSION_MINOR, DUOLOGUE_VERSION_PATCH);
    if (strncmp(text, DUOLOGUE_VERSION, strlen(text)) != 0)
        return 5;
    puts(duologue_version());
    return 0;
}
