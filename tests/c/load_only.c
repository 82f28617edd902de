/*
 * A host that has the library and hardly uses it.
 *   load_only             calls nothing, or what the build asks for with -DCALL_VERSION
 *   load_only LIBRARY     loads it, calls nothing, and closes it again
 */
#include <stdio.h>

#ifdef CALL_VERSION
#include <duologue.h>

int main(void) {
    puts(duologue_version());
    return 0;
}
#else
#include <dlfcn.h>

int main(int argc, char **argv) {
    int i;
    for (i = 1; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        if (!dlsym(library, "duologue_version")) {
            fprintf(stderr, "%s\n", dlerror());
            return 2;
        }
        if (dlclose(library) != 0)
            return 3;
        /* Its threads may still run: the code stays, whatever the host closes. */
        if (!dlopen(argv[i], RTLD_NOW | RTLD_NOLOAD)) {
            fprintf(stderr, "the library was unloaded\n");
            return 4;
        }
    }
    puts("done");
    return 0;
}
#endif
