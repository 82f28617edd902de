//! A conversation in which anything may happen that the session's surroundings can do: frames of a vendor that uses
//! ids as it likes, broken frames, lost and new connections, timers, the host, the microphone, the speaker. After
//! every input `common/invariants.rs` looks at what came out. At the end the host disconnects, every command has
//! ended, nothing is left to be timed, and the log of it all replays to the same outputs.

use super::{
    bytes::Bytes,
    common::{Talk, canary, frame_of},
    session_vendor,
};
use duologue::{
    error::{Error, ErrorClass},
    event::{AudioLevel, Direction, EventKind, Status},
    message::CallRef,
    provider::Frame,
    request::{Image, ResponseOptions},
    session::{Command, Input, Output, credentials::CredentialAnswer},
};
use serde_json::{Value, json};

/// More than this shows nothing new and takes long.
const MAX_STEPS: usize = 300;
/// Outputs of one input: replayed conversations are the longest.
const MAX_OUTPUTS: usize = 4096;

pub struct World<'a> {
    pub bytes: Bytes<'a>,
    pub talk: Talk,
    /// Connections that were dialled and are not gone: number, and whether they are up.
    wires: Vec<(u32, bool)>,
    /// Items, requests and events the client made, newest last.
    pub items: Vec<String>,
    pub requests: Vec<String>,
    pub events: Vec<String>,
    /// The session as the vendor was asked for it.
    pub wish: Value,
    /// Calls the host was told of.
    calls: Vec<CallRef>,
    needed: Vec<u64>,
    pub last: Option<String>,
    /// What the vendor sends in one go is bounded, or a few bytes make hours of audio.
    pub audio_ms: u64,
}

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let config = configuration(&mut bytes);
    let mut world = World {
        bytes,
        talk: Talk::new(config),
        wires: vec![],
        items: vec![],
        requests: vec![],
        events: vec![],
        wish: Value::Null,
        calls: vec![],
        needed: vec![],
        last: None,
        audio_ms: 0,
    };
    world.host(Command::Connect);
    world.comes_up();
    for _ in 0..MAX_STEPS {
        if world.bytes.is_empty() {
            break;
        }
        world.step();
    }
    world.ends();
}

fn configuration(bytes: &mut Bytes<'_>) -> Value {
    let flags = bytes.byte();
    let on = |bit: u8| flags >> bit & 1 == 1;
    let recovery = match bytes.upto(4) {
        0 => json!({"reconnect": false}),
        1 => json!({"max_attempts": 2, "max_offline_ms": 1000, "pre_roll_ms": 0, "context_note": null}),
        2 => json!({"rollover": false, "pre_roll_ms": 100}),
        _ => json!({}),
    };
    json!({
        "auto_capture": on(0),
        "credentials": if on(1) { json!({"source": "asked", "refresh_ahead": on(2)}) } else { json!({}) },
        "greeting": on(3).then_some("Hello."),
        "raw_events": if on(4) { "all" } else { "none" },
        "recovery": recovery,
        "tools": [{"name": "f", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}},
            "output_schema": {"type": "object"}, "timeout_ms": 4000}],
        "tool_handling": {"timeout_ms": 2000, "result_max_length": 256, "mute_input": on(5),
            "undeclared": if on(6) { "host" } else { "refuse" }},
        "transcription": if on(7) { Value::Null } else { json!({}) },
        "turn_detection": {"mode": bytes.of(&["server", "semantic", "manual"]), "interrupt_response": bytes.yes(),
            "create_response": bytes.yes()},
    })
}

impl World<'_> {
    pub fn listen(&mut self) {
        let outputs = self.talk.take().0;
        assert!(outputs.len() <= MAX_OUTPUTS, "{} outputs of one input", outputs.len());
        for output in outputs {
            match &output {
                Output::Dial { epoch, beside, .. } => {
                    if !beside {
                        self.wires.clear();
                    }
                    self.wires.push((*epoch, false));
                }
                Output::Send { audio: false, .. } => self.reads(&frame_of(&output).expect("a frame is a JSON object")),
                Output::Event(event) => match &event.kind {
                    EventKind::ToolCall(call) => self.calls.push(call.call.clone()),
                    EventKind::CredentialNeeded(needed) => self.needed.push(needed.request_id),
                    _ => {}
                },
                _ => {}
            }
        }
        for list in [&mut self.items, &mut self.requests, &mut self.events] {
            let many = list.len().saturating_sub(16);
            list.drain(..many);
        }
    }

    fn reads(&mut self, frame: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.events.extend(text(&frame["event_id"]));
        self.items.extend(text(&frame["item"]["id"]));
        self.requests.extend(text(&frame["response"]["metadata"]["client_event_id"]));
        if frame["type"] == "session.update" {
            self.wish = frame["session"].clone();
        }
    }

    pub fn input(&mut self, input: Input<'_>) {
        self.talk.input(input);
        self.listen();
    }

    fn host(&mut self, command: Command) {
        self.talk.host(command);
        self.listen();
    }

    /// Everybody does what is expected of him until there is a session.
    fn comes_up(&mut self) {
        if let Some(request_id) = self.needed.pop() {
            self.input(Input::Credential { request_id, answer: CredentialAnswer::Given { expires_in_ms: None } });
        }
        let Some(wire) = self.wires.last_mut().filter(|(_, up)| !up) else { return };
        wire.1 = true;
        let epoch = wire.0;
        self.input(Input::Opened { epoch, unix_s: Some(1_000_000) });
        self.says("session.created", json!({"session": {"type": "realtime", "id": "sess_1"}}));
        let session = self.wish.clone();
        self.says("session.updated", json!({"session": session}));
        for _ in 0..8 {
            let Some(item) = self.items.pop() else { break };
            self.says("conversation.item.added", json!({"item": {"id": item, "type": "message", "role": "user"}}));
            self.says("conversation.item.done", json!({"item": {"id": item, "type": "message", "role": "user"}}));
        }
    }

    /// The vendor says something on the newest connection that is up.
    pub fn says(&mut self, kind: &str, fields: Value) {
        let Some(epoch) = self.wires.iter().rev().find(|(_, up)| *up).map(|(epoch, _)| *epoch) else { return };
        self.says_on(epoch, kind, fields);
    }

    fn says_on(&mut self, epoch: u32, kind: &str, mut event: Value) {
        event["type"] = kind.into();
        self.last = Some(event.to_string());
        self.wire(epoch, &event.to_string());
    }

    fn wire(&mut self, epoch: u32, text: &str) {
        if !text.contains(canary::MARK) {
            self.input(Input::Frame { epoch, frame: Frame::Text(text.into()) });
        }
    }

    fn step(&mut self) {
        match self.bytes.upto(32) {
            0..=13 => session_vendor::says(self),
            14..=18 => self.host_acts(),
            19 | 20 => self.line(),
            21 => {
                let ms = self.bytes.of(&[0, 1, 20, 100, 400, 1000, 5000]);
                self.talk.microphone(ms);
            }
            22..=24 => {
                let ms = self.bytes.of(&[1, 20, 100, 500, 2500, 5000, 15_000, 31_000, 60_000, 600_000, 3_600_000]);
                self.talk.pass(ms);
            }
            25 | 26 => {
                let ms = self.bytes.of(&[1, 20, 200, 1000, 10_000]);
                self.talk.plays(ms);
            }
            27 if self.talk.speaker.asked_to_flush() => self.talk.flushes(),
            28 => self.noise(),
            29 => self.late(),
            _ => self.comes_up(),
        }
        self.listen();
    }

    /// The connection, and who gives the credential for it.
    fn line(&mut self) {
        let what = self.bytes.upto(12);
        let at = self.bytes.upto(2);
        match (what, self.wires.len().checked_sub(1 + at)) {
            (0..=2, Some(at)) if !self.wires[at].1 => {
                self.wires[at].1 = true;
                let unix_s = self.bytes.yes().then_some(1_000_000);
                self.input(Input::Opened { epoch: self.wires[at].0, unix_s });
            }
            (3..=7, Some(at)) => {
                let (epoch, _) = self.wires.remove(at);
                let code =
                    self.bytes.of(&[None, Some(1000), Some(1001), Some(1008), Some(1009), Some(1011), Some(4000)]);
                let error = self.failure();
                self.input(Input::Closed { epoch, code, reason: "bye".into(), error });
            }
            (8, Some(at)) => self.input(Input::Pong { epoch: self.wires[at].0 }),
            (9, _) => self.input(Input::Woken),
            (_, _) => {
                let Some(request_id) = self.needed.pop() else { return };
                let answer = match self.bytes.upto(4) {
                    0 => CredentialAnswer::Refused { error: Error::new(ErrorClass::Credential, "none", "none today") },
                    1 => CredentialAnswer::Given { expires_in_ms: Some(self.bytes.of(&[0, 1000, 6000, 120_000])) },
                    _ => CredentialAnswer::Given { expires_in_ms: None },
                };
                self.input(Input::Credential { request_id, answer });
            }
        }
    }

    fn failure(&mut self) -> Option<Error> {
        let (class, code) = [
            (ErrorClass::Network, "connection_lost"),
            (ErrorClass::Credential, "unauthorized"),
            (ErrorClass::Provider, "rate_limited"),
            (ErrorClass::Provider, "try_again_later"),
            (ErrorClass::Protocol, "no_realtime_service"),
            (ErrorClass::Network, "tls_failed"),
        ][self.bytes.upto(6)];
        let mut error = Error::new(class, code, "it failed");
        match self.bytes.upto(4) {
            0 => return None,
            1 => error.fatal = true,
            2 => error.retry_after_ms = Some(self.bytes.of(&[0, 500, 120_000])),
            _ => error.retryable = true,
        }
        Some(error)
    }

    /// Bytes that are no event, or half of one.
    fn noise(&mut self) {
        let Some(epoch) = self.wires.iter().rev().find(|(_, up)| *up).map(|(epoch, _)| *epoch) else { return };
        match self.bytes.upto(5) {
            0 => {
                let bytes = self.bytes.text().into_bytes();
                self.input(Input::Frame { epoch, frame: Frame::Binary(bytes.into()) });
            }
            1 => {
                let text = self.last.clone().unwrap_or_default();
                let mut end = self.bytes.upto(256).min(text.len());
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                self.wire(epoch, &text[..end]);
            }
            2 => {
                let text = self.last.clone().unwrap_or_default();
                self.wire(epoch, &text);
            }
            3 => {
                let (name, id) = (self.bytes.text(), self.bytes.text());
                self.says(&name, json!({"event_id": id, "item_id": id, "response_id": id}));
            }
            _ => {
                let text = self.bytes.text();
                self.wire(epoch, &text);
            }
        }
    }

    /// What comes too late, or twice, or from the driver.
    fn late(&mut self) {
        let error = Error::new(ErrorClass::Host, "host_too_slow", "the host is too slow");
        match self.bytes.upto(6) {
            0 => {
                let epoch = self.talk.epoch.saturating_sub(1 + self.bytes.upto(3) as u32);
                let text = self.last.clone().unwrap_or_default();
                if !self.wires.iter().any(|(open, _)| *open == epoch) {
                    self.wire(epoch, &text);
                }
            }
            1 => {
                let epoch = self.bytes.upto(8) as u32;
                if !self.wires.iter().any(|(open, _)| *open == epoch) {
                    self.input(Input::Closed { epoch, code: None, reason: String::new(), error: None });
                }
            }
            2 => self.input(Input::Warning { error }),
            3 => self.input(Input::Level { level: AudioLevel { direction: Direction::Input, rms: 0.5, peak: 0.5 } }),
            4 => {
                let (item, part) = (session_vendor::item(self).as_str().into(), self.bytes.upto(3) as u32);
                let heard_ms = self.bytes.of(&[0, 1, 1000, u64::MAX]);
                self.input(Input::PlaybackReport { item, part, heard_ms });
            }
            _ if self.bytes.upto(8) == 0 => self.input(Input::Fatal { error }),
            _ => self.input(Input::Timer),
        }
    }

    fn host_acts(&mut self) {
        let command = match self.bytes.upto(24) {
            0 => Command::Connect,
            1 => Command::Disconnect,
            2 => Command::SendText { text: "hello".into(), respond: self.bytes.yes(), interrupt: self.bytes.yes() },
            3 => Command::SendText { text: self.bytes.text(), respond: true, interrupt: false },
            4 => Command::SendImage {
                image: Image::from_bytes(b"\x89PNG\r\n\x1a\n"),
                text: None,
                respond: self.bytes.yes(),
                interrupt: self.bytes.yes(),
            },
            5 => Command::SendContext { text: "It is noon.".into() },
            6 => Command::Say { text: "Good day.".into() },
            7 | 8 => {
                let (out_of_band, audible) = (self.bytes.yes(), self.bytes.yes());
                let instructions = self.bytes.yes().then(|| "short".to_owned());
                let options = ResponseOptions { out_of_band, audible, instructions, ..Default::default() };
                Command::RequestResponse { options: Box::new(options) }
            }
            9 => Command::StartListening,
            10 => Command::StopListening,
            11 => Command::ClearInput,
            12 => Command::UpdateSession { changes: self.change() },
            13 | 14 => Command::Interrupt,
            15 | 16 => {
                let known = self.calls.last().cloned().filter(|_| self.bytes.upto(4) > 0);
                let call =
                    known.unwrap_or(CallRef { epoch: self.talk.epoch, id: session_vendor::call(self).as_str().into() });
                let output = match self.bytes.upto(5) {
                    0 => "x".repeat(1000),
                    1 => "{".to_owned(),
                    2 => self.bytes.text(),
                    _ => "{}".to_owned(),
                };
                Command::SubmitToolResult { call, output, is_error: self.bytes.yes() }
            }
            17 => Command::SetCapture { on: self.bytes.yes() },
            18 => Command::SetInputMuted { muted: self.bytes.yes() },
            19 => Command::NetworkChanged,
            20 => Command::Ping,
            21 => Command::ClearHistory,
            22 => {
                let json = match self.bytes.upto(4) {
                    0 => self.bytes.text(),
                    _ => json!({"type": "response.create", "response": {}}).to_string(),
                };
                Command::SendRaw { json }
            }
            _ => Command::SubmitToolResult {
                call: CallRef { epoch: 0, id: "nothing".into() },
                output: String::new(),
                is_error: false,
            },
        };
        // What a host says may be shown; that a key in it is not is `tests/credentials.rs`.
        if !serde_json::to_string(&command).unwrap().contains(canary::MARK) {
            self.host(command);
        }
    }

    fn change(&mut self) -> Value {
        let word = self.bytes.of(&["a", "b", "marin"]);
        match self.bytes.upto(10) {
            0 => json!({"instructions": word}),
            1 => json!({"voice": word}),
            2 => json!({"speed": 1.25}),
            3 => json!({"turn_detection": {"mode": self.bytes.of(&["server", "semantic", "manual"])}}),
            4 => {
                json!({"turn_detection": {"create_response": self.bytes.yes(), "interrupt_response": self.bytes.yes()}})
            }
            5 => json!({"tools": []}),
            6 => json!({"tools": [{"name": word}], "tool_choice": "required"}),
            7 => json!({"transcription": null}),
            8 => json!({"output_modality": self.bytes.of(&["audio", "text"])}),
            _ => json!({word: self.bytes.text()}),
        }
    }

    /// The host has enough.
    fn ends(&mut self) {
        self.host(Command::Disconnect);
        for _ in 0..4 {
            if self.talk.speaker.asked_to_flush() {
                self.talk.flushes();
            }
            self.talk.pass(20_000);
            self.listen();
        }
        let status = self.talk.session.status().clone();
        assert!(matches!(status, Status::Idle { .. } | Status::Error { .. }), "{status:?} after the end");
        assert_eq!(self.talk.open_ops(), [], "every command ends");
        let after = self.talk.session.timeout();
        assert_eq!(after, None, "nothing is left to be timed");
        let talk = std::mem::replace(&mut self.talk, Talk::new(json!({})));
        talk.finish();
    }
}
