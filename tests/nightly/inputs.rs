//! Inputs in all the ways they come: in order and out of it, piped, compressed, in several files, with a trailer.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crmsync::domain::provider::ProviderId;

use crate::support::{Customer, HEADER, Ran, World, customers};

const ORDERED: &str = "[input]\norder_by = \"updated_at\"\n";

/// A file whose rows carry the time of their change.
fn dated(world: &World, name: &str, rows: &[(&Customer, &str)]) -> PathBuf {
    let mut text = format!("{HEADER};updated_at\n");
    rows.iter().for_each(|(customer, time)| writeln!(text, "{};{time}", customer.line()).expect("memory"));
    world.file(name, &text)
}

fn ordered(world: &World, people: &[Customer]) {
    world.populate(people);
    world.configure(ORDERED, &[]);
}

#[test]
fn the_newest_row_wins_wherever_it_stands() {
    let world = World::new();
    let person = Customer::new(1);
    ordered(&world, std::slice::from_ref(&person));
    let old = person.clone().email("old@example.org");
    let file = dated(&world, "crm.csv", &[(&person, "2026-02-01T10:00:00Z"), (&old, "2026-01-01T10:00:00Z")]);
    world.sync(&file).exits(0);
    world.all_hold(&person);
    assert_eq!(world.report()["input"]["duplicates"], 1);
}

#[test]
fn a_stale_row_changes_nothing() {
    let world = World::new();
    let person = Customer::new(1);
    ordered(&world, std::slice::from_ref(&person));
    world.sync(&dated(&world, "crm.csv", &[(&person, "2026-02-01 10:00")])).exits(0);
    let old = person.clone().email("old@example.org");
    world.sync(&dated(&world, "late.csv", &[(&old, "2026-01-31 10:00")])).exits(0);
    world.all_hold(&person);
    assert_eq!(world.report()["input"]["stale"], 1);
    assert_eq!(world.report()["input"]["changed"], 0);
}

#[test]
fn a_row_of_the_same_time_is_not_stale() {
    let world = World::new();
    let person = Customer::new(1);
    ordered(&world, std::slice::from_ref(&person));
    world.sync(&dated(&world, "crm.csv", &[(&person, "2026-02-01 10:00")])).exits(0);
    let new = person.email("new@example.org");
    world.sync(&dated(&world, "crm.csv", &[(&new, "2026-02-01 10:00")])).exits(0);
    world.all_hold(&new);
    assert_eq!(world.report()["input"]["stale"], 0);
}

/// Values that were read in another way say nothing about those of today.
#[test]
fn another_order_column_or_date_form_makes_nobody_stale() {
    let seq = "[input]\norder_by = \"seq\"\n";
    let forms = "[input]\norder_by = \"updated_at\"\ndate_formats = [\"%m/%d/%Y\"]\n";
    for (how, settings, before, after) in
        [("column", seq, "2026-02-01 10:00", "8"), ("forms", forms, "10/11/2026", "11/10/2026")]
    {
        let world = World::new();
        let person = Customer::new(1);
        ordered(&world, std::slice::from_ref(&person));
        world.sync(&dated(&world, "crm.csv", &[(&person, before)])).exits(0);
        let new = person.clone().email("new@example.org");
        let file = dated(&world, "crm.csv", &[(&new, after)]);
        if how == "column" {
            let text = std::fs::read_to_string(&file).expect("a file").replace("updated_at", "seq");
            world.file("crm.csv", &text);
        }
        world.configure(settings, &[]);
        let plan = crate::care::json(&world.on("plan", &file, &["--json"]).exits(0));
        assert_eq!((&plan["input"]["stale"], &plan["input"]["changed"]), (&0.into(), &1.into()), "{how}");
        world.sync(&file).exits(0);
        world.all_hold(&new);
        assert_eq!(world.report()["input"]["stale"], 0, "{how}");
    }
}

/// Each line that is too long is one invalid row, wherever it stands.
#[test]
fn lines_that_are_too_long_are_invalid_rows() {
    let world = World::new();
    world.populate(&customers(2));
    let line = |number: u32, rest: &str| {
        format!("{{\"customer_id\": \"C{number}\", \"wallet_id\": \"W0000{number}\"{rest}}}\n")
    };
    let long = format!(", \"note\": \"{}\"", "x".repeat(1_200_000));
    let text: String = (1..=6).map(|number| line(number, if number % 2 == 0 { &long } else { "" })).collect();
    let ran = world.on("sync", &world.file("crm.jsonl", &text), &["--allow-mass-change"]).exits(3);
    assert!(ran.out.contains("3 INVALID rows"), "{}", ran.out);
    assert!(world.rejects().contains("the line is longer than"), "{}", world.rejects());
}

/// Of days that are written as numbers beside times, the newer one wins.
#[test]
fn days_that_look_like_numbers_are_days() {
    let world = World::new();
    world.configure("[input]\norder_by = \"updated_at\"\ndate_formats = [\"%Y%m%d\", \"%d/%m/%Y\"]\n", &[]);
    let person = Customer::new(1);
    world.populate(std::slice::from_ref(&person));
    let old = person.clone().email("old@example.org");
    let new = person.clone().email("new@example.org");
    world.sync(&dated(&world, "crm.csv", &[(&old, "20261110 10:00:00"), (&new, "20261111")])).exits(0);
    assert_eq!(world.emails(&person), ["new@example.org"; 3]);
    // What lies in the future counts as now.
    let typo = person.clone().email("typo@example.org");
    let ran = world.sync(&dated(&world, "crm.csv", &[(&typo, "29991231")])).exits(0);
    assert!((ran.out + &ran.err).contains("future"));
    assert_eq!(world.emails(&person), ["typo@example.org"; 3]);
}

/// A column may count anew under its old name, which nobody can tell: it is said, and what to do.
#[test]
fn where_all_that_differs_is_stale_it_is_said_and_a_full_resync_takes_it() {
    let world = World::new();
    let person = Customer::new(1);
    ordered(&world, std::slice::from_ref(&person));
    world.sync(&dated(&world, "crm.csv", &[(&person, "2026-02-01 10:00")])).exits(0);
    let new = person.clone().email("new@example.org");
    let file = dated(&world, "crm.csv", &[(&new, "8")]);
    let ran = world.sync(&file).exits(0);
    assert!((ran.out + &ran.err).contains("(1 stale)"));
    world.on("sync", &file, &["--full-resync", "--allow-mass-change"]).exits(0);
    world.all_hold(&new);
    // From then on it counts.
    let older = person.clone().email("older@example.org");
    world.sync(&dated(&world, "crm.csv", &[(&older, "7")])).exits(0);
    world.all_hold(&new);
}

/// Which row of one customer wins is another question once rows are ordered.
#[test]
fn rows_are_read_anew_where_they_are_ordered_from_now_on() {
    let world = World::new();
    let person = Customer::new(1);
    world.populate(std::slice::from_ref(&person));
    let old = person.clone().email("old@example.org");
    let file = dated(&world, "crm.csv", &[(&person, "2026-02-01T10:00:00Z"), (&old, "2026-01-01T10:00:00Z")]);
    world.sync(&file).exits(0);
    world.all_hold(&old);
    world.configure(ORDERED, &[]);
    world.sync(&file).exits(0);
    world.all_hold(&person);
}

#[test]
fn a_file_without_the_order_column_warns_and_is_taken() {
    let world = World::new();
    let person = Customer::new(1);
    ordered(&world, std::slice::from_ref(&person));
    let ran = world.sync(&world.csv("crm.csv", std::slice::from_ref(&person))).exits(0);
    assert!(ran.err.contains("updated_at") || ran.out.contains("updated_at"), "{}{}", ran.out, ran.err);
    world.all_hold(&person);
}

#[test]
fn an_older_file_is_refused_unless_it_is_meant() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0] = people[0].clone().email("older@example.org");
    let file = world.csv("older.csv", &people);
    let handle = std::fs::File::options().write(true).open(&file).expect("it is there");
    let written = handle.metadata().and_then(|data| data.modified()).expect("a time");
    handle.set_modified(written - Duration::from_secs(86_400)).expect("set");
    let refused = world.sync(&file).exits(4);
    assert!(refused.err.contains("--allow-older"), "{}", refused.err);
    let plan = world.on("plan", &file, &["--detailed-exitcode"]).exits(4);
    assert!(
        plan.out.contains("a sync would be stopped: ") && plan.out.contains("was accepted before"),
        "{}",
        plan.out
    );
    assert!(plan.out.contains("next, if this is meant: crmsync sync"), "{}", plan.out);
    assert!(plan.out.ends_with("older.csv --allow-older\n"), "{}", plan.out);
    world.on("plan", &file, &["--detailed-exitcode", "--allow-older"]).exits(20);
    assert_eq!(world.emails(&people[0])[1], "elise.1@example.org");
    world.on("sync", &file, &["--allow-mass-change", "--allow-older"]).exits(0);
    world.all_hold(&people[0]);
}

#[test]
fn keys_that_look_alike_are_told_by_their_lines() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    people[1].id = "c 00001".to_owned();
    let ran = world.sync(&world.csv("crm.csv", &people)).exits(0);
    let told = format!("{}{}", ran.out, ran.err);
    assert!(
        told.contains("1 keys differ") && told.contains("crm.csv:2") && told.contains("crm.csv:3"),
        "{told}"
    );
    assert!(!told.contains("c 00001") && !told.contains("C00001"), "{told}");
    assert_eq!(world.report()["input"]["customers"], 3);
}

#[test]
fn a_pipe_is_read_when_its_format_is_named() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let text = std::fs::read(world.csv("crm.csv", &people)).expect("written");
    world.run(&["sync", "-"]).exits(2);
    piped(&world, &["sync", "-", "--format", "csv", "--allow-mass-change"], &text).exits(0);
    people.iter().for_each(|person| world.all_hold(person));
}

/// A run with this on its standard input.
fn piped(world: &World, arguments: &[&str], text: &[u8]) -> Ran {
    let mut child = world.start_piped(arguments);
    child.stdin.take().expect("a pipe").write_all(text).expect("read to its end");
    Ran::from(child.wait_with_output().expect("ends"))
}

#[test]
fn a_run_with_a_pipe_that_was_killed_once_its_calls_are_queued_is_gone_on_with() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let text = std::fs::read(world.csv("crm.csv", &people)).expect("written");
    let mut killed = world.command(&["sync", "-", "--format", "csv", "--allow-mass-change"]);
    killed.env("CRMSYNC_FAULT", "after-ingest-commit").stdin(Stdio::piped());
    let mut killed = killed.spawn().expect("the binary runs");
    killed.stdin.take().expect("a pipe").write_all(&text).expect("read to its end");
    assert!(!killed.wait_with_output().expect("ends").status.success());
    let status = world.run(&["status"]).exits(0).out;
    assert!(status.ends_with("next: crmsync resume\n") && !status.contains("was not accepted"), "{status}");
    world.run(&["resume"]).exits(0);
    people.iter().for_each(|person| world.all_hold(person));
}

#[test]
fn who_only_looks_at_a_file_takes_a_pipe_as_well() {
    let world = World::new();
    let text = std::fs::read(world.csv("crm.csv", &customers(2))).expect("written");
    let looked = piped(&world, &["check", "-"], &text).exits(0);
    assert!(looked.out.contains("csv, utf-8") && looked.out.contains("check FILE"), "{}", looked.out);
    let named = piped(&world, &["check", "-", "--format", "csv"], &text).exits(0);
    assert!(named.out.contains("csv, utf-8"), "{}", named.out);
    let misnamed = piped(&world, &["check", "-", "--format", "jsonl"], &text);
    assert!(!misnamed.out.contains("csv, utf-8"), "{}", misnamed.out);
    let proposed = piped(&world, &["--config", "other.toml", "init", "--from", "-"], &text).exits(0);
    assert!(!proposed.err.contains("check - "), "{}", proposed.err);
    let written = std::fs::read_to_string(world.path("other.toml")).expect("a proposal");
    assert!(written.contains("customer_id = \"customer_id\""), "{written}");
}

/// A file without a header cannot say that a column is misspelt.
#[test]
fn check_names_what_no_row_of_a_jsonl_file_has() {
    let world = World::new();
    let columns = "[columns]\nemail = \"mail_adress\"\nstreet_name = \"/a/street\"\ncity = \"town\"\n";
    world.configure(columns, &[]);
    let row = r#"{"customer_id": "C00001", "wallet_id": "W00001", "mail_address": "x@example.org", "a": {"street": "B"}}"#;
    let looked = world.run(&["check", world.file("crm.jsonl", row).to_str().expect("utf-8")]).exits(0).out;
    assert!(looked.contains("email: no row looked at has `mail_adress`"), "{looked}");
    assert!(
        looked.contains("city: no row looked at has `town`") && !looked.contains("/a/street`"),
        "{looked}"
    );
}

#[test]
fn check_looks_at_the_subscriptions_of_a_jsonl_file() {
    let world = World::new();
    let row = r#"{"customer_id": "C00001", "wallet_id": "W00001", "subscription_7": "perhaps"}"#;
    let looked = world.run(&["check", world.file("crm.jsonl", row).to_str().expect("utf-8")]).exits(0).out;
    assert!(looked.contains("subscription_7"), "{looked}");
}

#[test]
fn check_warns_of_what_an_exclude_takes_out_of_objects_that_are_sent_whole() {
    let world = World::new();
    let cases = [
        ("exclude = [\"email\"]", true),
        ("exclude = [\"email\"]\nsend = \"changed\"", false),
        ("exclude = [\"email\", \"email_opt_in\", \"email_partner_opt_in\"]", false),
    ];
    for (lines, warns) in cases {
        world.configure("", &[("wsone", lines)]);
        let told = world.run(&["check"]).exits(0).out;
        let warning =
            "exclude leaves ContactsRequest.EmailRequest.emailValue out of objects that are sent whole";
        assert_eq!(told.contains(warning), warns, "{lines}: {told}");
    }
}

/// Each run lets `settle` begin anew.
#[test]
fn check_warns_of_runs_that_end_before_anything_may_leave() {
    let world = World::new();
    let rarely = ("wsone", "rate_per_second = 0.2\nsettle = \"6s\"");
    for (max_duration, warns) in [("1s", 3), ("1001ms", 1), ("5s", 1), ("5001ms", 0)] {
        world.configure(&format!("[dispatch]\nmax_duration = \"{max_duration}\"\n"), &[rarely]);
        let told = world.run(&["check"]).exits(0).out;
        assert_eq!(told.matches("a run is over before anything may leave").count(), warns, "{told}");
        let anew = told.contains("a run is over before settle = 6s is: where the machine is started anew");
        assert_eq!(anew, warns == 0, "{told}");
    }
}

#[test]
fn compressed_files_are_read_as_they_are() {
    for ending in ["gz", "zst", "pzstd.zst"] {
        let world = World::new();
        let people = customers(2);
        world.populate(&people);
        let text = std::fs::read(world.csv("crm.csv", &people)).expect("written");
        let packed = match ending {
            "gz" => {
                let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packer.write_all(&text).expect("memory");
                packer.finish().expect("memory")
            }
            "zst" => zstd::encode_all(&text[..], 1).expect("memory"),
            // A frame to be skipped that says how long the next one is.
            _ => {
                let frame = zstd::encode_all(&text[..], 1).expect("memory");
                let length = u32::try_from(frame.len()).expect("small").to_le_bytes();
                [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], &length, &frame].concat()
            }
        };
        let file = world.path(&format!("crm.csv.{ending}"));
        std::fs::write(&file, &packed).expect("written");
        world.sync(&file).exits(0);
        people.iter().for_each(|person| world.all_hold(person));
        std::fs::write(&file, &packed[..packed.len() / 2]).expect("written");
        world.on("sync", &file, &["--allow-older"]).exits(4);
    }
}

#[test]
fn several_files_are_one_input() {
    let world = World::new();
    let people = customers(4);
    world.populate(&people);
    let (one, two) = (world.csv("one.csv", &people[..2]), world.csv("two.csv", &people[2..]));
    let second = two.to_str().expect("utf-8");
    world.on("sync", &one, &[second, "--allow-mass-change"]).exits(0);
    assert_eq!(world.report()["input"]["customers"], 4);
    assert_eq!(world.report()["input"]["files"].as_array().map(Vec::len), Some(2));
    world.on("sync", &one, &[second]).exits(0);
    assert_eq!(world.report()["input"]["missing"], 0);
    assert_eq!(world.requests(ProviderId::Lemonway), 4);
}

#[test]
fn a_trailer_counts_the_rows() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.configure("[input]\ntrailer = \"^TOTAL;([0-9]+)$\"\n", &[]);
    let text = std::fs::read_to_string(world.csv("crm.csv", &people)).expect("written");
    world.sync(&world.file("short.csv", &format!("{text}TOTAL;3\n"))).exits(4);
    world.sync(&world.file("none.csv", &text)).exits(4);
    assert_eq!(world.applied(), 0);
    world.sync(&world.file("crm.csv", &format!("{text}TOTAL;2\n"))).exits(0);
    people.iter().for_each(|person| world.all_hold(person));
}

/// More customers without an accent than are looked at before a file is presumed to be UTF-8.
const PLAIN_CUSTOMERS: usize = 2_500;

fn plain_customers() -> Vec<Customer> {
    let plain = |customer: Customer| Customer {
        first: "Elise".to_owned(),
        street: customer.street.replace("Liberté", "Paix"),
        ..customer
    };
    customers(PLAIN_CUSTOMERS).into_iter().map(plain).collect()
}

#[test]
fn an_accent_far_behind_still_tells_the_encoding() {
    let world = World::new();
    let mut people = plain_customers();
    world.on("seed", &world.csv("crm.csv", &people), &[]).exits(0);
    let last = people.last_mut().expect("there are some");
    last.first = "Zoé".to_owned();
    let last = last.clone();
    world.populate(std::slice::from_ref(&last));
    world.populate_persons(std::slice::from_ref(&last));
    let file = world.csv("crm.csv", &people);
    let text = std::fs::read_to_string(&file).expect("the file");
    let western = text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a Western letter"));
    std::fs::write(&file, western.collect::<Vec<u8>>()).expect("written");
    let plan = world.on("plan", &file, &["--json"]).exits(0);
    assert!(plan.out.contains("\"changed\": 1"), "{}", plan.out);
    world.sync(&file).exits(0);
    assert_eq!(world.report()["input"]["changed"], 1);
    assert_eq!(world.report()["input"]["invalid"], 0);
    let entries = world.ledger().entries();
    let sent = entries.iter().find(|entry| entry.provider == ProviderId::Lemonway).expect("one call");
    let fields = sent.fields.as_ref().expect("applied").get();
    assert!(fields.contains("Zoé"), "{fields}");
}

#[test]
fn a_broken_letter_far_behind_spoils_its_row_alone() {
    let world = World::new();
    let people = plain_customers();
    world.on("seed", &world.csv("crm.csv", &people), &[]).exits(0);
    let file = world.csv("crm.csv", &people);
    let mut bytes = std::fs::read(&file).expect("the file");
    let broken = bytes.len() - 60;
    bytes[broken] = 0xe9;
    bytes.extend_from_slice(Customer::new(PLAIN_CUSTOMERS + 1).line().as_bytes());
    bytes.push(b'\n');
    std::fs::write(&file, bytes).expect("written");
    world.sync(&file).exits(3);
    assert_eq!(world.report()["input"]["invalid"], 1);
    assert_eq!(world.report()["input"]["new"], 1);
}

#[test]
fn a_table_that_may_be_cut_in_its_last_value_is_told_of() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let whole = std::fs::read_to_string(world.csv("crm.csv", &people)).expect("a file");
    const CUT: &str = "its last line has no end";
    for (text, is_told) in [(whole.trim_end(), true), (whole.as_str(), false)] {
        let file = world.file("crm.csv", text);
        let told = world.sync(&file).exits(0).out;
        assert_eq!(told.contains(CUT), is_told, "{told}");
        assert_eq!(world.report()["advice"].to_string().contains(CUT), is_told);
    }
}

#[test]
fn an_object_is_no_value() {
    let world = World::new();
    let people = customers(1);
    world.populate(&people);
    let row = r#"{"customer_id": "C00001", "wallet_id": "W00001", "last_name": "Martin", "city": {"a": 1}}"#;
    world.on("sync", &world.file("delta.jsonl", &format!("{row}\n")), &["--kind", "delta"]).exits(3);
    let wallet = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known").fields;
    assert!(wallet.get("newCity").is_none(), "{wallet:?}");
    assert!(world.rejects().contains("is an object or a list of them"), "{}", world.rejects());
}

#[test]
fn a_file_that_is_given_twice_changes_nobody() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    let file = file.to_str().expect("utf-8");
    world.run(&["sync", file, "--allow-mass-change"]).exits(0);
    world.run(&["sync", file, file]).exits(0);
    assert_eq!(
        (&world.report()["input"]["changed"], &world.report()["input"]["unchanged"]),
        (&0.into(), &3.into())
    );
}

#[test]
fn check_knows_a_file_that_has_no_json_at_all() {
    let world = World::new();
    let file = world.file("crm.jsonl", "customer_id;email\nC1;a@example.org\n");
    let told = world.on("check", &file, &[]).exits(4);
    assert!(told.out.contains("none of 2 lines is a JSON object"), "{}", told.out);
    // Nor one of whose records none has the key.
    let file = world.file("crm.jsonl", "{\"email\": \"a@example.org\"}\n{}\n");
    let told = world.on("check", &file, &[]).exits(4);
    assert!(told.out.contains("FAULT  file"), "{}", told.out);
    world.on("plan", &file, &[]).exits(4);
}
