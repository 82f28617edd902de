//! The page with which a person talks from a browser: it loads nothing, and asks nobody but its own server.

/// As the simulator serves it.
pub(crate) const HTML: &str = include_str!("../assets/talk.html");

/// What the page may do.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    connect-src 'self'; media-src blob: mediastream:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// As a server serves it that takes offers at `path`, which is beside the page.
#[cfg(feature = "serve")]
pub(crate) fn for_calls_at(path: &str) -> String {
    HTML.replacen("content=\"v1/realtime/calls\"", &format!("content=\"{path}\""), 1)
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_where_calls_are() {
        let page = for_calls_at("calls");
        assert!(page.contains("<meta name=\"duologue-calls\" content=\"calls\">"));
        assert!(HTML.contains("<meta name=\"duologue-calls\" content=\"v1/realtime/calls\">"));
    }
}
