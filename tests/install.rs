//! `make install`: somebody else's project finds the library, links it both ways, and runs.
#![cfg(all(feature = "capi", target_os = "linux"))]

#[path = "c_abi/rig.rs"]
mod rig;

use rig::Flavour;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::Duration,
};
use tempfile::TempDir;

/// An installation may have to build the library first.
const LIMIT: Duration = Duration::from_secs(1200);

/// `make TARGET` with variables, from a shell that knows nothing of this test.
fn make(target: &str, variables: &[String]) -> Output {
    let mut make = Command::new("make");
    rig::forget_cargo(&mut make);
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PREFIX", "DESTDIR", "LIBDIR", "PROFILE"] {
        make.env_remove(name);
    }
    // The library the tests use anyway: an optimised one takes minutes.
    make.arg(target).arg("PROFILE=dev").args(variables);
    make.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
    rig::finish(make, LIMIT)
}

fn have_tools() -> bool {
    rig::have(&["gcc", "g++", "make", "cmake", "pkg-config", "readelf"])
}

/// An installation that was moved to another place afterwards. One for all tests, which only read it.
fn moved_prefix() -> &'static Path {
    static PREFIX: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, prefix) = PREFIX.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("first");
        rig::expect_success(&make("install", &[format!("PREFIX={}", first.display())]));
        let second = folder.path().join("second");
        fs::rename(first, &second).unwrap();
        (folder, second)
    });
    prefix
}

/// Every file below a folder, sorted, as paths from there.
fn files(folder: &Path) -> Vec<String> {
    fn collect(folder: &Path, root: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match fs::symlink_metadata(&path).unwrap().is_dir() {
                true => collect(&path, root, into),
                false => into.push(path.strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }
    let mut all = Vec::new();
    collect(folder, folder, &mut all);
    all.sort();
    all
}

fn shell(folder: &Path, prefix: &Path, libdir: &str, line: &str) -> Output {
    let mut sh = Command::new("sh");
    sh.args(["-ec", &format!("cd '{}'; {line}", folder.display())]);
    sh.env("SOURCES", rig::root().join("tests/consumer"));
    sh.env("PKG_CONFIG_PATH", prefix.join(libdir).join("pkgconfig"));
    rig::finish(sh, LIMIT)
}

/// Runs a consumer; a shared library is looked for in the prefix.
fn speaks(program: &Path, prefix: &Path, libdir: &str, language: &str) {
    let line = format!("LD_LIBRARY_PATH='{}' '{}'", prefix.join(libdir).display(), program.display());
    let said = rig::expect_success(&shell(rig::root(), prefix, libdir, &line));
    assert_eq!(said, format!("{language} and duologue {}\n", env!("CARGO_PKG_VERSION")));
}

/// What the loader will look for.
fn needed(program: &Path) -> Vec<String> {
    let mut readelf = Command::new("readelf");
    readelf.arg("-d").arg(program);
    let text = rig::expect_success(&rig::finish(readelf, LIMIT));
    let lines = text.lines().filter(|line| line.contains("(NEEDED)"));
    lines.map(|line| line.split(['[', ']']).nth(1).expect("readelf puts names into brackets").to_owned()).collect()
}

fn soname() -> String {
    format!("libduologue.so.{}", rig::soversion())
}

#[test]
fn what_is_installed_and_under_which_names() {
    if !have_tools() {
        return;
    }
    let prefix = moved_prefix();
    let full = format!("lib/libduologue.so.{}", env!("CARGO_PKG_VERSION"));
    let installed = files(prefix);
    for file in [
        "include/duologue.h",
        "lib/libduologue.a",
        "lib/libduologue.so",
        &format!("lib/{}", soname()),
        &full,
        "lib/pkgconfig/duologue.pc",
        "lib/pkgconfig/duologue-static.pc",
        "lib/cmake/duologue/duologue-config.cmake",
        "lib/cmake/duologue/duologue-config-version.cmake",
        "lib/cmake/duologue/duologue-targets.cmake",
        "share/doc/duologue/LICENSE-APACHE",
        "share/doc/duologue/LICENSE-MIT",
    ] {
        assert!(installed.iter().any(|there| there == file), "{file} is missing: {installed:?}");
    }
    let header = |path: &Path| fs::read_to_string(path.join("include/duologue.h")).unwrap();
    assert!(header(prefix) == header(rig::root()), "the installed header is another one");
    assert_eq!(fs::read_link(prefix.join("lib/libduologue.so")).unwrap(), Path::new(&soname()));
    assert_eq!(fs::read_link(prefix.join("lib").join(soname())).unwrap(), Path::new(full.trim_start_matches("lib/")));
    for file in installed.iter().filter(|file| file.ends_with(".pc") || file.ends_with(".cmake")) {
        let text = fs::read_to_string(prefix.join(file)).unwrap();
        assert!(!text.contains('@') && !text.contains("/first"), "{file} has a gap or a fixed place:\n{text}");
    }

    let mut readelf = Command::new("readelf");
    readelf.arg("-d").arg(prefix.join(full));
    let dynamic = rig::expect_success(&rig::finish(readelf, LIMIT));
    assert!(dynamic.contains(&format!("Library soname: [{}]", soname())), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn pkg_config_links_the_shared_library() {
    if !have_tools() {
        return;
    }
    let (prefix, folder) = (moved_prefix(), tempfile::tempdir().unwrap());
    for (compiler, source, language) in [("gcc -std=c99", "main.c", "C"), ("g++ -std=c++17", "main.cpp", "C++")] {
        let program = folder.path().join(language);
        let line = format!("{compiler} \"$SOURCES/{source}\" -o '{language}' $(pkg-config --cflags --libs duologue)");
        rig::expect_success(&shell(folder.path(), prefix, "lib", &line));
        assert!(needed(&program).contains(&soname()), "{:?}", needed(&program));
        speaks(&program, prefix, "lib", language);
    }
}

#[test]
fn pkg_config_links_the_static_library() {
    if !have_tools() {
        return;
    }
    let (prefix, folder) = (moved_prefix(), tempfile::tempdir().unwrap());
    for (compiler, source, language) in [("gcc -std=c99", "main.c", "C"), ("g++ -std=c++17", "main.cpp", "C++")] {
        let program = folder.path().join(language);
        let line =
            format!("{compiler} \"$SOURCES/{source}\" -o '{language}' $(pkg-config --cflags --libs duologue-static)");
        rig::expect_success(&shell(folder.path(), prefix, "lib", &line));
        assert!(!needed(&program).contains(&soname()), "{:?}", needed(&program));
        speaks(&program, prefix, "lib", language);
    }
}

/// Where no shared library is installed, `--static` alone is enough, and what it names is what rustc says.
#[test]
fn pkg_config_static_names_what_the_compiler_says() {
    if !have_tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("only");
    let line = format!(
        "cp -R '{}' only; rm only/lib/libduologue.so*; export PKG_CONFIG_PATH=$PWD/only/lib/pkgconfig; \
         pkg-config --static --libs-only-l duologue; \
         gcc \"$SOURCES/main.c\" -o program $(pkg-config --static --cflags --libs duologue)",
        moved_prefix().display()
    );
    let said = rig::expect_success(&shell(folder.path(), &prefix, "lib", &line));
    let mut native: Vec<&str> = said.split_whitespace().collect();
    assert_eq!(native.remove(0), "-lduologue");
    assert_eq!(native, rig::library(Flavour::Debug).native);
    let program = folder.path().join("program");
    assert!(!needed(&program).contains(&soname()));
    speaks(&program, &prefix, "lib", "C");
}

fn cmake(folder: &Path, prefix: &Path, wanted: &str) -> Output {
    let line = format!(
        "rm -rf build; cmake -S \"$SOURCES\" -B build -DCMAKE_PREFIX_PATH='{}' '-DWANTED={wanted}'",
        prefix.display()
    );
    shell(folder, prefix, "lib", &line)
}

#[test]
fn cmake_finds_both_libraries_for_both_languages() {
    if !have_tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // A place with a blank, as some have.
    let prefix = folder.path().join("a place");
    let copy = format!("cp -R '{}' 'a place'", moved_prefix().display());
    rig::expect_success(&shell(folder.path(), &prefix, "lib", &copy));
    rig::expect_success(&cmake(folder.path(), &prefix, env!("CARGO_PKG_VERSION")));
    rig::expect_success(&shell(folder.path(), &prefix, "lib", "cmake --build build"));
    for (name, language, shared) in
        [("c_shared", "C", true), ("c_static", "C", false), ("cpp_shared", "C++", true), ("cpp_static", "C++", false)]
    {
        let program = folder.path().join("build").join(name);
        assert_eq!(needed(&program).contains(&soname()), shared, "{name}: {:?}", needed(&program));
        speaks(&program, &prefix, "lib", language);
    }
}

#[test]
fn cmake_refuses_a_version_that_does_not_fit() {
    if !have_tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let number = |name: &str| name.parse::<u32>().unwrap();
    let (major, minor) = (number(env!("CARGO_PKG_VERSION_MAJOR")), number(env!("CARGO_PKG_VERSION_MINOR")));
    for fits in [String::new(), version.to_owned(), format!("{major}.{minor}"), format!("{version};EXACT")] {
        rig::expect_success(&cmake(folder.path(), moved_prefix(), &fits));
    }
    rig::expect_success(&cmake(folder.path(), moved_prefix(), &format!("{major}.{minor}...<{major}.{}", minor + 1)));
    let newer_patch = format!("{major}.{minor}.999");
    let mut refused = vec![format!("{major}.{}", minor + 1), format!("{}.0", major + 1), newer_patch];
    refused.push(format!("{}...{}", major + 1, major + 2));
    if major == 0 && minor > 0 {
        refused.push(format!("0.{}", minor - 1));
    }
    for wrong in refused {
        let output = cmake(folder.path(), moved_prefix(), &wrong);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(version), "{wrong:?} should be refused: {said}");
    }
}

/// As a distribution packages it: staged, with its own library folder.
#[test]
fn a_staged_installation_works_where_it_will_lie_and_leaves_nothing_behind() {
    if !have_tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let stage = folder.path().join("stage");
    let libdir = "lib/x86_64-linux-gnu";
    let variables = [format!("DESTDIR={}", stage.display()), "PREFIX=/usr".to_owned(), format!("LIBDIR=/usr/{libdir}")];
    // A file of somebody else.
    fs::create_dir_all(stage.join("usr/include")).unwrap();
    fs::write(stage.join("usr/include/other.h"), "").unwrap();
    rig::expect_success(&make("install", &variables));
    // Again, over the first one.
    rig::expect_success(&make("install", &variables));

    let prefix = stage.join("usr");
    assert!(prefix.join(libdir).join("libduologue.so").exists(), "{:?}", files(&stage));
    let line = "gcc \"$SOURCES/main.c\" -o program $(pkg-config --cflags --libs duologue)";
    rig::expect_success(&shell(folder.path(), &prefix, libdir, line));
    speaks(&folder.path().join("program"), &prefix, libdir, "C");
    let line = format!(
        "cmake -S \"$SOURCES\" -B build -Dduologue_DIR='{}'; cmake --build build --target c_static",
        prefix.join(libdir).join("cmake/duologue").display()
    );
    rig::expect_success(&shell(folder.path(), &prefix, libdir, &line));

    rig::expect_success(&make("uninstall", &variables));
    assert_eq!(files(&stage), ["usr/include/other.h"]);
    assert!(!prefix.join(libdir).join("cmake/duologue").exists() && !prefix.join("share/doc/duologue").exists());
}

#[test]
fn a_place_that_cannot_work_is_refused() {
    if !have_tools() {
        return;
    }
    for variables in [vec!["PREFIX=here".to_owned()], vec!["PREFIX=/usr".to_owned(), "LIBDIR=/lib".to_owned()]] {
        let output = make("uninstall", &variables);
        assert!(!output.status.success(), "{variables:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("install: "), "{variables:?}");
    }
}
