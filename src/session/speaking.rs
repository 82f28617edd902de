//! Who is audible, and what happens when one speaker cuts the other off.
//!
//! Interruption, in order (DESIGN.md §5.2): the running responses are fenced so that their late audio
//! is dropped; the speaker is flushed; a response still running is cancelled unless the vendor does
//! that itself; and when the speaker has reported what it really played, the vendor is told: cut
//! where it was heard, deleted where nothing was. The playback tail (generation over, audio still
//! playing) and several items in one response take the same path.

use super::{
    Output, Session,
    ledger::{AudioKey, Heard, LedgerEvent},
    ops::Purpose,
};
use crate::{
    config::AudioSource,
    error::{Error, ErrorClass},
    event::{
        Agent, AudioOut, EventKind, InterruptSource, Interrupted, Latency, Mode, ModeChange, Pcm, PlaybackFinished,
        PlaybackStarted, Speech, SpeechSource, Transcript, TranscriptMode, TranscriptStage,
    },
    message::{ItemId, MessageState, Part, ResponseId, Role},
    provider::{PartRef, ProviderCommand},
    time::Time,
};
use std::{collections::VecDeque, sync::Arc};

/// A complete item with less than this unheard counts as heard (AUDIO.md §4).
const TAIL_MS: u64 = 100;
/// Assistant audio that may wait for the speaker (FAULTS.md §4).
const MAX_QUEUED_S: u64 = 300;

/// A turn being timed.
#[derive(Debug, Clone, Copy)]
struct TurnClock {
    /// Last voiced sample, or the moment text was sent.
    asked: Time,
    /// The turn's end was known.
    ended: Time,
    /// First word or sample of the answer.
    answered: Option<Time>,
}

/// A flush the speaker was asked for and has not reported yet.
#[derive(Debug, Clone, Copy)]
struct Flush {
    wanted_by: InterruptSource,
    /// Frames that had been given to the speaker: later ones are not flushed.
    upto: u64,
}

/// State of both speakers.
#[derive(Debug, Default)]
pub struct Speaking {
    /// The user's turn, from 1.
    pub turn: u64,
    user: bool,
    /// The vendor will answer by itself.
    pub answer_expected: bool,
    /// Flushes under way, oldest first.
    flushes: VecDeque<Flush>,
    clock: Option<TurnClock>,
    /// Start of the user's speech, position in the audio sent.
    speech_from_ms: u64,
    sent_frames: u64,
    sent_rate: u32,
    sent_at: Time,
}

impl Speaking {
    /// Nobody speaks.
    pub fn silent() -> ModeChange {
        ModeChange { mode: Mode::Idle, user_speaking: false, agent: Agent::Idle }
    }

    pub fn flushing(&self) -> bool {
        !self.flushes.is_empty()
    }

    /// A new connection: the vendor counts the audio it gets from zero.
    pub fn connected_anew(&mut self) {
        self.sent_frames = 0;
        self.speech_from_ms = 0;
    }

    /// Microphone audio went out.
    pub fn sent_audio(&mut self, frames: u64, rate: u32, now: Time) {
        self.sent_frames += frames;
        self.sent_rate = rate;
        self.sent_at = now;
    }

    /// When the sample at `audio_ms` was sent: audio goes out in real time.
    fn time_of(&self, audio_ms: u64, now: Time) -> Time {
        let sent_ms = self.sent_frames * 1000 / u64::from(self.sent_rate.max(1));
        let from = if self.sent_frames == 0 { now } else { self.sent_at };
        Time(from.0.saturating_sub(sent_ms.saturating_sub(audio_ms) * 1000))
    }

    /// The user typed.
    pub fn begin_typed_turn(&mut self, now: Time) {
        self.turn += 1;
        self.clock = Some(TurnClock { asked: now, ended: now, answered: None });
    }

    /// The first output of the turn's answer came.
    pub fn first_output(&mut self, now: Time) {
        if let Some(clock) = &mut self.clock {
            clock.answered.get_or_insert(now);
        }
    }
}

impl Session {
    pub(super) fn user_started(&mut self, item: ItemId, audio_ms: u64) {
        self.speaking.turn += 1;
        self.speaking.user = true;
        self.speaking.answer_expected = false;
        self.speaking.clock = None;
        self.speaking.speech_from_ms = audio_ms;
        let speech = Speech { who: Role::User, source: SpeechSource::Server, audio_ms };
        self.emit_about(None, Some(&item), EventKind::SpeechStarted(speech));
        self.user_placeholder(&item);
        if self.config.turn_detection.interrupt_response {
            self.interrupt(InterruptSource::User);
        }
    }

    pub(super) fn user_stopped(&mut self, item: &ItemId, audio_ms: u64) {
        self.speaking.user = false;
        self.speaking.answer_expected = self.config.turn_detection.create_response;
        let speech = Speech { who: Role::User, source: SpeechSource::Server, audio_ms };
        self.emit_about(None, Some(item), EventKind::SpeechStopped(speech));
        // `audio_ms` includes the silence the vendor waited for.
        let voiced = audio_ms.saturating_sub(self.link.silence_ms).max(self.speaking.speech_from_ms);
        let asked = self.speaking.time_of(voiced, self.now).min(self.now);
        self.speaking.clock = Some(TurnClock { asked, ended: self.now, answered: None });
        self.user_spoke_for(item, voiced - self.speaking.speech_from_ms);
    }

    pub(super) fn agent_audio(&mut self, at: PartRef, mut pcm: Vec<i16>, odd: bool) {
        if odd {
            self.stats.odd_audio += 1;
            self.warn_rarely(
                ErrorClass::Protocol,
                "odd_audio",
                "audio came in an odd number of bytes; it is put together",
            );
        }
        let record = self.response(&at.response);
        // Nothing may follow the end of a response; what does is late or a repetition.
        if record.fenced || record.end.is_some() || self.history.is_gone(&at.item) {
            self.stats.late_audio += pcm.len() as u64;
            return;
        }
        let part = self.history.get(&at.item).and_then(|m| m.parts.get(at.part as usize));
        if !matches!(part, Some(Part::Audio { .. })) {
            self.part_added(&at, super::words::PartKind::Audio);
        }
        let rate = self.codec.capabilities().output_rate;
        let room = (MAX_QUEUED_S * u64::from(rate)).saturating_sub(self.ledger.queued());
        // What is the host's is not held here, and a host may take it faster than it would play.
        if (pcm.len() as u64) > room && self.config.audio.output.source != AudioSource::Host {
            self.stats.output_overrun += pcm.len() as u64 - room;
            pcm.truncate(usize::try_from(room).unwrap_or(0));
        }
        if pcm.is_empty() {
            return;
        }
        self.speaking.first_output(self.now);
        let key = AudioKey { response: at.response.clone(), item: at.item.clone(), part: at.part };
        self.ledger.push(&key, pcm.len() as u64);
        let pcm = Pcm(Arc::new(pcm));
        match self.config.audio.output.source {
            AudioSource::Host => {
                let audio = AudioOut { part: at.part, rate, pcm };
                self.emit_about(Some(&at.response), Some(&at.item), EventKind::Audio(audio));
            }
            // Without a speaker the driver still plays it on a clock, so that turns end.
            AudioSource::Device | AudioSource::None => {
                self.out.push_back(Output::Play { item: at.item, part: at.part, pcm });
            }
        }
    }

    pub(super) fn agent_audio_done(&mut self, at: &PartRef) {
        let key = AudioKey { response: at.response.clone(), item: at.item.clone(), part: at.part };
        if let Some(heard) = self.ledger.heard(&key) {
            let (received, item) = (self.ledger.ms(heard.received), at.item.clone());
            self.history.edit(&item, |m| {
                if let Some(Part::Audio { duration_ms, .. }) = m.parts.get_mut(at.part as usize) {
                    *duration_ms = received;
                }
            });
        }
        if self.response(&at.response).fenced {
            // The closing events of a cancelled response come all the same and complete nothing.
            return;
        }
        self.ledger.complete(&key, &mut self.ledger_events);
        self.out.push_back(Output::PlayoutItemEnd);
        self.heard();
    }

    /// Works through what the ledger found out.
    pub(super) fn heard(&mut self) {
        for event in std::mem::take(&mut self.ledger_events) {
            match event {
                LedgerEvent::Started(key) => self.playback_started(&key),
                LedgerEvent::Finished(heard, complete) => self.playback_finished(&heard, complete),
                LedgerEvent::Flushed(cut) => self.flushed(&cut),
            }
        }
        self.close_turns();
    }

    fn playback_started(&mut self, key: &AudioKey) {
        let started = PlaybackStarted { part: key.part };
        self.emit_about(Some(&key.response), Some(&key.item), EventKind::PlaybackStarted(started));
        let Some(clock) = self.speaking.clock.take() else { return };
        let answered = clock.answered.unwrap_or(self.now);
        let latency = Latency {
            endpointing_ms: clock.ended.ms_since(clock.asked),
            service_ms: answered.ms_since(clock.ended),
            buffer_ms: self.now.ms_since(answered),
            total_ms: self.now.ms_since(clock.asked),
        };
        self.emit_about(Some(&key.response), Some(&key.item), EventKind::Latency(latency));
    }

    fn playback_finished(&mut self, heard: &Heard, complete: bool) {
        let (heard_ms, received_ms) = (self.ledger.ms(heard.heard), self.ledger.ms(heard.received));
        let key = &heard.key;
        let pace = &mut self.pace;
        self.history.update(&key.item, &mut self.changes, |m| {
            let Some(Part::Audio { transcript, heard_transcript, duration_ms, heard_ms: slot }) =
                m.parts.get_mut(key.part as usize)
            else {
                return None;
            };
            (*duration_ms, *slot) = (received_ms, heard_ms);
            if complete {
                *heard_transcript = Some(transcript.clone());
                pace.learn(transcript.chars().count(), received_ms);
            }
            Some(vec![key.part])
        });
        self.tell_changes();
        let finished = PlaybackFinished { part: key.part, heard_ms, complete };
        self.emit_about(Some(&key.response), Some(&key.item), EventKind::PlaybackFinished(finished));
    }

    /// Turns whose generation and playback are both over.
    fn close_turns(&mut self) {
        let ledger = &self.ledger;
        // From the end: a host that takes audio faster than it plays leaves many parts open.
        let over = |id: &ResponseId| !ledger.open().rev().any(|h| h.key.response == *id);
        let ready: Vec<_> = self
            .responses
            .iter_mut()
            .filter(|r| !r.closed && r.end.is_some() && over(&r.id))
            .filter_map(|r| {
                r.closed = true;
                r.end.clone().map(|end| (r.id.clone(), end))
            })
            .collect();
        for (id, end) in ready {
            self.emit_about(Some(&id), None, EventKind::TurnDone(end));
        }
    }

    /// Cuts the assistant off.
    pub(super) fn interrupt(&mut self, source: InterruptSource) {
        let active = self.sequencer.active().cloned();
        let mut fenced: Vec<ResponseId> = self.ledger.open().map(|h| h.key.response.clone()).collect();
        fenced.extend(active.clone());
        for id in &fenced {
            self.response(id).fence();
        }
        if source == InterruptSource::Call
            && let Some(op) = self.sequencer.abandon()
        {
            let error = Error::new(ErrorClass::State, "cancelled", "interrupted before the response began");
            self.complete(op, Some(error));
        }
        // When the user speaks, a vendor whose effective session says so cancels by itself.
        let vendor_cancels = source == InterruptSource::User && self.link.server_interrupts;
        if let Some(active) = active.filter(|_| !vendor_cancels) {
            self.cancel(active);
        }
        self.flush(source);
        self.drop_unheard(&[]);
    }

    /// Silences the speaker, unless it is silent or will be by a flush under way.
    fn flush(&mut self, wanted_by: InterruptSource) {
        let upto = self.ledger.pushed();
        let enough = self.speaking.flushes.back().is_some_and(|f| f.upto == upto);
        if !enough && self.ledger.open().next().is_some() {
            self.speaking.flushes.push_back(Flush { wanted_by, upto });
            self.out.push_back(Output::FlushPlayout);
        }
    }

    /// The speaker is silent and has said what it played.
    fn flushed(&mut self, cut: &[Heard]) {
        let source = self.speaking.flushes.pop_front().map_or(InterruptSource::Server, |f| f.wanted_by);
        for (i, heard) in cut.iter().enumerate() {
            let first = !cut[..i].iter().any(|h| h.key.item == heard.key.item);
            self.cut(heard, cut, source, first);
        }
        self.drop_unheard(cut);
        if self.speaking.flushing() {
            return;
        }
        for op in std::mem::take(&mut self.ops.interrupt) {
            self.complete(op, None);
        }
    }

    /// One part that was cut: tells the vendor, the history and the host. `first`: of its item.
    fn cut(&mut self, heard: &Heard, all: &[Heard], source: InterruptSource, first: bool) {
        let key = &heard.key;
        if self.history.is_gone(&key.item) {
            return;
        }
        let (heard_ms, received_ms) = (self.ledger.ms(heard.heard), self.ledger.ms(heard.received));
        if heard.complete && heard.heard > 0 && received_ms - heard_ms < TAIL_MS {
            return self.count_as_heard(key);
        }
        let item_heard = all.iter().any(|h| h.key.item == key.item && h.heard > 0) || self.was_heard(&key.item);
        let text = self.mark_heard(heard);
        if first {
            let interrupted = Interrupted { heard_ms, source, server_truncated: false };
            self.emit_about(Some(&key.response), Some(&key.item), EventKind::Interrupted(interrupted));
        }
        if item_heard {
            let (item, part, audio_end_ms) = (key.item.clone(), key.part, heard_ms);
            self.tell_vendor(&ProviderCommand::Truncate { item, part, audio_end_ms });
            let (mode, stage) = (TranscriptMode::Final, TranscriptStage::Heard);
            let transcript = Transcript { role: Role::Assistant, mode, text, stage, estimated: true };
            self.emit_about(Some(&key.response), Some(&key.item), EventKind::Transcript(transcript));
        } else {
            self.forget(&key.item);
        }
        self.tell_changes();
    }

    /// So little of the part was left that all its words were heard.
    fn count_as_heard(&mut self, key: &AudioKey) {
        self.history.update(&key.item, &mut self.changes, |m| {
            let Some(Part::Audio { transcript, heard_transcript, .. }) = m.parts.get_mut(key.part as usize) else {
                return None;
            };
            *heard_transcript = Some(transcript.clone());
            Some(vec![key.part])
        });
        self.tell_changes();
    }

    /// Some part of the item was played.
    fn was_heard(&self, item: &ItemId) -> bool {
        let heard = |p: &Part| matches!(p, Part::Audio { heard_ms, .. } if *heard_ms > 0);
        self.history.get(item).is_some_and(|m| m.parts.iter().any(heard))
    }

    /// Marks what was heard in the message; returns the words.
    fn mark_heard(&mut self, heard: &Heard) -> String {
        let key = &heard.key;
        let (heard_ms, received_ms) = (self.ledger.ms(heard.heard), self.ledger.ms(heard.received));
        let mut text = String::new();
        let pace = &self.pace;
        self.history.update(&key.item, &mut self.changes, |m| {
            m.interrupted = true;
            m.state = MessageState::Incomplete;
            let Some(Part::Audio { transcript, heard_transcript, duration_ms, heard_ms: slot }) =
                m.parts.get_mut(key.part as usize)
            else {
                return Some(vec![]);
            };
            (*duration_ms, *slot) = (received_ms, heard_ms);
            text = pace.heard(transcript, heard_ms, received_ms, heard.complete);
            *heard_transcript = Some(text.clone());
            Some(vec![key.part])
        });
        text
    }

    /// Spoken items of cut responses of which no audio came: nobody heard them. `cut` is settled.
    pub(super) fn drop_unheard(&mut self, cut: &[Heard]) {
        let ledger = &self.ledger;
        let in_speaker = |item: &ItemId| ledger.open().any(|h| h.key.item == *item);
        let mut silent = Vec::new();
        for record in self.responses.iter_mut().filter(|r| r.fenced) {
            // What the speaker still has is settled by its flush.
            silent.extend(record.spoken_items.extract_if(.., |item| !in_speaker(item)));
        }
        for item in silent {
            let settled = cut.iter().any(|h| h.key.item == item) || self.was_heard(&item);
            if !settled && self.history.get(&item).is_some() {
                self.forget(&item);
            }
        }
        self.tell_changes();
    }

    fn forget(&mut self, item: &ItemId) {
        self.tell_vendor(&ProviderCommand::DeleteItem { item: item.clone() });
        self.history.remove(item, &mut self.changes);
    }

    fn tell_vendor(&mut self, command: &ProviderCommand) {
        if !self.link.is_up() {
            return;
        }
        if let Some(id) = self.send_own(command) {
            self.remember(id, Purpose::Housekeeping);
        }
    }

    /// The run ends: nobody speaks any more, and what was heard is settled.
    pub(super) fn stop_speaking(&mut self) {
        for record in &mut self.responses {
            record.fence();
        }
        self.speaking.user = false;
        self.speaking.answer_expected = false;
        self.speaking.clock = None;
        self.flush(InterruptSource::Server);
    }

    /// Something will be heard or written before long.
    fn thinking(&self) -> bool {
        let running = self.sequencer.active().is_some_and(|id| !self.responses.iter().any(|r| r.id == *id && r.fenced));
        let buffered = !self.speaking.flushing() && self.ledger.open().next().is_some();
        running || buffered || self.sequencer.waiting() || self.speaking.answer_expected
    }

    /// Tells a change of mode, if there is one.
    pub(super) fn update_mode(&mut self) {
        let agent = if self.ledger.audible() {
            Agent::Speaking
        } else if self.link.is_up() && self.thinking() {
            Agent::Thinking
        } else {
            Agent::Idle
        };
        let mode = match agent {
            Agent::Speaking => Mode::Speaking,
            Agent::Thinking => Mode::Thinking,
            Agent::Idle if self.capture && self.link.is_up() => Mode::Listening,
            Agent::Idle => Mode::Idle,
        };
        let change = ModeChange { mode, user_speaking: self.speaking.user, agent };
        if change != self.mode {
            self.mode = change;
            self.emit(EventKind::Mode(change));
        }
    }
}
