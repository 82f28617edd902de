//! Refusals of a protocol that has no error messages to speak of: the connection is closed, and the close frame says why.

/// What a close frame has room for beside its code.
const LONGEST: usize = 123;

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Closing {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Closing {
    fn new(code: u16, mut reason: String) -> Self {
        let mut end = reason.len().min(LONGEST);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        // The service cuts its texts, too.
        reason.truncate(end);
        Self { code, reason }
    }

    /// What was sent makes no sense, or not now.
    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self::new(1007, reason.into())
    }

    /// This key may not, or this model cannot.
    pub(super) fn policy(reason: impl Into<String>) -> Self {
        Self::new(1008, reason.into())
    }

    /// What the service says of most things it does not like.
    pub(super) fn argument() -> Self {
        Self::invalid("Request contains an invalid argument.")
    }

    /// Right in itself, but not at this time.
    pub(super) fn precondition() -> Self {
        Self::invalid("Precondition check failed.")
    }
}
