//! What the host says to the model, and what it asks it to say.

use super::{
    client::duologue_client, command::command, guard::null, options::read_options, result::duologue_result, text,
};
use crate::{
    ResponseOptions,
    error::{Error, ErrorClass, Result},
    request::{FeedbackScore, Image, ImageDetail},
};
use std::{ffi::c_char, ptr};

/// For duologue_client_send_text() and duologue_image: only add the message, do not ask for an answer.
pub const DUOLOGUE_SEND_NO_RESPONSE: u32 = 1;
/// For duologue_client_send_text() and duologue_image: cut the assistant off first.
pub const DUOLOGUE_SEND_INTERRUPT: u32 = 2;

/// Whether to ask for an answer, and whether to cut the assistant off.
fn then(field: &str, flags: u32) -> Result<(bool, bool)> {
    if flags & !(DUOLOGUE_SEND_NO_RESPONSE | DUOLOGUE_SEND_INTERRUPT) != 0 {
        let error = Error::new(ErrorClass::Argument, "invalid_argument", format!("{flags:#x} has unknown bits"));
        return Err(error.field(field).fix("use the DUOLOGUE_SEND_ constants"));
    }
    Ok((flags & DUOLOGUE_SEND_NO_RESPONSE == 0, flags & DUOLOGUE_SEND_INTERRUPT != 0))
}

/// Adds a user message and asks for an answer. Completes when the vendor has taken the message. `completed`
/// carries DUOLOGUE_ERROR_INVALID_STATE (not connected), DUOLOGUE_ERROR_INVALID_ARGUMENT (empty text),
/// DUOLOGUE_ERROR_LIMIT_EXCEEDED (too long), DUOLOGUE_ERROR_WOULD_BLOCK (the network is too slow),
/// DUOLOGUE_ERROR_CANCELLED (the connection ended first), DUOLOGUE_ERROR_PROVIDER (refused or never confirmed).
///
/// @param client the client, connected
/// @param text UTF-8, at most 256 KiB
/// @param flags 0, or DUOLOGUE_SEND_NO_RESPONSE and DUOLOGUE_SEND_INTERRUPT added
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT
///         (unknown flags)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_send_text(
    client: *mut duologue_client,
    text: *const c_char,
    flags: u32,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        // SAFETY: the caller's promise.
        let text = unsafe { text::required("text", text) }?;
        let (respond, interrupt) = then("flags", flags)?;
        Ok(client.send_text_with(text, respond, interrupt))
    })
}

/// How closely the model looks at a picture, where the model lets one choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum duologue_image_detail {
    /// Nothing is said about it.
    DUOLOGUE_IMAGE_DETAIL_DEFAULT = 0,
    /// The vendor's choice.
    DUOLOGUE_IMAGE_DETAIL_AUTO = 1,
    /// Roughly, for fewer tokens.
    DUOLOGUE_IMAGE_DETAIL_LOW = 2,
    /// Closely.
    DUOLOGUE_IMAGE_DETAIL_HIGH = 3,
}

/// A picture for the model. Fill it with zeros, set struct_size, then either data and size, or url; the rest
/// as wanted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct duologue_image {
    /// sizeof(duologue_image)
    pub struct_size: u32,
    /// 0, or DUOLOGUE_SEND_NO_RESPONSE and DUOLOGUE_SEND_INTERRUPT added.
    pub flags: u32,
    /// The bytes of a picture file, not NUL-terminated; copied. What vendors take: PNG and JPEG.
    pub data: *const u8,
    /// How many bytes; at most 2 MiB.
    pub size: usize,
    /// In the place of data: a `data:` URL with base64, or the address of a picture where the vendor fetches
    /// those itself (OpenAI Realtime does not).
    pub url: *const c_char,
    /// For example `image/png`; NULL: told from the picture itself.
    pub mime_type: *const c_char,
    /// Words to the picture, in the same message; may be NULL.
    pub text: *const c_char,
    /// A duologue_image_detail.
    pub detail: i32,
    /// Must be 0.
    pub reserved: u32,
}

/// Adds a user message with a picture, and asks for an answer. Completes when the vendor has taken the message.
/// `completed` carries DUOLOGUE_ERROR_INVALID_ARGUMENT (no picture that duologue knows, another type than
/// mime_type says, or no base64 in the URL), DUOLOGUE_ERROR_UNSUPPORTED (`image_type`, `image_url`: the vendor
/// does not take that kind; the model takes no pictures), DUOLOGUE_ERROR_LIMIT_EXCEEDED (`image_too_large`), and
/// what duologue_client_send_text() has.
///
/// @param client the client, connected
/// @param image the picture and what is to happen with it
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_ARGUMENT (neither
///         data nor url, or both; unknown flags or detail; struct_size is too small, or reserved is not 0),
///         DUOLOGUE_ERROR_LIMIT_EXCEEDED (size is over 2 MiB)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_send_image(
    client: *mut duologue_client,
    image: *const duologue_image,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        if image.is_null() {
            return Err(null("image"));
        }
        let defaults = duologue_image {
            struct_size: 0,
            flags: 0,
            data: ptr::null(),
            size: 0,
            url: ptr::null(),
            mime_type: ptr::null(),
            text: ptr::null(),
            detail: 0,
            reserved: 0,
        };
        // SAFETY: a plain struct of integers and nullable pointers; the caller's promise about its size.
        let (given, whole) = unsafe { read_options("image", image, defaults) };
        whole?;
        if given.reserved != 0 {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", "is not 0").field("image.reserved");
            return Err(error.fix("fill the struct with zeros first"));
        }
        let (respond, interrupt) = then("image.flags", given.flags)?;
        // SAFETY: the caller's promise about data, size and the texts.
        let (picture, text) = unsafe { (picture(&given)?, text::optional("image.text", given.text)?) };
        Ok(client.send_image_with(picture, text, respond, interrupt))
    })
}

/// # Safety
/// What the struct points to is as the header says.
unsafe fn picture(given: &duologue_image) -> Result<Image> {
    let wrong = |field: &str, message: String, fix: &str| {
        Err(Error::new(ErrorClass::Argument, "invalid_argument", message).field(field).fix(fix))
    };
    let detail = match given.detail {
        0 => None,
        1 => Some(ImageDetail::Auto),
        2 => Some(ImageDetail::Low),
        3 => Some(ImageDetail::High),
        other => return wrong("image.detail", format!("is {other}"), "use a duologue_image_detail"),
    };
    // SAFETY: passed on.
    let (url, mime_type) =
        unsafe { (text::optional("image.url", given.url)?, text::optional("image.mime_type", given.mime_type)?) };
    let image = match (url, given.data.is_null(), given.size) {
        (Some(url), true, 0) => Image::from_url(url),
        (None, true, 1..) => return Err(null("image.data")),
        (None, false, 1..) => {
            // Before the bytes are looked at: what is too large to be a picture may be too large for memory.
            Image::check_size(given.size)?;
            // SAFETY: not NULL, and that many bytes are there by the caller's promise.
            Image::from_bytes(unsafe { std::slice::from_raw_parts(given.data, given.size) })
        }
        _ => {
            let fix = "give data with its size, or url";
            return wrong("image", "exactly one of data and url is needed".into(), fix);
        }
    };
    Ok(Image { mime_type, detail, ..image })
}

/// Shows what a camera sees: one JPEG, about once a second, for a model that takes frames (Gemini; each is billed).
/// The next spoken turn sees it, a typed one may not. It is no message of the history, and no other connection is
/// told of it. Completes when it is on its way; `completed` carries DUOLOGUE_ERROR_UNSUPPORTED (`video`: the model
/// sees none; `image_type`), DUOLOGUE_ERROR_INVALID_ARGUMENT (no picture that duologue knows) and
/// DUOLOGUE_ERROR_INVALID_STATE (`not_connected`; also while the connection is coming back: a frame of then is nothing
/// for later).
///
/// @param client the client, connected
/// @param data the bytes of the picture; looked at during the call only
/// @param size how many, at most 2 MiB
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_ARGUMENT (no data),
///         DUOLOGUE_ERROR_LIMIT_EXCEEDED (size is over 2 MiB)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_send_video_frame(
    client: *mut duologue_client,
    data: *const u8,
    size: usize,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        if data.is_null() || size == 0 {
            return Err(null("data"));
        }
        Image::check_size(size)?;
        // SAFETY: not NULL, and that many bytes are there by the caller's promise.
        let frame = Image::from_bytes(unsafe { std::slice::from_raw_parts(data, size) });
        Ok(client.send_video_frame(frame))
    })
}

/// Tells the service what the user thinks of an answer, for services that take it (ElevenLabs). It is no part of the
/// history, and nothing waits for another connection. Completes when it is on its way: the service confirms nothing.
/// `completed` carries DUOLOGUE_ERROR_UNSUPPORTED (`feedback`: the service takes none; `unsupported_option` about `item`:
/// it is none of the newest 64 messages of the assistant on this connection) and DUOLOGUE_ERROR_INVALID_STATE
/// (`not_connected`).
///
/// @param client the client, connected
/// @param item id of the message of the assistant
/// @param score "like" or "dislike"; NULL: takes it back
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_NULL_ARGUMENT (no item), DUOLOGUE_ERROR_INVALID_UTF8,
///         DUOLOGUE_ERROR_INVALID_ARGUMENT (another score)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_send_feedback(
    client: *mut duologue_client,
    item: *const c_char,
    score: *const c_char,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        // SAFETY: the caller's promise.
        let (item, score) = unsafe { (text::required("item", item)?, text::optional("score", score)?) };
        let score = score.map(|word| FeedbackScore::parse(&word)).transpose()?;
        Ok(client.send_feedback(item.into(), score))
    })
}

/// Says that the user is there and busy, typing for example: an agent that would speak into the silence waits, for
/// services that have such (ElevenLabs). Good for a few seconds, so say it again while it lasts. Completes when it is on
/// its way. `completed` carries DUOLOGUE_ERROR_UNSUPPORTED (`user_activity`: nobody there speaks unasked) and
/// DUOLOGUE_ERROR_INVALID_STATE (`not_connected`).
///
/// @param client the client, connected
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect()
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_send_user_activity(
    client: *mut duologue_client,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| Ok(client.send_user_activity()))
}

/// Tells the model something it should know (a system message), and nobody answers: "the user opened page 3".
/// Completes when the vendor has taken it. `completed` carries what duologue_client_send_text() has.
///
/// @param client the client, connected
/// @param text UTF-8, at most 256 KiB
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_send_context(
    client: *mut duologue_client,
    text: *const c_char,
    out_op: *mut u64,
) -> duologue_result {
    // SAFETY: the caller's promise.
    command(client, out_op, |client| Ok(client.send_context(unsafe { text::required("text", text) }?)))
}

/// Has the assistant say this, after what is under way. Where the vendor has no such command (OpenAI), the model
/// is told to say it word for word, and may not. Completes when the response has begun. `completed` carries what
/// duologue_client_request_response() has.
///
/// @param client the client, connected
/// @param text UTF-8, at most 256 KiB
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_say(
    client: *mut duologue_client,
    text: *const c_char,
    out_op: *mut u64,
) -> duologue_result {
    // SAFETY: the caller's promise.
    command(client, out_op, |client| Ok(client.say(unsafe { text::required("text", text) }?)))
}

/// How a response shall be. Fill it with zeros, set struct_size, then what you want.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct duologue_response_options {
    /// sizeof(duologue_response_options)
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// What the model shall do in this response, added to the session's own instructions. Plain text, so that
    /// nothing has to be quoted into JSON; the same as the key in json, and only one of them may be given.
    pub instructions: *const c_char,
    /// Everything else, as a JSON object; may be NULL. Unknown keys are refused. Its keys, all optional:
    ///
    /// `instructions`; `replace_instructions` (true: they take the place of the session's own);
    /// `output_modality` ("audio" or "text"); `voice`; `tools` (a list as in the configuration, in the place of
    /// the session's); `tool_choice` ("auto", "none", "required" or {"function": "NAME"}); `max_output_tokens` (1
    /// to 4096); `metadata` (an object of texts, for the vendor's logs: at most 15, keys of 64 and values of 512
    /// characters); `out_of_band` (true: no part of the conversation; its words come as transcript events under its
    /// own response id, several may run beside the conversation's); `audible` (with out_of_band: play it all the
    /// same); `input` (what the model sees in the place of the conversation: a list of {"role": "user", "text":
    /// "..."} and {"item": "ID"}; empty: nothing).
    pub json: *const c_char,
}

/// Asks for a response. Completes when it has begun; the `completed` event names it (envelope->response), and the
/// events of the response carry the same name. `completed` carries DUOLOGUE_ERROR_INVALID_ARGUMENT (options that
/// contradict each other or are out of range; the error names the field), DUOLOGUE_ERROR_UNSUPPORTED,
/// DUOLOGUE_ERROR_INVALID_STATE (not connected), DUOLOGUE_ERROR_WOULD_BLOCK (64 requests wait, or 16 outside the
/// conversation, or the network is too slow), DUOLOGUE_ERROR_LIMIT_EXCEEDED (too long), DUOLOGUE_ERROR_CANCELLED
/// (interrupted, or the connection ended first), DUOLOGUE_ERROR_PROVIDER (refused or never begun).
///
/// @param client the client, connected
/// @param options how it shall be; NULL for the session's own way
/// @param[out] out_op receives the number of the command; may be NULL
/// @return as duologue_client_connect(), and DUOLOGUE_ERROR_INVALID_UTF8, DUOLOGUE_ERROR_INVALID_JSON,
///         DUOLOGUE_ERROR_INVALID_ARGUMENT (an unknown key or a wrong type in json, instructions twice, struct_size is
///         too small, or reserved is not 0)
/// @par Thread
/// any but audio threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duologue_client_request_response(
    client: *mut duologue_client,
    options: *const duologue_response_options,
    out_op: *mut u64,
) -> duologue_result {
    command(client, out_op, |client| {
        let (instructions, json) = (ptr::null(), ptr::null());
        let defaults = duologue_response_options { struct_size: 0, reserved: 0, instructions, json };
        // SAFETY: a plain struct of integers and nullable pointers; the caller's promise about its size.
        let (options, whole) = unsafe { read_options("options", options, defaults) };
        whole?;
        if options.reserved != 0 {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", "is not 0").field("options.reserved");
            return Err(error.fix("fill the options with zeros first"));
        }
        // SAFETY: the caller's promise about both texts.
        let (instructions, json) = unsafe {
            (
                text::optional("options.instructions", options.instructions)?,
                text::optional("options.json", options.json)?,
            )
        };
        let mut asked = json.as_deref().map_or_else(|| Ok(ResponseOptions::default()), ResponseOptions::from_json)?;
        if instructions.is_some() && asked.instructions.is_some() {
            let error = Error::new(ErrorClass::Argument, "invalid_argument", "is there twice, here and in json");
            return Err(error.field("options.instructions").fix("keep one of them"));
        }
        asked.instructions = instructions.or(asked.instructions);
        Ok(client.request_response(asked))
    })
}
