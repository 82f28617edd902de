//! What the user thinks of an answer.

use crate::error::{Error, ErrorClass, Result};
use serde::{Deserialize, Serialize};

/// Two thumbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackScore {
    /// Up.
    Like,
    /// Down.
    Dislike,
}

impl FeedbackScore {
    /// From `like` or `dislike`, for languages that have no such type.
    ///
    /// # Errors
    /// `feedback_score`, class `argument`, for anything else.
    pub fn parse(word: &str) -> Result<Self> {
        match word {
            "like" => Ok(Self::Like),
            "dislike" => Ok(Self::Dislike),
            _ => Err(Error::new(ErrorClass::Argument, "feedback_score", "there is no such score")
                .field("score")
                .fix("give \"like\" or \"dislike\", or nothing to take it back")),
        }
    }
}
