/*
 * Thousands of clients that are pushed to, commanded, replaced, unregistered and destroyed from everywhere at once:
 * from their own thread, from others, and inside every kind of callback. Hosts are slow now and then.
 *
 * Held to: one free for each registration, no call after a client has come to rest, no deadlock, nothing left over.
 * Arguments: how many clients, and (for callbacks that need a session) the simulator's URL.
 */
#include "events.h"
#include <sched.h>

enum { WORKERS = 4, RACERS = 2, RECENT = 64, ALIVE = 0x5ca1ab1e };

/* One client. Never freed before the end, so that whoever comes late may look. */
struct life {
    duologue_client *client;
    int queued;
    atomic_int ended;      /* somebody has begun to end it */
    atomic_int at_rest;    /* destroy has returned outside callbacks: nothing runs any more */
    atomic_int turns;      /* callbacks of responses so far */
    atomic_int ended_here; /* destroyed inside one of its own callbacks: none starts any more */
};

/* What one registration was given; poisoned and freed by its free function. */
struct given {
    uint32_t alive;
    unsigned family;
    struct life *life;
};

static atomic_uint registrations, frees, calls, calls_by_family[FAMILY_TOTAL], progress, next_client, finished;
static unsigned clients_wanted;
static struct life *lives;
static _Atomic(struct life *) recent[RECENT];
static duologue_config *plain, *pulled, *queued, *connecting;
static duologue_engine *engine;

static _Thread_local uint64_t random_state;

static uint32_t random_number(void) {
    /* splitmix64: every thread has its own. */
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static int chance(unsigned in) {
    return random_number() % in == 0;
}

static void moment(long microseconds) {
    struct timespec time = {0, microseconds * 1000};
    nanosleep(&time, NULL);
}

static void given_free(void *user_data) {
    struct given *given = user_data;
    CHECK(given->alive == ALIVE);
    memset(given, 0xdd, sizeof *given);
    free(given);
    atomic_fetch_add(&frees, 1);
    atomic_fetch_add(&progress, 1);
}

static void inside(struct given *given);

#define CALLED(name)                                                                                                   \
    static void called_##name(void *user_data, const duologue_##name##_event *event) {                                 \
        CHECK(event->envelope != NULL && event->envelope->struct_size == sizeof(duologue_event));                      \
        inside(user_data);                                                                                             \
    }
FAMILIES(CALLED)
#undef CALLED

static void called_sink(void *user_data, const duologue_event *event) {
    check_event(event);
    inside(user_data);
    /* It is still there, whatever was done meanwhile. */
    check_event(event);
}

/* Registers (on) or unregisters; what comes along is freed in either case. */
static void set(struct life *life, unsigned family, int on) {
    struct given *given = malloc(sizeof *given);
    int32_t result;
    CHECK(given != NULL);
    *given = (struct given){ALIVE, family, life};
    atomic_fetch_add(&registrations, 1);
    switch (family) {
    case FAMILY_sink:
        result = duologue_client_set_event_callback(life->client, DUOLOGUE_EVENT_MASK_ALL, on ? called_sink : NULL, given,
                                                    given_free);
        break;
#define SET(name)                                                                                                      \
    case FAMILY_##name:                                                                                                \
        result = duologue_client_set_##name##_callback(life->client, on ? called_##name : NULL, given, given_free);    \
        break;
        FAMILIES(SET)
#undef SET
    default:
        abort();
    }
    CHECK(result == DUOLOGUE_OK || result == DUOLOGUE_ERROR_INVALID_HANDLE || result == DUOLOGUE_ERROR_CLOSED ||
          (result == DUOLOGUE_ERROR_INVALID_STATE && life->queued));
}

static void taken_or_gone(int32_t result) {
    if (result != DUOLOGUE_OK && result != DUOLOGUE_ERROR_WOULD_BLOCK && result != DUOLOGUE_ERROR_INVALID_HANDLE &&
        result != DUOLOGUE_ERROR_CLOSED)
        ENDS(DUOLOGUE_OK, result);
}

/* Something that makes a callback come, or does nothing. */
static void provoke(struct life *life) {
    static const int16_t samples[480];
    int16_t heard[480];
    duologue_client *client = life->client;
    atomic_fetch_add(&progress, 1);
    switch (random_number() % 8) {
    case 0:
        taken_or_gone(duologue_client_send_text(client, "nobody is there", random_number() % 4, NULL));
        break;
    case 1:
        taken_or_gone(duologue_client_set_capture(client, random_number() % 2, NULL));
        break;
    case 2:
        taken_or_gone(duologue_client_set_input_muted(client, random_number() % 2, NULL));
        break;
    case 3:
        taken_or_gone(duologue_client_interrupt(client, NULL));
        break;
    case 4: {
        int32_t result = duologue_client_pull_audio(client, heard, 480, 0, NULL);
        if (result != DUOLOGUE_ERROR_INVALID_STATE) /* not every client is pulled from */
            taken_or_gone(result);
        break;
    }
    case 5:
        taken_or_gone(duologue_client_disconnect(client, NULL));
        break;
    default:
        taken_or_gone(duologue_client_push_audio(client, samples, 480, 0, NULL));
    }
}

/* Ends a client. The first who does so outside callbacks has the promise that nothing runs afterwards. */
static void end(struct life *life, int in_callback_of_its_own, int in_callback) {
    if (atomic_exchange(&life->ended, 1)) {
        /* The second one must not be in the way of the first: only once that is through. */
        if (atomic_load(&life->at_rest) || atomic_load(&life->ended_here))
            duologue_client_destroy(life->client);
        return;
    }
    duologue_client_destroy(life->client);
    if (in_callback_of_its_own)
        atomic_store(&life->ended_here, 1);
    else if (!in_callback)
        atomic_store(&life->at_rest, 1);
    atomic_fetch_add(&finished, 1);
}

static struct life *somebody(void) {
    return atomic_load(&recent[random_number() % RECENT]);
}

/* What hosts do in their callbacks. */
static void inside(struct given *given) {
    struct life *life = given->life;
    unsigned family = given->family;
    CHECK(given->alive == ALIVE);
    CHECK(atomic_load(&life->at_rest) == 0);
    CHECK(atomic_load(&life->ended_here) == 0);
    atomic_fetch_add(&calls, 1);
    atomic_fetch_add(&calls_by_family[family], 1);
    if (family == FAMILY_response)
        atomic_fetch_add(&life->turns, 1);
    atomic_fetch_add(&progress, 1);
    if (random_state == 0)
        random_state = (uint64_t)(uintptr_t)&random_state + atomic_load(&calls);

    switch (random_number() % 32) {
    case 0: /* slow */
        moment(1000 + random_number() % 3000);
        break;
    case 1: /* replaces itself */
        set(life, family, 1);
        break;
    case 2: /* unregisters itself */
        set(life, family, 0);
        break;
    case 3: /* another of its own */
        set(life, random_number() % FAMILY_TOTAL, !chance(3));
        break;
    case 4: { /* of somebody else */
        struct life *other = somebody();
        if (other != NULL)
            set(other, random_number() % FAMILY_TOTAL, !chance(3));
        break;
    }
    case 5:
    case 6:
        provoke(life);
        break;
    case 7: /* ends itself */
        if (chance(4))
            end(life, 1, 1);
        break;
    case 8: { /* ends somebody else */
        struct life *other = somebody();
        if (other != NULL && other != life && chance(4))
            end(other, 0, 1);
        break;
    }
    case 9: { /* a client that lives and dies in here */
        duologue_client *client = NULL;
        if (chance(8) && duologue_client_create(engine, plain, &client) == DUOLOGUE_OK) {
            struct life brief = {.client = client};
            /* Its free function has run when destroy returns: nothing of it is ever running here. */
            set(&brief, FAMILY_lagged, 1);
            duologue_client_destroy(client);
        }
        break;
    }
    case 10: {
        int32_t result = duologue_client_wait_status(life->client, DUOLOGUE_STATUS_RECONNECTING, -1);
        CHECK(result == DUOLOGUE_ERROR_WOULD_DEADLOCK || result == DUOLOGUE_ERROR_INVALID_HANDLE ||
              result == DUOLOGUE_ERROR_CLOSED);
        break;
    }
    default:
        break;
    }
    /* What this call was given lives as long as the call. */
    CHECK(given->alive == ALIVE && given->life == life);
}

static void use_queue(struct life *life) {
    for (int i = 0; i < 4; i++) {
        duologue_event *event = NULL;
        int32_t result = duologue_client_next_event(life->client, (int)(random_number() % 2), &event);
        if (result == DUOLOGUE_OK) {
            check_event(event);
            duologue_event_free(event);
        } else {
            CHECK(result == DUOLOGUE_ERROR_TIMEOUT || result == DUOLOGUE_ERROR_INVALID_HANDLE ||
                  result == DUOLOGUE_ERROR_CLOSED || result == DUOLOGUE_ERROR_INVALID_STATE);
        }
    }
}

/* A client from birth to death. */
static void one_life(struct life *life, unsigned number) {
    duologue_credential key = {.struct_size = sizeof key, .value = CANARY_KEY};
    int connects = connecting != NULL && number % 50 == 0;
    duologue_config *config = connects ? connecting : number % 8 == 1 ? queued : number % 2 ? pulled : plain;
    life->queued = config == queued;
    WORKS(duologue_client_create(number % 3 ? engine : NULL, config, &life->client));
    /* Every other session is left in peace until it has spoken. */
    if (!connects || number % 100 == 0)
        atomic_store(&recent[random_number() % RECENT], life);

    for (unsigned family = 0; family < FAMILY_TOTAL; family++)
        if (connects || chance(2) || family == FAMILY_completed)
            set(life, family, 1);
    if (connects || chance(16)) {
        /* Without the simulator nobody listens there, which makes statuses and errors. */
        int32_t result = duologue_client_set_credential(life->client, &key);
        taken_or_gone(result);
        taken_or_gone(duologue_client_connect(life->client, NULL));
        if (connects) {
            (void)duologue_client_wait_status(life->client, DUOLOGUE_STATUS_CONNECTED, 2000);
            taken_or_gone(duologue_client_send_text(life->client, "Are you there?", 0, NULL));
            /* It may have unregistered just that, or ended: so not for ever. */
            for (int i = 0; i < 300 && atomic_load(&life->turns) < 2 && !atomic_load(&life->ended); i++)
                moment(1000);
        }
    }
    unsigned rounds = 5 + random_number() % 20;
    for (unsigned i = 0; i < rounds; i++) {
        if (chance(6))
            set(life, random_number() % FAMILY_TOTAL, !chance(3));
        if (life->queued)
            use_queue(life);
        provoke(life);
        if (chance(10))
            sched_yield();
    }
    /* Some are left for others to end, or for the end. */
    if (!chance(8))
        end(life, 0, 0);
}

static void *works(void *seed) {
    random_state = (uint64_t)(uintptr_t)seed;
    for (;;) {
        unsigned number = atomic_fetch_add(&next_client, 1);
        if (number >= clients_wanted)
            return NULL;
        one_life(&lives[number], number);
    }
}

static void *races(void *seed) {
    random_state = (uint64_t)(uintptr_t)seed;
    while (atomic_load(&next_client) < clients_wanted) {
        struct life *life = somebody();
        if (chance(8)) /* the workers need the processor too */
            moment(100);
        if (life == NULL) {
            sched_yield();
            continue;
        }
        if (chance(40))
            end(life, 0, 0);
        else if (chance(5))
            set(life, random_number() % FAMILY_TOTAL, !chance(3));
        else if (life->queued)
            use_queue(life);
        else
            provoke(life);
    }
    return NULL;
}

/* Ends a process that stands still, with the reason. */
static void *watches(void *nothing) {
    unsigned last = 0, still = 0;
    (void)nothing;
    for (;;) {
        moment(500000);
        unsigned now = atomic_load(&progress);
        still = now == last ? still + 1 : 0;
        last = now;
        if (still >= 120) {
            fprintf(stderr, "DEADLOCK: nothing has moved for a minute; clients %u of %u, ended %u, frees %u of %u\n",
                    atomic_load(&next_client), clients_wanted, atomic_load(&finished), atomic_load(&frees),
                    atomic_load(&registrations));
            abort();
        }
    }
}

int main(int count, char **arguments) {
    pthread_t workers[WORKERS], racers[RACERS], watchdog;
    clients_wanted = count > 1 ? (unsigned)atoi(arguments[1]) : 3000;
    lives = calloc(clients_wanted, sizeof *lives);
    CHECK(lives != NULL);
    random_state = 1;
    check_thread(&watchdog, watches, NULL);
    pthread_detach(watchdog);

    WORKS(duologue_engine_create(NULL, &engine));
    const char *nobody = "{\"base_url\": \"http://127.0.0.1:1/v1\"}";
    WORKS(duologue_config_create(nobody, &plain));
    WORKS(duologue_config_create(nobody, &pulled));
    WORKS(duologue_config_set_string(pulled, "audio.output.delivery", "pull"));
    WORKS(duologue_config_create(nobody, &queued));
    WORKS(duologue_config_set_string(queued, "delivery", "queue"));
    if (count > 2) {
        WORKS(duologue_config_create("{\"raw_events\": \"all\"}", &connecting));
        WORKS(duologue_config_set_string(connecting, "base_url", arguments[2]));
    }

    for (uintptr_t i = 0; i < WORKERS; i++)
        check_thread(&workers[i], works, (void *)(i + 100));
    for (uintptr_t i = 0; i < RACERS; i++)
        check_thread(&racers[i], races, (void *)(i + 200));
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    for (int i = 0; i < RACERS; i++)
        pthread_join(racers[i], NULL);

    for (unsigned i = 0; i < clients_wanted; i++)
        end(&lives[i], 0, 0);
    /* Those that were ended inside a callback are freed when it returns. */
    while (atomic_load(&frees) != atomic_load(&registrations))
        moment(1000);
    CHECK(duologue_live_clients() == 0);
    /* None comes later. */
    unsigned calls_then = atomic_load(&calls), frees_then = atomic_load(&frees);
    moment(50000);
    CHECK(atomic_load(&calls) == calls_then && atomic_load(&frees) == frees_then);

    duologue_engine_destroy(engine);
    duologue_config_free(plain);
    duologue_config_free(pulled);
    duologue_config_free(queued);
    duologue_config_free(connecting);
    printf("%u clients, %u registrations, %u frees, %u calls; by family", clients_wanted, atomic_load(&registrations),
           atomic_load(&frees), atomic_load(&calls));
    for (unsigned family = 0; family < FAMILY_TOTAL; family++)
        printf(" %u", atomic_load(&calls_by_family[family]));
    puts("");
    CHECK(atomic_load(&calls_by_family[FAMILY_completed]) > 0 && atomic_load(&calls_by_family[FAMILY_status]) > 0);
    if (count > 2) {
        static const unsigned SESSION[] = {FAMILY_mode,  FAMILY_message, FAMILY_transcript, FAMILY_audio,   FAMILY_playback,
                                           FAMILY_usage, FAMILY_session, FAMILY_response,   FAMILY_latency, FAMILY_raw};
        for (size_t i = 0; i < COUNT(SESSION); i++)
            CHECK(atomic_load(&calls_by_family[SESSION[i]]) > 0);
    }
    free(lives);
    return check_end();
}
