//! Numbers of results, the same in every language that has numbers: C, and the uniffi layer.

use super::{Error, ErrorClass};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Result of a call as a number. 0 is success, errors are negative, numbered in blocks; numbers
        /// are only ever added. [`Error::result`] gives the one of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(i32)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $name = $number,)*
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Stable upper-case word, for example `INVALID_HANDLE`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// It worked.
    Ok = 0, "OK";
    // -1 to -19: the caller.
    /// A pointer that must not be NULL is NULL.
    NullArgument = -1, "NULL_ARGUMENT";
    /// A handle that was never given out, or was destroyed.
    InvalidHandle = -2, "INVALID_HANDLE";
    /// A value that can never be right.
    InvalidArgument = -3, "INVALID_ARGUMENT";
    /// Text that is not UTF-8.
    InvalidUtf8 = -4, "INVALID_UTF8";
    /// Text that is not JSON.
    InvalidJson = -5, "INVALID_JSON";
    /// A configuration that is wrong; the message names the path.
    InvalidConfig = -6, "INVALID_CONFIG";
    /// Right, but not now.
    InvalidState = -7, "INVALID_STATE";
    /// The caller's buffer is too small; the needed size was written.
    BufferTooSmall = -8, "BUFFER_TOO_SMALL";
    /// The provider, model or build cannot do it.
    Unsupported = -9, "UNSUPPORTED";
    /// It would wait for itself, for example a blocking call inside a callback.
    WouldDeadlock = -10, "WOULD_DEADLOCK";
    // -20 to -39: flow.
    /// Nothing was done because it would have to wait; come again.
    WouldBlock = -20, "WOULD_BLOCK";
    /// The time given was not enough.
    Timeout = -21, "TIMEOUT";
    /// Cancelled by another call.
    Cancelled = -22, "CANCELLED";
    /// The client is over.
    Closed = -23, "CLOSED";
    /// The host was too slow and a queue ran over.
    QueueOverflow = -24, "QUEUE_OVERFLOW";
    /// There is nothing with that name.
    NotFound = -25, "NOT_FOUND";
    /// A documented bound was exceeded.
    LimitExceeded = -26, "LIMIT_EXCEEDED";
    /// Host code failed, for example a callback that panicked.
    Host = -27, "HOST";
    /// A tool failed, timed out or was refused.
    Tool = -28, "TOOL";
    // -40 to -69: network and provider.
    /// No connection came about.
    ConnectFailed = -40, "CONNECT_FAILED";
    /// The peer's certificate or the TLS handshake was refused.
    Tls = -41, "TLS";
    /// The credential is missing, malformed, expired or refused.
    Auth = -42, "AUTH";
    /// The peer broke the protocol, or duologue did.
    Protocol = -43, "PROTOCOL";
    /// The connection was lost.
    Disconnected = -44, "DISCONNECTED";
    /// Too many requests for the account.
    RateLimited = -45, "RATE_LIMITED";
    /// The vendor reported a failure of its own.
    Provider = -46, "PROVIDER";
    /// The account's quota is used up.
    Quota = -47, "QUOTA";
    // -70 to -89: audio.
    /// There is no such device.
    DeviceNotFound = -70, "DEVICE_NOT_FOUND";
    /// The device failed.
    DeviceLost = -71, "DEVICE_LOST";
    /// The operating system denied access.
    PermissionDenied = -72, "PERMISSION_DENIED";
    /// An audio format that is not possible.
    Format = -73, "FORMAT";
    // -98 and -99: duologue.
    /// A bug in duologue.
    Internal = -98, "INTERNAL";
    /// A panic was caught: a bug in duologue. The client was closed.
    Panic = -99, "PANIC";
}

impl Error {
    /// The number of this error, for languages that have numbers. The class alone decides, but for
    /// codes that have a number of their own.
    pub fn result(&self) -> ErrorCode {
        use ErrorCode as R;
        match (self.class, self.code.as_ref()) {
            (_, "null_argument") => R::NullArgument,
            (_, "invalid_handle") => R::InvalidHandle,
            (_, "not_found" | "stale_call") => R::NotFound,
            (_, "would_block" | "backpressure" | "too_many_requests") => R::WouldBlock,
            (_, "timeout") => R::Timeout,
            (_, "cancelled") => R::Cancelled,
            (_, "invalid_json") => R::InvalidJson,
            (_, "invalid_utf8") => R::InvalidUtf8,
            (ErrorClass::State, "closed") => R::Closed,
            (ErrorClass::State, "would_deadlock") => R::WouldDeadlock,
            (ErrorClass::Host, "host_too_slow") => R::QueueOverflow,
            (ErrorClass::Network, "connection_lost" | "silent" | "going_away" | "try_again_later") => R::Disconnected,
            (ErrorClass::Quota, "rate_limited") => R::RateLimited,
            (ErrorClass::Internal, "panic") => R::Panic,
            (ErrorClass::Argument | ErrorClass::Unsupported, "unsupported_rate" | "audio_format") => R::Format,
            (ErrorClass::Argument, _) => R::InvalidArgument,
            (ErrorClass::Config, _) => R::InvalidConfig,
            (ErrorClass::Unsupported, _) => R::Unsupported,
            (ErrorClass::State, _) => R::InvalidState,
            (ErrorClass::Credential, _) => R::Auth,
            (ErrorClass::Network, _) => R::ConnectFailed,
            (ErrorClass::Tls, _) => R::Tls,
            (ErrorClass::Protocol, _) => R::Protocol,
            (ErrorClass::Provider, _) => R::Provider,
            (ErrorClass::Quota, _) => R::Quota,
            (ErrorClass::Limit, _) => R::LimitExceeded,
            (ErrorClass::Device, "device_not_found") => R::DeviceNotFound,
            (ErrorClass::Device, _) => R::DeviceLost,
            (ErrorClass::Permission, _) => R::PermissionDenied,
            (ErrorClass::Tool, _) => R::Tool,
            (ErrorClass::Host, _) => R::Host,
            (ErrorClass::Internal, _) => R::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_in_their_blocks() {
        let mut seen = std::collections::HashSet::new();
        for code in ErrorCode::ALL {
            let number = *code as i32;
            assert!(seen.insert(number) && seen.len() <= ErrorCode::ALL.len());
            assert!(matches!(number, -19..=0 | -39..=-20 | -69..=-40 | -89..=-70 | -99 | -98), "{code:?}");
            assert!(code.name().chars().all(|c| c.is_ascii_uppercase() || c == '_' || c == '8'));
        }
        // Hosts have these compiled in: the contract of the ABI.
        assert_eq!([ErrorCode::Ok as i32, ErrorCode::InvalidHandle as i32, ErrorCode::Panic as i32], [0, -2, -99]);
    }

    #[test]
    fn errors_get_the_number_of_their_kind() {
        let of = |class, code: &'static str| Error::new(class, code, "x").result();
        assert_eq!(of(ErrorClass::Config, "invalid_config"), ErrorCode::InvalidConfig);
        assert_eq!(of(ErrorClass::Argument, "null_argument"), ErrorCode::NullArgument);
        assert_eq!(of(ErrorClass::Argument, "invalid_handle"), ErrorCode::InvalidHandle);
        assert_eq!(of(ErrorClass::Limit, "backpressure"), ErrorCode::WouldBlock);
        assert_eq!(of(ErrorClass::State, "closed"), ErrorCode::Closed);
        assert_eq!(of(ErrorClass::Quota, "insufficient"), ErrorCode::Quota);
        assert_eq!(of(ErrorClass::Network, "silent"), ErrorCode::Disconnected);
    }
}
