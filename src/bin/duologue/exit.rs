//! How the program ends: an exit code and at most one line on standard error.

use duologue::{Error, ErrorClass};
use std::path::Path;

/// Everything went well.
pub const OK: u8 = 0;
/// Ctrl-C or SIGTERM ended the conversation.
pub const INTERRUPTED: u8 = 130;

/// What `--help` says about exit codes.
macro_rules! exit_codes {
    () => {
        "\
Exit codes:
  0    all went well
  1    the conversation failed, or its last answer did
  2    wrong usage
  3    the API key is missing or was refused
  4    the service cannot be reached (network or TLS)
  5    the configuration, scenario or model is wrong
  6    a file cannot be read or written, or is not what it should be
  130  interrupted (a recording is complete all the same)"
    };
}
pub(crate) use exit_codes;

/// Why the program fails.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// Cause and fix, one line.
    pub line: String,
}

impl Failure {
    /// A failure of a file that was named on the command line.
    pub fn file(path: &Path, why: impl std::fmt::Display, fix: &str) -> Self {
        Self { code: 6, line: format!("{}: {why}; {fix}", path.display()) }
    }

    /// The line as it is printed: whatever a text contained, it stays one line.
    pub fn printed(&self) -> String {
        self.line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use ErrorClass as C;
        let code = match (error.class, error.code.as_ref()) {
            (C::Credential, _) => 3,
            (C::Network | C::Tls, _) => 4,
            (C::Config | C::Unsupported, _) => 5,
            (_, "file_not_found" | "file_unreadable" | "file_not_writable" | "not_wav" | "empty_wav") => 6,
            (_, "unreadable_scenario" | "scenario_too_large") => 6,
            (C::Argument, _) => 2,
            _ => 1,
        };
        Self { code, line: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_it_contains() {
        let failure = Failure::from(Error::new(ErrorClass::Network, "x", "lost\nfor\tever").fix("wait"));
        assert_eq!((failure.code, failure.printed().as_str()), (4, "lost for ever; wait"));
    }
}
