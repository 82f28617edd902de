//! The vendors, played from the server side.
