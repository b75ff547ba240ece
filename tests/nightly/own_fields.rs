//! A customer's file may have fewer columns than its records had before, and other customers' files never had them: what its own
//! records told counts.

use crmsync::domain::provider::ProviderId;
use serde_json::{Value, json};

use crate::care::state;
use crate::columns::held;
use crate::support::{Ran, World};

/// Store, company number, telephone and street are made of several columns, or have something that takes their place.
const WIDE: &str = "customer_id;person_identifier;wallet_id;safedebit_reference;last_name;mobile_phone;landline_phone;store_id;\
                    company_registration;siren;address_building;street\n";
const NARROW: &str =
    "customer_id;person_identifier;wallet_id;safedebit_reference;last_name;landline_phone;siren;street\n";

fn wide(n: u32, name: &str) -> String {
    format!(
        "C{n};P{n};W{n};S{n};{name};061234567{n};032012345{n};110{n};RCS-{n};552100554;Bat {n};{n} rue A\n"
    )
}

fn narrow(n: u32, name: &str) -> String {
    format!("C{n};P{n};W{n};S{n};{name};032012345{n};552100554;{n} rue A\n")
}

fn record(n: u32, name: &str) -> Value {
    json!({"customer_id": format!("C{n}"), "person_identifier": format!("P{n}"), "wallet_id": format!("W{n}"),
        "safedebit_reference": format!("S{n}"), "last_name": name, "landline_phone": format!("032012345{n}"),
        "siren": "552100554", "street": format!("{n} rue A")})
}

fn world() -> World {
    let world = World::accepting();
    world.configure("", &[("wsone", "entity = \"500\"")]);
    world
}

fn sync(world: &World, files: &[(&str, String)], options: &[&str]) -> Ran {
    let paths: Vec<_> = files.iter().map(|(name, text)| world.file(name, text)).collect();
    let (first, others) = paths.split_first().expect("a file");
    let others = others.iter().map(|path| path.to_str().expect("utf-8"));
    let options: Vec<&str> = others.chain(options.iter().copied()).chain(["--allow-mass-change"]).collect();
    world.on("sync", first, &options)
}

/// What the three providers hold of a customer but for the last name.
fn accounts(world: &World, n: u32) -> Vec<Value> {
    let keys = [
        (ProviderId::Wsone, format!("1:P{n}")),
        (ProviderId::Lemonway, format!("W{n}")),
        (ProviderId::Safedebit, format!("S{n}")),
    ];
    let without_name = |(provider, key): &(ProviderId, String)| {
        let mut fields = held(world, *provider, key);
        fields.as_object_mut().expect("fields").retain(|field, _| !field.to_lowercase().contains("lastname"));
        let text = fields.to_string().replace("Martinez", "Martin");
        serde_json::from_str(&text).expect("still JSON")
    };
    keys.iter().map(without_name).collect()
}

/// Nothing of what the first customer has is made without the columns that its file lacks, and the rest is sent.
fn keeps_what_it_had(world: &World, before: &[Value], ran: Ran) {
    ran.exits(3);
    assert_eq!(accounts(world, 1), before);
    assert_eq!(
        held(world, ProviderId::Lemonway, "W1")["newLastName"],
        "Martinez",
        "what the file says is sent"
    );
    for field in ["newCompanyIdentificationNumber", "newStreet", "consumer_phone_number"] {
        assert!(world.rejects().contains(field), "{field}: {}", world.rejects());
    }
}

#[test]
fn a_customer_who_moves_into_a_file_with_fewer_columns_keeps_the_others() {
    for name in ["b.csv", "b.jsonl"] {
        let of_b = |rows: &[(u32, &str)]| match name {
            "b.csv" => NARROW.to_owned() + &rows.iter().map(|(n, name)| narrow(*n, name)).collect::<String>(),
            _ => rows.iter().map(|(n, name)| format!("{}\n", record(*n, name))).collect(),
        };
        let world = world();
        let a = WIDE.to_owned() + &wide(1, "Martin") + &wide(3, "Roche");
        sync(&world, &[("a.csv", a), (name, of_b(&[(2, "Durand")]))], &[]).exits(0);
        let before = accounts(&world, 1);
        let a = WIDE.to_owned() + &wide(3, "Roche");
        let ran = sync(&world, &[("a.csv", a), (name, of_b(&[(2, "Durand"), (1, "Martinez")]))], &[]);
        keeps_what_it_had(&world, &before, ran);
        // Whoever never had them lacks nothing, there and in a delta.
        let a = WIDE.to_owned() + &wide(3, "Roche");
        let b = of_b(&[(2, "Dupond"), (1, "Martinez")]).replace("2 rue A", "20 rue B");
        let ran = sync(&world, &[("a.csv", a), (name, b)], &[]);
        assert!(!world.rejects().contains("C2"), "{} {}", ran.out, world.rejects());
        assert_eq!(held(&world, ProviderId::Lemonway, "W2")["newStreet"], "20 rue B");
        let delta = of_b(&[(2, "Durand")]).replace("2 rue A", "30 rue C");
        sync(&world, &[(name, delta)], &["--kind", "delta"]).exits(0);
        assert_eq!(held(&world, ProviderId::Lemonway, "W2")["newStreet"], "30 rue C");
    }
}

#[test]
fn a_file_that_comes_to_have_the_columns_of_another_brand_lacks_what_it_had() {
    let world = world();
    let b = NARROW.to_owned() + &narrow(2, "Durand");
    let c = WIDE.to_owned() + &wide(3, "Roche");
    let a = WIDE.to_owned() + &wide(1, "Martin");
    sync(&world, &[("a.csv", a), ("b.csv", b.clone()), ("c.csv", c.clone())], &[]).exits(0);
    let before = accounts(&world, 1);
    let a = NARROW.to_owned() + &narrow(1, "Martinez");
    let ran = sync(&world, &[("a.csv", a), ("b.csv", b), ("c.csv", c)], &[]);
    keeps_what_it_had(&world, &before, ran);
}

#[test]
fn a_json_file_that_loses_keys_which_another_file_has_lacks_them() {
    let world = world();
    let c = WIDE.to_owned() + &wide(3, "Roche");
    let mut whole = record(1, "Martin");
    for (key, value) in [
        ("mobile_phone", "0612345671"),
        ("store_id", "1101"),
        ("company_registration", "RCS-1"),
        ("address_building", "Bat 1"),
    ] {
        whole[key] = json!(value);
    }
    let file = |record: &Value, other: &Value| format!("{record}\n{other}\n");
    let mut other = whole.clone();
    other["customer_id"] = json!("C4");
    for (key, value) in [("person_identifier", "P4"), ("wallet_id", "W4"), ("safedebit_reference", "S4")] {
        other[key] = json!(value);
    }
    sync(&world, &[("a.jsonl", file(&whole, &other)), ("c.csv", c.clone())], &[]).exits(0);
    let before = accounts(&world, 1);
    // A record that leaves out what others of its file have has it not.
    let mut less = whole.clone();
    less.as_object_mut().expect("a record").remove("mobile_phone");
    sync(&world, &[("a.jsonl", file(&less, &other)), ("c.csv", c.clone())], &[]).exits(0);
    assert_eq!(held(&world, ProviderId::Safedebit, "S1")["consumer_phone_number"], "0320123451");
    sync(&world, &[("a.jsonl", file(&whole, &other)), ("c.csv", c.clone())], &[]).exits(0);
    assert_eq!(accounts(&world, 1), before);
    let other = record(4, "Martin");
    let ran = sync(&world, &[("a.jsonl", file(&record(1, "Martinez"), &other)), ("c.csv", c)], &[]);
    keeps_what_it_had(&world, &before, ran);
}

#[test]
fn what_a_delta_has_brought_the_complete_file_of_the_customer_lacks() {
    let world = world();
    let narrow_file = |name: &str| NARROW.to_owned() + &narrow(1, name);
    sync(&world, &[("a.csv", narrow_file("Martin"))], &[]).exits(0);
    sync(&world, &[("d.csv", WIDE.to_owned() + &wide(1, "Martin"))], &["--kind", "delta"]).exits(0);
    let before = accounts(&world, 1);
    let c = WIDE.to_owned() + &wide(3, "Roche");
    let ran = sync(&world, &[("a.csv", narrow_file("Martinez")), ("c.csv", c.clone())], &[]);
    keeps_what_it_had(&world, &before, ran);
    // Until somebody says that the CRM has them no more.
    sync(&world, &[("a.csv", narrow_file("Martinez")), ("c.csv", c)], &["--full-resync"]);
    assert_eq!(held(&world, ProviderId::Lemonway, "W1")["newStreet"], "1 rue A");
    assert_eq!(held(&world, ProviderId::Safedebit, "S1")["consumer_phone_number"], "0320123451");
}

/// A state of an earlier version does not know it of each customer: there the columns of its file count.
#[test]
fn of_whom_nobody_knows_it_the_file_lacks_what_it_had() {
    let world = world();
    let c = WIDE.to_owned() + &wide(3, "Roche");
    let a = WIDE.to_owned() + &wide(1, "Martin");
    sync(&world, &[("a.csv", a), ("c.csv", c.clone())], &[]).exits(0);
    let before = accounts(&world, 1);
    let state = state(&world);
    let known = state.execute("UPDATE customer SET told_fields = NULL", []).expect("written");
    assert_eq!(known, 2);
    drop(state);
    for name in ["Martinez", "Martinet"] {
        let a = NARROW.to_owned() + &narrow(1, "Martinez").replace("Martinez", name);
        let ran = sync(&world, &[("a.csv", a), ("c.csv", c.clone())], &[]);
        assert!(ran.out.contains("a.csv: it has no column for store_id, mobile_phone, "), "{}", ran.out);
        assert_eq!(held(&world, ProviderId::Lemonway, "W1")["newLastName"], name);
        assert_eq!(held(&world, ProviderId::Lemonway, "W1")["newStreet"], before[1]["newStreet"]);
        let phone = "consumer_phone_number";
        assert_eq!(held(&world, ProviderId::Safedebit, "S1")[phone], before[2][phone]);
    }
}

/// What else the CRM has of somebody whom only a part of it had so far, nobody knows; what that part told is known.
#[test]
fn what_the_first_delta_of_a_customer_told_its_complete_file_lacks() {
    for anew in [false, true] {
        let world = world();
        let b = NARROW.to_owned() + &narrow(2, "Durand");
        let c = |rows: &str| WIDE.to_owned() + &wide(3, "Roche") + rows;
        sync(&world, &[("b.csv", b.clone()), ("c.csv", c(""))], &[]).exits(0);
        sync(&world, &[("d.csv", WIDE.to_owned() + &wide(1, "Martin"))], &["--kind", "delta"]).exits(0);
        let before = accounts(&world, 1);
        if anew {
            // A complete input that says the same changes nothing about that.
            sync(&world, &[("b.csv", b.clone()), ("c.csv", c(&wide(1, "Martin")))], &[]).exits(0);
        }
        let ran = sync(&world, &[("b.csv", b + &narrow(1, "Martinez")), ("c.csv", c(""))], &[]);
        keeps_what_it_had(&world, &before, ran);
    }
}

/// A number, or a kind, is no street.
#[test]
fn a_street_is_not_made_of_its_number_when_the_file_loses_it() {
    for part in ["street_number", "street_type"] {
        let world = World::accepting();
        let value = if part == "street_number" { "12" } else { "rue" };
        let header = "customer_id;wallet_id;last_name;postal_code;city";
        let row = format!("C1;W1;Martin;75001;Paris;{value}");
        sync(&world, &[("a.csv", format!("{header};{part};street\n{row};rue de la Paix\n"))], &[]).exits(0);
        let street = held(&world, ProviderId::Lemonway, "W1")["newStreet"].clone();
        let ran = sync(&world, &[("a.csv", format!("{header};{part}\n{row}\n"))], &[]);
        assert!(ran.out.contains("no file has a column for street"), "{}", ran.out);
        assert_eq!(held(&world, ProviderId::Lemonway, "W1")["newStreet"], street, "{part}");
    }
}

/// The columns of a file of rejects are those of whoever it is of: what is blank there says nothing.
#[test]
fn a_blank_in_a_file_of_rejects_is_no_part_of_a_street() {
    let world = World::accepting();
    let a = |street: &str| format!("customer_id;wallet_id;street\nC1;W1;{street}\n");
    let b = "customer_id;wallet_id;street_number;street\nC2;W2;5;rue X\n".to_owned();
    sync(&world, &[("a.csv", a("Le Bourg")), ("b.csv", b.clone())], &[]).exits(0);
    let rejects =
        "_row,_customer_id,_reason,customer_id,wallet_id,street_number,street\n2,C1,,C1,W1,,Le Pont\n";
    sync(&world, &[("rejects.csv", rejects.to_owned())], &["--kind", "delta"]);
    sync(&world, &[("a.csv", a("Le Village")), ("b.csv", b)], &[]).exits(0);
    assert_eq!(held(&world, ProviderId::Lemonway, "W1")["newStreet"], "Le Village");
}

/// The configured type is for those of whom nobody knows another one.
#[test]
fn a_customer_who_has_a_type_of_identifier_keeps_it_in_a_file_without_types() {
    let world = World::accepting();
    let a = |rows: &str| format!("customer_id;person_identifier;person_identifier_type;last_name\n{rows}");
    let b = |rows: &str| format!("customer_id;person_identifier;last_name\n{rows}");
    let first = [("a.csv", a("C1;P1;2;Martin\nC3;P3;2;Roche\n")), ("b.csv", b("C2;P2;Durand\n"))];
    sync(&world, &first, &[]).exits(0);
    let second = [("a.csv", a("C3;P3;2;Roche\n")), ("b.csv", b("C2;P2;Durand\nC1;P1;Martinez\n"))];
    sync(&world, &second, &[]).exits(0);
    assert!(world.ledger().person(ProviderId::Wsone, "1:P1").is_none());
    let person = held(&world, ProviderId::Wsone, "2:P1").to_string();
    assert!(person.contains("Martinez"), "{person}");
}

/// Whether Safedebit is told who is a company or not: of a private person it gets no company data.
#[test]
fn company_data_does_not_go_where_the_file_lacks_a_type_that_is_excluded() {
    let world = World::accepting();
    world.configure("", &[("safedebit", "exclude = [\"customer_type\"]")]);
    let header = "customer_id;safedebit_reference;last_name;company_name;siren";
    let row = "C1;S1;Martin;Acme;552100554";
    let b = format!("{header};customer_type\nC2;S2;Petit;Bold;732829320;company\n");
    sync(&world, &[("a.csv", format!("{header};customer_type\n{row};person\n")), ("b.csv", b.clone())], &[])
        .exits(0);
    assert!(held(&world, ProviderId::Safedebit, "S1").get("siren").is_none());
    sync(&world, &[("a.csv", format!("{header}\n{row}\n")), ("b.csv", b)], &[]).exits(3);
    let consumer = held(&world, ProviderId::Safedebit, "S1");
    assert!(consumer.get("siren").is_none() && consumer.get("social_reference").is_none(), "{consumer}");
}

/// The configured store is for those of whom nobody knows another one.
#[test]
fn a_store_that_the_file_lacks_stays() {
    let world = world();
    let a = |rows: &str| format!("customer_id;person_identifier;last_name;store_id\n{rows}");
    let b = |rows: &str| format!("customer_id;person_identifier;last_name\n{rows}");
    let first = [("a.csv", a("C1;P1;Martin;1101\nC3;P3;Roche;1103\n")), ("b.csv", b("C2;P2;Durand\n"))];
    sync(&world, &first, &[]).exits(0);
    let second = [("a.csv", a("C3;P3;Roche;1103\n")), ("b.csv", b("C2;P2;Durand\nC1;P1;Martinez\n"))];
    sync(&world, &second, &[]).exits(0);
    let person = || held(&world, ProviderId::Wsone, "1:P1").to_string();
    assert!(person().contains("1101") && person().contains("Martinez"), "{}", person());
    sync(&world, &[("d.csv", b("C1;P1;Martinet\n"))], &["--kind", "delta"]).exits(0);
    assert!(person().contains("1101") && person().contains("Martinet"), "{}", person());
    // A record that leaves the key out says nothing of it, whatever others of its file have.
    let record = |n: u32, name: &str| {
        json!({"customer_id": format!("C{n}"), "person_identifier": format!("P{n}"),
        "last_name": name})
    };
    let mut other = record(3, "Roche");
    other["store_id"] = json!("1103");
    let records = format!("{}\n{}\n{other}\n", record(1, "Marty"), record(2, "Durand"));
    sync(&world, &[("c.jsonl", records)], &[]).exits(0);
    assert!(person().contains("1101") && person().contains("Marty"), "{}", person());
}
