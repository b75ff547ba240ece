//! States of earlier versions: they open, what they know still counts, and what waits in them is delivered.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::care::state;
use crate::support::{Customer, World, customers};

/// A world whose state an earlier version has made.
fn world_with_state_of(version: u8, people: &[Customer]) -> World {
    let world = World::new();
    world.populate(people);
    let key = world.file("key", &format!("the key of a state of version {version}"));
    let key = format!("hash_key = {{ file = {key:?} }}");
    fs::set_permissions(world.path("key"), fs::Permissions::from_mode(0o600)).expect("set");
    world.configure(&key, &[]);
    fs::create_dir(world.path("state")).expect("made");
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/state/v{version}.db"));
    fs::copy(old, world.path("state/crmsync.db")).expect("copied");
    world
}

#[test]
fn a_state_of_version_1_opens_and_its_calls_are_delivered() {
    let world = world_with_state_of(1, &customers(2));
    // Looking changes nothing, so that it has to get by without the newer columns.
    assert!(world.run(&["explain", "C00001"]).exits(0).out.contains("waiting"));
    world.run(&["resume"]).exits(0);
    assert_eq!(world.applied(), 6);
    let version: i64 =
        state(&world).pragma_query_value(None, "user_version", |row| row.get(0)).expect("readable");
    assert_eq!(version, 18);
    world.run(&["doctor", "--repair"]).exits(0);
}

/// Both customers were seeded, and a new e-mail address of the second one queued.
#[test]
fn what_a_state_of_version_7_knows_is_not_sent_again() {
    let mut people = customers(2);
    let world = world_with_state_of(7, &people);
    world.populate_persons(&people);
    people[1].email = "new@example.org".to_owned();
    // Other bytes, so that every value is compared.
    let text = fs::read_to_string(world.csv("crm.csv", &people)).expect("written");
    let text = text.replacen("customer_id;", "remark;customer_id;", 1).replace("\nC0", "\nx;C0");
    let first = world.file("first.csv", &text);
    world.sync(&first).exits(0);
    assert_eq!(world.applied(), 3, "the calls that were queued");
    // An account with digests of both kinds.
    people[1].mobile = "0612399999".to_owned();
    for file in [&world.csv("crm.csv", &people), &first, &world.csv("crm.csv", &people)] {
        world.on("sync", file, &["--allow-mass-change", "--allow-older"]).exits(0);
    }
    assert_eq!(world.applied(), 3 + 3 * 3, "one field each time, of one customer");
    world.run(&["doctor", "--repair"]).exits(0);
}
