//! What a wish asks of an agent that agents do not have (protocols reference §3, §10).

use crate::{
    config::{Config, Modality, Scheduling, ToolChoice, Transcription, TransportChoice, VadMode},
    provider::{
        AuthStyle,
        openai::legality::{Finding, Severity},
    },
};

/// Everything that does not go, in the order of the configuration.
pub fn findings(config: &Config) -> Vec<Finding> {
    let turns = &config.turn_detection;
    let heard = config.transcription.as_ref();
    let default = Transcription::default();
    let agent = "the agent decides";
    let elsewhere = "change it in the agent's settings";
    let says = "the service has nothing of the kind";
    let mut found = Vec::new();
    for (path, set, message, fix) in [
        ("transport", config.transport == TransportChoice::Webrtc, "its calls are rooms of LiveKit", "use websocket"),
        ("sdp_proxy", config.sdp_proxy.is_some(), "its calls are rooms of LiveKit", "remove it"),
        ("auth", config.auth == AuthStyle::Subprotocol, "the service takes no credential there", "use header"),
        ("noise_reduction", config.noise_reduction.is_some(), says, "remove it"),
        ("parallel_tool_calls", config.parallel_tool_calls.is_some(), agent, "remove it"),
        ("tool_choice", config.tool_choice != ToolChoice::Auto, agent, "say it in the instructions"),
        ("reasoning_effort", config.reasoning_effort.is_some(), agent, elsewhere),
        ("turn_detection.mode", turns.mode != VadMode::Server, agent, "use server"),
        ("turn_detection.threshold", turns.threshold.is_some(), agent, elsewhere),
        ("turn_detection.prefix_padding_ms", turns.prefix_padding_ms.is_some(), agent, elsewhere),
        ("turn_detection.silence_duration_ms", turns.silence_duration_ms.is_some(), agent, elsewhere),
        ("turn_detection.idle_timeout_ms", turns.idle_timeout_ms.is_some(), agent, elsewhere),
        ("turn_detection.create_response", !turns.create_response, agent, "remove it"),
        ("turn_detection.interrupt_response", !turns.interrupt_response, agent, elsewhere),
        ("transcription", heard.is_none(), "the agent transcribes always", "pass over its transcripts"),
        ("transcription.model", heard.is_some_and(|t| t.model != default.model), agent, elsewhere),
        ("transcription.prompt", heard.is_some_and(|t| t.prompt.is_some()), says, "use keywords"),
        ("transcription.delay", heard.is_some_and(|t| t.delay.is_some()), says, "remove it"),
        ("transcription.languages", heard.is_some_and(|t| !t.languages.is_empty()), says, "use language"),
    ] {
        if set {
            found.push(finding(path.to_owned(), message.to_owned(), fix));
        }
    }
    for (at, tool) in config.tools.iter().enumerate() {
        if tool.scheduling.is_some_and(|wish| wish != Scheduling::Wait) {
            let path = format!("tools[{at}].scheduling");
            found.push(finding(path, format!("{:?}: the agent's own settings say it", tool.name), elsewhere));
        }
    }
    let own = "only agents with a language model of their own (custom LLM) are told";
    for (path, set, code, message, fix) in [
        ("temperature", config.temperature.is_some(), "custom_llm_only", own, elsewhere),
        ("max_output_tokens", config.max_output_tokens.is_some(), "custom_llm_only", own, elsewhere),
        (
            "output_modality",
            config.output_modality == Modality::Text,
            "deaf",
            "an agent that writes does not listen: the microphone is not heard",
            "use \"audio\" to be heard, or send_text",
        ),
    ] {
        if set {
            let severity = Severity::Warning(code);
            found.push(Finding { severity, ..finding(path.to_owned(), message.to_owned(), fix) });
        }
    }
    found
}

fn finding(path: String, message: String, fix: &str) -> Finding {
    Finding { path, message, fix: fix.to_owned(), severity: Severity::Unsupported }
}
