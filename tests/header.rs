//! The C header: it is what the sources say, every compiler takes it, and it tells the truth about the library.
#![cfg(all(feature = "capi", unix))]

#[path = "c_abi/rig.rs"]
mod rig;

use rig::Flavour;
use std::{fs, path::Path, process::Command, time::Duration};

const C: [(&str, &str); 2] = [("gcc", "-Wstrict-prototypes"), ("clang", "-Wstrict-prototypes")];
const CPP: [&str; 2] = ["g++", "clang++"];

#[test]
fn the_header_in_the_repository_is_the_one_the_sources_make() {
    let path = rig::root().join("include/duologue.h");
    let current = fs::read_to_string(env!("DUOLOGUE_HEADER")).expect("build.rs made the header");
    if std::env::var_os("DUOLOGUE_BLESS").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == current,
        "include/duologue.h is stale: DUOLOGUE_BLESS=1 cargo test --features cli,capi --test header"
    );
}

#[test]
fn the_header_stands_alone_in_every_c() {
    for (compiler, more) in C {
        if rig::have(&[compiler]) {
            for standard in ["c99", "c11", "c17", "c2x"] {
                takes(compiler, "c", standard, &[more], "duologue.h");
            }
        }
    }
}

#[test]
fn the_header_stands_alone_in_every_cpp() {
    for compiler in CPP.into_iter().filter(|compiler| rig::have(&[compiler])) {
        for standard in ["c++11", "c++17", "c++20"] {
            takes(compiler, "c++", standard, &[], "duologue.h");
        }
    }
}

#[test]
fn the_cpp_layer_stands_alone() {
    if !rig::root().join("include/duologue.hpp").exists() {
        return;
    }
    for compiler in CPP.into_iter().filter(|compiler| rig::have(&[compiler])) {
        for standard in ["c++17", "c++20"] {
            takes(compiler, "c++", standard, &[], "duologue.hpp");
        }
    }
}

/// Compiles a file that is nothing but the header, and one that includes it twice.
fn takes(compiler: &str, language: &str, standard: &str, more: &[&str], header: &str) {
    let folder = tempfile::tempdir().unwrap();
    for times in [1, 2] {
        let source = folder.path().join("only.x");
        fs::write(&source, format!("#include <{header}>\n").repeat(times)).unwrap();
        let mut command = Command::new(compiler);
        command.args(["-x", language, &format!("-std={standard}"), "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
        command.args(more).arg("-I").arg(rig::root().join("include"));
        command.arg("-fsyntax-only").arg(&source);
        let output = rig::finish(command, Duration::from_secs(60));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{compiler} -std={standard}, {header} {times} times:\n{said}");
    }
}

#[test]
fn the_macros_of_the_header_are_what_the_library_returns() {
    if !rig::have(&["gcc"]) {
        return;
    }
    let program = rig::compile_c(&["tests/c/versions.c"], Flavour::Debug, "gcc", &["-std=c99", "-Wpedantic"]);
    let said = rig::expect_success(&rig::run(&program, &[] as &[&str], &[], Duration::from_secs(30)));
    assert_eq!(said, format!("{}\n", env!("CARGO_PKG_VERSION")));
}

/// A function that is exported and not declared cannot be called; one that is declared and not exported cannot be linked.
#[test]
fn exported_symbols_are_the_listed_ones_and_all_are_declared() {
    if !rig::have(&["nm"]) {
        return;
    }
    let exported = exported(&rig::library(Flavour::Debug).shared);
    let list = rig::root().join("tests/abi/symbols.txt");
    if std::env::var_os("DUOLOGUE_BLESS").is_some() {
        fs::write(&list, exported.join("\n") + "\n").unwrap();
    }
    let listed: Vec<String> = fs::read_to_string(&list).unwrap_or_default().lines().map(str::to_owned).collect();
    let only = |a: &[String], b: &[String]| a.iter().filter(|name| !b.contains(name)).cloned().collect::<Vec<_>>();
    let (added, gone) = (only(&exported, &listed), only(&listed, &exported));
    assert!(
        added.is_empty() && gone.is_empty(),
        "tests/abi/symbols.txt lacks {added:?}, the library lacks {gone:?}. A name that goes is a break of the ABI; \
         DUOLOGUE_BLESS=1 cargo test --features cli,capi --test header rewrites the list"
    );

    let header = fs::read_to_string(env!("DUOLOGUE_HEADER")).unwrap();
    let declared = declared(&header);
    let (undeclared, missing) = (only(&exported, &declared), only(&declared, &exported));
    assert!(undeclared.is_empty() && missing.is_empty(), "not declared: {undeclared:?}, not exported: {missing:?}");
    assert_eq!(exported.len(), declared.len(), "something is declared twice");
}

fn exported(library: &Path) -> Vec<String> {
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only", "--format=posix"]).arg(library);
    let text = rig::expect_success(&rig::finish(nm, Duration::from_secs(60)));
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    // The bindings of other languages have their own prefixes, `uniffi_duologue_` and `ffi_duologue_`.
    let mut names: Vec<String> = names.filter(|name| name.starts_with("duologue_")).map(str::to_owned).collect();
    names.sort();
    names
}

/// The functions of the header: what stands before the first parenthesis of each declaration.
fn declared(header: &str) -> Vec<String> {
    let declarations = header.split("\nDUOLOGUE_API").skip(1);
    let mut names: Vec<String> = declarations
        .map(|text| text.split('(').next().unwrap().rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}
