//! The next connection meets somebody who is not the service (row 14).

use crate::{
    canary,
    rig::{Rig, config, is, simulator},
};
use duologue::{Client, ErrorClass, client::CredentialRequest};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Who answers.
#[derive(Debug, Clone)]
enum Impostor {
    /// With this certificate and its key.
    Certified(Vec<u8>, Vec<u8>),
    /// As one that knows TLS 1.1 at most: an alert, `protocol_version`.
    Old,
    /// Without TLS.
    Plain,
}

/// A certificate for these names, from an authority the client trusts or not, that expired or did not.
fn certified(ca: &Authority, name: &str, expired: bool) -> Impostor {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    let certificate = params.signed_by(&key, ca).unwrap();
    Impostor::Certified(certificate.der().to_vec(), key.serialize_der())
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Answers each connection; gives where, how many there were, and how much came after the handshake.
async fn impostor(who: Impostor) -> (String, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let (dials, bytes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, read) = (dials.clone(), bytes.clone());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, SeqCst);
            match &who {
                Impostor::Certified(certificate, key) => {
                    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.clone()));
                    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                        .with_safe_default_protocol_versions()
                        .unwrap()
                        .with_no_client_auth();
                    let config = config.with_single_cert(vec![certificate.clone().into()], key).unwrap();
                    if let Ok(mut tls) = TlsAcceptor::from(Arc::new(config)).accept(socket).await {
                        // With TLS 1.3 the client's verdict comes after our handshake is over.
                        let n = tls.read(&mut [0; 4096]).await.unwrap_or_default();
                        read.fetch_add(n, SeqCst);
                    }
                }
                Impostor::Old => {
                    let _ = socket.read(&mut [0; 4096]).await;
                    let _ = socket.write_all(&[21, 3, 2, 0, 2, 2, 70]).await;
                }
                Impostor::Plain => {
                    let _ = socket.read(&mut [0; 4096]).await;
                    let _ = socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
                }
            }
        }
    });
    (url, dials, bytes)
}

#[tokio::test]
async fn row_14_who_cannot_prove_to_be_the_service_gets_no_key_and_no_second_try() {
    let (trusted, unknown) = (authority(), authority());
    let cases = [
        ("expired", certified(&trusted, "127.0.0.1", true)),
        ("another host", certified(&trusted, "elsewhere.example", false)),
        ("unknown authority", certified(&unknown, "127.0.0.1", false)),
        ("old", Impostor::Old),
        ("plain", Impostor::Plain),
    ];
    for (what, who) in cases {
        let simulator = simulator().await;
        let (url, dials, bytes) = impostor(who).await;
        let mut config = config(simulator.base_url());
        config.tls.extra_roots = vec![trusted.pem()];
        let first = simulator.base_url();
        let asked = AtomicUsize::new(0);
        let ask = move |_: CredentialRequest| {
            let endpoint = if asked.fetch_add(1, SeqCst) == 0 { first.clone() } else { url.clone() };
            async move { Ok(canary::key().with_endpoint(endpoint)) }
        };
        let mut rig = Rig::with(Client::builder().config(config).credential_with(ask)).await;
        rig.ask("One.").await;
        simulator.shutdown().await;
        let error = rig.failed().await;
        is(&error, ErrorClass::Tls, "tls");
        assert!(!error.retryable && error.fix.is_some(), "{what}: {error:?}");
        assert_eq!((dials.load(SeqCst), bytes.load(SeqCst)), (1, 0), "{what}");
        assert_eq!(rig.said().len(), 2, "{what}");
        rig.check();
        rig.client.shutdown().await;
    }
}

/// The same certificate as above with nothing wrong with it: the cases fail for their own reason.
#[tokio::test]
async fn row_14_a_good_certificate_is_taken() {
    let trusted = authority();
    let (url, _, bytes) = impostor(certified(&trusted, "127.0.0.1", false)).await;
    let mut config = config(url);
    config.tls.extra_roots = vec![trusted.pem()];
    let error = canary::builder().config(config).connect().await.unwrap_err();
    assert_ne!(error.class, ErrorClass::Tls, "{error}");
    assert!(bytes.load(SeqCst) > 0, "the request was sent");
}
