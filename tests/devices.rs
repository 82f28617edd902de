//! The client and its audio device: what is opened when, and that it is released.

#[path = "common/canary.rs"]
mod canary;

use duologue::{
    Client, Config, Result,
    audio::{
        capture::CaptureWriter,
        device::{AudioBackend, AudioStream, DeviceIo, StreamFormats, StreamWish},
        playout::PlayoutReader,
    },
    config::{Audio, AudioSide, AudioSource, OutputSide},
    event::{EventKind, Status},
    transport::scripted::{Outbound, Peer, ScriptedDialer},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, mpsc};
use tokio::{runtime::Handle, sync::mpsc::UnboundedReceiver};

/// What the fake device holds; the test is its clock.
#[derive(Default)]
struct Device {
    /// Streams opened so far, and whether each had a microphone.
    opened: Vec<bool>,
    open: usize,
    capture: Option<CaptureWriter>,
    render: Option<PlayoutReader>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Device>>);

impl Shared {
    /// One callback of 10 ms; returns the frames that were no silence.
    fn tick(&self) -> usize {
        let mut device = self.0.lock().unwrap();
        if let Some(capture) = &mut device.capture {
            capture.write(&[1000; 240]);
        }
        let mut block = [0; 240];
        device.render.as_mut().map_or(0, |r| r.render(&mut block))
    }
    fn open(&self) -> usize {
        self.0.lock().unwrap().open
    }
    fn opened(&self) -> Vec<bool> {
        self.0.lock().unwrap().opened.clone()
    }
}

struct Backend {
    device: Shared,
    /// Opening waits for a word on this, when there is one.
    hold: Option<mpsc::Receiver<()>>,
}

struct Stream(Shared);
impl AudioStream for Stream {}
impl Drop for Stream {
    fn drop(&mut self) {
        let mut device = self.0.0.lock().unwrap();
        device.open -= 1;
        (device.capture, device.render) = (None, None);
    }
}

impl AudioBackend for Backend {
    fn name(&self) -> &str {
        "fake"
    }
    fn formats(&mut self, wish: &StreamWish) -> Result<StreamFormats> {
        if let Some(hold) = &self.hold {
            hold.recv().unwrap();
        }
        let rate = |on: bool| on.then_some(24_000);
        Ok(StreamFormats { input_rate: rate(wish.input), output_rate: rate(wish.output) })
    }
    fn start(&mut self, _: &StreamFormats, io: DeviceIo) -> Result<Box<dyn AudioStream>> {
        let mut device = self.device.0.lock().unwrap();
        device.open += 1;
        device.opened.push(io.capture.is_some());
        (device.capture, device.render) = (io.capture, io.render);
        Ok(Box::new(Stream(self.device.clone())))
    }
}

struct Call {
    client: Client,
    device: Shared,
    peers: UnboundedReceiver<Peer>,
}

fn call(auto_capture: bool, hold: Option<mpsc::Receiver<()>>) -> Call {
    let device = Shared::default();
    let (dialer, peers) = ScriptedDialer::new();
    let input = AudioSide { source: AudioSource::Device, rate: None };
    let output = OutputSide { source: AudioSource::Device, ..OutputSide::default() };
    let audio = Audio { input, output, level_events: false };
    let client = Client::builder()
        .config(Config { auto_capture, audio, ..Config::default() })
        .credential(canary::key())
        .dialer(Arc::new(dialer))
        .audio_backend(Box::new(Backend { device: device.clone(), hold }))
        .runtime(Handle::current())
        .build()
        .unwrap();
    Call { client, device, peers }
}

fn event(kind: &str, body: Value) -> String {
    let mut event = json!({"type": kind, "event_id": format!("{kind}{body}")});
    event.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    event.to_string()
}

impl Call {
    /// Connects; returns the vendor's end.
    async fn connect(&mut self) -> Peer {
        let connecting = self.client.connect();
        let mut peer = self.peers.recv().await.unwrap();
        peer.send(event("session.created", json!({"session": {}})));
        assert!(matches!(peer.next().await, Some(Outbound::Text(text, false)) if text.contains("session.update")));
        peer.send(event("session.updated", json!({"session": {}})));
        connecting.await.unwrap();
        peer
    }

    /// Lets the engine run until `done`, giving the device its callbacks.
    async fn until(&self, what: &str, mut done: impl FnMut(usize) -> bool) {
        // Virtual time: the loop is bounded in callbacks, not in seconds.
        for _ in 0..2000 {
            if done(self.device.tick()) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }
}

fn speak(peer: &Peer, id: &str, ms: usize) {
    let at =
        json!({"response_id": format!("R{id}"), "item_id": format!("A{id}"), "output_index": 0, "content_index": 0});
    let with = |more: Value| {
        let mut body = at.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let pcm: Vec<u8> = std::iter::repeat_n(2000i16.to_le_bytes(), 24 * ms).flatten().collect();
    let delta = base64_simd::STANDARD.encode_to_string(pcm);
    peer.send(event("response.created", json!({"response": {"id": format!("R{id}"), "status": "in_progress"}})));
    peer.send(event("response.output_audio.delta", with(json!({"delta": delta}))));
    peer.send(event("response.output_audio.done", at));
    peer.send(event(
        "response.done",
        json!({"response": {"id": format!("R{id}"), "status": "completed", "output": []}}),
    ));
}

#[tokio::test(start_paused = true)]
async fn the_microphone_opens_late_and_what_was_not_heard_plays_on() {
    let mut call = call(false, None);
    let mut peer = call.connect().await;
    assert_eq!(call.device.opened(), Vec::<bool>::new(), "nothing is opened at connect");
    speak(&peer, "1", 2000);
    call.until("the answer is heard", |frames| frames > 0).await;
    assert_eq!(call.device.opened(), [false], "an answer opens the speaker alone");
    let mut events = call.client.events();
    call.client.set_capture(true).await.unwrap();
    call.until("the device is opened anew", |_| call.device.opened() == [false, true]).await;
    call.until("the microphone is sent", |_| call.device.opened() == [false, true]).await;
    let mut heard = None;
    call.until("the answer is heard to its end", |_| {
        while let Some(event) = events.try_next() {
            if let EventKind::PlaybackFinished(end) = &event.kind {
                heard = Some(*end);
            }
        }
        heard.is_some()
    })
    .await;
    let heard = heard.unwrap();
    assert_eq!((heard.heard_ms, heard.complete), (2000, true));
    loop {
        match peer.next().await {
            Some(Outbound::Text(_, true)) => break,
            Some(_) => {}
            None => panic!("no microphone audio came"),
        }
    }
    call.client.shutdown().await;
    assert_eq!(call.device.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_while_the_device_is_opened_anew_is_settled_once() {
    let (go, hold) = mpsc::channel();
    let mut call = call(false, Some(hold));
    let mut peer = call.connect().await;
    go.send(()).unwrap();
    speak(&peer, "1", 2000);
    call.until("the answer is heard", |frames| frames > 0).await;
    let mut events = call.client.events();
    // The second opening is held, and the cut falls into it.
    call.client.set_capture(true).await.unwrap();
    call.client.interrupt().await.unwrap();
    go.send(()).unwrap();
    call.until("the device is opened anew", |_| call.device.opened() == [false, true]).await;
    // Nothing of the old answer is heard any more, and the next one is heard from its first frame.
    for _ in 0..50 {
        assert_eq!(call.device.tick(), 0);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    speak(&peer, "2", 300);
    let (mut cut, mut finished) = (Vec::new(), Vec::new());
    call.until("the second answer is heard to its end", |_| {
        while let Some(event) = events.try_next() {
            let item = event.item.as_ref().map(|i| i.as_str().to_owned()).unwrap_or_default();
            match &event.kind {
                EventKind::Interrupted(i) => cut.push((item, i.heard_ms)),
                EventKind::PlaybackFinished(end) => finished.push((item, end.heard_ms, end.complete)),
                _ => {}
            }
        }
        finished.iter().any(|(item, ..)| item == "A2")
    })
    .await;
    assert_eq!(cut.len(), 1, "{cut:?}");
    assert_eq!(finished.last().unwrap(), &("A2".to_owned(), 300, true));
    let truncate = loop {
        match peer.next().await {
            Some(Outbound::Text(text, false)) if text.contains("truncate") => break text,
            Some(_) => {}
            None => panic!("no truncate came"),
        }
    };
    let truncate: Value = serde_json::from_str(&truncate).unwrap();
    assert_eq!(truncate["audio_end_ms"], cut[0].1);
    call.client.shutdown().await;
    assert_eq!(call.device.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_opens_after_the_end_is_released() {
    let (go, hold) = mpsc::channel();
    let mut call = call(true, Some(hold));
    let peer = call.connect().await;
    let leaving = call.client.disconnect();
    peer.close(Some(1000), "");
    leaving.await.unwrap();
    assert!(matches!(call.client.state().status, Status::Idle { .. }));
    // Past the time the device is kept for a last flush.
    // Advanced by hand: the clock stands still by itself while a thread is opening the device.
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    let device = call.device.clone();
    call.client.shutdown().await;
    assert_eq!((device.opened().len(), device.open()), (1, 0), "opened, and released");
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_until_the_end_is_told_before_the_streams_end() {
    let mut call = call(true, None);
    let peer = call.connect().await;
    speak(&peer, "1", 2000);
    let mut rendered = 0;
    call.until("half a second is heard", |frames| {
        rendered += frames;
        rendered >= 12_000
    })
    .await;
    let mut events = call.client.events();
    // The device gets no callback any more, so it never confirms the flush.
    call.client.shutdown().await;
    let mut cut = None;
    while let Some(event) = events.next().await {
        if let EventKind::Interrupted(i) = &event.kind {
            cut = Some(i.heard_ms);
        }
    }
    assert_eq!(cut, Some(rendered as u64 / 24), "what the device rendered, and no more");
}

#[tokio::test]
async fn what_nothing_would_use_is_refused() {
    let device = Shared::default();
    let backend = Client::builder().audio_backend(Box::new(Backend { device, hold: None })).build();
    assert_eq!(backend.unwrap_err().code, "unused_audio_backend");
    let output = OutputSide { source: AudioSource::None, ..OutputSide::default() };
    let config = Config { audio: Audio { output, ..Audio::default() }, ..Config::default() };
    let sink = Client::builder().config(config).audio_sink(|_| ()).build();
    assert_eq!(sink.unwrap_err().code, "unused_audio_sink");
}
