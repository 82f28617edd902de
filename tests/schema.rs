//! The published schema of the configuration is the one the code has.
#![cfg(feature = "schema")]

use duologue::Config;
use std::path::Path;

#[test]
fn the_published_schema_is_in_sync() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.schema.json");
    let current = serde_json::to_string_pretty(&Config::schema()).unwrap() + "\n";
    if std::env::var_os("DUOLOGUE_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == current, "run: DUOLOGUE_BLESS=1 cargo test --features cli --test schema");
}

#[test]
fn the_published_schema_of_transcripts_is_in_sync() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/transcript.schema.json");
    let current = serde_json::to_string_pretty(&duologue::transcript::Transcript::schema()).unwrap() + "\n";
    if std::env::var_os("DUOLOGUE_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == current, "run: DUOLOGUE_BLESS=1 cargo test --features cli --test schema");
}

#[test]
fn the_default_configuration_survives_a_round_trip() {
    let json = serde_json::to_string(&Config::default()).unwrap();
    assert_eq!(Config::from_json(&json).unwrap(), Config::default());
}
