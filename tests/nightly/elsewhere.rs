//! The simulators as users start them: `crmsync sandbox` as a process, asked over HTTP what it received.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// `crmsync sandbox --port 0`, until dropped.
pub(crate) struct Elsewhere {
    child: Child,
    /// `127.0.0.1:<port>`.
    address: String,
}

impl Elsewhere {
    /// Starts it with more arguments and waits for its first line.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crmsync"))
            .args(["sandbox", "--port", "0"])
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut first = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut first).expect("a line");
        let (_, address) = first.trim().rsplit_once("http://").expect("an address");
        Self { address: address.to_owned(), child }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything it received so far.
    pub(crate) fn ledger(&self) -> Vec<Value> {
        serde_json::from_str(&self.ask("GET", "/ledger")).expect("the ledger as JSON")
    }

    /// Forgets what it received, not what that did.
    pub(crate) fn reset(&self) {
        self.ask("POST", "/reset-ledger");
    }

    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let request = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        body.to_owned()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The ledger that `rehearse --ledger` wrote.
pub(crate) fn written_ledger(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a ledger");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What was called, for whom, with which body and with what result: sorted, since lanes work side by side.
pub(crate) fn calls(ledger: &[Value]) -> Vec<String> {
    let course = |entry: &Value| {
        ["operation", "key", "outcome", "code", "fields"].map(|name| entry[name].to_string()).join(" ")
    };
    let mut calls: Vec<String> = ledger.iter().map(course).collect();
    calls.sort_unstable();
    calls
}
