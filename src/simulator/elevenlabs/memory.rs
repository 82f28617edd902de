//! What outlives a connection: signatures that let in, and the files of conversations.

use crate::simulator::ids::Ids;
use parking_lot::Mutex;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// A signed URL is good for so long to begin a conversation.
const SIGNATURE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Signatures that are good at one time.
const MOST_SIGNATURES: usize = 1024;
/// Files that one conversation may hold.
const MOST_FILES: usize = 64;

/// A signature that was given out.
struct Signed {
    agent: String,
    until: Instant,
    /// The conversation that it is for; it can be used once then.
    conversation: Option<String>,
}

/// Everything that the connections of one simulator share.
#[derive(Default)]
pub(in crate::simulator) struct Memory {
    signatures: Mutex<HashMap<String, Signed>>,
    /// The files of every conversation that is under way, by their ids: what each one is, in words.
    conversations: Mutex<HashMap<String, HashMap<String, String>>>,
}

/// Why a file was not taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum NoFile {
    NoConversation,
    TooMany,
}

impl Memory {
    /// Makes a signature for an agent; none when too many are good already. With `once` it is for one conversation,
    /// whose id is made here.
    pub(super) fn sign(&self, agent: &str, once: bool) -> Option<(String, Option<String>)> {
        let mut all = self.signatures.lock();
        let now = Instant::now();
        all.retain(|_, signed| signed.until > now);
        if all.len() >= MOST_SIGNATURES {
            return None;
        }
        let signature = Ids::secret("cvtkn_");
        let conversation = once.then(|| Ids::new().next("conv_"));
        let signed =
            Signed { agent: agent.to_owned(), until: now + SIGNATURE_LIFE, conversation: conversation.clone() };
        all.insert(signature.clone(), signed);
        Some((signature, conversation))
    }

    /// Lets in who shows a signature of this agent: the outer is whether it is good, the inner the conversation that it
    /// is for.
    pub(super) fn admit(&self, signature: &str, agent: &str) -> Option<Option<String>> {
        let mut all = self.signatures.lock();
        let signed = all.get(signature).filter(|signed| signed.agent == agent && signed.until > Instant::now())?;
        let conversation = signed.conversation.clone();
        if conversation.is_some() {
            all.remove(signature);
        }
        Some(conversation)
    }

    /// A conversation has begun: it takes files.
    pub(super) fn open(&self, conversation: &str) {
        self.conversations.lock().insert(conversation.to_owned(), HashMap::new());
    }

    /// And is over.
    pub(super) fn close(&self, conversation: &str) {
        self.conversations.lock().remove(conversation);
    }

    /// Keeps what a file is; returns its id.
    pub(super) fn keep(&self, conversation: &str, file: String) -> Result<String, NoFile> {
        let mut all = self.conversations.lock();
        let files = all.get_mut(conversation).ok_or(NoFile::NoConversation)?;
        if files.len() >= MOST_FILES {
            return Err(NoFile::TooMany);
        }
        let id = Ids::new().next("file_");
        files.insert(id.clone(), file);
        Ok(id)
    }

    /// What a file of this conversation is.
    pub(super) fn file(&self, conversation: &str, id: &str) -> Option<String> {
        self.conversations.lock().get(conversation)?.get(id).cloned()
    }
}
