//! What can be seen of the sound of a client: what the microphone hears and what is played, and nothing else.

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Client, Config, Result,
    audio::{
        capture::CaptureWriter,
        device::{AudioBackend, AudioStream, DeviceIo, StreamFormats, StreamWish},
        playout::PlayoutReader,
    },
    client::{Analyser, AnalyserOptions},
    config::{AudioDelivery, AudioSource},
    event::Direction,
    transport::scripted::{Outbound, Peer, ScriptedDialer},
};
use serde_json::{Value, json};
use std::{
    f64::consts::TAU,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{runtime::Handle, sync::mpsc::UnboundedReceiver};

const RATE: u32 = 24_000;
/// 10 ms.
const BLOCK: usize = 240;

/// A client in virtual time; the test is the vendor, the host and the sound card.
struct Call {
    client: Client,
    peers: UnboundedReceiver<Peer>,
    peer: Option<Peer>,
}

fn wire(kind: &str, body: Value) -> String {
    let mut event = json!({"type": kind, "event_id": format!("{kind}{body}")});
    event.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    event.to_string()
}

/// A tone on bin `bin` of 512 frames at 24 kHz.
fn tone(bin: usize, frames: usize) -> Vec<i16> {
    (0..frames).map(|n| (16_384.0 * (TAU * (bin * n) as f64 / 512.0).sin()) as i16).collect()
}

impl Call {
    fn new(config: Config, backend: Option<Card>) -> Self {
        let (dialer, peers) = ScriptedDialer::new();
        let mut builder = Client::builder()
            .config(config)
            .credential(canary::key())
            .dialer(Arc::new(dialer))
            .runtime(Handle::current());
        if let Some(card) = backend {
            builder = builder.audio_backend(Box::new(card));
        }
        Self { client: builder.build().unwrap(), peers, peer: None }
    }

    async fn connect(&mut self) {
        let connecting = self.client.connect();
        let mut peer = self.peers.recv().await.unwrap();
        peer.send(wire("session.created", json!({"session": {}})));
        assert!(matches!(peer.next().await, Some(Outbound::Text(..))));
        peer.send(wire("session.updated", json!({"session": {}})));
        connecting.await.unwrap();
        self.peer = Some(peer);
        self.wait(20).await;
    }

    /// The vendor says `pcm`.
    fn speaks(&self, id: &str, pcm: &[i16]) {
        let at = json!({"response_id": format!("R{id}"), "item_id": format!("A{id}"), "output_index": 0,
            "content_index": 0});
        let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut delta = at.clone();
        delta["delta"] = base64_simd::STANDARD.encode_to_string(bytes).into();
        let body = |status: &str| json!({"response": {"id": format!("R{id}"), "status": status, "output": []}});
        let peer = self.peer.as_ref().unwrap();
        peer.send(wire("response.created", body("in_progress")));
        peer.send(wire("response.output_audio.delta", delta));
        peer.send(wire("response.output_audio.done", at));
        peer.send(wire("response.done", body("completed")));
    }

    async fn wait(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// Looks at 512 frames without smoothing: what is there is there at once.
    fn analyser(&self, direction: Direction) -> Analyser {
        let options = AnalyserOptions { fft_size: 512, smoothing: 0.0, ..AnalyserOptions::default() };
        self.client.analyser(direction, options).unwrap()
    }

    /// Pulls as long as `ms` of sound take.
    async fn pull(&self, ms: usize) {
        for _ in 0..ms / 10 {
            self.wait(10).await;
            self.client.pull_audio(&mut [0; BLOCK], None).unwrap();
        }
    }

    fn push(&self, pcm: &[i16]) {
        for block in pcm.chunks(BLOCK) {
            assert_eq!(self.client.push_audio(block).unwrap(), block.len());
        }
    }
}

/// The loudest frequency, if there is any sound.
fn peak(analyser: &Analyser) -> Option<usize> {
    let mut bytes = [0; 256];
    assert_eq!(analyser.byte_frequency_data(&mut bytes), Some(256), "connected");
    let loudest = *bytes.iter().max().unwrap();
    (loudest > 0).then(|| {
        // Bytes end at 255, so the loudest ones are a few.
        let (first, last) = (bytes.iter().position(|b| *b == loudest), bytes.iter().rposition(|b| *b == loudest));
        (first.unwrap() + last.unwrap()) / 2
    })
}

/// Every getter says that there is no connection.
fn sees_nothing(analyser: &Analyser) {
    assert_eq!(analyser.byte_frequency_data(&mut [0; 4]), None);
    assert_eq!(analyser.float_frequency_data(&mut [0.0; 4]), None);
    assert_eq!(analyser.byte_time_domain_data(&mut [0; 4]), None);
    assert_eq!(analyser.float_time_domain_data(&mut [0.0; 4]), None);
    assert_eq!(analyser.voice_bands(&mut [0; 4]), None);
    assert_eq!(analyser.sample_rate(), None);
}

fn pulled() -> Config {
    let mut config = Config::default();
    config.audio.output.delivery = AudioDelivery::Pull;
    config
}

#[tokio::test(start_paused = true)]
async fn there_is_something_to_see_while_connected_only() {
    let mut call = Call::new(pulled(), None);
    let (input, output) = (call.analyser(Direction::Input), call.analyser(Direction::Output));
    call.push(&tone(20, 4_800));
    sees_nothing(&input);
    sees_nothing(&output);
    assert_eq!(call.client.levels(), None);

    call.connect().await;
    assert_eq!((peak(&input), peak(&output)), (None, None), "what was said before is not of this call");
    assert_eq!(call.client.levels().unwrap().output.peak, 0.0);
    call.push(&tone(20, 4_800));
    call.speaks("1", &tone(40, 24_000));
    call.pull(200).await;
    assert_eq!((peak(&input), peak(&output)), (Some(20), Some(40)));
    assert_eq!((input.sample_rate(), output.sample_rate()), (Some(RATE), Some(RATE)));

    let leaving = call.client.disconnect();
    call.peer.as_ref().unwrap().close(Some(1000), "");
    leaving.await.unwrap();
    sees_nothing(&input);
    sees_nothing(&output);
    assert_eq!(call.client.levels(), None);
    call.connect().await;
    assert_eq!((peak(&input), peak(&output)), (None, None), "nor is what was said in the call before");
    call.push(&tone(30, 4_800));
    assert_eq!(peak(&input), Some(30));

    // An analyser does not keep its client, and knows of its end before the driver does.
    call.client.destroy();
    sees_nothing(&input);
    sees_nothing(&output);
}

#[tokio::test(start_paused = true)]
async fn the_output_is_what_is_pulled_and_not_what_was_received() {
    let mut call = Call::new(pulled(), None);
    call.connect().await;
    let output = call.analyser(Direction::Output);
    // One second of one tone and one of another come at once.
    call.speaks("1", &[tone(40, 24_000), tone(90, 24_000)].concat());
    call.wait(100).await;
    assert_eq!(peak(&output), None, "received, and not pulled");
    call.pull(500).await;
    assert_eq!(peak(&output), Some(40));
    call.pull(1_000).await;
    assert_eq!(peak(&output), Some(90));
    // An interruption: a fade-out, then silence.
    let cutting = call.client.interrupt();
    call.pull(100).await;
    cutting.await.unwrap();
    assert_eq!(peak(&output), None);
    let mut wave = [0; 512];
    output.byte_time_domain_data(&mut wave);
    assert_eq!(wave, [128; 512]);
}

#[tokio::test(start_paused = true)]
async fn what_is_pulled_is_seen_when_it_can_be_heard() {
    let mut call = Call::new(pulled(), None);
    call.connect().await;
    let output = call.analyser(Direction::Output);
    call.speaks("1", &tone(40, 24_000));
    let mut seen = Vec::new();
    for _ in 0..50 {
        call.wait(10).await;
        // The loudspeaker is 200 ms behind.
        call.client.pull_audio(&mut [0; BLOCK], Some(duologue::clock_us() + 200_000)).unwrap();
        seen.push(peak(&output).is_some());
    }
    // 60 ms until there is enough to begin with are over at once here.
    let first = seen.iter().position(|s| *s).unwrap();
    assert!((19..=23).contains(&first), "seen from block {first} on");
}

#[tokio::test(start_paused = true)]
async fn audio_events_are_seen_as_their_clock_goes() {
    let mut call = Call::new(Config { auto_capture: false, ..Config::default() }, None);
    call.connect().await;
    let output = call.analyser(Direction::Output);
    call.speaks("1", &[tone(40, 24_000), tone(90, 24_000)].concat());
    call.wait(15).await;
    assert_ne!(peak(&output), Some(90), "received, and not played");
    // Nothing but the clock goes on: nobody pushes, nothing comes.
    for ms in [400, 500] {
        call.wait(ms).await;
        assert_eq!(peak(&output), Some(40));
    }
    call.wait(500).await;
    assert_eq!(peak(&output), Some(90));
    call.wait(20).await;
    assert!(call.client.levels().unwrap().output.rms > 0.8);
    call.client.interrupt().await.unwrap();
    call.speaks("2", &tone(60, 24_000));
    call.wait(100).await;
    assert_eq!(peak(&output), Some(60), "what was cut is not seen any more");
}

#[tokio::test(start_paused = true)]
async fn levels_need_nobody_who_looks() {
    let mut call = Call::new(Config::default(), None);
    call.connect().await;
    call.speaks("1", &tone(40, 24_000));
    for _ in 0..30 {
        call.wait(10).await;
        call.push(&[0; BLOCK]);
    }
    let levels = call.client.levels().unwrap();
    assert!((levels.output.peak - 0.9).abs() < 0.01, "-6 dB: {levels:?}");
    assert_eq!(levels.input.peak, 0.0);
    call.push(&tone(20, 480));
    assert!((call.client.levels().unwrap().input.peak - 0.9).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn the_microphone_is_seen_muted_and_not_while_nothing_is_captured() {
    let mut call = Call::new(Config::default(), None);
    let input = call.analyser(Direction::Input);
    call.connect().await;
    call.client.set_input_muted(true).await.unwrap();
    call.push(&tone(20, 2_400));
    assert_eq!(peak(&input), Some(20), "muted, it hears all the same");
    call.client.set_capture(false).await.unwrap();
    call.push(&tone(30, 2_400));
    assert_eq!(peak(&input), None);
    assert!(call.client.levels().unwrap().input.peak < 0.9);
    call.client.set_capture(true).await.unwrap();
    call.push(&tone(50, 2_400));
    assert_eq!(peak(&input), Some(50));
}

#[tokio::test(start_paused = true)]
async fn as_much_as_fits_is_written() {
    let mut call = Call::new(Config::default(), None);
    call.connect().await;
    let input = call.analyser(Direction::Input);
    assert_eq!((input.frequency_bin_count(), input.direction()), (256, Direction::Input));
    call.push(&tone(20, 1_024));
    assert_eq!(input.byte_frequency_data(&mut [0; 3]), Some(3));
    assert_eq!(input.float_frequency_data(&mut [0.0; 999]), Some(256));
    assert_eq!(input.byte_time_domain_data(&mut [0; 100]), Some(100));
    assert_eq!(input.float_time_domain_data(&mut [0.0; 999]), Some(512));
    assert_eq!(input.voice_bands(&mut [0; 7]), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_direction_without_sound_and_options_out_of_range_are_refused() {
    let mut config = Config::default();
    (config.audio.input.source, config.audio.output.source) = (AudioSource::None, AudioSource::None);
    let call = Call::new(config, None);
    for (direction, field) in [(Direction::Input, "audio.input.source"), (Direction::Output, "audio.output.source")] {
        let error = call.client.analyser(direction, AnalyserOptions::default()).unwrap_err();
        assert_eq!((&*error.code, error.field.as_deref()), ("invalid_state", Some(field)));
    }
    let call = Call::new(Config::default(), None);
    let odd = AnalyserOptions { fft_size: 1000, ..AnalyserOptions::default() };
    let error = call.client.analyser(Direction::Input, odd).unwrap_err();
    assert_eq!((&*error.code, error.field.as_deref()), ("invalid_argument", Some("fft_size")));
}

/// A sound card; the test is its clock. It changes its rate when it is opened again.
#[derive(Clone, Default)]
struct Card(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    streams: u32,
    capture: Option<CaptureWriter>,
    render: Option<PlayoutReader>,
}

struct Stream(Card);
impl AudioStream for Stream {}
impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.0.0.lock().unwrap();
        (open.capture, open.render) = (None, None);
    }
}

impl AudioBackend for Card {
    fn name(&self) -> &str {
        "card"
    }
    fn formats(&mut self, wish: &StreamWish) -> Result<StreamFormats> {
        let rate = if self.0.lock().unwrap().streams == 0 { RATE } else { 48_000 };
        Ok(StreamFormats { input_rate: wish.input.then_some(rate), output_rate: wish.output.then_some(rate) })
    }
    fn start(&mut self, _: &StreamFormats, io: DeviceIo) -> Result<Box<dyn AudioStream>> {
        let mut open = self.0.lock().unwrap();
        open.streams += 1;
        (open.capture, open.render) = (io.capture, io.render);
        Ok(Box::new(Stream(self.clone())))
    }
}

impl Card {
    /// Callbacks of 10 ms at `rate`.
    async fn run(&self, call: &Call, ms: usize, rate: u32, hears: &[i16]) {
        let frames = rate as usize / 100;
        for n in 0..ms / 10 {
            {
                let mut open = self.0.lock().unwrap();
                let block: Vec<i16> = hears.iter().cycle().skip(n * frames).take(frames).copied().collect();
                open.capture.as_mut().map(|capture| capture.write(&block));
                let mut out = vec![0; frames];
                open.render.as_mut().map(|render| render.render(&mut out));
            }
            call.wait(10).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_is_seen_at_its_own_rate() {
    let mut config = Config { auto_capture: false, ..Config::default() };
    (config.audio.input.source, config.audio.output.source) = (AudioSource::Device, AudioSource::Device);
    let card = Card::default();
    let mut call = Call::new(config, Some(card.clone()));
    call.connect().await;
    let (input, output) = (call.analyser(Direction::Input), call.analyser(Direction::Output));
    call.speaks("1", &tone(40, 48_000));
    call.wait(50).await;
    assert_eq!(peak(&output), None);
    card.run(&call, 300, RATE, &[0; 240]).await;
    assert_eq!((peak(&output), output.sample_rate()), (Some(40), Some(RATE)));
    assert_eq!((peak(&input), input.sample_rate()), (None, None), "no microphone yet");
    // The microphone makes the card be opened again, at another rate: twice the rate, half the bin.
    call.client.set_capture(true).await.unwrap();
    call.wait(50).await;
    card.run(&call, 300, 48_000, &tone(50, 512 * 15)).await;
    assert_eq!((peak(&output), output.sample_rate()), (Some(20), Some(48_000)));
    assert_eq!((peak(&input), input.sample_rate()), (Some(50), Some(48_000)));
}
