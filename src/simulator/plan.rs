//! From the words of a reply to a timed list of what is sent.

use super::{
    clips,
    events::PartKind,
    ids::Ids,
    scenario::{Delivery, Fail, Failure, OutputItem, Scenario},
};
use std::{collections::VecDeque, ops::Range, sync::Arc, time::Duration};

/// One output item while its response is being made.
#[derive(Debug)]
pub(super) struct OutItem {
    pub(super) id: String,
    pub(super) kind: OutKind,
    /// The whole text: transcript, text or arguments.
    pub(super) text: Arc<str>,
    /// How much of the text and of the audio has been sent.
    pub(super) text_sent: usize,
    pub(super) samples_sent: usize,
    pub(super) status: OutStatus,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum OutStatus {
    Planned,
    Open,
    /// Finished, with the status the client was told.
    Closed(&'static str),
}

#[derive(Debug)]
pub(super) enum OutKind {
    Audio(Arc<[i16]>),
    Text,
    Call { call_id: String, name: String },
}

impl OutItem {
    pub(super) fn sent_text(&self) -> &str {
        &self.text[..self.text_sent]
    }

    /// When the words that begin at this byte are heard, in seconds of the audio: as far into it as into the text.
    pub(super) fn begins_s(&self, byte: usize) -> Option<f64> {
        let OutKind::Audio(audio) = &self.kind else { return None };
        let ms = audio.len() * byte / self.text.len().max(1) / 24;
        Some(ms as f64 / 1000.0)
    }

    pub(super) fn part(&self) -> Option<PartKind> {
        match self.kind {
            OutKind::Audio(_) => Some(PartKind::Audio),
            OutKind::Text => Some(PartKind::Text),
            OutKind::Call { .. } => None,
        }
    }
}

/// One thing to send about the item at an output index.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Open(usize),
    /// Text up to this byte.
    Text(usize, Range<usize>),
    Audio(usize, Range<usize>),
    Close(usize),
    Finish(End),
}

/// How a response ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    Completed,
    /// The user began to speak.
    TurnDetected,
    /// The client asked for it.
    ClientCancelled,
    /// It reached `max_output_tokens`.
    OutOfTokens,
    /// The scenario says so.
    Failed(Failure),
}

/// Items and steps of one response; each step has its time after the response began.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) items: Vec<OutItem>,
    pub(super) steps: VecDeque<(Duration, Step)>,
}

impl Plan {
    /// Ends the plan before it needs more than `limit` tokens.
    pub(super) fn cut(&mut self, limit: u64) {
        let (mut letters, mut samples) = (0, 0);
        let over = self.steps.iter().position(|(_, step)| {
            match step {
                Step::Text(_, range) => letters += range.len() as u64,
                Step::Audio(_, range) => samples += range.len() as u64,
                _ => {}
            }
            letters.div_ceil(4) + samples.div_ceil(1200) > limit
        });
        if let Some(over) = over {
            let at = self.steps[over].0;
            self.steps.truncate(over);
            self.steps.push_back((at, Step::Finish(End::OutOfTokens)));
        }
    }
}

/// What of a reply the client has asked for.
pub(super) struct Wanted<'a> {
    pub(super) speech: bool,
    /// Decides whether a function may be called.
    pub(super) callable: &'a dyn Fn(&str) -> bool,
}

/// Plans `reply`. Items that cannot be made (calls of undeclared functions) are left out; a reply
/// with nothing left becomes `instead`.
pub(super) fn plan(
    reply: &[OutputItem],
    instead: &[OutputItem],
    wanted: &Wanted<'_>,
    scenario: &Scenario,
    ids: &mut Ids,
) -> Plan {
    let mut items = make_items(reply, wanted, scenario, ids);
    let mut failure = failure_of(reply);
    if items.is_empty() && failure.is_none() {
        items = make_items(instead, wanted, scenario, ids);
        failure = failure_of(instead);
    }
    let mut steps = VecDeque::new();
    let mut at = Duration::ZERO;
    let first = Duration::from_millis(scenario.delivery.first_audio_delay_ms.into());
    for (index, item) in items.iter().enumerate() {
        steps.push_back((at, Step::Open(index)));
        at = at.max(first);
        at = match &item.kind {
            OutKind::Audio(audio) => speech(&mut steps, index, &item.text, audio.len(), at, &scenario.delivery),
            OutKind::Text => words(&mut steps, index, &item.text, at, &scenario.delivery),
            OutKind::Call { .. } => pieces(&mut steps, index, &item.text, at),
        };
        steps.push_back((at, Step::Close(index)));
    }
    let end = match failure {
        Some(failure) => {
            at = at.max(first);
            End::Failed(failure)
        }
        None => End::Completed,
    };
    steps.push_back((at, Step::Finish(end)));
    Plan { items, steps }
}

fn failure_of(reply: &[OutputItem]) -> Option<Failure> {
    match reply.last() {
        Some(OutputItem::Fail(Fail { fail })) => Some(fail.clone()),
        _ => None,
    }
}

fn make_items(reply: &[OutputItem], wanted: &Wanted<'_>, scenario: &Scenario, ids: &mut Ids) -> Vec<OutItem> {
    let mut items = Vec::new();
    for output in reply {
        let (kind, text) = match output {
            OutputItem::Say(say) if wanted.speech => {
                let clip = say.clip.as_deref().and_then(|name| scenario.clip(name).ok());
                (OutKind::Audio(clip.unwrap_or_else(|| clips::tones(&say.say))), say.say.clone())
            }
            OutputItem::Say(say) => (OutKind::Text, say.say.clone()),
            OutputItem::Text(text) => (OutKind::Text, text.text.clone()),
            OutputItem::Call(call) => {
                let call = &call.call;
                if !call.force && !(wanted.callable)(&call.name) {
                    continue;
                }
                let json = || serde_json::Value::Object(call.arguments.clone()).to_string();
                let text = call.raw_arguments.clone().unwrap_or_else(json);
                (OutKind::Call { call_id: ids.next("call_"), name: call.name.clone() }, text)
            }
            // No item of the response, but its end.
            OutputItem::Fail(_) => continue,
        };
        let id = ids.next("item_");
        let text = text.into();
        items.push(OutItem { id, kind, text, text_sent: 0, samples_sent: 0, status: OutStatus::Planned });
    }
    items
}

/// Audio deltas in playback order, each after the words it holds: transcripts run ahead.
fn speech(
    steps: &mut VecDeque<(Duration, Step)>,
    index: usize,
    text: &str,
    samples: usize,
    start: Duration,
    delivery: &Delivery,
) -> Duration {
    let size = delivery.delta_ms as usize * clips::RATE as usize / 1000;
    let pace = Duration::from_secs_f64(f64::from(delivery.delta_ms) / 1000.0 / delivery.speed);
    let count = samples.div_ceil(size).max(1);
    let ends = word_ends(text);
    let mut written = 0;
    let mut at = start;
    for n in 0..count {
        let ahead = ((n + 1) * ends.len() * 3).div_ceil(count * 2).min(ends.len());
        let upto = if n + 1 == count { text.len() } else { ahead.checked_sub(1).map_or(0, |w| ends[w]) };
        if upto > written {
            steps.push_back((at, Step::Text(index, written..upto)));
            written = upto;
        }
        if samples > 0 {
            steps.push_back((at, Step::Audio(index, n * size..samples.min((n + 1) * size))));
        }
        at += pace;
    }
    at
}

/// Text deltas of a few words, as fast as speech would come.
fn words(
    steps: &mut VecDeque<(Duration, Step)>,
    index: usize,
    text: &str,
    start: Duration,
    delivery: &Delivery,
) -> Duration {
    let pace = Duration::from_secs_f64(f64::from(delivery.delta_ms) / 1000.0 / delivery.speed);
    let (mut at, mut written) = (start, 0);
    for upto in word_ends(text).chunks(3).filter_map(|few| few.last()) {
        steps.push_back((at, Step::Text(index, written..*upto)));
        written = *upto;
        at += pace;
    }
    at
}

/// The arguments of a call in four pieces.
fn pieces(steps: &mut VecDeque<(Duration, Step)>, index: usize, text: &str, start: Duration) -> Duration {
    let size = text.len().div_ceil(4).max(1);
    let (mut at, mut written) = (start, 0);
    while written < text.len() {
        let mut upto = (written + size).min(text.len());
        while !text.is_char_boundary(upto) {
            upto += 1;
        }
        steps.push_back((at, Step::Text(index, written..upto)));
        written = upto;
        at += Duration::from_millis(5);
    }
    at
}

/// Byte positions after each word and the space that follows it.
fn word_ends(text: &str) -> Vec<usize> {
    text.split_inclusive(char::is_whitespace)
        .scan(0, |end, word| {
            *end += word.len();
            Some(*end)
        })
        .collect()
}
