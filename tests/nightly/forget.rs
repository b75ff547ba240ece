//! Erasing a customer from the `rejects.csv` of runs, under whatever name the CRM has the key, and what its proof says.

use std::fmt::Write as _;
use std::path::Path;

use crate::care::json;
use crate::support::{Customer, HEADER, World, customers, files_below};

/// A world whose CRM calls the key otherwise and dates its rows.
fn world() -> World {
    let world = World::new();
    world.configure("[input]\norder_by = \"updated_at\"\n[columns]\ncustomer_id = \"ID_CLIENT\"\n", &[]);
    world
}

/// Customers with keys that are shorter than what can be looked for; without accounts nothing is sent of them.
fn people() -> Vec<Customer> {
    let mut people = customers(3);
    for (customer, number) in people.iter_mut().zip(1..) {
        customer.id = format!("K{number}");
        (customer.person, customer.wallet, customer.reference) = Default::default();
    }
    people
}

/// Rows as that CRM writes them, with what stands behind the values.
fn rows<'a>(rows: impl IntoIterator<Item = (&'a Customer, &'a str)>) -> String {
    let mut text = format!("{};updated_at\n", HEADER.replace("customer_id", "ID_CLIENT"));
    for (customer, behind) in rows {
        writeln!(text, "{};{behind}", customer.line()).expect("memory");
    }
    text
}

/// Takes these rows with their values into the newest `rejects.csv`.
fn sync(world: &World, text: &str) -> String {
    let file = world.file("crm.csv", text);
    world.on("sync", &file, &["--allow-mass-change", "--include-values"]).exits(3);
    world.rejects()
}

#[test]
fn a_row_that_cannot_be_ordered_is_told_whole_with_its_customer_and_erased() {
    let world = world();
    let people = people();
    let changed = people[0].clone().email("changed@example.org");
    let rejects = sync(
        &world,
        &rows([(&people[0], "last week"), (&changed, "yesterday"), (&people[1], "soon"), (&people[2], "")]),
    );
    let ids = world.rejected().into_iter().map(|[id, ..]| id);
    assert_eq!(ids.collect::<Vec<_>>(), ["K1", "K1", "K2"], "{rejects}");
    // Both say what is to be corrected, though the customer is the same.
    assert!(rejects.contains("elise.1@example.org") && rejects.contains("changed@example.org"), "{rejects}");

    let forgot = json(&world.run(&["forget", "K1", "--json"]).exits(0));
    assert_eq!(forgot["lines"][0]["lines"], 2, "{forgot:#}");
    let left = world.rejects();
    assert!(!left.contains("elise.1@") && !left.contains("changed@") && left.contains("elise.2@"), "{left}");
}

#[test]
fn a_line_that_names_its_customer_in_the_crms_own_column_alone_is_erased() {
    let world = world();
    let mut people = people();
    people[0].id = " K1 ".to_owned();
    let rejects = sync(
        &world,
        &rows([(&people[0], "2026-11-02;more"), (&people[1], "2026-11-02;more"), (&people[2], "2026-11-02")]),
    );
    let ids = world.rejected().into_iter().map(|[id, ..]| id);
    assert_eq!(ids.collect::<Vec<_>>(), ["", ""], "nobody knows which cell is which: {rejects}");
    assert!(rejects.contains("elise.1@example.org"), "{rejects}");

    let forgot = json(&world.run(&["forget", "K1", "--json"]).exits(0));
    assert_eq!((forgot["known"].as_bool(), &forgot["lines"][0]["lines"]), (Some(true), &1.into()));
    let left = world.rejects();
    assert!(!left.contains("elise.1@") && left.contains("elise.2@"), "{left}");
}

#[test]
fn values_that_were_delivered_are_looked_for_where_they_are_kept_in_clear() {
    for (values, exit) in [("hashed", 0), ("clear", 1)] {
        let world = World::new();
        world.configure(&format!("values = \"{values}\""), &[]);
        let people = customers(1);
        world.populate(&people);
        world.sync(&world.csv("crm.csv", &people)).exits(0);
        // A file of somebody's own, with nothing in it that the keys would find.
        let copy = world.run_folder().join("copy.txt");
        std::fs::write(&copy, &people[0].email).expect("written");
        let forgot = json(&world.run(&["forget", &people[0].id, "--json"]).exits(exit));
        let keys = 4;
        assert_eq!(forgot["texts"].as_u64() > Some(keys), exit == 1, "{forgot:#}");
        let left = if exit == 1 { serde_json::json!([copy]) } else { serde_json::json!([]) };
        assert_eq!(forgot["left"], left, "{values}");
    }
}

#[test]
fn what_cannot_be_looked_for_is_no_proof() {
    const CLAIM: &str = "nothing of this customer alone is left";
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    people[0].id = "K1".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);

    let nothing = world.run(&["forget", "K9"]).exits(0).out;
    assert!(nothing.contains("no proof") && !nothing.contains(CLAIM), "{nothing}");
    assert!(nothing.contains("NOTHING WAS ERASED"), "{nothing}");
    let again = world.run(&["forget", "K9"]).exits(0).out;
    assert!(again.starts_with("nothing was left to erase: the customer was erased before\n"), "{again}");
    let keys = world.run(&["forget", "K1"]).exits(0).out;
    assert!(keys.contains("the key is not among them") && !keys.contains(CLAIM), "{keys}");
    let all = world.run(&["forget", "C00002"]).exits(0).out;
    assert!(all.contains(CLAIM) && !all.contains("no proof") && !all.contains("among them"), "{all}");
}

#[test]
fn a_key_that_looks_like_a_flag_is_one_all_the_same() {
    let world = World::new();
    let mut people = customers(2);
    people[1].id = "-A2".to_owned();
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let explained = world.run(&["explain", "-A2"]).exits(0).out;
    assert!(explained.contains("acknowledged"), "{explained}");
    world.run(&["rejects", "list", "--customer", "-A2", "--provider", "wsone"]).exits(0);
    world.run(&["resume", "--only=-A2"]).exits(0);
    world.run(&["forget", "-A2"]).exits(0);
    let undone = world.run(&["forget", "-A2", "--undo"]).exits(0);
    assert!(!undone.err.contains("error"), "{}", undone.err);
    world.run(&["explain", "--call", "1"]).exits(0);
}

/// As PHP writes it; a name that stands twice makes a record none.
#[test]
fn nothing_of_an_erased_customer_stays_in_lines_that_are_no_records_nor_comes_back_in_new_ones() {
    let world = World::new();
    world.configure("", &[]);
    let twice = r#"{"customer_id":"FR\/2024\/1","last_name":"Legrandin","last_name":"Legrandin"}"#;
    let rows = format!("{{\"customer_id\":\"FR\\/2024\\/1\",\"last_name\":\"Legrandin\"}}\n{twice}\n");
    let sync = |rows: &str| {
        let file = world.file("crm.jsonl", rows);
        world.on("sync", &file, &["--allow-mass-change", "--include-values"]).exits(3);
        world.rejects()
    };
    assert!(sync(&rows).contains("Legrandin"));
    let forgot = json(&world.run(&["forget", "FR/2024/1", "--json"]).exits(0));
    assert_eq!(forgot["lines"][0]["lines"], 1, "{forgot:#}");
    assert!(!world.rejects().contains("Legrandin"));
    // Where it stands and what is wrong with it is all that is kept.
    let told =
        sync(&format!("{rows}{{\"customer_id\":\"C2\",\"last_name\":\"a\",\"last_name\":\"Other\"}}\n"));
    assert!(!told.contains("Legrandin") && told.contains("Other"), "{told}");
    assert_eq!(told.lines().count(), 3, "{told}");
    let file = world.file("crm.csv", "customer_id;last_name\nFR/2024/1;Legrandin;more\nC2;Other\n");
    world.on("sync", &file, &["--allow-mass-change", "--include-values"]).exits(3);
    assert!(!world.rejects().contains("Legrandin"), "{}", world.rejects());
    assert_eq!(world.report()["input"]["invalid"], 1);
}

/// A row with a cell too many names its customer somewhere: it is not the one of whom its first cell is.
#[test]
fn a_row_whose_cells_nobody_can_tell_apart_is_erased_with_whomever_it_names() {
    let world = World::new();
    let row = "x,CUST000040,W040,S040,theta@example.org,Luc,Legrandin,69001,Lyon,3 rue Z";
    let rows = format!(
        "customer_id,wallet_id,safedebit_reference,email,first_name,last_name,postal_code,city,street\n{row}\n"
    );
    let file = world.file("crm.csv", &rows);
    world.on("sync", &file, &["--allow-mass-change", "--include-values"]).exits(3);
    let rejects = world.rejects();
    assert!(
        rejects.contains(row) && rejects.starts_with("customer_id,wallet_id,"),
        "to be filled in: {rejects}"
    );
    let forgot = json(&world.run(&["forget", "CUST000040", "--json"]).exits(0));
    assert_eq!(forgot["lines"][0]["lines"], 1, "{forgot:#}");
    let left = world.rejects();
    assert!(!left.contains("Legrandin") && left.contains("10 fields where"), "its place stays: {left}");
}

/// A state remembers what runs were to read.
#[test]
fn a_file_that_is_called_after_an_erased_customer_leaves_nothing_in_the_state() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    world.on("sync", &world.csv("C00001.csv", &people[..1]), &["--kind", "delta"]).exits(0);
    drop(world.run(&["forget", "C00001"]));
    let state = std::fs::read(world.path("state/crmsync.db")).expect("a state");
    assert!(!state.windows(6).any(|bytes| bytes == b"C00001"));
}

/// A short key stands in any name by chance.
#[test]
fn an_erasure_leaves_alone_which_inputs_are_missing() {
    let world = World::new();
    let mut people = customers(2);
    people[0].id = "1".to_owned();
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let cut = world.file("d1.csv", "customer_id;last_name\n1;\"Mar");
    world.on("sync", &cut, &["--kind", "delta"]).exits(4);
    world.run(&["forget", "1"]).exits(0);
    world.on("sync", &world.csv("d2.csv", &people[1..]), &["--kind", "delta"]).exits(0);
    let status = world.run(&["status"]).exits(0).out;
    assert!(status.contains("d1.csv)"), "{status}");
}

/// Writes a text where SQLite may have left an old copy of one: in a page, between what it points to and what it holds.
fn leave_behind(file: &Path, text: &str) {
    let mut bytes = std::fs::read(file).expect("a state");
    let number = |bytes: &[u8], at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let page = number(&bytes, 16);
    // Pages of a table's rows; the first one has the head of the file before it.
    let gap = (1..bytes.len() / page).map(|number| number * page).find_map(|start| {
        let (from, to) = (start + 8 + 2 * number(&bytes, start + 3), start + number(&bytes, start + 5));
        (bytes[start] == 0x0D && from + text.len() < to).then_some(from)
    });
    let gap = gap.expect("a page that is not full");
    bytes[gap..gap + text.len()].copy_from_slice(text.as_bytes());
    std::fs::write(file, bytes).expect("written");
}

/// What was delivered is kept hashed, so that nobody can look for it.
#[test]
fn an_erasure_takes_away_also_what_nobody_can_look_for() {
    let world = World::new();
    world.configure("", &[]);
    let people = customers(20);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let mut changed = people.clone();
    changed.iter_mut().for_each(|one| one.email = format!("new.{}", one.email));
    world.sync(&world.csv("crm.csv", &changed)).exits(0);
    let state = world.path("state/crmsync.db");
    let backups = files_below(&world.path("state/backups"));
    let files: Vec<_> = backups.iter().chain([&state]).collect();
    files.iter().for_each(|file| leave_behind(file, "left.behind@example.org"));
    world.run(&["forget", &people[0].id]).exits(0);
    world.run(&["doctor"]).exits(0);
    for file in files {
        let bytes = std::fs::read(file).expect("readable");
        assert!(memchr::memmem::find(&bytes, b"left.behind").is_none(), "{}", file.display());
    }
}

#[test]
fn an_earlier_copy_of_the_state_does_not_bring_an_erased_customer_back() {
    let world = World::new();
    world.configure("", &[]);
    let people = customers(3);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let (state, copy) = (world.path("state/crmsync.db"), world.path("copy.db"));
    std::fs::copy(&state, &copy).expect("copied");
    world.run(&["forget", &people[0].id]).exits(0);
    std::fs::copy(&copy, &state).expect("put back");
    let changed = people.iter().cloned().map(|one| one.email("changed@example.org")).collect::<Vec<_>>();
    let requests = world.ledger().entries().len();
    let refused = world.sync(&world.csv("crm.csv", &changed)).exits(7);
    assert!(refused.err.contains("E417"), "{}", refused.err);
    assert_eq!(world.ledger().entries().len(), requests);
}
