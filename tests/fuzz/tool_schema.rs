//! Schemas of tools, and what models and hosts make of them. The first line is the schema of the arguments, the
//! second that of the result, the third the arguments of a call, the fourth its result.

use super::common::Talk;
use duologue::Config;
use serde_json::{Value, json};

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(4, '\n');
    let parameters: Option<Value> = lines.next().and_then(|line| serde_json::from_str(line).ok());
    let output: Option<Value> = lines.next().and_then(|line| serde_json::from_str(line).ok());
    let (arguments, result) = (lines.next().unwrap_or("{}"), lines.next().unwrap_or("{}"));
    let config = json!({"auto_capture": false,
        "tools": [{"name": "f", "parameters": parameters, "output_schema": output}]});
    if let Err(error) = Config::from_json(&config.to_string()) {
        let field = error.field.as_deref().unwrap_or_default();
        assert!(field.starts_with("tools[0]."), "{error:?}");
        return;
    }
    if text.contains(super::common::canary::MARK) {
        return;
    }
    let mut talk = Talk::connected(config);
    talk.response("R1");
    talk.call("R1", "F1", "call_1", "f", arguments);
    talk.answer("call_1", result);
    talk.done("R1", "completed", None);
    let frames = talk.take().frames();
    let answers = frames.iter().filter(|f| f["item"]["type"] == "function_call_output").count();
    assert_eq!(answers, 1, "a call is answered once");
    talk.finish();
}
