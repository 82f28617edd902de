//! What one frame costs in each direction, without a socket: `cargo bench --no-default-features`.
//!
//! - `decode/duologue` beside `decode/serde_json+base64`: an audio delta as OpenAI sends it, by the
//!   codec and by the least that can read it (borrowed serde_json, base64-simd). Target: at most 1.5 x.
//! - `encode`: a microphone frame of 20 ms.
//! - `session`: the whole step of a session, its outputs drained: an audio delta in, a microphone
//!   frame in.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use duologue::{
    Config,
    event::{OpId, Status},
    provider::{Codec, Frame, codec_for},
    session::{Command, Input, Session},
    time::Time,
};
use serde::Deserialize;
use std::{borrow::Cow, hint::black_box, sync::Arc};

/// Audio of one delta, as OpenAI cuts it, in bytes of PCM.
const DELTA: usize = 4800;
/// Frames in turn: a service gives every event another id, and a repeated id is another path.
const DIFFERENT: usize = 128;

/// Noise-like PCM, the same every time.
fn pcm(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// Audio deltas with different event ids: 6.6 kB each.
fn deltas() -> Vec<String> {
    let audio = base64_simd::STANDARD.encode_to_string(pcm(DELTA));
    (0..DIFFERENT)
        .map(|i| {
            format!(
                r#"{{"type":"response.output_audio.delta","event_id":"event_C0a1b2c3d4e5f6a7{i:04}","response_id":"resp_C0a1b2c3d4e5f6a7b8c9d","item_id":"item_C0a1b2c3d4e5f6a7b8c9d","output_index":0,"content_index":0,"delta":"{audio}"}}"#
            )
        })
        .collect()
}

fn codec() -> Box<dyn Codec> {
    codec_for(&Config::default()).expect("the default configuration")
}

/// The least that can read a delta.
#[derive(Deserialize)]
struct Bare<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    response_id: &'a str,
    item_id: &'a str,
    content_index: u32,
    delta: &'a str,
}

fn decode(c: &mut Criterion) {
    let frames = deltas();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(frames[0].len() as u64));
    group.bench_function("serde_json+base64", |b| {
        let mut turn = frames.iter().cycle();
        b.iter(|| {
            let text = turn.next().expect("endless");
            let bare: Bare<'_> = serde_json::from_str(text).expect("a delta");
            let pcm = base64_simd::STANDARD.decode_to_vec(bare.delta).expect("base64");
            black_box((bare.kind, bare.response_id, bare.item_id, bare.content_index));
            black_box(pcm);
        });
    });
    group.bench_function("duologue", |b| {
        let (mut codec, mut events) = (codec(), Vec::new());
        let mut turn = frames.iter().cycle();
        b.iter(|| {
            let frame = Frame::Text(Cow::Borrowed(turn.next().expect("endless").as_str()));
            codec.decode(&frame, &mut events).expect("a delta");
            black_box(&mut events).clear();
        });
    });
    group.finish();
}

fn encode(c: &mut Criterion) {
    let frame: Vec<i16> = pcm(960).chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    let mut codec = codec();
    c.bench_function("encode/microphone 20 ms", |b| b.iter(|| codec.encode_audio(black_box(&frame))));
}

/// A session in the middle of an answer.
struct Speaking {
    session: Session,
    now: Time,
}

impl Speaking {
    fn new() -> Self {
        let session = Session::new(Arc::new(Config::default()), codec(), 7);
        let mut speaking = Self { session, now: Time(0) };
        speaking.step(Input::Command { op: OpId(1), command: Command::Connect });
        speaking.step(Input::Opened { epoch: 1, unix_s: None });
        for text in [
            r#"{"type":"session.created","event_id":"event_1","session":{"type":"realtime"}}"#,
            r#"{"type":"session.updated","event_id":"event_2","session":{"type":"realtime"}}"#,
            r#"{"type":"response.created","event_id":"event_3","response":{"id":"resp_C0a1b2c3d4e5f6a7b8c9d","status":"in_progress"}}"#,
            r#"{"type":"conversation.item.added","event_id":"event_4","item":{"id":"item_C0a1b2c3d4e5f6a7b8c9d","type":"message","role":"assistant","content":[]}}"#,
        ] {
            speaking.frame(text);
        }
        assert_eq!(*speaking.session.status(), Status::Connected);
        speaking
    }

    fn frame(&mut self, text: &str) -> usize {
        self.step(Input::Frame { epoch: 1, frame: Frame::Text(Cow::Borrowed(text)) })
    }

    /// One input and all its outputs, 20 ms after the one before.
    fn step(&mut self, input: Input<'_>) -> usize {
        self.now = self.now.after_ms(20);
        self.session.handle(self.now, input);
        let mut outputs = 0;
        while let Some(output) = self.session.poll() {
            black_box(output);
            outputs += 1;
        }
        outputs
    }
}

fn session(c: &mut Criterion) {
    let frames = deltas();
    c.bench_function("session/audio delta", |b| {
        let mut speaking = Speaking::new();
        assert_ne!(speaking.frame(&frames[0]), 0, "audio comes out");
        let mut turn = frames.iter().cycle().skip(1);
        b.iter(|| speaking.frame(turn.next().expect("endless")));
    });
    let microphone: Vec<i16> = (0..480).collect();
    c.bench_function("session/microphone 20 ms", |b| {
        let mut speaking = Speaking::new();
        // Virtual minutes pass here, so now and then a timer has something to say as well.
        b.iter(|| assert_ne!(speaking.step(Input::Microphone { pcm: Cow::Borrowed(&microphone), age_us: 0 }), 0));
    });
}

criterion_group!(benches, decode, encode, session);
criterion_main!(benches);
