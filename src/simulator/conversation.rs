//! The items of a conversation and the client events about them.

use super::{
    events::{self, Refusal},
    images, listening,
    peer::Peer,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Most items of a conversation, and most audio kept in all of them (32 minutes).
const MOST_ITEMS: usize = 2000;
const MOST_SAMPLES: usize = 46_080_000;

/// Audio of one content part: the first `len` samples of `samples`.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    pub(super) samples: Arc<[i16]>,
    pub(super) len: usize,
}

/// One item: its public JSON, without audio, and the audio of its parts by content index.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) audio: Vec<Option<Sound>>,
    /// Cut by the client: what is generated afterwards changes nothing any more.
    pub(super) truncated: bool,
}

impl Item {
    pub(super) fn new(value: Value, audio: Vec<Option<Sound>>) -> Self {
        Self { value, audio, truncated: false }
    }

    pub(super) fn id(&self) -> &str {
        self.value["id"].as_str().unwrap_or_default()
    }
}

/// Items in conversation order.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    items: Vec<Item>,
}

impl Conversation {
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn last_id(&self) -> Option<&str> {
        self.items.last().map(Item::id)
    }

    pub(super) fn previous(&self, id: &str) -> Option<&str> {
        let at = self.position(id)?.checked_sub(1)?;
        Some(self.items[at].id())
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Item> {
        let at = self.position(id)?;
        self.items.get_mut(at)
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.items.iter().rposition(|item| item.id() == id)
    }

    /// Puts `item` last.
    pub(super) fn push(&mut self, item: Item) {
        self.insert(self.items.len(), item);
    }

    fn insert(&mut self, at: usize, item: Item) {
        self.items.insert(at, item);
        if self.items.len() > MOST_ITEMS {
            self.items.remove(0);
        }
        let mut left = MOST_SAMPLES;
        for sound in self.items.iter_mut().rev().flat_map(|item| &mut item.audio) {
            match sound.as_ref().and_then(|s| left.checked_sub(s.samples.len())) {
                Some(rest) => left = rest,
                None => *sound = None,
            }
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.items.retain(|item| item.id() != id);
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.position(id).is_some()
    }

    fn knows_call(&self, call_id: &str) -> bool {
        self.items.iter().any(|i| i.value["type"] == "function_call" && i.value["call_id"] == call_id)
    }
}

impl Peer {
    /// `conversation.item.create`.
    pub(super) fn create_item(&mut self, event: &Value) -> Result<(), Refusal> {
        let at = self.insertion_point(event.get("previous_item_id").and_then(Value::as_str))?;
        let mut value = event["item"].clone();
        let id = match value["id"].as_str() {
            Some(id) if self.conversation.position(id).is_some() => {
                let message = format!("Error adding item: an item with ID '{id}' already exists.");
                return Err(Refusal::new("item_create_duplicate_item_id", message).param("item.id"));
            }
            Some(id) => id.to_owned(),
            None => self.ids.next("item_"),
        };
        let call_id = value["call_id"].as_str().unwrap_or_default();
        if value["type"] == "function_call_output" && !self.conversation.knows_call(call_id) {
            let message = format!("Tool call ID '{call_id}' not found in conversation.");
            return Err(Refusal::new("invalid_tool_call_id", message).param("item.call_id"));
        }
        value["id"] = json!(id);
        value["object"] = json!("realtime.item");
        value["status"] = json!("completed");
        if value["type"] == "function_call" && !value["call_id"].is_string() {
            value["call_id"] = json!(self.ids.next("call_"));
        }
        let audio = take_audio(&mut value)?;
        self.advance_script(&value);
        if value["type"] == "function_call_output" {
            self.took_result(&value);
        }
        self.conversation.insert(at, Item::new(value.clone(), audio));
        let previous = self.conversation.previous(&id).map(str::to_owned);
        self.send(events::item_added(&value, previous.as_deref()));
        self.send(events::item_done(&value, previous.as_deref()));
        Ok(())
    }

    fn insertion_point(&self, previous: Option<&str>) -> Result<usize, Refusal> {
        match previous {
            None => Ok(self.conversation.items.len()),
            Some("root") => Ok(0),
            Some(id) => self.conversation.position(id).map(|at| at + 1).ok_or_else(|| {
                let message = format!("Error adding item: the previous item with ID '{id}' does not exist.");
                Refusal::new("item_create_invalid_previous_item_id", message).param("previous_item_id")
            }),
        }
    }

    /// What a new item means for the scenario.
    fn advance_script(&mut self, item: &Value) {
        match (item["type"].as_str(), item["role"].as_str()) {
            (Some("function_call_output"), _) => self.script.tool_output(),
            (Some("function_call"), _) if self.script.scenario().continues => {
                self.script.recall_call(item["name"].as_str().unwrap_or_default());
            }
            (Some("message"), Some("assistant")) => {
                let parts = item["content"].as_array().into_iter().flatten();
                let texts: Vec<&str> = parts.filter_map(|part| part["text"].as_str()).collect();
                self.script.answered(&texts.join(" "));
            }
            (Some("message"), Some("user")) => {
                let parts = item["content"].as_array().map(Vec::as_slice).unwrap_or_default();
                let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
                if let Some(image) = parts.iter().rev().find_map(|part| part["image_url"].as_str()) {
                    self.script.saw(images::describe(image), &texts.join(" "));
                } else if !texts.is_empty() {
                    self.script.typed(&texts.join(" "));
                } else if parts.iter().any(|part| part["type"] == "input_audio") {
                    self.script.heard();
                }
            }
            _ => {}
        }
    }

    /// `conversation.item.retrieve`: the one event that carries audio of items.
    pub(super) fn retrieve_item(&mut self, id: &str) -> Result<(), Refusal> {
        let item = self.conversation.get_mut(id).ok_or_else(|| unknown_item("retrieve", id))?;
        let mut value = item.value.clone();
        for (index, sound) in item.audio.iter().enumerate() {
            if let Some(sound) = sound {
                let audio = json!(listening::encode(&sound.samples[..sound.len]));
                part_mut(&mut value, index).insert("audio".into(), audio);
            }
        }
        self.send(events::item_retrieved(&value));
        Ok(())
    }

    /// `conversation.item.delete`.
    pub(super) fn delete_item(&mut self, id: &str) -> Result<(), Refusal> {
        let at = self.conversation.position(id).ok_or_else(|| unknown_item("delete", id))?;
        self.conversation.items.remove(at);
        self.send(events::item_deleted(id));
        Ok(())
    }

    /// `conversation.item.truncate`: assistant audio only, never beyond its end.
    pub(super) fn truncate_item(&mut self, event: &Value) -> Result<(), Refusal> {
        let id = event["item_id"].as_str().unwrap_or_default();
        let index = event["content_index"].as_u64().unwrap_or_default();
        self.truncate(id, index, event["audio_end_ms"].as_u64().unwrap_or_default())
    }

    /// Keeps so much of a spoken part, and says so.
    pub(super) fn truncate(&mut self, id: &str, index: u64, end_ms: u64) -> Result<(), Refusal> {
        let item = self.conversation.get_mut(id).ok_or_else(|| unknown_item("truncate", id))?;
        let spoken = item.value["role"] == "assistant";
        let part = usize::try_from(index).unwrap_or(usize::MAX);
        let sound = item.audio.get_mut(part).and_then(Option::as_mut).filter(|sound| spoken && sound.len > 0);
        let Some(sound) = sound else {
            let message = "Only model output audio messages can be truncated.";
            return Err(Refusal::new("unsupported_content_type", message).param("item_id"));
        };
        let length_ms = sound.len as u64 / 24;
        if end_ms > length_ms {
            let message = format!("Audio content of {length_ms}ms is already shorter than {end_ms}ms");
            return Err(Refusal::value("audio_end_ms", message));
        }
        sound.len = end_ms as usize * 24;
        item.truncated = true;
        part_mut(&mut item.value, part).remove("transcript");
        self.send(events::item_truncated(id, index, end_ms));
        Ok(())
    }
}

/// A spoken part of an assistant item; an item under way gets its part here.
fn part_mut(item: &mut Value, index: usize) -> &mut Map<String, Value> {
    if !item["content"].get(index).is_some_and(Value::is_object) {
        item["content"] = json!(vec![json!({"type": "output_audio"}); index + 1]);
    }
    item["content"][index].as_object_mut().expect("just made an object")
}

fn unknown_item(verb: &'static str, id: &str) -> Refusal {
    let code = match verb {
        "retrieve" => "item_retrieve_invalid_item_id",
        "delete" => "item_delete_invalid_item_id",
        _ => "item_truncate_invalid_item_id",
    };
    let id: String = id.chars().take(64).collect();
    Refusal::new(code, format!("Cannot {verb} item: the item with ID '{id}' does not exist.")).param("item_id")
}

/// Moves the audio of an item's parts out of its JSON.
fn take_audio(item: &mut Value) -> Result<Vec<Option<Sound>>, Refusal> {
    let Some(parts) = item.get_mut("content").and_then(Value::as_array_mut) else { return Ok(Vec::new()) };
    let mut audio = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter_mut().filter_map(Value::as_object_mut).enumerate() {
        let Some(Value::String(text)) = part.remove("audio") else {
            audio.push(None);
            continue;
        };
        let samples = listening::decode(&text, &format!("item.content[{i}].audio"))?;
        part.entry("transcript").or_insert(Value::Null);
        audio.push(Some(Sound { len: samples.len(), samples: samples.into() }));
    }
    Ok(audio)
}
