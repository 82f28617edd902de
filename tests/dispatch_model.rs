//! The dispatcher's state machines under a model checker: many interleavings of every lock and
//! condition, deadlocks found. The files are those of the library, with other primitives beneath.
#![cfg(not(windows))]

#[path = "../src/client/dispatch/lane.rs"]
#[allow(dead_code)]
mod lane;
#[path = "../src/client/dispatch/pool.rs"]
#[allow(dead_code)]
mod pool;

use lane::{Host, Lane, Next};
use pool::{Hire, Pool};
use shuttle::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    thread,
};
use std::{collections::VecDeque, sync::Arc};

/// The checker's primitives with the interface the library uses.
mod sync {
    use std::{
        ops::{Deref, DerefMut},
        time::Duration,
    };

    pub struct Mutex<T>(shuttle::sync::Mutex<T>);
    /// Empty only while it waits on a condition.
    pub struct MutexGuard<'a, T>(&'a Mutex<T>, Option<shuttle::sync::MutexGuard<'a, T>>);
    pub struct Condvar(shuttle::sync::Condvar);
    pub struct WaitTimeoutResult(bool);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(self, Some(self.0.lock().unwrap()))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.1.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.1.as_mut().unwrap()
        }
    }

    impl Condvar {
        pub fn new() -> Self {
            Self(shuttle::sync::Condvar::new())
        }

        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }

        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            guard.1 = Some(self.0.wait(guard.1.take().unwrap()).unwrap());
        }

        /// The time may be over before anything happens, or not.
        pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) -> WaitTimeoutResult {
            use shuttle::rand::Rng;
            let over = shuttle::rand::thread_rng().r#gen::<bool>();
            if over {
                drop(guard.1.take());
                shuttle::thread::yield_now();
                guard.1 = Some(guard.0.0.lock().unwrap());
            } else {
                self.wait(guard);
            }
            WaitTimeoutResult(over)
        }
    }

    impl WaitTimeoutResult {
        pub fn timed_out(&self) -> bool {
            self.0
        }
    }
}

type Does = Box<dyn Fn(u64) + Send + Sync>;

struct Listener {
    world: Arc<World>,
    called: AtomicBool,
    gone: Arc<AtomicBool>,
    does: Does,
}

impl Drop for Listener {
    fn drop(&mut self) {
        assert!(!self.called.load(SeqCst), "dropped while it is called");
        // Whoever waits for the drop waits for all of it.
        thread::yield_now();
        self.world.dropped.fetch_add(1, SeqCst);
        self.gone.store(true, SeqCst);
    }
}

/// One client: its events, and what must hold.
struct Client {
    world: Arc<World>,
    events: sync::Mutex<(VecDeque<u64>, bool)>,
    mask: AtomicU64,
    busy: AtomicBool,
    quiet: AtomicBool,
    left: AtomicBool,
    heard: AtomicUsize,
}

impl Host for Client {
    type Event = u64;
    type Listener = Arc<Listener>;

    fn next(&self) -> Next<u64> {
        let mut events = self.events.lock();
        match events.0.pop_front() {
            Some(event) => Next::Event(event),
            None if events.1 => Next::End,
            None => Next::Empty,
        }
    }

    fn bit(_: &u64) -> u64 {
        1
    }

    fn call(&self, listener: &Arc<Listener>, event: &u64) -> bool {
        assert!(!self.busy.swap(true, SeqCst), "two calls at once");
        assert!(!self.quiet.load(SeqCst), "a call after the end");
        listener.called.store(true, SeqCst);
        thread::yield_now();
        (listener.does)(*event);
        self.heard.fetch_add(1, SeqCst);
        listener.called.store(false, SeqCst);
        self.busy.store(false, SeqCst);
        // An event number 9 makes it panic.
        *event != 9
    }

    fn release(&self, listener: Arc<Listener>) {
        drop(listener);
    }

    fn wanted(&self, mask: u64) {
        self.mask.store(mask, SeqCst);
    }

    fn over(&self) {
        self.left.store(true, SeqCst);
    }
}

type ClientLane = Lane<Client>;

/// An engine: a pool, and the threads it asked for.
struct World {
    pool: Pool<Arc<ClientLane>>,
    threads: sync::Mutex<Vec<thread::JoinHandle<()>>>,
    made: AtomicUsize,
    dropped: AtomicUsize,
}

impl World {
    fn new(kept: usize, max: usize) -> Arc<Self> {
        let (made, dropped) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { pool: Pool::new(kept, max), threads: sync::Mutex::new(Vec::new()), made, dropped })
    }

    fn client(self: &Arc<Self>) -> Arc<ClientLane> {
        let flag = || AtomicBool::new(false);
        Arc::new(Lane::new(Client {
            world: self.clone(),
            events: sync::Mutex::new((VecDeque::new(), false)),
            mask: AtomicU64::new(0),
            busy: flag(),
            quiet: flag(),
            left: flag(),
            heard: AtomicUsize::new(0),
        }))
    }

    fn listener(self: &Arc<Self>, does: impl Fn(u64) + Send + Sync + 'static) -> Option<Arc<Listener>> {
        self.made.fetch_add(1, SeqCst);
        let (called, gone) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
        Some(Arc::new(Listener { world: self.clone(), called, gone, does: Box::new(does) }))
    }

    fn carry_out(self: &Arc<Self>, hire: Hire) {
        let mut started = Vec::new();
        if hire.thread {
            let world = self.clone();
            started.push(thread::spawn(move || {
                while let Some(lane) = world.pool.take() {
                    if lane.run() {
                        world.carry_out(world.pool.push(lane));
                    }
                }
            }));
        }
        if hire.timer {
            let world = self.clone();
            started.push(thread::spawn(move || {
                thread::yield_now();
                world.carry_out(world.pool.tick());
            }));
        }
        self.threads.lock().extend(started);
    }

    /// Everything ends, every listener was dropped once.
    fn finish(&self) {
        self.pool.close();
        loop {
            let Some(thread) = self.threads.lock().pop() else { break };
            thread.join().unwrap();
        }
        assert_eq!(self.dropped.load(SeqCst), self.made.load(SeqCst), "one drop a registration");
        assert_eq!(self.pool.threads(), 0);
    }
}

fn wake(lane: &Arc<ClientLane>) {
    if lane.wake() {
        let world = &lane.host.world;
        world.carry_out(world.pool.push(lane.clone()));
    }
}

fn push(lane: &Arc<ClientLane>, event: u64) {
    if lane.host.mask.load(SeqCst) != 0 {
        lane.host.events.lock().0.push_back(event);
        wake(lane);
    }
}

/// The end of the events, as when the last handle is dropped.
fn end(lane: &Arc<ClientLane>) {
    lane.host.events.lock().1 = true;
    wake(lane);
}

fn set(lane: &Arc<ClientLane>, slot: u8, listener: Option<Arc<Listener>>, outside: bool) -> bool {
    let set = lane.set(slot, 1, listener, outside);
    let news = {
        let events = lane.host.events.lock();
        events.1 || !events.0.is_empty()
    };
    if set && news {
        wake(lane);
    }
    set
}

/// True: this one was the first.
fn destroy(lane: &Arc<ClientLane>, outside: bool) -> bool {
    let first = lane.close();
    if first {
        lane.quiesce(outside);
        if outside {
            lane.host.quiet.store(true, SeqCst);
            assert!(!lane.host.busy.load(SeqCst), "a call outlives destroy");
            assert!(lane.host.left.load(SeqCst));
        }
    }
    first
}

/// Set when the listener's drop is over.
fn gone(listener: &Option<Arc<Listener>>) -> Arc<AtomicBool> {
    listener.as_ref().unwrap().gone.clone()
}

fn check(model: fn()) {
    shuttle::check_random(model, 5000);
    shuttle::check_pct(model, 5000, 3);
}

#[test]
fn events_registrations_and_a_destroy_race() {
    check(|| {
        let world = World::new(2, 3);
        let lane = world.client();
        let first = world.listener(|_| {});
        let first_gone = gone(&first);
        assert!(set(&lane, 0, first, true));
        let pusher = thread::spawn({
            let lane = lane.clone();
            move || (0..3).for_each(|event| push(&lane, event))
        });
        let replacer = thread::spawn({
            let (lane, world) = (lane.clone(), world.clone());
            move || {
                let first = world.listener(|_| {});
                let gone = gone(&first);
                set(&lane, 1, first, true);
                if set(&lane, 1, world.listener(|_| {}), true) {
                    assert!(gone.load(SeqCst), "replaced and not dropped");
                }
                set(&lane, 0, None, true);
            }
        });
        assert!(destroy(&lane, true));
        assert!(first_gone.load(SeqCst), "whoever took it away");
        assert!(!set(&lane, 2, world.listener(|_| {}), true), "closed");
        pusher.join().unwrap();
        replacer.join().unwrap();
        world.finish();
    });
}

#[test]
fn everything_is_dropped_when_destroy_returns() {
    check(|| {
        let world = World::new(2, 3);
        let lane = world.client();
        for slot in 0..3 {
            assert!(set(&lane, slot, world.listener(|_| {}), true));
        }
        push(&lane, 1);
        let pusher = thread::spawn({
            let lane = lane.clone();
            move || push(&lane, 2)
        });
        assert!(destroy(&lane, true));
        assert_eq!(world.dropped.load(SeqCst), 3);
        pusher.join().unwrap();
        world.finish();
    });
}

#[test]
fn destroy_waits_for_a_drop_that_another_thread_is_at() {
    check(|| {
        let world = World::new(2, 3);
        let lane = world.client();
        let first = world.listener(|_| {});
        let gone = gone(&first);
        assert!(set(&lane, 0, first, true));
        let replacer = thread::spawn({
            let lane = lane.clone();
            move || set(&lane, 0, None, true)
        });
        assert!(destroy(&lane, true));
        assert!(gone.load(SeqCst), "whoever took it away");
        replacer.join().unwrap();
        world.finish();
    });
}

#[test]
fn a_client_destroys_itself_in_a_callback_while_others_destroy_it_too() {
    check(|| {
        let world = World::new(2, 3);
        let lane = world.client();
        let own = Arc::downgrade(&lane);
        let by_itself = Arc::new(AtomicBool::new(false));
        let destroyed = by_itself.clone();
        let listener = world.listener(move |_| {
            let lane = own.upgrade().unwrap();
            let before = lane.host.world.dropped.load(SeqCst);
            if destroy(&lane, false) {
                destroyed.store(true, SeqCst);
                assert_eq!(lane.host.world.dropped.load(SeqCst), before, "dropped under a running callback");
            }
        });
        assert!(set(&lane, 0, listener, true));
        let next = world.listener(move |_| assert!(!by_itself.load(SeqCst), "no call begins after that"));
        assert!(set(&lane, 1, next, true));
        let other = thread::spawn({
            let lane = lane.clone();
            move || destroy(&lane, true)
        });
        push(&lane, 1);
        push(&lane, 2);
        other.join().unwrap();
        world.finish();
    });
}

#[test]
fn two_callbacks_destroy_each_others_clients() {
    check(|| {
        let world = World::new(2, 3);
        let lanes = [world.client(), world.client()];
        for (lane, other) in [(&lanes[0], &lanes[1]), (&lanes[1], &lanes[0])] {
            let other = Arc::downgrade(other);
            let listener = world.listener(move |_| _ = other.upgrade().map(|lane| destroy(&lane, false)));
            assert!(set(lane, 0, listener, true));
        }
        let pusher = thread::spawn({
            let lane = lanes[0].clone();
            move || push(&lane, 1)
        });
        push(&lanes[1], 1);
        pusher.join().unwrap();
        // Whichever came first: at the latest now.
        lanes.iter().for_each(|lane| _ = destroy(lane, true));
        world.finish();
    });
}

#[test]
fn a_callback_replaces_itself_and_another_thread_waits_for_it() {
    check(|| {
        let world = World::new(2, 3);
        let lane = world.client();
        let own = Arc::downgrade(&lane);
        let listener = world.listener(move |_| {
            let lane = own.upgrade().unwrap();
            let next = lane.host.world.listener(|_| {});
            set(&lane, 0, next, false);
            set(&lane, 1, None, false);
        });
        let gone = gone(&listener);
        assert!(set(&lane, 0, listener, true));
        assert!(set(&lane, 1, world.listener(|_| {}), true));
        push(&lane, 1);
        // Whether the call has begun, has replaced itself, or has not happened.
        set(&lane, 0, None, true);
        assert!(gone.load(SeqCst), "its call is under way");
        push(&lane, 2);
        destroy(&lane, true);
        world.finish();
    });
}

#[test]
fn no_event_is_forgotten() {
    check(|| {
        let world = World::new(2, 2);
        let lane = world.client();
        let heard = Arc::new((sync::Mutex::new(0), sync::Condvar::new()));
        let hears = heard.clone();
        let listener = world.listener(move |_| {
            *hears.0.lock() += 1;
            hears.1.notify_all();
        });
        assert!(set(&lane, 0, listener, true));
        let pushers = [1, 2].map(|event| {
            let lane = lane.clone();
            thread::spawn(move || (0..2).for_each(|_| push(&lane, event)))
        });
        let mut count = heard.0.lock();
        while *count < 4 {
            heard.1.wait(&mut count);
        }
        drop(count);
        pushers.into_iter().for_each(|thread| thread.join().unwrap());
        end(&lane);
        world.finish();
        assert!(lane.host.left.load(SeqCst));
    });
}

#[test]
fn the_end_of_the_events_races_with_a_registration_and_a_destroy() {
    check(|| {
        let world = World::new(2, 3);
        let lane = world.client();
        assert!(set(&lane, 0, world.listener(|_| {}), true));
        push(&lane, 1);
        let setter = thread::spawn({
            let (lane, world) = (lane.clone(), world.clone());
            move || set(&lane, 1, world.listener(|_| {}), true)
        });
        let ender = thread::spawn({
            let lane = lane.clone();
            move || end(&lane)
        });
        assert!(destroy(&lane, true));
        setter.join().unwrap();
        ender.join().unwrap();
        world.finish();
    });
}

#[test]
fn an_end_alone_drops_everything_also_what_came_too_late() {
    check(|| {
        let world = World::new(2, 3);
        let lane = world.client();
        let ender = thread::spawn({
            let lane = lane.clone();
            move || end(&lane)
        });
        set(&lane, 1, world.listener(|_| {}), true);
        ender.join().unwrap();
        world.finish();
    });
}

#[test]
fn a_panicked_listener_hears_no_more_and_the_others_do() {
    check(|| {
        let world = World::new(2, 3);
        let lane = world.client();
        let calls = Arc::new(AtomicUsize::new(0));
        let called = calls.clone();
        let listener = world.listener(move |_| _ = called.fetch_add(1, SeqCst));
        assert!(set(&lane, 0, listener, true));
        push(&lane, 9);
        push(&lane, 1);
        end(&lane);
        world.finish();
        assert_eq!(calls.load(SeqCst), 1);
    });
}

#[test]
fn blocked_hosts_get_threads_of_their_own_up_to_the_bound() {
    check(|| {
        let world = World::new(2, 4);
        let gate = Arc::new((sync::Mutex::new(0), sync::Condvar::new()));
        // Four wait for each other inside their callbacks: with fewer threads that is a deadlock.
        let lanes = [(); 4].map(|()| {
            let lane = world.client();
            let gate = gate.clone();
            let listener = world.listener(move |_| {
                let mut inside = gate.0.lock();
                *inside += 1;
                gate.1.notify_all();
                while *inside < 4 {
                    gate.1.wait(&mut inside);
                }
            });
            assert!(set(&lane, 0, listener, true));
            lane
        });
        lanes.iter().for_each(|lane| push(lane, 1));
        lanes.iter().for_each(end);
        world.finish();
    });
}

#[test]
fn a_task_is_not_lost_to_a_thread_that_is_about_to_leave() {
    check(|| {
        let world = World::new(2, 3);
        let gate = Arc::new((sync::Mutex::new(0), sync::Condvar::new()));
        let blocked = [(); 2].map(|()| {
            let (lane, gate) = (world.client(), gate.clone());
            let listener = world.listener(move |_| {
                let mut heard = gate.0.lock();
                while *heard < 3 {
                    gate.1.wait(&mut heard);
                }
            });
            assert!(set(&lane, 0, listener, true));
            push(&lane, 1);
            lane
        });
        // Served by a third thread, which may have gone before each event, or is just going.
        let (lane, hears) = (world.client(), gate.clone());
        let listener = world.listener(move |_| {
            *hears.0.lock() += 1;
            hears.1.notify_all();
        });
        assert!(set(&lane, 0, listener, true));
        for event in 0..3 {
            push(&lane, event);
            let mut heard = gate.0.lock();
            while *heard as u64 <= event {
                gate.1.wait(&mut heard);
            }
        }
        end(&lane);
        blocked.iter().for_each(end);
        world.finish();
    });
}
