//! Events fetched from a queue.
