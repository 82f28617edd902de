//! The command line.

use crate::exit::exit_codes;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// Realtime voice conversations with AI models.
#[derive(Parser)]
#[command(name = "duologue", version, arg_required_else_help = true, after_long_help = exit_codes!())]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Hold a conversation
    ///
    /// Without --input and --text, turns are read from standard input, one a line. With --simulate the
    /// caller of the scenario speaks instead.
    #[command(after_long_help = TALK_HELP)]
    Talk(Box<TalkArgs>),
    /// Serve the vendors' protocols on this machine, without a model and without a key
    #[command(after_long_help = SIMULATE_HELP)]
    Simulate(SimulateArgs),
    /// Make the calls of an application's users, so that the key of the service stays here
    ///
    /// Browsers and apps post the offers of their WebRTC calls to this server instead of to the service. Who they
    /// are is told by a token; what the session is, by this command line.
    #[command(after_long_help = SERVE_HELP)]
    Serve(Box<ServeArgs>),
    /// Mint a short-lived secret for a client that must not have the key of the account
    ///
    /// The secret alone is printed, on standard output. The client uses it as it would use the key.
    #[command(after_long_help = TOKEN_HELP)]
    Token(Box<TokenArgs>),
    /// List the providers, models and voices this program knows
    ///
    /// Others can be used too: the list is part of the program, and nobody is asked for a newer one.
    #[command(after_long_help = exit_codes!())]
    Providers {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Print a JSON Schema
    #[command(after_long_help = exit_codes!())]
    Schema {
        /// Of which document
        document: Document,
    },
}

const TALK_HELP: &str = concat!(
    "\
Examples:
  duologue talk --simulate
        a whole conversation on this machine: no key, no microphone, no network
  duologue talk --simulate --output conversation.wav --json
        the same as one JSON event per line, recorded
  duologue talk --simulate --provider xai
        the same with the service played as xAI (or gemini, azure, elevenlabs)
  duologue talk --simulate --transport websocket
        the same over one WebSocket instead of a call over WebRTC
  OPENAI_API_KEY=... duologue talk --input question.wav --output conversation.wav
        ask a recorded question and record the answer
  OPENAI_API_KEY=... duologue talk --text 'What is a lighthouse?' --text 'And a beacon?'
        two typed turns
  OPENAI_API_KEY=... duologue talk
        type the turns, one a line; end with Ctrl-D

Environment, for what neither an option nor the configuration document says (not with --simulate):
  OPENAI_API_KEY   the key of the service
  GEMINI_API_KEY or GOOGLE_API_KEY, XAI_API_KEY, AZURE_OPENAI_API_KEY, ELEVENLABS_API_KEY, DUOLOGUE_API_KEY
                   the same of gemini, xai, azure, elevenlabs and compatible, which are never shown that of OpenAI
  OPENAI_BASE_URL  another service that speaks the same protocol
  OPENAI_MODEL     the model
  OPENAI_VOICE     the voice
  SYSTEM_PROMPT    how the model shall behave
  DUOLOGUE_AUTH_TOKEN  who you are at a server of your own that makes the calls (`sdp_proxy` in the configuration
                   document, like one of `duologue serve`); it has the key, so none is needed here
  LANGUAGE         the language you speak, for the transcription; only when it is a plain code of two or
                   three letters, like de. Many systems set it to something like en_US:en, which is ignored

",
    exit_codes!()
);

const SIMULATE_HELP: &str = "\
When it is ready it prints exactly one line, `listening <WebSocket URL>`; for gemini it is the base URL of its clients.
SIGINT and SIGTERM end it in order, with exit code 0. Any API key is good, except
those that contain `invalid`. Open http://ADDRESS:PORT/ in a browser to talk to it yourself;
a browser app of your own calls it at http://ADDRESS:PORT/v1/realtime/calls: with a form, with an
`ek_...` secret, or with an offer alone and ?model=.

Clients of Gemini Live find it at the same port whatever --provider says, under the paths of Google's service
(/ws/google.ai.generativelanguage...., /ws/google.cloud.aiplatform...., POST /v1alpha/auth_tokens):
with --tls give Google's SDK the base URL https://ADDRESS:PORT and SSL_CERT_FILE=ca.pem.
So do clients of ElevenLabs Agents: give its SDK the base URL http://ADDRESS:PORT. Any agent id is good; what
the agent is set to is `agent` in the scenario, and with --provider elevenlabs the line names its WebSocket.

Examples:
  duologue simulate
  duologue simulate --provider xai
  duologue simulate --provider elevenlabs
  duologue simulate --listen 127.0.0.1:8080 --scenario shop.json
  duologue simulate --tls --ca-out ca.pem --for-seconds 60

A scenario can also say what goes wrong: connections that end, requests that are refused, sessions that
expire, events that come late, twice, broken or not at all. With this in shop.json the first connection
is lost at its tenth event, and the next request is refused with status 429:
  \"faults\": [{\"when\": {\"events\": 10}, \"do\": \"drop\"},
             {\"when\": {\"upgrade\": 2}, \"do\": {\"refuse\": {\"status\": 429, \"retry_after_s\": 1}}}]
Calls that find no path, as where UDP is blocked: {\"when\": {\"upgrade\": 1}, \"do\": \"no_path\"}

Exit codes:
  0    it was ended, the time is up, or standard input has ended
  2    wrong usage, or an address that is not loopback
  4    the address cannot be listened on
  5    the scenario is wrong
  6    a file cannot be read or written";

const SERVE_HELP: &str = "\
When it is ready it prints exactly one line, `listening <URL>`; offers are posted to <URL>/calls.
SIGINT and SIGTERM end it in order, with exit code 0. Without a token it serves its own machine only.

Examples:
  duologue serve --simulate --page
        try it: open the printed URL in a browser; no key, no network
  OPENAI_API_KEY=... DUOLOGUE_AUTH_TOKEN=... duologue serve --origin https://app.example \\
      --voice marin --voice cedar --instructions 'You are the guide of a museum.'
        callers choose one of two voices and nothing else
  OPENAI_API_KEY=... duologue serve --listen 0.0.0.0:8787 --behind-tls \\
      --client-ip-header X-Forwarded-For --token-file tokens.txt --config session.json
        behind a server that speaks TLS, for whoever has one of the tokens
  curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/sdp' \\
      --data-binary @offer.sdp http://127.0.0.1:8787/calls
        what a caller does

  GEMINI_API_KEY=... DUOLOGUE_AUTH_TOKEN=... duologue serve --provider gemini --client-secrets 60 \\
      --instructions 'You are the guide of a museum.'
        a provider without calls: clients post to /client_secrets and connect with what they get

Environment, for what neither an option nor the configuration document says (not with --simulate):
OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, OPENAI_VOICE, SYSTEM_PROMPT;
GEMINI_API_KEY or GOOGLE_API_KEY, XAI_API_KEY, AZURE_OPENAI_API_KEY, DUOLOGUE_API_KEY

Exit codes:
  0    it was ended
  2    wrong usage, or an address that it must not listen on
  3    the API key is missing
  4    the address cannot be listened on
  5    the configuration, the scenario, an origin or a number is wrong
  6    a file cannot be read, or is not what it should be";

const TOKEN_HELP: &str = concat!(
    "\
Examples:
  OPENAI_API_KEY=... duologue token --ttl 60 --voice cedar --instructions 'You are the guide of a museum.'
        for one client: its session begins like this, and it may change it
  GEMINI_API_KEY=... duologue token --provider gemini --uses 1 --instructions 'You are the guide of a museum.'
        for one session, which is locked
  XAI_API_KEY=... duologue token --provider xai --json
        secrets of xAI carry no session; {\"value\": ..., \"expires_at\": ...}, seconds since 1970
  secret=$(duologue token) && OPENAI_API_KEY=$secret duologue talk --text 'Hello'
        what a client does with it

Environment, for what neither an option nor the configuration document says:
  OPENAI_API_KEY, GEMINI_API_KEY or GOOGLE_API_KEY, XAI_API_KEY, AZURE_OPENAI_API_KEY, DUOLOGUE_API_KEY
  OPENAI_BASE_URL, OPENAI_MODEL, OPENAI_VOICE, SYSTEM_PROMPT (with openai)

",
    exit_codes!()
);

/// Ways to connect.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// A call, or a WebSocket where there is no path for one within 2 s
    Auto,
    /// A call over WebRTC: events over a data channel, audio as Opus over RTP
    Webrtc,
    /// Events and audio over one WebSocket
    Websocket,
}

/// Options of `talk`.
#[derive(Args)]
pub struct TalkArgs {
    /// Talk to a simulated service inside this program: no key, no network
    #[arg(long, conflicts_with_all = ["base_url", "ca"])]
    pub simulate: bool,
    /// What the simulated service says, and what its caller does [default: three spoken turns]
    #[arg(long, value_name = "FILE.json", requires = "simulate")]
    pub scenario: Option<PathBuf>,
    /// Who answers: openai, gemini, xai, azure, elevenlabs (`--model` is the agent), or compatible for any other server of OpenAI's protocol [default: openai]
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// The key of the service. Better in the environment: other users of this machine can read command lines
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Another service that speaks the same protocol
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// How to connect [default: what the configuration document says, or else auto]
    #[arg(long, value_enum)]
    pub transport: Option<Transport>,
    /// The model [default: the provider's]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The voice [default: the provider's]
    #[arg(long, value_name = "NAME")]
    pub voice: Option<String>,
    /// How the model shall behave
    #[arg(long, value_name = "TEXT")]
    pub instructions: Option<String>,
    /// A whole configuration document (`duologue schema config`); options beside it win
    #[arg(long, value_name = "FILE.json")]
    pub config: Option<PathBuf>,
    /// Speak this WAV file in real time (any rate, mono or stereo), then be silent
    #[arg(long, value_name = "FILE.wav", conflicts_with = "text")]
    pub input: Option<PathBuf>,
    /// Record the conversation: you on the left, the assistant on the right
    #[arg(long, value_name = "FILE.wav")]
    pub output: Option<PathBuf>,
    /// A typed turn. May be repeated: each waits until the answer before it is over
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub text: Vec<String>,
    /// With --input: hang up when nothing has happened for this long after the file's end
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub idle_seconds: u32,
    /// Offer the model the demo tool `get_weather`, answered with a made-up forecast (always with --simulate)
    #[arg(long)]
    pub demo_tools: bool,
    /// Print one JSON event per line on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
    /// Write the input log of the session, from which the session can be replayed. It holds voice and text
    #[arg(long, value_name = "FILE")]
    pub input_log: Option<PathBuf>,
    /// Trust the certificates in this PEM file beside those of the system
    #[arg(long, value_name = "FILE.pem")]
    pub ca: Option<PathBuf>,
}

/// Options of `simulate`.
#[derive(Args)]
pub struct SimulateArgs {
    /// Whose form of the protocol is spoken
    #[arg(long, value_name = "NAME", default_value = "openai", value_parser = ["openai", "gemini", "xai", "azure", "elevenlabs"])]
    pub provider: String,
    /// Loopback address and port; port 0 is any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
    /// What is said [default: three spoken turns]; see `duologue schema scenario`
    #[arg(long, value_name = "FILE.json")]
    pub scenario: Option<PathBuf>,
    /// Accept models that are not in the catalogue
    #[arg(long)]
    pub any_model: bool,
    /// Serve wss and https with a certificate made on the spot
    #[arg(long, requires = "ca_out")]
    pub tls: bool,
    /// Where to write the authority that clients must trust (PEM)
    #[arg(long, value_name = "FILE.pem", requires = "tls")]
    pub ca_out: Option<PathBuf>,
    /// End after this long
    #[arg(long, value_name = "N")]
    pub for_seconds: Option<u64>,
    /// End when standard input ends: with the program that started this one, however that ends
    #[arg(long)]
    pub until_stdin_closes: bool,
}

/// Options of `serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// Address and port; port 0 is any free one. Others than loopback need a token and --behind-tls
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787", value_parser = address)]
    pub listen: SocketAddr,
    /// Pages of this origin may ask, like https://app.example. May be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
    /// Whoever sends this token may ask. Better in the environment: other users of this machine can read command lines
    #[arg(long, value_name = "TOKEN", env = "DUOLOGUE_AUTH_TOKEN", hide_env_values = true)]
    pub auth_token: Option<String>,
    /// Whoever sends one of these tokens may ask: one a line, each a user of its own
    #[arg(long, value_name = "FILE", conflicts_with = "auth_token")]
    pub token_file: Option<PathBuf>,
    /// Make the calls to a simulated service inside this program: no key, no network
    #[arg(long, conflicts_with_all = ["base_url", "ca"])]
    pub simulate: bool,
    /// What the simulated service says [default: three spoken turns]
    #[arg(long, value_name = "FILE.json", requires = "simulate")]
    pub scenario: Option<PathBuf>,
    /// Who answers: openai; of gemini, xai and azure only client secrets are minted [default: openai]
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// The key of the service. Better in the environment
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Another service that speaks the same protocol
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// A configuration document with the session of all callers; options beside it win
    #[arg(long, value_name = "FILE.json")]
    pub config: Option<PathBuf>,
    /// The model. May be repeated: callers choose, and the first is for who does not
    #[arg(long, value_name = "NAME")]
    pub model: Vec<String>,
    /// The voice. May be repeated, like --model
    #[arg(long, value_name = "NAME")]
    pub voice: Vec<String>,
    /// How the model shall behave
    #[arg(long, value_name = "TEXT")]
    pub instructions: Option<String>,
    /// Callers may add instructions of their own
    #[arg(long)]
    pub caller_instructions: bool,
    /// Mint client secrets with which sessions can be begun for so long. Of OpenAI, whoever has one can choose
    /// another session; Gemini's lock it, xAI's carry none
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60")]
    pub client_secrets: Option<u64>,
    /// Calls and client secrets a minute for one user
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub per_user: u32,
    /// Requests a minute from one address
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub per_address: u32,
    /// Calls of one user at a time: the oldest makes room [default: any number]
    #[arg(long, value_name = "N")]
    pub calls_per_user: Option<usize>,
    /// A server in front speaks TLS with the callers
    #[arg(long)]
    pub behind_tls: bool,
    /// The header in which that server says who the caller is, like X-Forwarded-For
    #[arg(long, value_name = "NAME", requires = "behind_tls")]
    pub client_ip_header: Option<String>,
    /// Serve a page at / with which a person can talk
    #[arg(long)]
    pub page: bool,
    /// What is told on standard error: error, warn, info, debug or off
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log: tracing_subscriber::filter::LevelFilter,
    /// Trust the certificates in this PEM file beside those of the system
    #[arg(long, value_name = "FILE.pem")]
    pub ca: Option<PathBuf>,
}

/// Options of `token`.
#[derive(Args)]
pub struct TokenArgs {
    /// Whose secret: openai, gemini, xai, azure, or compatible for another server that mints as OpenAI does [default: openai]
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// The key of the account. Better in the environment: other users of this machine can read command lines
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Another service that speaks the same protocol
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Sessions can be begun for so long: 10 to 7200, xai 1 to 3600, gemini 1 to 71999 [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub ttl: Option<u64>,
    /// With gemini: its sessions end so long from now, those under way included [default: half an hour after --ttl]
    #[arg(long, value_name = "SECONDS")]
    pub session_ttl: Option<u64>,
    /// With gemini: how many sessions can be begun; 0 is any number. Resuming one is no use [default: 0]
    #[arg(long, value_name = "N")]
    pub uses: Option<u32>,
    /// The model [default: the provider's]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The voice [default: the provider's]
    #[arg(long, value_name = "NAME")]
    pub voice: Option<String>,
    /// How the model shall behave
    #[arg(long, value_name = "TEXT")]
    pub instructions: Option<String>,
    /// A whole configuration document (`duologue schema config`); options beside it win
    #[arg(long, value_name = "FILE.json")]
    pub config: Option<PathBuf>,
    /// For any session: whoever has the secret says what it is
    #[arg(long, conflicts_with_all = ["model", "voice", "instructions"])]
    pub free: bool,
    /// Print one JSON object: value, expires_at, and what else is known
    #[arg(long)]
    pub json: bool,
    /// Trust the certificates in this PEM file beside those of the system
    #[arg(long, value_name = "FILE.pem")]
    pub ca: Option<PathBuf>,
}

/// A document with a schema.
#[derive(Clone, Copy, ValueEnum)]
pub enum Document {
    /// The configuration: `duologue talk --config`
    Config,
    /// A scenario of the simulator
    Scenario,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| "give an address and a port, for example 127.0.0.1:8080".to_owned())
}
