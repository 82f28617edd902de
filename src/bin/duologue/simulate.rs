//! `duologue simulate`.

use crate::{
    args::SimulateArgs,
    exit::{self, Failure},
    signals::Signals,
};
use duologue::simulator::{Dialect, Scenario, Simulator};
use std::{io::Write, path::Path, time::Duration};
use tokio::sync::oneshot;

/// Serves until it is told to end.
pub async fn run(args: SimulateArgs) -> Result<u8, Failure> {
    let mut signals = Signals::listen()?;
    let scenario = scenario(args.scenario.as_deref())?;
    let simulator = Simulator::builder()
        .listen(args.listen)
        .scenario(scenario)
        .dialect(dialect(&args.provider)?)
        .any_model(args.any_model)
        .tls(args.tls)
        .start()
        .await?;
    if let (Some(path), Some(pem)) = (&args.ca_out, simulator.ca_pem()) {
        let refused = |e| Failure::file(path, e, "give a path in a directory that exists and can be written");
        std::fs::write(path, pem).map_err(refused)?;
    }
    let url = match args.provider.as_str() {
        "elevenlabs" => simulator.conversation_url(),
        "gemini" => simulator.gemini_url(),
        _ => simulator.ws_url(),
    };
    let mut out = std::io::stdout();
    // Whoever does not read the line knows the address anyway.
    let _ = writeln!(out, "listening {url}").and_then(|()| out.flush());
    let time_up = async {
        match args.for_seconds {
            Some(s) => tokio::time::sleep(Duration::from_secs(s)).await,
            None => std::future::pending().await,
        }
    };
    let stdin_over = stdin_over(args.until_stdin_closes);
    tokio::select! {
        () = time_up => {}
        () = stdin_over => {}
        () = signals.next() => {}
    }
    tokio::select! {
        () = simulator.shutdown() => {}
        () = signals.next() => {}
    }
    Ok(exit::OK)
}

/// Completes when standard input has ended, if that is `wanted`.
async fn stdin_over(wanted: bool) {
    if !wanted {
        return std::future::pending().await;
    }
    let (over, ended) = oneshot::channel();
    // Reading blocks, whatever happens meanwhile: the thread is left behind.
    std::thread::spawn(move || {
        // What is written there is of no interest, and an input that fails has ended as well.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = over.send(());
    });
    let _ = ended.await;
}

/// The vendor that is played.
pub fn dialect(provider: &str) -> Result<Dialect, Failure> {
    Dialect::of(provider).ok_or_else(|| {
        let line = format!("the simulator plays no {provider:?}; use openai, gemini, xai, azure or elevenlabs");
        Failure { code: 2, line }
    })
}

/// The scenario in a file, or the bundled one.
pub fn scenario(path: Option<&Path>) -> Result<Scenario, Failure> {
    Ok(match path {
        Some(path) => Scenario::from_file(path)?,
        None => Scenario::bundled(),
    })
}
