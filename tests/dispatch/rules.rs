//! The rules one by one.

use super::{Count, client, engine, hear, poke, watchdog};
use duologue::{
    ErrorClass,
    client::{Engine, Slot, in_callback},
    event::{EventKind, EventMask},
};
use parking_lot::Mutex;
use std::sync::{Arc, Barrier, mpsc};

#[test]
fn events_of_a_client_come_in_order_and_slots_in_order_within_one() {
    let _dog = watchdog("order");
    let client = client(&engine());
    let (heard, count) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Count::default()));
    for slot in [9u8, 0, 31] {
        let (heard, count) = (heard.clone(), count.clone());
        let listener = hear(move |event| {
            heard.lock().push((event.seq, slot));
            count.add();
        });
        client.set_listener(Slot(slot), EventMask::ALL, listener).unwrap();
    }
    (0..100).for_each(|_| poke(&client));
    count.wait_for(300);
    let expected: Vec<_> = (1..=100).flat_map(|seq| [(seq, 0), (seq, 9), (seq, 31)]).collect();
    assert_eq!(*heard.lock(), expected);
}

#[test]
fn clients_are_served_in_parallel() {
    let _dog = watchdog("parallel");
    let engine = engine();
    // Each waits in its callback for the other.
    let barrier = Arc::new(Barrier::new(2));
    let done = Arc::new(Count::default());
    let clients = [client(&engine), client(&engine)];
    for client in &clients {
        let (barrier, done) = (barrier.clone(), done.clone());
        let listener = hear(move |_| {
            barrier.wait();
            done.add();
        });
        client.set_listener(Slot(0), EventMask::ALL, listener).unwrap();
        poke(client);
    }
    done.wait_for(2);
}

#[test]
fn hosts_that_block_for_ever_hold_up_no_other_client() {
    let _dog = watchdog("blocked");
    let engine = Engine::builder().callback_threads(2).build().unwrap();
    let (blocked, heard) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let gate = Arc::new(Count::default());
    let clients: Vec<_> = (0..5).map(|_| client(&engine)).collect();
    for client in &clients {
        let (blocked, gate) = (blocked.clone(), gate.clone());
        let listener = hear(move |_| {
            blocked.add();
            gate.wait_for(1);
        });
        client.set_listener(Slot(0), EventMask::ALL, listener).unwrap();
        poke(client);
    }
    blocked.wait_for(5);
    let other = client(&engine);
    let hears = heard.clone();
    other.set_listener(Slot(0), EventMask::ALL, hear(move |_| hears.add())).unwrap();
    poke(&other);
    heard.wait_for(1);
    assert!(engine.callback_threads() >= 6, "one for each that blocks and one that works");
    gate.add();
}

#[test]
fn a_listener_hears_what_its_mask_says() {
    let _dog = watchdog("mask");
    let client = client(&engine());
    let kinds = |mask| {
        let (heard, list) = (Arc::new(Count::default()), Arc::new(Mutex::new(Vec::new())));
        let (count, names) = (heard.clone(), list.clone());
        let listener = hear(move |event| {
            names.lock().push(event.kind.name());
            count.add();
        });
        (mask, listener, heard, list)
    };
    let all = kinds(EventMask::ALL);
    let errors = kinds(EventMask::of(&[EventMask::ERROR, EventMask::WARNING]));
    let none = kinds(EventMask::NONE);
    // The one that hears everything is last, so that the others had their chance.
    for (slot, (mask, listener, ..)) in [&errors, &none, &all].into_iter().enumerate() {
        client.set_listener(Slot(slot as u8), *mask, listener.clone()).unwrap();
    }
    let panics = hear(|_| std::panic::resume_unwind(Box::new("planned")));
    client.set_listener(Slot(9), EventMask::COMPLETED, panics).unwrap();
    poke(&client);
    // The completed command, then the error of the panic.
    all.2.wait_for(2);
    assert_eq!(*all.3.lock(), ["completed", "error"]);
    assert_eq!(*errors.3.lock(), ["error"]);
    assert_eq!(none.2.get(), 0);
}

#[test]
fn the_mask_has_the_numbers_and_names_of_the_kinds() {
    for (index, name) in EventKind::NAMES.iter().enumerate() {
        assert_eq!(EventMask::named(name), Some(EventMask(1 << index)), "{name}");
    }
    assert_eq!(EventMask::named("status"), Some(EventMask::STATUS));
    assert_eq!(EventMask::named("tool_call"), Some(EventMask::TOOL_CALL));
    assert_eq!(EventMask::named("error"), Some(EventMask::ERROR));
    assert_eq!(EventMask::named("lagged"), Some(EventMask::LAGGED));
    assert_eq!(EventMask::named("nothing"), None);
}

#[test]
fn a_listener_that_panicked_is_not_called_again_and_the_others_are() {
    let _dog = watchdog("panic");
    let client = client(&engine());
    let (calls, others) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let (called, other) = (calls.clone(), others.clone());
    let panics = hear(move |_| {
        called.add();
        std::panic::resume_unwind(Box::new("planned"));
    });
    client.set_listener(Slot(0), EventMask::ALL, panics).unwrap();
    client.set_listener(Slot(1), EventMask::ALL, hear(move |_| other.add())).unwrap();
    (0..10).for_each(|_| poke(&client));
    // Ten commands and one error.
    others.wait_for(11);
    assert_eq!(calls.get(), 1);
}

#[test]
fn nothing_waits_inside_a_callback_or_inside_a_drop() {
    let _dog = watchdog("inside");
    struct OnDrop(Box<dyn Fn() + Send + Sync>);
    impl duologue::client::Listener for OnDrop {
        fn on_event(&self, _: &Arc<duologue::event::Event>) {
            assert!(in_callback());
        }
    }
    impl Drop for OnDrop {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let client = client(&engine());
    let (said, hears) = mpsc::channel();
    let own = client.clone();
    let listener = OnDrop(Box::new(move || {
        // Would wait for this very drop.
        own.destroy();
        let blocking = own.wait_status(duologue::event::StatusKind::Connected, None);
        said.send((in_callback(), blocking.unwrap_err())).unwrap();
    }));
    assert!(!in_callback());
    client.set_listener(Slot(0), EventMask::ALL, Some(Arc::new(listener))).unwrap();
    client.set_listener(Slot(0), EventMask::ALL, None).unwrap();
    let (inside, error) = hears.try_recv().expect("dropped when unregistering returns");
    assert!(inside);
    assert_eq!((error.class, &*error.code), (ErrorClass::State, "would_deadlock"));
    let late = client.set_listener(Slot(0), EventMask::ALL, hear(|_| {})).unwrap_err();
    assert_eq!(late.code, "closed");
}

#[test]
fn the_last_events_reach_listeners_of_a_client_that_is_dropped() {
    let _dog = watchdog("dropped");
    struct Last(Arc<Count>, Arc<Count>);
    impl duologue::client::Listener for Last {
        fn on_event(&self, _: &Arc<duologue::event::Event>) {
            self.0.add();
        }
    }
    impl Drop for Last {
        fn drop(&mut self) {
            self.1.add();
        }
    }
    let (heard, dropped) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let client = client(&engine());
    let listener = Arc::new(Last(heard.clone(), dropped.clone()));
    client.set_listener(Slot(0), EventMask::ALL, Some(listener)).unwrap();
    (0..100).for_each(|_| poke(&client));
    drop(client);
    dropped.wait_for(1);
    assert!(heard.get() >= 100, "{} of 100", heard.get());
}

#[test]
fn threads_of_an_engine_start_late_run_the_hook_first_and_end_with_it() {
    let _dog = watchdog("threads");
    struct AtEnd(Arc<Count>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            self.0.add();
        }
    }
    thread_local!(static HOOKED: std::cell::RefCell<Option<AtEnd>> = const { std::cell::RefCell::new(None) });
    let (started, ended, heard) = (Arc::new(Count::default()), Arc::new(Count::default()), Arc::new(Count::default()));
    let (starts, ends) = (started.clone(), ended.clone());
    let engine = Engine::builder()
        .on_thread_start(move || {
            HOOKED.with(|h| *h.borrow_mut() = Some(AtEnd(ends.clone())));
            starts.add();
        })
        .build()
        .unwrap();
    let client = client(&engine);
    drop(engine);
    assert_eq!(started.get(), 0, "nothing to call yet");
    let hears = heard.clone();
    let listener = hear(move |_| {
        assert!(HOOKED.with(|h| h.borrow().is_some()), "the hook runs first");
        assert_eq!(std::thread::current().name(), Some("duologue-cb"));
        hears.add();
    });
    client.set_listener(Slot(0), EventMask::ALL, listener).unwrap();
    poke(&client);
    heard.wait_for(1);
    assert_eq!(ended.get(), 0);
    drop(client);
    started.wait_for(1);
    ended.wait_for(started.get());
}

#[test]
fn numbers_out_of_range_are_refused() {
    for (kept, max, field) in
        [(1, 256, "callback_threads"), (300, 256, "callback_threads"), (2, 1, "max_callback_threads")]
    {
        let error = Engine::builder().callback_threads(kept).max_callback_threads(max).build().unwrap_err();
        assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Argument, Some(field)));
        assert!(error.fix.is_some());
    }
    let client = client(&engine());
    let error = client.set_listener(Slot(32), EventMask::ALL, hear(|_| {})).unwrap_err();
    assert_eq!((error.class, error.field.as_deref()), (ErrorClass::Argument, Some("slot")));
}
