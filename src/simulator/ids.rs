//! Identifiers with the prefixes and lengths of the real service.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes identifiers such as `item_8fK…`. Two generators never make the same one, so items that a
/// client replays after a reconnect cannot collide with new ones.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    state: u64,
}

impl Ids {
    pub(super) fn new() -> Self {
        Self { state: RandomState::new().build_hasher().finish() }
    }

    /// `prefix` and sixteen letters or digits: at most 32 characters for every prefix in use.
    pub(super) fn next(&mut self, prefix: &str) -> String {
        self.text(prefix, 16)
    }

    /// A token that cannot be guessed from the identifiers around it.
    pub(super) fn secret(prefix: &str) -> String {
        Ids::new().text(prefix, 22) + &Ids::new().text("", 10)
    }

    fn text(&mut self, prefix: &str, length: usize) -> String {
        const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut out = String::with_capacity(prefix.len() + length);
        out.push_str(prefix);
        for _ in 0..length {
            out.push(char::from(LETTERS[(self.draw() % 62) as usize]));
        }
        out
    }

    /// splitmix64.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
