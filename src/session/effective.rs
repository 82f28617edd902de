//! What the vendor made of the wish.

use crate::event::Difference;
use serde_json::Value;

/// Leaves of the wish that the vendor set otherwise. What the vendor does not mention is not a difference.
pub(super) fn compare(wish: &Value, got: &Value, path: &mut String, differences: &mut Vec<Difference>) {
    match (wish, got) {
        (Value::Object(wish), Value::Object(got)) => {
            for (key, wished) in wish {
                let Some(value) = got.get(key) else { continue };
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                compare(wished, value, path, differences);
                path.truncate(length);
            }
        }
        (a, b) if a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a)) => {}
        (Value::Array(wish), Value::Array(got)) if wish.len() == got.len() => {
            for (i, (wished, value)) in wish.iter().zip(got).enumerate() {
                let length = path.len();
                path.push_str(&format!("[{i}]"));
                compare(wished, value, path, differences);
                path.truncate(length);
            }
        }
        _ => differences.push(Difference { path: path.clone(), wished: wish.clone(), effective: got.clone() }),
    }
}
