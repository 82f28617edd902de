//! Translation of the events of `event_conversation`.

use super::{
    arena::{Arena, NO_TEXT, size},
    event::duologue_event,
    event_conversation::*,
    event_enums::*,
};
use crate::{
    event::{
        Agent, AudioLevel, AudioOut, Direction, InterruptSource, Interrupted, MessageChange, MessageOp, Mode,
        ModeChange, PlaybackFinished, PlaybackStarted, ResponseEnd, Speech, SpeechSource, ToolCall, ToolEnd,
        Transcript, TranscriptMode, TranscriptStage,
    },
    message::{MessageState, Part, Role, ToolCallState},
};

type Envelope = *const duologue_event;

pub(super) fn mode(envelope: Envelope, m: &ModeChange, arena: &mut Arena) -> *const duologue_mode_event {
    arena.keep(duologue_mode_event {
        struct_size: size::<duologue_mode_event>(),
        mode: mode_number(m.mode),
        envelope,
        user_speaking: m.user_speaking.into(),
        agent: match m.agent {
            Agent::Idle => duologue_agent::DUOLOGUE_AGENT_IDLE,
            Agent::Thinking => duologue_agent::DUOLOGUE_AGENT_THINKING,
            Agent::Speaking => duologue_agent::DUOLOGUE_AGENT_SPEAKING,
        },
    })
}

pub(super) fn mode_number(mode: Mode) -> duologue_mode {
    match mode {
        Mode::Idle => duologue_mode::DUOLOGUE_MODE_IDLE,
        Mode::Listening => duologue_mode::DUOLOGUE_MODE_LISTENING,
        Mode::Thinking => duologue_mode::DUOLOGUE_MODE_THINKING,
        Mode::Speaking => duologue_mode::DUOLOGUE_MODE_SPEAKING,
    }
}

pub(super) fn speech(envelope: Envelope, s: &Speech, arena: &mut Arena) -> *const duologue_speech_event {
    arena.keep(duologue_speech_event {
        struct_size: size::<duologue_speech_event>(),
        who: role(s.who),
        envelope,
        audio_ms: s.audio_ms,
        source: match s.source {
            SpeechSource::Server => duologue_speech_source::DUOLOGUE_SPEECH_SOURCE_SERVER,
            SpeechSource::Local => duologue_speech_source::DUOLOGUE_SPEECH_SOURCE_LOCAL,
        },
    })
}

pub(super) fn playback_started(
    envelope: Envelope,
    p: &PlaybackStarted,
    arena: &mut Arena,
) -> *const duologue_playback_event {
    let (part, heard_ms, complete, estimated) = (p.part, 0, 0, 0);
    let struct_size = size::<duologue_playback_event>();
    arena.keep(duologue_playback_event { struct_size, part, envelope, heard_ms, complete, estimated })
}

pub(super) fn playback_finished(
    envelope: Envelope,
    p: &PlaybackFinished,
    arena: &mut Arena,
) -> *const duologue_playback_event {
    arena.keep(duologue_playback_event {
        struct_size: size::<duologue_playback_event>(),
        part: p.part,
        envelope,
        heard_ms: p.heard_ms,
        complete: p.complete.into(),
        estimated: p.estimated.into(),
    })
}

pub(super) fn response_end(envelope: Envelope, r: &ResponseEnd, arena: &mut Arena) -> *const duologue_response_event {
    let (status, reason) = (arena.text(&r.status), arena.maybe(r.reason.as_deref()));
    let struct_size = size::<duologue_response_event>();
    arena.keep(duologue_response_event { struct_size, reserved: 0, envelope, status, reason })
}

pub(super) fn interrupted(envelope: Envelope, i: &Interrupted, arena: &mut Arena) -> *const duologue_interrupted_event {
    arena.keep(duologue_interrupted_event {
        struct_size: size::<duologue_interrupted_event>(),
        source: match i.source {
            InterruptSource::User => duologue_interrupt_source::DUOLOGUE_INTERRUPT_SOURCE_USER,
            InterruptSource::Call => duologue_interrupt_source::DUOLOGUE_INTERRUPT_SOURCE_CALL,
            InterruptSource::Server => duologue_interrupt_source::DUOLOGUE_INTERRUPT_SOURCE_SERVER,
        },
        envelope,
        heard_ms: i.heard_ms,
        server_truncated: i.server_truncated.into(),
        estimated: i.estimated.into(),
    })
}

pub(super) fn message(envelope: Envelope, change: &MessageChange, arena: &mut Arena) -> *const duologue_message_event {
    let message = &change.message;
    let whole = change.op != MessageOp::Updated;
    let mut parts = Vec::with_capacity(message.parts.len());
    for (i, content) in message.parts.iter().enumerate() {
        let index = if whole { u32::try_from(i).ok() } else { change.changed.get(i).copied() };
        parts.push(part(index.unwrap_or(u32::MAX), content, arena).cast_const());
    }
    let part_count = parts.len();
    // A vector's elements stay where they are when the vector moves.
    let list = parts.as_ptr();
    arena.keep(parts);
    let event = duologue_message_event {
        struct_size: size::<duologue_message_event>(),
        op: match change.op {
            MessageOp::Added => duologue_message_op::DUOLOGUE_MESSAGE_OP_ADDED,
            MessageOp::Updated => duologue_message_op::DUOLOGUE_MESSAGE_OP_UPDATED,
            MessageOp::Removed => duologue_message_op::DUOLOGUE_MESSAGE_OP_REMOVED,
        },
        envelope,
        id: arena.text(message.id.as_str()),
        after: arena.maybe(change.after.as_ref().map(|a| a.as_str())),
        role: role(message.role),
        state: match message.state {
            MessageState::InProgress => duologue_message_state::DUOLOGUE_MESSAGE_STATE_IN_PROGRESS,
            MessageState::Completed => duologue_message_state::DUOLOGUE_MESSAGE_STATE_COMPLETED,
            MessageState::Incomplete => duologue_message_state::DUOLOGUE_MESSAGE_STATE_INCOMPLETE,
        },
        revision: message.revision,
        created_ms: message.created_ms,
        interrupted: message.interrupted.into(),
        reserved: 0,
        parts: list,
        part_count,
    };
    arena.keep(event)
}

fn part(index: u32, part: &Part, arena: &mut Arena) -> *mut duologue_part {
    let mut c = duologue_part {
        struct_size: size::<duologue_part>(),
        index,
        part_type: duologue_part_type::DUOLOGUE_PART_TYPE_TEXT,
        tool_state: duologue_tool_call_state::DUOLOGUE_TOOL_CALL_STATE_PENDING,
        is_error: 0,
        reserved: 0,
        text: NO_TEXT,
        heard_text: NO_TEXT,
        duration_ms: 0,
        heard_ms: 0,
        call_id: NO_TEXT,
        name: NO_TEXT,
        arguments: NO_TEXT,
        output: NO_TEXT,
        mime_type: NO_TEXT,
        data: NO_TEXT,
        url: NO_TEXT,
    };
    match part {
        Part::Text { content } => c.text = arena.text(content),
        Part::Audio { transcript, heard_transcript, duration_ms, heard_ms } => {
            c.part_type = duologue_part_type::DUOLOGUE_PART_TYPE_AUDIO;
            c.text = arena.text(transcript);
            c.heard_text = arena.maybe(heard_transcript.as_deref());
            (c.duration_ms, c.heard_ms) = (*duration_ms, *heard_ms);
        }
        // `input` is `arguments`, parsed.
        Part::ToolCall { id, name, arguments, input: _, output, state } => {
            c.part_type = duologue_part_type::DUOLOGUE_PART_TYPE_TOOL_CALL;
            c.call_id = arena.text(id.as_str());
            c.name = arena.text(name);
            c.arguments = arena.text(arguments);
            c.output = arena.maybe(output.as_deref());
            c.tool_state = match state {
                ToolCallState::Pending => duologue_tool_call_state::DUOLOGUE_TOOL_CALL_STATE_PENDING,
                ToolCallState::Running => duologue_tool_call_state::DUOLOGUE_TOOL_CALL_STATE_RUNNING,
                ToolCallState::Completed => duologue_tool_call_state::DUOLOGUE_TOOL_CALL_STATE_COMPLETED,
                ToolCallState::Failed => duologue_tool_call_state::DUOLOGUE_TOOL_CALL_STATE_FAILED,
                ToolCallState::Cancelled => duologue_tool_call_state::DUOLOGUE_TOOL_CALL_STATE_CANCELLED,
            };
        }
        Part::ToolResult { tool_call_id, content, is_error } => {
            c.part_type = duologue_part_type::DUOLOGUE_PART_TYPE_TOOL_RESULT;
            c.call_id = arena.text(tool_call_id.as_str());
            c.text = arena.text(content);
            c.is_error = (*is_error).into();
        }
        Part::Image { data, url, mime_type } => {
            c.part_type = duologue_part_type::DUOLOGUE_PART_TYPE_IMAGE;
            c.data = arena.maybe(data.as_deref());
            c.url = arena.maybe(url.as_deref());
            c.mime_type = arena.text(mime_type);
        }
    }
    arena.keep(c)
}

pub(super) fn transcript(envelope: Envelope, t: &Transcript, arena: &mut Arena) -> *const duologue_transcript_event {
    let text = arena.text(&t.text);
    arena.keep(duologue_transcript_event {
        struct_size: size::<duologue_transcript_event>(),
        role: role(t.role),
        envelope,
        text,
        mode: match t.mode {
            TranscriptMode::Delta => duologue_transcript_mode::DUOLOGUE_TRANSCRIPT_MODE_DELTA,
            TranscriptMode::Replace => duologue_transcript_mode::DUOLOGUE_TRANSCRIPT_MODE_REPLACE,
            TranscriptMode::Final => duologue_transcript_mode::DUOLOGUE_TRANSCRIPT_MODE_FINAL,
            TranscriptMode::Correction => duologue_transcript_mode::DUOLOGUE_TRANSCRIPT_MODE_CORRECTION,
        },
        stage: match t.stage {
            TranscriptStage::Recognized => duologue_transcript_stage::DUOLOGUE_TRANSCRIPT_STAGE_RECOGNIZED,
            TranscriptStage::Generated => duologue_transcript_stage::DUOLOGUE_TRANSCRIPT_STAGE_GENERATED,
            TranscriptStage::Heard => duologue_transcript_stage::DUOLOGUE_TRANSCRIPT_STAGE_HEARD,
        },
        part: t.part,
        estimated: t.estimated.into(),
        has_error_words: t.error_words.is_some().into(),
        error_words: t.error_words.unwrap_or(0),
    })
}

pub(super) fn audio(envelope: Envelope, a: &AudioOut, arena: &mut Arena) -> *const duologue_audio_event {
    // The view keeps the event, and with it the samples.
    arena.keep(duologue_audio_event {
        struct_size: size::<duologue_audio_event>(),
        rate: a.rate,
        envelope,
        samples: a.pcm.0.as_ptr(),
        frame_count: a.pcm.0.len(),
        part: a.part,
    })
}

pub(super) fn audio_level(envelope: Envelope, l: &AudioLevel, arena: &mut Arena) -> *const duologue_audio_level_event {
    let (rms, peak, direction) = (l.rms, l.peak, direction(l.direction));
    let struct_size = size::<duologue_audio_level_event>();
    arena.keep(duologue_audio_level_event { struct_size, direction, envelope, rms, peak })
}

pub(super) fn tool_call(envelope: Envelope, t: &ToolCall, arena: &mut Arena) -> *const duologue_tool_call_event {
    let (call_id, name) = (arena.text(t.call.id.as_str()), arena.text(&t.name));
    let arguments = arena.text(&t.arguments);
    let struct_size = size::<duologue_tool_call_event>();
    arena.keep(duologue_tool_call_event { struct_size, epoch: t.call.epoch, envelope, call_id, name, arguments })
}

pub(super) fn tool_end(envelope: Envelope, t: &ToolEnd, arena: &mut Arena) -> *const duologue_tool_end_event {
    let (call_id, name) = (arena.text(t.call.id.as_str()), arena.text(&t.name));
    let struct_size = size::<duologue_tool_end_event>();
    arena.keep(duologue_tool_end_event { struct_size, epoch: t.call.epoch, envelope, call_id, name })
}

pub(super) fn direction(direction: Direction) -> duologue_direction {
    match direction {
        Direction::Input => duologue_direction::DUOLOGUE_DIRECTION_INPUT,
        Direction::Output => duologue_direction::DUOLOGUE_DIRECTION_OUTPUT,
    }
}

fn role(role: Role) -> duologue_role {
    match role {
        Role::User => duologue_role::DUOLOGUE_ROLE_USER,
        Role::Assistant => duologue_role::DUOLOGUE_ROLE_ASSISTANT,
        Role::System => duologue_role::DUOLOGUE_ROLE_SYSTEM,
    }
}
