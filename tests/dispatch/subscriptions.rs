//! Any number of queues beside each other and beside listeners.

use super::{Count, client, engine, hear, poke, queue_client, watchdog};
use duologue::{
    client::Slot,
    event::{EventKind, EventMask},
};
use std::{sync::Arc, time::Duration};

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn each_has_its_own_events_and_its_own_mask() {
    let _dog = watchdog("subscriptions");
    for client in [client(&engine()), queue_client()] {
        // What happened before is over.
        let before = client.event_queue(EventMask::ALL);
        poke(&client);
        assert_eq!(before.next(None).unwrap().unwrap().seq, 1);
        let (all, none) = (client.event_queue(EventMask::ALL), client.event_queue(EventMask::STATUS));
        // Subscribers are told in the order in which they came: when this one knows, all do.
        let last = client.event_queue(EventMask::ALL);
        (0..3).for_each(|_| poke(&client));
        let mut seen = Vec::new();
        while seen.len() < 3 {
            assert!(all.wait(None).unwrap());
            seen.extend(all.take(2).unwrap().iter().map(|event| event.seq));
        }
        assert!(seen.is_sorted() && *seen.last().unwrap() == 4, "{seen:?}");
        while last.next(None).unwrap().unwrap().seq < 4 {}
        assert_eq!(none.take(9).unwrap(), []);
        none.set_mask(EventMask::COMPLETED);
        poke(&client);
        assert_eq!(none.next(None).unwrap().unwrap().seq, 5);
    }
}

#[test]
fn listeners_and_queues_hear_the_same() {
    let _dog = watchdog("both");
    let client = client(&engine());
    let queue = client.event_queue(EventMask::COMPLETED);
    let heard = Arc::new(Count::default());
    let counted = heard.clone();
    client.set_listener(Slot(0), EventMask::COMPLETED, hear(move |_| counted.add())).unwrap();
    poke(&client);
    heard.wait_for(1);
    assert!(matches!(queue.next(None).unwrap().unwrap().kind, EventKind::Completed(_)));
}

#[test]
fn waiting_takes_nothing_and_ends_with_the_queue_or_the_client() {
    let _dog = watchdog("waiting");
    for by_client in [true, false] {
        let client = queue_client();
        let queue = Arc::new(client.event_queue(EventMask::ALL));
        assert!(!queue.wait(NOW).unwrap() && !queue.wait(Some(Duration::from_millis(1))).unwrap());
        poke(&client);
        assert!(queue.wait(None).unwrap() && queue.wait(None).unwrap());
        assert_eq!(queue.take(9).unwrap().len(), 1);
        let waiting = queue.clone();
        let waiter = std::thread::spawn(move || {
            let error = loop {
                match waiting.wait(None) {
                    Ok(_) => drop(waiting.take(9)),
                    Err(error) => break error,
                }
            };
            error.code
        });
        if by_client {
            client.destroy()
        } else {
            queue.close()
        }
        assert_eq!(waiter.join().unwrap(), "closed");
        assert_eq!(queue.take(9).unwrap_err().code, "closed");
    }
}

#[cfg(unix)]
#[test]
fn the_descriptor_is_readable_while_there_is_something() {
    use rustix::event::{PollFd, PollFlags, poll};
    let _dog = watchdog("descriptor");
    let client = queue_client();
    let queue = client.event_queue(EventMask::ALL);
    // SAFETY: the queue keeps it open.
    let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(queue.wakeup_fd().unwrap()) };
    let readable = || {
        let mut polled = [PollFd::new(&descriptor, PollFlags::IN)];
        poll(&mut polled, Some(&rustix::event::Timespec::default())).unwrap() == 1
    };
    assert!(!readable());
    (0..2).for_each(|_| poke(&client));
    queue.wait(None).unwrap();
    assert!(readable());
    let mut seen = 0;
    while seen < 2 {
        queue.wait(None).unwrap();
        seen += queue.take(1).unwrap().len();
    }
    assert!(!readable());
    queue.close();
    assert!(readable(), "the end is news");
}

#[test]
fn a_callback_must_not_wait() {
    let _dog = watchdog("would deadlock");
    let client = client(&engine());
    let queue = Arc::new(client.event_queue(EventMask::ALL));
    let (refused, asked) = (Arc::new(Count::default()), queue.clone());
    let counted = refused.clone();
    let listener = hear(move |_| {
        assert_eq!(asked.wait(None).unwrap_err().code, "would_deadlock");
        assert_eq!(asked.next(Some(Duration::from_secs(1))).unwrap_err().code, "would_deadlock");
        assert!(asked.wait(NOW).is_ok());
        counted.add();
    });
    client.set_listener(Slot(0), EventMask::COMPLETED, listener).unwrap();
    poke(&client);
    refused.wait_for(1);
}
