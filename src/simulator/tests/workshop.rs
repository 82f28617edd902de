//! The second bundled scenario, walked through.

use super::client::{Client, image, silence, words};
use crate::simulator::{Scenario, Simulator};
use serde_json::json;
use std::path::Path;

#[test]
fn the_workshop_is_what_its_file_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/workshop.json");
    let (bundled, file) = (Scenario::bundled_workshop(), Scenario::from_file(&path).unwrap());
    assert_eq!(serde_json::to_value(&bundled).unwrap(), serde_json::to_value(&file).unwrap());
}

#[tokio::test]
async fn the_workshop_is_walked_through() {
    let sim = Simulator::builder().scenario(Scenario::bundled_workshop()).start().await.unwrap();
    let mut client = Client::connect(&sim).await;
    let tools = json!([{"type": "function", "name": "get_weather"}, {"type": "function", "name": "get_time"}]);
    client.configure(json!({"tools": tools, "audio": {"input": {"turn_detection": null}}})).await;
    assert_eq!(words(&client.respond(json!({})).await), ["Welcome to the workshop."]);

    client.speak(&silence(300)).await;
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    assert_eq!(words(&client.respond(json!({})).await), ["The first lighthouses were open fires on hills."]);

    client.type_text("How TALL is it?").await;
    assert_eq!(words(&client.wait("response.done").await["response"]).len(), 2);

    let content = json!([{"type": "input_image", "image_url": image("jpeg", 12, 34)}]);
    client.item(json!({"type": "message", "role": "user", "content": content})).await;
    assert_eq!(words(&client.respond(json!({})).await), ["I see a JPEG image of 12 by 34 pixels."]);

    for (text, calls, answer) in [
        ("What is the weather?", 1, "In Paris it is eighteen degrees and sunny."),
        ("Please compare them.", 3, "Paris is warmer than Oslo, and it is noon."),
    ] {
        client.type_text(text).await;
        let response = client.wait("response.done").await["response"].clone();
        let output = response["output"].as_array().unwrap();
        let made: Vec<_> = output.iter().filter(|item| item["type"] == "function_call").collect();
        assert_eq!(made.len(), calls);
        for call in made {
            client.output(call, "{}").await;
        }
        assert_eq!(words(&client.respond(json!({})).await), [answer]);
    }

    client.type_text("Write it down.").await;
    assert_eq!(words(&client.wait("response.done").await["response"]), ["133 metres."]);

    let wish = json!({"conversation": "none", "output_modalities": ["text"], "metadata": {"purpose": "classify"}});
    assert_eq!(words(&client.respond(wish).await), ["question"]);
}
