//! Files over HTTP.

use super::sockets::{Client, request, simulator};
use serde_json::json;

fn form(name: &str, content: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a\"\r\ncontent-type: image/png\r\n\r\n"
    )
    .into_bytes();
    body.extend(content);
    body.extend(b"\r\n--b--\r\n");
    body
}

const FORM: &str = "content-type: multipart/form-data; boundary=b";

/// What describes itself as an image of one by two pixels.
fn picture() -> Vec<u8> {
    let url = crate::simulator::tests::client::image("png", 1, 2);
    base64_simd::STANDARD.decode_to_vec(url.split(',').nth(1).unwrap().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_file_is_uploaded_and_seen() {
    let turns = json!([{"hear": "", "see": true, "reply": [{"say": "I see {image}."}]}]);
    let simulator = simulator(json!({"turns": turns}), vec![]).await;
    let mut client = Client::connect(&simulator).await;
    let path = format!("/v1/convai/conversations/{}/files", client.conversation().await);
    let (status, body) = request(&simulator, "POST", &path, FORM, &form("file", &picture())).await;
    assert_eq!(status, 200, "{body}");
    let file = json!({"type": "file_input", "file_id": body["file_id"]});
    client.send(json!({"type": "multimodal_message", "files": [file]})).await;
    let told = client.until("agent_response").await.pop().unwrap();
    assert_eq!(told["agent_response_event"]["agent_response"], "I see a PNG image of 1 by 2 pixels.");
}

#[tokio::test]
async fn not_every_file_is_taken() {
    let simulator = simulator(json!({"turns": []}), vec![]).await;
    let mut client = Client::connect(&simulator).await;
    let path = format!("/v1/convai/conversations/{}/files", client.conversation().await);
    let path = path.as_str();
    let nobody = "/v1/convai/conversations/conv_nobody/files";
    let large = vec![b'%'; (10 << 20) + 1];
    for (path, header, body, wanted) in [
        (path, FORM, form("file", b"%PDF-1.7"), 200),
        (path, FORM, form("file", b"RIFF\xff\xff..WEBP"), 200),
        (path, FORM, form("file", b"hello"), 200),
        (path, FORM, form("file", b"\x7fELF\0"), 422),
        (path, FORM, form("picture", &picture()), 422),
        (path, "content-type: image/png", picture(), 422),
        (path, FORM, form("file", &large), 413),
        (nobody, FORM, form("file", &picture()), 404),
    ] {
        let (status, body) = request(&simulator, "POST", path, header, &body).await;
        assert_eq!(status, wanted, "{path} {header} {body}");
        assert!(status == 200 || body["detail"]["message"].is_string(), "{body}");
    }
    for _ in 3..64 {
        assert_eq!(request(&simulator, "POST", path, FORM, &form("file", &picture())).await.0, 200);
    }
    assert_eq!(request(&simulator, "POST", path, FORM, &form("file", &picture())).await.0, 400);
}
