//! TLS: the platform's roots, baked-in ones as a fallback, the host's own beside them. Verification
//! cannot be switched off, and no process-wide provider is installed.

use crate::{
    config::Tls,
    error::{Error, ErrorClass, Result},
};
use std::sync::{Arc, OnceLock};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The client configuration; the one without extra roots is made once. Reads files: not for a
/// runtime's worker.
pub fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>> {
    static PLAIN: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if tls.extra_roots.is_empty() {
        if let Some(config) = PLAIN.get() {
            return Ok(config.clone());
        }
        let config = build(platform_roots())?;
        return Ok(PLAIN.get_or_init(|| config).clone());
    }
    let mut roots = platform_roots();
    for (i, pem) in tls.extra_roots.iter().enumerate() {
        let wrong = |why: String| {
            Error::new(ErrorClass::Config, "invalid_config", why)
                .field(format!("tls.extra_roots[{i}]"))
                .fix("give the text of a PEM file with CERTIFICATE blocks")
        };
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|e| wrong(format!("not a PEM certificate: {e}")))?;
            roots.add(certificate).map_err(|e| wrong(format!("not a usable certificate: {e}")))?;
            found += 1;
        }
        if found == 0 {
            return Err(wrong("holds no certificate".into()));
        }
    }
    build(roots)
}

fn platform_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Single unreadable files are the platform's matter; an empty store is ours.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn build(roots: RootCertStore) -> Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(ErrorClass::Internal, "tls_setup", e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A WebSocket begins with an upgrade, which HTTP/2 does not have: some services choose that where they may.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_1_1_is_all_that_is_offered() {
        assert_eq!(build(platform_roots()).unwrap().alpn_protocols, [b"http/1.1"]);
    }
}
