//! The audio path.
