//! Accounts that a released call, or one of unknown outcome, may have reached although another customer's record names them, or
//! the customer's own names another one by now.

use crmsync::domain::provider::ProviderId;

use crate::columns::held;
use crate::support::{Ran, World};

fn world(more: &str) -> World {
    let world = World::accepting();
    let section = format!("{more}\nretry = {{ attempts = 1 }}");
    world.configure(
        "",
        &[("lemonway", &section), ("wsone", "enabled = false"), ("safedebit", "enabled = false")],
    );
    world
}

/// Customer, last name, first name, wallet.
fn sync(world: &World, rows: &[[&str; 4]]) -> Ran {
    let rows: Vec<String> = rows.iter().map(|row| row.join(";")).collect();
    let file =
        world.file("crm.csv", &format!("customer_id;last_name;first_name;wallet_id\n{}\n", rows.join("\n")));
    world.on("sync", &file, &["--allow-mass-change"])
}

fn release(world: &World, customer: &str) {
    world.run(&["rejects", "release", "--customer", customer]).exits(0);
}

fn name(world: &World, wallet: &str) -> [String; 2] {
    let account = held(world, ProviderId::Lemonway, wallet);
    ["newLastName", "newFirstName"].map(|field| account[field].as_str().unwrap_or_default().to_owned())
}

const REFUSED: &str = "[[rule]]\nprovider = \"lemonway\"\neffect = { refuse = { code = \"178\" } }\n";
const UNKNOWN: &str = "[[rule]]\nprovider = \"lemonway\"\neffect = { lose_reply = \"after\" }\n";

/// The decision that was refused holds for what takes its place: whose account it reaches is put right again.
#[test]
fn what_follows_a_released_call_that_was_refused_does_not_stay_in_somebody_elses_account() {
    let world = world("");
    sync(&world, &[["A", "Aron", "Al", "W1"], ["B", "Bell", "Bo", "W2"]]).exits(0);
    sync(&world, &[["A", "Aron", "Al", ""], ["B", "Bell", "Bo", "W1"]]).exits(3);
    release(&world, "B");
    world.play(REFUSED);
    world.run(&["resume"]).exits(3);
    world.play("");
    let before = world.applied();
    for _ in 0..2 {
        sync(&world, &[["A", "Aron", "Al", ""], ["B", "Bell", "Bo", "W1"]]).exits(0);
    }
    assert_eq!(world.applied(), before, "a refusal changes nothing");
    sync(&world, &[["A", "Aron", "Al", ""], ["B", "Bell", "Bob", "W1"]]).exits(0);
    assert_eq!(name(&world, "W1"), ["Bell", "Bob"], "as a person has decided");
    sync(&world, &[["A", "Aron", "Al", "W1"], ["B", "Bell", "Bob", "W2"]]);
    assert_eq!(name(&world, "W1"), ["Aron", "Al"]);
}

/// Nothing was acknowledged, and yet something may be there: another key is another person.
#[test]
fn a_key_that_changes_behind_a_call_of_unknown_outcome_waits_for_a_person() {
    for second in [["B", "Bell", "Bo", "W2"], ["B", "Bell", "Bo", "W1"]] {
        let world = world("");
        world.play(UNKNOWN);
        sync(&world, &[["A", "Aron", "Al", "W1"], ["B", "Bell", "Bo", "W2"]]).exits(5);
        world.play("");
        let before = world.applied();
        let moved = [["A", "Aron", "Al", "W7"], second];
        sync(&world, &moved).exits(3);
        let held = if second[3] == "W1" { 2 } else { 1 };
        assert_eq!(world.report()["providers"]["lemonway"]["held"], held);
        assert!(world.ledger().person(ProviderId::Lemonway, "W7").is_none());
        assert_eq!(world.applied() - before, 2 - held, "who keeps the key is sent once more");
        world.run(&["rejects", "release"]).exits(0);
        while world.run(&["resume"]).code == 5 {}
        assert_eq!(name(&world, "W7"), ["Aron", "Al"]);
        assert_eq!(name(&world, second[3]), ["Bell", "Bo"]);
    }
}

#[test]
fn a_released_call_that_never_left_has_nobody_compared_again() {
    let world = world("");
    sync(&world, &[["A", "Aron", "Al", "W1"], ["B", "Bell", "Bo", "W2"]]).exits(0);
    sync(&world, &[["A", "Aron", "Al", "W1"], ["B", "Bell", "Bo", "W1"]]).exits(3);
    release(&world, "B");
    world.run(&["resume"]).exits(0);
    sync(&world, &[["A", "Aron", "Al", "W1"], ["B", "Bell", "Bob", "W1"]]).exits(3);
    release(&world, "B");
    let right = [["A", "Aron", "Alan", "W1"], ["B", "Bell", "Bob", "W2"]];
    sync(&world, &right);
    assert_eq!(name(&world, "W1"), ["Aron", "Alan"]);
    let before = world.applied();
    sync(&world, &right);
    assert_eq!(world.applied(), before, "the same file sends nothing");
}

/// Until the first account is known not to have anything, or a person lets the call go.
#[test]
fn what_is_held_behind_a_call_of_unknown_outcome_stays_held_whatever_comes_next() {
    for next in [["A", "Aron", "Alan", "W7"], ["A", "Aron", "Al", "W9"], ["A", "Aron", "Al", "W7"]] {
        let world = world("");
        world.play(UNKNOWN);
        sync(&world, &[["A", "Aron", "Al", "W1"]]).exits(5);
        world.play("");
        sync(&world, &[["A", "Aron", "Al", "W7"]]).exits(3);
        let before = world.applied();
        // Somebody else takes the key meanwhile.
        let ran = sync(&world, &[next, ["B", "Bell", "Bo", "W1"]]);
        assert_eq!((ran.code, world.applied() - before), (3, 0), "{next:?}: {}", ran.out);
        let listed = world.run(&["rejects", "list"]).exits(0).out;
        assert!(listed.contains("key_changed") && listed.contains("duplicate_key"), "{next:?}: {listed}");
    }
}

/// What was accepted goes where the customer's record says by now.
#[test]
fn what_waits_goes_to_the_key_that_a_delta_without_its_columns_names() {
    let world = world("");
    world.play(REFUSED);
    sync(&world, &[["A", "Aron", "Al", "W1"]]).exits(3);
    world.play("");
    let delta = world.file("delta.csv", "customer_id;first_name;wallet_id\nA;Alan;W2\n");
    world.on("sync", &delta, &["--kind", "delta"]).exits(0);
    assert_eq!(name(&world, "W2"), ["Aron", "Alan"]);
    // A changed key of a known account is held with all of it, and goes back with it.
    sync(&world, &[["A", "Baron", "Alan", "W2"]]).exits(0);
    for (columns, row, code) in [("last_name;", "Caron;W3", 3), ("", "W4", 3), ("first_name;", "Al;W2", 0)] {
        let file = world.file("delta.csv", &format!("customer_id;{columns}wallet_id\nA;{row}\n"));
        world.on("sync", &file, &["--kind", "delta"]).exits(code);
    }
    assert_eq!(name(&world, "W2"), ["Caron", "Al"]);
}

/// What was sent to an account while its customer's record named another one may have been for somebody else.
#[test]
fn who_comes_back_to_an_account_that_another_customer_had_meanwhile_is_sent_there_again() {
    for away in ["W2", ""] {
        let world = world("");
        sync(&world, &[["A", "Aron", "Al", "W1"], ["B", "Bell", "Bo", "W2"]]).exits(0);
        sync(&world, &[["A", "Aron", "Al", ""], ["B", "Bell", "Bo", "W1"]]).exits(3);
        release(&world, "B");
        world.run(&["resume"]).exits(0);
        sync(&world, &[["A", "Aron", "Al", "W1"], ["B", "Bell", "Bo", away]]);
        assert_eq!(name(&world, "W1"), ["Aron", "Al"], "{away}");
        let last = [["A", "Aron", "Al", ""], ["B", "Bell", "Bo", "W1"]];
        sync(&world, &last).exits(0);
        assert_eq!(name(&world, "W1"), ["Bell", "Bo"], "{away}");
        let before = world.applied();
        sync(&world, &last).exits(0);
        assert_eq!(world.applied(), before, "{away}: the same file sends nothing");
    }
}

/// What somebody else was given in an account does not stay there where the record has a blank, and blanks are sent.
#[test]
fn a_blank_takes_away_what_another_customer_was_given_in_the_account() {
    let off = [("wsone", "enabled = false"), ("lemonway", "enabled = false")];
    let world = World::accepting();
    let clears = ("safedebit", "on_cleared = \"send_empty\"\nretry = { attempts = 1 }");
    world.configure("", &[off[0], off[1], clears]);
    let sync = |columns: &str, rows: &str| {
        let head = format!("customer_id;safedebit_reference;last_name{columns}");
        let file = world.file("crm.csv", &format!("{head}\n{}\n", rows.replace(' ', "\n")));
        world.on("sync", &file, &["--allow-mass-change", "--kind", "delta"])
    };
    let email = |key: &str| held(&world, ProviderId::Safedebit, key)["consumer_email"].clone();
    let release = || {
        world.run(&["rejects", "release"]).exits(0);
        world.run(&["resume"]).exits(0);
    };
    // Two swap their accounts.
    sync(";email", "A;S0;Aron; B;S1;Bell;b@example.org D;S2;Dunn; E;S3;Egan;").exits(0);
    sync(";email", "A;S1;Aron; B;S0;Bell;b@example.org").exits(3);
    release();
    assert_eq!((email("S0"), email("S1")), ("b@example.org".into(), "".into()));
    // A mistyped key is released, and corrected.
    sync(";email", "C;S2;Cory;c@example.org D;S2;Dunn;").exits(3);
    release();
    assert_eq!(email("S2"), "c@example.org");
    sync(";email", "C;S4;Cory;c@example.org D;S2;Dunn;").exits(3);
    release();
    assert_eq!(email("S2"), "");
    // Somebody comes back to an account whose owner was given an address meanwhile.
    sync("", "E;;Egan C;S3;Cory").exits(3);
    release();
    sync("", "E;;Egan C;S3;Cory").exits(0);
    sync(";email", "C;S3;Cory;new@example.org").exits(0);
    assert_eq!(email("S3"), "new@example.org");
    sync("", "C;S4;Cory").exits(3);
    release();
    let last = "E;S3;Egan;";
    sync(";email", last).exits(0);
    assert_eq!(email("S3"), "");
    let before = world.applied();
    sync(";email", last).exits(0);
    assert_eq!(world.applied(), before, "the same file sends nothing");
}
