//! What the dispatcher's core locks with. `tests/dispatch_model.rs` puts a model checker's in its place.

pub(super) use parking_lot::{Condvar, Mutex};
