//! What the registry of handles locks with. `tests/registry_model.rs` puts a model checker's in its place.

pub(super) use parking_lot::RwLock;
