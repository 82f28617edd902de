#include <duologue.h>
#if __has_include(<duologue.hpp>)
#include <duologue.hpp>
#endif
#include <iostream>

int main() {
    if (duologue_version_number() != DUOLOGUE_VERSION_NUMBER)
        return 1;
    std::cout << "C++ and duologue " << duologue_version() << "\n";
    return 0;
}
