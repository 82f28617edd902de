//! The heard ledger: which samples of which item really left the speaker.
//!
//! Audio is given to the speaker in one order and never reordered, so a position in that stream
//! (the *source position*, in frames at the provider's rate) says which item is audible. The speaker
//! counts in frames of its own rate; [`PlayoutReport`] anchors tie the two together, anew after
//! every flush and rate change. From that follow truncation, the heard transcript, `interrupted` and
//! all durations: never from a clock, and never from what was merely received. A host that reports
//! what it played takes the speaker's place (`HeardLedger::played`).

use crate::{
    audio::playout::PlayoutReport,
    message::{ItemId, PartIndex, ResponseId},
};
use std::collections::VecDeque;

/// Finished parts that are remembered: a vendor may go on with one it had called complete.
const MAX_FINISHED: usize = 8;

/// Audio of one content part of one item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AudioKey {
    /// Response that produced it.
    pub response: ResponseId,
    /// Item.
    pub item: ItemId,
    /// Content index.
    pub part: PartIndex,
}

/// How much of a part was received and heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Which part.
    pub key: AudioKey,
    /// Frames received.
    pub received: u64,
    /// Frames played.
    pub heard: u64,
    /// No more will come.
    pub complete: bool,
}

/// A piece of the source stream that belongs to one part.
#[derive(Debug)]
struct Segment {
    part: usize,
    start: u64,
    end: u64,
}

/// A part with what the ledger knows about it.
#[derive(Debug)]
struct Part {
    heard: Heard,
    /// Where its first frame stands in the source stream.
    from: u64,
    started: bool,
    finished: bool,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    ring: u64,
    source: u64,
    rate: u32,
    source_rate: u32,
    delay: u32,
}

/// What a report changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEvent {
    /// The first sample of a part was played.
    Started(AudioKey),
    /// A part will not be played further; `true`: all that was received was played.
    Finished(Heard, bool),
    /// A flush took effect: these parts still had audio to come, in play order.
    Flushed(Vec<Heard>),
}

/// See the module.
#[derive(Debug)]
pub struct HeardLedger {
    rate: u32,
    anchor: Option<Anchor>,
    segments: VecDeque<Segment>,
    parts: VecDeque<Part>,
    /// Index of `parts[0]` among all parts ever.
    first: usize,
    /// Source frames given to the speaker.
    pushed: u64,
    /// Source frames played or dropped.
    position: u64,
}

impl HeardLedger {
    /// A ledger for audio of `rate` frames a second.
    pub fn new(rate: u32) -> Self {
        Self { rate, anchor: None, segments: VecDeque::new(), parts: VecDeque::new(), first: 0, pushed: 0, position: 0 }
    }

    /// Milliseconds of `frames`, rounded down.
    pub fn ms(&self, frames: u64) -> u64 {
        frames * 1000 / u64::from(self.rate)
    }

    /// Frames of `key` given to the speaker, after all earlier ones.
    pub fn push(&mut self, key: &AudioKey, frames: u64) {
        if frames == 0 {
            return;
        }
        // Nearly always the newest part.
        let at = self.parts.iter().rposition(|p| p.heard.key == *key && !p.finished);
        let part = at.unwrap_or_else(|| {
            // One that had been played to its end goes on where it was.
            let before = self.parts.iter().rev().map(|p| &p.heard).find(|h| h.key == *key);
            let played = before.filter(|h| h.heard == h.received).map_or(0, |h| h.heard);
            let heard = Heard { key: key.clone(), received: played, heard: played, complete: false };
            self.parts.push_back(Part { heard, from: self.pushed, started: false, finished: false });
            self.parts.len() - 1
        });
        self.parts[part].heard.received += frames;
        let (index, start) = (self.first + part, self.pushed);
        self.pushed += frames;
        match self.segments.back_mut() {
            Some(last) if last.part == index && last.end == start => last.end = self.pushed,
            _ => self.segments.push_back(Segment { part: index, start, end: self.pushed }),
        }
    }

    /// No more audio will come for `key`.
    pub fn complete(&mut self, key: &AudioKey, events: &mut Vec<LedgerEvent>) {
        if let Some(part) = self.parts.iter_mut().rev().find(|p| p.heard.key == *key) {
            part.heard.complete = true;
        }
        self.settle(events);
    }

    /// No more audio will come for any part of `response`.
    pub fn complete_response(&mut self, response: &ResponseId, events: &mut Vec<LedgerEvent>) {
        for part in self.parts.iter_mut().filter(|p| p.heard.key.response == *response) {
            part.heard.complete = true;
        }
        self.settle(events);
    }

    /// The speaker played on, was flushed or started anew.
    pub fn report(&mut self, report: PlayoutReport, events: &mut Vec<LedgerEvent>) {
        match report {
            PlayoutReport::Anchor { frames, source, rate, source_rate, delay } => {
                self.anchor = Some(Anchor { ring: frames, source, rate, source_rate, delay });
                // Playing has reached this place.
                self.advance(source, events);
            }
            PlayoutReport::Position { frames } => {
                let position = self.source_position(frames);
                self.advance(position, events);
            }
            PlayoutReport::Flushed { played, resume, source } => {
                let position = self.source_position(played);
                self.advance(position.min(source), events);
                self.drop_until(source, events);
                if let Some(anchor) = &mut self.anchor {
                    *anchor = Anchor { ring: resume, source, ..*anchor };
                }
            }
        }
    }

    /// The host has played the first `frames` of a part. The audio of all parts is one stream that is
    /// played in its order, so a part that is audible says that everything before it was played; a
    /// part of which nothing was heard says nothing. False: the part is not open.
    ///
    /// Never back and never past what was received. A millisecond that is not full counts as played
    /// with the one before it, for a host counts in whole ones.
    pub fn played(&mut self, item: &ItemId, part: PartIndex, frames: u64, events: &mut Vec<LedgerEvent>) -> bool {
        let open = |p: &Part| !p.finished && p.heard.key.item == *item && p.heard.key.part == part;
        let Some(at) = self.parts.iter().position(open) else { return false };
        let Heard { received, heard, .. } = self.parts[at].heard;
        let all = frames > 0 && self.ms(frames) >= self.ms(received);
        let mut left = if all { received } else { frames }.saturating_sub(heard);
        if left == 0 {
            return true;
        }
        let mut position = self.position;
        for segment in self.segments.iter().filter(|s| s.part == self.first + at) {
            let n = left.min(segment.end - segment.start);
            position = segment.start + n;
            left -= n;
            if left == 0 {
                break;
            }
        }
        self.advance(position, events);
        true
    }

    /// The oldest open part ends with what is known of it: nobody will ever say more.
    pub fn end_oldest(&mut self, events: &mut Vec<LedgerEvent>) {
        let Some(at) = self.parts.iter().position(|p| !p.finished) else { return };
        let index = self.first + at;
        self.segments.retain(|s| s.part != index);
        let part = &mut self.parts[at];
        part.finished = true;
        if part.started {
            events.push(LedgerEvent::Finished(part.heard.clone(), part.heard.heard == part.heard.received));
        }
        self.trim();
    }

    /// The speaker did not say where a flush took effect: what it reported last counts, and nothing
    /// before `source` will be played.
    pub fn give_up(&mut self, source: u64, events: &mut Vec<LedgerEvent>) {
        self.drop_until(source, events);
    }

    /// Source position of a ring position, by the newest anchor.
    fn source_position(&self, ring: u64) -> u64 {
        let Some(a) = self.anchor else { return self.position };
        let frames = ring.saturating_sub(a.ring).saturating_sub(u64::from(a.delay));
        let source = u128::from(frames) * u128::from(a.source_rate) / u128::from(a.rate.max(1));
        a.source + u64::try_from(source).unwrap_or(u64::MAX)
    }

    /// Moves to `position`: never back, never past what was given.
    fn advance(&mut self, position: u64, events: &mut Vec<LedgerEvent>) {
        let position = position.min(self.pushed);
        while let Some(segment) = self.segments.front_mut() {
            if segment.start >= position {
                break;
            }
            let played = position.min(segment.end) - segment.start;
            let part = &mut self.parts[segment.part - self.first];
            part.heard.heard += played;
            if !part.started && played > 0 {
                part.started = true;
                events.push(LedgerEvent::Started(part.heard.key.clone()));
            }
            segment.start += played;
            if segment.start < segment.end {
                break;
            }
            self.segments.pop_front();
        }
        self.position = self.position.max(position);
        self.settle(events);
    }

    /// Everything before `source` that was not played never will be.
    fn drop_until(&mut self, source: u64, events: &mut Vec<LedgerEvent>) {
        let mut dropped: Vec<usize> = Vec::new();
        while let Some(segment) = self.segments.front_mut().filter(|s| s.start < source) {
            if dropped.last() != Some(&segment.part) {
                dropped.push(segment.part);
            }
            segment.start = segment.end.min(source);
            if segment.start == segment.end {
                self.segments.pop_front();
            }
        }
        self.position = self.position.max(source.min(self.pushed));
        // A part whose audio is all played but which was still being generated is cut as well.
        for (i, part) in self.parts.iter().enumerate() {
            let before = part.from < source;
            if before && !part.finished && !part.heard.complete && !dropped.contains(&(self.first + i)) {
                dropped.push(self.first + i);
            }
        }
        dropped.sort_unstable();
        let mut cut = Vec::new();
        for index in dropped {
            let part = &mut self.parts[index - self.first];
            if part.finished {
                continue;
            }
            part.finished = true;
            cut.push(part.heard.clone());
            if part.started {
                events.push(LedgerEvent::Finished(part.heard.clone(), part.heard.heard == part.heard.received));
            }
        }
        events.push(LedgerEvent::Flushed(cut));
        self.trim();
    }

    /// Parts that are complete and played are finished.
    fn settle(&mut self, events: &mut Vec<LedgerEvent>) {
        for part in self.parts.iter_mut().filter(|p| !p.finished && p.heard.complete) {
            if part.heard.heard == part.heard.received {
                part.finished = true;
                if part.started {
                    events.push(LedgerEvent::Finished(part.heard.clone(), true));
                }
            }
        }
        self.trim();
    }

    /// Finished parts at the front are forgotten but for the newest, so that a day-long call stays small.
    fn trim(&mut self) {
        let used = self.segments.iter().map(|s| s.part).min().unwrap_or(usize::MAX);
        let forgotten = |parts: &VecDeque<Part>| {
            parts.front().is_some_and(|p| p.finished) && parts.iter().filter(|p| p.finished).nth(MAX_FINISHED).is_some()
        };
        while self.first < used && forgotten(&self.parts) {
            self.parts.pop_front();
            self.first += 1;
        }
    }

    /// What is known of a part that is not finished yet, or only lately.
    pub fn heard(&self, key: &AudioKey) -> Option<&Heard> {
        self.parts.iter().rev().map(|p| &p.heard).find(|h| h.key == *key)
    }

    /// Parts that are not finished, in play order.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Heard> {
        self.parts.iter().filter(|p| !p.finished).map(|p| &p.heard)
    }

    /// Frames ever given to the speaker.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Where in the source stream the next part ends, if that is still to be played.
    pub fn next_end(&self) -> Option<u64> {
        let index = self.first + self.parts.iter().position(|p| !p.finished)?;
        let ends = self.segments.iter().filter(|s| s.part == index).map(|s| s.end);
        ends.max().filter(|end| *end > self.position)
    }

    /// Frames given to the speaker and not played.
    pub fn queued(&self) -> u64 {
        self.pushed - self.position
    }

    /// Somebody can hear something now or very soon: started and not finished.
    pub fn audible(&self) -> bool {
        self.parts.iter().any(|p| p.started && !p.finished)
    }
}
