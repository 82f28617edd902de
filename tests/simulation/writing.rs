//! The vendor speaks: what it generates, what it heard, and what it understood.

use crate::{
    script::{Dice, Fault},
    vendor::{Kept, State, base64, with},
    world::World,
};
use serde_json::json;

impl World {
    /// The connection whose conversation goes on.
    pub fn talking(&self) -> Option<usize> {
        self.conns
            .iter()
            .position(|c| c.state == State::Open && c.epoch == self.checks.link && c.configured && !c.asked_to_close)
    }

    /// The vendor writes on.
    pub fn writes(&mut self, die: u32) {
        let Some(i) = self.talking() else { return };
        let mut dice = Dice(die.into());
        if !self.conns[i].unheard.is_empty() && dice.once_in(3) {
            return self.understands(i, &mut dice);
        }
        let new = self.name("A");
        let Some(active) = &mut self.conns[i].active else { return };
        let id = active.id.clone();
        let previous = self.conns[i].last();
        let active = self.conns[i].active.as_mut().unwrap();
        let choice = dice.upto(12);
        match &mut active.item {
            None if choice < 3 && active.calls < 3 => {
                active.calls += 1;
                let arguments = "{\"n\":1}";
                let (item, call) = (format!("F{new}"), format!("call_{new}"));
                let wire = |status: &str, arguments: &str| {
                    json!({"id": item, "type": "function_call", "status": status, "call_id": call, "name": "f",
                        "arguments": arguments})
                };
                self.conns[i].items.push(Kept {
                    id: item.clone(),
                    call: Some(call.clone()),
                    result_of: None,
                    done: false,
                });
                let added = json!({"response_id": id, "output_index": 0, "item": wire("in_progress", "")});
                self.says(i, "response.output_item.added", added);
                let added = json!({"previous_item_id": previous, "item": wire("in_progress", "")});
                self.says(i, "conversation.item.added", added);
                let place = json!({"response_id": id, "item_id": item, "output_index": 0, "call_id": call});
                self.says(i, "response.function_call_arguments.delta", with(&place, "delta", "{\"n\"".into()));
                if let Some(kept) = self.conns[i].items.iter_mut().find(|k| k.id == item) {
                    kept.done = true;
                }
                let done = json!({"response_id": id, "output_index": 0, "item": wire("completed", arguments)});
                self.says(i, "response.output_item.done", done);
            }
            None if choice < 6 => self.done(i, if dice.once_in(8) { "incomplete" } else { "completed" }),
            None => {
                let spoken = !dice.once_in(5);
                active.item = Some((new.clone(), 0, spoken, String::new()));
                self.conns[i].items.push(Kept { id: new.clone(), call: None, result_of: None, done: true });
                let message =
                    json!({"id": new, "type": "message", "role": "assistant", "status": "in_progress", "content": []});
                let added = json!({"response_id": id, "output_index": 0, "item": message});
                self.says(i, "response.output_item.added", added);
                self.says(i, "conversation.item.added", json!({"previous_item_id": previous, "item": message}));
                let place = json!({"response_id": id, "item_id": new, "output_index": 0, "content_index": 0});
                let kind = if spoken { "audio" } else { "text" };
                self.says(i, "response.content_part.added", with(&place, "part", json!({"type": kind})));
            }
            Some((item, part, true, words)) if choice < 9 => {
                let n = 1 + dice.upto(3);
                let text: String = (0..n).map(|_| "ab ").collect();
                let place = json!({"response_id": id, "item_id": item, "output_index": 0, "content_index": part});
                words.push_str(&text);
                let odd = std::mem::take(&mut self.armed.odd);
                self.says(i, "response.output_audio_transcript.delta", with(&place, "delta", text.into()));
                if odd {
                    self.fires(Fault::OddPcm);
                    let bytes = vec![7u8; 4801];
                    let first = base64_simd::STANDARD.encode_to_string(&bytes);
                    self.says(i, "response.output_audio.delta", with(&place, "delta", first.clone().into()));
                    self.says(i, "response.output_audio.delta", with(&place, "delta", first.into()));
                } else {
                    self.says(i, "response.output_audio.delta", with(&place, "delta", base64(n * 100).into()));
                }
            }
            Some((item, part, true, words)) if choice == 9 => {
                *part += 1;
                words.clear();
                let place = json!({"response_id": id, "item_id": item, "output_index": 0, "content_index": *part});
                self.says(i, "response.content_part.added", with(&place, "part", json!({"type": "audio"})));
            }
            Some(_) if choice == 10 => {
                self.done(i, "completed");
            }
            Some((item, part, spoken, words)) => {
                let (item, spoken, text) = (item.clone(), *spoken, words.clone());
                let place = json!({"response_id": id, "item_id": item, "output_index": 0, "content_index": part});
                if !spoken && choice < 8 {
                    words.push_str("text ");
                    self.says(i, "response.output_text.delta", with(&place, "delta", "text ".into()));
                    return;
                }
                active.item = None;
                if spoken {
                    self.says(i, "response.output_audio.done", place.clone());
                    self.says(
                        i,
                        "response.output_audio_transcript.done",
                        with(&place, "transcript", text.clone().into()),
                    );
                } else {
                    self.says(i, "response.output_text.done", with(&place, "text", text.clone().into()));
                }
                let message = json!({"id": item, "type": "message", "role": "assistant", "status": "completed",
                    "content": []});
                let done = json!({"response_id": id, "output_index": 0, "item": message});
                self.says(i, "response.output_item.done", done);
            }
        }
    }

    /// The words of a turn become known, or never will.
    pub fn understands(&mut self, i: usize, dice: &mut Dice) {
        let item = self.conns[i].unheard.remove(0);
        let place = json!({"item_id": item, "content_index": 0});
        if dice.once_in(6) {
            let error = json!({"type": "server_error", "code": "x", "message": "not understood"});
            return self.says(i, "conversation.item.input_audio_transcription.failed", with(&place, "error", error));
        }
        if dice.once_in(2) {
            self.says(i, "conversation.item.input_audio_transcription.delta", with(&place, "delta", "some".into()));
        }
        let words = format!("some words of {item}");
        self.says(i, "conversation.item.input_audio_transcription.completed", with(&place, "transcript", words.into()));
    }

    pub fn commits(&mut self, i: usize, item: &str) {
        let previous = self.conns[i].last();
        self.conns[i].appended_ms = 0;
        self.conns[i].items.push(Kept { id: item.to_owned(), call: None, result_of: None, done: true });
        self.conns[i].unheard.push(item.to_owned());
        self.says(i, "input_audio_buffer.committed", json!({"item_id": item, "previous_item_id": previous}));
        let message = json!({"id": item, "type": "message", "role": "user", "status": "completed",
            "content": [{"type": "input_audio", "transcript": null}]});
        let fields = json!({"previous_item_id": previous, "item": message});
        self.says(i, "conversation.item.added", fields.clone());
        self.says(i, "conversation.item.done", fields);
    }

    /// The user begins or stops to speak, where the vendor finds turns by itself.
    pub fn user(&mut self, die: u32) {
        let Some(i) = self.talking().filter(|i| self.conns[*i].turns().is_object()) else { return };
        // Who is not up has sent nothing that could be heard.
        if !self.checks.wire(self.conns[i].epoch).up {
            return;
        }
        let mut dice = Dice(die.into());
        let at = self.conns[i].heard_ms;
        match self.conns[i].user.take() {
            None => {
                self.checks.spoke = true;
                let item = self.name("U");
                self.conns[i].user = Some(item.clone());
                let started = json!({"audio_start_ms": at, "item_id": item});
                self.says(i, "input_audio_buffer.speech_started", started);
                if self.setup.vendor_interrupts && self.conns[i].active.is_some() {
                    self.done(i, "cancelled");
                }
            }
            Some(item) => {
                self.says(i, "input_audio_buffer.speech_stopped", json!({"audio_end_ms": at, "item_id": item}));
                self.commits(i, &item);
                let answers = self.conns[i].turns()["create_response"] == true;
                if answers && self.conns[i].active.is_none() && self.conns[i].state == State::Open && !dice.once_in(4) {
                    self.begins(i, None);
                }
            }
        }
    }

    /// The vendor finishes what it has begun.
    pub fn finishes(&mut self) {
        for i in 0..self.conns.len() {
            if self.conns[i].state != State::Open || self.conns[i].asked_to_close {
                continue;
            }
            self.conns[i].stalled = 0;
            if let Some(item) = self.conns[i].user.take() {
                let at = self.conns[i].heard_ms;
                self.says(i, "input_audio_buffer.speech_stopped", json!({"audio_end_ms": at, "item_id": item}));
                self.commits(i, &item);
            }
            while !self.conns[i].unheard.is_empty() && self.conns[i].state == State::Open {
                self.understands(i, &mut Dice(1));
            }
            self.done(i, "completed");
        }
    }
}
