//! A session in virtual time, for tests that read as stories: the test plays the vendor, the host,
//! the microphone and the speaker, and looks at what comes out.
//!
//! [`Talk`] drives the session through its public interface only. After every single input it checks
//! what must always hold (see [`invariants`]), and at the end it replays its own input log
//! and compares, so every test is a test of both as well. [`story`] reads the wire scripts of
//! `tests/golden/`.

#![allow(dead_code)]

pub mod canary;
pub mod invariants;
pub mod mirror;
pub mod speaker;
pub mod story;

use duologue::{
    Config,
    capabilities::TransportKind,
    config::AudioSource,
    error::Error,
    event::{Event, EventKind, OpId, Status},
    message::{CallRef, Message},
    provider::{Frame, codec_for},
    session::{
        Command, Input, Output, Session,
        log::{LogWriter, replay},
    },
    time::Time,
};
use invariants::Invariants;
use mirror::Mirror;
use serde_json::{Map, Value, json};
use speaker::Speaker;
use std::{
    borrow::Cow,
    collections::{HashSet, VecDeque},
    io::Write,
    sync::{Arc, Mutex},
};

/// Frames of assistant and microphone audio in a millisecond.
pub const PER_MS: u64 = 24;
const SEED: u32 = 7;

/// One conversation under test.
pub struct Talk {
    pub session: Session,
    pub now: Time,
    pub speaker: Speaker,
    pub epoch: u32,
    /// Responses of this connection that ended, by [`Self::done`].
    pub over: Vec<String>,
    out: VecDeque<Output>,
    acknowledged: HashSet<(u32, String)>,
    invariants: Invariants,
    mirror: Mirror,
    next_op: u64,
    next_event: u64,
    log: Log,
    writer: LogWriter,
    /// `TALK=print`: what goes in and what comes out is shown.
    prints: bool,
    /// Every output so far with its time, as the replay must give it again.
    past: Vec<(Time, String)>,
}

impl Talk {
    /// A session that has not connected. `config` is a configuration document; where it does not say
    /// otherwise the speaker is a device, so that audio comes as `Play`, and a lost connection ends the run.
    pub fn new(config: Value) -> Self {
        let recovers = !config["recovery"].is_null();
        let mut config: Config = serde_json::from_value(config).expect("a configuration");
        if config.audio.output.source == AudioSource::Host {
            config.audio.output.source = AudioSource::Device;
        }
        config.recovery.reconnect &= recovers;
        Self::with(config)
    }

    pub fn with(config: Config) -> Self {
        let log = Log::default();
        let writer = LogWriter::new(Box::new(log.clone()), &config, SEED).unwrap();
        let codec = codec_for(&config).expect("a valid configuration");
        let per_ms = Some(u64::from(codec.capabilities().output_rate) / 1000);
        let mut speaker = Speaker::default();
        speaker.per_ms = per_ms;
        Self {
            session: Session::new(Arc::new(config), codec, SEED),
            now: Time(0),
            speaker,
            epoch: 0,
            over: Vec::new(),
            out: VecDeque::new(),
            acknowledged: HashSet::new(),
            invariants: Invariants::default(),
            mirror: Mirror::default(),
            next_op: 0,
            next_event: 0,
            log,
            writer,
            prints: std::env::var_os("TALK").is_some(),
            past: Vec::new(),
        }
    }

    /// Connected and configured, with everything that came out of it taken away. The vendor confirms
    /// what was asked for.
    pub fn connected(config: Value) -> Self {
        let mut talk = Self::new(config);
        talk.connect();
        talk.take();
        talk
    }

    /// Dials, greets and confirms.
    pub fn connect(&mut self) -> OpId {
        let op = self.host(Command::Connect);
        self.opened();
        self.server("session.created", json!({"session": {"type": "realtime", "id": "sess_1"}}));
        let session = self.wish();
        self.server("session.updated", json!({"session": session}));
        self.acknowledge();
        assert_eq!(*self.session.status(), Status::Connected);
        op
    }

    /// What the transport and the vendor do for the connection that was dialled last, up to the confirmation of
    /// everything it was told.
    pub fn reconnected(&mut self) {
        self.opened();
        self.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
        let session = self.wish();
        self.server("session.updated", json!({"session": session}));
        self.acknowledge();
    }

    /// The vendor confirms the items it was told and has not confirmed.
    pub fn acknowledge(&mut self) {
        for item in self.told() {
            if self.acknowledged.insert((self.epoch, item["id"].as_str().unwrap_or_default().to_owned())) {
                self.server("conversation.item.added", json!({"item": item}));
                self.server("conversation.item.done", json!({"item": item}));
            }
        }
    }

    /// Items that were created on this connection, of the outputs that wait.
    pub fn told(&self) -> Vec<Value> {
        let of = |o: &Output| match o {
            Output::Send { epoch, .. } if *epoch == self.epoch => frame_of(o),
            _ => None,
        };
        let created = self.out.iter().filter_map(of).filter(|f| f["type"] == "conversation.item.create");
        created.map(|f| f["item"].clone()).collect()
    }

    /// The session object of the newest `session.update` that waits in the outputs.
    pub fn wish(&self) -> Value {
        let update = self.out.iter().filter_map(frame_of).rfind(|f| f["type"] == "session.update");
        update.expect("a session.update")["session"].clone()
    }

    // What happens to the session.

    pub fn input(&mut self, input: Input<'_>) {
        self.writer.write(self.now, &input).unwrap();
        if self.prints {
            eprintln!("{:?} > {:.400}", self.now, format!("{input:?}"));
        }
        self.invariants.now = self.now;
        self.invariants.before(&input);
        self.session.handle(self.now, input);
        while let Some(output) = self.session.poll() {
            let text = serde_json::to_string(&output).unwrap();
            assert!(!text.contains(canary::MARK), "a secret a vendor or a host let slip is shown: {output:?}");
            if self.prints {
                eprintln!("{:?}   < {text:.600}", self.now);
            }
            self.past.push((self.now, text));
            if let Output::Dial { epoch, .. } = output {
                self.epoch = epoch;
                self.over.clear();
            }
            self.speaker.hears(&output);
            self.invariants.check(&output, &self.speaker);
            if let Output::Event(event) = &output {
                self.mirror.hears(event.item.as_ref().map(|i| i.as_str()), &event.kind);
            }
            self.out.push_back(output);
        }
        self.invariants.after(&self.session, &self.speaker);
        self.mirror.agrees(self.session.messages());
    }

    pub fn host(&mut self, command: Command) -> OpId {
        self.next_op += 1;
        let op = OpId(self.next_op);
        self.input(Input::Command { op, command });
        op
    }

    pub fn say(&mut self, text: &str, interrupt: bool) -> OpId {
        self.host(Command::SendText { text: text.into(), respond: true, interrupt })
    }

    pub fn answer(&mut self, call: &str, output: &str) -> OpId {
        let call = CallRef { epoch: self.epoch, id: call.into() };
        self.host(Command::SubmitToolResult { call, output: output.into(), is_error: false })
    }

    pub fn opened(&mut self) {
        self.input(Input::Opened { epoch: self.epoch, unix_s: None });
    }

    /// The transport that is about to be up carries sound beside the events, and events of this length.
    pub fn carries_media(&mut self, max_event_bytes: Option<u64>) {
        let (transport, fallback) = (TransportKind::Webrtc, None);
        self.input(Input::Carries { epoch: self.epoch, transport, fallback, media: true, max_event_bytes });
    }

    /// `ms` of sound come beside the events, in frames of 20 ms.
    pub fn sound(&mut self, ms: u64, sample: i16) {
        for _ in 0..ms / 20 {
            let pcm = vec![sample; (20 * PER_MS) as usize];
            self.input(Input::Media { epoch: self.epoch, pcm: Cow::Owned(pcm) });
        }
    }

    pub fn closed(&mut self, code: Option<u16>, reason: &str, error: Option<Error>) {
        self.input(Input::Closed { epoch: self.epoch, code, reason: reason.into(), error });
    }

    /// A server event; it gets an `event_id` of its own when it has none.
    pub fn server(&mut self, kind: &str, fields: Value) {
        let mut event = Map::new();
        event.insert("type".into(), kind.into());
        if let Value::Object(fields) = fields {
            event.extend(fields);
        }
        if !event.contains_key("event_id") {
            self.next_event += 1;
            event.insert("event_id".into(), format!("event_{}", self.next_event).into());
        }
        self.wire(&Value::Object(event).to_string());
    }

    /// A text frame as it is.
    pub fn wire(&mut self, text: &str) {
        self.input(Input::Frame { epoch: self.epoch, frame: Frame::Text(Cow::Borrowed(text)) });
    }

    pub fn microphone(&mut self, ms: u64) {
        let pcm = vec![100i16; (ms * PER_MS) as usize];
        self.input(Input::Microphone { pcm: Cow::Owned(pcm), age_us: 0 });
    }

    /// Time passes; timers fire when they are due, nothing else happens.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now.after_ms(ms);
        while let Some(due) = self.session.timeout().filter(|t| *t <= end) {
            self.now = due.max(self.now);
            self.input(Input::Timer);
            assert!(self.session.timeout() != Some(due), "a timer that fired stays due for ever");
        }
        self.now = end;
    }

    /// `ms` pass and the speaker plays that much, if it has it.
    pub fn plays(&mut self, ms: u64) {
        self.pass(ms);
        let reports = self.speaker.play(ms * self.speaker.per_ms());
        for report in reports {
            self.input(Input::Playout { report });
        }
    }

    /// Every flush that was asked for takes effect.
    pub fn flushes(&mut self) {
        assert!(self.speaker.asked_to_flush(), "no flush was asked for");
        while let Some(report) = self.speaker.flush() {
            self.input(Input::Playout { report });
        }
    }

    // Pieces of conversation that many tests need.

    /// The vendor hears the user: speech of `ms` from position `from`.
    pub fn user_speaks(&mut self, item: &str, from: u64) {
        self.server("input_audio_buffer.speech_started", json!({"audio_start_ms": from, "item_id": item}));
    }

    pub fn user_is_silent(&mut self, item: &str, previous: Option<&str>, to: u64) {
        self.server("input_audio_buffer.speech_stopped", json!({"audio_end_ms": to, "item_id": item}));
        self.server("input_audio_buffer.committed", json!({"item_id": item, "previous_item_id": previous}));
        let message = json!({"id": item, "type": "message", "role": "user", "status": "completed",
            "content": [{"type": "input_audio", "transcript": null}]});
        self.server("conversation.item.added", json!({"previous_item_id": previous, "item": message}));
        self.server("conversation.item.done", json!({"previous_item_id": previous, "item": message}));
    }

    /// A response the vendor began by itself.
    pub fn response(&mut self, response: &str) {
        self.response_for(response, None);
    }

    /// A response to `request`.
    pub fn response_for(&mut self, response: &str, request: Option<&str>) {
        let metadata = request.map(|r| json!({"client_event_id": r}));
        let body = json!({"id": response, "object": "realtime.response", "status": "in_progress",
            "conversation_id": "conv_1", "output": [], "metadata": metadata});
        self.server("response.created", json!({"response": body}));
    }

    /// An item of the assistant with its first part announced; `kind` is `audio` or `text`.
    pub fn item(&mut self, response: &str, item: &str, previous: Option<&str>, kind: &str) {
        let message =
            json!({"id": item, "type": "message", "role": "assistant", "status": "in_progress", "content": []});
        let added = json!({"response_id": response, "output_index": 0, "item": message});
        self.server("response.output_item.added", added);
        self.server("conversation.item.added", json!({"previous_item_id": previous, "item": message}));
        self.part(response, item, 0, kind);
    }

    pub fn part(&mut self, response: &str, item: &str, part: u32, kind: &str) {
        let added = json!({"response_id": response, "item_id": item, "output_index": 0, "content_index": part,
            "part": {"type": kind}});
        self.server("response.content_part.added", added);
    }

    /// `ms` of speech with its words.
    pub fn speech(&mut self, response: &str, item: &str, part: u32, ms: u64, words: &str) {
        let place = |field: &str, value: String| json!({"response_id": response, "item_id": item, "output_index": 0, "content_index": part, field: value});
        if !words.is_empty() {
            self.server("response.output_audio_transcript.delta", place("delta", words.into()));
        }
        self.server("response.output_audio.delta", place("delta", base64_ms(ms)));
    }

    /// The item is generated to its end.
    pub fn item_done(&mut self, response: &str, item: &str, part: u32, words: &str) {
        let place = json!({"response_id": response, "item_id": item, "output_index": 0, "content_index": part});
        self.server("response.output_audio.done", place.clone());
        let mut text = place.clone();
        text["transcript"] = words.into();
        self.server("response.output_audio_transcript.done", text);
        let message = json!({"id": item, "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_audio", "transcript": words}]});
        self.server("response.output_item.done", json!({"response_id": response, "output_index": 0, "item": message}));
    }

    pub fn done(&mut self, response: &str, status: &str, reason: Option<&str>) {
        self.over.push(response.to_owned());
        let details = reason.map(|r| json!({"type": status, "reason": r}));
        let body = json!({"id": response, "object": "realtime.response", "status": status,
            "status_details": details, "output": [], "usage": null});
        self.server("response.done", json!({"response": body}));
    }

    /// A function call, complete; `response.done` is left to the test.
    pub fn call(&mut self, response: &str, item: &str, call: &str, name: &str, arguments: &str) {
        let wire = |status: &str, arguments: &str| {
            json!({"id": item, "type": "function_call", "status": status, "call_id": call, "name": name,
                "arguments": arguments})
        };
        let added = json!({"response_id": response, "output_index": 0, "item": wire("in_progress", "")});
        self.server("response.output_item.added", added);
        self.server("conversation.item.added", json!({"previous_item_id": null, "item": wire("in_progress", "")}));
        let done = json!({"response_id": response, "output_index": 0, "item": wire("completed", arguments)});
        self.server("response.output_item.done", done);
    }

    pub fn error(&mut self, code: &str, event_id: Option<&str>) {
        let error = json!({"type": "invalid_request_error", "code": code, "message": format!("refused: {code}"),
            "param": null, "event_id": event_id});
        self.server("error", json!({"error": error}));
    }

    // What came out.

    /// Everything since the last call.
    pub fn take(&mut self) -> Outputs {
        Outputs(self.out.drain(..).collect())
    }

    /// What waits to be taken.
    pub fn peek(&self) -> &VecDeque<Output> {
        &self.out
    }

    pub fn next_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Makes one of all `input_audio_buffer.append` that follow one another.
    pub fn join_appends(&mut self) {
        let mut joined: VecDeque<Output> = VecDeque::new();
        for output in self.out.drain(..) {
            if let (Some(Output::Send { text: before, audio: true, .. }), Output::Send { text, audio: true, .. }) =
                (joined.back_mut(), &output)
            {
                let bytes = |text: &str| {
                    let frame: Value = serde_json::from_str(text).unwrap();
                    base64_simd::STANDARD.decode_to_vec(frame["audio"].as_str().unwrap()).unwrap()
                };
                let audio = base64_simd::STANDARD.encode_to_string([bytes(before), bytes(text)].concat());
                *before = json!({"type": "input_audio_buffer.append", "audio": audio}).to_string();
            } else {
                joined.push_back(output);
            }
        }
        self.out = joined;
    }

    pub fn message(&self, item: &str) -> Option<&Message> {
        self.session.messages().iter().find(|m| m.id.as_str() == item)
    }

    /// Commands that did not complete yet.
    pub fn open_ops(&self) -> Vec<OpId> {
        self.invariants.open()
    }

    pub fn order(&self) -> Vec<&str> {
        self.session.messages().iter().map(|m| m.id.as_str()).collect()
    }

    /// Checks that the log of all this replays to the same outputs.
    pub fn finish(mut self) -> SessionEnd {
        self.writer.flush().unwrap();
        let log = self.log.bytes();
        let mut past = self.past.iter();
        replay(log.as_slice(), |t, output| {
            let (then, before) = past.next().expect("the replay has no more outputs than the session had");
            assert_eq!((t, serde_json::to_string(&output).unwrap()), (*then, before.clone()), "the replay differs");
        })
        .unwrap();
        assert_eq!(past.next(), None, "the replay has all outputs");
        SessionEnd { session: self.session, outputs: self.past.len() }
    }
}

pub struct SessionEnd {
    pub session: Session,
    pub outputs: usize,
}

/// Outputs with questions about them.
#[derive(Debug)]
pub struct Outputs(pub Vec<Output>);

impl Outputs {
    /// Client frames but microphone audio, oldest first, without their event ids.
    pub fn frames(&self) -> Vec<Value> {
        let frames = self.0.iter().filter_map(frame_of).filter(|f| f["type"] != "input_audio_buffer.append");
        frames.map(without_event_id).collect()
    }

    /// Names of all client frames, microphone audio too.
    pub fn all_names(&self) -> Vec<String> {
        let frames = self.0.iter().filter_map(frame_of);
        frames.map(|f| f["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Microphone samples that were sent.
    pub fn samples(&self) -> Vec<u8> {
        let appends = self.0.iter().filter_map(frame_of).filter(|f| f["type"] == "input_audio_buffer.append");
        appends.flat_map(|f| base64_simd::STANDARD.decode_to_vec(f["audio"].as_str().unwrap()).unwrap()).collect()
    }

    /// Milliseconds of microphone audio that were sent.
    pub fn appended_ms(&self) -> u64 {
        self.samples().len() as u64 / 2 / PER_MS
    }

    /// Capturing was switched so.
    pub fn has_capture(&self, wanted: bool) -> bool {
        self.0.iter().any(|o| matches!(o, Output::Capture { on } if *on == wanted))
    }

    /// Names of the client frames.
    pub fn names(&self) -> Vec<String> {
        self.frames().iter().map(|f| f["type"].as_str().unwrap().to_owned()).collect()
    }

    /// The `event_id` of the only frame with this name.
    pub fn event_id(&self, name: &str) -> String {
        let found: Vec<_> = self.0.iter().filter_map(frame_of).filter(|f| f["type"] == name).collect();
        assert_eq!(found.len(), 1, "{name} in {:?}", self.names());
        found[0]["event_id"].as_str().unwrap().to_owned()
    }

    /// The request id of the only `response.create`.
    pub fn request(&self) -> String {
        let frames = self.frames();
        let found: Vec<_> = frames.iter().filter(|f| f["type"] == "response.create").collect();
        assert_eq!(found.len(), 1, "one response.create in {frames:?}");
        found[0]["response"]["metadata"]["client_event_id"].as_str().unwrap().to_owned()
    }

    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.0.iter().filter_map(|o| match o {
            Output::Event(e) => Some(e),
            _ => None,
        })
    }

    /// Payloads of the events of one kind.
    pub fn of(&self, kind: &str) -> Vec<Value> {
        self.events().filter(|e| e.kind.name() == kind).map(|e| serde_json::to_value(e).unwrap()).collect()
    }

    /// How the command ended; `None`: it did not yet.
    pub fn completed(&self, op: OpId) -> Option<Option<Error>> {
        self.events().find_map(|e| match &e.kind {
            EventKind::Completed(c) if c.op == op => Some(c.error.clone()),
            _ => None,
        })
    }

    /// Codes of warnings and errors.
    pub fn complaints(&self) -> Vec<String> {
        let codes = self.events().filter_map(|e| match &e.kind {
            EventKind::Warning(e) | EventKind::Error(e) => Some(e.code.to_string()),
            _ => None,
        });
        codes.collect()
    }

    pub fn flushes(&self) -> usize {
        self.0.iter().filter(|o| matches!(o, Output::FlushPlayout)).count()
    }

    /// Milliseconds given to the speaker.
    pub fn played_ms(&self) -> u64 {
        let frames = self.0.iter().map(|o| match o {
            Output::Play { pcm, .. } => pcm.0.len() as u64,
            _ => 0,
        });
        frames.sum::<u64>() / PER_MS
    }
}

pub fn frame_of(output: &Output) -> Option<Value> {
    match output {
        Output::Send { text, .. } => Some(serde_json::from_str(text).expect("a client frame is JSON")),
        _ => None,
    }
}

pub fn without_event_id(mut frame: Value) -> Value {
    let id = frame.as_object_mut().and_then(|f| f.remove("event_id"));
    assert!(id.is_some_and(|id| id.as_str().is_some_and(|id| !id.is_empty())), "every command has an event id");
    frame
}

/// Audio of this length as a delta carries it.
pub fn base64_ms(ms: u64) -> String {
    base64(&vec![1000; (ms * PER_MS) as usize])
}

pub fn base64(pcm: &[i16]) -> String {
    let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// A log in memory.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
