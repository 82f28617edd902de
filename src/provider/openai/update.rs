//! What has to be sent to change a running session.

use super::{profile::Profile, session_object::session_object};
use crate::{config::Config, error::Result};
use serde_json::Value;

/// The `session` of an update (placeholder: the whole object).
pub fn sparse_update(_old: &Config, new: &Config, profile: &Profile) -> Result<Value> {
    Ok(session_object(new, profile))
}
