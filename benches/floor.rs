//! What the commands are measured against: the `csv` crate parsing the same file, a bare pass over it that keeps nothing,
//! the `csv-diff` crate comparing two, bare `reqwest` sending the same number of bodies, and a server on loopback that answers at once and keeps the times
//! at which requests arrived.
//!
//! `benches/run.py` calls it: `floor csv FILE THREADS`, `floor pass FILE THREADS`, `floor csv-diff FILE FILE`,
//! `floor serve DELAY_MS`, `floor load URL COUNT IN_FLIGHT`.
//! Each prints one line of JSON. Nothing here is part of the product.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use csv_diff::csv::Csv;
use csv_diff::csv_diff::CsvByteDiffLocal;
use highway::{HighwayHash, HighwayHasher, Key};
use memchr::memchr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A body as long as a customer's; what is in it does not matter to the transport.
const BODY_BYTES: usize = 900;
/// How much is read at a time, as the program does it.
const PASS_BYTES: usize = 256 * 1024;
const WSONE_ANSWER: &str = r#"{"responseCode":"000","infos":"OK","NewIdentifierResponse":null}"#;
const SAFEDEBIT_ANSWER: &str = r#"{"result":true}"#;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["csv", file, threads] => shared(file, threads.parse()?, parse),
        ["pass", file, threads] => shared(file, threads.parse()?, pass),
        ["csv-diff", before, after] => csv_diff_floor(before, after),
        ["serve", delay] => runtime()?.block_on(serve(Duration::from_millis(delay.parse()?))),
        ["load", url, count, in_flight] => runtime()?.block_on(load(url, count.parse()?, in_flight.parse()?)),
        [] => tell("called by benches/run.py; see `make bench`"),
        _ => Err(
            "usage: floor csv FILE THREADS | pass FILE THREADS | csv-diff FILE FILE | serve DELAY_MS | load URL COUNT IN_FLIGHT"
                .into(),
        ),
    }
}

fn tell(line: &str) -> Outcome<()> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(std::io::stdout().flush()?)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time, nothing depends on it")]
fn now() -> Instant {
    Instant::now()
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// The whole file, each thread with its share of the bytes (no quoted line ends); counts what they found.
fn shared(file: &str, threads: u64, work: fn(&str, u64, u64) -> Outcome<u64>) -> Outcome<()> {
    let bytes = std::fs::metadata(file)?.len();
    let started = now();
    let parts = (0..threads).map(|part| (bytes * part / threads, bytes * (part + 1) / threads));
    let found = std::thread::scope(|scope| {
        let workers: Vec<_> = parts.map(|(from, to)| scope.spawn(move || work(file, from, to))).collect();
        workers.into_iter().try_fold(0, |sum, worker| match worker.join() {
            Ok(found) => found.map(|found| sum + found),
            Err(_) => Err("a thread fell over".into()),
        })
    })?;
    let seconds = started.elapsed().as_secs_f64();
    tell(&format!(r#"{{"seconds": {seconds:.6}, "found": {found}}}"#))
}

/// The least that tells whether a record is the same: its bytes are read, its end is found, the record and its key are
/// hashed with 128 bits under a secret. Lines whose first byte is in `from..to`.
fn pass(file: &str, from: u64, to: u64) -> Outcome<u64> {
    let input = File::open(file)?;
    let mut buffer = vec![0; PASS_BYTES];
    // The line that `from` is in begins in the share before, unless the byte before ends one.
    let (mut at, mut kept, mut is_cut) = (from.saturating_sub(1), 0, from > 0);
    let mut lines = 0;
    loop {
        let read = input.read_at(&mut buffer[kept..], at + kept as u64)?;
        let mut rest = &buffer[..kept + read];
        while let Some(end) = memchr(b'\n', rest) {
            if at >= to {
                return Ok(lines);
            }
            if !std::mem::take(&mut is_cut) {
                let line = &rest[..end];
                let key = &line[..memchr(b';', line).unwrap_or(end)];
                let hashed = |bytes| HighwayHasher::new(Key([1, 2, 3, 4])).hash128(bytes);
                black_box((hashed(line), hashed(key)));
                lines += 1;
            }
            rest = &rest[end + 1..];
            at += end as u64 + 1;
        }
        if read == 0 {
            return if rest.is_empty() { Ok(lines) } else { Err("the last line has no end".into()) };
        }
        let left = kept + read - rest.len();
        buffer.copy_within(left..kept + read, 0);
        kept = kept + read - left;
    }
}

/// Every record as a `ByteRecord` that begins in `from..to`; a record belongs to the part in which its first byte is.
fn parse(file: &str, from: u64, to: u64) -> Outcome<u64> {
    let mut input = BufReader::with_capacity(1 << 18, File::open(file)?);
    let mut at = from;
    if from > 0 {
        input.seek(SeekFrom::Start(from - 1))?;
        at = from - 1 + input.read_until(b'\n', &mut Vec::new())? as u64;
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b';')
        .has_headers(false)
        .flexible(true)
        .from_reader(input.take(u64::MAX));
    let mut record = csv::ByteRecord::new();
    let mut fields = 0;
    while at + reader.position().byte() < to && reader.read_byte_record(&mut record)? {
        fields += record.len() as u64;
    }
    at += reader.position().byte();
    if at < to { Err("a part of the file was not parsed".into()) } else { Ok(fields) }
}

/// Two files whose first column is the key, as `csv-diff` compares them with all processors.
fn csv_diff_floor(before: &str, after: &str) -> Outcome<()> {
    let started = now();
    let open = |path| -> Outcome<Csv<File>> {
        let file = File::open(path)?;
        Ok(csv::ReaderBuilder::new().delimiter(b';').from_reader(file).into())
    };
    let different = CsvByteDiffLocal::new()?.diff(open(before)?, open(after)?)?.as_slice().len();
    let seconds = started.elapsed().as_secs_f64();
    tell(&format!(r#"{{"seconds": {seconds:.6}, "different": {different}}}"#))
}

/// Sends `count` bodies with `in_flight` requests at a time, as `reqwest` does it when nothing is written down.
async fn load(url: &str, count: u64, in_flight: u64) -> Outcome<()> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "rustls was set up before")?;
    let client = reqwest::Client::builder().pool_max_idle_per_host(usize::MAX).build()?;
    let body = "x".repeat(BODY_BYTES);
    let left = Arc::new(Mutex::new(count));
    let started = now();
    let mut senders: JoinSet<Outcome<()>> = JoinSet::new();
    for _ in 0..in_flight {
        let (client, body, left, url) = (client.clone(), body.clone(), Arc::clone(&left), url.to_owned());
        senders.spawn(async move {
            while take(&left) {
                let answer = client.post(&url).body(body.clone()).send().await?;
                answer.bytes().await?;
            }
            Ok(())
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    let seconds = started.elapsed().as_secs_f64();
    tell(&format!(r#"{{"seconds": {seconds:.6}, "count": {count}}}"#))
}

fn take(left: &Mutex<u64>) -> bool {
    let mut left = left.lock().expect("nobody panics with the lock");
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

/// When requests arrived, from the start of the server.
type Arrivals = Arc<Mutex<Vec<Duration>>>;

/// Answers every request after `delay`; `GET /stats` tells of the arrivals since the last one.
async fn serve(delay: Duration) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    tell(&format!(r#"{{"port": {}}}"#, listener.local_addr()?.port()))?;
    let (arrivals, started) = (Arrivals::default(), now());
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let arrivals = Arc::clone(&arrivals);
        connections.spawn(async move { drop(converse(stream, delay, &arrivals, started).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(
    mut stream: TcpStream,
    delay: Duration,
    arrivals: &Arrivals,
    started: Instant,
) -> Outcome<()> {
    let (wsone, safedebit) = (response(WSONE_ANSWER), response(SAFEDEBIT_ANSWER));
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let Some(request) = Request::at_front(&buffer)? else {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            continue;
        };
        buffer.drain(..request.bytes);
        if request.asked == Asked::Stats {
            let arrived = std::mem::take(&mut *arrivals.lock().expect("nobody panics with the lock"));
            stream.write_all(response(&stats(&arrived)).as_bytes()).await?;
            continue;
        }
        arrivals.lock().expect("nobody panics with the lock").push(started.elapsed());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let answer = if request.asked == Asked::Safedebit { &safedebit } else { &wsone };
        stream.write_all(answer.as_bytes()).await?;
    }
}

fn response(answer: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
    format!("{head}: {}\r\n\r\n{answer}", answer.len())
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Stats,
    Safedebit,
    WsOne,
}

struct Request {
    asked: Asked,
    /// How long it is, with its body.
    bytes: usize,
}

impl Request {
    /// The first request in the buffer; none, while a part of it has not arrived.
    fn at_front(buffer: &[u8]) -> Outcome<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(head_bytes) = head.parse(buffer)? else { return Ok(None) };
        let asked = match head.path {
            Some("/stats") => Asked::Stats,
            Some(path) if path.contains("edit_consumer") => Asked::Safedebit,
            _ => Asked::WsOne,
        };
        let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let body_bytes = match length {
            Some(length) => std::str::from_utf8(length.value)?.parse()?,
            None => 0,
        };
        let bytes = head_bytes + body_bytes;
        Ok((buffer.len() >= bytes).then_some(Self { asked, bytes }))
    }
}

/// How many arrived, over how long, and how many in the fullest second.
fn stats(arrivals: &[Duration]) -> String {
    let seconds = match arrivals {
        [first, .., last] => last.saturating_sub(*first).as_secs_f64(),
        _ => 0.0,
    };
    let mut fullest = 0;
    let mut first = 0;
    for (last, at) in arrivals.iter().enumerate() {
        while at.saturating_sub(arrivals[first]) >= Duration::from_secs(1) {
            first += 1;
        }
        fullest = fullest.max(last - first + 1);
    }
    format!(r#"{{"count": {}, "seconds": {seconds:.6}, "fullest_second": {fullest}}}"#, arrivals.len())
}
