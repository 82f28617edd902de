//! A text to a configuration, to what is dialled and to what the vendor is asked for. Up to the first zero byte it
//! is the document; behind it stand changes, one a line: `path=value`, or a merge patch.

use duologue::{
    Config, Error,
    provider::{codec_for, settle},
};
use serde_json::{Map, Value};
use std::sync::Arc;

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (document, changes) = text.split_once('\0').unwrap_or((&text, ""));
    let mut config = match Config::from_json(document) {
        Ok(config) => config,
        Err(error) => {
            // What is no object has no place in it to name, and a key without a name has none either.
            let named = serde_json::from_str::<Map<String, Value>>(document);
            if named.is_ok_and(|fields| !fields.contains_key("")) {
                names_a_place(&error);
            }
            return;
        }
    };
    used(&config);
    for change in changes.lines().take(16) {
        match change.split_once('=') {
            Some((path, value)) => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                let before = config.clone();
                if let Err(error) = config.set(path, value) {
                    says_why(&error);
                    assert_eq!(config, before, "a change that was refused changes nothing");
                }
            }
            None => {
                let Ok(patch) = serde_json::from_str::<Value>(change) else { continue };
                for result in [config.with(patch.clone()), config.check_update(&patch)] {
                    match result {
                        Ok(changed) => used(&changed),
                        Err(error) => says_why(&error),
                    }
                }
            }
        }
    }
}

/// A configuration that was found to be good.
fn used(config: &Config) {
    let text = serde_json::to_string(config).expect("a configuration is JSON");
    match Config::from_json(&text) {
        Ok(again) => assert_eq!(again, *config, "it is written as it is read"),
        Err(error) => panic!("{text} was good: {error:?}"),
    }
    let settled = match settle(Arc::new(config.clone())) {
        Ok((settled, warnings)) => {
            warnings.iter().for_each(says_why);
            settled
        }
        Err(error) => return names_a_place(&error),
    };
    let mut codec = match codec_for(&settled) {
        Ok(codec) => codec,
        Err(error) => return names_a_place(&error),
    };
    let wish = codec.wish();
    assert!(wish.is_object(), "{wish}");
    let url = &codec.dial().url;
    assert!(url.starts_with("ws://") || url.starts_with("wss://"), "{url}");
    let same = codec.update(&settled, &settled).expect("nothing changes");
    assert!(same.as_object().is_none_or(|o| o.keys().all(|key| key == "type")), "nothing changed: {same}");
    if let Err(error) = codec.update(&Config::default(), &settled) {
        says_why(&error);
    }
    codec.configure(&settled).expect("it was good");
    assert_eq!(codec.wish(), wish);
}

fn names_a_place(error: &Error) {
    says_why(error);
    assert!(error.field.as_ref().is_some_and(|f| !f.is_empty()), "no place: {error:?}");
}

fn says_why(error: &Error) {
    assert!(!error.message.is_empty() && !error.code.is_empty(), "{error:?}");
    assert!(error.message.len() < 4096, "an error is no copy of the document: {} bytes", error.message.len());
}
