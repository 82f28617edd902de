//! Errors.

use crate::error::{Error, ErrorClass};

pub(super) type Result<T> = std::result::Result<T, DuologueError>;

/// What went wrong, in words for a person and codes for a program.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ErrorInfo {
    /// Family of the error.
    pub class: ErrorClass,
    /// Stable snake_case word.
    pub code: String,
    /// Number of the code, as in the C header.
    pub number: i32,
    /// One sentence for a person. Never contains a secret.
    pub message: String,
    /// JSON path or parameter the error is about.
    pub field: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// The vendor's own code.
    pub provider_code: Option<String>,
    /// The session cannot go on.
    pub fatal: bool,
    /// The same call may succeed later without a change.
    pub retryable: bool,
    /// How long the service asks to be left alone, milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl From<&Error> for ErrorInfo {
    fn from(error: &Error) -> Self {
        Self {
            class: error.class,
            code: error.code.to_string(),
            number: error.result() as i32,
            message: error.message.clone(),
            field: error.field.clone(),
            fix: error.fix.clone(),
            provider_code: error.provider_code.clone(),
            fatal: error.fatal,
            retryable: error.retryable,
            retry_after_ms: error.retry_after_ms,
        }
    }
}

impl From<ErrorInfo> for Error {
    fn from(info: ErrorInfo) -> Self {
        let ErrorInfo { class, code, message, field, fix, provider_code, fatal, retryable, retry_after_ms, .. } = info;
        Self { class, code: code.into(), message, field, fix, provider_code, fatal, retryable, retry_after_ms }
    }
}

/// What a call that fails throws.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum DuologueError {
    /// The engine says why.
    #[error("{}", .info.message)]
    Failed {
        /// What it says.
        info: ErrorInfo,
    },
}

impl From<Error> for DuologueError {
    fn from(error: Error) -> Self {
        Self::Failed { info: (&error).into() }
    }
}
