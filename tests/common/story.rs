//! Golden transcripts: a wire script with host actions and everything that must come out of it.
//!
//! One line, one thing, in order. What goes in:
//!
//! ```text
//! config {"voice": "marin"}              first line; the configuration document
//! quiet message mode                     events of these kinds are not compared (from here on)
//! @ 1500                                 it becomes 1500 ms; timers fire
//! host connect                           a command; with fields: host send_text {"text": "hi", ...}
//! carries 65536                          the transport on its way carries sound, and events up to this length
//! sound 200                              200 ms of sound come beside the events; `sound 200 silent` of silence
//! opened                                 the transport is up
//! closed 1000 bye                        and down again; `closed -` without a close code
//! <- response.done {"response": ...}     a server event (an event_id is added)
//! mic 400                                the clock goes on by 400 ms, the microphone gives them in frames of 20
//! speaker 300                            the clock goes on by 300 ms and the speaker plays them
//! flushed                                the flush that was asked for takes effect
//! ```
//!
//! What must come out of it, all of it and in this order:
//!
//! ```text
//! -> response.cancel {"response_id": "R1"}    a client event, exactly these fields; event_id may be left out
//! => interrupted {"item": "A1"}               an event with at least these fields
//! -> input_audio_buffer.append {"audio": "pcm 400"}    all of one `mic` together
//! !! play A1 0 200                            200 ms of item A1, part 0, go to the speaker
//! !! media 20                                 20 ms of the microphone go out beside the events
//! !! flush | !! end | !! dial | !! capture on | !! close 1000
//! ```
//!
//! In values, `"*"` is anything, `"$name"` is anything at first and the same from then on (in what
//! goes in, too), `"pcm 200"` is 200 ms of audio as base64, and a key `"..."` allows more fields in
//! a client event. A line that begins with blanks continues the line before; `#` begins a comment.
//!
//! `STORY=print cargo test --test golden` prints what came out instead of comparing.

use super::{PER_MS, Talk, base64_ms};
use duologue::session::{Command, Output};
use serde_json::{Map, Value};
use std::collections::HashMap;

const MIC_MS: u64 = 20;

/// Plays the story in this file of `tests/golden/`.
pub fn play_file(name: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    play(name, &std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
}

/// Plays a story and compares.
pub fn play(name: &str, text: &str) {
    let lines = join(text);
    let mut lines = lines.iter().peekable();
    let (number, first) = lines.next().expect("a story has lines");
    let config = first.strip_prefix("config ").unwrap_or_else(|| panic!("{name}:{number}: no config"));
    let mut story = Story {
        name,
        talk: Talk::new(parse(name, *number, config)),
        names: HashMap::new(),
        quiet: Vec::new(),
        expected: 0,
        print: std::env::var("STORY").is_ok_and(|v| v == "print"),
    };
    for (number, line) in lines {
        story.line(*number, line);
    }
    story.nothing_left("the end");
    assert!(story.expected > 0 || story.print, "{name}: nothing is expected");
    story.talk.finish();
}

/// Lines with their numbers, continuations joined, comments left out.
fn join(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.trim_start().starts_with('#') || line.is_empty() {
            continue;
        }
        match lines.last_mut() {
            Some((_, last)) if line.starts_with(' ') => {
                last.push(' ');
                last.push_str(line.trim_start());
            }
            _ => lines.push((i + 1, line.to_owned())),
        }
    }
    lines
}

fn parse(name: &str, number: usize, json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{name}:{number}: {e} in {json}"))
}

struct Story<'a> {
    name: &'a str,
    talk: Talk,
    /// What `$name` stands for.
    names: HashMap<String, Value>,
    quiet: Vec<String>,
    expected: usize,
    print: bool,
}

impl Story<'_> {
    fn line(&mut self, number: usize, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let at = format!("{}:{number}: {line}", self.name);
        if matches!(word, "->" | "=>" | "!!") {
            self.expected += 1;
            if self.print {
                self.learn(word, rest, number)
            } else {
                self.expect(word, rest, number, &at)
            }
            return;
        }
        self.nothing_left(&at);
        if self.print {
            println!("{line}");
        }
        let (first, fields) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "quiet" => self.quiet.extend(rest.split(' ').map(str::to_owned)),
            "@" => {
                let then: u64 = rest.parse().expect(&at);
                let now = self.talk.now.as_ms();
                self.talk.pass(then.checked_sub(now).unwrap_or_else(|| panic!("{at}: it is {now} already")));
            }
            "host" => {
                let mut command = self.filled(number, fields);
                command.insert("command".into(), first.into());
                let command: Command = serde_json::from_value(Value::Object(command)).expect(&at);
                self.talk.host(command);
            }
            "carries" => self.talk.carries_media(first.parse().ok()),
            "sound" => self.talk.sound(first.parse().expect(&at), if fields == "silent" { 0 } else { 8000 }),
            "opened" => self.talk.opened(),
            "closed" => self.talk.closed(first.parse().ok(), fields, None),
            "<-" => {
                let fields = Value::Object(self.filled(number, fields));
                self.talk.server(first, fields);
            }
            "mic" => {
                let ms: u64 = rest.parse().expect(&at);
                for _ in 0..ms / MIC_MS {
                    self.talk.pass(MIC_MS);
                    self.talk.microphone(MIC_MS);
                }
                self.talk.join_appends();
            }
            "speaker" => self.talk.plays(rest.parse().expect(&at)),
            "flushed" => self.talk.flushes(),
            _ => panic!("{at}: what is {word}?"),
        }
    }

    /// The next output that counts.
    fn next(&mut self) -> Option<Output> {
        loop {
            let output = self.talk.next_output()?;
            match &output {
                Output::Event(e) if self.quiet.iter().any(|q| q == e.kind.name()) => {}
                _ => return Some(output),
            }
        }
    }

    fn nothing_left(&mut self, at: &str) {
        while let Some(output) = self.next() {
            let shown = show(&output);
            assert!(self.print, "{at}\nbefore it came, and nothing in the story expects it:\n{shown}");
            println!("{shown}");
        }
    }

    fn expect(&mut self, word: &str, rest: &str, number: usize, at: &str) {
        let Some(output) = self.next() else { panic!("{at}\ndid not come") };
        let came = show(&output);
        let wrong = |why: String| -> ! { panic!("{at}\ncame as\n{came}\n{why}") };
        let (first, fields) = rest.split_once(' ').unwrap_or((rest, ""));
        match (word, &output) {
            ("->", Output::Send { text, .. }) => {
                let mut frame: Map<String, Value> = serde_json::from_str(text).expect("a frame is a JSON object");
                let id = frame.remove("event_id");
                let silent = first == "input_audio_buffer.append";
                assert!(
                    silent || id.as_ref().is_some_and(|id| id.as_str().is_some_and(|id| !id.is_empty())),
                    "{at}: event_id"
                );
                let mut expected = self.fields(number, fields);
                expected.insert("type".into(), first.into());
                if let (true, Some(id)) = (expected.contains_key("event_id"), id) {
                    frame.insert("event_id".into(), id);
                }
                if let Err(why) = self.same(&Value::Object(expected), &Value::Object(frame), "", false) {
                    wrong(why);
                }
            }
            ("=>", Output::Event(event)) => {
                if event.kind.name() != first {
                    wrong(format!("{} is not {first}", event.kind.name()));
                }
                let expected = Value::Object(self.fields(number, fields));
                if let Err(why) = self.same(&expected, &serde_json::to_value(event).unwrap(), "", true) {
                    wrong(why);
                }
            }
            ("!!", _) if came == line_of(rest) => {}
            _ => wrong("which is something else".into()),
        }
    }

    /// Printing: shows what came and takes the names from it, if it is what the story says.
    fn learn(&mut self, word: &str, rest: &str, number: usize) {
        let Some(output) = self.next() else { return };
        println!("{}", show(&output));
        if let ("->", Output::Send { text, .. }, Some((_, fields))) = (word, &output, rest.split_once(' ')) {
            let expected = Value::Object(self.fields(number, fields));
            let _ = self.same(&expected, &parse(self.name, number, text), "", true);
        }
    }

    fn fields(&self, number: usize, json: &str) -> Map<String, Value> {
        match parse(self.name, number, if json.is_empty() { "{}" } else { json }) {
            Value::Object(fields) => fields,
            other => panic!("{}:{number}: {other} is no object", self.name),
        }
    }

    /// Fields of something that goes in: names and audio are filled in.
    fn filled(&self, number: usize, json: &str) -> Map<String, Value> {
        let mut value = Value::Object(self.fields(number, json));
        self.fill(&mut value);
        match value {
            Value::Object(fields) => fields,
            _ => unreachable!(),
        }
    }

    fn fill(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(name) = text.strip_prefix('$') {
                    let known = self.names.get(name).cloned();
                    assert!(known.is_some() || self.print, "{}: ${name} is not known", self.name);
                    *value = known.unwrap_or_else(|| name.into());
                } else if let Some(ms) = pcm(text) {
                    *value = base64_ms(ms).into();
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|v| self.fill(v)),
            Value::Object(fields) => fields.values_mut().for_each(|v| self.fill(v)),
            _ => {}
        }
    }

    fn same(&mut self, expected: &Value, came: &Value, path: &str, more: bool) -> Result<(), String> {
        match (expected, came) {
            (Value::String(text), _) if text == "*" => Ok(()),
            (Value::String(text), _) if text.starts_with('$') => {
                let known = self.names.entry(text[1..].to_owned()).or_insert_with(|| came.clone());
                if known == came { Ok(()) } else { Err(format!("{path}: {text} was {known} before")) }
            }
            (Value::String(text), Value::String(base64)) if pcm(text).is_some() => {
                let bytes = base64_simd::STANDARD.decode_to_vec(base64).map_err(|e| format!("{path}: {e}"))?;
                let ms = bytes.len() as u64 / 2 / PER_MS;
                if Some(ms) == pcm(text) { Ok(()) } else { Err(format!("{path}: {ms} ms of audio")) }
            }
            (Value::Object(expected), Value::Object(came)) => {
                let more = more || expected.contains_key("...");
                for (key, value) in expected.iter().filter(|(k, _)| *k != "...") {
                    let there = came.get(key).ok_or_else(|| format!("{path}.{key} is missing"))?;
                    self.same(value, there, &format!("{path}.{key}"), more)?;
                }
                match came.keys().find(|k| !more && !expected.contains_key(*k)) {
                    Some(key) => Err(format!("{path}.{key} is too much")),
                    None => Ok(()),
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                a.iter().zip(b).enumerate().try_for_each(|(i, (a, b))| self.same(a, b, &format!("{path}[{i}]"), more))
            }
            (a, b) if a == b => Ok(()),
            (a, b) => Err(format!("{path}: {b} is not {a}")),
        }
    }
}

fn pcm(text: &str) -> Option<u64> {
    text.strip_prefix("pcm ")?.parse().ok()
}

fn line_of(rest: &str) -> String {
    format!("!! {rest}")
}

/// An output as a line of a story.
fn show(output: &Output) -> String {
    match output {
        Output::Dial { beside: true, .. } => "!! dial beside".into(),
        Output::Dial { .. } => "!! dial".into(),
        Output::Ping { .. } => "!! ping".into(),
        Output::Close { code, .. } => format!("!! close {code}"),
        Output::Send { text, .. } => {
            let mut frame: Map<String, Value> = serde_json::from_str(text).expect("a frame is a JSON object");
            let kind = frame.remove("type").unwrap_or_default();
            frame.remove("event_id");
            if let Some(Value::String(audio)) = frame.get_mut("audio") {
                let bytes = base64_simd::STANDARD.decode_to_vec(&*audio).expect("base64");
                *audio = format!("pcm {}", bytes.len() as u64 / 2 / PER_MS);
            }
            format!("-> {} {}", kind.as_str().unwrap_or_default(), Value::Object(frame))
        }
        Output::Event(event) => {
            let mut fields = serde_json::to_value(event).expect("an event is JSON");
            let kind = fields["type"].take();
            for key in ["type", "seq", "time_ms", "epoch"] {
                fields.as_object_mut().map(|f| f.remove(key));
            }
            format!("=> {} {fields}", kind.as_str().unwrap_or_default())
        }
        Output::Play { item, part, pcm } => format!("!! play {item} {part} {}", pcm.0.len() as u64 / PER_MS),
        Output::AfterMedia { .. } => "!! after media".into(),
        Output::Upload { .. } => "!! upload".into(),
        Output::Media { pcm, .. } => format!("!! media {}", pcm.0.len() as u64 / PER_MS),
        Output::PlayoutItemEnd => "!! end".into(),
        Output::FlushPlayout => "!! flush".into(),
        Output::Capture { on } => format!("!! capture {}", if *on { "on" } else { "off" }),
    }
}

/// A story that must fail, for showing that the harness sees the difference.
pub fn fails(text: &str) -> String {
    let text = text.to_owned();
    let panic = std::panic::catch_unwind(move || play("planted", &text)).expect_err("the story should have failed");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}
