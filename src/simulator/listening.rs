//! The input audio buffer: what the user says, and where it begins and ends.

use super::{
    conversation::{Item, Sound},
    events::{self, Refusal},
    peer::{Peer, Timer},
    responder::Why,
    script::Heard,
    session_state::TurnDetection,
    vad::{Found, Vad},
    xai_turns::Ended,
};
use std::{sync::Arc, time::Duration};
#[cfg(feature = "webrtc")]
use tokio::time::Instant;

/// Shortest audio that can be committed: 100 ms.
const SHORTEST: usize = 2_400;
/// Longest audio in the buffer: 15 minutes.
const LONGEST: usize = 21_600_000;
/// Largest append, before base64: 15 MiB.
const LARGEST_APPEND: usize = 15 << 20;

/// Everything heard so far that is not yet an item.
pub(super) struct Listening {
    pub(super) buffer: Vec<i16>,
    /// Samples appended in this session: the audio clock.
    pub(super) clock: u64,
    pub(super) vad: Vad,
    /// The item that the speech under way will become.
    pub(super) speech_item: Option<String>,
    /// A turn that has ended and may go on.
    pub(super) ended: Option<Ended>,
}

impl Listening {
    pub(super) fn new() -> Self {
        Self { buffer: Vec::new(), clock: 0, vad: Vad::new(), speech_item: None, ended: None }
    }

    fn clock_ms(&self) -> u64 {
        self.clock / 24
    }
}

impl Peer {
    /// `input_audio_buffer.append`.
    pub(super) fn append(&mut self, base64: &str) -> Result<(), Refusal> {
        let samples = decode(base64, "audio")?;
        self.hear(&samples)
    }

    /// Sound of the user, at 24 kHz.
    pub(super) fn hear(&mut self, samples: &[i16]) -> Result<(), Refusal> {
        if self.listening.buffer.len() + samples.len() > LONGEST {
            let message = "The input audio buffer is full: it holds 15 minutes. Commit or clear it.";
            return Err(Refusal::value("audio", message));
        }
        self.heard_samples(samples.len());
        let Some(mut settings) = self.session.turn_detection() else {
            if self.xai.is_some() {
                self.hear_by_hand(samples);
                return Ok(());
            }
            self.listening.clock += samples.len() as u64;
            self.listening.buffer.extend_from_slice(samples);
            return Ok(());
        };
        settings.expect(self.script.expected());
        for &sample in samples {
            self.listening.clock += 1;
            self.listening.buffer.push(sample);
            match self.listening.vad.push(sample, self.listening.clock, &settings) {
                Some(Found::Started { from }) => self.speech_started(from, &settings),
                Some(Found::Stopped { until }) => {
                    self.speech_stopped(until, &settings);
                    settings.expect(self.script.expected());
                }
                None => {}
            }
            self.commit_what_is_due();
        }
        self.forget_silence(&settings);
        Ok(())
    }

    /// Sound of a call, which does not stop. What the buffer has no room for is not kept.
    #[cfg(feature = "webrtc")]
    pub(super) fn listen(&mut self, samples: &[i16], now: Instant) {
        self.now = now;
        if !samples.is_empty()
            && let Err(refusal) = self.hear(samples)
        {
            tracing::debug!(code = refusal.code, "sound of a call is lost");
        }
    }

    /// After a `session.update`: without detection there is no speech under way.
    pub(super) fn detection_changed(&mut self) {
        if self.session.turn_detection().is_none() {
            self.commit_ended();
            self.forget_speech();
            self.listening.vad.reset(self.listening.clock);
            self.stop_idle_timer();
        }
    }

    /// Between turns only the padding of a possible onset is worth keeping.
    fn forget_silence(&mut self, settings: &TurnDetection) {
        if !self.listening.vad.speaking() && self.listening.ended.is_none() {
            let keep = (settings.prefix_padding_ms as usize + 500) * 24;
            let excess = self.listening.buffer.len().saturating_sub(keep);
            self.listening.buffer.drain(..excess);
        }
    }

    fn speech_started(&mut self, from: u64, settings: &TurnDetection) {
        if self.goes_on(from) {
            return;
        }
        let item = self.ids.next("item_");
        self.listening.speech_item = Some(item.clone());
        let before = self.listening.clock - from;
        let excess = self.listening.buffer.len().saturating_sub(before as usize);
        self.listening.buffer.drain(..excess);
        self.stop_idle_timer();
        self.announce_speech(&item, from);
        if settings.interrupt_response {
            self.interrupt();
        }
    }

    fn speech_stopped(&mut self, until: u64, settings: &TurnDetection) {
        let item = self.listening.speech_item.take().unwrap_or_else(|| self.ids.next("item_"));
        self.send(events::speech_stopped(&item, until / 24));
        match self.grace() {
            Some(grace) => self.end_for_now(item, grace),
            None => self.commit_as(item),
        }
        if settings.create_response {
            self.respond(Why::Turn);
        }
    }

    /// `input_audio_buffer.commit`.
    pub(super) fn commit(&mut self) -> Result<(), Refusal> {
        let samples = self.listening.buffer.len();
        if samples < SHORTEST {
            let message = format!(
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has {:.2}ms of audio.",
                samples as f64 / 24.0
            );
            return Err(Refusal::new("input_audio_buffer_commit_empty", message));
        }
        self.end_announced_speech();
        let item = self.listening.speech_item.take().unwrap_or_else(|| self.ids.next("item_"));
        self.listening.vad.reset(self.listening.clock);
        self.commit_as(item);
        Ok(())
    }

    /// `input_audio_buffer.clear`.
    pub(super) fn clear(&mut self) -> Result<(), Refusal> {
        self.commit_ended();
        self.listening.buffer.clear();
        self.forget_speech();
        self.listening.vad.reset(self.listening.clock);
        self.send(events::cleared());
        Ok(())
    }

    /// The buffer becomes a user item, and its transcript is on the way.
    fn commit_as(&mut self, id: String) {
        let heard = self.script.heard();
        self.commit_heard(id, heard);
    }

    /// The same of what was understood already.
    pub(super) fn commit_heard(&mut self, id: String, heard: Heard) {
        let samples: Arc<[i16]> = std::mem::take(&mut self.listening.buffer).into();
        self.add_spoken_item(&id, samples);
        self.transcribe_later(&id, heard);
    }

    fn add_spoken_item(&mut self, id: &str, samples: Arc<[i16]>) {
        let value = events::spoken_item(id, None);
        let sound = Sound { len: samples.len(), samples };
        let item = Item::new(value.clone(), vec![Some(sound)]);
        // It may have its place since the speech began.
        if let Some(known) = self.conversation.get_mut(id) {
            *known = item;
            let previous = self.conversation.previous(id).map(str::to_owned);
            return self.send(events::committed(id, previous.as_deref()));
        }
        let previous = self.conversation.last_id().map(str::to_owned);
        self.send(events::committed(id, previous.as_deref()));
        self.conversation.push(item);
        self.send(events::item_added(&value, previous.as_deref()));
        self.send(events::item_done(&value, previous.as_deref()));
    }

    /// Starts the idle timer, if the session has one, `after` from now.
    pub(super) fn start_idle_timer(&mut self, after: Duration) {
        self.stop_idle_timer();
        let Some(ms) = self.session.turn_detection().and_then(|t| t.idle_timeout_ms) else { return };
        let audio_start_ms = self.listening.clock_ms();
        self.later(after + Duration::from_millis(ms), Timer::Idle { audio_start_ms });
    }

    fn stop_idle_timer(&mut self) {
        self.timers.retain(|(_, timer)| !matches!(timer, Timer::Idle { .. }));
    }

    /// The idle timer fired: the silence becomes an item and the model speaks.
    pub(super) fn idle(&mut self, audio_start_ms: u64) {
        if self.listening.vad.speaking() || self.session.turn_detection().is_none() {
            return;
        }
        self.commit_ended();
        let id = self.ids.next("item_");
        self.send(events::timeout_triggered(&id, audio_start_ms, self.listening.clock_ms()));
        let silence = std::mem::take(&mut self.listening.buffer);
        self.listening.vad.reset(self.listening.clock);
        self.add_spoken_item(&id, silence.into());
        self.respond(Why::Idle);
    }
}

/// 16 bit samples as base64.
pub(super) fn encode(samples: &[i16]) -> String {
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    base64_simd::STANDARD.encode_to_string(&bytes)
}

/// Base64 as 16 bit samples. `path` names the field in a refusal.
pub(super) fn decode(base64: &str, path: &str) -> Result<Vec<i16>, Refusal> {
    if base64.len() > LARGEST_APPEND / 3 * 4 + 4 {
        return Err(Refusal::value(path, format!("Invalid '{path}': at most 15 MiB of audio.")));
    }
    let bytes = base64_simd::STANDARD.decode_to_vec(base64.as_bytes()).map_err(|_| {
        let message = format!("Invalid '{path}'. Expected base64-encoded audio bytes.");
        Refusal::value(path, message)
    })?;
    if bytes.len() % 2 != 0 {
        let message = format!("Invalid '{path}': an odd number of bytes is not 16 bit audio.");
        return Err(Refusal::value(path, message));
    }
    Ok(bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect())
}
