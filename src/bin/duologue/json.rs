//! `--json`: one event per line, the vocabulary of the library as it is.

use duologue::event::{Event, EventKind};
use std::io::{self, Write};

/// Writes an event as a line of JSON. Audio is left out: it would be most of the output.
pub fn print(event: &Event) -> io::Result<()> {
    if matches!(event.kind, EventKind::Audio(_)) {
        return Ok(());
    }
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}
