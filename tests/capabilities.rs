//! The page of what each provider and model can do is made of what the codecs say of themselves.
//! `DUOLOGUE_BLESS=1 cargo test --features cli,capi --test capabilities` writes it anew.
#![cfg(feature = "webrtc")]

use duologue::{Config, capabilities::Capabilities, provider::codec_for};
use serde_json::{Value, json};
use std::{fmt::Write, fs, path::Path};

/// Providers and models that differ.
const COLUMNS: [(&str, Option<&str>); 10] = [
    ("openai", None),
    ("openai", Some("gpt-realtime")),
    ("gemini", None),
    ("gemini", Some("gemini-3.8-live-extended-thinking")),
    ("gemini", Some("gemini-3.1-flash-live-preview")),
    ("gemini", Some("gemini-2.5-flash-native-audio-preview-12-2025")),
    ("xai", None),
    ("azure", Some("a-deployment")),
    ("elevenlabs", Some("an-agent")),
    ("compatible", Some("a-model")),
];

fn capabilities(provider: &str, model: Option<&str>) -> Capabilities {
    let mut document = json!({"provider": provider});
    // Some have no address of their own.
    if ["azure", "compatible"].contains(&provider) {
        document["base_url"] = "https://service.example".into();
    }
    if let Some(model) = model {
        document["model"] = model.into();
    }
    codec_for(&Config::from_json(&document.to_string()).unwrap()).unwrap().capabilities().clone()
}

/// As a cell of the table.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.len() > 16 => format!("{} known", list.len()),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{name}: {}", shown(value))).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

fn page() -> String {
    let columns: Vec<Value> = COLUMNS.iter().map(|(p, m)| serde_json::to_value(capabilities(p, *m)).unwrap()).collect();
    let mut page = String::from(
        "# What each provider and model can do\n\nMade of what the codecs say of themselves, by `tests/capabilities.rs`; \
         `client.capabilities()` says the same at run time, in every language. Empty: not declared. `no`: it cannot, and a \
         wish for it is refused or emulated as ARCHITECTURE.md says. Lists that are long are counted; `duologue providers` \
         shows them.\n",
    );
    let first = columns[0].as_object().unwrap();
    let names: Vec<&String> = first.keys().filter(|name| !["provider", "model"].contains(&name.as_str())).collect();
    for (i, (provider, _)) in COLUMNS.iter().enumerate() {
        let column = &columns[i];
        let _ = writeln!(page, "\n## {provider} `{}`\n\n| what | |\n|---|---|", column["model"].as_str().unwrap());
        for name in &names {
            let _ = writeln!(page, "| `{name}` | {} |", shown(&column[name.as_str()]));
        }
    }
    page
}

#[test]
fn the_page_of_capabilities_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/capabilities.md");
    let page = page();
    if std::env::var_os("DUOLOGUE_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "run it with DUOLOGUE_BLESS=1, and look at what changed");
}

/// Each says enough of itself that a host can decide.
#[test]
fn every_provider_says_what_it_can() {
    for (provider, model) in COLUMNS {
        let can = capabilities(provider, model);
        assert_eq!(can.provider, provider);
        let said = [can.text_in, can.image_in, can.tools, can.cancel, can.truncate, can.user_transcription];
        assert!(said.iter().all(Option::is_some), "{provider}: {can:?}");
        assert!(can.reconnect.is_some() && can.idle_audio.is_some() && !can.tool_scheduling.is_empty(), "{provider}");
        assert!(can.input_rate >= 8000 && can.output_rate >= 8000 && !can.turn_modes.is_empty(), "{provider}");
    }
}
