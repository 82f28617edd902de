//! What is shown: events as JSON, or a screen for a person.

use crate::{json, screen::Screen};
use duologue::{
    Client,
    event::{Event, ToolCall},
};
use std::{io, path::Path};

/// What there is to say at the end.
pub struct Summary<'a> {
    /// Where the recording is.
    pub recording: Option<&'a Path>,
}

enum Kind {
    Json,
    Screen(Box<Screen>),
}

/// See the module. Once standard output is closed it shows nothing and says so.
pub struct View {
    kind: Kind,
    closed: bool,
}

impl View {
    /// One JSON event per line.
    pub fn json() -> Self {
        Self { kind: Kind::Json, closed: false }
    }

    /// `typing`: the person types into this terminal, so nothing moves there.
    pub fn screen(title: &str, typing: bool) -> Self {
        Self { kind: Kind::Screen(Box::new(Screen::new(title, typing))), closed: false }
    }

    /// Shows what is in the sound of this client too, where anything moves.
    pub fn watch(&mut self, client: &Client) {
        if let Kind::Screen(screen) = &mut self.kind {
            screen.watch(client);
        }
    }

    /// Nobody reads standard output any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Shows an event.
    pub fn event(&mut self, event: &Event) {
        self.show(|kind| match kind {
            Kind::Json => json::print(event),
            Kind::Screen(screen) => screen.event(event),
        });
    }

    /// Something on the screen changes by the clock alone.
    pub fn moves(&self) -> bool {
        matches!(&self.kind, Kind::Screen(screen) if screen.moves())
    }

    /// Time has passed.
    pub fn tick(&mut self) {
        self.on_screen(|screen| {
            screen.draw();
            Ok(())
        });
    }

    /// The conversation can begin. `call`: sound travels beside the events.
    pub fn connected(&mut self, call: bool) {
        self.on_screen(|screen| screen.connected(call));
    }

    /// A tool was called and answered.
    pub fn tool(&mut self, call: &ToolCall, output: &str) {
        self.on_screen(|screen| screen.tool(call, output));
    }

    /// The conversation is over.
    pub fn finish(&mut self, summary: &Summary<'_>) {
        self.on_screen(|screen| screen.finish(summary));
    }

    fn on_screen(&mut self, print: impl FnOnce(&mut Screen) -> io::Result<()>) {
        self.show(|kind| match kind {
            Kind::Json => Ok(()),
            Kind::Screen(screen) => print(screen),
        });
    }

    fn show(&mut self, print: impl FnOnce(&mut Kind) -> io::Result<()>) {
        self.closed = self.closed || print(&mut self.kind).is_err();
    }
}
