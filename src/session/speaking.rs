//! Who is audible: the two speakers, the mode that follows from them, and how long a turn took.
//! What happens when one cuts the other off is in `interruption`.

use super::{
    Output, Session,
    heard_text::{Span, Words},
    ledger::{AudioKey, Heard, LedgerEvent},
};
use crate::{
    audio::pcm::scale_up,
    config::{AudioDelivery, AudioSource, Positions},
    error::ErrorClass,
    event::{
        Agent, AudioOut, EventKind, InterruptSource, Latency, Mode, ModeChange, Pcm, PlaybackFinished, PlaybackStarted,
        Speech, SpeechSource,
    },
    message::{ItemId, Message, MessageState, Part, PartIndex, ResponseId, Role},
    provider::{AlignedChar, PartRef},
    time::Time,
};
use std::{collections::VecDeque, sync::Arc};

/// Assistant audio that may wait for the speaker.
const MAX_QUEUED_S: u64 = 300;

/// Parts that may wait for a host's reports.
const MAX_UNREPORTED: usize = 256;

/// A turn being timed.
#[derive(Debug, Clone, Copy)]
pub(super) struct TurnClock {
    /// Last voiced sample, or the moment text was sent.
    asked: Time,
    /// The turn's end was known.
    ended: Time,
    /// First word or sample of the answer.
    answered: Option<Time>,
}

/// A flush the speaker was asked for and has not reported yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flush {
    pub wanted_by: InterruptSource,
    /// Frames that had been given to the speaker: later ones are not flushed.
    pub upto: u64,
    /// Until when the speaker may take to report it.
    pub by: Time,
}

/// State of both speakers.
#[derive(Debug, Default)]
pub struct Speaking {
    /// The user's turn, from 1.
    pub turn: u64,
    /// The person is speaking.
    pub(super) user: bool,
    /// What the person said last.
    pub(super) user_item: Option<ItemId>,
    /// The vendor will answer by itself.
    pub answer_expected: bool,
    /// Flushes under way, oldest first.
    pub(super) flushes: VecDeque<Flush>,
    /// Messages of a run that is over whose audio the speaker has not reported.
    pub(super) unsettled: Vec<ItemId>,
    /// The newest flush that was given up: its report may still come.
    pub(super) given_up_to: Option<u64>,
    /// The report at hand is of a flush that was given up.
    pub(super) late_report: bool,
    pub(super) clock: Option<TurnClock>,
    /// Start of the user's speech, position in the audio sent.
    speech_from_ms: u64,
    sent_frames: u64,
    sent_rate: u32,
    sent_at: Time,
    /// The vendor has heard something ever since, silence when nobody gives anything: on a call.
    stream_from: Option<Time>,
}

impl Speaking {
    /// Nobody speaks.
    pub fn silent() -> ModeChange {
        ModeChange { mode: Mode::Idle, user_speaking: false, agent: Agent::Idle }
    }

    pub fn flushing(&self) -> bool {
        !self.flushes.is_empty()
    }

    /// When the oldest flush is given up.
    pub fn timeout(&self) -> Option<Time> {
        self.flushes.front().map(|f| f.by)
    }

    /// A new connection: the vendor counts the audio it gets from zero.
    pub fn connected_anew(&mut self, stream_from: Option<Time>) {
        self.sent_frames = 0;
        self.speech_from_ms = 0;
        self.stream_from = stream_from;
    }

    /// Microphone audio went out whose last sample was captured then.
    pub fn sent_audio(&mut self, frames: u64, rate: u32, captured: Time) {
        self.sent_frames += frames;
        self.sent_rate = rate;
        self.sent_at = captured;
    }

    /// Samples that were sent since the position `audio_ms` of what was sent.
    fn sent_since(&self, audio_ms: u64, now: Time) -> u64 {
        if self.stream_from.is_some() {
            return self.sent_ms(now).saturating_sub(audio_ms) * u64::from(self.sent_rate) / 1000;
        }
        self.sent_frames.saturating_sub(audio_ms.saturating_mul(u64::from(self.sent_rate)) / 1000)
    }

    fn sent_ms(&self, now: Time) -> u64 {
        if let Some(from) = self.stream_from {
            return now.ms_since(from);
        }
        self.sent_frames * 1000 / u64::from(self.sent_rate.max(1))
    }

    /// When the sample at `audio_ms` was captured: audio is captured in real time.
    fn time_of(&self, audio_ms: u64, now: Time) -> Time {
        let sent_ms = self.sent_ms(now);
        let from = if self.sent_frames == 0 || self.stream_from.is_some() { now } else { self.sent_at };
        Time(from.0.saturating_sub(sent_ms.saturating_sub(audio_ms) * 1000))
    }

    /// The user typed.
    pub fn begin_typed_turn(&mut self, now: Time) {
        self.turn += 1;
        self.clock = Some(TurnClock { asked: now, ended: now, answered: None });
    }

    /// The user's turn began by hand.
    pub fn begin_turn(&mut self) {
        self.turn += 1;
        self.answer_expected = false;
        self.clock = None;
    }

    /// The user's turn ended by hand.
    pub fn end_turn(&mut self, now: Time) {
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
        if !self.goes_on(&item) {
            self.speaking.turn += 1;
        }
        self.speaking.user = true;
        self.speaking.answer_expected = false;
        self.speaking.clock = None;
        self.speaking.speech_from_ms = audio_ms;
        let speech = Speech { who: Role::User, source: SpeechSource::Server, audio_ms };
        self.emit_about(None, Some(&item), EventKind::SpeechStarted(speech));
        self.speaking.user_item = Some(item.clone());
        self.user_placeholder(&item);
        // One that comes late is about words that are known.
        if self.history.get(&item).is_none_or(|m| m.state == MessageState::InProgress) {
            let since = self.speaking.sent_since(audio_ms, self.now);
            self.pre_roll.begin(&item, self.speaking.turn, since);
        }
        if self.config.turn_detection.interrupt_response {
            self.interrupt(InterruptSource::User);
        }
        self.end_turn_of_the_past();
    }

    pub(super) fn user_stopped(&mut self, item: &ItemId, audio_ms: u64) {
        self.speaking.user = false;
        self.pre_roll.ended(item, self.speaking.sent_since(audio_ms, self.now));
        self.turn_ended_by_vendor();
        self.speaking.answer_expected = self.link.server_answers;
        let speech = Speech { who: Role::User, source: SpeechSource::Server, audio_ms };
        self.emit_about(None, Some(item), EventKind::SpeechStopped(speech));
        // `audio_ms` includes the silence the vendor waited for.
        let voiced = audio_ms.saturating_sub(self.link.silence_ms).max(self.speaking.speech_from_ms);
        let asked = self.speaking.time_of(voiced, self.now).min(self.now);
        self.speaking.clock = Some(TurnClock { asked, ended: self.now, answered: None });
        self.user_spoke_for(item, voiced - self.speaking.speech_from_ms);
    }

    /// Nobody will say when the person stopped: the connection is gone.
    pub(super) fn user_unheard(&mut self) {
        if !std::mem::take(&mut self.speaking.user) {
            return;
        }
        let audio_ms = self.speaking.sent_ms(self.now).max(self.speaking.speech_from_ms);
        let speech = Speech { who: Role::User, source: SpeechSource::Server, audio_ms };
        let item = self.speaking.user_item.take();
        self.emit_whole(None, item.as_ref(), true, EventKind::SpeechStopped(speech));
    }

    pub(super) fn agent_audio(&mut self, at: PartRef, pcm: Vec<i16>, odd: bool) {
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
        let (dropped, ended, lost) = (record.fenced, record.end.is_some(), record.lost);
        let key = AudioKey { response: at.response.clone(), item: at.item.clone(), part: at.part };
        let part = self.history.get(&at.item).and_then(|m| m.parts.get(at.part as usize));
        // One whose end was only concluded may begin to speak late; what it had begun is settled.
        let begun = matches!(part, Some(Part::Audio { duration_ms: 1.., .. }))
            || self.ledger.heard(&key).is_some_and(|h| h.complete);
        if dropped || (ended && (!lost || begun)) || self.history.is_gone(&at.item) {
            self.stats.late_audio += pcm.len() as u64;
            return;
        }
        if !matches!(part, Some(Part::Audio { .. })) && !self.is_outside(&at.response) {
            self.part_added(&at, super::words::PartKind::Audio);
        }
        self.give_sound(at, pcm);
    }

    /// Sound of a part, after what was given before.
    pub(super) fn give_sound(&mut self, at: PartRef, mut pcm: Vec<i16>) {
        let key = AudioKey { response: at.response.clone(), item: at.item.clone(), part: at.part };
        let rate = self.codec.capabilities().output_rate;
        let room = (MAX_QUEUED_S * u64::from(rate)).saturating_sub(self.ledger.queued());
        let given_away = self.gives_away();
        // What is the host's is not held here, and a host may take it faster than it would play. One
        // that reports nothing is not told from one that waits: the speaker's own bound is enough.
        if (pcm.len() as u64) > room && !given_away && !self.reported() {
            self.stats.output_overrun += pcm.len() as u64 - room;
            pcm.truncate(usize::try_from(room).unwrap_or(0));
        }
        if pcm.is_empty() {
            return;
        }
        self.updates.spoke = true;
        if !self.is_outside(&at.response) {
            self.speaking.first_output(self.now);
        }
        self.ledger.push(&key, pcm.len() as u64);
        if !self.is_outside(&at.response) {
            self.sounds.push(&at.item, at.part, &pcm, rate);
        }
        let ms = self.ledger.ms(pcm.len() as u64);
        self.response(&at.response).received_ms += ms;
        if self.reported() && self.ledger.open().nth(MAX_UNREPORTED).is_some() {
            self.ledger.end_oldest(&mut self.ledger_events);
            let text = "more than 256 parts were never reported as played; the oldest ends with what was reported";
            self.warn_rarely(ErrorClass::Host, "positions_unreported", text);
            self.heard();
        }
        let pcm = Pcm(Arc::new(pcm));
        if given_away {
            let audio = AudioOut { part: at.part, rate, pcm };
            self.emit_about(Some(&at.response), Some(&at.item), EventKind::Audio(audio));
        } else {
            // Without a speaker the driver still plays it on a clock, so that turns end.
            self.out.push_back(Output::Play { item: at.item, part: at.part, pcm });
        }
    }

    /// The vendor said when words of a part are spoken.
    pub(super) fn agent_alignment(&mut self, at: &PartRef, characters: &[AlignedChar]) {
        if !self.response(&at.response).fenced && !self.history.is_gone(&at.item) {
            self.sounds.align(&at.item, at.part, characters);
        }
    }

    /// Audio leaves with its event; nothing of it waits here.
    fn gives_away(&self) -> bool {
        let output = &self.config.audio.output;
        output.source == AudioSource::Host && output.delivery == AudioDelivery::Events
    }

    /// The host says what was heard, not a speaker of ours.
    pub(super) fn reported(&self) -> bool {
        self.config.audio.output.positions == Positions::Reported
    }

    /// Positions are counted, not measured.
    pub(super) fn estimated(&self) -> bool {
        self.config.audio.output.source != AudioSource::Device && !self.reported()
    }

    /// The host has played `heard_ms` of a part, and everything that was given to it before.
    pub(super) fn playback_reported(&mut self, item: &ItemId, part: PartIndex, heard_ms: u64) {
        if !self.reported() {
            self.stats.stale_inputs += 1;
            return;
        }
        let frames = scale_up(heard_ms, self.codec.capabilities().output_rate.into(), 1000);
        if !self.ledger.played(item, part, frames, &mut self.ledger_events) {
            // Cut or finished: the host's report was on its way.
            let known = |m: &Message| matches!(m.parts.get(part as usize), Some(Part::Audio { .. }));
            let late = self.history.is_gone(item)
                || self.history.get(item).is_some_and(|m| m.role == Role::Assistant && known(m));
            self.stats.unknown_reports += u64::from(!late);
        }
        if !self.ledger_events.is_empty() {
            self.heard();
        }
    }

    pub(super) fn agent_audio_done(&mut self, at: &PartRef) {
        // What was generated is not what was sent, and that is not what has come.
        if self.link.carries.media {
            return;
        }
        let key = AudioKey { response: at.response.clone(), item: at.item.clone(), part: at.part };
        if let Some(heard) = self.ledger.heard(&key) {
            let (received, item) = (self.ledger.ms(heard.received), at.item.clone());
            self.history.update(&item, &mut self.changes, |m| match m.parts.get_mut(at.part as usize) {
                Some(Part::Audio { duration_ms, .. }) if *duration_ms != received => {
                    *duration_ms = received;
                    Some(vec![at.part])
                }
                _ => None,
            });
            self.tell_changes();
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
        let mut torn = false;
        let mut events = std::mem::take(&mut self.ledger_events).into_iter();
        while let Some(event) = events.next() {
            match event {
                LedgerEvent::Started(key) => self.playback_started(&key),
                LedgerEvent::Finished(heard, complete) => {
                    let words = self.playback_finished(&heard, complete);
                    torn |= self.is_torn(&heard.key.response);
                    // Of one that is cut as well the words are told with the cut.
                    let cut = |e: &LedgerEvent| matches!(e, LedgerEvent::Flushed(cut) if cut.contains(&heard));
                    if let Some(words) = words.filter(|_| !events.as_slice().iter().any(cut)) {
                        self.heard_words(&heard.key, words);
                    }
                }
                LedgerEvent::Flushed(cut) => self.flushed(&cut),
            }
        }
        // Not before all of it is known: one report may end several messages.
        if torn {
            self.settle_played();
        }
        self.close_turns();
    }

    fn playback_started(&mut self, key: &AudioKey) {
        let outside = self.is_outside(&key.response);
        let started = PlaybackStarted { part: key.part };
        self.emit_about(Some(&key.response), Some(&key.item), EventKind::PlaybackStarted(started));
        // What is outside the conversation answers nobody.
        let Some(clock) = self.speaking.clock.take_if(|_| !outside) else { return };
        let answered = clock.answered.unwrap_or(self.now);
        let total_ms = self.now.ms_since(clock.asked);
        let (endpointing_ms, service_ms) = (clock.ended.ms_since(clock.asked), answered.ms_since(clock.ended));
        // What is left, so that the three are the whole to the millisecond.
        let buffer_ms = total_ms.saturating_sub(endpointing_ms + service_ms);
        let latency = Latency { endpointing_ms, service_ms, buffer_ms, total_ms };
        self.emit_about(Some(&key.response), Some(&key.item), EventKind::Latency(latency));
    }

    /// Returns the words that were heard of an answer whose connection was lost: nothing more comes of it.
    fn playback_finished(&mut self, heard: &Heard, complete: bool) -> Option<Words> {
        let (heard_ms, received_ms) = (self.ledger.ms(heard.heard), self.ledger.ms(heard.received));
        let key = &heard.key;
        // Generation stopped in the middle: words ran ahead of the audio that came.
        let torn = self.is_torn(&key.response);
        let corrected = self.is_corrected(&key.item, key.part);
        let mut broken_off = None;
        let (pace, sounds) = (&mut self.pace, &mut self.sounds);
        self.history.update(&key.item, &mut self.changes, |m| {
            let Some(Part::Audio { transcript, heard_transcript, duration_ms, heard_ms: slot }) =
                m.parts.get_mut(key.part as usize)
            else {
                return None;
            };
            (*duration_ms, *slot) = (received_ms, heard_ms);
            if corrected {
                return Some(vec![key.part]);
            }
            if torn {
                let span = Span { heard_ms, received_ms, complete: false };
                let words = pace.heard(transcript, span, sounds.take(&key.item, key.part).as_ref());
                *heard_transcript = Some(words.text.clone());
                broken_off = Some(words);
            } else if complete {
                *heard_transcript = Some(transcript.clone());
                pace.learn(transcript, received_ms, sounds.take(&key.item, key.part).as_ref());
            }
            Some(vec![key.part])
        });
        self.tell_changes();
        let finished = PlaybackFinished { part: key.part, heard_ms, complete, estimated: self.estimated() };
        self.emit_about(Some(&key.response), Some(&key.item), EventKind::PlaybackFinished(finished));
        broken_off
    }

    /// Turns whose generation and playback are both over.
    fn close_turns(&mut self) {
        let (ledger, media) = (&self.ledger, &self.media);
        // From the end: a host that takes audio faster than it plays leaves many parts open.
        let over = |id: &ResponseId| !ledger.open().rev().any(|h| h.key.response == *id);
        let ready: Vec<_> = self
            .responses
            .iter_mut()
            .filter(|r| !r.closed && r.end.is_some() && over(&r.id) && !media.sounds(&r.id))
            .filter_map(|r| {
                r.closed = true;
                r.end.clone().map(|end| (r.id.clone(), end, r.inferred))
            })
            .collect();
        for (id, end, inferred) in ready {
            let own = |r: &&super::Response| r.id == id && !r.outside && !r.fenced;
            if end.status == "completed"
                && let Some(turn) = self.responses.iter().find(own).map(|r| r.turn)
            {
                self.turn_answered(turn);
            }
            self.emit_whole(Some(&id), None, inferred, EventKind::TurnDone(end));
        }
    }

    /// Something will be heard or written before long.
    fn thinking(&self) -> bool {
        let running = self.sequencer.active().is_some_and(|id| !self.responses.iter().any(|r| r.id == *id && r.fenced));
        let buffered = !self.speaking.flushing() && (self.ledger.open().next().is_some() || self.media.sounds_any());
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
            Agent::Idle if self.listens() => Mode::Listening,
            Agent::Idle => Mode::Idle,
        };
        let change = ModeChange { mode, user_speaking: self.speaking.user, agent };
        if change != self.mode {
            self.mode = change;
            self.emit(EventKind::Mode(change));
        }
    }
}
