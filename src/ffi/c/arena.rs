//! Memory of one event as C sees it: structs and texts that point at each other and go together.

use super::event::duologue_text;
use std::{ffi::c_char, ptr};

/// Drops what a pointer owns.
type Release = unsafe fn(*mut u8);

/// Keeps values in place until it is dropped.
#[derive(Default)]
pub(super) struct Arena {
    values: Vec<(*mut u8, Release)>,
    // The bytes of a vector stay where they are when the vector moves.
    texts: Vec<Vec<u8>>,
}

// SAFETY: only plain structs and bytes are kept, and whoever has the arena has them.
unsafe impl Send for Arena {}

impl Arena {
    /// Keeps a struct.
    pub fn keep<T>(&mut self, value: T) -> *mut T {
        /// # Safety
        /// `pointer` came from `Box::<T>::into_raw`.
        unsafe fn release<T>(pointer: *mut u8) {
            // SAFETY: passed on.
            drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
        }
        let pointer = Box::into_raw(Box::new(value));
        self.values.push((pointer.cast(), release::<T>));
        pointer
    }

    /// Keeps text with a terminator.
    pub fn text(&mut self, text: &str) -> duologue_text {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        let data = bytes.as_ptr().cast::<c_char>();
        self.texts.push(bytes);
        duologue_text { data, length: text.len() }
    }

    /// As [`Self::text`], none being NULL.
    pub fn maybe(&mut self, text: Option<impl AsRef<str>>) -> duologue_text {
        text.map_or(NO_TEXT, |text| self.text(text.as_ref()))
    }
}

/// No text.
pub(super) const NO_TEXT: duologue_text = duologue_text { data: ptr::null(), length: 0 };

impl Drop for Arena {
    fn drop(&mut self) {
        for (pointer, release) in self.values.drain(..) {
            // SAFETY: `keep` put them there together, once.
            unsafe { release(pointer) };
        }
    }
}

/// The size field of a struct.
pub(super) const fn size<T>() -> u32 {
    size_of::<T>() as u32
}
