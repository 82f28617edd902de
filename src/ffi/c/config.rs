//! The configuration object.

use super::{
    guard::{guard, quiet, required},
    handle::Registry,
    result::duologue_result,
    text,
};
use crate::{
    config::Config,
    error::{Error, ErrorClass},
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    ffi::{c_char, c_int},
    sync::Arc,
};

/// What a session shall be: one document, made from JSON and adjusted with duologue_config_set_...().
/// Once a client was made from it it cannot change any more, and any number of clients may share it.
/// Credentials are never part of it.
pub struct duologue_config {
    _private: [u8; 0],
}

/// A configuration, and whether it may still change.
pub(super) enum Held {
    Open(Box<Config>),
    Used(Arc<Config>),
}

impl Held {
    fn config(&self) -> &Config {
        match self {
            Self::Open(config) => config,
            Self::Used(config) => config,
        }
    }
}

pub(super) static CONFIGS: Registry<Mutex<Held>> = Registry::new("config");

/// The configuration for a client; from now on it stays as it is.
pub(super) fn used(config: *const duologue_config) -> Result<Arc<Config>, Error> {
    if config.is_null() {
        return Ok(Arc::default());
    }
    let held = CONFIGS.get(config)?;
    let mut held = held.lock();
    match &*held {
        Held::Used(config) => Ok(config.clone()),
        Held::Open(config) => {
            // One that is wrong may still be put right.
            config.validate()?;
            let config = Arc::new(Config::clone(config));
            *held = Held::Used(config.clone());
            Ok(config)
        }
    }
}

/// Makes a configuration.
///
/// @param json the document, or NULL for the defaults; unknown keys are errors (duologue_config_schema()
///             has the keys)
/// @param[out] out_config receives the configuration; free it with duologue_config_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_UTF8,
///         DUOLOGUE_ERROR_INVALID_JSON, DUOLOGUE_ERROR_INVALID_CONFIG (the last error names the path, the
///         cause and the fix), DUOLOGUE_ERROR_UNSUPPORTED (for example an unknown provider)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_create(
    json: *const c_char,
    out_config: *mut *mut duologue_config,
) -> duologue_result {
    guard(|| {
        let out = required("out_config", out_config)?;
        // SAFETY: the caller's promise.
        let json = unsafe { text::optional("json", json) }?;
        let config = json.as_deref().map_or_else(|| Ok(Config::default()), Config::from_json)?;
        let handle = CONFIGS.insert(Arc::new(Mutex::new(Held::Open(Box::new(config)))));
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(handle) };
        Ok(())
    })
}

/// Makes a configuration from another one, for example for one client of a document that many share: a copy that
/// may change again, with some fields replaced.
///
/// @param config the other one, which stays as it is; NULL for the defaults
/// @param overrides a JSON object, or NULL for none: a merge patch (RFC 7396), so objects are merged, everything
///                  else, lists too, is replaced, and null gives a default back, for example {"voice": null,
///                  "labels": {"caller": "Ada"}}. Only {"transcription": null} switches transcription off, as in a
///                  document
/// @param[out] out_config receives the configuration; free it with duologue_config_free()
/// @return as duologue_config_create(), and DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_copy(
    config: *const duologue_config,
    overrides: *const c_char,
    out_config: *mut *mut duologue_config,
) -> duologue_result {
    guard(|| {
        let out = required("out_config", out_config)?;
        let base = match config.is_null() {
            true => Config::default(),
            false => CONFIGS.get(config)?.lock().config().clone(),
        };
        let copy = match overrides.is_null() {
            true => base,
            // SAFETY: the caller's promise.
            false => base.with(unsafe { text::json("overrides", overrides) }?)?,
        };
        let handle = CONFIGS.insert(Arc::new(Mutex::new(Held::Open(Box::new(copy)))));
        // SAFETY: not NULL, valid by the caller's promise.
        unsafe { out.write(handle) };
        Ok(())
    })
}

/// Frees a configuration. Clients made from it keep it.
///
/// @param config the configuration, or NULL; one that was freed already is ignored
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub extern "C" fn duologue_config_free(config: *mut duologue_config) {
    quiet(|| drop(CONFIGS.remove(config)));
}

/// Sets one field.
unsafe fn set(
    config: *mut duologue_config,
    path: *const c_char,
    value: impl FnOnce() -> Result<Value, Error>,
) -> duologue_result {
    guard(|| {
        let held = CONFIGS.get(config)?;
        // SAFETY: the caller's promise.
        let path = unsafe { text::required("path", path) }?;
        let value = value()?;
        match &mut *held.lock() {
            Held::Open(config) => config.set(&path, value),
            Held::Used(_) => {
                Err(Error::new(ErrorClass::State, "invalid_state", "a client was made from this configuration")
                    .field("config")
                    .fix("set every field first, or make another configuration"))
            }
        }
    })
}

/// Sets a text, for example `instructions` or `base_url`. Nothing has to be quoted. Types and names are
/// checked at once; combinations of fields when a client is made.
///
/// @param config a configuration no client was made from yet
/// @param path a path like `voice`, `audio.input.source` or `tools[0].name`
/// @param value the text
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
///         DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_CONFIG (the last error names the path),
///         DUOLOGUE_ERROR_INVALID_STATE (a client was made from it)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_set_string(
    config: *mut duologue_config,
    path: *const c_char,
    value: *const c_char,
) -> duologue_result {
    // SAFETY: the caller's promise about both texts.
    unsafe { set(config, path, || text::required("value", value).map(Value::from)) }
}

/// Sets a whole number, for example `audio.input.rate`.
///
/// @param config a configuration no client was made from yet
/// @param path as in duologue_config_set_string()
/// @param value the number
/// @return as duologue_config_set_string()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_set_int(
    config: *mut duologue_config,
    path: *const c_char,
    value: i64,
) -> duologue_result {
    // SAFETY: the caller's promise about the path.
    unsafe { set(config, path, || Ok(value.into())) }
}

/// Sets a number, for example `turn_detection.threshold`.
///
/// @param config a configuration no client was made from yet
/// @param path as in duologue_config_set_string()
/// @param value the number, finite
/// @return as duologue_config_set_string(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (not a finite number)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_set_double(
    config: *mut duologue_config,
    path: *const c_char,
    value: f64,
) -> duologue_result {
    let number = || {
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| {
            Error::new(ErrorClass::Argument, "invalid_argument", format!("{value} is no finite number")).field("value")
        })
    };
    // SAFETY: the caller's promise about the path.
    unsafe { set(config, path, number) }
}

/// Sets a truth value, for example `auto_capture`.
///
/// @param config a configuration no client was made from yet
/// @param path as in duologue_config_set_string()
/// @param value 0 or 1
/// @return as duologue_config_set_string(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (neither 0 nor 1)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_set_bool(
    config: *mut duologue_config,
    path: *const c_char,
    value: c_int,
) -> duologue_result {
    // SAFETY: the caller's promise about the path.
    unsafe { set(config, path, || truth("value", value).map(Value::from)) }
}

/// Sets any field, for example `tools[0]`, to a JSON value. `null` takes it back to nothing.
///
/// @param config a configuration no client was made from yet
/// @param path as in duologue_config_set_string()
/// @param json the value
/// @return as duologue_config_set_string(), and DUOLOGUE_ERROR_INVALID_JSON
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_set_json(
    config: *mut duologue_config,
    path: *const c_char,
    json: *const c_char,
) -> duologue_result {
    let value = || {
        // SAFETY: the caller's promise.
        let value = unsafe { text::json("json", json) };
        value.map_err(|error| match error.code.as_ref() {
            "invalid_json" => error.fix("for plain text use duologue_config_set_string"),
            _ => error,
        })
    };
    // SAFETY: the caller's promise about the path.
    unsafe { set(config, path, value) }
}

/// The whole document, defaults included.
///
/// @param config the configuration
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_to_json(
    config: *const duologue_config,
    out_json: *mut *mut c_char,
) -> duologue_result {
    guard(|| {
        let held = CONFIGS.get(config)?;
        // Copied: writing it out may take its time.
        let config = held.lock().config().clone();
        // SAFETY: the caller's promise.
        unsafe { text::give_json(&config, out_json) }
    })
}

/// Checks a document without making a configuration.
///
/// @param json the document
/// @return as duologue_config_create()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_validate(json: *const c_char) -> duologue_result {
    guard(|| {
        // SAFETY: the caller's promise.
        let json = unsafe { text::required("json", json) }?;
        Config::from_json(&json).map(drop)
    })
}

/// The JSON Schema of the document.
///
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_config_schema(out_json: *mut *mut c_char) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| unsafe { text::give_json(&Config::schema(), out_json) })
}

/// What is known of providers, models and voices without asking anybody: a JSON object with the list
/// `providers`, each with its defaults, `models` (until when they live, what follows them),
/// `transcription_models` and `voices`.
///
/// @param[out] out_json receives the text; free it with duologue_string_free()
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_catalogue(out_json: *mut *mut c_char) -> duologue_result {
    // SAFETY: the caller's promise.
    guard(|| unsafe { text::give_json(&crate::provider::catalogue(), out_json) })
}

/// A C truth value; anything but 0 and 1 is refused, as it is probably something else.
pub(super) fn truth(name: &str, value: c_int) -> Result<bool, Error> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::new(ErrorClass::Argument, "invalid_argument", format!("is {value}"))
            .field(name)
            .fix("give 0 or 1")),
    }
}
