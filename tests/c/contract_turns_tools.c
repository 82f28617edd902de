/*
 * Tools: arguments that do not fit never reach the host, results that do not fit or are too large reach the model as
 * such, calls that take too long are answered for the host. Argument: the simulator's URL.
 */
#include "host.h"

static const char *url;

static const char TOOLS[] =
    "{\"tools\": ["
    "  {\"name\": \"get_weather\", \"parameters\": {\"type\": \"object\", \"required\": [\"city\"],"
    "    \"properties\": {\"city\": {\"type\": \"string\"}}}},"
    "  {\"name\": \"wait\", \"timeout_ms\": 50},"
    "  {\"name\": \"read\"},"
    "  {\"name\": \"count\", \"output_schema\": {\"type\": \"integer\"}}"
    "], \"tool_handling\": {\"result_max_length\": 300}}";

/* Types the words and waits for the answer that follows the call. */
static void asks(struct host *host, const char *words, const char *answer) {
    uint64_t op;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(host->client, words, 0, &op));
    UNTIL(host, strstr(host->said, answer) != NULL);
}

static void arguments_that_do_not_fit(struct host *host) {
    host->answer = "{\"celsius\": 18}";
    asks(host, "How is the weather?", "Sunny.");
    CHECK(host->calls == 1 && strcmp(host->call_name, "get_weather") == 0);
    CHECK(strstr(host->call_arguments, "Paris") != NULL);
    asks(host, "Ask wrongly.", "I asked wrongly.");
    CHECK(host->calls == 1); /* the host has not heard of it */
    CHECK(strcmp(host->warning, "tool_arguments") == 0);
    asks(host, "Call a stranger.", "There is no door.");
    CHECK(host->calls == 1 && strcmp(host->warning, "tool_refused") == 0);
}

static void parallel_calls_have_one_follow_up(struct host *host) {
    unsigned calls = host->calls, requests = host_sent(host, "response.create\"");
    asks(host, "Compare both.", "Paris is warmer.");
    CHECK(host->calls == calls + 2);
    CHECK(host_sent(host, "response.create\"") == requests + 2); /* for the text, and for both answers */
}

static void a_call_that_takes_too_long(struct host *host) {
    uint64_t op;
    host->answer = NULL;
    asks(host, "Do it slowly.", "That took too long.");
    CHECK(host->seen[DUOLOGUE_EVENT_TOOL_TIMEOUT] == 1 && strcmp(host->tool_end, "wait") == 0);
    ENDS_IN(DUOLOGUE_ERROR_INVALID_STATE, "call_over", host,
            duologue_client_submit_tool_result(host->client, host->call_epoch, host->call_id, "late", 0, &op));
}

static void results_that_do_not_fit(struct host *host) {
    char much[1024];
    uint64_t op;
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = 0;
    host->answer = much;
    asks(host, "Read everything.", "That was much.");
    CHECK(strcmp(host->warning, "tool_output_too_large") == 0);
    CHECK(strstr(host->sent, "truncated") != NULL && strstr(host->sent, much) == NULL);

    /* A result of another shape is told to both. */
    host->answer = NULL;
    unsigned calls = host->calls;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(host->client, "Please count.", 0, &op));
    UNTIL(host, host->calls == calls + 1);
    ENDS_IN(DUOLOGUE_ERROR_TOOL, "invalid_result", host,
            duologue_client_submit_tool_result(host->client, host->call_epoch, host->call_id, "many", 0, &op));
    UNTIL(host, strstr(host->said, "That was no number.") != NULL);
}

/* The connection ends while the host works on a call. */
static void a_call_that_is_cancelled(struct host *host) {
    unsigned calls = host->calls;
    uint64_t op;
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_send_text(host->client, "It takes forever.", 0, &op));
    UNTIL(host, host->calls == calls + 1);
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(host->client, &op));
    UNTIL(host, host->seen[DUOLOGUE_EVENT_TOOL_CANCELLED] == 1);
    CHECK(strcmp(host->tool_end, "read") == 0);
    ENDS_AS(DUOLOGUE_ERROR_INVALID_STATE, host,
            duologue_client_submit_tool_result(host->client, host->call_epoch, host->call_id, "late", 0, &op));
}

/* With the catch-all the host gets what nobody declared. */
static void the_catch_all(void) {
    struct host *host = host_connected("{\"tool_handling\": {\"undeclared\": \"host\"}}", url);
    host->answer = "{\"open\": false}";
    asks(host, "Call a stranger.", "There is no door.");
    CHECK(host->calls == 1 && strcmp(host->call_name, "open_door") == 0);
    host_end(host);
}

int main(int count, char **arguments) {
    CHECK(count >= 2);
    url = arguments[1];
    struct host *host = host_connected(TOOLS, url);
    arguments_that_do_not_fit(host);
    parallel_calls_have_one_follow_up(host);
    a_call_that_takes_too_long(host);
    results_that_do_not_fit(host);
    a_call_that_is_cancelled(host);
    host_end(host);
    the_catch_all();
    return check_end();
}
