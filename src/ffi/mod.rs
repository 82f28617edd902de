//! Other languages. Nothing here decides anything: types are translated, that is all.

pub mod c;
