//! The heard ledger on the real speaker path: 100 000 random pushes, item ends, flushes, callbacks,
//! stalls and rate changes. What was heard never goes back, is never more than what came, and is
//! within a millisecond of what the fake device really rendered.

use duologue::{
    audio::playout::{Playout, PlayoutReader, playout},
    message::ItemId,
    session::ledger::{AudioKey, Heard, HeardLedger, LedgerEvent},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

const OPERATIONS: usize = 100_000;
const RUNS: usize = 200;
const SOURCE: u32 = 24_000;
const RATES: [u32; 5] = [8_000, 16_000, 24_000, 44_100, 48_000];

/// A small generator of our own (splitmix64), so that a seed means the same for ever.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn upto(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A stretch of audio of one part between two marks (item ends, rate changes): what the device has
/// to render for it is known exactly, because the resampler gives `ceil(frames * to / from)` of it.
#[derive(Debug)]
struct Piece {
    key: AudioKey,
    frames: u64,
    /// Counts the stretches of the stream: pieces of one stretch are resampled together.
    stretch: u64,
    /// Flushes asked for before it came.
    flushes: u64,
}

/// The truth: what the fake device rendered, counted from the return values of `render` alone.
#[derive(Default)]
struct Device {
    rate: u64,
    pieces: VecDeque<Piece>,
    stretch: u64,
    flushes_asked: u64,
    flushes_done: u64,
    /// Source frames of the present stretch rendered before the front piece.
    behind: u64,
    /// Device frames rendered of the present stretch.
    rendered: u64,
    /// Seconds of source audio of each part that were rendered, in source frames.
    heard: HashMap<AudioKey, f64>,
    /// Of the front piece, already in `heard`.
    counted: f64,
    starved: u64,
}

impl Device {
    fn push(&mut self, key: &AudioKey, frames: u64) {
        match self.pieces.back_mut() {
            Some(last) if last.key == *key && last.stretch == self.stretch => last.frames += frames,
            _ => self.pieces.push_back(Piece {
                key: key.clone(),
                frames,
                stretch: self.stretch,
                flushes: self.flushes_asked,
            }),
        }
    }

    fn mark(&mut self) {
        self.stretch += 1;
    }

    /// The device rendered `n` frames more.
    fn render(&mut self, mut n: u64) {
        while n > 0 {
            let stretch = self.pieces.front().expect("the device renders what it was given").stretch;
            let rest: u64 = self.pieces.iter().take_while(|p| p.stretch == stretch).map(|p| p.frames).sum();
            let open = stretch == self.stretch;
            let whole = ((self.behind + rest) * self.rate).div_ceil(u64::from(SOURCE));
            let now = if open { n } else { n.min(whole - self.rendered) };
            self.rendered += now;
            n -= now;
            self.credit(stretch, !open && self.rendered == whole);
        }
    }

    /// Gives the parts of the present stretch what was rendered of it.
    fn credit(&mut self, stretch: u64, ended: bool) {
        let mut position = self.rendered as f64 * f64::from(SOURCE) / self.rate as f64 - self.behind as f64;
        while let Some(piece) = self.pieces.front().filter(|p| p.stretch == stretch) {
            let all = piece.frames as f64;
            let heard = if ended { all } else { position.min(all) };
            *self.heard.entry(piece.key.clone()).or_default() += heard - self.counted;
            self.counted = heard;
            if heard < all || !ended && self.pieces.len() == 1 {
                return;
            }
            let next_is_same = self.pieces.get(1).is_some_and(|p| p.stretch == stretch);
            if !ended && !next_is_same {
                return;
            }
            self.behind += piece.frames;
            position -= all;
            self.counted = 0.0;
            self.pieces.pop_front();
        }
        (self.behind, self.rendered, self.counted) = (0, 0, 0.0);
    }

    /// Everything unheard that came before the oldest flush was dropped.
    fn flushed(&mut self) {
        self.flushes_done += 1;
        self.pieces.retain(|p| p.flushes >= self.flushes_done);
        (self.behind, self.rendered, self.counted) = (0, 0, 0.0);
    }

    /// Another device: the rest of the stretch is resampled anew.
    fn change_rate(&mut self, rate: u32) {
        self.rate = rate.into();
        // What was rendered stays rendered; the front piece begins where it stopped.
        if let Some(front) = self.pieces.front_mut() {
            let done = self.counted.floor();
            front.frames -= done as u64;
            self.counted -= done;
        }
        self.pieces.retain(|p| p.frames > 0);
        (self.behind, self.rendered) = (0, 0);
        self.counted = 0.0;
    }
}

struct Rig {
    speaker: Playout,
    reader: PlayoutReader,
    ledger: HeardLedger,
    events: Vec<LedgerEvent>,
    device: Device,
    received: HashMap<AudioKey, u64>,
    last: HashMap<AudioKey, u64>,
    finished: HashMap<AudioKey, u64>,
    worst: f64,
}

impl Rig {
    fn new(rate: u32) -> Self {
        let (speaker, reader) = playout(SOURCE, rate, Arc::default()).unwrap();
        let device = Device { rate: rate.into(), ..Device::default() };
        Self {
            speaker,
            reader,
            ledger: HeardLedger::new(SOURCE),
            events: Vec::new(),
            device,
            received: HashMap::new(),
            last: HashMap::new(),
            finished: HashMap::new(),
            worst: 0.0,
        }
    }

    fn push(&mut self, key: &AudioKey, frames: u64) {
        self.ledger.push(key, frames);
        assert_eq!(self.speaker.push(&vec![1000; frames as usize]) as u64, frames, "the queue is never full here");
        self.device.push(key, frames);
        *self.received.entry(key.clone()).or_default() += frames;
        self.drive();
    }

    fn item_end(&mut self) {
        self.speaker.item_end();
        self.device.mark();
        self.drive();
    }

    fn flush(&mut self) {
        self.device.flushes_asked += 1;
        self.device.mark();
        self.speaker.flush();
        self.drive();
    }

    fn callback(&mut self, frames: usize, drive: bool) {
        let mut block = vec![1; frames];
        let real = self.reader.render(&mut block);
        self.device.render(real as u64);
        self.device.starved += u64::from(real == 0);
        if drive {
            self.drive();
        }
    }

    fn change_rate(&mut self, rate: u32) {
        self.reader = self.speaker.set_output_rate(rate).unwrap();
        self.drive();
        self.device.change_rate(rate);
    }

    /// What the driver does after everything.
    fn drive(&mut self) {
        self.speaker.pump();
        while let Some(report) = self.speaker.report() {
            self.ledger.report(report, &mut self.events);
        }
        for event in std::mem::take(&mut self.events) {
            match event {
                LedgerEvent::Finished(heard, _) => self.settled(&heard),
                LedgerEvent::Flushed(cut) => {
                    cut.iter().for_each(|h| self.settled(h));
                    self.device.flushed();
                }
                LedgerEvent::Started(_) => {}
            }
        }
    }

    fn settled(&mut self, heard: &Heard) {
        self.finished.insert(heard.key.clone(), heard.heard);
    }

    fn heard(&self, key: &AudioKey) -> u64 {
        self.ledger.heard(key).map(|h| h.heard).or_else(|| self.finished.get(key).copied()).unwrap_or(0)
    }

    fn check(&mut self, what: &str) {
        for (key, received) in &self.received {
            let heard = self.heard(key);
            let last = self.last.insert(key.clone(), heard).unwrap_or(0);
            assert!(heard >= last, "{what}: {key:?} went back from {last} to {heard}");
            assert!(heard <= *received, "{what}: {key:?} {heard} heard of {received}");
            assert!(self.ledger.ms(heard) <= received * 1000 / u64::from(SOURCE));
            let truth = self.device.heard.get(key).copied().unwrap_or(0.0);
            let off = (heard as f64 - truth).abs() * 1000.0 / f64::from(SOURCE);
            self.worst = self.worst.max(off);
            assert!(off <= 1.0, "{what}: {key:?} {heard} heard, {truth} played, {off} ms apart");
        }
    }
}

fn key(n: u64, part: u32) -> AudioKey {
    AudioKey { response: "R".into(), item: ItemId::from(format!("A{n}")), part }
}

#[test]
fn heard_is_what_the_device_played() {
    let (mut worst, mut underruns, mut starved, mut flushes, mut rates) = (0.0f64, 0, 0, 0, 0);
    let mut operations = 0;
    for run in 0..RUNS {
        let mut dice = Dice(run as u64);
        let mut rig = Rig::new(RATES[run % RATES.len()]);
        let (mut item, mut part) = (0, 0);
        for step in 0..OPERATIONS / RUNS {
            operations += 1;
            let what = match dice.upto(32) {
                0..8 => {
                    // Pieces as a vendor sends them, mostly short of what is played.
                    let frames = 1 + dice.upto(4_800);
                    if dice.upto(6) == 0 {
                        part += 1;
                    }
                    rig.push(&key(item, part), frames);
                    "push"
                }
                8..10 => {
                    let done = key(item, part);
                    rig.ledger.complete(&done, &mut rig.events);
                    rig.item_end();
                    (item, part) = (item + 1, 0);
                    "item end"
                }
                10 if dice.upto(2) == 0 => {
                    flushes += 1;
                    rig.flush();
                    // As the session does: what was flushed gets no more audio.
                    (item, part) = (item + 1, 0);
                    "flush"
                }
                11 if dice.upto(3) == 0 => {
                    rates += 1;
                    let rate = RATES[dice.upto(5) as usize];
                    rig.change_rate(rate);
                    "rate change"
                }
                12 => {
                    // Nothing is read from the network; the device goes on and starves.
                    for _ in 0..5 {
                        rig.callback(1 + dice.upto(1_200) as usize, true);
                    }
                    "stall"
                }
                13 => {
                    rig.callback(1 + dice.upto(700) as usize, false);
                    rig.drive();
                    "late driver"
                }
                _ => {
                    rig.callback(1 + dice.upto(900) as usize, true);
                    "callback"
                }
            };
            rig.check(&format!("run {run} step {step} {what}"));
        }
        worst = worst.max(rig.worst);
        underruns += rig.speaker.underruns();
        starved += rig.device.starved;
    }
    assert_eq!(operations, OPERATIONS);
    // The dice threw everything.
    assert!(
        underruns > 500 && starved > 5_000 && flushes > 500 && rates > 500,
        "{underruns} {starved} {flushes} {rates}"
    );
    println!(
        "worst {worst:.4} ms; {underruns} underruns, {starved} starved callbacks, {flushes} flushes, {rates} rate changes"
    );
}
