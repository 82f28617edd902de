//! Events fetched from a queue, with a descriptor to poll.

use super::{client, engine, hear, poke, queue_client, watchdog};
use duologue::{
    Client, ErrorClass,
    client::Slot,
    event::{EventKind, EventMask, StatusKind},
};
use std::{sync::mpsc, time::Duration};

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn everything_since_the_start_is_fetched_in_order_until_the_client_is_gone() {
    let _dog = watchdog("fetch");
    let client = queue_client();
    (0..3).for_each(|_| poke(&client));
    for seq in 1..=3 {
        let event = client.next_event(None).unwrap().unwrap();
        assert_eq!((event.seq, event.kind.name()), (seq, "completed"));
    }
    assert!(client.next_event(NOW).unwrap().is_none());
    assert!(client.next_event(Some(Duration::from_millis(1))).unwrap().is_none());
    poke(&client);
    // The command is taken before the client leaves.
    client.destroy();
    assert_eq!(client.next_event(None).unwrap().unwrap().seq, 4);
    let error = loop {
        match client.next_event(None) {
            Ok(event) => assert!(event.is_some(), "for ever is for ever"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.class, &*error.code), (ErrorClass::State, "closed"));
    assert_eq!(client.send_text("late").refusal().unwrap().code, "closed");
}

#[test]
fn one_thread_fetches_at_a_time_and_is_woken_by_the_end() {
    let _dog = watchdog("one consumer");
    let client = queue_client();
    let (said, heard) = mpsc::channel();
    let waiting = client.clone();
    let fetcher = std::thread::spawn(move || {
        said.send(()).unwrap();
        // The end may be told before it comes.
        std::iter::repeat_with(|| waiting.next_event(None)).find_map(Result::err)
    });
    heard.recv().unwrap();
    // Refused as soon as the other thread is there.
    let error = loop {
        match client.next_event(NOW) {
            Ok(_) => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code, "invalid_state");
    client.destroy();
    assert_eq!(fetcher.join().unwrap().unwrap().code, "closed");
}

#[test]
fn each_delivery_refuses_the_functions_of_the_other() {
    let by_queue = queue_client();
    let error = by_queue.set_listener(Slot(0), EventMask::ALL, hear(|_| {})).unwrap_err();
    let by_callbacks = client(&engine());
    let mut errors = vec![error];
    errors.push(by_callbacks.next_event(NOW).unwrap_err());
    errors.push(by_callbacks.set_event_mask(EventMask::ALL).unwrap_err());
    #[cfg(unix)]
    errors.push(by_callbacks.wakeup_fd().unwrap_err());
    for error in errors {
        let said = (error.class, &*error.code, error.field.as_deref(), error.fix.is_some());
        assert_eq!(said, (ErrorClass::State, "invalid_state", Some("delivery"), true));
    }
}

#[test]
fn the_mask_keeps_events_out_of_the_queue() {
    let _dog = watchdog("queue mask");
    let client = queue_client();
    client.set_event_mask(EventMask::STATUS).unwrap();
    poke(&client);
    assert!(client.wait_status(StatusKind::Idle, None).unwrap(), "the command was seen");
    assert!(client.next_event(NOW).unwrap().is_none());
    client.set_event_mask(EventMask::COMPLETED).unwrap();
    poke(&client);
    let event = client.next_event(None).unwrap().unwrap();
    assert_eq!(event.seq, 2);
}

#[test]
fn fetching_does_not_wait_inside_a_callback() {
    let _dog = watchdog("fetch inside");
    let by_callbacks = client(&engine());
    let (said, heard) = mpsc::channel();
    let by_queue = queue_client();
    let listener = hear(move |_| {
        let looked = by_queue.next_event(NOW).map(|event| event.is_none());
        let code = by_queue.next_event(None).unwrap_err().code;
        said.send((looked, code, by_queue.wait_status(StatusKind::Connected, NOW))).unwrap();
    });
    by_callbacks.set_listener(Slot(0), EventMask::ALL, listener).unwrap();
    poke(&by_callbacks);
    assert_eq!(heard.recv().unwrap(), (Ok(true), "would_deadlock".into(), Ok(false)));
}

#[test]
fn streams_work_beside_the_queue() {
    let _dog = watchdog("stream");
    let client = queue_client();
    let mut stream = client.events();
    poke(&client);
    assert_eq!(client.next_event(None).unwrap().unwrap().seq, 1);
    // Both were given it in one step.
    while let Some(event) = stream.try_next() {
        assert!(matches!(event.kind, EventKind::Completed(_)));
    }
}

#[cfg(unix)]
mod descriptor {
    use super::*;

    /// What poll(2) says, waiting for at most `ms`.
    fn readable(fd: i32, ms: i32) -> bool {
        let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid entry.
        let found = unsafe { libc::poll(&raw mut entry, 1, ms) };
        assert!(found >= 0);
        found == 1 && entry.revents & libc::POLLIN != 0
    }

    #[test]
    fn the_descriptor_is_readable_exactly_while_there_is_something() {
        let _dog = watchdog("descriptor");
        let client = queue_client();
        poke(&client);
        client.next_event(None).unwrap().unwrap();
        let fd = client.wakeup_fd().unwrap();
        assert_eq!(fd, client.wakeup_fd().unwrap());
        // SAFETY: plain queries of an open descriptor.
        let flags = unsafe { (libc::fcntl(fd, libc::F_GETFL), libc::fcntl(fd, libc::F_GETFD)) };
        assert!(flags.0 & libc::O_NONBLOCK != 0 && flags.1 & libc::FD_CLOEXEC != 0);
        assert!(!readable(fd, 0));
        poke(&client);
        poke(&client);
        assert!(readable(fd, -1));
        client.next_event(None).unwrap().unwrap();
        client.next_event(None).unwrap().unwrap();
        assert!(!readable(fd, 0));
        // A host that read from it is woken by the next event all the same.
        poke(&client);
        assert!(readable(fd, -1));
        let mut drained = [0u8; 8];
        // SAFETY: eight bytes of room.
        assert_eq!(unsafe { libc::read(fd, drained.as_mut_ptr().cast(), 8) }, 8);
        poke(&client);
        assert!(readable(fd, -1));
        client.destroy();
        while client.next_event(None).is_ok() {}
        assert!(readable(fd, 0), "the end is something");
    }

    #[test]
    fn a_descriptor_made_late_knows_what_waits() {
        let _dog = watchdog("late descriptor");
        let client = queue_client();
        poke(&client);
        assert!(client.wait_status(StatusKind::Idle, None).unwrap(), "the command was seen");
        assert!(readable(client.wakeup_fd().unwrap(), 0));
    }

    /// Readable exactly when there is something, while others push.
    #[test]
    fn polling_never_misses_an_event_and_never_finds_none() {
        let _dog = watchdog("level");
        const EVENTS: usize = 3000;
        let client = queue_client();
        let fd = client.wakeup_fd().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..EVENTS / 2).for_each(|_| push(&client)));
            }
            let mut fetched = 0;
            while fetched < EVENTS {
                assert!(readable(fd, -1));
                // A level says there is one, whoever else is at work.
                assert!(client.next_event(NOW).unwrap().is_some());
                fetched += 1;
                // Sometimes everything at once.
                if fetched % 7 == 0 {
                    while client.next_event(NOW).unwrap().is_some() {
                        fetched += 1;
                    }
                }
            }
            assert!(!readable(fd, 0));
        });
    }

    /// One event, also when many commands wait.
    fn push(client: &Client) {
        while client.send_text("x").refusal().is_some() {
            std::thread::yield_now();
        }
    }
}
