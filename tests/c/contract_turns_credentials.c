/*
 * Credentials: given, asked for at each dial, asked again after a refusal, refused, late, and never shown. Argument:
 * the simulator's URL, which refuses keys with "invalid" in them.
 */
#include "host.h"

static const char *url;

static const char ASKED[] = "{\"credentials\": {\"source\": \"asked\"}}";

static duologue_result answer(struct host *host, uint64_t request, const char *value) {
    duologue_credential key = {.struct_size = sizeof key, .value = value};
    return duologue_client_answer_credential(host->client, request, &key);
}

/* Connects and waits for the question. */
static uint64_t asked(struct host *host, uint64_t *op, const char *reason) {
    uint64_t before = host->request_id;
    if (*op == 0)
        WORKS(duologue_client_connect(host->client, op));
    UNTIL(host, host->request_id > before);
    CHECK(strcmp(host->reason, reason) == 0);
    return host->request_id;
}

static void asked_and_answered(void) {
    struct host *host = host_of(ASKED, url);
    uint64_t op = 0, request;
    int can = 0;
    WORKS(duologue_client_can_connect(host->client, &can));
    CHECK(can == 1); /* somebody will be asked */

    /* Nobody has asked yet. */
    REFUSED(INVALID_STATE, answer(host, 1, CANARY_KEY));
    SAYS("request_id");
    REFUSED(INVALID_STATE, duologue_client_refuse_credential(host->client, 1, "no", 0));
    duologue_credential key = {.struct_size = sizeof key, .value = CANARY_KEY};
    REFUSED(INVALID_STATE, duologue_client_set_credential(host->client, &key));
    SAYS("credentials.source");

    request = asked(host, &op, "connect");
    CHECK(host->status == DUOLOGUE_STATUS_CONNECTING);
    REFUSED(INVALID_STATE, answer(host, request + 7, CANARY_KEY));
    /* What can never be used leaves the request open. */
    REFUSED(AUTH, answer(host, request, " "));
    key.kind = DUOLOGUE_CREDENTIAL_KIND_SIGNED_URL;
    REFUSED(UNSUPPORTED, duologue_client_answer_credential(host->client, request, &key));
    key.kind = DUOLOGUE_CREDENTIAL_KIND_API_KEY;
    key.expires_at = 1;
    REFUSED(AUTH, duologue_client_answer_credential(host->client, request, &key));
    SAYS("expired");
    CHECK(host->ended[op] == 1);
    WORKS(answer(host, request, CANARY_KEY));
    REFUSED(INVALID_STATE, answer(host, request, CANARY_KEY));
    CHECK(end_of(host, op) == DUOLOGUE_OK);

    /* Each dial asks. */
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(host->client, &op));
    op = 0;
    request = asked(host, &op, "connect");
    /* The service refuses: asked once more. */
    WORKS(answer(host, request, CANARY_REFUSED));
    request = asked(host, &op, "rejected");
    WORKS(answer(host, request, CANARY_KEY));
    CHECK(end_of(host, op) == DUOLOGUE_OK);

    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(host->client, &op));
    op = 0;
    WORKS(answer(host, asked(host, &op, "connect"), CANARY_REFUSED));
    WORKS(answer(host, asked(host, &op, "rejected"), CANARY_REFUSED));
    CHECK(end_of(host, op) == DUOLOGUE_ERROR_AUTH);
    host_end(host);
}

static void asked_and_refused(void) {
    struct host *host = host_of(ASKED, url);
    uint64_t op = 0;
    /* The reason goes into the error, what looks like a key does not (every error event is checked for it). */
    uint64_t refused = asked(host, &op, "connect");
    WORKS(duologue_client_refuse_credential(host->client, refused, "no luck: sk-c4n4ry-0123456789", 1));
    CHECK(end_of(host, op) == DUOLOGUE_ERROR_AUTH && strcmp(host->ended_code[op], "credential_refused") == 0);
    char *json = NULL;
    WORKS(duologue_client_state_json(host->client, &json));
    CHECK(strstr(json, "no luck") != NULL && strstr(json, CANARY_MARK) == NULL);
    CHECK(strstr(json, "\"retryable\":true") != NULL);
    duologue_string_free(json);
    op = 0;
    WORKS(duologue_client_refuse_credential(host->client, asked(host, &op, "connect"), NULL, 0));
    CHECK(end_of(host, op) == DUOLOGUE_ERROR_AUTH);

    /* Nobody waits any more. */
    uint64_t connect = 0, request = asked(host, &connect, "connect");
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(host->client, &op));
    CHECK(end_of(host, connect) == DUOLOGUE_ERROR_CANCELLED);
    REFUSED(INVALID_STATE, answer(host, request, CANARY_KEY));
    host_end(host);

    /* Nobody answers. */
    host = host_of("{\"credentials\": {\"source\": \"asked\", \"timeout_ms\": 1000}}", url);
    op = 0;
    request = asked(host, &op, "connect");
    CHECK(end_of(host, op) == DUOLOGUE_ERROR_AUTH && strcmp(host->ended_code[op], "credential_timeout") == 0);
    REFUSED(INVALID_STATE, answer(host, request, CANARY_KEY));
    host_end(host);
}

/* Where and for which model a credential is good. */
static void endpoint_model_and_expiry(void) {
    struct host *host = host_of("{\"model\": \"gpt-realtime\"}", "ws://127.0.0.1:1/v1/realtime");
    uint64_t op;
    duologue_credential key = {
        .struct_size = sizeof key, .value = CANARY_KEY, .endpoint = url, .model = "gpt-realtime"};
    WORKS(duologue_client_set_credential(host->client, &key));
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_connect(host->client, &op));
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(host->client, &op));
    key.endpoint = "http://example.org/v1";
    REFUSED(AUTH, duologue_client_set_credential(host->client, &key));
    SAYS("endpoint");
    key.endpoint = NULL;
    key.model = "gpt-realtime-mini";
    REFUSED(AUTH, duologue_client_set_credential(host->client, &key));
    SAYS("model");
    /* What failed has replaced nothing; one that is over is not dialled with. */
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_connect(host->client, &op));
    ENDS_AS(DUOLOGUE_OK, host, duologue_client_disconnect(host->client, &op));
    key.model = NULL;
    key.expires_at = 1;
    if (duologue_client_set_credential(host->client, &key) == DUOLOGUE_OK) {
        int can = 1;
        WORKS(duologue_client_can_connect(host->client, &can));
        CHECK(can == 0);
        ENDS_IN(DUOLOGUE_ERROR_AUTH, "expired_key", host, duologue_client_connect(host->client, &op));
    }
    host_end(host);

    host = host_of("{\"credentials\": {\"ephemeral_only\": true}}", url);
    key = (duologue_credential){.struct_size = sizeof key, .value = CANARY_KEY};
    REFUSED(AUTH, duologue_client_set_credential(host->client, &key));
    SAYS("ephemeral_only");
    key.kind = DUOLOGUE_CREDENTIAL_KIND_BEARER;
    REFUSED(AUTH, duologue_client_set_credential(host->client, &key));
    key.kind = DUOLOGUE_CREDENTIAL_KIND_EPHEMERAL;
    WORKS(duologue_client_set_credential(host->client, &key));
    host_end(host);
}

int main(int count, char **arguments) {
    CHECK(count >= 2);
    url = arguments[1];
    asked_and_answered();
    asked_and_refused();
    endpoint_model_and_expiry();
    return check_end();
}
