//! The closing table: how long each turn took.

use duologue::event::{Event, EventKind, Latency};

/// Gathers latencies.
#[derive(Debug, Default)]
pub struct Table {
    turns: Vec<(u64, Latency)>,
}

impl Table {
    /// Takes the latencies among the events.
    pub fn observe(&mut self, event: &Event) {
        if let EventKind::Latency(latency) = event.kind {
            self.turns.push((event.turn.unwrap_or_default(), latency));
        }
    }

    /// The lines; none when no turn was answered.
    pub fn lines(&self) -> Vec<String> {
        if self.turns.is_empty() {
            return Vec::new();
        }
        let row = |cells: [String; 5]| {
            let [turn, cells @ ..] = cells;
            let cells: String = cells.iter().map(|c| format!("{c:>14}")).collect();
            format!("{turn:<9}{cells}")
        };
        let ms = |ms: u64| format!("{ms} ms");
        let mut lines = vec![row(["latency", "endpointing", "service", "buffer", "total"].map(String::from))];
        for (turn, l) in &self.turns {
            let turn = format!("  turn {turn}");
            lines.push(row([turn, ms(l.endpointing_ms), ms(l.service_ms), ms(l.buffer_ms), ms(l.total_ms)]));
        }
        lines
    }
}
