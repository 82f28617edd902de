//! An agent and its tests: no network, no key, plain `cargo test`.
//!
//! ```text
//! cargo test --example test_my_agent
//! OPENAI_API_KEY=... cargo run --example test_my_agent    # the agent itself, asked for a table
//! ```

use duologue::{
    Client, ClientBuilder, Config, Credential,
    client::EventStream,
    event::{EventKind, TranscriptMode},
};

/// The agent: a waiter on the telephone.
async fn waiter(builder: ClientBuilder) -> duologue::Result<(Client, EventStream)> {
    let config = Config::from_json(
        r#"{"instructions": "You are a waiter. Be brief.", "tools": [{"name": "book_table", "parameters": {
            "type": "object", "required": ["day", "people"],
            "properties": {"day": {"type": "string"}, "people": {"type": "integer"}}}}]}"#,
    )?;
    let client = builder.config(config).build()?;
    let events = client.events();
    client.connect().await?;
    Ok((client, events))
}

/// Answers the telephone until the assistant has said something or the call is over.
async fn serve(client: &Client, events: &mut EventStream, booked: &mut Vec<String>) -> duologue::Result<String> {
    while let Some(event) = events.next().await {
        match &event.kind {
            EventKind::ToolCall(asked) => {
                let (output, is_error) = book_table(&asked.arguments, booked);
                client.submit_tool_result(asked.call.clone(), output, is_error).await?;
            }
            EventKind::Transcript(words)
                if words.mode == TranscriptMode::Final && words.role == duologue::message::Role::Assistant =>
            {
                return Ok(words.text.clone());
            }
            EventKind::Error(error) if error.fatal => return Err(error.clone()),
            _ => {}
        }
    }
    Ok(String::new())
}

/// The tool. Its arguments fit the schema: others never get here.
fn book_table(arguments: &str, booked: &mut Vec<String>) -> (String, bool) {
    let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap_or_default();
    let (day, people) = (&arguments["day"], arguments["people"].as_u64().unwrap_or_default());
    if people > 8 {
        return ("we have no table for more than 8".into(), true);
    }
    booked.push(format!("{day} for {people}"));
    (r#"{"booked": true}"#.into(), false)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> duologue::Result<()> {
    let key = Credential::new(std::env::var("OPENAI_API_KEY").unwrap_or_default())?;
    let (client, mut events) = waiter(Client::builder().credential(key)).await?;
    client.send_text("A table for two on Friday, please.").await?;
    let mut booked = Vec::new();
    println!("{}", serve(&client, &mut events, &mut booked).await?);
    println!("booked: {booked:?}");
    client.disconnect().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use duologue::{
        message::Role,
        testing::{Action, CallName, MockService},
    };
    use serde_json::json;

    #[tokio::test]
    async fn the_waiter_knows_its_job() {
        let service = MockService::new();
        let _waiter = waiter(service.builder()).await.unwrap();
        assert!(service.session()["instructions"].as_str().unwrap().contains("waiter"));
        assert_eq!(service.session()["tools"][0]["name"], "book_table");
    }

    #[tokio::test]
    async fn it_books() {
        let service = MockService::new();
        let (client, mut events) = waiter(service.builder()).await.unwrap();
        let mut booked = Vec::new();
        service.simulate_transcription("A table for two on Friday, please.", Role::User).unwrap();
        let result = service.simulate_tool_call("book_table", json!({"day": "Friday", "people": 2})).unwrap();
        let refused = async {
            assert_eq!(result.await.unwrap().json().unwrap(), json!({"booked": true}));
            // The model reads the result, and is asked to go on.
            service.wait_for(CallName::RequestResponse).await.unwrap();
            let call = service.simulate_tool_call("book_table", json!({"day": "Friday", "people": 9})).unwrap();
            let output = call.await.unwrap().output;
            service.wait_for(CallName::RequestResponse).await.unwrap();
            service.simulate_transcription("Sorry, we are too small.", Role::Assistant).unwrap();
            output
        };
        let (said, refused) = tokio::join!(serve(&client, &mut events, &mut booked), refused);
        assert_eq!(refused, "we have no table for more than 8");
        assert_eq!(said.unwrap(), "Sorry, we are too small.");
        assert_eq!(booked, [r#""Friday" for 2"#]);
    }

    #[tokio::test]
    async fn what_was_said_is_kept() {
        let service = MockService::new().reply("What can I do for you?");
        let (client, mut events) = waiter(service.builder()).await.unwrap();
        service.simulate_transcription("Hello!", Role::User).unwrap();
        serve(&client, &mut events, &mut Vec::new()).await.unwrap();
        let said: Vec<String> = client.messages().iter().map(|message| message.text()).collect();
        assert_eq!(said, ["Hello!", "What can I do for you?"]);
    }

    #[tokio::test]
    async fn it_can_be_interrupted() {
        let service = MockService::new();
        let (_client, mut events) = waiter(service.builder()).await.unwrap();
        let five_seconds = vec![0; 5 * 24_000];
        service.simulate_audio(&five_seconds, "Today we have soup, fish, and a very long list.").unwrap();
        while let Some(event) = events.next().await {
            match &event.kind {
                EventKind::PlaybackStarted(_) => service.simulate_interruption().unwrap(),
                EventKind::Interrupted(cut) => {
                    assert!(cut.heard_ms < 5000);
                    // The model is told how much of its answer was heard.
                    let told = |calls: &[duologue::testing::Call]| {
                        calls.iter().any(|call| match call.action {
                            Action::Truncate { audio_end_ms, .. } => audio_end_ms == cut.heard_ms,
                            Action::Delete { .. } => cut.heard_ms == 0,
                            _ => false,
                        })
                    };
                    return service.wait_until(told).await.unwrap();
                }
                _ => {}
            }
        }
        panic!("nobody was interrupted");
    }
}
