//! The `duologue` program: talks, simulates, serves, mints secrets, lists providers, prints schemas. See `duologue --help`.

mod args;
mod exit;
mod json;
mod live;
mod providers;
mod reconnect;
mod screen;
mod serve;
mod setup;
mod signals;
mod simulate;
mod table;
mod talk;
mod token;
mod tools;
mod typed;
mod view;
mod words;

use args::{Cli, Command, Document};
use clap::Parser;
use exit::Failure;
use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(e) => return end(Err(Failure { code: 1, line: format!("the system gives no threads: {e}") })),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Talk(args) => talk::run(*args).await,
            Command::Simulate(args) => simulate::run(args).await,
            Command::Serve(args) => serve::run(*args).await,
            Command::Token(args) => token::run(*args).await,
            Command::Providers { json } => providers::run(json),
            Command::Schema { document } => schema(document),
        }
    });
    // A name look-up that hangs does not hold the program.
    runtime.shutdown_background();
    end(result)
}

fn end(result: Result<u8, Failure>) -> ExitCode {
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("error: {}", failure.printed());
            failure.code.into()
        }
    }
}

fn schema(document: Document) -> Result<u8, Failure> {
    let schema = match document {
        Document::Config => duologue::Config::schema(),
        Document::Scenario => duologue::simulator::Scenario::schema(),
    };
    // A reader that has seen enough is no failure.
    let _ = writeln!(std::io::stdout(), "{schema:#}");
    Ok(exit::OK)
}
