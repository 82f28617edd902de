//! `duologue serve`.

use crate::{
    args::ServeArgs,
    exit::{self, Failure},
    setup,
    signals::Signals,
    simulate::{dialect, scenario},
    tools,
};
use duologue::{
    Config, Credential, Error,
    server::{Server, ServerBuilder},
    simulator::Simulator,
};
use std::{io::Write, path::Path, time::Duration};

/// Serves until it is told to end.
pub async fn run(args: ServeArgs) -> Result<u8, Failure> {
    let mut signals = Signals::listen()?;
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(args.log).with_target(false);
    log.with_ansi(console::colors_enabled_stderr()).init();
    let mut config = config(&args)?;
    let tokens = match (&args.token_file, args.auth_token.clone()) {
        (Some(path), _) => Some(tokens(path)?),
        (None, token) => token.map(|token| vec![token]),
    };
    let (key, simulator) = if args.simulate {
        let (scenario, played) = (scenario(args.scenario.as_deref())?, dialect(&config.provider)?);
        let simulator = Simulator::builder().scenario(scenario).dialect(played).start().await?;
        config.base_url = Some(simulator.url_of(&config.provider));
        if config.tools.is_empty() && config.provider == "openai" {
            // The bundled scenario asks for it, and the page has it.
            config.tools.push(tools::weather());
        }
        ("sk-simulated".to_owned(), Some(simulator))
    } else {
        (setup::key(args.api_key.clone(), &config.provider, Some("duologue serve"))?, None)
    };
    let listen = args.listen;
    let mut server = server(args, config).key(Credential::new(key)?);
    if let Some(tokens) = tokens {
        server = server.tokens(tokens.into_iter().map(Into::into));
    }
    let serving = server.build().map_err(named)?.serve(listen).await.map_err(named)?;
    let mut out = std::io::stdout();
    // Whoever does not read the line knows the address anyway.
    let _ = writeln!(out, "listening {}", serving.url()).and_then(|()| out.flush());
    signals.next().await;
    let end = async {
        serving.shutdown().await;
        if let Some(simulator) = simulator {
            simulator.shutdown().await;
        }
    };
    tokio::select! {
        () = end => {}
        () = signals.next() => {}
    }
    Ok(exit::OK)
}

/// What is wrong with an option is told by the option's name.
fn named(mut error: Error) -> Error {
    const OPTIONS: [(&str, &str); 10] = [
        ("origins", "--origin"),
        ("tokens", "--auth-token, --token-file"),
        ("authenticate", "--auth-token, --token-file"),
        ("client_ip_header", "--client-ip-header"),
        ("client_secrets", "--client-secrets"),
        ("page", "--page"),
        ("calls_per_user", "--calls-per-user"),
        ("per_minute.user", "--per-user"),
        ("per_minute.address", "--per-address"),
        ("listen", "--listen"),
    ];
    let field = error.field.as_deref().unwrap_or_default();
    if let Some((_, option)) = OPTIONS.iter().find(|(name, _)| *name == field) {
        error.field = Some((*option).into());
    }
    error
}

fn server(args: ServeArgs, config: Config) -> ServerBuilder {
    let mut server = Server::builder()
        .session(config)
        .models(args.model)
        .voices(args.voice)
        .caller_instructions(args.caller_instructions)
        .origins(args.origin)
        .per_minute(args.per_user, args.per_address)
        .behind_tls(args.behind_tls)
        .page(args.page);
    if let Some(seconds) = args.client_secrets {
        server = server.client_secrets(Duration::from_secs(seconds));
    }
    if let Some(most) = args.calls_per_user {
        server = server.calls_per_user(most);
    }
    if let Some(name) = args.client_ip_header {
        server = server.client_ip_header(name);
    }
    server
}

/// The document, and the options that override it.
fn config(args: &ServeArgs) -> Result<Config, Failure> {
    let mut config = setup::document(args.config.as_deref(), None)?;
    if let Some(provider) = &args.provider {
        config.provider.clone_from(provider);
    }
    setup::set(&mut config.base_url, args.base_url.as_ref());
    setup::set(&mut config.model, args.model.first());
    setup::set(&mut config.voice, args.voice.first());
    setup::set(&mut config.instructions, args.instructions.as_ref());
    if !args.simulate {
        setup::service(&mut config, |name| std::env::var(name).ok());
    }
    setup::trust(&mut config, args.ca.as_deref())?;
    Ok(config)
}

/// One a line; empty lines are none.
fn tokens(path: &Path) -> Result<Vec<String>, Failure> {
    let read = std::fs::read_to_string(path);
    let text = read.map_err(|e| Failure::file(path, e, "name a file with one token a line"))?;
    let tokens: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect();
    if tokens.is_empty() {
        return Err(Failure::file(path, "there is no token in it", "write one a line"));
    }
    Ok(tokens)
}
