//! Every format that an agent of ElevenLabs can announce, in both directions: our client asks aloud, the simulated agent
//! understands as much sound as was said, and what is heard of its answer is that answer and no other sound.
#![cfg(feature = "simulator")]

#[path = "common/canary.rs"]
mod canary;
#[path = "common/live.rs"]
mod live;

use duologue::{
    Config,
    event::{EventKind, TranscriptMode},
    message::{Part, Role},
    simulator::{Scenario, Simulator},
};
use live::{say, speech, until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const FORMATS: [&str; 7] = ["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000"];
/// Samples a second of the clips, and of what our client gives its host.
const RATE: usize = 24_000;
/// How far resampling may shift a sound.
const SHIFT: isize = RATE as isize / 100;

/// One question, answered with a clip.
fn scenario(input: &str, output: &str) -> Scenario {
    let mut scenario: Value = serde_json::from_str(include_str!("../assets/three-turns.json")).unwrap();
    scenario["agent"] = json!({"input_format": input, "output_format": output, "greets": false});
    scenario["turns"] = json!([{"hear": "How tall is it?",
        "reply": [{"say": "The tallest one is one hundred and thirty three metres high.", "clip": "answer2"}]}]);
    scenario.as_object_mut().unwrap().remove("caller");
    let assets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    Scenario::from_json(&scenario.to_string(), &assets).unwrap()
}

/// How alike two sounds are, however loud and wherever within `SHIFT` they begin: 1 where they are the same.
fn likeness(one: &[i16], other: &[i16]) -> f64 {
    let energy = |pcm: &[i16]| pcm.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let product = |shift: isize| {
        let at = |i: usize| other.get(i.checked_add_signed(shift)?).copied();
        one.iter().enumerate().filter_map(|(i, s)| Some(f64::from(*s) * f64::from(at(i)?))).sum::<f64>()
    };
    let best = (-SHIFT..=SHIFT).map(product).fold(0.0, f64::max);
    best / (energy(one) * energy(other)).sqrt()
}

async fn converses(input: &'static str, output: &'static str) {
    let simulator = Simulator::builder().scenario(scenario(input, output)).start().await.unwrap();
    let config = json!({"provider": "elevenlabs", "model": "agent_1", "base_url": simulator.elevenlabs_url(),
        "audio": {"input": {"rate": RATE}, "output": {"rate": RATE}}});
    let client = canary::builder().config(Config::from_json(&config.to_string()).unwrap()).build().unwrap();
    canary::events_of(&client);
    let mut events = client.events();
    client.connect().await.unwrap();
    let question = speech(&Scenario::bundled(), "question2");
    let said_ms = question.len() * 1000 / RATE;
    let talking = say(&client, question);
    let (mut heard, mut understood) = (Vec::new(), String::new());
    until(&mut events, |event| {
        match &event.kind {
            EventKind::Audio(audio) => heard.extend_from_slice(&audio.pcm.0),
            EventKind::Transcript(t) if t.role == Role::User && t.mode == TranscriptMode::Final => {
                understood.clone_from(&t.text);
            }
            _ => {}
        }
        live::turn_done(event)
    })
    .await;
    talking.await.unwrap();
    assert_eq!(understood, "How tall is it?", "{input}");
    let Part::Audio { transcript, heard_transcript, heard_ms, duration_ms } = client.messages()[1].parts[0].clone()
    else {
        panic!("{output}: {:?}", client.messages())
    };
    assert_eq!((heard_transcript.as_ref(), heard_ms), (Some(&transcript), duration_ms), "{output}");

    let clip = Scenario::bundled().clip("answer2").unwrap().to_vec();
    assert!(heard.len().abs_diff(clip.len()) < RATE / 20, "{output}: {} of {} samples", heard.len(), clip.len());
    // Beside the conversations of the others, which must not wait for it.
    let alike = tokio::task::spawn_blocking(move || likeness(&clip, &heard)).await.unwrap();
    // Some rates leave out what is above 4 kHz, and µ-law is coarse.
    assert!(alike > 0.98, "{output}: {alike}");
    client.disconnect().await.unwrap();
    let came_ms = simulator.journal().audio_ms() as usize;
    // All of it but what the conversion keeps back at the end.
    assert!(came_ms <= said_ms && said_ms - came_ms < 60, "{input}: {came_ms} of {said_ms} ms");
    client.shutdown().await;
    simulator.shutdown().await;
}

/// Each with itself, and each with another at the other end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_announced_format_converses() {
    let mut talks = JoinSet::new();
    for (i, input) in FORMATS.into_iter().enumerate() {
        for output in [input, FORMATS[(i + 3) % FORMATS.len()]] {
            talks.spawn(converses(input, output));
        }
    }
    while let Some(done) = talks.join_next().await {
        done.unwrap();
    }
}
