//! The demo, measured: a spoken conversation of three turns between the simulated caller and the
//! simulated service, over a real socket and the file device, and what its recording shows.
#![cfg(feature = "cli")]

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Client, Config,
    audio::device::file::FileBackend,
    config::{AudioSource, Tool},
    event::{Event, EventKind, Status, TranscriptMode, TranscriptStage},
    message::{Message, Part, Role},
    simulator::{
        Scenario, Simulator,
        caller::{self, HangUp},
    },
};
use serde_json::{Value, json};
use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

/// Samples a millisecond.
const MS: usize = 24;
/// How far from the cut the assistant must be silent.
const TOLERANCE: usize = 25 * MS;
/// Nothing here takes this long, on any machine; a test that does has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A call that was held.
struct Held {
    events: Vec<Arc<Event>>,
    messages: Vec<Message>,
    client: Vec<Value>,
    server: Vec<Value>,
    audio_ms: u64,
    underruns: u64,
    hang_up: HangUp,
    recording: Recording,
}

/// Both sides on one timeline, 24 kHz.
struct Recording {
    user: Vec<i16>,
    assistant: Vec<i16>,
}

impl Recording {
    fn read(path: &Path) -> Self {
        let mut wav = hound::WavReader::open(path).unwrap();
        assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 24_000));
        let all: Vec<i16> = wav.samples().map(|s| s.unwrap()).collect();
        let (user, assistant) = all.as_chunks::<2>().0.iter().map(|f| (f[0], f[1])).unzip();
        Self { user, assistant }
    }
}

fn weather() -> Tool {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    Tool { name: "get_weather".into(), parameters: Some(parameters), ..Tool::default() }
}

/// Plays a scenario to its end in this process, so that the simulator's journal can be seen too.
async fn hold(scenario: Scenario) -> Held {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("conversation.wav");
    let (mut caller, microphone) = caller::from_scenario(&scenario).unwrap();
    let simulator = Simulator::builder().scenario(scenario).start().await.unwrap();
    let mut config = Config { base_url: Some(simulator.base_url()), tools: vec![weather()], ..Config::default() };
    config.audio.input.source = AudioSource::Device;
    config.audio.output.source = AudioSource::Device;
    let backend = FileBackend::new(Box::new(microphone), 24_000).record_to(&path);
    let client =
        Client::builder().config(config).credential(canary::key()).audio_backend(Box::new(backend)).build().unwrap();
    let mut stream = client.events();
    let mut events = Vec::new();
    let talk = async {
        client.connect().await.unwrap();
        loop {
            tokio::select! {
                event = stream.next() => {
                    let event = event.expect("the client ended");
                    caller.observe(&event);
                    if let EventKind::ToolCall(call) = &event.kind {
                        let output = json!({"weather": "18 degrees, sunny"}).to_string();
                        drop(client.submit_tool_result(call.call.clone(), output, false));
                    }
                    assert!(!matches!(event.kind, EventKind::Status(Status::Error { .. })), "{event:?}");
                    events.push(event);
                }
                hang_up = caller.hung_up() => return hang_up,
            }
        }
    };
    let hang_up = tokio::time::timeout(PATIENCE, talk).await.expect("the call did not end");
    let (messages, underruns) = (client.messages(), client.stats().underruns);
    client.disconnect().await.unwrap();
    client.shutdown().await;
    let (journal, recording) = (simulator.journal(), Recording::read(&path));
    let (client, server) = (journal.client_events(), journal.server_events());
    Held { events, messages, client, server, audio_ms: journal.audio_ms(), underruns, hang_up, recording }
}

fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|e| e["type"] == kind).collect()
}

fn first_sound(samples: &[i16]) -> usize {
    samples.iter().position(|s| *s != 0).expect("there is no sound")
}

/// Finds `clip` in `recording` from sample `began` on, 10 ms at a time. A machine that is too slow makes
/// gaps (the speaker runs dry, fades out, waits, fades in), which move the rest. Gives the gaps and how
/// far the last samples are from where they would be without; panics when anything else differs.
fn follow(clip: &[i16], recording: &[i16], began: usize) -> (usize, usize) {
    const BLOCK: usize = 10 * MS;
    let (mut gaps, mut shift, mut lost) = (0, 0, 0);
    for (i, block) in clip.chunks_exact(BLOCK).enumerate() {
        let at = began + i * BLOCK + shift;
        // Pauses of the speech are everywhere.
        if block.iter().filter(|s| **s != 0).count() < BLOCK / 2 || recording[at..].starts_with(block) {
            continue;
        }
        match recording[at..].windows(BLOCK).position(|w| w == block) {
            Some(gap) => (gaps, shift) = (gaps + 1, shift + gap),
            // Faded out or in; or the fade of the first samples.
            None => lost += 1,
        }
    }
    assert!(lost <= 2 + 3 * gaps, "{lost} blocks are not the answer's, {gaps} gaps");
    (gaps, shift)
}

/// Checks the assistant's side around the interruption of its first answer; gives the sample where the
/// answer began, the one where it was cut, and the gaps in between.
fn check_cut(recording: &Recording, heard_ms: usize) -> (usize, usize, usize) {
    let scenario = Scenario::bundled();
    let clip = scenario.clip("answer1").unwrap();
    let heard = heard_ms * MS;
    assert!(heard < clip.len(), "it was not cut");
    // The clip may begin with digital silence of its own.
    let began = first_sound(&recording.assistant) - first_sound(&clip);
    // Until shortly before the cut (the fade) the recording is the answer, sample by sample ...
    let (gaps, shift) = follow(&clip[..heard - TOLERANCE], &recording.assistant, began);
    println!("{gaps} gaps, {} ms in all", shift / MS);
    let cut = began + heard + shift;
    // ... and right after the cut it is silent, until the second answer half a second and more later. The ledger is
    // exact to a millisecond. Where the speaker ran dry in what was not followed, that is later: it may not be longer.
    let last = cut - TOLERANCE;
    let (mut sounding, mut silent, mut end) = (0, 0, last);
    for (at, sample) in recording.assistant.iter().enumerate().skip(last) {
        (silent, sounding) = if *sample == 0 { (silent + 1, sounding) } else { (0, sounding + 1) };
        end = if *sample == 0 { end } else { at };
        if silent > 500 * MS {
            break;
        }
    }
    assert!(end <= cut + MS || sounding <= 2 * TOLERANCE, "the assistant was heard for {} ms more", sounding / MS);
    (began, cut, gaps)
}

/// A recording whose first answer is cut after two seconds, with a gap of 30 ms in it or not.
fn cut_after_two_seconds(gap: bool) -> Recording {
    let clip = Scenario::bundled().clip("answer1").unwrap();
    let (mut assistant, at) = (vec![0; 24_000], 400 * MS);
    assistant.extend(&clip[..at]);
    assistant.extend(std::iter::repeat_n(0, if gap { 30 * MS } else { 0 }));
    assistant.extend(&clip[at..2000 * MS]);
    assistant.extend(std::iter::repeat_n(0, 24_000));
    assistant.extend(&clip[..24_000]);
    Recording { user: Vec::new(), assistant }
}

#[test]
fn the_measure_finds_the_cut_with_and_without_a_gap() {
    assert_eq!(check_cut(&cut_after_two_seconds(false), 2000).2, 0);
    assert_eq!(check_cut(&cut_after_two_seconds(true), 2000).2, 1);
    // Dry just before the cut: the last 15 ms are heard 200 ms later.
    let mut late = cut_after_two_seconds(false);
    let last = first_sound(&late.assistant) - first_sound(&Scenario::bundled().clip("answer1").unwrap()) + 1985 * MS;
    late.assistant.splice(last..last, std::iter::repeat_n(0, 200 * MS));
    check_cut(&late, 2000);
}

#[test]
#[should_panic(expected = "was heard for")]
fn the_measure_sees_an_answer_that_goes_on() {
    check_cut(&cut_after_two_seconds(false), 1900);
}

#[test]
#[should_panic(expected = "are not the answer's")]
fn the_measure_sees_an_answer_that_ends_early() {
    check_cut(&cut_after_two_seconds(false), 2100);
}

#[tokio::test]
async fn an_interrupted_answer_is_silent_where_the_ledger_says_it_was_cut() {
    let held = hold(Scenario::bundled()).await;
    assert_eq!(held.hang_up, HangUp::Done);

    // Three turns were spoken, understood and answered.
    let said: Vec<_> = held
        .events
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Transcript(t) if t.role == Role::User && t.mode == TranscriptMode::Final => Some(&t.text),
            _ => None,
        })
        .collect();
    assert_eq!(said.len(), 3, "{said:?}");
    let latencies = held.events.iter().filter(|e| matches!(e.kind, EventKind::Latency(_))).count();
    assert_eq!(latencies, 3);

    // One answer was cut off, and the service was told where: by the ledger, to the millisecond.
    let interrupted: Vec<_> = held
        .events
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Interrupted(i) => Some((e.item.clone().unwrap(), i.heard_ms)),
            _ => None,
        })
        .collect();
    let [(item, heard_ms)] = &interrupted[..] else { panic!("{interrupted:?}") };
    let truncates = of_type(&held.client, "conversation.item.truncate");
    assert_eq!(truncates.len(), 1);
    assert_eq!(truncates[0]["item_id"], item.as_str());
    assert_eq!(truncates[0]["audio_end_ms"], *heard_ms);
    assert_eq!(of_type(&held.server, "conversation.item.truncated").len(), 1, "the service took it");

    // The history has the words that were heard, and says so.
    let message = held.messages.iter().find(|m| m.id == *item).unwrap();
    assert!(message.interrupted);
    let Part::Audio { transcript, heard_transcript: Some(words), heard_ms: slot, .. } = &message.parts[0] else {
        panic!("{message:?}")
    };
    assert_eq!(slot, heard_ms);
    assert!(!words.is_empty() && transcript.starts_with(words.as_str()) && words.len() < transcript.len(), "{words}");

    // The recording.
    let (began, cut, gaps) = check_cut(&held.recording, *heard_ms as usize);
    assert!(gaps as u64 <= held.underruns, "{gaps} gaps, {} underruns", held.underruns);
    let question = Scenario::bundled().clip("question1").unwrap();
    let asked = first_sound(&held.recording.user);
    let spoke = asked + question.len() + first_sound(&held.recording.user[asked + question.len()..]);
    let after = (spoke - began) / MS;
    assert!((1800..3000).contains(&after), "the caller cut in after {after} ms of the answer");
    assert!(spoke < cut && cut - spoke < 1500 * MS, "cut {} ms after the caller spoke", (cut - spoke) / MS);
    assert!(held.recording.user.len() as u64 >= held.audio_ms * 24, "all that was sent is recorded");

    // The tool was called, answered, and its answer spoken.
    let outputs = of_type(&held.client, "conversation.item.create");
    let outputs: Vec<_> = outputs.iter().filter(|e| e["item"]["type"] == "function_call_output").collect();
    assert_eq!(outputs.len(), 1);
    assert!(held.messages.last().unwrap().text().contains("eighteen degrees"));
}

/// A scenario whose caller plays `clip` and then waits.
async fn nothing_but(clip: impl Iterator<Item = i16>) -> Held {
    let dir = tempfile::tempdir().unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(dir.path().join("sound.wav"), spec).unwrap();
    clip.for_each(|s| wav.write_sample(s).unwrap());
    wav.finalize().unwrap();
    let scenario = json!({
        "name": "no speech",
        "turns": [{"hear": "something", "reply": [{"say": "I heard you."}]}],
        "caller": [
            {"say": "sound.wav", "when": {"event": "connected"}},
            {"hang_up": {"after_idle_ms": 1500}}
        ]
    });
    let held = hold(Scenario::from_json(&scenario.to_string(), dir.path()).unwrap()).await;
    assert_eq!(held.hang_up, HangUp::Done);
    assert!(held.audio_ms >= 4_000, "the service heard {} ms", held.audio_ms);
    held
}

fn assert_no_turn(held: &Held) {
    for kind in ["input_audio_buffer.speech_started", "input_audio_buffer.committed", "response.created"] {
        assert_eq!(of_type(&held.server, kind).len(), 0, "{kind}");
    }
    assert!(!held.events.iter().any(|e| matches!(e.kind, EventKind::SpeechStarted(_) | EventKind::TurnDone(_))));
    assert!(held.messages.is_empty(), "{:?}", held.messages);
    assert!(held.recording.assistant.iter().all(|s| *s == 0));
}

#[tokio::test]
async fn silence_is_no_turn() {
    assert_no_turn(&nothing_but(std::iter::repeat_n(0, 72_000)).await);
}

#[tokio::test]
async fn white_noise_is_no_turn() {
    let mut x = 0x2545_f491_4f6c_dd1du64;
    let noise = std::iter::repeat_with(move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        ((x >> 48) as i16) / 4
    });
    let held = nothing_but(noise.take(72_000)).await;
    assert_no_turn(&held);
    assert!(held.recording.user.iter().any(|s| *s != 0), "it was there");
}

/// Runs the program; its exit code, standard output and standard error.
async fn program(args: &[&str]) -> (Option<i32>, String, String) {
    let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_duologue"))
        .args(args)
        .env_remove("OPENAI_API_KEY")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, child).await.expect("the program hangs").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_program_tells_the_demo_as_events() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("conversation.wav");
    // Over a WebSocket, which changes no sample.
    let websocket = ["talk", "--simulate", "--transport", "websocket", "--json", "--output", path.to_str().unwrap()];
    let (code, out, err) = program(&websocket).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.windows(2).all(|pair| pair[0]["seq"].as_u64() < pair[1]["seq"].as_u64()));
    assert_eq!(of_type(&events, "audio").len(), 0);
    assert_eq!(of_type(&events, "error").len(), 0);
    let answered: Vec<_> = of_type(&events, "latency").iter().map(|e| e["turn"].clone()).collect();
    assert_eq!(answered, [1, 2, 3]);
    let call = of_type(&events, "tool_call");
    assert_eq!((call.len(), &call[0]["name"]), (1, &json!("get_weather")));
    let interrupted = of_type(&events, "interrupted");
    assert_eq!(interrupted.len(), 1);
    let heard: Vec<_> = of_type(&events, "transcript").into_iter().filter(|e| e["stage"] == "heard").collect();
    assert_eq!((heard.len(), &heard[0]["item"]), (1, &interrupted[0]["item"]));
    let recording = Recording::read(&path);
    check_cut(&recording, interrupted[0]["heard_ms"].as_u64().unwrap() as usize);
    // What a host reads is what the library writes.
    let back: Event = serde_json::from_value(heard[0].clone()).unwrap();
    assert!(matches!(back.kind, EventKind::Transcript(t) if t.stage == TranscriptStage::Heard));
}

/// The same conversation whoever answers: three turns, one of them cut by the user, one with a tool, and nobody else cut.
async fn demo_with(provider: &str) {
    let (code, out, err) = program(&["talk", "--simulate", "--provider", provider, "--json"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{provider}");
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| of_type(&events, kind).len();
    assert_eq!((count("latency"), count("tool_call"), count("interrupted")), (3, 1, 1), "{provider}");
    let said = |role: &str| {
        let of = |e: &&Value| e["role"] == role && e["mode"] == "final" && e["stage"] != "heard";
        of_type(&events, "transcript").into_iter().filter(of).map(|e| e["text"].clone()).collect::<Vec<_>>()
    };
    let hear: Vec<_> = Scenario::bundled().turns.iter().map(|turn| json!(turn.hear)).collect();
    assert_eq!(said("user"), hear, "{provider}");
    assert_eq!(said("assistant").last(), Some(&json!("In Paris it is eighteen degrees and sunny.")), "{provider}");
}

#[tokio::test]
async fn every_provider_holds_the_demo() {
    tokio::join!(demo_with("gemini"), demo_with("xai"), demo_with("azure"), demo_with("elevenlabs"));
}

#[tokio::test]
async fn a_person_sees_the_demo_in_a_dozen_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("conversation.wav");
    let (code, out, err) = program(&["talk", "--simulate", "--output", path.to_str().unwrap()]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(!out.contains('\x1b'), "nothing moves where there is no terminal: {out}");
    let lines: Vec<_> = out.lines().collect();
    let labels: Vec<_> = lines.iter().filter_map(|l| l.split_whitespace().next()).collect();
    let expected = [
        "duologue",
        "you",
        "assistant",
        "you",
        "assistant",
        "you",
        "tool",
        "assistant",
        "latency",
        "turn",
        "turn",
        "turn",
        "recording",
    ];
    assert_eq!(labels, expected, "{out}");
    let scenario = Scenario::bundled();
    assert_eq!(lines[1].split_at(11).1, scenario.turns[0].hear);
    // The answer that was cut: the words that were heard, then what was not.
    let cut = lines[2].split_at(11).1;
    let (heard, rest) = cut.split_once(" — [cut at ").expect(cut);
    let (at, rest) = rest.split_once(" s; not heard: \"").expect(cut);
    assert!(at.parse::<f64>().unwrap() > 0.0, "{cut}");
    let whole = "Of course. The first lighthouses were open fires on hills, which guided ships at night.";
    assert!(whole.starts_with(heard) && heard.len() < whole.len(), "{cut}");
    assert!(whole[heard.len()..].trim_start().starts_with(rest.split(' ').next().unwrap()), "{cut}");
    assert_eq!(lines[3].split_at(11).1, scenario.turns[1].hear);
    assert!(lines[6].contains(r#"get_weather {"city":"Paris"} → {"city":"Paris","weather":"18 degrees, sunny"}"#));
    assert!(lines[12].contains("conversation.wav") && path.exists(), "{}", lines[12]);
}
