/* The marked secrets of all tests, as in tests/common/canary.rs: whatever prints one has leaked it. */
#ifndef DUOLOGUE_TESTS_CANARY_H
#define DUOLOGUE_TESTS_CANARY_H

#define CANARY_MARK "c4n4ry"
#define CANARY_KEY "c4n4ry-key"
#define CANARY_REFUSED "invalid-c4n4ry-key"
#define CANARY_TOKEN "c4n4ry-token"

#endif
