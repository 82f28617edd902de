//! A person who types: each turn waits until the answer to the one before is over.

use duologue::{
    Client, Result,
    client::Op,
    event::{Event, EventKind},
    message::ResponseId,
};
use std::io::BufRead;
use tokio::sync::mpsc;

/// See the module.
pub struct Typed {
    lines: mpsc::Receiver<String>,
    /// A person types them.
    typing: bool,
    /// The turn whose answer is not over.
    turn: Option<Turn>,
}

struct Turn {
    /// Taken once it has completed.
    sent: Option<Op>,
    /// Responses that called tools: another one follows.
    called: Vec<ResponseId>,
}

/// What a person who types does next.
pub enum Next {
    /// Says this.
    Turn(String),
    /// Leaves.
    End,
    /// Cannot go on: the last turn was refused.
    Failed(duologue::Error),
}

impl Typed {
    /// The turns are known.
    pub fn turns(texts: Vec<String>) -> Self {
        let (sender, lines) = mpsc::channel(texts.len().max(1));
        for text in texts {
            // The channel has room for all.
            let _ = sender.try_send(text);
        }
        Self { lines, typing: false, turn: None }
    }

    /// The turns come from standard input.
    pub fn stdin() -> Self {
        let (sender, lines) = mpsc::channel(1);
        // Reading blocks until the next line, whatever happens meanwhile: the thread is left behind.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(|line| line.ok()) {
                if !line.trim().is_empty() && sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, typing: true, turn: None }
    }

    /// A person types them, maybe into the terminal that shows the conversation.
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// An answer is awaited.
    pub fn waits(&self) -> bool {
        self.turn.is_some()
    }

    /// What comes next. Cancel-safe.
    pub async fn next(&mut self) -> Next {
        match &mut self.turn {
            None => match self.lines.recv().await {
                Some(text) => Next::Turn(text),
                None => Next::End,
            },
            Some(turn) => {
                if let Some(sent) = &mut turn.sent {
                    let outcome: Result<()> = sent.await;
                    turn.sent = None;
                    if let Err(error) = outcome {
                        return Next::Failed(error);
                    }
                }
                std::future::pending().await
            }
        }
    }

    /// Sends a turn.
    pub fn say(&mut self, client: &Client, text: String) {
        self.turn = Some(Turn { sent: Some(client.send_text(text)), called: Vec::new() });
    }

    /// Tells what happened.
    pub fn observe(&mut self, event: &Event) {
        let (Some(turn), Some(response)) = (&mut self.turn, &event.response) else { return };
        match &event.kind {
            EventKind::ToolCall(_) => turn.called.push(response.clone()),
            // The library answers a call that nobody here can, and the model goes on with that.
            EventKind::Warning(w) if matches!(w.code.as_ref(), "tool_refused" | "tool_arguments") => {
                turn.called.push(response.clone());
            }
            // Hardly anything of it was heard: it is asked for again.
            EventKind::TurnDone(end)
                if end.status == "cancelled" && end.reason.as_deref() == Some("connection_lost") => {}
            EventKind::TurnDone(_) if !turn.called.contains(response) => self.turn = None,
            _ => {}
        }
    }
}
