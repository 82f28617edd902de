//! From the command line to a client that is ready to dial. Files are looked at first, then the
//! configuration, then the key: whatever can be wrong is told before anything is dialled.

use crate::{
    args::{TalkArgs, Transport},
    exit::Failure,
    simulate::{dialect, scenario},
    tools,
    typed::Typed,
};
use duologue::{
    Client, ClientBuilder, Config, Credential, Error,
    audio::{
        device::file::FileBackend,
        resample::Resampler,
        wav::{Wav, read_wav},
    },
    config::{AudioSource, Tool, TransportChoice},
    credential::CredentialKind,
    simulator::{
        Simulator,
        caller::{self, Caller},
    },
};
use std::{
    fs::{File, OpenOptions},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// Rate of the file device: what the services speak, so that nothing is resampled twice.
const RATE: u32 = 24_000;
const WRITABLE: &str = "give a path in a directory that exists and can be written";

/// Who speaks for the user.
pub enum Person {
    /// Somebody with a microphone: a scenario's caller, or a recording.
    Caller(Caller),
    /// Somebody who types.
    Typed(Typed),
}

/// Everything a conversation needs.
pub struct Setup {
    /// Where the conversation is held, for people.
    pub title: String,
    /// Ready to build.
    pub client: ClientBuilder,
    pub person: Person,
    /// Serves as long as this lives.
    pub simulator: Option<Simulator>,
    /// The recording, if there is one.
    pub output: Option<PathBuf>,
    /// Why the recording ended early, if it did.
    pub recording: Arc<OnceLock<Error>>,
}

/// See the module.
pub async fn prepare(args: TalkArgs) -> Result<Setup, Failure> {
    let mut scenario = args.simulate.then(|| scenario(args.scenario.as_deref())).transpose()?;
    // The bundled caller speaks first; an agent that greets by itself would be cut off by it.
    if let Some(scenario) = scenario.as_mut().filter(|_| args.scenario.is_none()) {
        scenario.agent.greets = false;
    }
    let wav = args.input.as_deref().map(recording).transpose()?;
    for path in [&args.output, &args.input_log].into_iter().flatten() {
        writable(path)?;
    }
    let mut config = config(&args)?;
    let tools_wanted = args.simulate || args.demo_tools;
    if tools_wanted && !config.tools.iter().any(|t: &Tool| t.name == tools::weather().name) {
        config.tools.push(tools::weather());
    }
    let (person, microphone) = match (&scenario, wav) {
        (_, Some(wav)) => {
            let (caller, mic) = caller::from_recording(wav.rate, wav.samples, u64::from(args.idle_seconds) * 1000);
            (Person::Caller(caller), mic)
        }
        (Some(scenario), None) if args.text.is_empty() => {
            let (caller, mic) = caller::from_scenario(scenario)?;
            (Person::Caller(caller), mic)
        }
        _ => {
            // Nobody speaks: no microphone is opened, so that no service listens to silence.
            let typed = if args.text.is_empty() { Typed::stdin() } else { Typed::turns(args.text) };
            (Person::Typed(typed), caller::from_recording(RATE, Vec::new(), 0).1)
        }
    };
    let speaks = matches!(person, Person::Caller(_));
    config.audio.input.source = if speaks { AudioSource::Device } else { AudioSource::None };
    config.audio.output.source = AudioSource::Device;
    config.validate()?;

    let (credential, simulator, title) = match (scenario, &config.sdp_proxy) {
        (Some(scenario), None) => {
            let title = format!("simulator, scenario {:?}", scenario.name);
            let played = dialect(&config.provider)?;
            let simulator = Simulator::builder().scenario(scenario).dialect(played).start().await?;
            config.base_url = Some(simulator.url_of(&config.provider));
            // What only an account of one's own has a name for.
            let own = match config.provider.as_str() {
                "azure" => Some("simulated-deployment"),
                "elevenlabs" => Some("agent_simulated"),
                _ => None,
            };
            if config.model.is_none() {
                config.model = own.map(str::to_owned);
            }
            (Some(Credential::new("sk-simulated")?), Some(simulator), title)
        }
        (Some(_), Some(_)) => {
            let line =
                "the configuration names a server of yours (sdp_proxy), and --simulate talks to none: leave one out";
            return Err(Failure { code: 5, line: line.into() });
        }
        // One that is given for this would be for nothing.
        (None, Some(_)) if args.api_key.is_some() => {
            let line = "--api-key: the server of sdp_proxy has the key; say who you are with DUOLOGUE_AUTH_TOKEN";
            return Err(Failure { code: 2, line: line.into() });
        }
        (None, Some(proxy)) => (token()?, None, format!("{} through {}", config.provider, shown(&proxy.url))),
        (None, None) => {
            let title = match &config.base_url {
                Some(url) => format!("{} at {}", config.provider, shown(url)),
                None => config.provider.clone(),
            };
            let credential = match key(args.api_key, &config.provider, Some("duologue talk")) {
                // A public agent talks to everybody.
                Err(_) if config.provider == "elevenlabs" => None,
                key => Some(Credential::new(key?)?),
            };
            (credential, None, title)
        }
    };
    let mut backend = FileBackend::new(Box::new(microphone), RATE);
    if let Some(path) = &args.output {
        backend = backend.record_to(path);
    }
    let recording = backend.errors();
    let mut client = Client::builder().config(config).audio_backend(Box::new(backend));
    if let Some(credential) = credential {
        client = client.credential(credential);
    }
    if let Some(path) = &args.input_log {
        let file = File::create(path).map_err(|e| Failure::file(path, e, WRITABLE))?;
        client = client.input_log(BufWriter::new(file));
    }
    Ok(Setup { title, client, person, simulator, output: args.output, recording })
}

/// A URL without what may be secret in it: no user, no password, no query.
fn shown(url: &str) -> String {
    let Ok(url) = url::Url::parse(url) else { return "another service".to_owned() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// A WAV file that can be spoken.
fn recording(path: &Path) -> Result<Wav, Failure> {
    let wav = read_wav(path)?;
    Resampler::new(wav.rate, RATE)
        .map_err(|_| Failure::file(path, format!("{} Hz is no usual rate", wav.rate), "use 8000 to 192000 Hz"))?;
    Ok(wav)
}

/// Fails when `path` cannot be written, without changing what is there.
fn writable(path: &Path) -> Result<(), Failure> {
    let existed = path.exists();
    OpenOptions::new().create(true).append(true).open(path).map_err(|e| Failure::file(path, e, WRITABLE))?;
    if !existed {
        // Only to try; what matters is that it could be made.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// A configuration document, or the defaults. What it says may only fit together with the transport that is wanted.
pub fn document(path: Option<&Path>, transport: Option<TransportChoice>) -> Result<Config, Failure> {
    let Some(path) = path else { return Ok(Config::default()) };
    let read = std::fs::read_to_string(path);
    let mut text = read.map_err(|e| Failure::file(path, e, "name a configuration document"))?;
    if let (Some(transport), Ok(serde_json::Value::Object(mut document))) = (transport, serde_json::from_str(&text)) {
        document.insert("transport".into(), serde_json::json!(transport));
        text = serde_json::Value::Object(document).to_string();
    }
    Config::from_json(&text).map_err(|e| {
        let failure = Failure::from(e);
        Failure { line: format!("{}: {}", path.display(), failure.line), ..failure }
    })
}

/// An option wins over what the document says.
pub fn set(slot: &mut Option<String>, option: Option<&String>) {
    if option.is_some() {
        *slot = option.cloned();
    }
}

/// Trusts the certificates of a file too.
pub fn trust(config: &mut Config, path: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = path {
        let read = std::fs::read_to_string(path);
        config.tls.extra_roots.push(read.map_err(|e| Failure::file(path, e, "name a PEM file with certificates"))?);
    }
    Ok(())
}

/// The document, and the options that override it.
fn config(args: &TalkArgs) -> Result<Config, Failure> {
    let transport = args.transport.map(|transport| match transport {
        Transport::Auto => TransportChoice::Auto,
        Transport::Webrtc => TransportChoice::Webrtc,
        Transport::Websocket => TransportChoice::Websocket,
    });
    let mut config = document(args.config.as_deref(), transport)?;
    if let Some(provider) = &args.provider {
        config.provider.clone_from(provider);
    }
    set(&mut config.base_url, args.base_url.as_ref());
    set(&mut config.model, args.model.as_ref());
    set(&mut config.voice, args.voice.as_ref());
    set(&mut config.instructions, args.instructions.as_ref());
    if let Some(transport) = transport {
        config.transport = transport;
    } else if args.config.is_none() {
        config.transport = TransportChoice::Auto;
    }
    if !args.simulate {
        environment(&mut config, |name| std::env::var(name).ok());
    }
    trust(&mut config, args.ca.as_deref())?;
    Ok(config)
}

/// What the environment says of the service and the session, where nobody has said anything about it.
pub fn service(config: &mut Config, variable: impl Fn(&str) -> Option<String>) {
    if config.provider != "openai" {
        return;
    }
    let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
    for (slot, name) in [
        (&mut config.base_url, "OPENAI_BASE_URL"),
        (&mut config.model, "OPENAI_MODEL"),
        (&mut config.voice, "OPENAI_VOICE"),
        (&mut config.instructions, "SYSTEM_PROMPT"),
    ] {
        if slot.is_none() {
            *slot = variable(name);
        }
    }
}

/// The same, and of whoever sits here.
fn environment(config: &mut Config, variable: impl Fn(&str) -> Option<String>) {
    // A server of one's own decides that itself.
    if config.sdp_proxy.is_none() {
        service(config, &variable);
    }
    // On many systems it is a list of locales for messages, which says nothing about what is spoken.
    let code = |value: &String| (2..=3).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_lowercase());
    if let Some(words) = &mut config.transcription
        && config.provider == "openai"
        && words.language.is_none()
        && words.languages.is_empty()
    {
        words.language = variable("LANGUAGE").filter(code);
    }
}

/// Who we are at a server of the application, which may know it in another way.
fn token() -> Result<Option<Credential>, Failure> {
    let token = std::env::var("DUOLOGUE_AUTH_TOKEN").ok().filter(|token| !token.trim().is_empty());
    Ok(token.map(|token| Credential::of_kind(CredentialKind::Bearer, token)).transpose()?)
}

/// The key of the service: the one that is given, or that of the environment; a `command` can be tried without one.
pub fn key(given: Option<String>, provider: &str, command: Option<&str>) -> Result<String, Failure> {
    let variables = duologue::provider::key_variables(provider);
    let offline = command.map(|command| format!(", or try `{command} --simulate`, which needs none"));
    let fix = format!("set the environment variable {}{}", variables.join(" or "), offline.unwrap_or_default());
    let mut given = given.into_iter().chain(variables.iter().filter_map(|name| std::env::var(name).ok()));
    given
        .find(|key| !key.trim().is_empty())
        .ok_or_else(|| Failure { code: 3, line: format!("there is no API key; {fix}") })
}

#[cfg(test)]
mod tests {
    use super::{environment, shown};
    use duologue::Config;

    fn with(document: &str, variables: &[(&str, &str)]) -> Config {
        let mut config = Config::from_json(document).unwrap();
        environment(&mut config, |name| Some(variables.iter().find(|(n, _)| *n == name)?.1.to_owned()));
        config
    }

    #[test]
    fn the_environment_says_what_nobody_else_says() {
        let all = [
            ("OPENAI_BASE_URL", "https://example.com/v1"),
            ("OPENAI_MODEL", "gpt-realtime-2"),
            ("OPENAI_VOICE", "cedar"),
            ("SYSTEM_PROMPT", "Be brief."),
            ("LANGUAGE", "de"),
        ];
        let expected = r#"{"base_url": "https://example.com/v1", "model": "gpt-realtime-2", "voice": "cedar",
            "instructions": "Be brief.", "transcription": {"language": "de"}}"#;
        assert_eq!(with("{}", &all), Config::from_json(expected).unwrap());
        let said = r#"{"base_url": "https://other.example/v1", "model": "gpt-realtime-1.5", "voice": "marin",
            "instructions": "", "transcription": {"languages": ["fr"]}}"#;
        assert_eq!(with(said, &all), Config::from_json(said).unwrap());
        assert_eq!(with("{}", &[("OPENAI_MODEL", " "), ("SYSTEM_PROMPT", "")]), Config::default());
        assert_eq!(with(r#"{"transcription": null}"#, &[("LANGUAGE", "de")]).transcription, None);
    }

    #[test]
    fn a_locale_is_no_language() {
        for locale in ["en_US:en", "en_US", "en:de", "C", "EN", "english", "d1"] {
            assert_eq!(with("{}", &[("LANGUAGE", locale)]), Config::default(), "{locale}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (url, expected) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1"),
            ("http://user:canary@127.0.0.1:8080/v1?key=canary#canary", "http://127.0.0.1:8080/v1"),
            ("wss://[::1]:9/?canary", "wss://[::1]:9/"),
            ("canary", "another service"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
