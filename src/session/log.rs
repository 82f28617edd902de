//! The input log: every session input with its time, one JSON object a line. Replaying it gives the
//! same outputs, so a bug report is a file.
//!
//! The first line is the header: configuration and seed. There is no secret in either: credentials
//! never reach the session.

use super::{Input, Output, Session};
use crate::{
    config::Config,
    error::{Error, ErrorClass, Result},
    provider::codec_for,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::{
    io::{BufRead, Write},
    sync::Arc,
};

/// First line of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Format of the log.
    pub duologue_log: u32,
    /// Configuration of the session.
    pub config: Config,
    /// Seed of its ids.
    pub seed: u32,
}

/// One input of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line<'a> {
    /// When, microseconds.
    pub t: Time,
    /// What.
    #[serde(flatten, borrow)]
    pub input: Input<'a>,
}

/// Writes a log.
pub struct LogWriter {
    out: Box<dyn Write + Send>,
}

impl LogWriter {
    /// A log that begins with its header.
    ///
    /// # Errors
    /// Class `host`, when the header cannot be written.
    pub fn new(mut out: Box<dyn Write + Send>, config: &Config, seed: u32) -> Result<Self> {
        let header = Header { duologue_log: 1, config: config.clone(), seed };
        line(&mut out, &header)?;
        Ok(Self { out })
    }

    /// Appends one input.
    ///
    /// # Errors
    /// Class `host`, when it cannot be written.
    pub fn write(&mut self, t: Time, input: &Input<'_>) -> Result<()> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            t: Time,
            #[serde(flatten)]
            input: &'a Input<'a>,
        }
        line(&mut self.out, &Borrowed { t, input })
    }

    /// Pushes what is buffered to the file.
    ///
    /// # Errors
    /// Class `host`.
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|e| broken(&e.to_string()))
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec(value).map_err(|e| broken(&e.to_string()))?;
    text.push(b'\n');
    out.write_all(&text).map_err(|e| broken(&e.to_string()))
}

fn broken(why: &str) -> Error {
    Error::new(ErrorClass::Host, "log_failed", format!("the input log cannot be written: {why}"))
}

/// Runs a log through a fresh session and gives every output with the time of its input.
///
/// # Errors
/// Class `argument`, naming the line that is no input.
pub fn replay(log: impl BufRead, mut each: impl FnMut(Time, Output)) -> Result<()> {
    let wrong = |number: usize, why: String| {
        Error::new(ErrorClass::Argument, "bad_log", format!("line {number}: {why}")).fix("give a log duologue wrote")
    };
    let mut lines = log.lines().enumerate();
    let (_, first) = lines.next().ok_or_else(|| wrong(1, "the log is empty".into()))?;
    let first = first.map_err(|e| wrong(1, e.to_string()))?;
    let header: Header = serde_json::from_str(&first).map_err(|e| wrong(1, e.to_string()))?;
    let mut session = Session::new(Arc::new(header.config.clone()), codec_for(&header.config)?, header.seed);
    for (i, text) in lines {
        let text = text.map_err(|e| wrong(i + 1, e.to_string()))?;
        let line: Line<'_> = serde_json::from_str(&text).map_err(|e| wrong(i + 1, e.to_string()))?;
        session.handle(line.t, line.input);
        while let Some(output) = session.poll() {
            each(line.t, output);
        }
    }
    Ok(())
}
