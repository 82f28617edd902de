//! Many first clients at once, from inside runtimes of the host, share one runtime of the engine.

use duologue::{Client, Config};
use std::sync::{Arc, Barrier};

// The only test of this binary: the engine's runtime must not exist yet.
#[test]
fn sixteen_threads_make_the_first_client_at_the_same_moment() {
    let barrier = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let barrier = barrier.clone();
            std::thread::spawn(move || {
                let host = tokio::runtime::Builder::new_current_thread().build().unwrap();
                host.block_on(async {
                    barrier.wait();
                    Client::builder().config(Config::default()).build().map(drop)
                })
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
}
