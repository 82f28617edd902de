//! Voice activity detection on what the client sends: turns are earned, not scripted.

use super::session_state::TurnDetection;
use earshot::Detector;

/// Samples of one frame at 16 kHz, the same stretch at 24 kHz, and its length in ms.
const FRAME_16K: usize = 256;
const FRAME_24K: u64 = 384;
const FRAME_MS: u64 = 16;
/// So much in a row must score as speech, if nothing else is asked for.
pub(super) const SUSTAINED_MS: u64 = 64;
const STOP_SCORE: f32 = 0.5;

/// What the detector found. Positions are samples at 24 kHz on the audio clock of the session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Found {
    /// Speech began at `from`, padding included.
    Started { from: u64 },
    /// Speech and the silence after it ended at `until`.
    Stopped { until: u64 },
}

enum State {
    /// Frames in a row that scored as speech.
    Silence { run: u64 },
    /// Frames in a row that did not, and all those that did.
    Speech { quiet: u64, voiced: u64 },
}

/// Finds speech in a stream of 24 kHz samples.
pub(super) struct Vad {
    detector: Box<Detector>,
    down: TwoThirds,
    frame: Vec<i16>,
    state: State,
    /// Padding must not reach back into audio that belongs to an earlier turn.
    floor: u64,
    /// Of the latest frame.
    score: f32,
}

impl Vad {
    pub(super) fn new() -> Self {
        Self {
            detector: Detector::default_boxed(),
            down: TwoThirds::new(),
            frame: Vec::with_capacity(FRAME_16K),
            state: State::Silence { run: 0 },
            floor: 0,
            score: 0.0,
        }
    }

    pub(super) fn speaking(&self) -> bool {
        matches!(self.state, State::Speech { .. })
    }

    /// How much the latest frame sounds like speech, 0 to 1.
    pub(super) fn score(&self) -> f32 {
        self.score
    }

    /// Forgets the speech under way; audio before `floor` is spoken for.
    pub(super) fn reset(&mut self, floor: u64) {
        self.state = State::Silence { run: 0 };
        self.floor = floor;
    }

    /// Takes the sample that ends at position `now`; returns a finding at most once a frame.
    pub(super) fn push(&mut self, sample: i16, now: u64, settings: &TurnDetection) -> Option<Found> {
        let mut found = None;
        for sample in self.down.push(sample).into_iter().flatten() {
            self.frame.push(sample);
            if self.frame.len() == FRAME_16K {
                let score = self.detector.predict_i16(&self.frame);
                self.frame.clear();
                self.score = score;
                found = self.step(score, now, settings);
            }
        }
        found
    }

    fn step(&mut self, score: f32, now: u64, settings: &TurnDetection) -> Option<Found> {
        match &mut self.state {
            State::Silence { run } => {
                *run = if score >= settings.start_score { *run + 1 } else { 0 };
                if *run * FRAME_MS < settings.onset_ms {
                    return None;
                }
                let run = *run;
                let back = run * FRAME_24K + settings.prefix_padding_ms * 24;
                self.state = State::Speech { quiet: 0, voiced: run };
                Some(Found::Started { from: now.saturating_sub(back).max(self.floor) })
            }
            State::Speech { quiet, voiced } => {
                let silent = score < STOP_SCORE;
                *quiet = if silent { *quiet + 1 } else { 0 };
                *voiced += u64::from(!silent);
                let mid_sentence = *voiced * FRAME_MS < settings.sentence_ms;
                let patience = settings.longest_wait_ms.filter(|_| mid_sentence).unwrap_or(settings.silence_ms);
                if *quiet == 0 || *quiet * FRAME_MS < patience {
                    return None;
                }
                self.reset(now);
                Some(Found::Stopped { until: now })
            }
        }
    }
}

/// 24 kHz to 16 kHz: up by two, a low pass at 7 kHz, down by three.
struct TwoThirds {
    taps: Vec<f32>,
    recent: [f32; HALF],
    newest: usize,
    phase: usize,
}

/// Taps of one of the two phases of the filter.
const HALF: usize = 24;

impl TwoThirds {
    fn new() -> Self {
        let count = 2 * HALF;
        let middle = (count - 1) as f32 / 2.0;
        let cutoff = 7_000.0 / 48_000.0;
        let taps = (0..count).map(|i| {
            let x = i as f32 - middle;
            let angle = std::f32::consts::TAU * cutoff * x;
            let window = 0.54 - 0.46 * (std::f32::consts::TAU * i as f32 / (count - 1) as f32).cos();
            // Twice the gain, since every second input sample is a zero.
            2.0 * 2.0 * cutoff * (angle.sin() / angle) * window
        });
        Self { taps: taps.collect(), recent: [0.0; HALF], newest: 0, phase: 0 }
    }

    /// One sample in; at every third position of the doubled stream one sample out.
    fn push(&mut self, sample: i16) -> [Option<i16>; 2] {
        self.newest = (self.newest + 1) % HALF;
        self.recent[self.newest] = f32::from(sample);
        [0, 1].map(|half| {
            let due = self.phase == 0;
            self.phase = (self.phase + 1) % 3;
            due.then(|| self.filter(half))
        })
    }

    fn filter(&self, half: usize) -> i16 {
        let sum: f32 = (0..HALF).map(|i| self.taps[2 * i + half] * self.recent[(self.newest + HALF - i) % HALF]).sum();
        sum as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loudest sample of a tone of `hertz` after the filter, for an input of amplitude 10 000.
    fn peak(hertz: f64) -> i32 {
        let mut down = TwoThirds::new();
        let tone = (0..24_000).map(|i| (10_000.0 * (std::f64::consts::TAU * hertz * i as f64 / 24_000.0).sin()) as i16);
        let out: Vec<i16> = tone.flat_map(|s| down.push(s)).flatten().collect();
        assert_eq!(out.len(), 16_000);
        out[500..].iter().map(|s| i32::from(*s).abs()).max().unwrap()
    }

    #[test]
    fn speech_passes_and_what_would_alias_does_not() {
        for hertz in [200.0, 1000.0, 3900.0] {
            assert!((9_600..10_400).contains(&peak(hertz)), "{hertz} Hz: {}", peak(hertz));
        }
        for hertz in [9_500.0, 11_000.0] {
            assert!(peak(hertz) < 500, "{hertz} Hz: {}", peak(hertz));
        }
    }
}
