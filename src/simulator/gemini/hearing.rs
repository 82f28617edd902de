//! What the user says and shows in realtime, and where a turn of it begins and ends.

use super::{closing::Closing, events, peer::Peer, peer::Timer};
use crate::{
    audio::resample::{RATES, Resampler},
    simulator::{
        clips, images, listening,
        scenario::TranscriptTime,
        vad::{Found, Vad},
    },
};
use serde_json::Value;
use std::time::Duration;

/// The rate that is meant when nobody says one.
const NATIVE: u32 = 16_000;
/// Tokens of an image.
pub(super) const IMAGE_TOKENS: u64 = 258;
/// Words in one piece of a transcript.
const PIECE: usize = 3;
const BETWEEN_PIECES: Duration = Duration::from_millis(20);

/// The ear of one session.
pub(super) struct Hearing {
    vad: Vad,
    /// From the rate of the label to the detector's.
    resampler: Option<(u32, Resampler)>,
    /// The audio clock: samples at 24 kHz.
    clock: u64,
    /// Where the turn under way began; with turns by hand what came before is thrown away.
    began: Option<u64>,
    /// The newest frame that no spoken turn has seen.
    frame: Option<String>,
}

impl Hearing {
    pub(super) fn new() -> Self {
        Self { vad: Vad::new(), resampler: None, clock: 0, began: None, frame: None }
    }

    /// True while the user speaks.
    pub(super) fn busy(&self) -> bool {
        self.began.is_some()
    }

    fn offset(&self, at: u64) -> Duration {
        Duration::from_millis(at * 1000 / u64::from(clips::RATE))
    }

    /// Audio at the detector's rate.
    fn convert(&mut self, samples: &[i16], rate: u32) -> Result<Vec<i16>, Closing> {
        if self.resampler.as_ref().is_none_or(|(known, _)| *known != rate) {
            let made = Resampler::new(rate, clips::RATE).map_err(|_| Closing::argument())?;
            self.resampler = Some((rate, made));
        }
        let mut converted = Vec::new();
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.push(samples, &mut converted);
        }
        Ok(converted)
    }

    /// What the converter has kept back.
    fn rest(&mut self) -> Vec<i16> {
        let mut rest = Vec::new();
        if let Some((_, mut resampler)) = self.resampler.take() {
            resampler.finish(&mut rest);
        }
        rest
    }
}

impl Peer {
    /// `realtimeInput`: one field a message is what the SDKs send; several are taken in a fixed order.
    pub(super) fn realtime_input(&mut self, input: &Value) -> Result<(), Closing> {
        for chunk in input["mediaChunks"].as_array().into_iter().flatten() {
            let image = chunk["mimeType"].as_str().is_some_and(|mime| mime.starts_with("image/"));
            match image {
                false => self.audio(chunk)?,
                // The old way: the latest models look past it.
                true if !self.setup()?.model.latest => self.video(chunk)?,
                true => {}
            }
        }
        if input.get("activityStart").is_some() {
            self.activity_start()?;
        }
        if let Some(audio) = input.get("audio") {
            self.audio(audio)?;
        }
        if let Some(video) = input.get("video") {
            self.video(video)?;
        }
        if let Some(text) = input["text"].as_str() {
            self.live_text(text)?;
        }
        if input.get("activityEnd").is_some() {
            self.activity_end()?;
        }
        if input["audioStreamEnd"] == true {
            self.stream_end()?;
        }
        Ok(())
    }

    fn audio(&mut self, blob: &Value) -> Result<(), Closing> {
        let rate = rate_of(blob["mimeType"].as_str().unwrap_or_default())?;
        let data = blob["data"].as_str().unwrap_or_default();
        let samples = listening::decode(data, "audio").map_err(|_| Closing::argument())?;
        self.live = true;
        self.heard_samples(samples.len() as u64 * u64::from(clips::RATE) / u64::from(rate));
        let samples = self.hearing.convert(&samples, rate)?;
        self.hear(&samples)
    }

    fn hear(&mut self, samples: &[i16]) -> Result<(), Closing> {
        let Some(settings) = self.setup()?.detection else {
            if self.hearing.busy() {
                self.hearing.clock += samples.len() as u64;
            }
            return Ok(());
        };
        for &sample in samples {
            self.hearing.clock += 1;
            let clock = self.hearing.clock;
            match self.hearing.vad.push(sample, clock, &settings) {
                Some(Found::Started { from }) => self.speech_started(from)?,
                Some(Found::Stopped { until }) => self.speech_stopped(until)?,
                None => {}
            }
        }
        Ok(())
    }

    fn speech_started(&mut self, from: u64) -> Result<(), Closing> {
        self.hearing.began = Some(from);
        self.tell_activity("ACTIVITY_START", from)?;
        if self.setup()?.interrupts {
            self.interrupt();
        }
        Ok(())
    }

    fn speech_stopped(&mut self, until: u64) -> Result<(), Closing> {
        self.tell_activity("ACTIVITY_END", until)?;
        self.spoken(until)
    }

    fn tell_activity(&mut self, kind: &str, at: u64) -> Result<(), Closing> {
        if self.setup()?.model.third {
            let offset = self.hearing.offset(at);
            self.send(events::voice_activity(kind, offset));
        }
        Ok(())
    }

    fn activity_start(&mut self) -> Result<(), Closing> {
        self.by_hand(true)?;
        self.live = true;
        // The converter must not bring what was said before.
        self.hearing.rest();
        self.hearing.began = Some(self.hearing.clock);
        if self.setup()?.interrupts {
            self.interrupt();
        }
        Ok(())
    }

    fn activity_end(&mut self) -> Result<(), Closing> {
        self.by_hand(true)?;
        let rest = self.hearing.rest();
        self.hear(&rest)?;
        let clock = self.hearing.clock;
        match self.hearing.began {
            // An end of nothing: sessions that only ever type are told so.
            None => Err(Closing::precondition()),
            Some(began) if began == clock => Err(Closing::precondition()),
            Some(_) => self.spoken(clock),
        }
    }

    /// The microphone is off: what was said until now is all.
    fn stream_end(&mut self) -> Result<(), Closing> {
        self.by_hand(false)?;
        let rest = self.hearing.rest();
        self.hear(&rest)?;
        let clock = self.hearing.clock;
        self.hearing.vad.reset(clock);
        if self.hearing.busy() { self.speech_stopped(clock) } else { Ok(()) }
    }

    fn by_hand(&self, wanted: bool) -> Result<(), Closing> {
        match (self.setup()?.detection.is_none() == wanted, wanted) {
            (true, _) => Ok(()),
            (false, true) => Err(Closing::invalid(
                "Explicit activity control is not supported when automatic activity detection is enabled.",
            )),
            (false, false) => Err(Closing::invalid(
                "audio_stream_end is not supported when automatic activity detection is disabled.",
            )),
        }
    }

    /// A turn of speech is over, and answered.
    fn spoken(&mut self, until: u64) -> Result<(), Closing> {
        let samples = until.saturating_sub(self.hearing.began.take().unwrap_or(until));
        self.context.samples += samples;
        if let Some(frame) = self.hearing.frame.take() {
            self.script.saw(frame, "");
        }
        let heard = self.script.heard();
        let transcript = heard.transcript.unwrap_or_default();
        if self.setup()?.hears && transcript.fail.is_none() {
            let usual = match transcript.when {
                TranscriptTime::Turn => self.script.scenario().delivery.transcript_delay_ms,
                _ => 0,
            };
            let delay = Duration::from_millis(transcript.delay_ms.unwrap_or(usual).into());
            match transcript.when {
                TranscriptTime::Turn => self.transcribe(&heard.text, delay),
                when => self.waiting.push((when, delay, heard.text)),
            }
        }
        self.answer();
        Ok(())
    }

    /// Pieces of a transcript, as they come to be known.
    pub(super) fn transcribe(&mut self, text: &str, delay: Duration) {
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        for (i, piece) in words.chunks(PIECE).enumerate() {
            self.later(delay + BETWEEN_PIECES * i as u32, Timer::Heard(piece.concat()));
        }
    }

    /// A frame of a camera. The next spoken turn sees it, a typed one does not.
    fn video(&mut self, blob: &Value) -> Result<(), Closing> {
        let seen = image(blob)?;
        self.live = true;
        self.context.image += IMAGE_TOKENS;
        self.hearing.frame = Some(seen);
        Ok(())
    }
}

/// What an image is, in words.
pub(super) fn image(blob: &Value) -> Result<String, Closing> {
    let (mime, data) = (blob["mimeType"].as_str().unwrap_or_default(), blob["data"].as_str().unwrap_or_default());
    if !matches!(mime, "image/jpeg" | "image/jpg" | "image/png" | "image/webp") || data.is_empty() {
        return Err(Closing::argument());
    }
    Ok(match mime {
        "image/webp" => "a WebP image".to_owned(),
        mime => images::describe(&format!("data:{mime};base64,{data}")),
    })
}

/// The rate that the label of audio names.
pub(super) fn rate_of(mime: &str) -> Result<u32, Closing> {
    let mut parts = mime.split(';').map(str::trim);
    if parts.next() != Some("audio/pcm") {
        return Err(Closing::invalid("Unsupported audio format: expected audio/pcm;rate=16000."));
    }
    let Some(rate) = parts.find_map(|part| part.strip_prefix("rate=")) else { return Ok(NATIVE) };
    rate.parse().ok().filter(|rate| RATES.contains(rate)).ok_or_else(Closing::argument)
}
