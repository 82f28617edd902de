//! The contract of the C ABI, told by C programs: `tests/c/contract_*.c`, each run plainly with
//! UndefinedBehaviorSanitizer, with AddressSanitizer in the library too, and under valgrind.
#![cfg(all(feature = "capi", feature = "cli", target_os = "linux"))]

#[path = "c_abi/rig.rs"]
mod rig;

use rig::Flavour;
use std::{collections::BTreeSet, fs, path::Path, path::PathBuf, process::Command, time::Duration};

/// Ends what hangs; nothing here takes nearly as long.
const LIMIT: Duration = Duration::from_secs(280);
const QUESTION: &str = "assets/question1.wav";
const STRICT: [&str; 2] = ["-std=c11", "-D_GNU_SOURCE"];

/// The programs, by the contract's chapters.
fn programs() -> Vec<String> {
    let folder = rig::root().join("tests/c");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut programs: Vec<String> =
        files.filter(|name| name.starts_with("contract_") && name.ends_with(".c")).collect();
    programs.sort();
    assert!(programs.len() >= 12, "{programs:?}");
    // It ends in the middle of a session instead of cleaning up.
    programs.push("exit_mid_session.c".to_owned());
    programs
}

fn compile(program: &str, flavour: Flavour, extra: &[&str]) -> PathBuf {
    let flags: Vec<&str> = STRICT.iter().chain(extra).copied().collect();
    rig::compile_c(&[&format!("tests/c/{program}")], flavour, "gcc", &flags)
}

/// The services that programs talk to.
struct Simulators {
    session: rig::Simulator,
    turns: rig::Simulator,
}

/// What a program is started with: those that need a simulator get it, and a question to speak.
fn arguments(program: &str, simulators: &Simulators) -> Vec<String> {
    let url = match program {
        name if name.contains("session") => &simulators.session.url,
        name if name.contains("turns") => &simulators.turns.url,
        _ => return Vec::new(),
    };
    vec![url.clone(), QUESTION.to_owned()]
}

fn simulators() -> Simulators {
    let with = |scenario: &str| rig::simulator(&["--scenario", scenario]);
    Simulators { session: with("tests/c/session.json"), turns: with("tests/c/turns.json") }
}

#[test]
fn the_contract_holds_under_undefined_behaviour_sanitizer() {
    if !rig::have(&["gcc"]) {
        return;
    }
    let simulators = simulators();
    for program in programs() {
        let compiled = compile(&program, Flavour::Debug, &["-fsanitize=undefined", "-fno-sanitize-recover=all"]);
        ends_well(&program, &rig::run(&compiled, &arguments(&program, &simulators), &[], LIMIT));
    }
}

#[test]
fn the_contract_holds_under_address_sanitizer() {
    if !rig::have(&["gcc", "nm"]) {
        return;
    }
    // Otherwise nothing inside the library would be checked.
    assert!(instrumented(&rig::library(Flavour::Asan).shared), "the library was built without AddressSanitizer");
    assert!(!instrumented(&rig::library(Flavour::Debug).shared), "every library looks instrumented");
    let simulators = simulators();
    for program in programs() {
        let compiled = compile(&program, Flavour::Asan, &[]);
        ends_well(&program, &rig::run(&compiled, &arguments(&program, &simulators), &[], LIMIT));
    }
}

#[test]
fn a_planted_overflow_is_found() {
    if !rig::have(&["gcc"]) {
        return;
    }
    let output = rig::run(&compile("planted_overflow.c", Flavour::Asan, &[]), &[] as &[&str], &[], LIMIT);
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(66), "AddressSanitizer saw nothing:\n{report}");
    assert!(report.contains("heap-buffer-overflow") && report.contains("push_audio"), "{report}");
}

#[test]
fn the_contract_holds_under_valgrind() {
    if !rig::have(&["gcc", "valgrind"]) {
        return;
    }
    let simulators = simulators();
    for program in programs() {
        let compiled = compile(&program, Flavour::Debug, &[]);
        ends_well(&program, &rig::valgrind(&compiled, &arguments(&program, &simulators), &[], LIMIT));
    }
}

fn ends_well(program: &str, output: &std::process::Output) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program}: {}\n{said}{complaint}", output.status);
    // It got to its end, and neither sanitizer nor valgrind said a word.
    assert!(said.ends_with("ok\n"), "{program}: {said}");
    assert_eq!(complaint, "", "{program}");
    print!("{program}: {said}");
}

/// Whether the code of the library calls the sanitizer.
fn instrumented(library: &Path) -> bool {
    symbols(library, "--undefined-only").iter().any(|name| name.starts_with("__asan_report_load"))
}

fn symbols(file: &Path, which: &str) -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    nm.args(["-D", which, "--format=posix"]).arg(file);
    let text = rig::expect_success(&rig::finish(nm, Duration::from_secs(60)));
    text.lines().filter_map(|line| Some(line.split_whitespace().next()?.split('@').next()?.to_owned())).collect()
}

#[test]
fn every_function_is_called_by_some_contract_test() {
    if !rig::have(&["gcc", "nm"]) {
        return;
    }
    let ours = |name: &String| name.starts_with("duologue_");
    let exported: BTreeSet<_> =
        symbols(&rig::library(Flavour::Debug).shared, "--defined-only").into_iter().filter(ours).collect();
    let mut called = BTreeSet::new();
    for program in programs() {
        called.extend(symbols(&compile(&program, Flavour::Debug, &[]), "--undefined-only").into_iter().filter(ours));
    }
    let forgotten: Vec<_> = exported.difference(&called).collect();
    assert!(forgotten.is_empty(), "no contract test calls {forgotten:?}");
    assert!(exported.len() > 60, "{exported:?}");
}
