//! A host that shows a certificate which nobody vouches for gets no byte of a request.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use crate::world::World;

/// Made for this test with openssl: self-signed, for 127.0.0.1, valid for a hundred years.
const CERTIFICATE: &[u8] = include_bytes!("stranger.crt.der");
const KEY: &[u8] = include_bytes!("stranger.key.der");

fn config() -> ServerConfig {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .expect("a certificate and its key")
}

/// A stranger's address, and what it gets from each connection: bytes, and whether it was turned away.
fn stranger() -> (std::net::SocketAddr, mpsc::Receiver<(usize, bool)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let config = Arc::new(config());
    let (sender, payloads) = mpsc::channel();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut payload = Vec::new();
            let ended = Stream::new(&mut connection, &mut socket).read_to_end(&mut payload);
            if sender.send((payload.len(), ended.is_err())).is_err() {
                return;
            }
        }
    });
    (address, payloads)
}

#[test]
fn a_stranger_with_a_certificate_of_its_own_gets_no_byte() {
    let world = World::new(1);
    let (address, payloads) = stranger();
    world.configure(&format!("https://{address}"), "");
    world.sync().exits(5, "a stranger");
    let turned_away = ("not_sent".to_owned(), "connect_certificate".to_owned(), 1);
    for provider in ["wsone", "safedebit"] {
        assert_eq!(world.calls(provider), std::slice::from_ref(&turned_away), "{provider}");
    }
    // Two lanes came, and both turned away when they saw the certificate.
    for _lane in 0..2 {
        let (bytes, turned_away) = payloads.recv().expect("a connection was made");
        assert_eq!((bytes, turned_away), (0, true));
    }
    world.configure(&world.healthy(), "");
    world.run(&["resume"]).exits(0, "a stranger");
    world.all_delivered("a stranger");
}

#[test]
fn the_summary_says_that_it_is_the_certificate() {
    let world = World::new(6);
    let (address, _payloads) = stranger();
    world.configure(&format!("https://{address}"), "concurrency = 1");
    let path = world.path("crmsync.toml");
    let config = std::fs::read_to_string(&path).expect("a configuration");
    let impatient = format!("{config}\n[dispatch]\noutage_patience = \"300ms\"\n");
    std::fs::write(&path, impatient).expect("written");
    let out = world.sync().exits(5, "a stranger").out;
    let told = |line: &&str| line.starts_with("wsone: took no call") && line.contains("E512");
    let line = out.lines().find(told).expect("the lane's end is told");
    assert!(line.contains("not trusted by this machine") && line.contains("(connect_certificate)"), "{line}");
    assert!(!out.contains(&address.to_string()), "{out}");
}
