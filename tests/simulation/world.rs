//! One simulated conversation: the session, whoever plays, the host, and the vendor's connections, in virtual
//! time.

use crate::{
    checks::{Checks, MARK},
    player::{PER_MS, Player},
    recovery::{ending, mends},
    script::{Call, Fault, Script, Setup, Step},
    vendor::{Conn, State},
};
use duologue::{
    Config,
    error::{Error, ErrorClass},
    event::{EventKind, OpId, Status},
    message::CallRef,
    provider::{Frame, codec_for},
    session::{Command, Input, Output, Session},
    time::Time,
};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// What the next thing of its kind meets.
#[derive(Default)]
pub struct Armed {
    pub dial: Option<Fault>,
    /// So many dials fail in a row.
    pub outage: u32,
    pub event: Option<Fault>,
    pub item: Option<Fault>,
    pub update: Option<Fault>,
    pub response: Option<Fault>,
    pub commit: Option<Fault>,
    pub odd: bool,
    pub close: bool,
    pub deaf_speaker: bool,
}

pub struct World {
    pub setup: Setup,
    pub session: Session,
    pub now: Time,
    pub player: Player,
    pub checks: Checks,
    pub conns: Vec<Conn>,
    pub armed: Armed,
    pub fired: BTreeMap<Fault, u64>,
    /// Nothing breaks any more.
    pub kind: bool,
    pub count: u64,
    pub calls: Vec<CallRef>,
    pub never: bool,
    pub giant: bool,
    pub needed: Option<u64>,
    pub pings: VecDeque<u32>,
    pub next_op: u64,
    pub frames: i64,
    pub capturing: bool,
    /// The speaker has more to report.
    pub reporting: bool,
    pub trace: Option<Vec<String>>,
}

const START_UNIX_S: u64 = 1_900_000_000;

impl World {
    pub fn new(setup: &Setup, traced: bool) -> Self {
        let config = Config::from_json(&setup.config.to_string()).expect("a configuration");
        let codec = codec_for(&config).expect("a valid configuration");
        let player = Player::new(setup.reported);
        let mut world = Self {
            setup: setup.clone(),
            session: Session::new(Arc::new(config), codec, 7),
            now: Time(0),
            player,
            checks: Checks::new(setup),
            conns: vec![],
            armed: Armed::default(),
            fired: BTreeMap::new(),
            kind: false,
            count: 0,
            calls: vec![],
            never: false,
            giant: false,
            needed: None,
            pings: VecDeque::new(),
            next_op: 0,
            frames: 0,
            capturing: false,
            reporting: false,
            trace: traced.then(Vec::new),
        };
        for i in 0..setup.imports {
            world.import(u64::from(i));
        }
        world.host(Call::Connect, Command::Connect);
        world
    }

    pub fn unix_s(&self) -> u64 {
        START_UNIX_S + self.now.0 / 1_000_000
    }

    pub fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    pub fn fires(&mut self, fault: Fault) {
        *self.fired.entry(fault).or_default() += 1;
        self.note(|| format!("      * {fault:?}"));
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    pub fn is_connected(&self) -> bool {
        *self.session.status() == Status::Connected
    }

    pub fn is_recovering(&self) -> bool {
        matches!(self.session.status(), Status::Reconnecting { .. })
    }

    // What happens to the session.

    pub fn input(&mut self, input: Input<'_>) {
        let now_ms = self.now.as_ms();
        self.note(|| {
            let text = serde_json::to_string(&input).unwrap();
            format!("  {now_ms:>7} > {}", shortened(&text))
        });
        self.checks.now = self.now;
        self.session.handle(self.now, input);
        while let Some(output) = self.session.poll() {
            self.output(&output);
        }
        self.checks.after(
            &self.session,
            &self.player,
            self.capturing && !self.is_manual(),
            self.frames,
            !self.reporting,
        );
    }

    pub fn is_manual(&self) -> bool {
        self.setup.config["turn_detection"]["mode"] == "manual"
            || self.checks.asked.values().any(|c| *c == Call::Update)
    }

    pub fn output(&mut self, output: &Output) {
        let frame = match output {
            Output::Send { text, .. } => Some(serde_json::from_str::<Value>(text).expect("a client frame is JSON")),
            _ => None,
        };
        let text = match output {
            Output::Event(event) if !matches!(event.kind, EventKind::Audio(_)) => serde_json::to_string(event).unwrap(),
            Output::Send { text, audio: false, .. } => text.clone(),
            _ => String::new(),
        };
        assert!(!text.contains(MARK), "a secret a vendor let slip is shown: {text}");
        self.note(|| match output {
            Output::Play { item, part, pcm } => {
                format!("          < play {item}/{part} {} ms", pcm.0.len() as u64 / PER_MS)
            }
            Output::Event(_) => format!("          < event {}", shortened(&text)),
            Output::Send { epoch, audio: true, .. } => format!("          < microphone on {epoch}"),
            Output::Send { epoch, .. } => format!("          < send on {epoch} {}", shortened(&text)),
            other => format!("          < {}", shortened(&format!("{other:?}"))),
        });
        self.player.hears(output);
        self.checks.output(output, frame.as_ref(), &self.player);
        match output {
            Output::Dial { epoch, beside, .. } => self.conns.push(Conn::new(*epoch, *beside)),
            Output::Close { epoch, .. } => {
                if let Some(conn) = self.conns.iter_mut().find(|c| c.epoch == *epoch) {
                    conn.asked_to_close = true;
                }
            }
            Output::Ping { epoch, .. } => self.pings.push_back(*epoch),
            Output::Send { epoch, audio, .. } => {
                if let Some(conn) = self.conns.iter_mut().find(|c| c.epoch == *epoch && !c.deaf()) {
                    conn.receives(frame.unwrap(), *audio);
                }
            }
            Output::Capture { on } => self.capturing = *on,
            Output::Event(event) => match &event.kind {
                EventKind::ToolCall(_) if std::mem::take(&mut self.never) && !self.kind => self.fires(Fault::ToolNever),
                EventKind::ToolCall(call) => self.calls.push(call.call.clone()),
                EventKind::CredentialNeeded(needed) => self.needed = Some(needed.request_id),
                _ => {}
            },
            _ => {}
        }
    }

    pub fn host(&mut self, call: Call, command: Command) -> u64 {
        self.next_op += 1;
        let op = self.next_op;
        self.checks.ask(op, call, self.is_recovering());
        self.checks.forgetting = call == Call::Clear;
        self.input(Input::Command { op: OpId(op), command });
        self.checks.forgetting = false;
        op
    }

    /// Time passes; timers fire when they are due, and dead connections are found dead.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now.after_ms(ms);
        loop {
            let dead = self.conns.iter().filter(|c| c.state == State::Open).filter_map(|c| c.dead_at).min();
            let due = self.session.timeout().into_iter().chain(dead).min().filter(|t| *t <= end);
            let Some(due) = due else { break };
            self.now = due.max(self.now);
            match self.conns.iter().position(|c| c.state == State::Open && c.dead_at.is_some_and(|t| t <= due)) {
                Some(i) => {
                    self.conns[i].state = State::Gone;
                    let error = Error::new(ErrorClass::Network, "silent", "nothing came for 15 s").retryable();
                    self.gone(i, None, "", Some(error));
                }
                None => self.input(Input::Timer),
            }
        }
        self.now = end;
    }

    pub fn plays(&mut self, ms: u64) {
        self.pass(ms);
        if self.player.asked_to_flush() && self.armed.deaf_speaker {
            return;
        }
        for report in self.player.play(ms) {
            self.input(report);
        }
    }

    pub fn flushes(&mut self) {
        if self.player.asked_to_flush() && std::mem::take(&mut self.armed.deaf_speaker) {
            // It says so long after it was asked to.
            self.fires(Fault::DeafSpeaker);
            return self.pass(2_500);
        }
        let mut reports = self.player.flush().into_iter().peekable();
        while let Some(report) = reports.next() {
            self.reporting = reports.peek().is_some();
            self.input(report);
        }
    }

    pub fn microphone(&mut self, frames: u8) {
        for _ in 0..frames {
            self.pass(20);
            if !self.capturing {
                continue;
            }
            self.frames += 1;
            if let Some(frames) = &mut self.checks.offline_frames {
                *frames += 1;
            }
            let pcm = vec![self.frames as i16; 20 * PER_MS as usize];
            self.input(Input::Microphone { pcm: Cow::Owned(pcm), age_us: 0 });
        }
    }

    /// A frame as it is, if anybody is there to send it.
    pub fn wire(&mut self, i: usize, text: &str) {
        if self.conns[i].state != State::Open || self.conns[i].deaf() {
            return;
        }
        let epoch = self.conns[i].epoch;
        if let Ok(event) = serde_json::from_str::<Value>(text) {
            self.checks.now = self.now;
            self.checks.server(epoch, &event);
        }
        self.input(Input::Frame { epoch, frame: Frame::Text(Cow::Borrowed(text)) });
    }

    /// The transport tells that a connection is gone.
    pub fn gone(&mut self, i: usize, code: Option<u16>, reason: &str, error: Option<Error>) {
        let conn = &mut self.conns[i];
        conn.state = State::Gone;
        let (epoch, beside, closing) = (conn.epoch, conn.beside, conn.asked_to_close);
        let wire = self.checks.wire(epoch);
        wire.gone = true;
        let mine =
            !closing && epoch == self.checks.link && !beside_still(beside, self.is_connected(), epoch, &self.checks);
        let up = self.checks.wire(epoch).up;
        // One that was made ready takes over at once.
        let ready = self.conns.iter().any(|c| c.beside && c.epoch > epoch && c.state != State::Gone);
        let (established, lighter) = (self.checks.established, self.checks.lighter);
        let expected = match &error {
            Some(error) if error.retryable => Ok(()),
            Some(error) if error.code == "handshake" && !self.checks.foreign => Ok(()),
            Some(error) => Err(error.code.to_string()),
            None => mends(code, up, lighter).map_err(str::to_owned),
        };
        self.checks.retry_after = error.as_ref().and_then(|e| e.retry_after_ms);
        let asks = self.setup.config["credentials"]["source"] == "asked";
        let refused = error.as_ref().is_some_and(|e| e.code == "auth") && asks;
        self.checks.foreign |= mine && established && error.as_ref().is_some_and(|e| e.code == "handshake");
        if mine && established && code == Some(1009) && expected.is_ok() {
            self.checks.lighter = true;
        }
        self.input(Input::Closed { epoch, code, reason: reason.into(), error });
        if !mine || !established || refused {
            return;
        }
        if expected == Err("remote_closed".to_owned()) && *self.session.status() == Status::Connected {
            // What the vendor said is heard to its end, or nobody plays it.
            self.flushes();
            self.plays(60_000);
            self.pass(10_000);
        }
        let status = self.session.status();
        let end = ending(status);
        let reconnects = self.setup.config["recovery"]["reconnect"] != false;
        match (expected, reconnects) {
            (Ok(()), true) => {
                let good = match end.as_deref() {
                    None => matches!(status, Status::Reconnecting { .. }) || (ready && *status == Status::Connected),
                    Some(end) => matches!(end, "unstable" | "reconnect_failed"),
                };
                assert!(good, "after close {code:?} another try follows, not {status:?}");
            }
            (Err(word), _) => assert_eq!(end.as_deref(), Some(word.as_str()), "close {code:?} ends the run"),
            (Ok(()), false) => assert!(end.is_some(), "no other try without reconnect, but {status:?}"),
        }
    }

    // Steps.

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Serve(n) => {
                // A host whose run ended begins another.
                if self.checks.is_terminal() {
                    self.host(Call::Connect, Command::Connect);
                }
                if n.is_multiple_of(2) {
                    self.gives_credential(3);
                }
                self.serve(n);
            }
            Step::Write(die) => self.writes(die),
            Step::User(die) => self.user(die),
            Step::Microphone(n) => self.microphone(n),
            Step::Play(ms) => self.plays(ms.into()),
            Step::Flush => self.flushes(),
            Step::Pass(ms) => self.pass(ms.into()),
            Step::Host(call, die) => self.calls(call, die),
            Step::Credential(die) => self.gives_credential(die),
            Step::Fault(fault, die) => self.breaks(fault, die),
        }
    }

    /// Pings are answered by connections that live.
    pub fn pongs(&mut self) {
        for epoch in std::mem::take(&mut self.pings) {
            if self.conns.iter().any(|c| c.epoch == epoch && c.state == State::Open && !c.deaf()) {
                self.input(Input::Pong { epoch });
            }
        }
    }

    // The end.

    /// Nothing breaks any more, and everybody finishes what he has begun.
    pub fn settle(&mut self, rounds: usize) {
        self.kind = true;
        self.armed = Armed::default();
        for _ in 0..rounds {
            self.serve(200);
            self.finishes();
            self.serve(200);
            while !self.calls.is_empty() {
                self.answers_tool(2);
            }
            self.gives_credential(3);
            if self.player.asked_to_flush() {
                self.flushes();
            }
            self.plays(2_000);
            for i in 0..self.conns.len() {
                self.conns[i].stalled = 0;
            }
        }
    }

    pub fn probe(&mut self) {
        let text = format!("are you there {}", self.count);
        let op = self.host(Call::Text, Command::SendText { text, respond: true, interrupt: false });
        let before = self.checks.turns.len();
        self.settle(12);
        assert!(self.checks.completed.contains(&op), "the session lives: a text is confirmed");
        assert!(self.checks.turns.len() > before, "the session lives: a text is answered");
    }

    pub fn finish(&mut self) {
        self.note(|| "the end: faults are over".into());
        // Longer than any wait there is.
        self.settle(100);
        for _ in 0..10 {
            if matches!(self.session.status(), Status::Reconnecting { .. } | Status::Connecting { .. }) {
                self.settle(1);
            }
        }
        for round in 0..2 {
            if !self.is_connected() {
                assert!(ending(self.session.status()).is_some(), "no limbo, but {:?}", self.session.status());
                assert!(self.checks.is_terminal());
                assert_eq!(self.checks.open_ops(), [], "every command ends with the run");
                self.host(Call::Connect, Command::Connect);
                self.settle(30);
            }
            assert!(self.is_connected(), "it can be connected to: {:?}", self.session.status());
            assert_eq!(self.checks.open_ops(), [], "every command ends");
            if round == 0 {
                self.probe();
                // A fresh connection knows what there is, and every call has its result.
                self.pass(11_000);
                self.host(Call::Connect, Command::NetworkChanged);
                self.settle(30);
            }
        }
        self.probe();
        let i = self.conns.iter().position(|c| c.state == State::Open && c.epoch == self.checks.link);
        if self.setup.config["recovery"]["reconnect"] != false {
            self.conns[i.expect("a connection")].complete_pairs();
        }
        assert!(!self.player.asked_to_flush());
        assert_eq!(self.player.waiting(), 0, "everything was played or dropped");
        self.host(Call::Disconnect, Command::Disconnect);
        self.settle(3);
        assert!(matches!(self.session.status(), Status::Idle { .. }));
        assert_eq!(self.checks.open_ops(), [], "every command ends");
    }

    pub fn run(script: &Script, kept: &[usize], traced: bool) -> Self {
        let mut world = Self::new(&script.setup, traced);
        for &i in kept {
            let step = script.steps[i];
            world.note(|| format!("{i}: {step}"));
            world.step(step);
        }
        world.finish();
        world
    }
}

/// The next session, while the present one is up, is not the one the host knows.
fn beside_still(beside: bool, up: bool, epoch: u32, checks: &Checks) -> bool {
    beside && up && checks.link != epoch
}

fn shortened(text: &str) -> String {
    if text.len() > 400 { format!("{}…", &text[..text.floor_char_boundary(400)]) } else { text.to_owned() }
}
