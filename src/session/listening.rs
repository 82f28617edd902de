//! The microphone's way to the vendor, and turns that the host begins and ends by hand.
//!
//! With manual turns nothing leaves between two turns; the newest moment is kept, so that a turn has its
//! first syllable although the button came late.

use super::{Command, Output, Session, commit_answers::QUIET, ops::Purpose, sequencer::Request};
use crate::{
    audio::pcm::scale,
    config::{AudioSource, VadMode},
    error::{Error, ErrorClass, Result},
    event::{InterruptSource, OpId},
    provider::ProviderCommand,
    time::Time,
};
use std::{borrow::Cow, collections::VecDeque};

/// Kept from before `start_listening` unless the configuration says otherwise.
const PRE_ROLL_MS: u32 = 300;
/// The vendor takes no shorter turn (protocols reference §6.7).
const SHORTEST_MS: u32 = 100;
/// Pre-roll leaves in frames as the microphone's do.
const FRAME_MS: u64 = 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Listening {
    /// Between `start_listening` and `stop_listening` of a manual turn.
    held: bool,
    /// Frames captured since the turn began.
    frames: u64,
    /// The newest audio from before the turn.
    before: VecDeque<i16>,
    /// The vendor has heard a part of the turn that is held, however short it is.
    pub(super) heard: bool,
    /// What was captured in a turn that is not long enough yet, for a vendor that takes nothing back.
    begun: VecDeque<i16>,
    /// `start_listening` switched capturing on, so `stop_listening` switches it off.
    opened: bool,
    /// The vendor may find the end of the turn by itself before our commit arrives: then it answers too.
    answer_on_commit: bool,
    /// Nothing loud enough for speech came since the turn began.
    pub(super) quiet: bool,
    /// The end of the turn was not told, because nobody has asked for an answer yet.
    pub(super) kept: bool,
    /// A turn was answered, and the vendor takes no other request before it is told something.
    pub(super) stuck: bool,
    /// Until when the answer that was asked for with the end of a turn may take to begin.
    pub(super) asked_until: Option<Time>,
    /// `stop_listening` came before the vendor's word that anybody spoke: should it come, that turn is over.
    over: bool,
}

impl Listening {
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// What was held back is kept with all else that the next connection hears.
    pub(super) fn said_anew(&mut self) {
        self.begun.clear();
    }

    /// When an answer is no longer waited for.
    pub(super) fn timeout(&self) -> Option<Time> {
        self.asked_until
    }
}

impl Session {
    pub(super) fn is_manual(&self) -> bool {
        // A change that takes a new connection is in force when that one is.
        let config = self.rollover.before.as_deref().unwrap_or(&self.config);
        config.turn_detection.mode == VadMode::Manual
    }

    /// The host holds the user's turn.
    pub(super) fn is_held(&self) -> bool {
        self.listening.held
    }

    /// The microphone is on its way to the vendor.
    pub(super) fn listens(&self) -> bool {
        self.capture && self.link.is_up() && (!self.is_manual() || self.listening.held)
    }

    pub(super) fn listening_command(&mut self, op: OpId, command: &Command) {
        match command {
            Command::StartListening if self.config.audio.input.source == AudioSource::None => {
                let error = Error::new(ErrorClass::State, "no_microphone", "nobody has a microphone here");
                self.complete(op, Some(error.field("audio.input.source").fix("set it to host or device")));
            }
            Command::StartListening if self.is_manual() => self.begin_manual_turn(op),
            Command::StartListening => {
                self.set_capture(true);
                self.complete(op, None);
            }
            Command::StopListening if self.is_manual() => self.end_manual_turn(op),
            Command::StopListening => self.stop_capturing(op),
            _ if self.vendor_keeps_audio() => {
                let text = "the service keeps what it has heard";
                let error = Error::new(ErrorClass::Unsupported, "unsupported_option", text);
                self.complete(op, Some(error.fix("end the turn, and interrupt the answer")));
            }
            _ => {
                self.listening.begun.clear();
                self.listening.frames = 0;
                self.listening.before.clear();
                (self.listening.kept, self.listening.stuck) = (false, false);
                self.pre_roll.cleared(self.listening.held);
                // It must not overtake what it is to clear.
                self.after_media();
                let result = self.clear_vendor();
                self.complete(op, result.err());
            }
        }
    }

    /// What is shorter is no turn.
    fn shortest_ms(&self) -> u32 {
        self.config.turn_detection.minimum_ms.unwrap_or(SHORTEST_MS)
    }

    /// The vendor was sent something of the turn that it would not forget.
    fn vendor_keeps_audio(&self) -> bool {
        let sent = !self.is_manual() || (self.listening.held && !self.is_too_short());
        self.codec.quirks().keeps_audio && self.link.is_up() && sent
    }

    fn spoken_ms(&self) -> u64 {
        scale(self.listening.frames, 1000, self.codec.capabilities().input_rate.into())
    }

    fn is_too_short(&self) -> bool {
        let heard = self.listening.heard && self.codec.quirks().keeps_audio;
        !heard && self.spoken_ms() < u64::from(self.shortest_ms())
    }

    /// The vendor forgets what it was sent since the last turn; a connection that is still to come has nothing.
    fn clear_vendor(&mut self) -> Result<()> {
        if self.link.is_up() { self.send(&ProviderCommand::ClearInput).map(drop) } else { Ok(()) }
    }

    /// The button is down (reference §6.7).
    fn begin_manual_turn(&mut self, op: OpId) {
        if self.listening.held {
            return self.complete(op, None);
        }
        if self.recovery.commit.is_some() {
            let text = "the turn before it waits for the connection";
            let error = Error::new(ErrorClass::State, "reconnecting", text).retryable();
            return self.complete(op, Some(error.fix("wait until the client is connected")));
        }
        if let Err(error) = self.clear_vendor() {
            return self.complete(op, Some(error));
        }
        self.pre_roll.begin_by_hand();
        self.listening.held = true;
        (self.listening.quiet, self.listening.kept, self.listening.stuck) = (true, false, false);
        self.listening.frames = 0;
        self.listening.begun.clear();
        self.listening.heard = false;
        self.listening.opened = !self.capture;
        self.set_capture(true);
        self.speaking.begin_turn();
        if self.config.turn_detection.interrupt_response {
            self.interrupt(InterruptSource::User);
        }
        let before = std::mem::take(&mut self.listening.before);
        let before: Vec<i16> = before.into();
        let rate = self.codec.capabilities().input_rate;
        let frame = scale(FRAME_MS, rate.into(), 1000) as usize;
        for pcm in before.chunks(frame.max(1)) {
            self.listening.quiet &= is_quiet(pcm);
            self.keep_microphone(pcm, self.now);
            if self.link.is_up() {
                self.send_or_hold(pcm, self.now);
            }
        }
        self.complete(op, None);
    }

    /// The button is up.
    fn end_manual_turn(&mut self, op: OpId) {
        if !self.listening.held {
            let error = Error::new(ErrorClass::State, "not_listening", "no turn has begun");
            return self.complete(op, Some(error.fix("call start_listening first")));
        }
        self.listening.held = false;
        if std::mem::take(&mut self.listening.opened) {
            self.set_capture(false);
        }
        if self.is_too_short() {
            self.pre_roll.forget();
            self.listening.begun.clear();
            let sent = self.clear_vendor();
            let short = too_short(self.spoken_ms(), self.shortest_ms());
            return self.complete(op, Some(sent.err().unwrap_or(short)));
        }
        if !self.link.is_up() {
            return self.commit_later(Some(op), None);
        }
        if self.keeps_commit() {
            self.speaking.end_turn(self.now);
            return self.complete(op, None);
        }
        // Commit and request leave together: the vendor works them off in order.
        let answer = self.config.turn_detection.create_response.then(|| self.id("req"));
        let op = Some(op).filter(|_| !self.is_unconfirmed(op));
        if self.commit_input(op, answer.clone())
            && !self.commit_asked()
            && let Some(id) = answer
        {
            self.want_response(Request::automatic(id));
        }
    }

    /// Ends the user's turn; false: it could not be sent. `answer`: the request for one that goes with it.
    pub(super) fn commit_input(&mut self, op: Option<OpId>, answer: Option<String>) -> bool {
        self.after_media();
        match self.send(&ProviderCommand::CommitInput) {
            Ok(event_id) => self.remember(event_id, Purpose::Commit(op, answer)),
            Err(error) => {
                self.failed_for(op, error);
                return false;
            }
        }
        self.listening.over = false;
        self.speaking.end_turn(self.now);
        true
    }

    /// Capturing ends. What the user is in the middle of saying is a turn all the same: the vendor's clock
    /// is the audio it gets, so the silence that would end it never comes.
    fn stop_capturing(&mut self, op: OpId) {
        self.set_capture(false);
        if !self.speaking.user || !self.link.is_up() {
            self.listening.over = true;
            return self.complete(op, None);
        }
        self.end_spoken_turn(Some(op));
    }

    fn end_spoken_turn(&mut self, op: Option<OpId>) {
        if self.end_with_silence() {
            self.listening.over = true;
            if let Some(op) = op {
                self.complete(op, None);
            }
            return;
        }
        self.speaking.user = false;
        self.listening.answer_on_commit = self.commit_input(op, None) && self.config.turn_detection.create_response;
    }

    /// The vendor heard somebody begin. Where capturing ended before that, the end will not come by itself.
    pub(super) fn end_turn_of_the_past(&mut self) {
        if self.listening.over && !self.is_manual() && self.link.is_up() {
            self.end_spoken_turn(None);
        }
    }

    /// The vendor found the end of the turn by itself.
    pub(super) fn turn_ended_by_vendor(&mut self) {
        self.listening.answer_on_commit = false;
        self.listening.over = false;
    }

    /// The user's turn is in the conversation.
    pub(super) fn turn_committed(&mut self) {
        if let Some(op) = self.ops.committed() {
            self.complete(op, None);
        }
        if std::mem::take(&mut self.listening.answer_on_commit) {
            self.want_answer();
        }
    }

    /// The vendor refused the end of a turn: there was too little, or it had found the end by itself.
    pub(super) fn commit_refused(&mut self, op: Option<OpId>, answer: Option<String>, error: Error) {
        self.listening.answer_on_commit = false;
        self.turn_answered(self.speaking.turn);
        if let Some(answer) = answer {
            self.sequencer.forget(&answer);
        }
        let Some(op) = op else { return };
        let empty = error.provider_code.as_deref() == Some("input_audio_buffer_commit_empty");
        let error = match (empty, self.is_manual()) {
            (true, true) => Some(too_short(0, self.shortest_ms())),
            (true, false) => None,
            _ => Some(error),
        };
        self.complete(op, error);
    }

    /// Nobody holds the button of a connection that is gone.
    pub(super) fn stop_listening(&mut self) {
        self.listening = Listening::default();
    }

    /// Capturing works only while connected; switching on before is remembered by `auto_capture`.
    pub(super) fn set_capture(&mut self, on: bool) {
        // Nobody listens any more while what was said is heard out.
        let on = on && !self.hears_out();
        if self.capture != on {
            self.capture = on;
            self.listening.over = false;
            if !on {
                self.listening.before.clear();
                self.pre_roll.capture_stopped();
                if self.link.is_up() && self.codec.quirks().stream_ends && !self.is_manual() {
                    // Its clock is the audio it gets: the silence that would end a turn never comes.
                    self.tell_vendor(&ProviderCommand::InputEnds);
                }
            }
            self.out.push_back(Output::Capture { on });
        }
    }

    /// One frame from the microphone, at the provider's rate, whose last sample was captured `age_us` ago.
    pub(super) fn microphone(&mut self, pcm: &[i16], age_us: u64) {
        // Between two connections of one session too: the next one hears it.
        let connected = self.link.is_up();
        if !connected && !self.recovery.established || !self.capture || pcm.is_empty() {
            return;
        }
        // Muted is silence, not absence: the vendor's clock is the audio it gets (checklist 20).
        let pcm = if self.muted || self.tools.mutes(&self.config) {
            Cow::Owned(vec![0; pcm.len()])
        } else {
            Cow::Borrowed(pcm)
        };
        if self.is_manual() && !self.listening.held {
            return self.keep_before(&pcm);
        }
        self.listening.frames += pcm.len() as u64;
        self.listening.quiet &= is_quiet(&pcm);
        let captured = Time(self.now.0.saturating_sub(age_us));
        self.keep_microphone(&pcm, captured);
        if connected {
            self.send_or_hold(&pcm, captured);
        }
    }

    /// A frame leaves, unless it is of a turn by hand that may still turn out to be none and could not be taken back.
    fn send_or_hold(&mut self, pcm: &[i16], captured: Time) {
        if self.codec.quirks().keeps_audio && self.listening.held && self.is_too_short() {
            self.listening.begun.extend(pcm);
            return;
        }
        let begun: Vec<i16> = std::mem::take(&mut self.listening.begun).into();
        let frame_us = scale(pcm.len() as u64, 1_000_000, self.codec.capabilities().input_rate.into());
        self.send_frames(&begun, Time(captured.0.saturating_sub(frame_us)));
        self.send_microphone(pcm, captured);
    }

    /// What was kept leaves in frames as the microphone's do; `newest`: when the last sample was captured.
    pub(super) fn send_frames(&mut self, kept: &[i16], newest: Time) {
        let rate = u64::from(self.codec.capabilities().input_rate);
        let mut left = kept.len();
        for pcm in kept.chunks(scale(FRAME_MS, rate, 1000).max(1) as usize) {
            left -= pcm.len();
            let after_us = scale(left as u64, 1_000_000, rate);
            self.send_microphone(pcm, Time(newest.0.saturating_sub(after_us)));
        }
    }

    fn keep_before(&mut self, pcm: &[i16]) {
        let ms = self.config.turn_detection.prefix_padding_ms.unwrap_or(PRE_ROLL_MS);
        let most = scale(ms.into(), self.codec.capabilities().input_rate.into(), 1000) as usize;
        let before = &mut self.listening.before;
        before.extend(pcm);
        before.drain(..before.len().saturating_sub(most));
    }

    pub(super) fn send_microphone(&mut self, pcm: &[i16], captured: Time) {
        self.stats.microphone_frames += 1;
        self.said_at = self.now;
        self.speaking.sent_audio(pcm.len() as u64, self.codec.capabilities().input_rate, captured);
        if self.link.carries.media {
            return self.send_media(pcm);
        }
        if let Some(text) = self.codec.before_audio() {
            self.send_frame(Some(text));
        }
        let text = self.codec.encode_audio(pcm);
        self.out.push_back(Output::Send { epoch: self.link.epoch, text, audio: true });
    }
}

fn is_quiet(pcm: &[i16]) -> bool {
    pcm.iter().all(|s| s.unsigned_abs() < QUIET)
}

fn too_short(spoken_ms: u64, least: u32) -> Error {
    let text = format!("{spoken_ms} ms are no turn: at least {least} ms are needed; what was said is thrown away");
    Error::new(ErrorClass::Limit, "turn_too_short", text).fix("hold the button while speaking")
}
