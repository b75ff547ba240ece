//! What a run did to its files and to the network, in the order in which it did it: its system calls, by strace.
//!
//! Limits: paths are absolute, as the tests configure them, and hold no quote; what is written without a position is
//! appended, which is how everything but SQLite writes here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::run_under;
use crate::support::World;

/// Something that the program did.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Made a folder.
    Folder { path: PathBuf },
    /// Opened a file for writing; it is made where it was not there.
    File { path: PathBuf, emptied: bool },
    /// Wrote, at the end where there is no position.
    Write { path: PathBuf, at: Option<u64>, bytes: Vec<u8> },
    /// Cut a file or made it longer.
    Length { path: PathBuf, length: u64 },
    /// Gave a file another name.
    Rename { from: PathBuf, to: PathBuf },
    /// Deleted a file.
    Unlink { path: PathBuf },
    /// A sync has returned; it covers what was done before `since`.
    Sync { path: PathBuf, since: usize },
    /// Bytes left for a provider.
    Left { bytes: Vec<u8> },
    /// The process ended by itself.
    Ended,
}

/// An act with its place in the recording.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: usize,
    pub(crate) act: Act,
}

const CALLS: &str = "trace=openat,write,writev,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,\
                     unlinkat,link,linkat,mkdir,mkdirat,sendto,sendmsg,exit_group";
/// Longer than any write of the program, so that none is shortened.
const STRING_BYTES_MAX: &str = "16777216";

/// Whether strace can be had and may trace; says so aloud if not.
#[expect(clippy::print_stderr, reason = "a test that tests nothing has to say so")]
pub(crate) fn may_trace() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status();
    let may = tried.is_ok_and(|status| status.success());
    if !may {
        eprintln!("NOT TESTED: strace is missing or may not trace; no loss of power was played");
    }
    may
}

/// Runs the program and gives what it did; the places count on from `from`.
pub(crate) fn record(world: &World, fault: Option<&str>, arguments: &[&str], from: usize) -> Vec<Step> {
    let log = world.path("strace.log");
    let log_name = log.display().to_string();
    let wrapper = ["strace", "-f", "-qq", "-yy", "-s", STRING_BYTES_MAX, "-o", &log_name, "-e", CALLS];
    let ran = run_under(world, &wrapper, fault, arguments);
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let text = std::fs::read_to_string(log).expect("a log in ASCII");
    let mut steps = read(&text, from);
    steps.sort_by_key(|step| step.at);
    steps
}

fn read(log: &str, from: usize) -> Vec<Step> {
    let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut steps = Vec::new();
    for (at, line) in (from..).zip(log.lines()) {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, (at, begun));
        } else if call.starts_with("<... ") {
            let (began, head) = unfinished.remove(process).expect("what ends has begun");
            let (_, tail) = call.split_once(" resumed>").expect("a call that goes on");
            steps.extend(step(&format!("{head}{tail}"), began, at));
        } else {
            steps.extend(step(call, at, at));
        }
    }
    // A process that ends leaves its last call unfinished.
    steps.extend(
        unfinished
            .into_values()
            .filter_map(|(at, call)| call.starts_with("exit_group(").then_some(Step { at, act: Act::Ended })),
    );
    steps
}

/// One system call; none, where it failed or is of no interest.
fn step(call: &str, began: usize, ended: usize) -> Option<Step> {
    let (name, rest) = call.split_once('(')?;
    if name == "exit_group" {
        return Some(Step { at: began, act: Act::Ended });
    }
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end();
    if result.starts_with('-') {
        return None;
    }
    let mut at = began;
    let act = match name {
        "mkdir" | "mkdirat" => Act::Folder { path: paths(arguments).next()? },
        "openat" if !arguments.contains("O_RDONLY") => {
            Act::File { path: paths(arguments).next()?, emptied: arguments.contains("O_TRUNC") }
        }
        "pwrite64" => {
            let (bytes, after) = literal(arguments)?;
            let position = after.trim_end_matches(')').rsplit(", ").next()?.parse().ok()?;
            Act::Write { path: file(arguments)?, at: Some(position), bytes }
        }
        "write" | "writev" | "sendto" | "sendmsg" => match target(arguments)? {
            target if target.starts_with("TCP:") => Act::Left { bytes: literals(arguments) },
            target => Act::Write { path: PathBuf::from(target), at: None, bytes: literals(arguments) },
        },
        "ftruncate" => {
            let length = arguments.trim_end_matches(')').rsplit(", ").next()?.parse().ok()?;
            Act::Length { path: file(arguments)?, length }
        }
        "fsync" | "fdatasync" => {
            at = ended;
            Act::Sync { path: file(arguments)?, since: began }
        }
        "rename" | "renameat" | "renameat2" => {
            let mut paths = paths(arguments);
            Act::Rename { from: paths.next()?, to: paths.next()? }
        }
        "unlink" | "unlinkat" => Act::Unlink { path: paths(arguments).next()? },
        "link" | "linkat" => unreachable!("the model of the disk knows no second names"),
        _ => return None,
    };
    Some(Step { at, act })
}

/// What strace says that the first argument, a descriptor, stands for; none, where it has no name any more.
fn target(arguments: &str) -> Option<&str> {
    let (_, rest) = arguments.split_once('<')?;
    if rest.starts_with("TCP:") {
        return Some(rest);
    }
    let (path, after) = rest.split_once('>')?;
    (path.starts_with('/') && !after.starts_with("(deleted)")).then_some(path)
}

fn file(arguments: &str) -> Option<PathBuf> {
    target(arguments).map(PathBuf::from)
}

/// The quoted paths among the arguments.
fn paths(arguments: &str) -> impl Iterator<Item = PathBuf> {
    let mut rest = arguments;
    std::iter::from_fn(move || {
        let (bytes, after) = literal(rest)?;
        rest = after;
        Some(Path::new(std::str::from_utf8(&bytes).ok()?).to_owned())
    })
}

/// All quoted bytes among the arguments, joined.
fn literals(arguments: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = arguments;
    while let Some((more, after)) = literal(rest) {
        bytes.extend(more);
        rest = after;
    }
    bytes
}

/// The first quoted string, with its C escapes undone, and what stands behind it.
fn literal(text: &str) -> Option<(Vec<u8>, &str)> {
    let start = text.find('"')? + 1;
    let raw = text.as_bytes();
    let mut bytes = Vec::new();
    let mut at = start;
    loop {
        match *raw.get(at)? {
            b'"' => return Some((bytes, text.get(at + 1..)?)),
            b'\\' => {
                let escaped = *raw.get(at + 1)?;
                at += 2;
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'v' => 11,
                    b'f' => 12,
                    digit @ b'0'..=b'7' => {
                        let mut value = u32::from(digit - b'0');
                        for _ in 0..2 {
                            let Some(next @ b'0'..=b'7') = raw.get(at) else { break };
                            value = value * 8 + u32::from(next - b'0');
                            at += 1;
                        }
                        u8::try_from(value).ok()?
                    }
                    other => other,
                });
            }
            plain => {
                bytes.push(plain);
                at += 1;
            }
        }
    }
}

#[test]
fn a_recording_is_read_as_it_was_written() {
    let log = "7 mkdir(\"/w/state\", 0700) = 0\n\
               7 openat(AT_FDCWD</w>, \"/w/state/a\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3</w/state/a>\n\
               7 pwrite64(3</w/state/a>, \"a\\\"\\0\\3771\\n\", 6, 512 <unfinished ...>\n\
               8 sendto(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"hi\", 2, 0, NULL, 0) = 2\n\
               7 <... pwrite64 resumed>)            = 6\n\
               7 fdatasync(3</w/state/a> <unfinished ...>\n\
               8 ftruncate(3</w/state/a>, 10)        = 0\n\
               7 <... fdatasync resumed>)           = 0\n\
               7 unlink(\"/w/state/b\")               = -1 ENOENT (No such file or directory)\n\
               7 exit_group(0)                     = ?\n";
    let mut steps = read(log, 100);
    steps.sort_by_key(|step| step.at);
    let read: Vec<String> = steps.iter().map(|step| format!("{} {:?}", step.at, step.act)).collect();
    let wanted = [
        "100 Folder { path: \"/w/state\" }",
        "101 File { path: \"/w/state/a\", emptied: false }",
        "102 Write { path: \"/w/state/a\", at: Some(512), bytes: [97, 34, 0, 255, 49, 10] }",
        "103 Left { bytes: [104, 105] }",
        "106 Length { path: \"/w/state/a\", length: 10 }",
        "107 Sync { path: \"/w/state/a\", since: 105 }",
        "109 Ended",
    ];
    assert_eq!(read, wanted);
}
