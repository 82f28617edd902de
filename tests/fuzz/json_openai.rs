//! The codec of OpenAI's dialect: a stream of frames, one a line; a line that begins with a zero byte is a binary
//! frame.

use duologue::{
    Config,
    provider::{Codec, Frame, ProviderEvent, codec_for},
};
use std::{borrow::Cow, cell::RefCell};

thread_local! {
    // Making one takes longer than most streams.
    static CODEC: RefCell<Box<dyn Codec>> = RefCell::new(codec_for(&Config::default()).unwrap());
}

pub fn run(data: &[u8]) {
    CODEC.with_borrow_mut(|codec| {
        codec.reset();
        let first = stream(codec.as_mut(), data);
        codec.reset();
        assert_eq!(first, stream(codec.as_mut(), data), "a new connection knows nothing of the last");
    });
}

fn stream(codec: &mut dyn Codec, data: &[u8]) -> Vec<String> {
    let mut told = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let frame = match line.split_first() {
            Some((0, bytes)) => Frame::Binary(Cow::Borrowed(bytes)),
            _ => Frame::Text(String::from_utf8_lossy(line)),
        };
        let mut events = vec![ProviderEvent::Repeated];
        let result = codec.decode(&frame, &mut events);
        if let Err(error) = &result {
            assert_eq!(events.len(), 1, "{error} and events");
            assert!(!error.to_string().is_empty());
        }
        for event in &events {
            match event {
                ProviderEvent::Audio { pcm, .. } => assert!(pcm.len() <= 2 * 1024 * 1024 + 1),
                ProviderEvent::Error(error) => _ = codec.classify(error),
                _ => {}
            }
        }
        told.push(format!("{result:?} {:?}", &events[1..]));
    }
    told
}
