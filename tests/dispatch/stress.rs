//! Thousands of clients whose hosts do everything at once.

use super::{Count, builder, poke, watchdog};
use duologue::{
    Client,
    client::{Engine, Listener, Slot},
    config::Delivery,
    event::{Event, EventMask},
};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const CLIENTS: usize = 3600;
const SCENARIOS: usize = 9;
const HOSTS: usize = 8;

/// Over all clients.
#[derive(Default)]
struct Tally {
    registered: AtomicUsize,
    dropped: Count,
    called: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

static TALLY: LazyLock<Tally> = LazyLock::new(Tally::default);

/// One client's.
#[derive(Default)]
struct Life {
    number: usize,
    busy: AtomicBool,
    /// Destroyed from outside: nothing may be called.
    quiet: AtomicBool,
    seq: AtomicUsize,
    registered: AtomicUsize,
    dropped: AtomicUsize,
}

impl Life {
    fn wrong(&self, what: &str) {
        TALLY.wrong.lock().push(format!("client {}: {what}", self.number));
    }
}

type Does = Box<dyn Fn(&Event) + Send + Sync>;

struct Probe {
    life: Arc<Life>,
    slot: u8,
    drops: AtomicUsize,
    gone: Arc<AtomicBool>,
    panics_in_drop: bool,
    does: Does,
}

impl Listener for Probe {
    fn on_event(&self, event: &Arc<Event>) {
        TALLY.called.fetch_add(1, SeqCst);
        if self.life.busy.swap(true, SeqCst) {
            self.life.wrong("two callbacks at once");
        }
        if self.life.quiet.load(SeqCst) {
            self.life.wrong("a call after destroy");
        }
        if self.gone.load(SeqCst) {
            self.life.wrong("a call after its drop");
        }
        // Slots in order within one event, events in order.
        let place = event.seq as usize * 32 + usize::from(self.slot);
        if self.life.seq.swap(place, SeqCst) >= place {
            self.life.wrong("out of order");
        }
        struct Leave<'a>(&'a Life);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.busy.store(false, SeqCst);
            }
        }
        let _leave = Leave(&self.life);
        (self.does)(event);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if self.drops.fetch_add(1, SeqCst) > 0 {
            self.life.wrong("dropped twice");
        }
        self.gone.store(true, SeqCst);
        self.life.dropped.fetch_add(1, SeqCst);
        TALLY.dropped.add();
        if self.panics_in_drop {
            planned();
        }
    }
}

/// A panic without the report.
fn planned() -> ! {
    std::panic::resume_unwind(Box::new("planned"))
}

fn probe(life: &Arc<Life>, slot: u8, does: impl Fn(&Event) + Send + Sync + 'static) -> (Arc<Probe>, Arc<AtomicBool>) {
    TALLY.registered.fetch_add(1, SeqCst);
    life.registered.fetch_add(1, SeqCst);
    let gone = Arc::new(AtomicBool::new(false));
    let (life, does): (_, Does) = (life.clone(), Box::new(does));
    let panics_in_drop = life.number % 7 == 0;
    (Arc::new(Probe { life, slot, drops: AtomicUsize::new(0), gone: gone.clone(), panics_in_drop, does }), gone)
}

/// Registers; a client that is gone refuses, and drops what it was given.
fn listen(client: &Client, life: &Arc<Life>, slot: u8, does: impl Fn(&Event) + Send + Sync + 'static) {
    let (probe, gone) = probe(life, slot, does);
    if client.set_listener(Slot(slot), EventMask::ALL, Some(probe)).is_err() && !gone.load(SeqCst) {
        life.wrong("refused and not dropped");
    }
}

/// From outside: nothing runs afterwards and everything was dropped.
fn destroy(client: &Client, life: &Life) {
    client.destroy();
    life.quiet.store(true, SeqCst);
    if life.busy.load(SeqCst) {
        life.wrong("a callback outlives destroy");
    }
    if life.registered.load(SeqCst) != life.dropped.load(SeqCst) {
        life.wrong("a listener outlives destroy");
    }
    if client.send_text("late").refusal().is_none_or(|e| e.code != "closed") {
        life.wrong("a command after destroy");
    }
}

fn one(number: usize, engine: &Engine, rendezvous: &Mutex<Option<(Client, Arc<Life>)>>) {
    let client = builder(Delivery::Callbacks).engine(engine.clone()).build().unwrap();
    let life = Arc::new(Life { number, ..Life::default() });
    listen(&client, &life, 0, |_| {});
    let pushes = |count: usize| (0..count).for_each(|_| poke(&client));
    match number % SCENARIOS {
        // Destroyed from outside while events come.
        0 => {
            std::thread::scope(|scope| {
                scope.spawn(|| pushes(10));
                scope.spawn(|| destroy(&client, &life));
            });
        }
        // Destroys itself in a callback, which goes on using what it has.
        1 => {
            let (own, shared) = (client.clone(), life.clone());
            listen(&client, &life, 3, move |_| {
                own.destroy();
                if shared.dropped.load(SeqCst) > 0 {
                    shared.wrong("dropped under a running callback");
                }
            });
            pushes(5);
        }
        // Replaced from outside: the old one is gone when that returns.
        2 => {
            std::thread::scope(|scope| {
                scope.spawn(|| pushes(20));
                scope.spawn(|| {
                    for _ in 0..5 {
                        let (first, gone) = probe(&life, 4, |_| {});
                        client.set_listener(Slot(4), EventMask::ALL, Some(first)).unwrap();
                        listen(&client, &life, 4, |_| {});
                        if !gone.load(SeqCst) {
                            life.wrong("a replaced listener lives on");
                        }
                    }
                    client.set_listener(Slot(4), EventMask::ALL, None).unwrap();
                });
            });
            destroy(&client, &life);
        }
        // Replaces and unregisters itself and others in a callback.
        3 => {
            let (handle, shared) = (client.clone(), life.clone());
            listen(&client, &life, 1, move |event| {
                listen(&handle, &shared, 1, |_| {});
                listen(&handle, &shared, 2, |_| {});
                if event.seq % 2 == 0 {
                    handle.set_listener(Slot(0), EventMask::ALL, None).unwrap_or_default();
                }
            });
            pushes(10);
            destroy(&client, &life);
        }
        // Panics; the others hear of it.
        4 => {
            listen(&client, &life, 1, |_| planned());
            let told = Arc::new(Count::default());
            let tell = told.clone();
            listen(&client, &life, 2, move |event| {
                if let duologue::event::EventKind::Error(error) = &event.kind
                    && error.code == "listener_panicked"
                {
                    tell.add();
                }
            });
            pushes(3);
            told.wait_for(1);
            destroy(&client, &life);
        }
        // Slow.
        5 => {
            listen(&client, &life, 1, |_| std::thread::sleep(Duration::from_micros(300)));
            pushes(8);
            destroy(&client, &life);
        }
        // Two that destroy each other in callbacks.
        6 => {
            let Some((other, others)) = rendezvous.lock().replace((client.clone(), life.clone())) else {
                return;
            };
            rendezvous.lock().take();
            let (a, b) = (client.clone(), other.clone());
            listen(&other, &others, 1, move |_| a.destroy());
            listen(&client, &life, 1, move |_| b.destroy());
            poke(&client);
            poke(&other);
        }
        // Left without a word.
        7 => pushes(4),
        // Two threads destroy it, and one replaces.
        _ => {
            pushes(5);
            std::thread::scope(|scope| {
                scope.spawn(|| client.destroy());
                scope.spawn(|| client.destroy());
                scope.spawn(|| listen(&client, &life, 0, |_| {}));
            });
        }
    }
}

#[test]
fn one_drop_a_registration_and_no_call_afterwards_however_clients_end() {
    let _dog = watchdog("stress");
    let engine = Engine::builder().build().unwrap();
    let next = AtomicUsize::new(0);
    let rendezvous = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..HOSTS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, SeqCst);
                    if number >= CLIENTS {
                        break;
                    }
                    one(number, &engine, &rendezvous);
                }
            });
        }
    });
    // One may still wait for a partner.
    if let Some((client, _)) = rendezvous.lock().take() {
        client.destroy();
    }
    TALLY.dropped.wait_for(TALLY.registered.load(SeqCst));
    let wrong = TALLY.wrong.lock();
    assert!(wrong.is_empty(), "{} wrongs, the first: {:?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    assert_eq!(TALLY.dropped.get(), TALLY.registered.load(SeqCst));
    assert!(TALLY.called.load(SeqCst) > CLIENTS, "too little happened");
}
