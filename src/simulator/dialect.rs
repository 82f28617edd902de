//! Whose form of the protocol is spoken.

/// A vendor the simulator plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// OpenAI's own.
    #[default]
    OpenAi,
    /// xAI: another session object, cumulative transcripts, commits that are answered at once, over WebSocket only.
    Xai,
    /// OpenAI's at Azure's path, with the key in a header of its own and deployments for models.
    Azure,
}

impl Dialect {
    /// The dialect of a provider by its name in the configuration.
    pub fn of(provider: &str) -> Option<Self> {
        match provider {
            // Gemini Live and ElevenLabs have paths of their own and are served beside OpenAI's.
            "openai" | "compatible" | "gemini" | "elevenlabs" => Some(Self::OpenAi),
            "xai" => Some(Self::Xai),
            "azure" => Some(Self::Azure),
            _ => None,
        }
    }

    /// What the path of every request begins with, before `/v1`.
    pub(super) fn prefix(self) -> &'static str {
        if self == Self::Azure { "/openai" } else { "" }
    }

    /// The path of a request without what all begin with; others are served nowhere.
    pub(super) fn path(self, path: &str) -> &str {
        let path = path.trim_end_matches('/');
        let Some(path) = path.strip_prefix(self.prefix()) else { return "/elsewhere" };
        let has = self != Self::Xai || matches!(path, "/v1/realtime" | "/v1/realtime/client_secrets");
        if has { path } else { "/elsewhere" }
    }
}
