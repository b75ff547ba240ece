//! A raw TCP server that answers every request with one fault, and counts what it was sent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::world::pause;

/// What the server does with each connection.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Resets it before a byte of the request is read.
    ResetAtOnce,
    /// Resets it when the whole request has arrived.
    ResetAfterRequest,
    /// Ends it when the whole request has arrived.
    EndAfterRequest,
    /// Writes these bytes and ends it.
    Write(Vec<u8>),
    /// Writes these bytes and keeps it open.
    WriteAndStay(Vec<u8>),
    /// Writes the bytes, then this one again and again as fast as they are taken.
    Endless(Vec<u8>, u8),
    /// Writes the bytes one by one, so slowly that no timeout is long enough.
    Drip(Vec<u8>),
}

/// A listening fault; its threads end with the test's process.
pub(crate) struct FaultServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl FaultServer {
    pub(crate) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (fault, counter) = (fault.clone(), Arc::clone(&counter));
                std::thread::spawn(move || serve(stream, &fault, &counter));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whole requests that have arrived.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// An error ends the connection, as the fault of a network does.
fn serve(mut stream: TcpStream, fault: &Fault, requests: &AtomicUsize) -> Option<()> {
    if matches!(fault, Fault::ResetAtOnce) {
        // A connection that is closed with unread bytes is reset.
        return stream.peek(&mut [0]).ok().map(drop);
    }
    loop {
        let length = request_length(&stream)?;
        requests.fetch_add(1, Ordering::SeqCst);
        if matches!(fault, Fault::ResetAtOnce | Fault::ResetAfterRequest) {
            return Some(());
        }
        stream.read_exact(&mut vec![0; length]).ok()?;
        match fault {
            Fault::ResetAtOnce | Fault::ResetAfterRequest => return Some(()),
            Fault::EndAfterRequest => return stream.shutdown(Shutdown::Both).ok(),
            Fault::Write(bytes) => {
                stream.write_all(bytes).ok()?;
                return stream.shutdown(Shutdown::Both).ok();
            }
            Fault::WriteAndStay(bytes) => stream.write_all(bytes).ok()?,
            Fault::Endless(head, byte) => {
                stream.write_all(head).ok()?;
                let block = vec![*byte; 65_536];
                loop {
                    stream.write_all(&block).ok()?;
                }
            }
            Fault::Drip(bytes) => {
                for byte in bytes {
                    stream.write_all(&[*byte]).ok()?;
                    pause(Duration::from_millis(300));
                }
            }
        }
    }
}

/// Waits until one whole request has arrived, and leaves it unread; nothing, when the connection ends before.
fn request_length(stream: &TcpStream) -> Option<usize> {
    let mut request = vec![0_u8; 65_536];
    loop {
        let arrived = stream.peek(&mut request).ok()?;
        if arrived == 0 {
            return None;
        }
        if let Some(end) = request[..arrived].windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let whole = end + 4 + length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if arrived >= whole {
                return Some(whole);
            }
        }
        pause(Duration::from_millis(1));
    }
}

/// An answer with a head that says how long the body is.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
