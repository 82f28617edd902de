//! What somebody meant who wrote something else.

use super::Config;
use serde_json::Value;

/// How alike two words must be, 0 to 1.
const ALIKE: f64 = 0.6;

/// Names people bring from vendors' own documents.
const ELSEWHERE: &[(&str, &str)] = &[
    ("auto_playback", "audio.output.source"),
    ("auto_reconnect", "recovery.reconnect"),
    ("input_audio_noise_reduction", "noise_reduction"),
    ("input_audio_transcription", "transcription"),
    ("max_response_output_tokens", "max_output_tokens"),
    ("max_reconnect_attempts", "recovery.max_attempts"),
    ("max_retries", "recovery.max_attempts"),
    ("max_tokens", "max_output_tokens"),
    ("modalities", "output_modality"),
    ("output_modalities", "output_modality"),
    ("reasoning", "reasoning_effort"),
    ("system", "instructions"),
    ("system_prompt", "instructions"),
    ("vad", "turn_detection"),
    ("vad_mode", "turn_detection.mode"),
];

/// Names other documents have for a key beside it, where the most alike is another one.
const BESIDE: &[(&str, &str)] = &[
    ("args_schema", "parameters"),
    ("input_schema", "parameters"),
    ("lang", "language"),
    ("schema", "parameters"),
    ("silence_ms", "silence_duration_ms"),
    ("timeout", "timeout_ms"),
];

/// Names of secrets.
const SECRETS: &[&str] = &["api_key", "apikey", "authorization", "client_secret", "credential", "key", "token"];

/// The fix for a key that is not known where it stands.
pub(super) fn key(given: &str, known: &[String]) -> String {
    let accepted = if known.is_empty() {
        "nothing is accepted here".to_owned()
    } else {
        format!("accepted here: {}", known.join(", "))
    };
    let plain = snake(given);
    let beside = BESIDE.iter().find(|(name, meant)| *name == plain && known.iter().any(|k| k == meant));
    if let Some(meant) = beside.map(|(_, meant)| *meant).or_else(|| nearest(&plain, known).map(String::as_str)) {
        return format!("did you mean \"{meant}\"? Otherwise remove it; {accepted}");
    }
    let renamed = ELSEWHERE.iter().find(|(name, _)| *name == plain).map(|(_, path)| (*path).to_owned());
    if let Some(path) = renamed.or_else(|| path_of(&plain)) {
        return format!("did you mean \"{path}\" of the whole document? Otherwise remove it; {accepted}");
    }
    if SECRETS.contains(&plain.as_str()) {
        return "remove it: a secret is never in the configuration, the credential is given separately".into();
    }
    format!("remove it; {accepted}")
}

/// The fix for a word that is none of those accepted.
pub(crate) fn word(given: Option<&str>, known: &[String]) -> String {
    let quoted: Vec<_> = known.iter().map(|word| format!("\"{word}\"")).collect();
    let accepted = format!("use {}", listed(&quoted));
    match given.and_then(|given| nearest(&snake(given), known)) {
        Some(meant) => format!("did you mean \"{meant}\"? Otherwise {accepted}"),
        None => accepted,
    }
}

fn listed(words: &[String]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

pub(crate) fn nearest<'a>(given: &str, known: &'a [String]) -> Option<&'a String> {
    // A document may have a megabyte for a key.
    if given.len() > 64 {
        return None;
    }
    let likeness = |word: &str| {
        let begins = given.len() >= 4 && word.len() >= 4 && (word.starts_with(given) || given.starts_with(word));
        strsim::normalized_damerau_levenshtein(given, word).max(if begins { ALIKE } else { 0.0 })
    };
    let best = known.iter().map(|word| (likeness(word), word)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, word)| word)
}

/// `maxOutputTokens` and `max-output-tokens` as this document would have it.
fn snake(word: &str) -> String {
    let mut out = String::new();
    let mut small = false;
    for c in word.chars() {
        if c.is_ascii_uppercase() && small {
            out.push('_');
        }
        small = c.is_ascii_lowercase();
        out.push(if c == '-' || c == ' ' { '_' } else { c.to_ascii_lowercase() });
    }
    out
}

/// Where in the document a key of that name belongs.
fn path_of(name: &str) -> Option<String> {
    fn find(object: &Value, name: &str, path: &str) -> Option<String> {
        object.as_object()?.iter().find_map(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if key == name { Some(path) } else { find(value, name, &path) }
        })
    }
    find(&serde_json::to_value(Config::default()).ok()?, name, "")
}
