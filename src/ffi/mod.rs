//! Other languages. Nothing here decides anything: types are translated, that is all.

#[cfg(feature = "capi")]
pub mod c;
#[cfg(feature = "uniffi")]
pub mod uniffi;
