//! A vendor that remembers: what it was told and what it said on this connection, and nothing else. What it says
//! follows from that alone, so that a client that tells it too little, too much or twice is found out.

use crate::common::{PER_MS, base64_ms};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// One question, spoken.
pub const QUESTION_MS: u64 = 400;
/// One word of an answer.
pub const WORD_MS: u64 = 200;
/// The question that needs a tool.
pub const TOOL_QUESTION: usize = 2;
const VOICE_MS: u64 = 60;
const SILENCE_MS: u64 = 200;

/// What a session holds.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Words of the user; spoken ones as far as they were heard.
    User(String),
    Assistant(String),
    System,
    Call(String),
    Output(String, String),
}

#[derive(Debug, Clone)]
pub struct Held {
    pub id: String,
    pub what: What,
}

/// The voice activity detection.
#[derive(Debug, Default)]
struct Ear {
    total_ms: u64,
    voiced_ms: u64,
    silent_ms: u64,
    speaking: Option<String>,
    /// Milliseconds of each question that came since the last turn.
    heard: BTreeMap<usize, u64>,
}

#[derive(Debug, Default)]
pub struct Vendor {
    pub epoch: u32,
    pub live: bool,
    pub items: Vec<Held>,
    /// Broken promises of the client.
    pub faults: Vec<String>,
    /// Words come when the answer is well under way, not before it.
    late_words: bool,
    detects: bool,
    pending: VecDeque<(Option<String>, &'static str, Value)>,
    active: Option<String>,
    ear: Ear,
    count: u64,
}

/// Words of an answer, `result` is what the tool said. Each is of two letters, as much as ordinary speech has in
/// [`WORD_MS`], so that the words that were heard follow from the time.
pub fn answer(question: usize, result: &str) -> Vec<String> {
    let number = ['-', 'x', 'y', 'z'][question];
    let third = if question == TOOL_QUESTION { result.to_owned() } else { format!("c{number}") };
    vec![format!("a{number}"), format!("b{number}"), third, format!("d{number}"), format!("e{number}")]
}

impl Vendor {
    pub fn new(late_words: bool) -> Self {
        Self { late_words, ..Self::default() }
    }

    /// A new connection knows nothing.
    pub fn dialled(&mut self, epoch: u32) {
        let (faults, count, late_words) = (std::mem::take(&mut self.faults), self.count, self.late_words);
        *self = Self { epoch, faults, count, late_words, ..Self::default() };
    }

    pub fn greets(&mut self) {
        self.live = true;
        self.say(None, "session.created", json!({"session": {"type": "realtime", "id": "sess"}}));
    }

    /// The line is dead: nothing is read, nothing comes any more.
    pub fn dies(&mut self) {
        self.live = false;
        self.pending.clear();
    }

    /// The next event.
    pub fn next(&mut self) -> Option<(&'static str, Value)> {
        let (_, kind, fields) = self.pending.pop_front()?;
        if kind == "response.done" {
            self.active = None;
        }
        Some((kind, fields))
    }

    fn say(&mut self, response: Option<&str>, kind: &'static str, fields: Value) {
        self.pending.push_back((response.map(str::to_owned), kind, fields));
    }

    fn id(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    fn add(&mut self, item: Held, after: Option<&str>) -> Option<String> {
        if self.items.iter().any(|held| held.id == item.id) {
            self.fault(format!("{} was created twice", item.id));
        }
        let at = match after {
            None => self.items.len(),
            Some("root") => 0,
            Some(id) => match self.items.iter().position(|held| held.id == id) {
                Some(at) => at + 1,
                None => {
                    self.fault(format!("{} stands behind {id}, which is unknown", item.id));
                    self.items.len()
                }
            },
        };
        self.items.insert(at, item);
        at.checked_sub(1).map(|at| self.items[at].id.clone())
    }

    /// A client frame.
    pub fn read(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap() {
            "session.update" => {
                let session = frame["session"].clone();
                self.detects = session["audio"]["input"]["turn_detection"].is_object();
                self.say(None, "session.updated", json!({"session": session}));
            }
            "conversation.item.create" => self.told(&frame["item"], frame["previous_item_id"].as_str()),
            "response.create" if self.active.is_some() => {
                let error = json!({"type": "invalid_request_error", "message": "one runs", "param": null,
                    "code": "conversation_already_has_active_response", "event_id": frame["event_id"]});
                self.say(None, "error", json!({"error": error}));
            }
            "response.create" => self.begin(Some(frame["response"]["metadata"]["client_event_id"].clone())),
            "response.cancel" => self.cancel(),
            "conversation.item.delete" => {
                let id = frame["item_id"].as_str().unwrap();
                self.items.retain(|held| held.id != id);
                self.say(None, "conversation.item.deleted", json!({"item_id": id}));
            }
            "conversation.item.truncate" => {
                let cut =
                    json!({"item_id": frame["item_id"], "content_index": 0, "audio_end_ms": frame["audio_end_ms"]});
                self.say(None, "conversation.item.truncated", cut);
            }
            "input_audio_buffer.clear" => self.ear.heard.clear(),
            "input_audio_buffer.commit" => self.commit(),
            other => self.fault(format!("{other} was not to be sent")),
        }
    }

    /// An item the client creates.
    fn told(&mut self, item: &Value, after: Option<&str>) {
        let id = item["id"].as_str().unwrap().to_owned();
        let call = || item["call_id"].as_str().unwrap().to_owned();
        let text = || item["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        let what = match (item["type"].as_str(), item["role"].as_str()) {
            (Some("function_call"), _) => What::Call(call()),
            (Some("function_call_output"), _) => {
                let known = |what: &dyn Fn(&What) -> bool| self.items.iter().filter(|held| what(&held.what)).count();
                let calls = known(&|what| *what == What::Call(call()));
                let outputs = known(&|what| matches!(what, What::Output(of, _) if *of == call()));
                if (calls, outputs) != (1, 0) {
                    self.fault(format!("a result for {calls} calls that has {outputs} results"));
                }
                What::Output(call(), item["output"].as_str().unwrap().to_owned())
            }
            (_, Some("user")) => What::User(text()),
            (_, Some("assistant")) => What::Assistant(text()),
            _ => What::System,
        };
        let previous = self.add(Held { id, what }, after);
        let fields = json!({"previous_item_id": previous, "item": item});
        self.say(None, "conversation.item.added", fields.clone());
        self.say(None, "conversation.item.done", fields);
    }

    /// Microphone audio; the loudness says which question it is.
    pub fn hear(&mut self, audio: &str) {
        let bytes = base64_simd::STANDARD.decode_to_vec(audio).unwrap();
        for sample in bytes.chunks(2).step_by(PER_MS as usize) {
            self.hear_ms(i16::from_le_bytes([sample[0], sample[1]]));
        }
    }

    fn hear_ms(&mut self, loudness: i16) {
        let ear = &mut self.ear;
        ear.total_ms += 1;
        if loudness == 0 {
            ear.silent_ms += 1;
        } else {
            (ear.voiced_ms, ear.silent_ms) = (ear.voiced_ms + 1, 0);
            *ear.heard.entry((loudness / 1000) as usize).or_default() += 1;
        }
        if !self.detects {
            return;
        }
        if ear.speaking.is_none() && ear.voiced_ms >= VOICE_MS {
            let start = self.ear.total_ms - VOICE_MS;
            self.cancel();
            let item = self.id("U");
            let started = json!({"audio_start_ms": start, "item_id": item});
            self.say(None, "input_audio_buffer.speech_started", started);
            self.ear.speaking = Some(item);
        } else if ear.silent_ms >= SILENCE_MS {
            ear.voiced_ms = 0;
            let Some(item) = ear.speaking.take() else { return ear.heard.clear() };
            let end = ear.total_ms;
            self.say(None, "input_audio_buffer.speech_stopped", json!({"audio_end_ms": end, "item_id": item}));
            let words = self.take_turn(item);
            let from = self.pending.len();
            self.begin(None);
            // Behind the second word of the answer, or before its beginning.
            let at = if self.late_words { (from + 9).min(self.pending.len()) } else { from };
            self.pending.insert(at, words);
        }
    }

    /// A turn ended by hand.
    fn commit(&mut self) {
        if self.ear.heard.is_empty() {
            return self.fault("nothing was committed");
        }
        let item = self.id("U");
        let words = self.take_turn(item);
        self.pending.push_back(words);
    }

    /// What was said becomes an item. Returns the event with its words.
    fn take_turn(&mut self, item: String) -> (Option<String>, &'static str, Value) {
        let heard = std::mem::take(&mut self.ear.heard);
        let words = |(question, ms): (&usize, &u64)| {
            if *ms == QUESTION_MS { format!("question {question}") } else { format!("question {question} of {ms} ms") }
        };
        let words = heard.iter().map(words).collect::<Vec<_>>().join(" and ");
        let previous = self.add(Held { id: item.clone(), what: What::User(words.clone()) }, None);
        self.say(None, "input_audio_buffer.committed", json!({"item_id": item, "previous_item_id": previous}));
        let message = json!({"id": item, "type": "message", "role": "user", "status": "completed",
            "content": [{"type": "input_audio", "transcript": null}]});
        let fields = json!({"previous_item_id": previous, "item": message});
        self.say(None, "conversation.item.added", fields.clone());
        self.say(None, "conversation.item.done", fields);
        let words = json!({"item_id": item, "content_index": 0, "transcript": words});
        (None, "conversation.item.input_audio_transcription.completed", words)
    }

    fn cancel(&mut self) {
        let Some(active) = self.active.clone() else { return };
        self.pending.retain(|(of, ..)| of.as_ref() != Some(&active));
        let body = json!({"id": active, "status": "cancelled", "output": []});
        self.say(None, "response.done", json!({"response": body}));
    }

    /// A response; `None`: by the vendor's own decision.
    fn begin(&mut self, request: Option<Value>) {
        if self.active.is_some() {
            return self.fault("two responses at a time");
        }
        let id = self.id("R");
        self.active = Some(id.clone());
        let metadata = request.map(|request| json!({"client_event_id": request}));
        let body =
            json!({"id": id, "status": "in_progress", "conversation_id": "c", "output": [], "metadata": metadata});
        self.say(Some(&id), "response.created", json!({"response": body}));
        self.complete_pairs();
        let said = |held: &&Held| !matches!(held.what, What::System);
        let last = self.items.iter().rfind(said).map(|held| held.what.clone());
        let question = self.items.iter().rev().find_map(|held| match &held.what {
            What::User(words) => words.split(' ').nth(1)?.parse::<usize>().ok(),
            _ => None,
        });
        let question = question.unwrap_or_else(|| {
            self.fault(format!("an answer to what? {:?}", self.items));
            0
        });
        let of_user = self.items.iter().rposition(|held| matches!(held.what, What::User(_))).unwrap_or(0);
        let result = self.items[of_user..].iter().rev().find_map(|held| match &held.what {
            What::Output(_, output) => Some(output.clone()),
            _ => None,
        });
        if let Some(What::Assistant(words)) = &last
            && words.split(' ').count() >= 5
        {
            self.fault(format!("asked to answer its own answer: {:?}", self.items));
        }
        match result {
            None if question == TOOL_QUESTION => self.calls(&id),
            result => self.answers(&id, question, &result.unwrap_or_default()),
        }
        let body = json!({"id": id, "status": "completed", "output": []});
        self.say(Some(&id), "response.done", json!({"response": body}));
    }

    /// Every call the session knows has its result whenever it is asked for more.
    fn complete_pairs(&mut self) {
        let of = |held: &Held| if let What::Output(call, _) = &held.what { Some(call.clone()) } else { None };
        let answered: HashSet<String> = self.items.iter().filter_map(of).collect();
        let open = |held: &&Held| matches!(&held.what, What::Call(call) if !answered.contains(call));
        if let Some(open) = self.items.iter().find(open) {
            self.faults.push(format!("{open:?} has no result, and an answer is asked for"));
        }
    }

    fn calls(&mut self, response: &str) {
        let (item, call) = (self.id("F"), self.id("call_"));
        let previous = self.add(Held { id: item.clone(), what: What::Call(call.clone()) }, None);
        let wire = |status: &str, arguments: &str| {
            json!({"id": item, "type": "function_call", "status": status, "call_id": call, "name": "look",
                "arguments": arguments})
        };
        let added = json!({"response_id": response, "output_index": 0, "item": wire("in_progress", "")});
        self.say(Some(response), "response.output_item.added", added);
        let added = json!({"previous_item_id": previous, "item": wire("in_progress", "")});
        self.say(Some(response), "conversation.item.added", added);
        let place = json!({"response_id": response, "item_id": item, "output_index": 0, "call_id": call});
        let with = |field: &str| {
            let mut place = place.clone();
            place[field] = "{}".into();
            place
        };
        self.say(Some(response), "response.function_call_arguments.delta", with("delta"));
        self.say(Some(response), "response.function_call_arguments.done", with("arguments"));
        let done = json!({"previous_item_id": previous, "item": wire("completed", "{}")});
        self.say(Some(response), "conversation.item.done", done);
        let done = json!({"response_id": response, "output_index": 0, "item": wire("completed", "{}")});
        self.say(Some(response), "response.output_item.done", done);
    }

    fn answers(&mut self, response: &str, question: usize, result: &str) {
        let item = self.id("A");
        let words = answer(question, result);
        let text = words.join(" ");
        let previous = self.add(Held { id: item.clone(), what: What::Assistant(text.clone()) }, None);
        let message = |status: &str, content: Value| json!({"id": item, "type": "message", "role": "assistant", "status": status, "content": content});
        let open = message("in_progress", json!([]));
        let added = json!({"response_id": response, "output_index": 0, "item": open});
        self.say(Some(response), "response.output_item.added", added);
        self.say(Some(response), "conversation.item.added", json!({"previous_item_id": previous, "item": open}));
        let place = json!({"response_id": response, "item_id": item, "output_index": 0, "content_index": 0});
        let with = |field: &str, value: Value| {
            let mut place = place.clone();
            place[field] = value;
            place
        };
        self.say(Some(response), "response.content_part.added", with("part", json!({"type": "audio"})));
        for (i, word) in words.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            let delta = with("delta", format!("{space}{word}").into());
            self.say(Some(response), "response.output_audio_transcript.delta", delta);
            self.say(Some(response), "response.output_audio.delta", with("delta", base64_ms(WORD_MS).into()));
        }
        self.say(Some(response), "response.output_audio.done", place.clone());
        let done = with("transcript", text.clone().into());
        self.say(Some(response), "response.output_audio_transcript.done", done);
        let part = json!({"type": "audio", "transcript": text});
        self.say(Some(response), "response.content_part.done", with("part", part));
        let whole = message("completed", json!([{"type": "output_audio", "transcript": text}]));
        self.say(Some(response), "conversation.item.done", json!({"previous_item_id": previous, "item": whole}));
        let done = json!({"response_id": response, "output_index": 0, "item": whole});
        self.say(Some(response), "response.output_item.done", done);
    }
}
