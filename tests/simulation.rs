//! The session in virtual time: random conversations over connections that break in every way of the fault
//! catalogue, with a host that calls at any moment. After every step the promises of `simulation/checks.rs`
//! hold. A failure is made smaller until no step can be left out, and printed with the way to see it again.
//!
//! `make test` runs 500 seeds, `make soak` 10 000; `FROM=10000` runs others. `SEED=7` runs one, `STEPS=3,9` only
//! these of its steps.

#[path = "simulation/checks.rs"]
mod checks;
#[path = "simulation/faults.rs"]
mod faults;
#[path = "simulation/host.rs"]
mod host;
#[path = "simulation/mirror.rs"]
mod mirror;
#[path = "simulation/player.rs"]
mod player;
#[path = "simulation/recovery.rs"]
mod recovery;
#[path = "simulation/script.rs"]
mod script;
#[path = "common/speaker.rs"]
mod speaker;
#[path = "simulation/vendor.rs"]
mod vendor;
#[path = "simulation/wire.rs"]
mod wire;
#[path = "simulation/world.rs"]
mod world;
#[path = "simulation/writing.rs"]
mod writing;

use script::{FAULTS, Fault, Script};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    env,
    panic::{self, AssertUnwindSafe},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use world::World;

thread_local! {
    /// Where and why the last run of this thread failed.
    static FAILED: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// What happened in all conversations together.
#[derive(Default)]
struct Sums {
    fired: BTreeMap<Fault, u64>,
    reconnects: u64,
    rollovers: u64,
    delays: u64,
    events: u64,
}

/// Runs these steps of a script; what broke, with its place.
fn failure(script: &Script, kept: &[usize], sums: Option<&Mutex<Sums>>) -> Option<(String, String)> {
    let end = panic::catch_unwind(AssertUnwindSafe(|| {
        let world = World::run(script, kept, false);
        if let Some(sums) = sums {
            let mut sums = sums.lock().unwrap();
            for (fault, n) in &world.fired {
                *sums.fired.entry(*fault).or_default() += n;
            }
            sums.reconnects += world.checks.reconnects_seen;
            sums.rollovers += world.checks.rollovers_seen;
            sums.delays += world.checks.delays;
            sums.events += world.checks.events();
        }
    }));
    end.err().map(|_| FAILED.with_borrow_mut(Option::take).unwrap_or_default())
}

/// Leaves out steps as long as it breaks at the same place.
fn smallest(script: &Script, place: &str, mut kept: Vec<usize>) -> Vec<usize> {
    let breaks = |kept: &[usize]| failure(script, kept, None).is_some_and(|(at, _)| at == place);
    let mut chunk = kept.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        let before = kept.len();
        while from < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(from..(from + chunk).min(kept.len()));
            if breaks(&fewer) { kept = fewer } else { from += chunk }
        }
        // Once more until no single step can go.
        chunk = if chunk == 1 && kept.len() < before { 1 } else { chunk / 2 };
    }
    kept
}

/// Everything that went in and came out of the smallest run.
fn told(script: &Script, kept: &[usize]) -> String {
    let trace = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(&script.setup, true);
        let end = panic::catch_unwind(AssertUnwindSafe(|| {
            for &i in kept {
                let step = script.steps[i];
                world.note(|| format!("{i}: {step}"));
                world.step(step);
            }
            world.finish();
        }));
        drop(end);
        world.trace.take().unwrap_or_default()
    }));
    let mut lines = trace.unwrap_or_default();
    // The end of a long quiet is enough.
    if lines.len() > 400 && env::var_os("SEED").is_none() {
        let from = lines.len() - 400;
        lines.splice(..from, [format!("… {from} lines")]);
    }
    lines.join("\n")
}

fn report(seed: u64, script: &Script, place: &str, why: &str, kept: Vec<usize>) -> String {
    let kept = smallest(script, place, kept);
    let why = failure(script, &kept, None).map_or_else(|| why.to_owned(), |(_, why)| why);
    let mut text = format!("seed {seed} fails at {place}: {why}\n");
    text += &format!(
        "configuration: {}\nlife {:?} s, vendor interrupts: {}, imports: {}\n",
        script.setup.config, script.setup.life_s, script.setup.vendor_interrupts, script.setup.imports
    );
    text += &format!("{} steps are enough:\n", kept.len());
    for i in &kept {
        text += &format!("  {i}: {}\n", script.steps[*i]);
    }
    let steps: Vec<String> = kept.iter().map(usize::to_string).collect();
    if env::var_os("QUIET").is_none() {
        text += &format!("what went in (>) and came out (<):\n{}\n", told(script, &kept));
    }
    text += &format!("again: SEED={seed} STEPS={} cargo test --test simulation -- --nocapture\n", steps.join(","));
    text
}

fn simulate(seeds: impl Iterator<Item = u64> + Send) -> Sums {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |l| format!("{}:{}", l.file(), l.line()));
        let why = info.payload();
        let why = why.downcast_ref::<String>().cloned().or_else(|| why.downcast_ref::<&str>().map(|s| s.to_string()));
        FAILED.with_borrow_mut(|failed| *failed = Some((place, why.unwrap_or_default())));
    }));
    let steps = env::var("STEPS").ok();
    let steps: Option<Vec<usize>> = steps.map(|s| s.split(',').filter_map(|n| n.trim().parse().ok()).collect());
    let (sums, failures) = (Mutex::new(Sums::default()), Mutex::new(Vec::new()));
    let stop = AtomicU64::new(env::var("FAILURES").ok().and_then(|n| n.parse().ok()).unwrap_or(1));
    let seeds = Mutex::new(seeds);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while stop.load(Ordering::Relaxed) > 0 {
                    let Some(seed) = seeds.lock().unwrap().next() else { return };
                    let script = Script::of(seed);
                    let kept = steps.clone().unwrap_or_else(|| (0..script.steps.len()).collect());
                    let Some((place, why)) = failure(&script, &kept, Some(&sums)) else { continue };
                    let _ = stop.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(1)));
                    if env::var_os("FIRST").is_some() {
                        failures.lock().unwrap().push(format!("FAILED seed {seed} at {place}: {why}"));
                        return;
                    }
                    let text = report(seed, &script, &place, &why, kept);
                    failures.lock().unwrap().push(text);
                }
            });
        }
    });
    let _ = panic::take_hook();
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    sums.into_inner().unwrap()
}

fn print(seeds: u64, sums: &Sums) {
    println!(
        "{seeds} conversations, {} events, {} reconnects, {} rollovers",
        sums.events, sums.reconnects, sums.rollovers
    );
    for fault in FAULTS {
        println!("  {:<22} fired {:>6} times", format!("{fault:?}"), sums.fired.get(&fault).unwrap_or(&0));
    }
}

#[test]
fn promises_hold_whatever_breaks() {
    if let Some(seed) = env::var("SEED").ok().and_then(|s| s.parse().ok()) {
        simulate(std::iter::once(seed));
        return;
    }
    let seeds = env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(500);
    let from = env::var("FROM").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let sums = simulate(from..from + seeds);
    print(seeds, &sums);
    assert!(sums.reconnects > seeds / 2 && sums.rollovers > seeds / 20, "too little happens to mean anything");
    assert!(sums.delays > 0, "no try waits");
    let least = if seeds >= 10_000 { 100 } else { u64::from(seeds >= 500) };
    for fault in FAULTS {
        let fired = *sums.fired.get(&fault).unwrap_or(&0);
        assert!(fired >= least, "{fault:?} fired {fired} times in {seeds} conversations");
    }
}
