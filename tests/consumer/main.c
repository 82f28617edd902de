#include <duologue.h>
#include <stdio.h>

int main(void) {
    if (duologue_abi_version() != DUOLOGUE_ABI_VERSION)
        return 1;
    printf("C and duologue %s\n", duologue_version());
    return 0;
}
