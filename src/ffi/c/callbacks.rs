//! Callback delivery: one sink with a mask, and a slot for each family.

use super::{
    client::{duologue_client, with},
    event::duologue_event,
    event_enums::duologue_event_kind,
    guard::guard,
    result::duologue_result,
    user_data::{UserData, duologue_user_data_free},
    view::Viewed,
};
use crate::{
    client::{Listener, Slot},
    error::{Error, ErrorClass},
    event::{Event, EventMask},
};
use std::{ffi::c_void, sync::Arc};

/// Every kind of event that the header knows; `build.rs` writes it there as 64 bits wide.
/// cbindgen:ignore
pub const DUOLOGUE_EVENT_MASK_ALL: u64 = 0x1fff_ffff;
const _: () = assert!(DUOLOGUE_EVENT_MASK_ALL == (1 << (duologue_event_kind::DUOLOGUE_EVENT_LAGGED as i32 + 1)) - 1);

/// Something happened. The event and all it points to is gone when the callback returns.
pub type duologue_event_callback = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const duologue_event)>;

/// Finds the struct of a family in an event that is alive.
pub(super) type Family<T> = fn(*const duologue_event) -> *const T;

/// A host's function with its data.
struct Callback<T> {
    family: Family<T>,
    call: unsafe extern "C" fn(*mut c_void, *const T),
    user_data: UserData,
}

impl<T> Listener for Callback<T> {
    fn on_event(&self, event: &Arc<Event>) {
        let view = Viewed::new(event);
        // A pointer, no reference: the host may hand it back, and then the whole view is read through it.
        let argument = (self.family)(view.event());
        // SAFETY: the host's promise: the function may be called from the engine's threads, one call at a
        // time, and takes what the header says.
        unsafe { (self.call)(self.user_data.get(), argument) };
    }
}

/// Registers, replaces or unregisters the callback of a slot.
pub(super) fn register<T: 'static>(
    client: *mut duologue_client,
    slot: u8,
    kinds: &[duologue_event_kind],
    family: Family<T>,
    callback: Option<unsafe extern "C" fn(*mut c_void, *const T)>,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    let bits = kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as i32);
    // Made first: it is freed whatever happens.
    let user_data = UserData::new(user_data, free_fn);
    guard(|| set(client, slot, EventMask(bits), family, callback, user_data))
}

fn set<T: 'static>(
    client: *mut duologue_client,
    slot: u8,
    mask: EventMask,
    family: Family<T>,
    callback: Option<unsafe extern "C" fn(*mut c_void, *const T)>,
    user_data: UserData,
) -> Result<(), Error> {
    with(client, |client| {
        let listener = callback.map(|call| Arc::new(Callback { family, call, user_data }) as Arc<dyn Listener>);
        client.set_listener(Slot(slot), mask, listener)
    })
}

/// The mask a host gave.
pub(super) fn mask(bits: u64) -> Result<EventMask, Error> {
    if bits & !DUOLOGUE_EVENT_MASK_ALL != 0 {
        let error = Error::new(ErrorClass::Argument, "invalid_argument", format!("{bits:#x} has unknown bits"));
        return Err(error.field("mask").fix("add up DUOLOGUE_EVENT_MASK(kind), or use DUOLOGUE_EVENT_MASK_ALL"));
    }
    Ok(EventMask(bits))
}

/// Registers the sink for events of all kinds in `mask`, in the place of an earlier one. It is called
/// before the callbacks of single families. With "delivery": "queue" callbacks are refused.
///
/// Callbacks run on the engine's threads, never inside the call that caused the event. Those of one
/// client come one after the other, in order; different clients run in parallel. Inside a callback every
/// function may be called except those that block, which return DUOLOGUE_ERROR_WOULD_DEADLOCK. A callback
/// that takes long holds up the events of its client: after 1024 waiting events and 5 seconds the
/// session ends with `host_too_slow`. It must not throw, and not leave by longjmp.
///
/// Replacing and unregistering wait until a running call of the old callback has returned and its
/// free_fn has run, but not inside a callback: there the old free_fn runs when that call is over. Never
/// hold a lock that the callback needs while replacing it.
///
/// @param client the client
/// @param mask kinds of events: DUOLOGUE_EVENT_MASK_ALL, or DUOLOGUE_EVENT_MASK(kind) added up
/// @param callback the function; NULL unregisters
/// @param user_data handed to it
/// @param free_fn frees user_data: called exactly once, after the last callback, or before this returns if
///                it fails; may be NULL
/// @return DUOLOGUE_OK, DUOLOGUE_ERROR_NULL_ARGUMENT, DUOLOGUE_ERROR_INVALID_HANDLE,
///         DUOLOGUE_ERROR_INVALID_ARGUMENT (unknown bits in mask), DUOLOGUE_ERROR_INVALID_STATE (queue delivery),
///         DUOLOGUE_ERROR_CLOSED (destroyed meanwhile)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_set_event_callback(
    client: *mut duologue_client,
    mask: u64,
    callback: duologue_event_callback,
    user_data: *mut c_void,
    free_fn: duologue_user_data_free,
) -> duologue_result {
    let family: Family<duologue_event> = |event| event;
    let user_data = UserData::new(user_data, free_fn);
    guard(|| set(client, 0, self::mask(mask)?, family, callback, user_data))
}
