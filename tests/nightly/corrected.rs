//! What did not get through comes back corrected: `rejects.csv` with values, edited as in a spreadsheet, as a delta.

use std::path::PathBuf;

use crmsync::domain::provider::ProviderId;

use crate::support::{World, customers};

/// Reads a CSV file, lets `edit` change single cells, and saves it as a spreadsheet does: with every apostrophe that
/// stood there, semicolons, and line ends of Windows.
fn edited(world: &World, text: &str, edit: impl Fn(&str, &str, &mut String)) -> PathBuf {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let id = header.iter().position(|name| name == "customer_id").expect("a key");
    let mut writer =
        csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(&header).expect("memory");
    for record in reader.records() {
        let record = record.expect("a record");
        let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
        for (name, cell) in header.iter().zip(&mut cells) {
            edit(&record[id], name, cell);
        }
        writer.write_record(&cells).expect("memory");
    }
    let bytes = writer.into_inner().expect("memory");
    world.file("corrected.csv", &String::from_utf8(bytes).expect("utf-8"))
}

/// Gives everybody another e-mail address.
fn another_address(_: &str, column: &str, cell: &mut String) {
    if column == "email" {
        "neu.3@example.org".clone_into(cell);
    }
}

const REFUSAL: &str = r#"
[[rule]]
provider = "lemonway"
key = "W00003"
times = 1
effect = { refuse = { code = "178" } }
"#;

/// What is no value does not become one where it stands as text.
#[test]
fn an_object_in_the_place_of_a_key_comes_back_as_no_key() {
    let world = World::new();
    let row =
        r#"{"customer_id": {"a": 1}, "person_identifier": "107", "first_name": "Ann", "city": {"b": 2}}"#;
    world.on("sync", &world.file("crm.jsonl", row), &["--allow-mass-change", "--include-values"]).exits(3);
    let rejects = world.file("rejects.csv", &world.rejects());
    assert!(world.rejects().contains("Ann") && !world.rejects().contains("{"), "{}", world.rejects());
    world.on("sync", &rejects, &["--kind", "delta", "--allow-mass-change"]).exits(3);
    assert_eq!(world.requests(ProviderId::Wsone), 0);
}

/// What is read out of objects comes back under the paths to it.
#[test]
fn rows_that_are_read_by_paths_come_back_corrected() {
    let world = World::accepting();
    let paths = "[columns]\ncustomer_id = \"/id\"\nemail = \"/contact/mail/0\"\nwallet_id = \"/keys/lw\"\n";
    world.configure(&format!("[input]\norder_by = \"/meta/ts\"\n{paths}"), &[]);
    let row = |id: &str, mail: &str, ts: &str| {
        format!(
            r#"{{"id":"{id}","contact":{{"mail":["{mail}"]}},"keys":{{"lw":"W{id}"}},"meta":{{"ts":{ts}}}}}"#
        )
    };
    let rows = [row("J1", "bad", "1767261600"), row("J2", "two@example.org", "\"gestern\"")].join("\n");
    let flags = ["--allow-mass-change", "--include-values"];
    world.on("sync", &world.file("crm.jsonl", &rows), &flags).exits(3);
    let told = world.rejects();
    let header = told.lines().next().expect("a header");
    for parent in ["contact", "keys", "meta"] {
        assert!(!header.split(',').any(|name| name == parent), "{header}");
    }
    assert!(told.contains("bad") && told.contains("gestern"), "{told}");
    let mended = told.replace(",bad,", ",one@example.org,").replace("gestern", "1767261600");
    world.on("sync", &world.file("back.csv", &mended), &["--kind", "delta", "--allow-mass-change"]).exits(0);
    for (wallet, email) in [("WJ1", "one@example.org"), ("WJ2", "two@example.org")] {
        let held = world.ledger().person(ProviderId::Lemonway, wallet).expect("known");
        assert_eq!(held.fields["newEmail"], email);
    }
}

#[test]
fn corrected_rejects_repair_exactly_those_customers() {
    let world = World::new();
    let mut people = customers(6);
    world.populate(&people);
    world.play(REFUSAL);
    people[0].mobile = "O612340001".to_owned();
    people[1].id = String::new();
    people[3].mobile = "+33612340004".to_owned();
    people[3].iban = "FR7630006000011234567890180";
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--include-values"]).exits(3);
    let rejects = world.rejects();
    assert!(rejects.contains("'+33612340004"), "no cell may begin like a formula: {rejects}");
    let before = world.ledger().entries().len();

    let corrected = edited(&world, &rejects, |id, column, cell| match (id, column) {
        ("C00001", "mobile_phone") if !cell.is_empty() => "06 12 34 00 01".clone_into(cell),
        ("", "customer_id") => "C00002".clone_into(cell),
        ("C00003", "email") if !cell.is_empty() => "neu.3@example.org".clone_into(cell),
        ("C00004", "iban") if !cell.is_empty() => "FR7630006000011234567890189".clone_into(cell),
        _ => {}
    });
    // Not all that a provider takes together is in these rows.
    world.on("sync", &corrected, &["--kind", "delta", "--include-values"]).exits(3);

    let ledger = world.ledger();
    let wallet = |key: &str| ledger.person(ProviderId::Lemonway, key).expect("known").fields;
    assert_eq!(wallet("W00001")["newMobileNumber"], "33612340001");
    assert_eq!(wallet("W00002")["newEmail"], "elise.2@example.org");
    assert_eq!(wallet("W00003")["newEmail"], "neu.3@example.org");
    assert_eq!(wallet("W00004")["newMobileNumber"], "33612340004", "the apostrophe is gone");
    let consumer = ledger.person(ProviderId::Safedebit, "REF00004").expect("known").fields;
    assert_eq!(consumer["iban"], "FR7630006000011234567890189");
    for entry in ledger.entries().get(before..).expect("more") {
        let key = entry.key.as_deref().expect("a key");
        assert!(!key.ends_with("00005") && !key.ends_with("00006"), "nobody else is touched: {key}");
    }
    // Of C00003 the rows did not hold all that WsOne takes an address with.
    let status = world.run(&["rejects", "list"]).exits(0).out;
    let left: Vec<&str> = status.lines().skip(1).collect();
    assert!(left.len() == 1 && left[0].contains("C00003    wsone"), "{status}");
    assert!(left[0].contains("ContactsRequest.EmailRequest.emailValue"), "{status}");
}

/// Whoever corrects another row does not send the shifted cells of these.
#[test]
fn rows_whose_cells_nobody_can_tell_apart_are_shown_as_they_stand_and_stay_turned_away() {
    let world = World::new();
    world.populate(&customers(4));
    let header =
        "customer_id,wallet_id,safedebit_reference,email,first_name,last_name,postal_code,city,street";
    let long = "C00001,W00001,REF00001,a1@example.org,Marie,Du,Pont,75001,Lyon,2 rue Y";
    let short = "C00002,W00002,REF00002,a2@example.org,Luc,Martin,69001,3 rue Z";
    let quoted = "C00003,W00003,REF00003,a3@example.org,\"An\"n\",Mie,75001,Paris,5 rue T";
    let bad = "C00004,W00004,REF00004,bad,Ann,Mie,75001,Paris,4 rue T";
    let file = world.file("crm.csv", &[header, long, short, quoted, bad].join("\n"));
    world.on("sync", &file, &["--allow-mass-change", "--include-values"]).exits(3);
    let rejects = world.rejects();
    assert!(
        rejects.contains(&format!("\"{long}\"")) && rejects.contains(&format!("\"{short}\"")),
        "{rejects}"
    );
    assert!(rejects.contains("\"\"An\"\"n\"\""), "{rejects}");
    let before = world.ledger().entries().len();
    let corrected = edited(&world, &rejects, |_, column, cell| {
        if column == "email" && !cell.is_empty() {
            "a4@example.org".clone_into(cell);
        }
    });
    world.on("sync", &corrected, &["--kind", "delta", "--allow-mass-change"]).exits(3);
    let ledger = world.ledger();
    let entries = ledger.entries();
    let keys: Vec<_> = entries[before..].iter().filter_map(|entry| entry.key.as_deref()).collect();
    assert!(!keys.is_empty() && keys.iter().all(|key| key.ends_with("00004")), "{keys:?}");
    assert_eq!(world.report()["input"]["invalid"], 3);
}

#[test]
fn exported_rejects_come_back_corrected() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    world.play(REFUSAL);
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "export", "open.csv", "--include-values"]).exits(0);
    let text = std::fs::read_to_string(world.path("open.csv")).expect("an export");
    assert!(text.contains("elise.3@example.org") && text.contains("W00003"), "{text}");
    let corrected = edited(&world, &text, another_address);
    world.on("sync", &corrected, &["--kind", "delta"]).exits(3);
    let fields = world.ledger().person(ProviderId::Lemonway, "W00003").expect("known").fields;
    assert_eq!(fields["newEmail"], "neu.3@example.org");
    assert_eq!(fields["newLastName"], people[2].last.as_str());
}

#[test]
fn days_come_back_as_the_configuration_writes_them() {
    let world = World::new();
    world.configure("[input]\ndate_formats = [\"%m/%d/%Y\"]", &[]);
    let people = customers(3);
    world.populate(&people);
    world.play(REFUSAL);
    // The second of January.
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    world.run(&["rejects", "export", "open.csv", "--include-values"]).exits(0);
    let text = std::fs::read_to_string(world.path("open.csv")).expect("an export");
    assert!(text.contains("01/02/1980") && !text.contains("02/01/1980"), "{text}");
    let corrected = edited(&world, &text, another_address);
    world.on("sync", &corrected, &["--kind", "delta"]).exits(3);
    let fields = world.ledger().person(ProviderId::Lemonway, "W00003").expect("known").fields;
    assert_eq!(fields["newBirthDate"], "02/01/1980");
}

/// The same digits are somebody else's number in the configured country.
#[test]
fn a_corrected_number_is_not_read_by_the_configured_country_beside_a_blank_one() {
    let world = World::new();
    world.populate(&customers(1));
    let header = "customer_id;wallet_id;country;mobile_phone;email";
    let crm =
        |mail: &str| world.file("crm.csv", &format!("{header}\nC00001;W00001;BE;0470 12 34 56;{mail}\n"));
    world.sync(&crm("a@example.org")).exits(0);
    let file = crm("no address");
    world.on("sync", &file, &["--allow-mass-change", "--include-values"]).exits(3);
    let corrected = edited(&world, &world.rejects(), |_, column, cell| match column {
        "country" => cell.clear(),
        "mobile_phone" => "0470 12 34 57".clone_into(cell),
        "email" => "b@example.org".clone_into(cell),
        _ => {}
    });
    world.on("sync", &corrected, &["--kind", "delta"]).exits(3);
    let wallet = world.ledger().person(ProviderId::Lemonway, "W00001").expect("known").fields;
    assert_eq!(
        (&wallet["newEmail"], &wallet["newMobileNumber"]),
        (&"b@example.org".into(), &"32470123456".into())
    );
}

#[test]
fn rejects_without_values_hold_none() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    people[0].mobile = "O612340001".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert!(!world.rejects().contains("O612340001") && !world.rejects().contains("example.org"));
}
