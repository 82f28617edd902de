//! The behavioural suite as a C program has it: `tests/c/behaviour.c` holds a part of the conversations of
//! `tests/behaviour` through the C ABI, with every provider over every transport, and what comes of them is what
//! `tests/behaviour/matrix.txt` says for Rust.
#![cfg(all(feature = "capi", feature = "cli", unix))]

#[path = "c_abi/rig.rs"]
mod rig;

use rig::Flavour::Debug;
use std::{path::Path, thread, time::Duration};

const LIMIT: Duration = Duration::from_secs(280);
const MATRIX: &str = include_str!("behaviour/matrix.txt");
/// A cell that is no longer played would be missed.
const CELLS: [&str; 8] =
    ["spoken_turn", "text_turn", "tool", "interruption", "host_interrupts", "manual_turn", "update", "usage"];

/// A way of the matrix and what it says of our cells, a line for each.
struct Way {
    name: &'static str,
    expected: Vec<String>,
}

fn ways() -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for line in MATRIX.lines() {
        match line.strip_prefix("  ") {
            None => ways.push(Way { name: line, expected: Vec::new() }),
            Some(cell) => {
                let words: Vec<&str> = cell.split_whitespace().collect();
                if CELLS.contains(&words[0]) {
                    ways.last_mut().expect("a way stands before its cells").expected.push(words.join(" "));
                }
            }
        }
    }
    ways
}

/// What the program says of a way: its cells, a line for each, and why those that failed did.
fn played(program: &Path, way: &str) -> (Vec<String>, String) {
    let words: Vec<&str> = way.split(' ').collect();
    let model = words.get(2).unwrap_or(&"-");
    let simulator = rig::simulator(&["--provider", words[0], "--scenario", "assets/workshop.json"]);
    let arguments = [words[0], words[1], model, &simulator.url, "assets/question1.wav"];
    let output = rig::run(program, &arguments, &[], LIMIT);
    let told = rig::expect_success(&output).lines().map(str::to_owned).collect();
    (told, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_way_behaves_alike_in_c() {
    if !rig::have(&["gcc"]) {
        return;
    }
    let program = rig::compile_c(&["tests/c/behaviour.c"], Debug, "gcc", &["-std=c11", "-D_GNU_SOURCE"]);
    let ways = ways();
    assert_eq!(ways.len(), 8, "the matrix has every provider and transport");
    // They wait most of the time, so they do it together.
    let outcomes: Vec<(Vec<String>, String)> = thread::scope(|scope| {
        let playing: Vec<_> = ways.iter().map(|way| scope.spawn(|| played(&program, way.name))).collect();
        playing.into_iter().map(|one| one.join().expect("it ends by itself")).collect()
    });
    let mut others = Vec::new();
    for (way, (told, why)) in ways.iter().zip(&outcomes) {
        println!("{}\n  {}", way.name, told.join("\n  "));
        assert_eq!(way.expected.len(), CELLS.len(), "{}: the matrix has all our cells", way.name);
        if *told != way.expected {
            others.push(format!("{}: {told:?}, the matrix says {:?}\n{why}", way.name, way.expected));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}
