//! The C ABI under load: callbacks of thousands of clients that are destroyed, replaced and unregistered from
//! everywhere, random calls, and the proof that ThreadSanitizer would see a race.
#![cfg(all(feature = "capi", feature = "cli", target_os = "linux"))]

#[path = "c_abi/rig.rs"]
mod rig;

use rig::Flavour;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Ends what hangs; the programs have watchdogs of their own that say more.
const LIMIT: Duration = Duration::from_secs(280);

fn compile(program: &str, flavour: Flavour) -> PathBuf {
    let program = format!("tests/c/{program}.c");
    let sources = [program.as_str(), "tests/c/tsan_runtime.c"];
    let sources = if flavour == Flavour::Tsan { &sources[..] } else { &sources[..1] };
    rig::compile_c(sources, flavour, "gcc", &["-std=c11", "-D_GNU_SOURCE"])
}

/// Whether the code of the library tells ThreadSanitizer what it reads.
fn instrumented(library: &Path) -> bool {
    let mut nm = Command::new("nm");
    nm.args(["-D", "--undefined-only", "--format=posix"]).arg(library);
    rig::expect_success(&rig::finish(nm, Duration::from_secs(60))).contains("__tsan_read8")
}

fn simulator() -> rig::Simulator {
    rig::simulator(&["--scenario", "tests/c/session.json"])
}

/// The clients the stress has to survive (a documented promise), and fewer where everything takes longer.
fn stress(flavour: Flavour, clients: &str) {
    if !rig::have(&["gcc"]) {
        return;
    }
    let simulator = simulator();
    let program = compile("stress_callbacks", flavour);
    let output = rig::run(&program, &[clients, &simulator.url], &[], LIMIT);
    let said = rig::expect_success(&output);
    assert!(said.ends_with("ok\n"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    print!("{said}");
}

#[test]
fn callbacks_survive_three_thousand_clients() {
    stress(Flavour::Debug, "3000");
}

#[test]
fn callbacks_survive_three_thousand_clients_under_address_sanitizer() {
    stress(Flavour::Asan, "3000");
}

#[test]
fn callbacks_survive_three_thousand_clients_under_thread_sanitizer() {
    stress(Flavour::Tsan, "3000");
}

#[test]
fn a_planted_race_is_found() {
    if !rig::have(&["gcc", "nm"]) {
        return;
    }
    assert!(instrumented(&rig::library(Flavour::Tsan).shared), "the library was built without ThreadSanitizer");
    assert!(!instrumented(&rig::library(Flavour::Debug).shared), "every library looks instrumented");
    let program = compile("planted_race", Flavour::Tsan);
    let output = rig::run(&program, &[] as &[&str], &[], LIMIT);
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    // One side of it is C, the other is inside the library.
    assert_eq!(output.status.code(), Some(66), "ThreadSanitizer saw nothing:\n{report}");
    assert!(report.contains("data race") && report.contains("writes"), "{report}");
    assert!(report.contains("push_audio"), "{report}");
}

#[test]
fn a_hundred_thousand_random_calls_end_cleanly() {
    if !rig::have(&["gcc"]) {
        return;
    }
    let simulator = simulator();
    let program = compile("random_calls", Flavour::Asan);
    let output = rig::run(&program, &["20261", "100000", &simulator.url], &[], LIMIT);
    let said = rig::expect_success(&output);
    assert!(said.ends_with("ok\n"), "{said}");
    print!("{said}");
}
