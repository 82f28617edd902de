/* Queue delivery: taking events, waiting, the descriptor, JSON, ownership, the mask. */
#include "events.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#define QUEUE "{\"delivery\": \"queue\"}"

/* The next event, which has to come. */
static duologue_event *next(duologue_client *client) {
    duologue_event *event = NULL;
    WORKS(duologue_client_next_event(client, -1, &event));
    check_event(event);
    return event;
}

/* Takes events until the command has ended; how it ended. */
static int32_t end_of(duologue_client *client, uint64_t op) {
    for (;;) {
        duologue_event *event = next(client);
        int32_t result = 1;
        if (event->kind == DUOLOGUE_EVENT_COMPLETED && event->completed->op == op)
            result = event->completed->result;
        duologue_event_free(event);
        if (result != 1)
            return result;
    }
}

static void drain(duologue_client *client) {
    duologue_event *event;
    while (duologue_client_next_event(client, 0, &event) == DUOLOGUE_OK)
        duologue_event_free(event);
}

static void one_after_the_other(void) {
    duologue_client *client = client_of(QUEUE);
    duologue_event *event;
    uint64_t op = 0, seq = 0;
    PREFILL(event);
    REFUSED(TIMEOUT, duologue_client_next_event(client, 0, &event));
    REFUSED(TIMEOUT, duologue_client_next_event(client, 1, &event));
    UNTOUCHED(event);
    for (int i = 0; i < 30; i++) {
        WORKS(duologue_client_send_text(client, "nobody is there", 0, &op));
        event = next(client);
        CHECK(event->seq > seq);
        seq = event->seq;
        CHECK(event->kind == DUOLOGUE_EVENT_COMPLETED && event->completed->op == op);
        ENDS(DUOLOGUE_ERROR_INVALID_STATE, event->completed->result);
        CHECK(strcmp(event->completed->error->code.data, "not_connected") == 0);
        CHECK(event->completed->error->error_class == DUOLOGUE_ERROR_CLASS_STATE);
        CHECK(event->completed->error->fix.length > 0);
        duologue_event_free(event);
    }
    duologue_client_destroy(client);
    REFUSED(INVALID_HANDLE, duologue_client_next_event(client, 0, &event));
}

/* An event belongs to who took it: it outlives its client and the library's every other use of it. */
static void events_outlive_their_client(void) {
    duologue_client *client = client_of(QUEUE);
    duologue_event *kept[20];
    for (size_t i = 0; i < COUNT(kept); i++) {
        WORKS(duologue_client_interrupt(client, NULL));
        kept[i] = next(client);
    }
    duologue_client_destroy(client);
    CHECK(duologue_live_clients() == 0);
    for (size_t i = 0; i < COUNT(kept); i++) {
        char *json = NULL, *untouched_json;
        check_event(kept[i]);
        WORKS(duologue_event_to_json(kept[i], &json));
        CHECK(*json == '{' && strstr(json, "\"seq\"") != NULL && strstr(json, "not_connected") != NULL);
        duologue_string_free(json);
        PREFILL(untouched_json);
        REFUSED(NULL_ARGUMENT, duologue_event_to_json(NULL, &untouched_json));
        UNTOUCHED(untouched_json);
        REFUSED(NULL_ARGUMENT, duologue_event_to_json(kept[i], NULL));
    }
    /* In any order. */
    for (size_t i = COUNT(kept); i > 0; i--)
        duologue_event_free(kept[i - 1]);
}

static void the_mask(void) {
    duologue_client *client = client_of(QUEUE);
    uint64_t op = 0;
    WORKS(duologue_client_set_event_mask(client, DUOLOGUE_EVENT_MASK(DUOLOGUE_EVENT_RAW)));
    WORKS(duologue_client_interrupt(client, NULL));
    /* Once the client has seen this, the one before is over and was not queued. */
    WORKS(duologue_client_wait_status(client, DUOLOGUE_STATUS_IDLE, -1));
    WORKS(duologue_client_set_event_mask(client, DUOLOGUE_EVENT_MASK_ALL));
    WORKS(duologue_client_set_capture(client, 1, &op));
    duologue_event *event = next(client);
    CHECK(event->kind == DUOLOGUE_EVENT_COMPLETED && event->completed->op == op);
    duologue_event_free(event);
    duologue_client_destroy(client);
}

/* Events nobody took are released with the client. */
static void left_in_the_queue(void) {
    duologue_client *client = client_of(QUEUE);
    for (int i = 0; i < 50; i++)
        WORKS(duologue_client_interrupt(client, NULL));
    WORKS(duologue_client_wait_status(client, DUOLOGUE_STATUS_IDLE, -1));
    duologue_client_destroy(client);
}

/* A host that never takes anything is refused at some point; what was taken before ends in exactly one event each. */
static void nobody_takes(void) {
    duologue_client *client = client_of(QUEUE);
    unsigned long taken = 0, ended = 0, refused = 0;
    uint64_t last = 0;
    for (int i = 0; i < 40000 && refused < 500; i++) {
        uint64_t op = 0;
        int32_t result = duologue_client_set_input_muted(client, i % 2, &op);
        if (result == DUOLOGUE_OK) {
            taken++;
            last = op;
        } else {
            ENDS(DUOLOGUE_ERROR_WOULD_BLOCK, result);
            CHECK(op == 0);
            refused++;
            sched_yield();
        }
    }
    printf("taken by a client nobody listens to: %lu\n", taken);
    CHECK(taken >= 256 && taken < 10000 && refused > 0);
    for (int over = 0; !over;) {
        duologue_event *event = next(client);
        if (event->kind == DUOLOGUE_EVENT_COMPLETED) {
            WORKS(event->completed->result);
            ended++;
            over = event->completed->op == last;
        }
        duologue_event_free(event);
    }
    CHECK(ended == taken);
    WORKS(duologue_client_set_input_muted(client, 0, &last));
    WORKS(end_of(client, last));
    duologue_client_destroy(client);
}

static int readable(int fd, int timeout_ms) {
    struct pollfd entry = {fd, POLLIN, 0};
    int ready = poll(&entry, 1, timeout_ms);
    CHECK(ready >= 0);
    return ready == 1 && (entry.revents & POLLIN) != 0;
}

static void the_descriptor(void) {
    duologue_client *client = client_of(QUEUE);
    int fd = -1, again = -1;
    uint64_t op = 0;
    WORKS(duologue_client_wakeup_fd(client, &fd));
    WORKS(duologue_client_wakeup_fd(client, &again));
    CHECK(fd >= 0 && fd == again);
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    for (int i = 0; i < 20; i++) {
        drain(client);
        CHECK(!readable(fd, 0));
        WORKS(duologue_client_set_capture(client, i % 2, &op));
        CHECK(readable(fd, -1));
        CHECK(readable(fd, 0)); /* as long as events wait */
        int32_t result = 1;
        while (result == 1) {
            duologue_event *event = NULL;
            if (duologue_client_next_event(client, 0, &event) != DUOLOGUE_OK) {
                CHECK(readable(fd, -1));
                continue;
            }
            if (event->kind == DUOLOGUE_EVENT_COMPLETED && event->completed->op == op)
                result = event->completed->result;
            duologue_event_free(event);
        }
        WORKS(result);
    }
    /* Events that were there before the descriptor count as well. */
    duologue_client *other = client_of(QUEUE);
    WORKS(duologue_client_interrupt(other, NULL));
    WORKS(duologue_client_wait_status(other, DUOLOGUE_STATUS_IDLE, -1));
    WORKS(duologue_client_wakeup_fd(other, &fd));
    CHECK(readable(fd, -1));
    drain(other);
    CHECK(!readable(fd, 0));
    duologue_client_destroy(other);
    duologue_client_destroy(client);
    /* It is closed with the client, whose last thread may still be on its way out. */
    while (fcntl(again, F_GETFD) != -1) {
        struct timespec millisecond = {0, 1000000};
        nanosleep(&millisecond, NULL);
    }
}

/* Who waits is woken by an event, and by the end of the client. */
struct waiter {
    duologue_client *client;
    struct signal taken;
    int32_t last;
};

static void *waits(void *argument) {
    struct waiter *waiter = argument;
    duologue_event *event;
    for (;;) {
        PREFILL(event);
        waiter->last = duologue_client_next_event(waiter->client, -1, &event);
        if (waiter->last != DUOLOGUE_OK) {
            UNTOUCHED(event);
            return NULL;
        }
        check_event(event);
        duologue_event_free(event);
        signal_add(&waiter->taken);
    }
}

static void woken(void) {
    for (int round = 0; round < 20; round++) {
        struct waiter waiter = {.taken = SIGNAL_INIT};
        pthread_t thread;
        waiter.client = client_of(QUEUE);
        check_thread(&thread, waits, &waiter);
        for (int i = 0; i < 5; i++) {
            WORKS(duologue_client_interrupt(waiter.client, NULL));
            signal_wait(&waiter.taken, i + 1);
        }
        duologue_client_destroy(waiter.client);
        pthread_join(thread, NULL);
        /* It was inside, or about to call again. */
        CHECK(waiter.last == DUOLOGUE_ERROR_CLOSED || waiter.last == DUOLOGUE_ERROR_INVALID_HANDLE);
    }
}

/* One consumer at a time: the second is refused, not mixed in. */
static atomic_int refused_consumers;

static void *looks(void *client) {
    for (int i = 0; i < 2000; i++) {
        duologue_event *event = NULL;
        int32_t result = duologue_client_next_event(client, i % 50 == 0 ? 1 : 0, &event);
        if (result == DUOLOGUE_OK)
            duologue_event_free(event);
        else if (result == DUOLOGUE_ERROR_INVALID_STATE)
            atomic_fetch_add(&refused_consumers, 1);
        else
            ENDS(DUOLOGUE_ERROR_TIMEOUT, result);
    }
    return NULL;
}

static void one_consumer(void) {
    duologue_client *client = client_of(QUEUE);
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT(threads); i++)
        check_thread(&threads[i], looks, client);
    for (int i = 0; i < 100; i++) {
        int32_t result = duologue_client_interrupt(client, NULL);
        CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_WOULD_BLOCK);
    }
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    /* And it works on. */
    uint64_t op = 0;
    WORKS(duologue_client_set_capture(client, 1, &op));
    WORKS(end_of(client, op));
    duologue_client_destroy(client);
    printf("refused consumers: %d\n", atomic_load(&refused_consumers));
}

/* Waiting for a status in queue delivery does not need anybody to take events. */
static void waiting_for_a_status(void) {
    duologue_client *client = client_of("{\"delivery\": \"queue\", \"base_url\": \"http://127.0.0.1:1/v1\"}");
    duologue_credential key = {.struct_size = sizeof key, .value = CANARY_KEY};
    uint64_t op = 0;
    WORKS(duologue_client_set_credential(client, &key));
    WORKS(duologue_client_connect(client, &op));
    REFUSED(CONNECT_FAILED, duologue_client_wait_status(client, DUOLOGUE_STATUS_CONNECTED, -1));
    REFUSED(CONNECT_FAILED, end_of(client, op));
    CHECK(strstr(last_words(), CANARY_MARK) == NULL);
    duologue_client_destroy(client);
}

int main(void) {
    one_after_the_other();
    events_outlive_their_client();
    the_mask();
    left_in_the_queue();
    nobody_takes();
    the_descriptor();
    woken();
    one_consumer();
    waiting_for_a_status();
    return check_end();
}
