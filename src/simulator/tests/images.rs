//! Images: what arrives is told by its content, and what is no image is refused.

use super::client::{Client, image, silence, simulator, words};
use serde_json::{Value, json};

fn message(parts: Value) -> Value {
    json!({"type": "message", "role": "user", "content": parts})
}

fn picture(url: &str) -> Value {
    json!({"type": "input_image", "image_url": url})
}

fn turns() -> Value {
    json!({"turns": [
        {"hear": "hello", "reply": [{"text": "Hello."}]},
        {"hear": "what is this?", "see": true, "match": ["this"], "reply": [{"text": "It is {image}."}]},
        {"hear": "and this thing?", "see": true, "reply": [{"say": "Now it is {image}."}]},
    ]})
}

#[tokio::test]
async fn the_model_sees_what_arrived() {
    let sim = simulator(turns()).await;
    let mut client = Client::connect(&sim).await;
    let ask = json!({"type": "input_text", "text": "And what is THIS?"});
    client.item(message(json!([ask, picture(&image("png", 640, 480))]))).await;
    let response = client.respond(json!({})).await;
    assert_eq!(words(&response), ["It is a PNG image of 640 by 480 pixels."]);
    assert!(response["usage"]["input_token_details"]["image_tokens"].as_u64() > Some(0));

    let mut low = picture(&image("jpeg", 31, 7));
    low["detail"] = json!("low");
    client.item(message(json!([low]))).await;
    assert_eq!(words(&client.respond(json!({})).await), ["Now it is a JPEG image of 31 by 7 pixels."]);
}

#[tokio::test]
async fn the_next_spoken_turn_may_be_about_the_image() {
    let sim = simulator(turns()).await;
    let mut client = Client::connect(&sim).await;
    let input = json!({"turn_detection": null, "transcription": {"model": "gpt-transcribe"}});
    client.configure(json!({"audio": {"input": input}})).await;
    client.item(message(json!([picture(&image("png", 5, 6))]))).await;
    client.speak(&silence(200)).await;
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    let completed = client.wait("conversation.item.input_audio_transcription.completed").await;
    assert_eq!(completed["transcript"], "and this thing?");
    assert_eq!(words(&client.respond(json!({})).await), ["Now it is a PNG image of 5 by 6 pixels."]);
    // The turn without an image is still there.
    client.type_text("hello").await;
    assert_eq!(words(&client.wait("response.done").await["response"]), ["Hello."]);
}

#[tokio::test]
async fn a_turn_of_an_image_is_not_taken_by_words() {
    let sim = simulator(turns()).await;
    let mut client = Client::connect(&sim).await;
    client.type_text("hello").await;
    client.wait("response.done").await;
    client.type_text("what is this?").await;
    assert_eq!(
        words(&client.wait("response.done").await["response"]),
        ["I have nothing more to say in this scenario."]
    );
}

#[tokio::test]
async fn what_is_no_image_is_refused() {
    let sim = simulator(turns()).await;
    let mut client = Client::connect(&sim).await;
    let text = base64_simd::STANDARD.encode_to_string("this is not an image");
    let large = format!("data:image/png;base64,{}", "A".repeat((10_usize << 20).div_ceil(3) * 4 + 4));
    for (url, code) in [
        ("https://example.com/cat.png", "invalid_value"),
        ("http://example.com/cat.png", "invalid_value"),
        ("file:///etc/passwd", "invalid_value"),
        (&image("png", 1, 1).replace("png", "gif"), "invalid_value"),
        (&image("png", 1, 1).replace("png", "webp"), "invalid_value"),
        ("data:image/png,plain", "invalid_value"),
        ("", "invalid_value"),
        ("data:image/png;base64,", "empty_image_file"),
        ("data:image/png;base64,!!!", "invalid_base64_image"),
        (&format!("data:image/png;base64,{text}"), "invalid_image_format"),
        (&image("png", 1, 1).replace("png", "jpeg"), "invalid_image_format"),
        (&large, "image_too_large"),
    ] {
        let item = message(json!([{"type": "input_text", "text": "look"}, picture(url)]));
        let error = client.refused(json!({"type": "conversation.item.create", "item": item.clone()})).await;
        let found = (error["code"].as_str(), error["param"].as_str());
        assert_eq!(found, (Some(code), Some("item.content[1].image_url")), "{}", &url[..url.len().min(40)]);
        if code != "image_too_large" {
            let wish = json!({"conversation": "none", "input": [item]});
            let error = client.refused(json!({"type": "response.create", "response": wish})).await;
            assert_eq!(error["param"], "response.input[0].content[1].image_url");
        }
    }
    for (part, param) in [
        (json!({"type": "input_image", "image_url": image("png", 1, 1), "detail": "huge"}), "item.content[0].detail"),
        (json!({"type": "input_image"}), "item.content[0].image_url"),
        (json!({"type": "input_image", "image_url": {"url": image("png", 1, 1)}}), "item.content[0].image_url"),
        (json!({"type": "input_image", "image_url": image("png", 1, 1), "file_id": "f"}), "item.content[0].file_id"),
    ] {
        let error = client.refused(json!({"type": "conversation.item.create", "item": message(json!([part]))})).await;
        assert_eq!(error["param"], param, "{error}");
    }
    for role in ["system", "assistant"] {
        let item = json!({"type": "message", "role": role, "content": [picture(&image("png", 1, 1))]});
        let error = client.refused(json!({"type": "conversation.item.create", "item": item})).await;
        assert_eq!(error["param"], "item.content[0].type", "{role}");
    }
}

#[tokio::test]
async fn a_broken_header_has_no_size() {
    let cut = |kind: &str, bytes: usize| {
        let whole = image(kind, 300, 200);
        let data = base64_simd::STANDARD.decode_to_vec(whole.split(',').nth(1).unwrap()).unwrap();
        format!("data:image/{kind};base64,{}", base64_simd::STANDARD.encode_to_string(&data[..bytes]))
    };
    let describe = crate::simulator::images::describe;
    assert_eq!(describe(&image("png", 300, 200)), "a PNG image of 300 by 200 pixels");
    for bytes in 8..24 {
        assert_eq!(describe(&cut("png", bytes)), "a PNG image", "{bytes} bytes");
    }
    for bytes in 3..17 {
        assert_eq!(describe(&cut("jpeg", bytes)), "a JPEG image", "{bytes} bytes");
    }
}
