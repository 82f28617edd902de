//! Sound that comes beside the events (WebRTC): one stream that says of itself neither whose it is nor where it
//! ends. The vendor says both in events of its own (`output_audio_buffer.*`, protocols reference §5.4), which
//! describe its sending: what it began to send is heard a little later here, and what it has sent is still on
//! its way when it says so.
//!
//! So sound belongs to the response whose sending was announced last, from there until the stream falls silent
//! after the announced end. A response may speak several parts (protocols reference §5.6); nobody says where one ends, so
//! the next begins at the pause that is nearest to how long the words before it take. On this way the vendor cuts its own
//! items; it knows what it sent.

use super::{Output, Session, ledger::AudioKey, link::Carriage};
use crate::{
    error::{Error, ErrorClass},
    event::{InterruptSource, Pcm},
    message::{ItemId, Part, PartIndex, ResponseId},
    provider::{OutputBuffer, PartRef, ProviderCommand},
    time::Time,
};
use std::{collections::VecDeque, sync::Arc};

/// Sound that came before the vendor said whose it is: the two travel by different streams.
const EARLY_MS: u64 = 1500;
/// How long the rest of the sound may be on its way after the vendor has sent it all.
const DRAIN_MS: u64 = 600;
/// So much silence behind what was all sent is its end, and none of its pauses.
const END_MS: u64 = 200;
/// What parts two of its parts is no shorter than this.
const BETWEEN_MS: u64 = 120;
/// What comes so soon after the end of one response is the rest of it, and nothing of the next.
const TAIL_MS: u64 = 300;
/// Announced parts that are remembered.
const MAX_ANNOUNCED: usize = 16;
/// A frame none of whose samples is above this is silence: -60 dB.
const SILENT: u16 = 32;

/// How long the vendor may take to say that it cleared what we asked it to.
const CLEARED_MS: u64 = 3000;
/// A response that is over sounds within that time, or not at all.
const DUE_MS: u64 = 2000;
/// Silence of that length is the end of a response that is over, whatever the vendor does not say.
const UNSAID_MS: u64 = 5000;
/// And so is nothing at all: a line that is gone so long is no line any more.
const NOTHING_MS: u64 = 12_000;
/// Sound of that length that nobody announces belongs to the response that ought to sound.
const UNANNOUNCED_MS: u64 = 1000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Media {
    playing: Option<Playing>,
    early: VecDeque<i16>,
    /// Samples of silence at the end of it.
    early_silence: u64,
    /// Until then what comes before the next announcement is the rest of what is over.
    tail_until: Time,
    /// The response whose sound is to be announced, and until when once it is over.
    due: Option<(ResponseId, Option<Time>)>,
    /// The newest spoken parts that were announced, oldest first.
    announced: VecDeque<PartRef>,
}

/// What the vendor sends the sound of.
#[derive(Debug)]
struct Playing {
    response: ResponseId,
    /// Its first spoken part, once that was announced.
    part: Option<(ItemId, PartIndex)>,
    /// It was all sent; what is still to come comes before this.
    drained_by: Option<Time>,
    /// The response is over.
    generated: bool,
    /// When sound came last, silence included.
    came_at: Time,
    /// Samples of silence that came last.
    silence: u64,
    /// Samples of the part that are none.
    speech: u64,
}

impl Media {
    /// Sound of this response is sent, or on its way.
    pub fn plays(&self, response: &ResponseId) -> bool {
        self.playing.as_ref().is_some_and(|p| p.response == *response)
    }

    /// Sound of some response is sent, or on its way.
    pub fn plays_any(&self) -> bool {
        self.playing.is_some()
    }

    /// The response whose sound is sent, or on its way.
    pub fn response(&self) -> Option<&ResponseId> {
        self.playing.as_ref().map(|p| &p.response)
    }

    /// Sound of this response is sent, on its way, or to be expected.
    pub fn sounds(&self, response: &ResponseId) -> bool {
        self.plays(response) || self.due.as_ref().is_some_and(|(due, _)| due == response)
    }

    /// The same of any.
    pub fn sounds_any(&self) -> bool {
        self.plays_any() || self.due.is_some()
    }

    /// When the sound that was sent has come, at the latest, or what is due is due no more.
    pub fn timeout(&self) -> Option<Time> {
        let over = self.playing.as_ref().and_then(|playing| {
            let unsaid = playing.generated.then(|| playing.came_at.after_ms(NOTHING_MS));
            playing.drained_by.or(unsaid)
        });
        let due = self.due.as_ref().and_then(|(_, by)| *by);
        [over, due].into_iter().flatten().min()
    }
}

impl Session {
    /// What the transport on its way carries.
    pub(super) fn carries(&mut self, epoch: u32, carries: Carriage) {
        if self.successor_carries(epoch, carries) {
        } else if epoch == self.link.epoch {
            self.link.carries = carries;
        } else {
            self.stats.stale_inputs += 1;
        }
    }

    /// An event that is not too long for the transport.
    pub(super) fn encode(&mut self, command: &ProviderCommand, event_id: &str) -> Result<Option<String>, Error> {
        self.codec.encode(command, event_id)?.map(|event| self.link.carries.fits(event)).transpose()
    }

    /// What is wrong with these events on this connection.
    pub(super) fn too_big(&mut self, commands: &[ProviderCommand]) -> Option<Error> {
        self.link.carries.max_event_bytes?;
        // As long as ids are.
        let event_id = "evt_00000000000000000000";
        commands.iter().find_map(|command| self.encode(command, event_id).err())
    }

    /// The vendor began or ended to send the sound of a response.
    pub(super) fn output_buffer(&mut self, response: ResponseId, state: OutputBuffer) {
        if !self.link.carries.media {
            return;
        }
        match state {
            OutputBuffer::Started => {
                self.media_over();
                let unwanted = self.response(&response).fenced;
                self.media_begins(response);
                if unwanted {
                    // It was cut off before its sound began, so nothing was there to be cleared.
                    self.tell_vendor(&ProviderCommand::ClearOutput);
                }
            }
            OutputBuffer::Stopped => {
                let by = self.now.after_ms(DRAIN_MS);
                if let Some(playing) = self.media.playing.as_mut().filter(|p| p.response == response) {
                    playing.drained_by.get_or_insert(by);
                }
            }
            OutputBuffer::Cleared => {
                let source = if self.speaking.user { InterruptSource::User } else { InterruptSource::Server };
                self.response(&response).fence();
                self.flush(source);
                if self.media.plays(&response) {
                    self.media_over();
                }
                // What was on its way has a little time to come.
                self.media.early.clear();
                self.media.tail_until = self.now.after_ms(TAIL_MS);
                self.drop_unheard(&[]);
            }
        }
    }

    /// The sound of this response is what comes from now on, and what came already.
    fn media_begins(&mut self, response: ResponseId) {
        let part = self.media.announced.iter().find(|at| at.response == response);
        let part = part.map(|at| (at.item.clone(), at.part));
        let generated = self.response(&response).end.is_some();
        self.media.due.take_if(|(due, _)| *due == response);
        let came_at = self.now;
        let playing = Playing { response, part, drained_by: None, generated, came_at, silence: 0, speech: 0 };
        self.media.playing = Some(playing);
    }

    /// The response is over, and the vendor has yet to say that its sound is, or even that it began.
    pub(super) fn media_generated(&mut self, response: &ResponseId, cancelled: bool) {
        if cancelled || self.response(response).fenced {
            self.media.due.take_if(|(due, _)| due == response);
        }
        if let Some(playing) = self.media.playing.as_mut().filter(|p| p.response == *response) {
            playing.generated = true;
        }
        let by = self.now.after_ms(DUE_MS);
        if let Some((_, due)) = self.media.due.as_mut().filter(|(due, _)| due == response) {
            due.get_or_insert(by);
        }
    }

    /// A spoken part was announced: the sound of its response may have been waiting for it.
    pub(super) fn media_part(&mut self, at: &PartRef) {
        if !self.link.carries.media {
            return;
        }
        if let Some(playing) = self.media.playing.as_mut().filter(|p| p.response == at.response && p.part.is_none()) {
            playing.part = Some((at.item.clone(), at.part));
        }
        if !self.media.announced.contains(at) {
            let sounded = self.media.announced.iter().any(|known| known.response == at.response);
            if !sounded && !self.media.plays(&at.response) && !self.response(&at.response).fenced {
                self.media.due = Some((at.response.clone(), None));
            }
            if self.media.announced.len() >= MAX_ANNOUNCED {
                self.media.announced.pop_front();
            }
            self.media.announced.push_back(at.clone());
        }
    }

    /// A frame of the stream, at the vendor's output rate.
    pub(super) fn media_audio(&mut self, epoch: u32, pcm: &[i16]) {
        if epoch != self.link.epoch || !self.link.carries.media {
            self.stats.stale_inputs += 1;
            return;
        }
        let silent = pcm.iter().all(|sample| sample.unsigned_abs() <= SILENT);
        let rate = u64::from(self.codec.capabilities().output_rate);
        let Some(playing) = &mut self.media.playing else {
            if self.now < self.media.tail_until {
                self.stats.late_audio += pcm.len() as u64;
                return;
            }
            return self.media_unannounced(pcm, silent, rate);
        };
        let paused = playing.silence * 1000 >= BETWEEN_MS * rate;
        let samples = pcm.len() as u64;
        playing.came_at = self.now;
        if silent {
            playing.silence += samples;
        } else {
            playing.silence = 0;
            playing.speech += samples;
            self.next_part(paused, rate);
        }
        let Some(playing) = &mut self.media.playing else { return };
        let unsaid = playing.generated && playing.silence * 1000 >= UNSAID_MS * rate;
        if playing.drained_by.is_some() && playing.silence * 1000 >= END_MS * rate || unsaid {
            return self.media_ends();
        }
        let Some((item, part)) = playing.part.clone() else { return self.keep_early(pcm) };
        let at = PartRef { response: playing.response.clone(), item, part };
        let mut sound: Vec<i16> = self.media.early.drain(..).collect();
        sound.extend_from_slice(pcm);
        self.media_sound(at, sound);
    }

    /// A part follows, and what came of the one before is about what its words take.
    fn next_part(&mut self, paused: bool, rate: u64) {
        let Some(playing) = &self.media.playing else { return };
        let Some((item, part)) = playing.part.clone() else { return };
        let mut of_it = self.media.announced.iter().filter(|at| at.response == playing.response);
        let Some(next) = of_it.by_ref().find(|at| at.item == item && at.part == part).and_then(|_| of_it.next()) else {
            return;
        };
        let next = (next.item.clone(), next.part);
        let spoken_ms = playing.speech * 1000 / rate;
        let words = self.history.get(&item).and_then(|m| m.parts.get(part as usize));
        let Some(Part::Audio { transcript, .. }) = words else { return };
        let takes_ms = self.pace.takes_ms(transcript);
        // A speaker is seldom further off than that; then it may also be that no pause was made.
        if !(paused && spoken_ms * 100 >= takes_ms * 80 || spoken_ms * 100 >= takes_ms * 140) {
            return;
        }
        let key = AudioKey { response: playing.response.clone(), item, part };
        if let Some(playing) = &mut self.media.playing {
            (playing.part, playing.speech) = (Some(next), 0);
        }
        self.ledger.complete(&key, &mut self.ledger_events);
        self.heard();
    }

    /// Between two answers there is silence, and the beginning of one is not.
    fn media_unannounced(&mut self, pcm: &[i16], silent: bool, rate: u64) {
        self.media.early_silence = if silent { self.media.early_silence + pcm.len() as u64 } else { 0 };
        if self.media.early_silence * 1000 >= END_MS * rate {
            // Nobody's: a crackle on the line.
            return self.media.early.clear();
        }
        if !silent || !self.media.early.is_empty() {
            self.keep_early(pcm);
        }
        if self.media.early.len() as u64 * 1000 >= UNANNOUNCED_MS * rate
            && let Some((response, _)) = self.media.due.take()
        {
            let text = "the service did not say whose sound it sends; it is taken for that of the newest answer";
            self.warn_rarely(ErrorClass::Protocol, "sound_unannounced", text);
            self.media_begins(response);
        }
    }

    fn keep_early(&mut self, pcm: &[i16]) {
        let rate = self.codec.capabilities().output_rate;
        let most = (EARLY_MS * u64::from(rate) / 1000) as usize;
        let early = &mut self.media.early;
        early.extend(pcm);
        let over = early.len().saturating_sub(most);
        early.drain(..over);
    }

    fn media_sound(&mut self, at: PartRef, pcm: Vec<i16>) {
        let record = self.response(&at.response);
        let unwanted = record.fenced || (record.outside && !record.audible);
        if unwanted || self.history.is_gone(&at.item) {
            self.stats.late_audio += pcm.len() as u64;
            return;
        }
        self.give_sound(at, pcm);
    }

    /// No more sound comes of the response, as far as can be told.
    fn media_ends(&mut self) {
        if self.media.playing.as_ref().is_some_and(|playing| playing.generated && playing.drained_by.is_none()) {
            let text = "the service did not say that it has sent all of an answer";
            self.warn_rarely(ErrorClass::Protocol, "sound_unended", text);
        }
        self.media_over();
    }

    /// No more sound comes of the response that was sent.
    pub(super) fn media_over(&mut self) {
        let Some(playing) = self.media.playing.take() else { return };
        self.media.early.clear();
        self.media.tail_until = self.now.after_ms(TAIL_MS);
        if !self.response(&playing.response).fenced {
            self.ledger.complete_response(&playing.response, &mut self.ledger_events);
            self.out.push_back(Output::PlayoutItemEnd);
        }
        self.heard();
    }

    /// The connection is gone: what was not all sent has lost its end.
    pub(super) fn media_lost(&mut self) {
        if let Some(playing) = self.media.playing.as_ref().filter(|p| p.drained_by.is_none()) {
            let response = playing.response.clone();
            self.response(&response).cut_short = true;
        }
        self.media_over();
        self.media = Media::default();
    }

    /// The vendor is to send no more of what it has; it cuts its items itself.
    pub(super) fn clear_vendors_buffer(&mut self) {
        self.media.due = None;
        if self.link.carries.media && self.media.playing.is_some() {
            self.tell_vendor(&ProviderCommand::ClearOutput);
            self.media_over();
            // Until the vendor has heard of it, it sends on.
            self.media.tail_until = self.now.after_ms(CLEARED_MS);
        }
    }

    pub(super) fn media_timer(&mut self) {
        if self.media.due.take_if(|(_, by)| by.is_some_and(|by| self.now >= by)).is_some() {
            // It ended without a sound.
            self.heard();
        }
        if self.media.timeout().is_some_and(|by| self.now >= by) {
            self.media_ends();
        }
    }

    /// Microphone audio goes beside the events.
    pub(super) fn send_media(&mut self, pcm: &[i16]) {
        self.out.push_back(Output::Media { epoch: self.link.epoch, pcm: Pcm(Arc::new(pcm.to_vec())) });
    }

    /// What is sent next must not overtake the microphone, which goes beside it at the pace of real time.
    pub(super) fn after_media(&mut self) {
        if self.link.carries.media {
            self.out.push_back(Output::AfterMedia { epoch: self.link.epoch });
        }
    }

    /// Sound of it is sent, on its way, or to be expected.
    pub(super) fn still_sounds(&self, response: &ResponseId) -> bool {
        self.link.carries.media && self.media.sounds(response)
    }
}
