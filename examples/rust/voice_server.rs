//! A server whose users have keys of their own, or share the house's. Two users: ann with her own key, bob without.
//!
//! ```sh
//! export OPENAI_API_KEY=... ANNS_KEY=...
//! cargo run --features serve --example voice_server
//! curl -i -H 'Authorization: Bearer secret-of-bob' -H 'Content-Type: application/sdp' --data-binary @offer.sdp http://127.0.0.1:8787/calls
//! ```

use duologue::{
    Config, Credential,
    server::{Denied, Server},
};
use std::env;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> duologue::Result<()> {
    let session = Config {
        base_url: env::var("DUOLOGUE_BASE_URL").ok(),
        instructions: Some("You are the guide of a museum.".into()),
        ..Config::default()
    };
    let server = Server::builder()
        .session(session)
        .voices(["cedar"])
        .authenticate(|headers| async move {
            match headers.get("authorization").map(|value| value.as_bytes()) {
                Some(b"Bearer secret-of-ann") => Ok("ann".to_owned()),
                Some(b"Bearer secret-of-bob") => Ok("bob".to_owned()),
                _ => Err(Denied::Unknown),
            }
        })
        .key_for(|user| async move {
            let key = if user == "ann" { "ANNS_KEY" } else { "OPENAI_API_KEY" };
            Credential::new(env::var(key).unwrap_or_default())
        })
        .build()?;
    let serving = server.serve("127.0.0.1:8787".parse().expect("an address")).await?;
    println!("post offers to {}/calls; Enter lets nobody in, and everybody again", serving.url());
    // Reading blocks this thread; the server has others.
    for line in std::io::stdin().lines() {
        if line.is_err() {
            break;
        }
        server.set_enabled(!server.is_enabled());
        println!("{}", if server.is_enabled() { "open" } else { "closed" });
    }
    serving.shutdown().await;
    Ok(())
}
