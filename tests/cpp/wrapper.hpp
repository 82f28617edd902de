// What the two units of the wrapper's test share.
#pragma once
#include <duologue.hpp>

/// Uses the wrapper in a unit of its own, so that both units contain it.
duologue_status other_unit(const duologue::client_ref& client);
