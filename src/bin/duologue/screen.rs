//! The conversation for a person: a line for everything that is over, and on a terminal the moving
//! lines of [`Live`] below.

use crate::{
    live::Live,
    reconnect::{self, Reconnect},
    table::Table,
    view::Summary,
    words::Words,
};
use duologue::{
    Client,
    event::{Ended, EndedBy, Event, EventKind, Status, ToolCall, TransportChanged},
    message::Role,
};
use std::{
    io::{self, Write},
    time::Instant,
};

const LABEL: usize = 11;

/// See the module.
pub struct Screen {
    title: String,
    live: Option<Live>,
    words: Words,
    table: Table,
    /// Tool calls that stand below words which have not come yet.
    held: Vec<String>,
    /// The service's word on the session was shown.
    titled: bool,
    /// What introduces the conversation, until it is up.
    introduced: Option<String>,
}

impl Screen {
    /// `typing`: the person types into this terminal, so nothing moves there.
    pub fn new(title: &str, typing: bool) -> Self {
        let live = if typing { None } else { Live::new() };
        Self {
            title: title.into(),
            live,
            words: Words::default(),
            table: Table::default(),
            held: Vec::new(),
            titled: false,
            introduced: None,
        }
    }

    /// Shows an event.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        self.table.observe(event);
        for line in self.words.observe(event) {
            if line.role == Role::Assistant {
                self.release()?;
            }
            self.said(line.role, &line.text)?;
        }
        if !self.words.awaits_user() {
            self.release()?;
        }
        match &event.kind {
            EventKind::Mode(mode) => {
                if let Some(live) = &mut self.live {
                    live.mode(*mode);
                }
            }
            EventKind::AudioLevel(level) => {
                if let Some(live) = &mut self.live {
                    live.level(level);
                }
            }
            // Each connection is configured anew; a person wants to know once.
            EventKind::SessionConfigured(session) if !std::mem::replace(&mut self.titled, true) => {
                // Some say it at the top, and agents say nothing of it.
                let (top, nested) = (&session.effective["voice"], &session.effective["audio"]["output"]["voice"]);
                let voice = if top.is_null() { nested } else { top }.as_str();
                let model = session.effective["model"].as_str();
                let said: Vec<_> =
                    model.map(str::to_owned).into_iter().chain(voice.map(|v| format!("voice {v}"))).collect();
                let title = [self.title.clone(), said.join(", ")].join(if said.is_empty() { "" } else { ": " });
                self.introduced = Some(title);
                for d in &session.differences {
                    self.line("note", &format!("the service set {} to {}, not to {}", d.path, d.effective, d.wished))?;
                }
            }
            EventKind::Warning(warning) => self.line("warning", &warning.to_string())?,
            // The last error of all is the program's own last line.
            EventKind::Error(error) if !error.fatal => self.line("error", &error.to_string())?,
            EventKind::SessionReplaced(session) if session.why != "connect" => {
                self.line("note", &reconnect::replaced(session))?;
            }
            EventKind::TransportChanged(change) => self.line("note", &transport(change))?,
            EventKind::Status(status) => self.status(status)?,
            _ => {}
        }
        self.draw();
        Ok(())
    }

    /// On a terminal the way back is a line that counts down, elsewhere a line a step.
    fn status(&mut self, status: &Status) -> io::Result<()> {
        let back = Reconnect::of(status);
        match (&mut self.live, back) {
            (Some(live), back) => live.reconnecting(back),
            (None, Some(back)) => self.line("note", &back.line(Instant::now()))?,
            (None, None) => {}
        }
        if let Status::Idle { ended: Ended { by: EndedBy::Agent, detail, .. } } = status {
            self.line("ended", format!("the service hung up. {detail}").trim())?;
        }
        Ok(())
    }

    /// Shows what is in the sound of this client, where anything moves.
    pub fn watch(&mut self, client: &Client) {
        if let Some(live) = &mut self.live {
            live.watch(client);
        }
    }

    /// Something changes by the clock alone.
    pub fn moves(&self) -> bool {
        self.live.as_ref().is_some_and(Live::moves)
    }

    /// The conversation can begin: it is introduced once.
    pub fn connected(&mut self, call: bool) -> io::Result<()> {
        let Some(title) = self.introduced.take() else { return Ok(()) };
        let by = if call { "a call over WebRTC" } else { "WebSocket" };
        self.line("duologue", &format!("{title}, by {by}"))
    }

    /// A tool was called and answered.
    pub fn tool(&mut self, call: &ToolCall, output: &str) -> io::Result<()> {
        self.held.push(format!("{} {} → {output}", call.name, call.arguments));
        if self.words.awaits_user() { Ok(()) } else { self.release() }
    }

    /// Shows the tool calls that were held back.
    fn release(&mut self) -> io::Result<()> {
        for text in std::mem::take(&mut self.held) {
            self.line("tool", &text)?;
        }
        Ok(())
    }

    /// Everything that is left to say.
    pub fn finish(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        self.release()?;
        for line in self.words.rest() {
            self.said(line.role, &line.text)?;
        }
        if let Some(live) = self.live.take() {
            live.clear();
        }
        let mut out = io::stdout().lock();
        for line in self.table.lines() {
            writeln!(out, "{line}")?;
        }
        if let Some(path) = summary.recording {
            // A recording that cannot be read has been complained about already.
            let seconds = hound::WavReader::open(path)
                .map_or(0.0, |wav| f64::from(wav.duration()) / f64::from(wav.spec().sample_rate.max(1)));
            let path = path.display();
            writeln!(out, "{:<LABEL$}{path} ({seconds:.1} s; left: you, right: assistant)", "recording")?;
        }
        out.flush()
    }

    fn said(&self, role: Role, text: &str) -> io::Result<()> {
        let label = match role {
            Role::User => "you",
            Role::Assistant => "assistant",
            Role::System => "system",
        };
        self.line(label, text)
    }

    /// A labelled line that stays; on a terminal it is wrapped at words.
    pub fn line(&self, label: &str, text: &str) -> io::Result<()> {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let Some(live) = &self.live else {
            let mut out = io::stdout().lock();
            writeln!(out, "{label:<LABEL$}{text}")?;
            return out.flush();
        };
        let color = match label {
            "you" => 36,
            "assistant" => 32,
            "tool" => 35,
            "warning" => 33,
            "error" => 31,
            _ => 2,
        };
        let wrapped = wrap(&text, Live::width().saturating_sub(LABEL + 1)).join(&format!("\n{:LABEL$}", ""));
        live.print(&format!("\x1b[{color}m{label:<LABEL$}\x1b[0m{wrapped}"));
        Ok(())
    }

    /// Draws the moving lines again.
    pub fn draw(&self) {
        if let Some(live) = &self.live {
            live.draw([Role::User, Role::Assistant].map(|role| (role, self.words.latest(role))));
        }
    }
}

/// Another transport than before, or than was tried.
fn transport(change: &TransportChanged) -> String {
    let why = match change.why.as_str() {
        "no_path" => "no path for a call was found",
        "no_calls" => "the service takes no calls",
        _ => "the network is another one",
    };
    format!("{why}: on {} now, not {}", change.to, change.from)
}

/// Lines of at most `width` characters, broken at spaces where there are any.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always one");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
    }
}
