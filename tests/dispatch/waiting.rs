//! Threads that wait for a status, and commands that never got to the engine.
