//! With the feature `capi`: makes the C header from `src/ffi/c` (into `OUT_DIR` only; a test compares it with
//! `include/duologue.h`) and gives the shared library its name for the loader.

fn main() {
    // Without a list of its own, cargo would run this after every change of any file.
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "capi")]
    {
        println!("cargo::rerun-if-env-changed=DUOLOGUE_CDYLIB");
        // Set by whoever builds the shared library (the Makefile, the tests), with --lib: the arguments would
        // reach every program of the package too. `rustc-cdylib-link-arg`, which would not, makes cargo warn as
        // long as the manifest names no cdylib.
        if std::env::var_os("DUOLOGUE_CDYLIB").is_some() {
            capi::name_the_library();
        }
        capi::make_the_header();
    }
}

#[cfg(feature = "capi")]
mod capi {
    use cbindgen::{
        Config, DocumentationLength, DocumentationStyle, FunctionConfig, Language, Layout, SortKey, StructConfig, Style,
    };
    use std::{
        env, fs,
        path::{Path, PathBuf},
    };

    /// The header's only source.
    const FOLDER: &str = "src/ffi/c";
    /// The prose the header opens with, a C comment.
    const PREAMBLE: &str = "src/ffi/c/header.txt";
    /// Chapters of the header in reading order. Files that are not named here follow by name.
    const ORDER: [&str; 19] = [
        "version.rs",
        "result.rs",
        "log.rs",
        "config.rs",
        "user_data.rs",
        "engine.rs",
        "client.rs",
        "credential.rs",
        "command.rs",
        "command_words.rs",
        "command_microphone.rs",
        "command_history.rs",
        "audio.rs",
        "analyser.rs",
        "event.rs",
        "callbacks.rs",
        "callbacks_service.rs",
        "callbacks_conversation.rs",
        "queue.rs",
    ];
    /// Functions, types and constants of the library carry it. Only such types reach the header.
    const PREFIX: &str = "duologue_";

    /// The name a program that was linked asks the loader for. Its number changes when the ABI may.
    pub fn name_the_library() {
        let soversion = match (var("CARGO_PKG_VERSION_MAJOR").as_str(), var("CARGO_PKG_VERSION_MINOR")) {
            ("0", minor) => format!("0.{minor}"),
            (major, _) => major.to_owned(),
        };
        match var("CARGO_CFG_TARGET_OS").as_str() {
            "linux" | "freebsd" | "netbsd" | "dragonfly" => {
                link_arg(&format!("-Wl,-soname,libduologue.so.{soversion}"));
                // Its threads live as long as the process: the code must not be unmapped under them.
                link_arg("-Wl,-z,nodelete");
            }
            // Nothing but `lib*.so` is unpacked from an Android package. (Not tried yet.)
            "android" => {
                link_arg("-Wl,-soname,libduologue.so");
                link_arg("-Wl,-z,nodelete");
            }
            // Not tried yet: no macOS machine has built this.
            "macos" => link_arg(&format!("-Wl,-install_name,@rpath/libduologue.{soversion}.dylib")),
            _ => {}
        }
    }

    fn link_arg(arg: &str) {
        println!("cargo::rustc-link-arg={arg}");
    }

    pub fn make_the_header() {
        let root = PathBuf::from(var("CARGO_MANIFEST_DIR"));
        let sources = sources(&root.join(FOLDER));
        // The folder itself, for files that come and go.
        println!("cargo::rerun-if-changed={FOLDER}");
        println!("cargo::rerun-if-changed={PREAMBLE}");
        let preamble = read(&root.join(PREAMBLE));

        let texts: Vec<String> = sources.iter().map(|path| read(path)).collect();
        let mut config = settings(preamble.trim_end());
        config.export.include = texts.iter().flat_map(|text| declared(text, &["struct", "enum", "type"])).collect();

        let mut builder = cbindgen::Builder::new().with_config(config);
        for path in &sources {
            builder = builder.with_src(path);
        }
        let bindings = builder.generate().unwrap_or_else(|e| panic!("cbindgen made no header from {FOLDER}: {e}"));
        let mut header = Vec::new();
        bindings.write(&mut header);
        let header = String::from_utf8(header).expect("Rust source is UTF-8, so is the header");
        let header = without_tags(&header);

        // cbindgen passes over what it does not understand without a word.
        for function in texts.iter().flat_map(|text| declared(text, &["extern \"C\" fn"])) {
            assert!(header.contains(&format!("{function}(")), "cbindgen left {function} of {FOLDER} out of the header");
        }

        let target = PathBuf::from(var("OUT_DIR")).join("duologue.h");
        fs::write(&target, header).unwrap_or_else(|e| panic!("cannot write {}: {e}", target.display()));
        // For the tests: env!("DUOLOGUE_HEADER").
        println!("cargo::rustc-env=DUOLOGUE_HEADER={}", target.display());
    }

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("cannot list {}: {e}", folder.display()));
        let mut files: Vec<(usize, String)> = entries
            .map(|entry| entry.expect("the folder can be listed").file_name().to_string_lossy().into_owned())
            // cbindgen would follow the modules of mod.rs and have everything twice.
            .filter(|name| name.ends_with(".rs") && name != "tests.rs" && name != "mod.rs")
            .map(|name| (ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len()), name))
            .collect();
        files.sort();
        files.into_iter().map(|(_, name)| folder.join(name)).collect()
    }

    /// Functions come last, when every struct has a typedef of its name: they need not say `struct`.
    fn without_tags(header: &str) -> String {
        let mut function = false;
        let mut text = String::with_capacity(header.len());
        for line in header.split_inclusive('\n') {
            function |= line.starts_with("DUOLOGUE_API");
            match function {
                true => text.push_str(&line.replace("struct duologue_", "duologue_")),
                false => text.push_str(line),
            }
            function &= !line.trim_end().ends_with(';');
        }
        text
    }

    /// Names of the library that a text declares with one of these keywords, public.
    fn declared(text: &str, keywords: &[&str]) -> Vec<String> {
        let name = |line: &str| {
            let rest = line.trim_start().strip_prefix("pub ")?;
            let rest = rest.strip_prefix("unsafe ").unwrap_or(rest);
            let rest = keywords.iter().find_map(|keyword| rest.strip_prefix(keyword)?.strip_prefix(' '))?;
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest[..end].starts_with(PREFIX).then(|| rest[..end].to_owned())
        };
        text.lines().filter_map(name).collect()
    }

    fn settings(preamble: &str) -> Config {
        Config {
            header: Some(preamble.to_owned()),
            include_guard: Some("DUOLOGUE_H".to_owned()),
            autogen_warning: Some("/* Generated by build.rs from src/ffi/c: change it there. */".to_owned()),
            no_includes: true,
            sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
            after_includes: Some(macros()),
            language: Language::C,
            cpp_compat: true,
            style: Style::Both,
            sort_by: SortKey::None,
            usize_is_size_t: true,
            line_length: 100,
            tab_width: 4,
            documentation_style: DocumentationStyle::Doxy,
            documentation_length: DocumentationLength::Full,
            function: FunctionConfig {
                prefix: Some("DUOLOGUE_API".to_owned()),
                deprecated: Some("DUOLOGUE_DEPRECATED".to_owned()),
                args: Layout::Auto,
                sort_by: Some(SortKey::None),
                ..FunctionConfig::default()
            },
            structure: StructConfig { deprecated: Some("DUOLOGUE_DEPRECATED".to_owned()), ..StructConfig::default() },
            ..Config::default()
        }
    }

    /// What the preprocessor has to know: versions, and how functions are found.
    fn macros() -> String {
        let part = |name: &str| -> u32 { var(name).parse().expect("a version consists of numbers") };
        let (major, minor, patch) =
            (part("CARGO_PKG_VERSION_MAJOR"), part("CARGO_PKG_VERSION_MINOR"), part("CARGO_PKG_VERSION_PATCH"));
        assert!(minor < 1000 && patch < 1000, "DUOLOGUE_VERSION_NUMBER has three digits for each");
        format!(
            r#"
/** The version of this header as text; the library's own is duologue_version(). */
#define DUOLOGUE_VERSION "{version}"
#define DUOLOGUE_VERSION_MAJOR {major}
#define DUOLOGUE_VERSION_MINOR {minor}
#define DUOLOGUE_VERSION_PATCH {patch}
/** major * 1000000 + minor * 1000 + patch, as duologue_version_number() returns it. */
#define DUOLOGUE_VERSION_NUMBER {number}

/*
 * DUOLOGUE_SHARED: define it on Windows when linking the DLL. Nothing is needed elsewhere, or for the
 * static library.
 */
#ifndef DUOLOGUE_API
#if defined(_WIN32) && defined(DUOLOGUE_SHARED)
#define DUOLOGUE_API __declspec(dllimport)
#elif defined(__GNUC__) && !defined(_WIN32)
#define DUOLOGUE_API __attribute__((visibility("default")))
#else
#define DUOLOGUE_API
#endif
#endif

/* Marks what a later version will remove. DUOLOGUE_NO_DEPRECATED silences the compiler about it. */
#ifndef DUOLOGUE_DEPRECATED
#if defined(DUOLOGUE_NO_DEPRECATED)
#define DUOLOGUE_DEPRECATED
#elif defined(__GNUC__)
#define DUOLOGUE_DEPRECATED __attribute__((deprecated))
#elif defined(_MSC_VER)
#define DUOLOGUE_DEPRECATED __declspec(deprecated)
#else
#define DUOLOGUE_DEPRECATED
#endif
#endif

/** The bit of a duologue_event_kind in a mask of events; bits are added up with |. */
#define DUOLOGUE_EVENT_MASK(kind) (((uint64_t)1) << (kind))
/** Every kind of event that this header knows; all but one: DUOLOGUE_EVENT_MASK_ALL & ~DUOLOGUE_EVENT_MASK(kind). */
#define DUOLOGUE_EVENT_MASK_ALL ((uint64_t)0x1fffffff)"#,
            version = var("CARGO_PKG_VERSION"),
            number = major * 1_000_000 + minor * 1000 + patch,
        )
    }

    fn var(name: &str) -> String {
        env::var(name).unwrap_or_else(|_| panic!("cargo did not set {name}"))
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
    }
}
