//! Having the library costs nothing: no thread, no leak, no trouble at exit.

use crate::rig::{self, Flavour};
use std::{path::PathBuf, time::Duration};

const LIMIT: Duration = Duration::from_secs(120);
const NOTHING: [&str; 0] = [];

fn loads(flavour: Flavour) -> (PathBuf, [String; 1]) {
    let program = rig::compile(&["tests/c/load_only.c"], flavour, "gcc", &["-ldl".to_owned()]);
    (program, [rig::library(flavour).shared.display().to_string()])
}

fn links(flavour: Flavour) -> PathBuf {
    rig::compile_c(&["tests/c/load_only.c"], flavour, "gcc", &["-DCALL_VERSION"])
}

fn version() -> String {
    format!("{}\n", env!("CARGO_PKG_VERSION"))
}

#[test]
fn plain() {
    if rig::have(&["gcc"]) {
        let (program, library) = loads(Flavour::Debug);
        assert_eq!(rig::expect_success(&rig::run(&program, &library, &[], LIMIT)), "done\n");
        assert_eq!(rig::expect_success(&rig::run(&links(Flavour::Debug), &NOTHING, &[], LIMIT)), version());
    }
}

#[test]
fn linked_statically() {
    if rig::have(&["gcc"]) {
        let program = rig::compile_static(&["tests/c/load_only.c"], Flavour::Debug, "gcc", &["-DCALL_VERSION"]);
        assert_eq!(rig::expect_success(&rig::run(&program, &NOTHING, &[], LIMIT)), version());
    }
}

#[test]
fn under_valgrind() {
    if rig::have(&["gcc", "valgrind"]) {
        let (program, library) = loads(Flavour::Debug);
        assert_eq!(rig::expect_success(&rig::valgrind(&program, &library, &[], LIMIT)), "done\n");
        assert_eq!(rig::expect_success(&rig::valgrind(&links(Flavour::Debug), &NOTHING, &[], LIMIT)), version());
    }
}

#[test]
fn under_address_sanitizer() {
    if rig::have(&["gcc"]) {
        let (program, library) = loads(Flavour::Asan);
        assert_eq!(rig::expect_success(&rig::run(&program, &library, &[], LIMIT)), "done\n");
        assert_eq!(rig::expect_success(&rig::run(&links(Flavour::Asan), &NOTHING, &[], LIMIT)), version());
    }
}

#[test]
fn under_thread_sanitizer() {
    if rig::have(&["gcc"]) {
        let (program, library) = loads(Flavour::Tsan);
        assert_eq!(rig::expect_success(&rig::run(&program, &library, &[], LIMIT)), "done\n");
        assert_eq!(rig::expect_success(&rig::run(&links(Flavour::Tsan), &NOTHING, &[], LIMIT)), version());
    }
}
