//! The examples in C and C++ and the layer for C++: built as their headers say, run against the simulator, and
//! judged by what came out. The README shows them verbatim.
#![cfg(all(feature = "capi", feature = "cli", unix))]

#[path = "c_abi/rig.rs"]
mod rig;

use duologue::simulator::{Scenario, Simulator};
use rig::Flavour::Debug;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

const LONG: Duration = Duration::from_secs(240);
const QUESTION: &str = "you: Can you tell me about the history of the lighthouse?\n";
const ANSWER: &str = "assistant: Of course. The first lighthouses were open fires on hills";

fn c(name: &str) -> Option<PathBuf> {
    let source = format!("examples/c/{name}.c");
    rig::have(&["gcc"]).then(|| rig::compile_c(&[&source], Debug, "gcc", &["-std=c11", "-Wpedantic", "-lm"]))
}

fn cpp(name: &str) -> Option<PathBuf> {
    let source = format!("examples/cpp/{name}.cpp");
    rig::have(&["g++"]).then(|| rig::compile_c(&[&source], Debug, "g++", &["-std=c++17", "-Wpedantic"]))
}

fn run(program: &Path, arguments: &[&str], url: &str) -> Output {
    rig::run(program, arguments, &[("OPENAI_API_KEY", rig::canary::KEY), ("DUOLOGUE_BASE_URL", url)], LONG)
}

/// Holds a spoken turn and looks into the recording.
fn speaks(name: &str, program: Option<PathBuf>) {
    let Some(program) = program else { return };
    let simulator = rig::simulator(&[]);
    let recording = rig::scratch().join(format!("{name}.wav"));
    let said = run(&program, &["assets/question1.wav", recording.to_str().unwrap()], &simulator.url);
    let said = rig::expect_success(&said);
    assert!(said.contains(QUESTION) && said.contains(ANSWER), "{said}");

    let mut file = hound::WavReader::open(&recording).unwrap();
    let spec = file.spec();
    assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (24_000, 1, 16));
    let recorded: Vec<i16> = file.samples().map(Result::unwrap).collect();
    let clip = Scenario::bundled().clip("answer1").unwrap().to_vec();
    let found = found(&recorded, &clip);
    assert!(found > 0.9, "{name}: only {found:.2} of the answer is in the recording");
}

/// The share of the clip's voiced 10 ms pieces, one every 100 ms, that the recording contains in this order. A
/// host that was late to pull has gaps between pieces, and a gap inside of one now and then.
fn found(recorded: &[i16], clip: &[i16]) -> f64 {
    let voiced: Vec<&[i16]> =
        clip.chunks_exact(240).step_by(10).filter(|piece| piece.iter().any(|s| s.unsigned_abs() > 1000)).collect();
    assert!(voiced.len() > 50, "the clip is speech");
    let (mut at, mut found) = (0, 0);
    for piece in &voiced {
        if let Some(offset) = recorded[at..].windows(piece.len()).position(|window| window == *piece) {
            at += offset + piece.len();
            found += 1;
        }
    }
    f64::from(found) / voiced.len() as f64
}

#[test]
fn hello_voice_in_c() {
    speaks("hello_voice", c("hello_voice"));
}

#[test]
fn hello_voice_with_a_queue() {
    speaks("hello_voice_queue", c("hello_voice_queue"));
}

#[test]
fn hello_voice_in_cpp() {
    speaks("hello_voice_cpp", cpp("hello_voice"));
}

#[test]
fn push_to_talk() {
    speaks("push_to_talk", c("push_to_talk"));
}

/// Asks for the weather; returns what was said and the outputs the model got.
async fn asks(program: &Path, question: &'static str) -> (String, Vec<serde_json::Value>) {
    let simulator = Simulator::builder().start().await.unwrap();
    let (program, url) = (program.to_owned(), simulator.ws_url());
    let output = tokio::task::spawn_blocking(move || run(&program, &[question], &url)).await.unwrap();
    let sent = simulator.journal().client_events();
    let items = sent.iter().map(|event| &event["item"]).filter(|item| item["type"] == "function_call_output");
    (rig::expect_success(&output), items.cloned().collect())
}

#[tokio::test]
async fn tools_are_called_and_their_results_used() {
    for program in [c("tool_call"), cpp("tool")].into_iter().flatten() {
        let (said, outputs) = asks(&program, "What is the weather like in Paris?").await;
        assert!(said.contains("get_weather") && said.contains("\"Paris\""), "{said}");
        assert!(said.contains("assistant: In Paris it is eighteen degrees and sunny."), "{said}");
        assert_eq!(outputs.len(), 1, "{outputs:?}");
        let output: serde_json::Value = serde_json::from_str(outputs[0]["output"].as_str().unwrap()).unwrap();
        assert_eq!(output, serde_json::json!({"celsius": 18, "sky": "sunny"}), "the program's own words");
    }
}

#[test]
fn a_written_conversation() {
    let Some(program) = c("text_only") else { return };
    let simulator = rig::simulator(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf 'Tell me more.\\nHow tall?\\n' | \"$0\""]).arg(program);
    shell.env("OPENAI_API_KEY", rig::canary::KEY).env("DUOLOGUE_BASE_URL", &simulator.url);
    let said = rig::expect_success(&rig::finish(shell, LONG));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("Of course. The first") && lines[0].ends_with("mirrors and lenses."), "{said}");
    assert_eq!(lines[1], "The tallest one is one hundred and thirty three metres high.");
}

/// The library that is shipped has WebRTC.
#[test]
fn a_call_over_webrtc() {
    if !rig::have(&["gcc"]) {
        return;
    }
    let program = rig::compile_c(&["tests/c/call.c"], Debug, "gcc", &["-std=c11"]);
    let simulator = rig::simulator(&[]);
    let said = rig::run(&program, &[&simulator.url], &[], LONG);
    assert!(rig::expect_success(&said).contains("done"));
}

/// What fails is told in the library's words, and the status says it.
#[test]
fn a_server_that_is_not_there_is_told() {
    let nowhere = "ws://127.0.0.1:1/v1/realtime";
    let recording = rig::scratch().join("nothing.wav");
    let audio = ["assets/question1.wav", recording.to_str().unwrap()];
    let programs = [
        (c("hello_voice"), &audio[..]),
        (c("hello_voice_queue"), &audio),
        (c("push_to_talk"), &audio),
        (cpp("hello_voice"), &audio),
        (c("tool_call"), &audio[..1]),
        (cpp("tool"), &audio[..1]),
        (c("text_only"), &[]),
    ];
    for (program, arguments) in programs {
        let Some(program) = program else { continue };
        let output = run(&program, arguments, nowhere);
        let told = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert_eq!(output.status.code(), Some(1), "{}: {told}", program.display());
        assert!(told.contains("connection refused"), "{}: {told}", program.display());
    }
}

#[test]
fn the_shortest_stay_short() {
    for (file, most) in [("examples/c/hello_voice.c", 80), ("examples/cpp/hello_voice.cpp", 50)] {
        let text = fs::read_to_string(rig::root().join(file)).unwrap();
        assert!(text.lines().count() <= most, "{file} has {} lines", text.lines().count());
        assert!(text.lines().all(|line| line.len() <= 120), "{file} is not made short by long lines");
    }
}

#[test]
fn the_load_driver_speaks_the_language_of_the_bench() {
    let Some(program) = c("load") else { return };
    let simulator = rig::simulator(&[]);
    for (mode, in_s) in [("idle", 0.0), ("tick", 0.2), ("paced", 0.2)] {
        let output = rig::run(
            &program,
            &["--url", &simulator.url, "--sessions", "2", "--seconds", "0.1", "--mode", mode],
            &[],
            LONG,
        );
        let figures: serde_json::Value = serde_json::from_str(&rig::expect_success(&output)).unwrap();
        assert_eq!(figures["errors"], serde_json::json!([]), "{figures}");
        assert_eq!((&figures["mode"], &figures["sessions"]), (&mode.into(), &2.into()));
        assert_eq!(figures["in_s"].as_f64(), Some(in_s), "{figures}");
        for figure in ["wall_s", "out_s", "cpu_ms", "cpu_user_ms", "cpu_sys_ms", "startup_cpu_ms", "connect_cpu_ms"] {
            assert!(figures[figure].is_number(), "{figure} in {figures}");
        }
        for figure in ["rss_base_kib", "rss_connected_kib", "rss_kib", "rss_peak_kib", "tools", "text_chars"] {
            assert!(figures[figure].is_u64(), "{figure} in {figures}");
        }
        assert!(figures["flush_ns"].is_array() && figures["version"].is_string());
    }
    assert_eq!(rig::run(&program, &["--mode", "slow"], &[], LONG).status.code(), Some(2));
}

#[test]
fn call_costs_are_measured() {
    let Some(program) = c("call_cost") else { return };
    let simulator = rig::simulator(&[]);
    let table = rig::expect_success(&run(&program, &[], &simulator.url));
    assert_eq!(table.lines().count(), 7, "{table}");
    assert!(!table.contains("not measured"), "{table}");
}

#[test]
fn the_cpp_layer_keeps_its_promises() {
    let units = ["tests/cpp/wrapper.cpp", "tests/cpp/other_unit.cpp"];
    for (compiler, standard) in [("g++", "-std=c++17"), ("clang++", "-std=c++20")] {
        if !rig::have(&[compiler]) {
            continue;
        }
        let program = rig::compile_c(&units, Debug, compiler, &[standard, "-Wpedantic", "-Wshadow", "-Wconversion"]);
        let simulator = rig::simulator(&[]);
        assert_eq!(rig::expect_success(&run(&program, &[], &simulator.url)), "good\n");
    }
}

/// Push to talk, detection by meaning, an assistant that is not cut off, text, pictures, changes, tools, options.
#[test]
fn the_cpp_layer_has_turns_tools_and_requests() {
    for (compiler, standard) in [("g++", "-std=c++17"), ("clang++", "-std=c++20")] {
        if !rig::have(&[compiler]) {
            continue;
        }
        let flags = [standard, "-Wpedantic", "-Wshadow", "-Wconversion"];
        let program = rig::compile_c(&["tests/cpp/turns.cpp"], Debug, compiler, &flags);
        let simulator = rig::simulator(&["--scenario", "tests/c/turns.json"]);
        let arguments = [simulator.url.as_str(), "assets/question1.wav"];
        assert_eq!(rig::expect_success(&rig::run(&program, &arguments, &[], LONG)), "good\n");
    }
}

#[test]
fn the_cpp_layer_leaks_nothing() {
    if !rig::have(&["g++", "valgrind"]) {
        return;
    }
    let units = ["tests/cpp/wrapper.cpp", "tests/cpp/other_unit.cpp"];
    let program = rig::compile_c(&units, Debug, "g++", &["-std=c++17"]);
    let simulator = rig::simulator(&[]);
    let environment = [("DUOLOGUE_BASE_URL", simulator.url.as_str())];
    rig::expect_success(&rig::valgrind::<&str>(&program, &[], &environment, LONG));
}

#[test]
fn the_cpp_layer_works_without_exceptions() {
    for compiler in ["g++", "clang++"].into_iter().filter(|compiler| rig::have(&[compiler])) {
        let flags = ["-std=c++17", "-Wpedantic", "-fno-exceptions", "-fno-rtti"];
        let program = rig::compile_c(&["tests/cpp/without_exceptions.cpp"], Debug, compiler, &flags);
        let output = rig::run::<&str>(&program, &[], &[], LONG);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.starts_with("-6 nonsense: unknown key"), "{said}");
    }
}

/// The fenced blocks of a language in a section of the README.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let readme = fs::read_to_string(rig::root().join("README.md")).unwrap();
    let start = readme.find(&format!("## {section}\n")).unwrap_or_else(|| panic!("the README has no {section}"));
    let text = &readme[start + 3..];
    let text = &text[..text.find("\n## ").unwrap_or(text.len())];
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest[..rest.find("```").expect("the block ends")].to_owned()).collect()
}

#[test]
fn the_readme_shows_what_runs() {
    for (section, language, folder) in
        [("Use it from C", "c", "examples/c"), ("Use it from C++", "cpp", "examples/cpp")]
    {
        let files = fs::read_dir(rig::root().join(folder)).unwrap().map(|file| file.unwrap().path());
        let sources: Vec<String> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
        let blocks = blocks(section, language);
        assert!(!blocks.is_empty(), "{section} has no excerpt");
        for block in blocks {
            assert!(block.lines().count() >= 3, "{block}");
            assert!(sources.iter().any(|source| source.contains(&block)), "not in {folder}:\n{block}");
        }
    }
}

/// The shell lines of both sections, in a folder that has nothing but what they name.
#[test]
fn the_commands_of_the_readme_are_true() {
    if !rig::have(&["cc", "c++", "pkg-config", "make"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["examples", "assets"] {
        std::os::unix::fs::symlink(rig::root().join(name), folder.path().join(name)).unwrap();
    }
    let home = folder.path().join("home");
    let simulator = rig::simulator(&[]);
    let lines: Vec<String> = ["Use it from C", "Use it from C++"]
        .iter()
        .flat_map(|section| blocks(section, "sh"))
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let starts = |what: &str| lines.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((starts("make install"), starts("cc "), starts("c++ "), starts("./hello")), (1, 1, 1, 2), "{lines:?}");

    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        // The simulator runs already; its address is what the line before prints.
        if line.starts_with("cargo run --features cli -- simulate") {
            continue;
        }
        let line = line.replace("ws://127.0.0.1:PORT/v1/realtime", &simulator.url);
        let mut shell = Command::new("sh");
        rig::forget_cargo(&mut shell);
        shell.env("HOME", &home).env_remove("PKG_CONFIG_PATH");
        // Not optimised, and from the folder where the tests have built it already.
        if line.starts_with("make ") {
            let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
            shell.current_dir(rig::root()).env("CARGO_TARGET_DIR", target).env("PROFILE", "dev");
            // What cargo and rustup keep at home.
            let old = std::env::var_os("HOME").unwrap_or_default();
            shell.env("CARGO_HOME", std::env::var_os("CARGO_HOME").unwrap_or(Path::new(&old).join(".cargo").into()));
            shell.env("RUSTUP_HOME", std::env::var_os("RUSTUP_HOME").unwrap_or(Path::new(&old).join(".rustup").into()));
        } else {
            shell.current_dir(folder.path());
        }
        // What was exported before stays in force.
        let exports = lines.iter().take_while(|before| **before != line).filter(|before| before.starts_with("export "));
        let script: Vec<&str> = exports.map(String::as_str).chain([line.as_str()]).collect();
        shell.arg("-ec").arg(script.join("\n").replace("ws://127.0.0.1:PORT/v1/realtime", &simulator.url));
        let output = shell.output().unwrap();
        rig::canary::printed(&line, &[&*output.stdout, &*output.stderr].concat());
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    for name in ["answer.wav", "answer2.wav"] {
        assert!(hound::WavReader::open(folder.path().join(name)).unwrap().duration() > 24_000, "{name}");
    }
}
