//! The moving part of the screen: words as they come, the mode, two level meters with their spectra.

use crate::reconnect::Reconnect;
use duologue::{
    Client,
    client::{Analyser, AnalyserOptions},
    event::{Agent, AudioLevel, Direction, Mode, ModeChange},
    message::Role,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Instant;

const BARS: usize = 12;
/// Heights of a bar of the spectrum. The first is silence.
const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LABEL: usize = 11;

/// A few lines at the end of the terminal that are drawn again and again.
pub struct Live {
    bar: ProgressBar,
    since: Instant,
    mode: Option<ModeChange>,
    levels: [f32; 2],
    /// Of the microphone and of what is played, where there is such a thing.
    analysers: [Option<Analyser>; 2],
    back: Option<Reconnect>,
}

impl Live {
    /// `None` where nothing should move: no terminal, a dumb one, or NO_COLOR.
    pub fn new() -> Option<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let target = ProgressDrawTarget::stdout();
        if target.is_hidden() || set("NO_COLOR").is_some() || set("TERM").is_none_or(|t| t == "dumb") {
            return None;
        }
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Some(Self { bar, since: Instant::now(), mode: None, levels: [0.0; 2], analysers: [None, None], back: None })
    }

    /// Shows what is in the sound of this client.
    pub fn watch(&mut self, client: &Client) {
        // There is no sound in a direction that nobody has: nothing to show.
        self.analysers = [Direction::Input, Direction::Output]
            .map(|direction| client.analyser(direction, AnalyserOptions::default()).ok());
    }

    /// Columns of the terminal.
    pub fn width() -> usize {
        console::Term::stdout().size_checked().map_or(80, |(_, columns)| usize::from(columns).max(40))
    }

    /// Who is audible.
    pub fn mode(&mut self, mode: ModeChange) {
        self.mode = Some(mode);
        if mode.agent != Agent::Speaking {
            // The last loudness that was told is from before the end.
            self.levels[1] = 0.0;
        }
    }

    /// How loud it is.
    pub fn level(&mut self, level: &AudioLevel) {
        self.levels[usize::from(level.direction == Direction::Output)] = level.rms;
    }

    /// A connection is being opened again, or no longer.
    pub fn reconnecting(&mut self, back: Option<Reconnect>) {
        self.back = back;
    }

    /// Drawing it again later shows something else.
    pub fn moves(&self) -> bool {
        let sounds = |analyser: &Analyser| analyser.sample_rate().is_some();
        self.back.is_some() || self.analysers.iter().flatten().any(sounds)
    }

    /// The spectra of both directions, while there is a connection.
    fn spectra(&self) -> Option<[String; 2]> {
        let both = self.analysers.each_ref().map(|analyser| {
            let mut bands = [0; BARS];
            analyser.as_ref()?.voice_bands(&mut bands).map(|_| spectrum(&bands))
        });
        both.iter().any(Option::is_some).then(|| both.map(|spectrum| spectrum.unwrap_or_else(|| " ".repeat(BARS))))
    }

    /// A line that stays, above the moving ones.
    pub fn print(&self, line: &str) {
        self.bar.println(line);
    }

    /// Draws the moving lines with the words that are not over.
    pub fn draw(&self, words: [(Role, Option<&str>); 2]) {
        let width = Self::width();
        let mut lines = Vec::new();
        for (role, words) in words {
            if let Some(words) = words {
                let label = if role == Role::User { "you" } else { "assistant" };
                lines.push(format!("{label:<LABEL$}{}", tail(words, width.saturating_sub(LABEL + 1))));
            }
        }
        if let Some(back) = &self.back {
            lines.push(tail(&back.line(Instant::now()), width - 1));
        }
        let mode = match self.mode {
            Some(ModeChange { mode: Mode::Speaking, user_speaking: true, .. }) => "both speak",
            Some(ModeChange { user_speaking: true, .. }) => "you speak",
            Some(ModeChange { mode: Mode::Speaking, .. }) => "speaking",
            Some(ModeChange { mode: Mode::Thinking, .. }) => "thinking",
            Some(ModeChange { mode: Mode::Listening, .. }) => "listening",
            _ => "idle",
        };
        let [you, assistant] = self.levels.map(meter);
        let s = self.since.elapsed().as_secs();
        lines.push(format!("{mode:<LABEL$}you {you}  assistant {assistant}  {}:{:02}", s / 60, s % 60));
        if let Some([you, assistant]) = self.spectra() {
            // Below the levels, column by column.
            lines.push(format!("{:LABEL$}    {you}            {assistant}", ""));
        }
        self.bar.set_message(lines.join("\n"));
    }

    /// Takes the moving lines away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn meter(level: f32) -> String {
    let full = (level.clamp(0.0, 1.0) * BARS as f32).round() as usize;
    (0..BARS).map(|i| if i < full { '■' } else { '·' }).collect()
}

/// Each band as a bar.
fn spectrum(bands: &[u8]) -> String {
    bands.iter().map(|band| HEIGHTS[usize::from(*band) * (HEIGHTS.len() - 1) / 255]).collect()
}

/// The last words that fit.
fn tail(text: &str, width: usize) -> String {
    let text = text.trim().replace(['\n', '\r'], " ");
    let count = text.chars().count();
    if count <= width {
        return text;
    }
    let rest: String = text.chars().skip(count + 1 - width).collect();
    format!("…{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meters_and_tails_fit_their_room() {
        assert_eq!(meter(0.5), "■■■■■■······");
        assert_eq!(spectrum(&[0, 31, 32, 128, 254, 255]), "  ▁▄▇█");
        assert_eq!(tail("one two three", 6), "…three");
        assert_eq!(tail("one", 6), "one");
    }
}
