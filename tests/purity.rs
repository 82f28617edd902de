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
    let found = code.lines().enumerate().flat_map(|(n, line)| {
        let words = FORBIDDEN.iter().filter(move |w| contains_word(line, w) && !ALLOWED.contains(&(path, **w)));
        words.map(move |w| format!("{path}:{}: {w}", n + 1))
    });
    found.collect()
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
    ] {
        assert!(!hits("src/session/x.rs", &format!("fn a() {{}}\n{planted}\n")).is_empty(), "{planted}");
    }
    for fine in [
        "// tokio drives it",
        "//! Instant::now is not used",
        "let operand::X = y;",
        "/// std::time",
        "let url = a; // http://tokio",
    ] {
        assert_eq!(hits("src/session/x.rs", fine), [""; 0], "{fine}");
    }
    assert_eq!(hits("src/session/x.rs", "#[cfg(test)]\nmod tests {\n    use std::thread;\n}\n"), [""; 0]);
    assert_eq!(
        hits("src/session/x.rs", "let url = \"ws://h\"; tokio::spawn(f);").len(),
        1,
        "an URL does not hide the rest"
    );
}
