//! A client of a few lines that sends what it is told and tells exactly what came back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any honest answer, so that a hanging server fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// One request on a connection of its own; `None` when the connection ended without an answer.
pub(super) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let request = request(address, method, path, headers, body);
    let exchange = tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        stream.write_all(request.as_bytes()).expect("the request can be sent");
        let mut bytes = Vec::new();
        // A cut connection may end with a reset; what came before it is what counts.
        stream.read_to_end(&mut bytes).ok();
        String::from_utf8(bytes).expect("answers are UTF-8")
    });
    let text = exchange.await.expect("the client does not panic");
    let (headers, body) = text.split_once("\r\n\r\n")?;
    let status = headers.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, headers: headers.to_owned(), body: body.to_owned() })
}

/// Sends a request and closes the connection before anything can be answered, as a killed client does. It blocks the
/// runtime of the simulators, so that request and end reach them together.
pub(super) fn send_and_vanish(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) {
    let request = request(address, "POST", path, headers, body);
    connect(address).write_all(request.as_bytes()).expect("the request can be sent");
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the simulators listen");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
    stream
}

fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let host = if headers.contains("Host: ") { String::new() } else { format!("Host: {address}\r\n") };
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}
