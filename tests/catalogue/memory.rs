//! Every case of the catalogue and of the published suites, each in a process of its own: the built program looks at
//! it, ends as it should, and never has more than 64 MiB in memory.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crmsync::reader::{InputFile, ReaderSettings};
use serde::Deserialize;
use wait4::Wait4;

use crate::files::{FILES, Verdict};
use crate::values::VALUES;

/// The most memory that a case may take, in bytes.
const PEAK_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Processes at a time.
const WORKERS: usize = 2;
/// The number of cases must not shrink unnoticed.
const CASES_MIN: usize = 480;

/// A file to look at.
struct Case {
    name: String,
    ending: &'static str,
    content: Vec<u8>,
    /// Known for the project's own cases; those of the suites have their verdicts beside them.
    is_refused: Option<bool>,
}

/// A case of `JSONTestSuite`.
#[derive(Deserialize)]
struct JsonCase {
    name: String,
    input: String,
}

#[test]
fn no_case_takes_more_than_its_share_of_memory() {
    let cases = cases();
    assert!(cases.len() >= CASES_MIN, "{} cases", cases.len());
    let (cases, wrong) = (Mutex::new(VecDeque::from(cases)), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let folder = tempfile::tempdir().expect("a folder");
                let next = || cases.lock().expect("nobody panics").pop_front();
                while let Some(case) = next() {
                    if let Err(fault) = look_at(folder.path(), &case) {
                        wrong.lock().expect("nobody panics").push(format!("{}: {fault}", case.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("nobody panics");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs the program on a case; says what was not as it must be.
fn look_at(folder: &Path, case: &Case) -> Result<(), String> {
    let file = folder.join(format!("case{}", case.ending));
    fs::write(&file, &case.content).expect("written");
    // The first column is the key, or what JSON lines of the catalogue have for one, so that every row is read and mapped.
    let input = InputFile::open(&file, &ReaderSettings::default());
    let header = input.as_ref().ok().and_then(InputFile::header);
    let key = header.and_then(|names| names.iter().find(|name| !name.is_empty())).map(String::as_str);
    let key = key.or((case.ending == ".jsonl" && case.is_refused.is_some()).then_some("id"));
    let columns = key.map(|name| format!("[columns]\ncustomer_id = {}\n", toml::Value::from(name)));
    fs::write(folder.join("crmsync.toml"), columns.unwrap_or_default()).expect("written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_crmsync"))
        .args(["check", "--quiet"])
        .arg(&file)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let ended = child.wait4().expect("its own child");
    fs::remove_file(&file).expect("there");
    let peak = ended.rusage.maxrss;
    if peak == 0 || peak > PEAK_BYTES_MAX {
        return Err(format!("{peak} bytes of memory"));
    }
    match (ended.status.code(), case.is_refused) {
        (Some(0), Some(false) | None) | (Some(4), Some(true) | None) => Ok(()),
        (code, refused) => Err(format!("exit code {code:?}, expected a refusal: {refused:?}")),
    }
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = FILES.iter().map(own_file).chain(VALUES.iter().map(own_value)).collect();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for entry in fs::read_dir(data.join("csv-spectrum")).expect("the suite") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|ending| ending == "csv") {
            cases.push(suite(path.display().to_string(), ".csv", fs::read(&path).expect("readable")));
        }
    }
    for name in ["parsing", "transform"] {
        let text = fs::read(data.join(format!("json-test-suite/{name}.json"))).expect("the suite");
        let listed: Vec<JsonCase> = serde_json::from_slice(&text).expect("JSON");
        cases.extend(listed.into_iter().map(|case| {
            let line = format!("{{\"customer_id\":\"1\",\"value\":{}}}\n", case.input);
            suite(case.name, ".jsonl", line.into_bytes())
        }));
    }
    let naughty = fs::read(data.join("blns/blns.json")).expect("the suite");
    let naughty: Vec<String> = serde_json::from_slice(&naughty).expect("JSON");
    // They differ by a few bytes each: together they are more than any of them.
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["customer_id", "last_name"]).expect("memory");
    for (number, text) in naughty.iter().enumerate() {
        writer.write_record([&number.to_string(), text]).expect("memory");
    }
    cases.push(suite("blns".to_owned(), ".csv", writer.into_inner().expect("memory")));
    cases
}

fn suite(name: String, ending: &'static str, content: Vec<u8>) -> Case {
    Case { name, ending, content, is_refused: None }
}

fn own_file((name, content, verdict): &(&'static str, &[u8], Verdict)) -> Case {
    let ending = name.find('.').and_then(|dot| name.get(dot..)).expect("a name with an ending");
    let is_refused = match verdict {
        // Where nobody has a key, the file is another one.
        Verdict::Rows(_) | Verdict::Bad(..) => *content == b"{}\n",
        Verdict::Refused(_) => true,
    };
    Case { name: (*name).to_owned(), ending, content: content.to_vec(), is_refused: Some(is_refused) }
}

fn own_value((field, text, _): &(&str, &str, Option<&str>)) -> Case {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["customer_id", field]).expect("memory");
    writer.write_record(["C1", text]).expect("memory");
    let content = writer.into_inner().expect("memory");
    Case { name: format!("{field} {text}"), ending: ".csv", content, is_refused: Some(false) }
}
