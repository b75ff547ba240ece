//! What each fault of the network does to a call: the verdict in the events, the attempt, the exit code, and that the
//! next healthy run delivers exactly what is right.

use std::net::TcpListener;
use std::time::Duration;

use crate::server::{Fault, FaultServer, answer};
use crate::table::Row;
use crate::world::{World, pause};

/// What a call is expected to go through in the faulty run.
#[derive(Clone, Copy)]
struct Expected {
    class: &'static str,
    code: &'static str,
    exit: i32,
}

/// The outcome is open: the only attempt is spent, the call is left to the next run.
const fn unknown(code: &'static str) -> Expected {
    Expected { class: "unknown", code, exit: 5 }
}

/// The lane waited until the run's time was over; no attempt was spent, or the call would have been given up (5).
const THROTTLED: Expected = Expected { class: "throttled", code: "throttled", exit: 10 };

const SUCCESS: &[u8] =
    br#"{"responseCode": "000", "infos": "", "NewIdentifierResponse": null, "result": true}"#;

/// Runs the fault for a create and an update, compares what the events tell, and heals it.
fn suffer(name: &str, fault: Fault, expected: Expected) {
    let world = World::new(1);
    let server = FaultServer::start(fault);
    // Where time is not what ends it, a machine at its limit must not either.
    let patience = if expected.code == "timeout" { "" } else { "timeout = \"5s\"" };
    world.configure(&server.base(), patience);
    let arguments = ["sync", "crm.csv", "--allow-mass-change", "--max-duration", "6s"];
    let ran = world.run(&arguments).exits(expected.exit, name);
    assert!(!ran.err.contains("panicked"), "{name}: {}", ran.err);
    for provider in ["wsone", "safedebit"] {
        let calls = world.calls(provider);
        assert!(!calls.is_empty(), "{name}: {provider} made no call");
        for (class, code, attempt) in &calls {
            assert_eq!(
                (class.as_str(), code.as_str()),
                (expected.class, expected.code),
                "{name}: {provider}"
            );
            assert_eq!(*attempt, 1, "{name}: {provider} counts an attempt that it must not count");
        }
        // A lane with one attempt repeats only what kept its attempt.
        assert!(calls.len() == 1 || expected.exit == 10, "{name}: {provider} repeated: {calls:?}");
    }
    // A create whose outcome is open is probed twice before it is made again.
    world.configure(&world.healthy(), "retry = { attempts = 4, initial = \"5ms\", max = \"20ms\" }");
    world.run(&["resume"]).exits(0, name);
    world.all_delivered(name);
    world.state_is_sound(name);
    let before = world.ledger().entries().len();
    world.sync().exits(0, name);
    assert_eq!(world.ledger().entries().len(), before, "{name}: something was sent again");
}

/// Most of a case is waiting, so they wait together. A thread that fails fails the test.
fn suffer_all<const N: usize>(place: usize, fault: &'static str, cases: [(&str, Fault, Expected); N]) {
    std::thread::scope(|scope| {
        for (name, fault, expected) in cases {
            scope.spawn(move || suffer(name, fault, expected));
        }
    });
    Row::kept(place, fault, N).enter();
}

#[test]
fn cut_connections_leave_the_outcome_open() {
    let half = answer("200 OK", "", SUCCESS);
    let half = half[..half.len() - 10].to_vec();
    let cases = [
        // The request was written, so nobody knows what the other side made of it.
        ("reset before the request is read", Fault::ResetAtOnce, unknown("cut")),
        ("reset after the request", Fault::ResetAfterRequest, unknown("cut")),
        ("end after the request", Fault::EndAfterRequest, unknown("cut")),
        // Not even the answer's first line is whole.
        ("end in the head", Fault::Write(b"HTTP/1.1 20".to_vec()), unknown("cut")),
        // It began to say yes: not enough.
        ("end in the body", Fault::Write(half.clone()), unknown("cut")),
        // The same, but the server keeps the connection: only time tells.
        ("a length that is never reached", Fault::WriteAndStay(half), unknown("timeout")),
        ("silence", Fault::WriteAndStay(Vec::new()), unknown("timeout")),
        ("a byte at a time", Fault::Drip(answer("200 OK", "", SUCCESS)), unknown("timeout")),
        ("no HTTP at all", Fault::Write(b"220 mail.example ESMTP\r\n".to_vec()), unknown("cut")),
        (
            "a length that is no number",
            Fault::Write(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n".to_vec()),
            unknown("cut"),
        ),
        // Two lengths are an attack or a broken proxy.
        (
            "two lengths",
            Fault::Write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}abc".to_vec()),
            unknown("cut"),
        ),
    ];
    suffer_all(70, "connections that are cut", cases);
}

#[test]
fn an_answer_that_is_no_answer_leaves_the_outcome_open() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let endless_head = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    let endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let nested = [&b"{\"result\":"[..], &vec![b'['; 500_000]].concat();
    let ignored = [&b"{\"other\":"[..], &vec![b'['; 500_000]].concat();
    let short = {
        let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n".to_vec();
        bytes.extend_from_slice(SUCCESS);
        bytes
    };
    let page = b"<html><body>Maintenance</body></html>";
    let cases = [
        ("no body", Fault::Write(answer("200 OK", "", b"")), unknown("unreadable_answer")),
        ("a page", Fault::Write(answer("200 OK", "", page)), unknown("unreadable_answer")),
        // The length says twelve bytes, the rest must not be taken for anything.
        ("a length that is too short", Fault::Write(short), unknown("unreadable_answer")),
        ("nested without end", Fault::Write(answer("200 OK", "", &nested)), unknown("unreadable_answer")),
        (
            "nested where nobody looks",
            Fault::Write(answer("200 OK", "", &ignored)),
            unknown("unreadable_answer"),
        ),
        ("32 MB", Fault::Write(answer("200 OK", "", &vec![b' '; 32 << 20])), unknown("answer_too_large")),
        ("a body without end", Fault::Endless(endless, b' '), unknown("answer_too_large")),
        ("a head without end", Fault::Endless(endless_head, b'x'), unknown("cut")),
        ("chunks that are none", Fault::Endless(chunked, b'z'), unknown("cut")),
        (
            "an empty answer of success",
            Fault::Write(answer("204 No Content", "", b"")),
            unknown("unexpected_status"),
        ),
    ];
    suffer_all(71, "answers that are none", cases);
}

#[test]
fn a_provider_that_asks_to_wait_costs_no_attempt() {
    let cases = [
        ("429, nothing said", "429 Too Many Requests", "", THROTTLED),
        ("429, seconds", "429 Too Many Requests", "Retry-After: 1\r\n", THROTTLED),
        ("429, zero", "429 Too Many Requests", "Retry-After: 0\r\n", THROTTLED),
        (
            "429, a date that has passed",
            "429 Too Many Requests",
            "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
            THROTTLED,
        ),
        (
            "429, a date to come",
            "429 Too Many Requests",
            "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT\r\n",
            THROTTLED,
        ),
        ("429, negative", "429 Too Many Requests", "Retry-After: -5\r\n", THROTTLED),
        ("429, a thousand million", "429 Too Many Requests", "Retry-After: 1000000000\r\n", THROTTLED),
        (
            "429, more digits than fit",
            "429 Too Many Requests",
            "Retry-After: 99999999999999999999999\r\n",
            THROTTLED,
        ),
        ("429, junk", "429 Too Many Requests", "Retry-After: soon\r\n", THROTTLED),
        ("503, seconds", "503 Service Unavailable", "Retry-After: 1\r\n", THROTTLED),
        (
            "503, a date to come",
            "503 Service Unavailable",
            "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT\r\n",
            THROTTLED,
        ),
        // Without a time that can be understood, a 503 is an outage like others: the outcome is open.
        ("503, junk", "503 Service Unavailable", "Retry-After: soon\r\n", unknown("http_503")),
        ("503, negative", "503 Service Unavailable", "Retry-After: -5\r\n", unknown("http_503")),
        ("503, nothing said", "503 Service Unavailable", "", unknown("http_503")),
    ];
    // The connection that says so is not used again: otherwise its end could meet the next request.
    let cases = cases.map(|(name, status, header, expected)| {
        let headers = format!("Connection: close\r\n{header}");
        (name, Fault::Write(answer(status, &headers, b"")), expected)
    });
    suffer_all(72, "429 and 503 with any Retry-After", cases);
}

#[test]
fn a_refused_connection_sent_nothing_and_is_no_open_outcome() {
    let world = World::new(1);
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", gone.local_addr().expect("bound"));
    drop(gone);
    world.configure(&base, "");
    world.sync().exits(5, "refused");
    for provider in ["wsone", "safedebit"] {
        assert_eq!(
            world.calls(provider),
            [("not_sent".to_owned(), "connect_refused".to_owned(), 1)],
            "{provider}"
        );
    }
    world.configure(&world.healthy(), "");
    world.run(&["resume"]).exits(0, "refused");
    world.all_delivered("refused");
    // The create is sent as such: nothing has to be found out first.
    assert_eq!(world.ledger().entries().len(), 2);
}

#[test]
fn a_redirect_is_not_followed_by_a_single_byte() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    other.set_nonblocking(true).expect("set");
    let location = format!("Location: http://{}/\r\n", other.local_addr().expect("bound"));
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let world = World::new(1);
        let server = FaultServer::start(Fault::Write(answer(status, &location, b"")));
        world.configure(&server.base(), "");
        world.sync().exits(7, status);
        assert_eq!(world.calls("wsone")[0].0, "contract", "{status}");
        assert!(other.accept().is_err(), "{status} was followed");
        assert_eq!(server.requests(), 2, "{status}: the lanes stopped at once");
        world.configure(&world.healthy(), "");
        world.run(&["resume"]).exits(0, status);
        world.all_delivered(status);
    }
}

/// Two answers to one request: the second one would be taken for the answer to the next request, which the
/// provider has never seen.
#[test]
fn an_answer_to_nothing_is_never_the_answer_to_the_next_call() {
    let refused = answer("200 OK", "", br#"{"responseCode": "101", "result": false, "code": "X"}"#);
    let twice = [refused, answer("200 OK", "", SUCCESS)].concat();
    let world = World::new(6);
    let server = FaultServer::start(Fault::WriteAndStay(twice));
    world.configure(&server.base(), "concurrency = 1");
    world.sync();
    let accepted =
        |calls: Vec<(String, String, u64)>| calls.iter().filter(|call| call.0 == "accepted").count();
    assert!(server.requests() > 2);
    assert_eq!(accepted(world.calls("safedebit")), 0);
    assert_eq!(accepted(world.calls("wsone")), 0);
}

/// A name service that answers nobody: every question takes a minute.
const SILENT_NAME_SERVICE: &str = r"
#include <netdb.h>
#include <unistd.h>
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    sleep(60);
    return EAI_AGAIN;
}
";

/// Whoever asked has given up, and the run does not wait for the thread that asks still.
#[test]
fn a_name_service_that_does_not_answer_does_not_keep_a_run_from_ending() {
    let world = World::new(1);
    world.configure("https://provider.example.org", "timeout = \"1s\"");
    let (source, library) = (world.path("silent.c"), world.path("silent.so"));
    std::fs::write(&source, SILENT_NAME_SERVICE).expect("written");
    let mut compiler = std::process::Command::new("cc");
    let compiled = compiler.args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(compiled.is_ok_and(|status| status.success()), "no C compiler");
    let arguments = ["sync", "crm.csv", "--allow-mass-change", "--max-duration", "2s"];
    let mut run = world.command(&[], &arguments).env("LD_PRELOAD", &library).spawn().expect("it runs");
    let ended = (0..2_000).find_map(|_| {
        pause(Duration::from_millis(20));
        run.try_wait().expect("a child")
    });
    run.kill().ok();
    assert_eq!(ended.and_then(|status| status.code()), Some(5), "it waited for the name service");
}
