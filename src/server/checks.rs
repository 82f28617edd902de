//! What is looked at when a server is built, so that none of it goes wrong at a request.

use super::policy::Policy;
use crate::{
    credential::on_this_machine,
    error::{Error, ErrorClass, Result},
    mint::{MintOptions, Minting},
};
use std::ops::RangeInclusive;
use url::Url;

/// That a secret can be asked for, whatever a caller chooses.
pub(super) fn check_secrets(policy: &Policy, options: &MintOptions, caller_instructions: bool) -> Result<()> {
    for choice in policy.choices() {
        let mut session = choice.clone();
        if caller_instructions {
            session.instructions.get_or_insert_default().push('.');
        }
        Minting::new(&session, None, options, 0).map_err(|error| match error.field.as_deref() {
            Some("ttl_s") => wrong("client_secrets", error.message).fix(error.fix.unwrap_or_default()),
            Some("binding") => error.field("client_secrets").fix("leave all but the model to the client"),
            _ => error,
        })?;
    }
    Ok(())
}

pub(super) fn wrong(field: &str, why: impl Into<String>) -> Error {
    Error::new(ErrorClass::Config, "invalid_config", why).field(field)
}

pub(super) fn within<N: PartialOrd + std::fmt::Display + Copy>(
    field: &str,
    number: N,
    range: RangeInclusive<N>,
) -> Result<N> {
    match range.contains(&number) {
        true => Ok(number),
        false => Err(wrong(field, format!("is {number}, and {} to {}", range.start(), range.end()))),
    }
}

/// An origin as browsers write it, and one that nobody between can pretend to be.
pub(super) fn check_origin(origin: &str) -> Result<()> {
    let wrong = |why: &str| {
        let error = wrong("origins", format!("{origin:?} {why}"));
        Err(error.fix("write it like https://app.example or http://localhost:3000, without a path"))
    };
    let Ok(url) = Url::parse(origin) else { return wrong("is no origin") };
    match url.scheme() {
        "https" => {}
        "http" if on_this_machine(&url) => {}
        "http" => return wrong("is not on this machine, so plaintext is refused"),
        _ => return wrong("is no origin of a page"),
    }
    if url.origin().ascii_serialization() == origin { Ok(()) } else { wrong("is not exactly an origin") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exact() {
        for good in ["https://app.example", "https://app.example:8443", "http://localhost:3000", "http://127.0.0.1:1"] {
            check_origin(good).unwrap();
        }
        for bad in [
            "*",
            "null",
            "",
            "app.example",
            "https://app.example/",
            "https://app.example:443",
            "https://App.example",
            "http://app.example",
            "https://user@app.example",
            "file:///tmp",
        ] {
            assert_eq!(check_origin(bad).unwrap_err().field.as_deref(), Some("origins"), "{bad}");
        }
    }
}
