//! Answers to simulated calls of functions.

use super::{MockService, core::Core};
use crate::error::{Error, ErrorClass, Result};
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::future::IntoFuture;

/// What the client answered to a tool call.
///
/// The vendor's protocol does not say whether a tool failed: of one that did, `output` is the error's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOutput {
    /// The call.
    pub call_id: String,
    /// Name of the function.
    pub name: String,
    /// The answer as the model reads it.
    pub output: String,
}

impl ToolOutput {
    /// The answer parsed as JSON.
    ///
    /// # Errors
    /// `invalid_json`: it is none; compare `output`, which is plain text.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.output).map_err(|_| {
            Error::new(ErrorClass::Argument, "invalid_json", "the output is not JSON")
                .field("output")
                .fix("compare output, which is plain text")
        })
    }
}

/// The answer to a simulated tool call that may still come: await it.
///
/// Awaiting fails with `timeout` after the mock's time. A connection that ends meanwhile is no reason to fail: the
/// answer may come on the next one.
#[derive(Clone)]
pub struct ToolResult {
    service: MockService,
    call_id: String,
    name: String,
}

impl ToolResult {
    pub(super) fn new(service: MockService, call_id: String, name: &str) -> Self {
        Self { service, call_id, name: name.to_owned() }
    }

    /// The call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Name of the function.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The answer, if it has come.
    fn take(&self, core: &Core) -> Option<ToolOutput> {
        let output = core.state.lock().answers.get(&self.call_id)?.clone()?;
        Some(ToolOutput { call_id: self.call_id.clone(), name: self.name.clone(), output })
    }
}

impl IntoFuture for ToolResult {
    type Output = Result<ToolOutput>;
    type IntoFuture = BoxFuture<'static, Result<ToolOutput>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let limit = self.service.timeout;
            let answer = self.service.core.until(limit, |core| self.take(core)).await?;
            self.service.check()?;
            answer.ok_or_else(|| {
                let what = format!("no answer to the call {} of {}", self.call_id, self.name);
                self.service.core.timeout(&what, limit)
            })
        })
    }
}
