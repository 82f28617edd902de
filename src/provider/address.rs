//! Base URLs, given in the configuration or with a credential.

use crate::{
    config::Config,
    credential::on_this_machine,
    error::{Error, ErrorClass, Result},
};
use url::Url;

/// What is wrong with a base URL. `like`: one that is right.
pub fn not_a_base(base: &str, like: &str, why: &str) -> Error {
    // A password or a key in the query is no business of an error message.
    let shown = if base.contains('@') { "the URL" } else { base.split('?').next().unwrap_or_default() };
    crate::config::invalid("base_url", format!("{shown:?} {why}")).fix(format!("write it like {like}"))
}

/// A base URL as one of a WebSocket; path and query stay.
///
/// # Errors
/// What is no URL, has another scheme, no host, or a password.
pub fn base_url(base: &str, like: &str) -> Result<Url> {
    let wrong = |why: &str| not_a_base(base, like, why);
    let mut url = Url::parse(base).map_err(|e| wrong(&format!("is not a URL: {e}")))?;
    let scheme = match url.scheme() {
        "https" | "wss" => "wss",
        "http" | "ws" => "ws",
        _ => return Err(wrong("has no scheme duologue can dial")),
    };
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("carries a password").fix("give the credential separately"));
    }
    // `set_scheme` refuses to cross between "special" and other schemes; ws, wss, http, https all are special.
    url.set_scheme(scheme).map_err(|()| wrong("has no scheme duologue can dial"))?;
    Ok(url)
}

/// Where else the service is asked over HTTP, and for which model: `wss://host/v1/realtime?model=m` is
/// `https://host/v1/realtime/calls` for model `m`. No `place` is the URL itself.
///
/// # Errors
/// `invalid_config` for what is no URL.
pub fn beside_sessions(dial: &str, place: &str) -> Result<(Url, Option<String>)> {
    let dial = match dial.split_once("://") {
        Some(("wss", rest)) => format!("https://{rest}"),
        Some(("ws", rest)) => format!("http://{rest}"),
        _ => dial.to_owned(),
    };
    let mut url = Url::parse(&dial).map_err(|e| crate::config::invalid("base_url", format!("not a URL: {e}")))?;
    let model = url.query_pairs().find(|(name, _)| name == "model").map(|(_, model)| model.into_owned());
    // What else is in the query belongs to the endpoint. The model is part of the session.
    let rest: Vec<(String, String)> =
        url.query_pairs().filter(|(name, _)| name != "model").map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
    url.set_query(None);
    if !rest.is_empty() {
        url.query_pairs_mut().extend_pairs(rest);
    }
    url.set_fragment(None);
    if let (Ok(mut path), false) = (url.path_segments_mut(), place.is_empty()) {
        path.pop_if_empty().push(place);
    }
    Ok((url, model))
}

/// The model a credential was minted for is the configured one, where both are said.
///
/// # Errors
/// `model_mismatch` (class `credential`).
pub fn check_model(config: &Config, minted: Option<&str>) -> Result<()> {
    if let (Some(minted), Some(wanted)) = (minted, &config.model)
        && minted != wanted
    {
        let message = format!("the credential was minted for {minted:?}, and the configuration says {wanted:?}");
        return Err(Error::new(ErrorClass::Credential, "model_mismatch", crate::error::redact(&message))
            .field("credential.model")
            .fix("mint it for the configured model, or configure none"));
    }
    Ok(())
}

/// `make` with the base URL a credential brings, if it brings one and others cannot read what is sent there.
///
/// # Errors
/// `bad_endpoint` (class `credential`), which does not repeat it: its query may be secret. And those of `make`.
pub fn at_endpoint<T>(endpoint: Option<&str>, make: impl FnOnce(Option<&str>) -> Result<T>) -> Result<T> {
    if let Some(endpoint) = endpoint {
        check_endpoint(endpoint)?;
    }
    make(endpoint).map_err(|error| match endpoint {
        None => error,
        Some(_) => bad_endpoint("is no base URL of the service", error.fix.as_deref()),
    })
}

/// A secret that brings its own URL must not be led to a place where others can read it.
fn check_endpoint(endpoint: &str) -> Result<()> {
    let Ok(url) = Url::parse(endpoint) else { return Err(bad_endpoint("is not a URL", None)) };
    match url.scheme() {
        "https" | "wss" => Ok(()),
        "http" | "ws" if on_this_machine(&url) => Ok(()),
        _ => Err(bad_endpoint("is neither https nor wss", None)),
    }
}

fn bad_endpoint(why: &str, fix: Option<&str>) -> Error {
    Error::new(ErrorClass::Credential, "bad_endpoint", format!("the credential's endpoint {why}"))
        .field("credential.endpoint")
        .fix(fix.unwrap_or("give a base URL that begins with https or wss"))
}
