//! Real sockets, no sleeps: a listener of the standard library plays the provider, well or badly.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use reqwest::header::ACCEPT;
use rustls::pki_types::UnixTime;

use super::super::exchange::Request;
use super::*;

/// Plays a provider for one connection and returns what it was sent.
fn serve(act: impl FnOnce(&mut TcpStream) + Send + 'static) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the client connects");
        let seen = read_request(&mut stream);
        act(&mut stream);
        seen
    });
    (url, server)
}

/// Reads one request whose body ends with `}`.
fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut bytes = [0; 1024];
    while !seen.ends_with(b"}") {
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(count) => seen.extend_from_slice(&bytes[..count]),
        }
    }
    seen
}

fn settings(base_url: &str, timeout: &str) -> CommonSettings {
    toml::from_str(&format!("base_url = \"{base_url}\"\ntimeout = \"{timeout}\"")).expect("well-formed")
}

fn send_within(base_url: &str, timeout: &str) -> Result<Answer, SendError> {
    let transport = Transport::new(&settings(base_url, timeout), mpsc::unbounded_channel().0)
        .expect("the settings are right");
    let request = Request { url: format!("{base_url}/path"), headers: Vec::new(), body: b"{}".to_vec() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { transport.send(request, Timestamp(0), &mut transport.patience()).await })
}

fn send(base_url: &str) -> Result<Answer, SendError> {
    send_within(base_url, "20s")
}

fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("the client reads");
}

#[test]
fn request_arrives_whole_and_the_answer_comes_back_whole() {
    let (url, server) = serve(|stream| {
        write(
            stream,
            "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nwait",
        );
    });
    let answer = send(&url).expect("answered");
    assert_eq!((answer.status, answer.body.as_slice()), (503, &b"wait"[..]));
    assert_eq!(answer.retry_after, Some(Duration::from_secs(5)));
    assert_eq!(answer.content_type.as_deref(), Some("text/plain"));
    let seen = String::from_utf8(server.join().expect("served")).expect("text");
    assert!(seen.starts_with("POST /path HTTP/1.1\r\n") && seen.ends_with("\r\n\r\n{}"), "{seen}");
    let mut head: Vec<&str> = seen.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    head.sort_unstable();
    let host = format!("host: {}", url.trim_start_matches("http://"));
    let agent = concat!("user-agent: crmsync/", env!("CARGO_PKG_VERSION"));
    assert_eq!(head, ["accept: */*", "content-length: 2", &host, agent]);
}

#[test]
fn headers_of_a_request_go_before_those_of_the_transport() {
    let (url, server) = serve(|stream| write(stream, "HTTP/1.1 204 Done\r\n\r\n"));
    let transport =
        Transport::new(&settings(&url, "20s"), mpsc::unbounded_channel().0).expect("the settings are right");
    let headers = [(ACCEPT, "text/xml"), (CONTENT_TYPE, "text/plain")];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value))).to_vec();
    let request = Request { url: format!("{url}/a b?c"), headers, body: b"{}".to_vec() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sent = async { transport.send(request, Timestamp(0), &mut transport.patience()).await };
    assert_eq!(runtime.block_on(sent).expect("answered").status, 204);
    let seen = String::from_utf8(server.join().expect("served")).expect("text");
    assert!(seen.starts_with("POST /a%20b?c HTTP/1.1\r\n"), "{seen}");
    assert_eq!(seen.matches("accept:").count(), 1, "{seen}");
    assert!(seen.contains("accept: text/xml\r\n") && seen.contains("content-type: text/plain\r\n"), "{seen}");
}

/// What is told while requests are sent one after the other: one connection serves them.
#[test]
fn the_making_of_connections_is_told() {
    let (url, server) = serve(|stream| {
        for _ in 0..2 {
            write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            read_request(stream);
        }
    });
    let (telling, mut told) = mpsc::unbounded_channel();
    let transport = Transport::new(&settings(&url, "20s"), telling).expect("the settings are right");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut send = || {
        let request = Request { url: url.clone(), headers: Vec::new(), body: b"{}".to_vec() };
        let sent = async { transport.send(request, Timestamp(0), &mut transport.patience()).await };
        let answer = runtime.block_on(sent);
        (answer, iter::from_fn(|| told.try_recv().ok()).collect::<Vec<_>>())
    };
    let (answer, told) = send();
    assert_eq!(answer.expect("answered").status, 200);
    assert_eq!(told, [Connecting::Begun, Connecting::Ended]);
    let (answer, told) = send();
    assert_eq!(answer.expect("answered").status, 200);
    assert_eq!(told, []);
    drop(server);
}

#[test]
fn refused_connection_is_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}", free.local_addr().expect("bound"));
    drop(free);
    assert_eq!(send(&url).expect_err("nobody listens"), SendError::NotSent { what: "connect_refused" });
}

#[test]
fn unknown_host_is_not_sent() {
    let error = send("https://no-such-host.invalid").expect_err("the name does not resolve");
    assert_eq!(error, SendError::NotSent { what: "connect_dns" });
}

#[test]
fn failed_tls_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("https://{}", listener.local_addr().expect("bound"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the client connects");
        let hello = stream.read(&mut [0; 64]).expect("a greeting");
        write(&mut stream, "HTTP/1.1 400 this is no TLS\r\n\r\n");
        hello
    });
    assert_eq!(send(&url).expect_err("no TLS"), SendError::NotSent { what: "connect_tls" });
    assert!(server.join().expect("served") > 0);
}

/// A cause as the connector wraps it, and the code for it.
#[test]
fn a_failed_connection_is_told_by_the_type_of_its_cause() {
    let certificate = |error| rustls::Error::InvalidCertificate(error);
    let cases = [
        (io::Error::other(certificate(CertificateError::NotValidForName)), Some("connect_host_name")),
        (io::Error::other(certificate(CertificateError::UnknownIssuer)), Some("connect_certificate")),
        (io::Error::other(certificate(CertificateError::NotValidYet)), Some("connect_certificate")),
        (io::Error::other(certificate(CertificateError::Expired)), Some("connect_expired")),
        (
            io::Error::other(certificate(CertificateError::ExpiredContext {
                time: UnixTime::since_unix_epoch(Duration::from_secs(2)),
                not_after: UnixTime::since_unix_epoch(Duration::from_secs(1)),
            })),
            Some("connect_expired"),
        ),
        (io::Error::other(rustls::Error::DecryptError), Some("connect_tls")),
        (io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused)), Some("connect_refused")),
        (io::Error::from(io::ErrorKind::HostUnreachable), None),
        (io::Error::other("words"), None),
    ];
    for (cause, code) in cases {
        assert_eq!(connect_cause(&cause), code, "{cause}");
    }
}

#[test]
fn connection_closed_after_the_request_is_unknown() {
    let (url, server) = serve(|_| {});
    assert_eq!(send(&url).expect_err("no answer"), SendError::Unknown { what: "cut" });
    assert!(server.join().expect("served").ends_with(b"{}"));
}

#[test]
fn answer_cut_in_its_body_is_unknown() {
    let (url, _server) =
        serve(|stream| write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"res"));
    assert_eq!(send(&url).expect_err("half an answer"), SendError::Unknown { what: "cut" });
}

/// A refused login is one, however its page comes; so is a wait that is asked for.
#[test]
fn a_status_that_needs_no_body_counts_without_it() {
    for (status, body) in [(401, "cut"), (403, &"x".repeat(BODY_BYTES_MAX + 1)), (429, "slow")] {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let length = if body.len() > 4 { body.len() } else { 100 };
        let answer =
            format!("HTTP/1.1 {status} No\r\nRetry-After: 7\r\nContent-Length: {length}\r\n\r\n{body}");
        let (url, server) = serve(move |stream| {
            // Whoever has read enough hangs up.
            drop(stream.write_all(answer.as_bytes()));
            if status == 429 {
                assert!(wait.recv().is_err());
            }
        });
        let answer = send_within(&url, "300ms").expect("answered");
        drop(done);
        assert_eq!((answer.status, answer.retry_after), (status, Some(Duration::from_secs(7))));
        assert!(answer.body.is_empty());
        server.join().expect("served");
    }
}

#[test]
fn silence_after_the_request_is_unknown() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let (url, server) = serve(move |_| assert!(wait.recv().is_err()));
    let error = send_within(&url, "100ms").expect_err("silence");
    drop(done);
    assert_eq!(error, SendError::Unknown { what: "timeout" });
    server.join().expect("served");
}

#[test]
fn redirect_is_an_answer_and_nothing_follows_it() {
    let target = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    target.set_nonblocking(true).expect("possible");
    let location = target.local_addr().expect("bound");
    let (url, _server) = serve(move |stream| {
        write(
            stream,
            &format!("HTTP/1.1 307 Elsewhere\r\nLocation: http://{location}/\r\nContent-Length: 0\r\n\r\n"),
        );
    });
    assert_eq!(send(&url).expect("answered").status, 307);
    assert!(target.accept().is_err(), "the redirect was followed");
}

#[test]
fn endless_answer_is_cut_at_the_cap() {
    let (url, _server) = serve(|stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
        if stream.write_all(head.as_bytes()).is_ok() {
            while stream.write_all(chunk.as_bytes()).is_ok() {}
        }
    });
    assert_eq!(send(&url).expect_err("endless"), SendError::Unknown { what: "answer_too_large" });
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let error = Transport::new(&settings("http://wsone.example", "1s"), mpsc::unbounded_channel().0)
        .expect_err("plain");
    assert!(error.to_string().contains("must use https"), "{error}");
}

/// Retry-After, with the clock at 2026-11-22T21:00:00Z, and the seconds it asks for.
#[test]
fn retry_after_is_understood_in_both_forms() {
    let now = Timestamp(1_795_381_200_000);
    assert_eq!(now.to_string(), "2026-11-22T21:00:00.000Z");
    let cases: &[(&str, Option<u64>)] = &[
        ("0", Some(0)),
        ("120", Some(120)),
        (" 7 ", Some(7)),
        ("3600", Some(3_600)),
        // Capped.
        ("3601", Some(RETRY_AFTER_SECONDS_MAX)),
        ("99999999999999999999999999", Some(RETRY_AFTER_SECONDS_MAX)),
        ("Sun, 22 Nov 2026 21:00:30 GMT", Some(30)),
        ("Mon, 23 Nov 2026 21:00:00 GMT", Some(RETRY_AFTER_SECONDS_MAX)),
        // Dates that have passed: a server may be slow, or its clock behind ours.
        ("Sun, 22 Nov 2026 21:00:00 GMT", Some(0)),
        ("Sun, 22 Nov 2026 20:59:59 GMT", Some(0)),
        // Junk and negative.
        ("", None),
        ("-1", None),
        ("+5", None),
        ("1.5", None),
        ("soon", None),
        ("Sun, 99 Nov 2026 20:59:59 GMT", None),
    ];
    for (header, seconds) in cases {
        assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs), "{header}");
    }
}
