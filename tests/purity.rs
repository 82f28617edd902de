//! The core is pure: no clock, thread, socket, device or chance in the session, the codecs and the
//! audio path but its devices. What a test can feed and repeat has to stay that way.

use std::{fs, path::Path};

const ROOMS: [&str; 3] = ["src/session", "src/provider", "src/audio"];
/// Devices are where the machine begins.
const NOT: [&str; 2] = ["src/audio/device", "src/audio/device.rs"];
const FORBIDDEN: [&str; 16] = [
    "tokio",
    "std::net",
    "std::thread",
    "thread::",
    "std::fs",
    "std::process",
    "std::env",
    "cpal",
    "webrtc",
    "tungstenite",
    "rustls",
    "Instant",
    "SystemTime",
    "std::time",
    "rand::",
    "RandomState",
];
/// The session and the codecs have one owner and need no lock. (The file device has one.)
const LOCK_FREE: [&str; 2] = ["src/session/", "src/provider/"];
const LOCKS: [&str; 4] = ["Mutex", "RwLock", "Condvar", "parking_lot"];
/// A room that may: WAV files are files.
const ALLOWED: [(&str, &str); 1] = [("src/audio/wav.rs", "std::fs")];

/// Code without comments, strings kept; test modules left out (they may use threads).
fn code(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let code = match line.find("//") {
            // `://` is no comment.
            Some(at) if at == 0 || !line[..at].ends_with(':') => &line[..at],
            _ => line,
        };
        out.push_str(code);
        out.push('\n');
    }
    out.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

fn hits(path: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let locks = if LOCK_FREE.iter().any(|room| path.starts_with(room)) { &LOCKS[..] } else { &[] };
    let mut found: Vec<String> = Vec::new();
    let lines = code.lines().enumerate().map(|(n, line)| (n + 1, line.to_owned()));
    for (n, line) in lines.chain(imports(&code)) {
        let words =
            FORBIDDEN.iter().chain(locks).filter(|w| contains_word(&line, w) && !ALLOWED.contains(&(path, **w)));
        found.extend(words.map(|w| format!("{path}:{n}: {w}")));
    }
    // A plain import is both a line and an item.
    found.sort();
    found.dedup();
    found
}

/// Every path that a `use` item brings in, written out, with the line where the item begins.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let fresh = code[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '"');
        let Some((item, _)) = code[at + 4..].split_once(';').filter(|_| fresh) else { continue };
        let mut paths = Vec::new();
        expand("", item, &mut paths);
        let line = code[..at].matches('\n').count() + 1;
        found.extend(paths.into_iter().map(|path| (line, path)));
    }
    found
}

/// `a::{b, c::{d, e}}` is `a::b`, `a::c::d` and `a::c::e`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut depth, mut from) = (0, 0);
    let mut branches = Vec::new();
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => branches.push(&tree[std::mem::replace(&mut from, at + 1)..at]),
            _ => {}
        }
    }
    branches.push(&tree[from..]);
    for branch in branches.into_iter().map(str::trim) {
        match branch.split_once('{') {
            Some((head, rest)) => {
                let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
                expand(&format!("{prefix}{}", head.trim()), inner, paths);
            }
            None => paths.push(format!("{prefix}{branch}")),
        }
    }
}

/// `word` not as the end of a longer one (`operand::`).
fn contains_word(line: &str, word: &str) -> bool {
    let starts = |at: usize| !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| starts(at))
}

fn walk(room: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(room).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().replace('\\', "/");
        if NOT.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else if name.ends_with(".rs") && !name.ends_with("/tests.rs") {
            files.push(name);
        }
    }
}

#[test]
fn the_core_knows_no_machine() {
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    let mut files = Vec::new();
    for room in ROOMS {
        let before = files.len();
        walk(Path::new(room), &mut files);
        assert!(files.len() > before + 3, "{room} is where the rooms are");
    }
    let hits: Vec<String> = files.iter().flat_map(|f| hits(f, &fs::read_to_string(f).unwrap())).collect();
    assert!(hits.is_empty(), "{hits:#?}");
}

#[test]
fn a_planted_clock_is_found() {
    for planted in [
        "let now = std::time::Instant::now();",
        "use tokio::sync::mpsc;",
        "    let id: u64 = rand::random();",
        "let t = SystemTime::now(); // a clock",
        "std::thread::spawn(f);",
        "fn f(s: std::net::TcpStream) {}",
        "let host = cpal::default_host();",
        "use webrtc::peer_connection;",
        "let map: HashMap<K, V, RandomState> = x;",
        "use std::{fs, net::UdpSocket};",
        "use std::{collections::BTreeMap, net::UdpSocket};",
        "use std::{\n    collections::BTreeMap,\n    io::{self, Read},\n    thread,\n};",
        "pub(crate) use std::{sync::Arc, time::{Duration}};",
        "use {std::{env}};",
        "use std::sync::{Arc, Mutex};",
        "let lock = std::sync::RwLock::new(1);",
        "use parking_lot::{Once};",
    ] {
        assert!(!hits("src/session/x.rs", &format!("fn a() {{}}\n{planted}\n")).is_empty(), "{planted}");
    }
    for fine in [
        "// tokio drives it",
        "//! Instant::now is not used",
        "let operand::X = y;",
        "/// std::time",
        "let url = a; // http://tokio",
        "use std::{\n    collections::BTreeMap,\n    io::{self, Read},\n};",
        "use crate::{audio::{net, fs}, session::env};",
    ] {
        assert_eq!(hits("src/session/x.rs", fine), [""; 0], "{fine}");
    }
    assert_eq!(hits("src/session/x.rs", "#[cfg(test)]\nmod tests {\n    use std::thread;\n}\n"), [""; 0]);
    assert_eq!(
        hits("src/session/x.rs", "let url = \"ws://h\"; tokio::spawn(f);").len(),
        1,
        "an URL does not hide the rest"
    );
    assert_eq!(
        hits("src/session/x.rs", "use a;\nuse std::{fs, net::UdpSocket};\n"),
        ["src/session/x.rs:2: std::fs", "src/session/x.rs:2: std::net"]
    );
    assert_eq!(hits("src/audio/x.rs", "use std::sync::Mutex;"), [""; 0], "the file device has one");
}
