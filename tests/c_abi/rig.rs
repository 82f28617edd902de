//! What tests written in C and C++ need: compilers, the library in three flavours, and a way to run a program.
//!
//! A test crate takes it in with `#[path = "c_abi/rig.rs"] mod rig;`. A test that needs a tool that may be
//! missing opens with `if !rig::have(&["clang"]) { return; }`.

// Each test crate uses a part of this.
#![allow(dead_code)]

#[path = "../common/canary.rs"]
pub mod canary;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

/// How the library is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// As the tests' own profile builds it; also for valgrind.
    Debug,
    /// AddressSanitizer in the library; the C side gets UndefinedBehaviorSanitizer too.
    Asan,
    /// ThreadSanitizer on both sides.
    Tsan,
}

/// A built library. Its folder holds `libduologue.so` with its SONAME link, and `libduologue.a`.
pub struct Library {
    /// The folder, for `-L` and `-rpath`.
    pub folder: PathBuf,
    pub shared: PathBuf,
    pub archive: PathBuf,
    /// What the compiler says the static library needs, `-lgcc_s -lutil ...`
    pub native: Vec<String>,
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where this run keeps what it makes.
pub fn scratch() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_abi");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Whether all of these programs are there. If not, says so loudly.
///
/// # Panics
/// When one is missing and `DUOLOGUE_COMPILERS_REQUIRED` is set.
pub fn have(programs: &[&str]) -> bool {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<_> = programs.iter().copied().filter(|program| !found(program)).collect();
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join(" and ");
    let fix = "run tests/c_abi/setup.sh";
    assert!(
        std::env::var_os("DUOLOGUE_COMPILERS_REQUIRED").is_none(),
        "compilers are required, but {missing} is missing: {fix}"
    );
    if TOLD.lock().unwrap().insert(missing.clone()) {
        // Written around the harness, which would hide it for a test that passes.
        let notice = format!("\n*** NOT TESTED with {missing}, which is missing: {fix}\n\n");
        let _ = std::io::stderr().write_all(notice.as_bytes());
    }
    false
}

/// The library in this flavour. The first caller builds it, also across processes.
///
/// # Panics
/// With the compiler's output when it cannot be built.
pub fn library(flavour: Flavour) -> &'static Library {
    static BUILT: [OnceLock<Library>; 3] = [const { OnceLock::new() }; 3];
    BUILT[flavour as usize].get_or_init(|| build(flavour))
}

fn build(flavour: Flavour) -> Library {
    let folder = scratch().join(flavour.name());
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().expect("the file system has locks");

    // The target folder is found from its tmp, as CARGO_TARGET_DIR need not be set.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp lies in the target folder");
    let mut cargo = cargo();
    cargo.args(["rustc", "--lib", "--crate-type", "cdylib,staticlib", "--message-format", "json-render-diagnostics"]);
    cargo.args(["--color", "never", "--profile", "dev"]).env("DUOLOGUE_CDYLIB", "1");
    match flavour.sanitizer() {
        // The command of `make lib PROFILE=dev`, in the folder of the tests: next to nothing is built anew.
        None => cargo.args(["--features", "capi,webrtc", "--target-dir"]).arg(target),
        Some(sanitizer) => cargo
            .args(["--no-default-features", "--features", "capi", "--target", &host(), "--target-dir"])
            .arg(target.join(flavour.name()))
            // Fewer optimised crates: the sanitizer's own work dwarfs theirs.
            .args(["--config", "profile.dev.package.\"*\".opt-level=1"])
            // Sanitizers are unstable in the compiler; the standard library comes without them.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", sanitizer_flags(sanitizer).join(" ")),
    };
    cargo.args(["--", "--print", "native-static-libs"]);
    let began = Instant::now();
    let output = cargo.output().unwrap_or_else(|e| panic!("cannot start {cargo:?}: {e}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{cargo:?} fails:\n{said}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("library {}: built in {} s", flavour.name(), began.elapsed().as_secs());

    let files = artifacts(&told);
    let file = |extension: &str| {
        files.iter().find(|path| path.extension() == Some(OsStr::new(extension))).expect("cargo names the library")
    };
    let native = said.lines().find_map(|line| line.strip_prefix("note: native-static-libs: "));
    let library = Library {
        shared: folder.join("libduologue.so"),
        archive: folder.join("libduologue.a"),
        native: native.expect("rustc names the native libraries").split_whitespace().map(str::to_owned).collect(),
        folder,
    };
    // Copies: another build with other features may replace the originals while programs run.
    let soname = format!("libduologue.so.{}", soversion());
    replace(file("so"), &library.folder.join(&soname));
    replace(file("a"), &library.archive);
    if fs::symlink_metadata(&library.shared).is_err() {
        std::os::unix::fs::symlink(&soname, &library.shared).unwrap();
    }
    library
}

fn sanitizer_flags(sanitizer: &str) -> [String; 2] {
    [format!("-Zsanitizer={sanitizer}"), "-Cunsafe-allow-abi-mismatch=sanitizer".to_owned()]
}

/// `planted.rs` as a shared library with the flavour's flags; needs no crate and is built in a second.
pub fn planted(flavour: Flavour) -> PathBuf {
    let library = scratch().join(flavour.name()).join("libplanted.so");
    fs::create_dir_all(library.parent().expect("it lies in the flavour's folder")).unwrap();
    let fresh = library.with_extension(std::process::id().to_string());
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(root()).args(["--edition", "2024", "--crate-type", "cdylib", "-g", "-Copt-level=1"]);
    rustc.args(["--target", &host(), "tests/c_abi/planted.rs", "-o"]).arg(&fresh);
    rustc.arg(format!("-Clink-arg=-Wl,-soname,{}", library.display())).env("RUSTC_BOOTSTRAP", "1");
    if let Some(sanitizer) = flavour.sanitizer() {
        rustc.args(sanitizer_flags(sanitizer));
    }
    let output = rustc.output().unwrap_or_else(|e| panic!("cannot start {rustc:?}: {e}"));
    assert!(output.status.success(), "{rustc:?} fails:\n{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(&fresh, &library).unwrap();
    library
}

/// The paths in cargo's report of the one crate that was asked for.
fn artifacts(report: &str) -> Vec<PathBuf> {
    let messages = report.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let ours =
        messages.filter(|message| message["target"]["crate_types"] == serde_json::json!(["cdylib", "staticlib"]));
    let files = ours.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files.filter_map(|file| file.as_str().map(PathBuf::from)).collect()
}

/// A new file under the name, so that a program that runs with the old one keeps it.
fn replace(from: &Path, to: &Path) {
    let stamp = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    if stamp(to).is_some_and(|there| stamp(from).is_some_and(|made| there >= made)) {
        return;
    }
    let fresh = to.with_extension("new");
    fs::copy(from, &fresh).unwrap_or_else(|e| panic!("cannot copy {}: {e}", from.display()));
    fs::rename(&fresh, to).unwrap();
}

/// Cargo as from a shell: without what `cargo test` tells the test, which would make it build crates anew.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).env_remove("LD_LIBRARY_PATH");
    forget_cargo(&mut cargo);
    cargo
}

/// Takes away from a command what `cargo test` told this test about its own package.
pub fn forget_cargo(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let about_this_test = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if about_this_test.iter().any(|start| text.starts_with(start))
            || ["CARGO_TARGET_TMPDIR", "OUT_DIR"].contains(&&*text)
        {
            command.env_remove(&name);
        }
    }
}

fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

/// The number in the shared library's name: it changes when the ABI may.
pub fn soversion() -> String {
    match (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR")) {
        ("0", minor) => format!("0.{minor}"),
        (major, _) => major.to_owned(),
    }
}

impl Flavour {
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Asan => "asan",
            Self::Tsan => "tsan",
        }
    }

    fn sanitizer(self) -> Option<&'static str> {
        match self {
            Self::Debug => None,
            Self::Asan => Some("address"),
            Self::Tsan => Some("thread"),
        }
    }

    fn compiler_flags(self) -> &'static [&'static str] {
        match self {
            Self::Debug => &["-O1"],
            Self::Asan => {
                &["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
            }
            // Exported, so that a library which is loaded at run time finds the names too.
            Self::Tsan => &["-O1", "-fsanitize=thread", "-rdynamic", "tests/c/tsan_runtime.c"],
        }
    }
}

/// Compiles C or C++ (paths from the repository's root) and links the shared library of the flavour.
/// `extra` comes after the sources, so it may name libraries too.
///
/// # Panics
/// With the compiler's output when it objects.
pub fn compile_c(sources: &[&str], flavour: Flavour, cc: &str, extra: &[&str]) -> PathBuf {
    let library = library(flavour);
    let mut link: Vec<String> = extra.iter().map(|&flag| flag.to_owned()).collect();
    link.push(format!("-L{}", library.folder.display()));
    link.push("-lduologue".to_owned());
    link.push(format!("-Wl,-rpath,{}", library.folder.display()));
    compile(sources, flavour, cc, &link)
}

/// The same with the static library.
pub fn compile_static(sources: &[&str], flavour: Flavour, cc: &str, extra: &[&str]) -> PathBuf {
    let library = library(flavour);
    let mut link: Vec<String> = extra.iter().map(|&flag| flag.to_owned()).collect();
    link.push(library.archive.display().to_string());
    link.extend(library.native.iter().cloned());
    compile(sources, flavour, cc, &link)
}

/// The same without the library, for programs that load it by themselves.
pub fn compile(sources: &[&str], flavour: Flavour, cc: &str, extra: &[String]) -> PathBuf {
    let folder = scratch().join(flavour.name()).join("programs");
    fs::create_dir_all(&folder).unwrap();
    let mut hasher = DefaultHasher::new();
    (sources, cc, extra).hash(&mut hasher);
    let stem = Path::new(sources[0]).file_stem().expect("a source is a file").to_string_lossy();
    let program = folder.join(format!("{stem}-{:016x}", hasher.finish()));
    // Two tests may want the same program at once.
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let fresh = program.with_extension(format!("{}-{count}", std::process::id()));

    let mut command = Command::new(cc);
    command.current_dir(root()).args(["-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-Iinclude"]);
    command.args(flavour.compiler_flags()).args(sources).arg("-o").arg(&fresh).args(extra);
    let output = command.output().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    assert!(output.status.success(), "{command:?} fails:\n{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(&fresh, &program).unwrap();
    program
}

/// Runs a program to its end. What it printed is in the output, whatever its status.
///
/// # Panics
/// When it takes longer than `timeout`; it is killed then.
pub fn run<S: AsRef<OsStr>>(program: &Path, arguments: &[S], env: &[(&str, &str)], timeout: Duration) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).envs(env.iter().copied());
    finish(command, timeout)
}

/// Runs a program under valgrind: an error or a definite leak ends with status 99.
pub fn valgrind<S: AsRef<OsStr>>(program: &Path, arguments: &[S], env: &[(&str, &str)], timeout: Duration) -> Output {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg("--show-leak-kinds=definite").arg(program).args(arguments).envs(env.iter().copied());
    finish(command, timeout)
}

/// Runs any command to its end, with the sanitizers set up.
///
/// # Panics
/// When it takes longer than `timeout`; it is killed then.
pub fn finish(mut command: Command, timeout: Duration) -> Output {
    // The library is found by the program's own path or not at all.
    command.env_remove("LD_LIBRARY_PATH").current_dir(root());
    let suppressions = root().join("tests/c/tsan.supp");
    command.env("TSAN_OPTIONS", format!("exitcode=66 second_deadlock_stack=1 suppressions={}", suppressions.display()));
    command.env("ASAN_OPTIONS", "exitcode=66 detect_leaks=1 detect_stack_use_after_return=1");
    command.env("UBSAN_OPTIONS", "print_stacktrace=1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let end = Instant::now() + timeout;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break Some(status);
        }
        if Instant::now() >= end {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    match status {
        Some(status) => {
            canary::printed(&command.get_program(), &stdout);
            canary::printed(&command.get_program(), &stderr);
            Output { status, stdout, stderr }
        }
        None => panic!(
            "{command:?} did not end within {timeout:?}:\n{}{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        ),
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("the pipe was asked for");
    thread::spawn(move || {
        let mut all = Vec::new();
        // A pipe that breaks ends what there is to read.
        let _ = pipe.read_to_end(&mut all);
        all
    })
}

/// Its standard output.
///
/// # Panics
/// With everything the program printed, unless it succeeded.
pub fn expect_success(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}:\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    stdout
}

/// The simulator as a process of its own; killed when dropped.
pub struct Simulator {
    child: Child,
    /// `ws://127.0.0.1:PORT/v1/realtime`
    pub url: String,
}

/// Starts `duologue simulate` with further arguments and waits until it listens. Needs the feature `cli`.
pub fn simulator(arguments: &[&str]) -> Simulator {
    // `env!` would demand the feature of every test that uses the rig.
    let Some(program) = option_env!("CARGO_BIN_EXE_duologue") else { panic!("the simulator needs the feature cli") };
    let mut command = Command::new(program);
    command.arg("simulate").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let mut line = String::new();
    // It prints one line and nothing more, so nobody has to keep reading.
    let read = BufReader::new(child.stdout.take().expect("the pipe was asked for")).read_line(&mut line);
    match line.trim_end().strip_prefix("listening ") {
        Some(url) => Simulator { child, url: url.to_owned() },
        None => {
            let _ = child.kill();
            panic!("the simulator says {line:?} ({read:?}), ended with {:?}", child.wait());
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
