//! `duologue token`.

use crate::{
    args::TokenArgs,
    exit::{self, Failure},
    setup,
};
use duologue::{
    Config, Credential, Error,
    mint::{Binding, MintOptions, Minted, mint},
};
use serde_json::json;
use std::io::Write;

/// Prints a secret on standard output and nothing else there.
pub async fn run(args: TokenArgs) -> Result<u8, Failure> {
    let config = config(&args)?;
    if config.provider == "xai" && args.model.is_some() {
        let line = "--model: secrets of xai are for any model; let the client name it".to_owned();
        return Err(Failure { code: 2, line });
    }
    let options = MintOptions {
        ttl_s: args.ttl,
        session_ttl_s: args.session_ttl,
        uses: args.uses,
        binding: if args.free { Binding::Free } else { Binding::Session },
    };
    config.validate()?;
    let key = Credential::new(setup::key(args.api_key, &config.provider, None)?)?;
    let minted = mint(&config, &key, &options).await.map_err(named)?;
    for warning in &minted.warnings {
        eprintln!("warning: {warning}");
    }
    let text = if args.json { document(&config, &minted) } else { minted.credential.expose().to_owned() };
    let mut out = std::io::stdout();
    // A secret that nobody got is no success.
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|e| {
        let line = format!("standard output cannot be written: {e}; the secret is lost, mint another one");
        Failure { code: 6, line }
    })?;
    Ok(exit::OK)
}

fn document(config: &Config, minted: &Minted) -> String {
    let mut document = json!({
        "provider": config.provider,
        "value": minted.credential.expose(),
        "expires_at": minted.expires_at,
        "session": minted.bound,
    });
    if let Some(end) = minted.sessions_end_at {
        document["sessions_end_at"] = end.into();
    }
    if let Some(model) = minted.credential.model() {
        document["model"] = model.into();
    }
    document.to_string()
}

/// What is wrong with an option is told by the option's name.
fn named(mut error: Error) -> Error {
    let option = match error.field.as_deref() {
        Some("ttl_s") => "--ttl",
        Some("session_ttl_s") => "--session-ttl",
        Some("uses") => "--uses",
        Some("binding") => "--free",
        _ => return error,
    };
    if option == "--free" {
        error = error.fix("let the client configure the session, and mint with --free");
    }
    error.field(option)
}

/// The document, and the options that override it.
fn config(args: &TokenArgs) -> Result<Config, Failure> {
    let mut config = setup::document(args.config.as_deref(), None)?;
    if let Some(provider) = &args.provider {
        config.provider.clone_from(provider);
    }
    setup::set(&mut config.base_url, args.base_url.as_ref());
    setup::set(&mut config.model, args.model.as_ref());
    setup::set(&mut config.voice, args.voice.as_ref());
    setup::set(&mut config.instructions, args.instructions.as_ref());
    setup::service(&mut config, |name| std::env::var(name).ok());
    setup::trust(&mut config, args.ca.as_deref())?;
    Ok(config)
}
