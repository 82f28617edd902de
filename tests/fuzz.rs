//! What fuzzing has found worth keeping, through the same entry points, without the fuzzer: every entry of
//! `fuzz/corpus` and every finding of `fuzz/findings`. `make fuzz` looks for more.
//!
//! `FUZZ_INPUT=FILE cargo test --test fuzz session_script` runs one input; with `TALK=print` and `-- --nocapture`
//! it shows what went into the session and what came out.

#[path = "fuzz/mod.rs"]
mod entries;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The entries of a target, in an order that does not change.
fn kept(of: &str, target: &str) -> Vec<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(of).join(target);
    let Ok(entries) = fs::read_dir(&place) else { return vec![] };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(target: &str) {
    let (_, run) = entries::ENTRIES.iter().find(|(name, _)| *name == target).expect("an entry point");
    if let Some(file) = std::env::var_os("FUZZ_INPUT") {
        return run(&fs::read(file).unwrap());
    }
    let (corpus, findings) = (kept("corpus", target), kept("findings", target));
    assert!(corpus.len() > 10, "{} entries of {target} are too few to mean anything", corpus.len());
    for file in corpus.iter().chain(&findings) {
        let data = fs::read(file).unwrap();
        if let Err(panic) = std::panic::catch_unwind(|| run(&data)) {
            eprintln!("{}", file.display());
            std::panic::resume_unwind(panic);
        }
    }
    println!("{target}: {} entries, {} findings", corpus.len(), findings.len());
}

macro_rules! targets {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            replay(stringify!($name));
        }
    )*
        /// Nobody forgets one: what has an entry point has a target, a test and a corpus.
        #[test]
        fn every_target_is_replayed() {
            let names: Vec<_> = entries::ENTRIES.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/Cargo.toml")).unwrap();
            for name in names {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no target of the fuzzer");
            }
        }
    };
}

targets! { base64_pcm config json_openai reseed rtp_jitter session_script tool_schema transcript }
