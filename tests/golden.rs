//! Golden transcripts: one story for each trace of the protocol reference §6 that this build speaks.
//! The format is described in `common/story.rs`.

mod common;

use common::story;

macro_rules! stories {
    ($($(#[$doc:meta])* $test:ident = $file:literal;)*) => {$(
        $(#[$doc])*
        #[test]
        fn $test() {
            story::play_file($file);
        }
    )*};
}

stories! {
    /// Checklist 7, 8, 11.
    trace_6_1_connect = "6_1_connect.story";
    /// The microphone beside the events.
    trace_6_2_connect_webrtc = "6_2_connect_webrtc.story";
    /// Checklist 44, 46.
    trace_6_3_user_speech_turn = "6_3_speech_turn.story";
    /// Checklist 25.
    trace_6_4_text_turn = "6_4_text_turn.story";
    /// Pictures.
    trace_6_5_image = "6_5_image.story";
    /// Checklist 32, 33, 35.
    trace_6_6_function_call = "6_6_function_call.story";
    /// Checklist 18, 19.
    trace_6_7_manual_turn = "6_7_manual_turn.story";
    /// Checklist 37, 38, 39, 42, 48.
    trace_6_8_barge_in = "6_8_barge_in.story";
    /// Checklist 43.
    trace_6_9_barge_in_webrtc = "6_9_barge_in_webrtc.story";
    /// The service ends a silence.
    trace_6_10_idle_timeout = "6_10_idle_timeout.story";
    /// Checklist 31.
    trace_6_11_out_of_band = "6_11_out_of_band.story";
    /// Checklist 22, 23.
    trace_6_12_errors = "6_12_errors.story";
    /// What is left to do when a session is over.
    trace_6_13_session_expiry = "6_13_session_expiry.story";
}

/// The harness sees what is missing, what is too much, what differs and what comes in another order.
#[test]
fn a_wrong_story_fails() {
    let connect = "config {}\nquiet mode\nhost connect\n";
    let status = r#"=> status {"status": "connecting", "phase": "dial"}"#;
    story::play("right", &format!("{connect}{status}\n!! dial\n"));
    let wrong = |rest: &str| story::fails(&format!("{connect}{rest}"));
    assert!(wrong("!! dial\n").contains("came as\n=> status"));
    assert!(wrong(&format!("{status}\n")).contains("nothing in the story expects it:\n!! dial"));
    assert!(wrong(&format!("!! dial\n{status}\n")).contains("something else"));
    assert!(wrong(&format!("{}\n!! dial\n", status.replace("dial", "ice"))).contains("is not"));
    assert!(wrong(&format!("{status}\n!! dial\n!! dial\n")).contains("did not come"));
    let frames = |expected: &str| {
        story::fails(&format!(
            "config {{}}\nquiet mode status\nhost connect\n!! dial\nopened\n<- session.created {{\"session\": {{}}}}\n{expected}\n"
        ))
    };
    assert!(frames("-> session.update {}").contains(".session is too much"));
    assert!(frames(r#"-> session.update {"session": {"type": "realtime"}}"#).contains("is too much"));
    assert!(
        frames(r#"-> session.update {"session": {"...": 1, "typ": "realtime"}}"#).contains(".session.typ is missing")
    );
    assert!(frames(r#"-> session.update {"session": {"...": 1, "type": "$x", "audio": "$x"}}"#).contains("$x was"));
}
