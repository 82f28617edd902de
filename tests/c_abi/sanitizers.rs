//! The sanitizers look into the library, not only at the C side: otherwise their silence says nothing.

use crate::rig::{self, Flavour};
use std::{process::Command, time::Duration};

const LIMIT: Duration = Duration::from_secs(120);

fn undefined_symbols(flavour: Flavour) -> String {
    let mut nm = Command::new("nm");
    nm.args(["-D", "--undefined-only"]).arg(&rig::library(flavour).shared);
    rig::expect_success(&rig::finish(nm, LIMIT))
}

#[test]
fn the_library_is_instrumented_where_it_should_be_and_only_there() {
    if rig::have(&["gcc", "nm"]) {
        let [debug, asan, tsan] = [Flavour::Debug, Flavour::Asan, Flavour::Tsan].map(undefined_symbols);
        assert!(asan.contains(" __asan_report_load") && asan.contains(" __asan_report_store"), "{asan}");
        assert!(tsan.contains(" __tsan_read") && tsan.contains(" __tsan_write"), "{tsan}");
        assert!(!debug.contains(" __asan_") && !debug.contains(" __tsan_"), "{debug}");
    }
}

/// Runs the planted misuse with the flags of a flavour: its exit code and what the sanitizer said.
fn planted(flavour: Flavour, misuse: &str) -> (Option<i32>, String) {
    let library = rig::planted(flavour);
    let program = rig::compile(&["tests/c/planted.c"], flavour, "gcc", &[library.display().to_string()]);
    let output = rig::run(&program, &[misuse], &[], LIMIT);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn an_overflow_in_rust_is_found_by_address_sanitizer_alone() {
    if rig::have(&["gcc"]) {
        let (code, report) = planted(Flavour::Asan, "overflow");
        assert_eq!(code, Some(66), "{report}");
        assert!(report.contains("heap-buffer-overflow") && report.contains("planted_sum"), "{report}");
        assert_eq!(planted(Flavour::Debug, "overflow").0, Some(0), "the misuse is one that goes unnoticed");
    }
}

#[test]
fn a_race_in_rust_is_found_by_thread_sanitizer_alone() {
    if rig::have(&["gcc"]) {
        let (code, report) = planted(Flavour::Tsan, "race");
        assert_eq!(code, Some(66), "{report}");
        assert!(report.contains("data race") && report.contains("planted_count"), "{report}");
        assert_eq!(planted(Flavour::Debug, "race").0, Some(0), "the misuse is one that goes unnoticed");
    }
}
