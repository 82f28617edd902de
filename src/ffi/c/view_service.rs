//! Translation of the events of `event_service`.

use super::{
    arena::{Arena, NO_TEXT, size},
    event::duologue_event,
    event_enums::*,
    event_service::*,
    result::duologue_result,
    view_conversation::direction,
};
use crate::{
    error::{Error, ErrorClass},
    event::{
        Completed, CredentialNeeded, DeviceChange, EndedBy, Lagged, Latency, Phase, Raw, SessionConfigured,
        SessionReplaced, Status, TransportChanged, Usage, UsageScope,
    },
};
use std::ptr;

type Envelope = *const duologue_event;

pub(super) fn status(envelope: Envelope, status: &Status, arena: &mut Arena) -> *const duologue_status_event {
    let mut event = duologue_status_event {
        struct_size: size::<duologue_status_event>(),
        status: status_number(status),
        envelope,
        phase: duologue_phase::DUOLOGUE_PHASE_NONE,
        ended_by: duologue_ended_by::DUOLOGUE_ENDED_BY_NONE,
        ended_code: NO_TEXT,
        detail: NO_TEXT,
        attempt: 0,
        reserved: 0,
        retry_in_ms: 0,
        error: ptr::null(),
    };
    match status {
        Status::Idle { ended } => {
            event.ended_by = match ended.by {
                EndedBy::None => duologue_ended_by::DUOLOGUE_ENDED_BY_NONE,
                EndedBy::User => duologue_ended_by::DUOLOGUE_ENDED_BY_USER,
                EndedBy::Agent => duologue_ended_by::DUOLOGUE_ENDED_BY_AGENT,
                EndedBy::Network => duologue_ended_by::DUOLOGUE_ENDED_BY_NETWORK,
                EndedBy::Error => duologue_ended_by::DUOLOGUE_ENDED_BY_ERROR,
                EndedBy::Limit => duologue_ended_by::DUOLOGUE_ENDED_BY_LIMIT,
            };
            event.ended_code = arena.text(&ended.code);
            event.detail = arena.text(&ended.detail);
        }
        Status::Connecting { phase } => event.phase = phase_number(*phase),
        Status::Connected => {}
        Status::Reconnecting { attempt, retry_in_ms, reason, phase } => {
            (event.attempt, event.retry_in_ms) = (*attempt, *retry_in_ms);
            event.detail = arena.text(reason);
            event.phase = phase.map_or(duologue_phase::DUOLOGUE_PHASE_NONE, phase_number);
        }
        Status::Error { error: why } => event.error = error(envelope, why, arena),
    }
    arena.keep(event)
}

pub(super) fn status_number(status: &Status) -> duologue_status {
    match status {
        Status::Idle { .. } => duologue_status::DUOLOGUE_STATUS_IDLE,
        Status::Connecting { .. } => duologue_status::DUOLOGUE_STATUS_CONNECTING,
        Status::Connected => duologue_status::DUOLOGUE_STATUS_CONNECTED,
        Status::Reconnecting { .. } => duologue_status::DUOLOGUE_STATUS_RECONNECTING,
        Status::Error { .. } => duologue_status::DUOLOGUE_STATUS_ERROR,
    }
}

fn phase_number(phase: Phase) -> duologue_phase {
    match phase {
        Phase::Credential => duologue_phase::DUOLOGUE_PHASE_CREDENTIAL,
        Phase::Dial => duologue_phase::DUOLOGUE_PHASE_DIAL,
        Phase::Ice => duologue_phase::DUOLOGUE_PHASE_ICE,
        Phase::Dtls => duologue_phase::DUOLOGUE_PHASE_DTLS,
        Phase::Configure => duologue_phase::DUOLOGUE_PHASE_CONFIGURE,
    }
}

pub(super) fn error(envelope: Envelope, e: &Error, arena: &mut Arena) -> *const duologue_error_event {
    let event = duologue_error_event {
        struct_size: size::<duologue_error_event>(),
        result: e.result().into(),
        envelope,
        error_class: class(e.class),
        fatal: e.fatal.into(),
        retryable: e.retryable.into(),
        reserved: 0,
        code: arena.text(&e.code),
        message: arena.text(&e.message),
        field: arena.maybe(e.field.as_deref()),
        fix: arena.maybe(e.fix.as_deref()),
        provider_code: arena.maybe(e.provider_code.as_deref()),
        retry_after_ms: e.retry_after_ms.unwrap_or(0),
    };
    arena.keep(event)
}

fn class(class: ErrorClass) -> duologue_error_class {
    use duologue_error_class::*;
    match class {
        ErrorClass::Argument => DUOLOGUE_ERROR_CLASS_ARGUMENT,
        ErrorClass::Config => DUOLOGUE_ERROR_CLASS_CONFIG,
        ErrorClass::Unsupported => DUOLOGUE_ERROR_CLASS_UNSUPPORTED,
        ErrorClass::State => DUOLOGUE_ERROR_CLASS_STATE,
        ErrorClass::Credential => DUOLOGUE_ERROR_CLASS_CREDENTIAL,
        ErrorClass::Network => DUOLOGUE_ERROR_CLASS_NETWORK,
        ErrorClass::Tls => DUOLOGUE_ERROR_CLASS_TLS,
        ErrorClass::Protocol => DUOLOGUE_ERROR_CLASS_PROTOCOL,
        ErrorClass::Provider => DUOLOGUE_ERROR_CLASS_PROVIDER,
        ErrorClass::Quota => DUOLOGUE_ERROR_CLASS_QUOTA,
        ErrorClass::Limit => DUOLOGUE_ERROR_CLASS_LIMIT,
        ErrorClass::Device => DUOLOGUE_ERROR_CLASS_DEVICE,
        ErrorClass::Permission => DUOLOGUE_ERROR_CLASS_PERMISSION,
        ErrorClass::Tool => DUOLOGUE_ERROR_CLASS_TOOL,
        ErrorClass::Host => DUOLOGUE_ERROR_CLASS_HOST,
        ErrorClass::Internal => DUOLOGUE_ERROR_CLASS_INTERNAL,
    }
}

pub(super) fn credential_needed(
    envelope: Envelope,
    c: &CredentialNeeded,
    arena: &mut Arena,
) -> *const duologue_credential_needed_event {
    let reason = arena.text(&c.reason);
    arena.keep(duologue_credential_needed_event {
        struct_size: size::<duologue_credential_needed_event>(),
        reserved: 0,
        envelope,
        request_id: c.request_id,
        deadline_ms: c.deadline_ms,
        reason,
    })
}

pub(super) fn completed(envelope: Envelope, c: &Completed, arena: &mut Arena) -> *const duologue_completed_event {
    let why = c.error.as_ref().map_or(ptr::null(), |e| error(envelope, e, arena));
    arena.keep(duologue_completed_event {
        struct_size: size::<duologue_completed_event>(),
        result: c.error.as_ref().map_or(duologue_result::DUOLOGUE_OK, |e| e.result().into()),
        envelope,
        op: c.op.0,
        error: why,
        round_trip_us: c.round_trip_us.unwrap_or(0),
    })
}

pub(super) fn session(envelope: Envelope, s: &SessionConfigured, arena: &mut Arena) -> *const duologue_session_event {
    let effective_json = arena.text(&s.effective.to_string());
    // Values that came from JSON can be written as JSON.
    let differences = serde_json::to_string(&s.differences).unwrap_or_else(|_| "[]".into());
    let differences_json = arena.text(&differences);
    let struct_size = size::<duologue_session_event>();
    arena.keep(duologue_session_event { struct_size, reserved: 0, envelope, effective_json, differences_json })
}

pub(super) fn session_replaced(
    envelope: Envelope,
    s: &SessionReplaced,
    arena: &mut Arena,
) -> *const duologue_session_replaced_event {
    let (why, context) = (arena.text(&s.why), arena.text(&s.context));
    let struct_size = size::<duologue_session_replaced_event>();
    arena.keep(duologue_session_replaced_event { struct_size, reserved: 0, envelope, why, context, gap_ms: s.gap_ms })
}

pub(super) fn transport_changed(
    envelope: Envelope,
    t: &TransportChanged,
    arena: &mut Arena,
) -> *const duologue_transport_changed_event {
    let (from, to, why) = (arena.text(&t.from), arena.text(&t.to), arena.text(&t.why));
    let struct_size = size::<duologue_transport_changed_event>();
    arena.keep(duologue_transport_changed_event { struct_size, reserved: 0, envelope, from, to, why })
}

pub(super) fn usage(envelope: Envelope, u: &Usage, arena: &mut Arena) -> *const duologue_usage_event {
    arena.keep(duologue_usage_event {
        struct_size: size::<duologue_usage_event>(),
        scope: match u.scope {
            UsageScope::Response => duologue_usage_scope::DUOLOGUE_USAGE_SCOPE_RESPONSE,
            UsageScope::Session => duologue_usage_scope::DUOLOGUE_USAGE_SCOPE_SESSION,
        },
        envelope,
        cumulative: u.cumulative.into(),
        has_cost: u.cost.is_some().into(),
        cost: u.cost.unwrap_or(0.0),
        input_total: u.input.total,
        input_text: u.input.text,
        input_audio: u.input.audio,
        input_image: u.input.image,
        input_cached: u.input.cached,
        output_total: u.output.total,
        output_text: u.output.text,
        output_audio: u.output.audio,
        billed_ms: u.billed_ms.unwrap_or(0),
    })
}

pub(super) fn latency(envelope: Envelope, l: &Latency, arena: &mut Arena) -> *const duologue_latency_event {
    arena.keep(duologue_latency_event {
        struct_size: size::<duologue_latency_event>(),
        reserved: 0,
        envelope,
        endpointing_ms: l.endpointing_ms,
        service_ms: l.service_ms,
        buffer_ms: l.buffer_ms,
        total_ms: l.total_ms,
    })
}

pub(super) fn device(envelope: Envelope, d: &DeviceChange, arena: &mut Arena) -> *const duologue_device_event {
    let (change, device) = (arena.text(&d.change), arena.text(&d.device));
    let struct_size = size::<duologue_device_event>();
    arena.keep(duologue_device_event { struct_size, half_duplex: d.half_duplex.into(), envelope, change, device })
}

pub(super) fn raw(envelope: Envelope, r: &Raw, arena: &mut Arena) -> *const duologue_raw_event {
    let (json, direction) = (arena.text(&r.json), direction(r.direction));
    arena.keep(duologue_raw_event { struct_size: size::<duologue_raw_event>(), direction, envelope, json })
}

pub(super) fn lagged(envelope: Envelope, l: &Lagged, arena: &mut Arena) -> *const duologue_lagged_event {
    arena.keep(duologue_lagged_event {
        struct_size: size::<duologue_lagged_event>(),
        reserved: 0,
        envelope,
        levels: l.levels,
        raw: l.raw,
        figures: l.figures,
        merged: l.merged,
        audio: l.audio,
    })
}
