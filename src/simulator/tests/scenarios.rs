//! Scenario files: what is accepted, and how mistakes are named.

use crate::simulator::{
    CallerStep, Fault, Scenario, Simulator,
    scenario::{Giant, TriggerEvent, What},
};
use serde_json::{Value, json};
use std::path::Path;

fn load(scenario: &Value) -> crate::Result<Scenario> {
    Scenario::from_json(&scenario.to_string(), Path::new("."))
}

#[test]
fn the_published_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/scenario.schema.json");
    let current = serde_json::to_string_pretty(&Scenario::schema()).unwrap() + "\n";
    if std::env::var_os("DUOLOGUE_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == current, "run this test once with DUOLOGUE_BLESS=1 and commit {}", path.display());
}

#[test]
fn the_bundled_scenario_is_what_its_file_says() {
    let bundled = Scenario::bundled();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/three-turns.json");
    let file = Scenario::from_file(&path).unwrap();
    assert_eq!(serde_json::to_value(&bundled).unwrap(), serde_json::to_value(&file).unwrap());
    let seconds = |name| bundled.clip(name).unwrap().len() as f64 / 24_000.0;
    assert!((8.0..10.0).contains(&seconds("answer1")), "{}", seconds("answer1"));
    let [_, CallerStep::Say(interrupts), ..] = bundled.caller() else { panic!("{:?}", bundled.caller()) };
    let when = interrupts.when.as_ref().unwrap();
    assert_eq!(when.event, TriggerEvent::AnswerAudible);
    assert!((1500..=2500).contains(&when.after_ms));
    assert!(matches!(bundled.caller().last(), Some(CallerStep::HangUp(_))));
    assert_eq!(bundled.clip("nothing").unwrap_err().code, "unknown_clip");
}

#[test]
fn mistakes_name_the_path_and_the_fix() {
    let reply = |item: Value| json!({"name": "n", "turns": [{"hear": "h", "reply": [item]}]});
    for (scenario, field) in [
        (json!({"turns": []}), "$"),
        (json!({"name": "n", "turns": [], "turn": 1}), "turn"),
        (json!({"name": "n", "turns": [{"hear": "h"}]}), "turns[0]"),
        (reply(json!({"say": "a", "text": "b"})), "turns[0].reply[0]"),
        (reply(json!({"call": {"name": "f", "args": {}}})), "turns[0].reply[0].call.args"),
        (reply(json!({"fail": {"code": "c"}})), "turns[0].reply[0].fail"),
        (reply(json!({"say": "a", "fail": {"code": "c", "message": "m"}})), "turns[0].reply[0]"),
        (
            json!({"name": "n", "turns": [], "greeting": [{"fail": {"code": "c", "message": "m"}}, {"say": "a"}]}),
            "greeting[1]",
        ),
        (reply(json!({"say": "a", "clip": "nobody"})), "turns[0].reply[0].clip"),
        (reply(json!({"say": "a", "clip": "nobody.wav"})), "turns[0].reply[0].clip"),
        (json!({"name": "n", "turns": [], "clips": {"a": "bundled:nobody"}}), "clips.a"),
        (json!({"name": "n", "turns": [], "delivery": {"speed": 0}}), "delivery.speed"),
        (json!({"name": "n", "turns": [], "delivery": {"delta_ms": -1}}), "delivery.delta_ms"),
        (json!({"name": "n", "turns": [], "delivery": {"create_delay_ms": 60_001}}), "delivery.create_delay_ms"),
        (
            json!({"name": "n", "turns": [{"hear": "h", "reply": [], "create_delay_ms": 60_001}]}),
            "turns[0].create_delay_ms",
        ),
        (
            json!({"name": "n", "turns": [{"hear": "h", "reply": [], "transcript": {"delay_ms": 60_001}}]}),
            "turns[0].transcript.delay_ms",
        ),
        (
            json!({"name": "n", "turns": [{"hear": "h", "reply": [], "transcript": {"when": "never"}}]}),
            "turns[0].transcript.when",
        ),
        (
            json!({"name": "n", "turns": [], "out_of_band": [{"metadata": {"a": 1}, "reply": []}]}),
            "out_of_band[0].metadata.a",
        ),
        (
            json!({"name": "n", "turns": [], "out_of_band": [{"reply": [{"say": "a", "clip": "nobody"}]}]}),
            "out_of_band[0].reply[0].clip",
        ),
        (json!({"name": "n", "turns": [], "idle": [{"say": "a", "clip": "nobody"}]}), "idle[0].clip"),
        (json!({"name": "n", "turns": [], "caller": [{"wait_ms": 1, "say": "x"}]}), "caller[0]"),
        (
            json!({"name": "n", "turns": [], "caller": [{"say": "x", "when": {"event": "soon"}}]}),
            "caller[0].when.event",
        ),
    ] {
        let error = load(&scenario).unwrap_err();
        assert_eq!((error.code.as_ref(), error.field.as_deref()), ("invalid_scenario", Some(field)), "{error}");
        assert!(error.fix.is_some());
    }
    assert_eq!(Scenario::from_file(Path::new("/nowhere.json")).unwrap_err().code, "unreadable_scenario");
    assert!(Scenario::from_json("{} {}", Path::new(".")).is_err());
}

#[test]
fn mistakes_in_faults_name_the_path_and_the_fix() {
    let long = "x".repeat(124);
    for (fault, field) in [
        (json!({}), "faults[0]"),
        (json!({"do": "explode"}), "faults[0].do"),
        (json!({"do": "drop", "often": 2}), "faults[0].often"),
        (json!({"do": "drop", "connection": 0}), "faults[0].connection"),
        (json!({"do": "drop", "connection": "all"}), "faults[0].connection"),
        (json!({"do": "drop", "connection": -1}), "faults[0].connection"),
        (json!({"do": "drop", "name": ""}), "faults[0].name"),
        (json!({"do": "drop", "times": 2}), "faults[0].times"),
        (json!({"do": "omit", "times": 0}), "faults[0].times"),
        (json!({"do": "drop", "when": "never"}), "faults[0].when"),
        (json!({"do": "drop", "when": {"events": 0}}), "faults[0].when.events"),
        (json!({"do": "drop", "when": {"event": {"type": "response.over"}}}), "faults[0].when.event.type"),
        (json!({"do": "drop", "when": {"event": {"type": "response.done", "nth": 0}}}), "faults[0].when.event.nth"),
        (
            json!({"do": "drop", "when": {"client_event": {"type": "response.done"}}}),
            "faults[0].when.client_event.type",
        ),
        (json!({"do": "drop", "when": {"after_ms": 86_400_001}}), "faults[0].when.after_ms"),
        (json!({"do": {"close": {"code": 1006}}}), "faults[0].do.close.code"),
        (json!({"do": {"close": {"code": 5000}}}), "faults[0].do.close.code"),
        (json!({"do": {"close": {"code": 1000, "reason": long}}}), "faults[0].do.close.reason"),
        (json!({"do": {"close": {"code": 1000, "why": "x"}}}), "faults[0].do.close.why"),
        (
            json!({"do": {"error": {"code": "c", "message": "m", "close": {"code": 1005}}}}),
            "faults[0].do.error.close.code",
        ),
        (json!({"do": {"stall": {"ms": 0}}}), "faults[0].do.stall.ms"),
        (json!({"do": {"slow": {"ms": 60_001}}}), "faults[0].do.slow.ms"),
        (json!({"do": {"giant": {"bytes": 67_108_865}}}), "faults[0].do.giant.bytes"),
        (json!({"do": {"broken": "heart"}}), "faults[0].do.broken"),
        (json!({"do": {"session_cap": {"ms": 0}}}), "faults[0].do.session_cap.ms"),
        (json!({"do": {"session_cap": {"ms": 9}}, "when": {"events": 1}}), "faults[0].when"),
        (json!({"do": {"refuse": {"status": 429}}}), "faults[0].when"),
        (json!({"do": {"refuse": {"status": 302}}, "when": {"upgrade": 1}}), "faults[0].do.refuse.status"),
        (json!({"do": "captive_portal", "when": {"upgrade": 1}, "connection": 1}), "faults[0].connection"),
        (json!({"do": "drop", "when": {"client_secret": 1}}), "faults[0].do"),
        (json!({"do": "half_open", "when": {"upgrade": 0}}), "faults[0].when.upgrade"),
    ] {
        let error = load(&json!({"name": "n", "turns": [], "faults": [fault]})).unwrap_err();
        assert_eq!((error.code.as_ref(), error.field.as_deref()), ("invalid_scenario", Some(field)), "{fault} {error}");
        assert!(error.fix.is_some_and(|fix| !fix.is_empty()));
    }
    let many = vec![json!({"do": "drop"}); 1001];
    assert_eq!(load(&json!({"name": "n", "turns": [], "faults": many})).unwrap_err().field.as_deref(), Some("faults"));
}

#[test]
fn faults_are_written_as_they_are_read() {
    let faults = json!([
        {"do": "drop"},
        {"name": "n", "connection": 2, "when": {"events": 5}, "do": {"close": {"code": 1011, "reason": "r"}}},
        {"connection": "each", "when": {"event": {"type": "response.done", "nth": 2}}, "times": 3, "do": "omit"},
        {"when": {"client_event": {"type": "response.create", "nth": 1}}, "do": {"broken": "deep_json"}},
        {"when": {"after_ms": 10}, "do": {"giant": {"bytes": 64}}},
        {"when": {"upgrade": 1}, "times": 2, "do": {"refuse": {"status": 429, "retry_after_s": 1}}},
    ]);
    let scenario = load(&json!({"name": "n", "turns": [], "continue": true, "faults": faults})).unwrap();
    let mut written = serde_json::to_value(&scenario).unwrap();
    assert_eq!(written["continue"], true);
    for fault in written["faults"].as_array_mut().unwrap() {
        let fault = fault.as_object_mut().unwrap();
        fault.retain(|name, value| name != "when" || value != "connect");
    }
    assert_eq!(written["faults"], faults);
    // What has a usual value may be left out.
    let short = json!([{"when": {"event": {"type": "response.done"}}, "do": {"giant": {}}}]);
    let scenario = load(&json!({"name": "n", "turns": [], "faults": short})).unwrap();
    assert_eq!(scenario.faults[0], Fault::new(What::Giant(Giant { bytes: 17 << 20 })).event("response.done", 1));
}

#[tokio::test]
async fn faults_made_in_code_are_checked_too() {
    let error = Simulator::builder().fault(Fault::close(1006, "")).start().await.unwrap_err();
    assert_eq!(error.field.as_deref(), Some("faults[0].do.close.code"));
}

#[test]
fn clips_are_found_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(folder.path().join("a.wav"), spec).unwrap();
    (0..96_000).for_each(|_| wav.write_sample(1000_i16).unwrap());
    wav.finalize().unwrap();
    let path = folder.path().join("scenario.json");
    let turns = json!([{"hear": "h", "reply": [{"say": "x", "clip": "a.wav"}]}]);
    std::fs::write(&path, json!({"name": "n", "turns": turns}).to_string()).unwrap();
    let clip = Scenario::from_file(&path).unwrap().clip("a.wav").unwrap();
    assert!((clip.len() as i64 - 24_000).abs() < 300, "48 kHz stereo becomes 24 kHz mono, not {} samples", clip.len());
    assert!(clip[12_000].abs_diff(1000) < 20);
}

#[tokio::test]
async fn the_default_is_the_bundled_scenario() {
    let sim = Simulator::builder().start().await.unwrap();
    assert!(sim.base_url().starts_with("http://127.0.0.1:") && sim.base_url().ends_with("/v1"));
    assert!(sim.ws_url().starts_with("ws://127.0.0.1:") && sim.ws_url().ends_with("/v1/realtime"));
    assert_eq!(sim.ca_pem(), None);
    sim.shutdown().await;
}
