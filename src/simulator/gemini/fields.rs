//! The fields of client messages, and how the service reads them: JSON as Protocol Buffers map it, so a name may be
//! written in camel or in snake case, `null` is as good as absent, and a name that nobody knows ends the session.

use super::closing::Closing;
use Rule::{Any, Bool, Bytes, Int, List, Map, Number, Object, OneOf, Text};
use serde_json::{Map as Fields, Value, json};

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    Text,
    /// Base64 of either alphabet, with or without padding; read as the standard one.
    Bytes,
    Bool,
    Number,
    /// Also as text: 64 bit integers are written so.
    Int,
    OneOf(&'static [&'static str]),
    Object(&'static [Field]),
    List(&'static Rule),
    /// An object whose keys belong to the user.
    Map,
    /// Taken as it is.
    Any,
}

pub(super) type Field = (&'static str, Rule);

/// The top of every client message: one of these.
pub(super) const MESSAGE: &[Field] = &[
    ("setup", Object(SETUP)),
    ("clientContent", Object(CLIENT_CONTENT)),
    ("realtimeInput", Object(REALTIME_INPUT)),
    ("toolResponse", Object(&[("functionResponses", List(&Object(FUNCTION_RESPONSE)))])),
    ("contextUpdate", Object(&[("systemInstruction", Object(CONTENT)), ("tools", Object(TOOLS))])),
];

pub(super) const SETUP: &[Field] = &[
    ("model", Text),
    ("generationConfig", Object(GENERATION)),
    ("systemInstruction", Object(CONTENT)),
    ("tools", List(&Object(TOOL))),
    ("realtimeInputConfig", Object(REALTIME)),
    ("inputAudioTranscription", Object(TRANSCRIPTION)),
    ("outputAudioTranscription", Object(TRANSCRIPTION)),
    ("sessionResumption", Object(&[("handle", Text), ("transparent", Bool)])),
    (
        "contextWindowCompression",
        Object(&[("triggerTokens", Int), ("slidingWindow", Object(&[("targetTokens", Int)]))]),
    ),
    ("proactivity", Object(&[("proactiveAudio", Bool), ("proactiveVideo", Bool)])),
    ("historyConfig", Object(&[("initialHistoryInClientContent", Bool)])),
    ("explicitVadSignal", Bool),
    ("avatarConfig", Any),
    ("safetySettings", List(&Object(&[("category", Text), ("method", Text), ("threshold", Text)]))),
    ("labels", Map),
];

const TOOLS: &[Field] = &[("tools", List(&Object(TOOL)))];

const GENERATION: &[Field] = &[
    ("responseModalities", List(&OneOf(&["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"]))),
    ("temperature", Number),
    ("topP", Number),
    ("topK", Number),
    ("maxOutputTokens", Int),
    ("seed", Int),
    ("candidateCount", Int),
    ("presencePenalty", Number),
    ("frequencyPenalty", Number),
    (
        "mediaResolution",
        OneOf(&[
            "MEDIA_RESOLUTION_UNSPECIFIED",
            "MEDIA_RESOLUTION_LOW",
            "MEDIA_RESOLUTION_MEDIUM",
            "MEDIA_RESOLUTION_HIGH",
        ]),
    ),
    ("stopSequences", List(&Text)),
    ("speechConfig", Object(SPEECH)),
    (
        "thinkingConfig",
        Object(&[
            ("thinkingLevel", OneOf(&["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"])),
            ("thinkingBudget", Int),
            ("includeThoughts", Bool),
        ]),
    ),
    ("enableAffectiveDialog", Bool),
    ("translationConfig", Object(&[("targetLanguageCode", Text), ("echoTargetLanguage", Bool)])),
];

const SPEECH: &[Field] = &[
    ("languageCode", Text),
    (
        "voiceConfig",
        Object(&[
            ("prebuiltVoiceConfig", Object(&[("voiceName", Text)])),
            ("replicatedVoiceConfig", Map),
            ("voice", Text),
        ]),
    ),
    ("multiSpeakerVoiceConfig", Map),
];

const REALTIME: &[Field] = &[
    (
        "automaticActivityDetection",
        Object(&[
            ("disabled", Bool),
            (
                "startOfSpeechSensitivity",
                OneOf(&["START_SENSITIVITY_UNSPECIFIED", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"]),
            ),
            (
                "endOfSpeechSensitivity",
                OneOf(&["END_SENSITIVITY_UNSPECIFIED", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"]),
            ),
            ("prefixPaddingMs", Int),
            ("silenceDurationMs", Int),
        ]),
    ),
    ("activityHandling", OneOf(&["ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"])),
    (
        "turnCoverage",
        OneOf(&[
            "TURN_COVERAGE_UNSPECIFIED",
            "TURN_INCLUDES_ONLY_ACTIVITY",
            "TURN_INCLUDES_ALL_INPUT",
            "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        ]),
    ),
    ("interimTranscriptTimestampEnabled", Bool),
];

const TRANSCRIPTION: &[Field] = &[
    ("languageCodes", List(&Text)),
    ("customVocabulary", List(&Text)),
    ("wordTimestamp", Bool),
    ("diarization", Bool),
    ("mode", OneOf(&["MODE_UNSPECIFIED", "VERBATIM", "SMART"])),
    ("languageAuto", Map),
    ("languageHints", Map),
    ("adaptationPhrases", List(&Text)),
];

const TOOL: &[Field] = &[
    ("functionDeclarations", List(&Object(FUNCTION))),
    ("googleSearch", Map),
    ("googleSearchRetrieval", Map),
    ("codeExecution", Map),
    ("urlContext", Map),
];

const FUNCTION: &[Field] = &[
    ("name", Text),
    ("description", Text),
    ("parameters", Any),
    ("parametersJsonSchema", Any),
    ("response", Any),
    ("responseJsonSchema", Any),
    ("behavior", OneOf(&["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"])),
];

const BLOB: &[Field] = &[("mimeType", Text), ("data", Bytes), ("displayName", Text)];

const CONTENT: &[Field] = &[("role", Text), ("parts", List(&Object(PART)))];

const PART: &[Field] = &[
    ("text", Text),
    ("inlineData", Object(BLOB)),
    ("functionCall", Object(&[("id", Text), ("name", Text), ("args", Map)])),
    ("functionResponse", Object(FUNCTION_RESPONSE)),
    ("thought", Bool),
    ("thoughtSignature", Text),
];

const FUNCTION_RESPONSE: &[Field] = &[
    ("id", Text),
    ("name", Text),
    ("response", Map),
    ("scheduling", OneOf(&["SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"])),
    ("willContinue", Bool),
    ("parts", List(&Object(&[("inlineData", Object(BLOB)), ("fileData", Map)]))),
];

const CLIENT_CONTENT: &[Field] = &[("turns", List(&Object(CONTENT))), ("turnComplete", Bool)];

const REALTIME_INPUT: &[Field] = &[
    ("audio", Object(BLOB)),
    ("video", Object(BLOB)),
    ("text", Text),
    ("activityStart", Object(&[])),
    ("activityEnd", Object(&[])),
    ("audioStreamEnd", Bool),
    ("mediaChunks", List(&Object(BLOB))),
];

/// `value` with every known field under its name in camel case.
pub(super) fn read(value: &Value, fields: &[Field], path: &str) -> Result<Value, Closing> {
    let Some(given) = value.as_object() else { return Err(bad(path, "an object")) };
    let mut read = Fields::new();
    for (name, value) in given {
        let camel = camel(name);
        let Some((known, rule)) = fields.iter().find(|(known, _)| *known == camel) else {
            let name: String = name.chars().take(40).collect();
            let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
            let text = format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field.");
            return Err(Closing::invalid(text));
        };
        if !value.is_null() {
            let path = if path.is_empty() { snake(known) } else { format!("{path}.{}", snake(known)) };
            read.insert((*known).to_owned(), one(value, *rule, &path)?);
        }
    }
    Ok(Value::Object(read))
}

fn one(value: &Value, rule: Rule, path: &str) -> Result<Value, Closing> {
    let good = |fits: bool, what: &str| if fits { Ok(value.clone()) } else { Err(bad(path, what)) };
    match rule {
        Text => good(value.is_string(), "a string"),
        Bytes => match value.as_str().and_then(standard) {
            Some(data) => Ok(Value::String(data)),
            None => Err(Closing::invalid(format!("Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed."))),
        },
        Bool => good(value.is_boolean(), "a bool"),
        Number => good(value.is_number(), "a number"),
        Int => match value.as_i64().or_else(|| value.as_str()?.parse().ok()) {
            Some(number) => Ok(json!(number)),
            None => Err(bad(path, "an integer")),
        },
        OneOf(words) => good(value.as_str().is_some_and(|word| words.contains(&word)), "a value of the enum"),
        Object(fields) => read(value, fields, path),
        Map => good(value.is_object(), "an object"),
        Any => Ok(value.clone()),
        List(rule) => {
            let list = value.as_array().ok_or_else(|| bad(path, "a list"))?;
            let read = list.iter().enumerate().map(|(i, value)| one(value, *rule, &format!("{path}[{i}]")));
            Ok(Value::Array(read.collect::<Result<_, _>>()?))
        }
    }
}

fn standard(data: &str) -> Option<String> {
    let mut data = data.trim_end_matches('=').replace('-', "+").replace('_', "/");
    while !data.len().is_multiple_of(4) {
        data.push('=');
    }
    base64_simd::STANDARD.check(data.as_bytes()).ok().map(|()| data)
}

fn bad(path: &str, what: &str) -> Closing {
    let path = if path.is_empty() { "message" } else { path };
    Closing::invalid(format!("Invalid value at '{path}': expected {what}."))
}

/// `snake_case` as `camelCase`; what is in camel case stays as it is.
pub(super) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut up = false;
    for letter in name.chars() {
        match letter {
            '_' => up = true,
            letter if std::mem::take(&mut up) => camel.push(letter.to_ascii_uppercase()),
            letter => camel.push(letter),
        }
    }
    camel
}

/// As the service names fields in what it refuses.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
