//! Many first clients at once, each made by a task of another runtime: the engine's own is made once.

use duologue::Client;
use std::sync::{Arc, Barrier};

#[test]
fn the_first_clients_may_be_made_at_the_same_moment() {
    const THREADS: usize = 16;
    let start = Arc::new(Barrier::new(THREADS));
    let make = |start: Arc<Barrier>| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            start.wait();
            Client::builder().build().unwrap()
        })
    };
    let threads: Vec<_> = (0..THREADS).map(|_| start.clone()).map(|s| std::thread::spawn(move || make(s))).collect();
    for thread in threads {
        drop(thread.join().expect("no panic"));
    }
}
