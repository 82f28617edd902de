//! The callback dispatcher and the event queue, on real threads. No test needs a network: a command
//! that is refused because nothing is connected is an event too.

#[path = "../common/canary.rs"]
mod canary;
mod queue;
mod rules;
mod stress;
mod subscriptions;
mod waiting;

use duologue::{
    Client, Config,
    client::{ClientBuilder, Engine},
    config::{Audio, AudioSource, Delivery},
    event::Event,
};
use parking_lot::{Condvar, Mutex};
use std::{
    sync::{Arc, LazyLock, mpsc},
    time::Duration,
};

/// Ends the process when a test hangs: a deadlock must not look like a slow machine.
struct Watchdog(#[allow(dead_code)] mpsc::Sender<()>);

fn watchdog(test: &'static str) -> Watchdog {
    let (alive, gone) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if gone.recv_timeout(Duration::from_secs(120)) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{test} hangs");
            std::process::abort();
        }
    });
    Watchdog(alive)
}

/// A number that tests wait for.
#[derive(Default)]
struct Count(Mutex<usize>, Condvar);

impl Count {
    fn add(&self) {
        *self.0.lock() += 1;
        self.1.notify_all();
    }

    fn get(&self) -> usize {
        *self.0.lock()
    }

    fn wait_for(&self, at_least: usize) {
        let mut count = self.0.lock();
        while *count < at_least {
            self.1.wait(&mut count);
        }
    }
}

/// Without audio, so that thousands are cheap.
fn builder(delivery: Delivery) -> ClientBuilder {
    static CONFIGS: LazyLock<[Arc<Config>; 2]> = LazyLock::new(|| {
        [Delivery::Callbacks, Delivery::Queue].map(|delivery| {
            let mut audio = Audio { level_events: false, ..Audio::default() };
            (audio.input.source, audio.output.source) = (AudioSource::None, AudioSource::None);
            Arc::new(Config { delivery, audio, ..Config::default() })
        })
    });
    Client::builder().config(CONFIGS[usize::from(delivery == Delivery::Queue)].clone())
}

fn client(engine: &Engine) -> Client {
    builder(Delivery::Callbacks).engine(engine.clone()).build().unwrap()
}

fn queue_client() -> Client {
    builder(Delivery::Queue).build().unwrap()
}

fn engine() -> Engine {
    Engine::builder().build().unwrap()
}

/// One `completed` event, soon.
fn poke(client: &Client) {
    drop(client.send_text("x"));
}

/// A listener from a closure.
fn hear(heard: impl Fn(&Arc<Event>) + Send + Sync + 'static) -> Option<Arc<dyn duologue::client::Listener>> {
    Some(Arc::new(heard))
}
