//! One state under several names: whichever is typed, it is one state with one lock.

use std::fs;
use std::os::unix::fs::symlink;

use crmsync::domain::provider::ProviderId;

use crate::support::{World, customers, until};

#[test]
fn a_run_through_a_symbolic_link_meets_the_lock_of_the_file() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    // The link is there before the state is, and leads to it by way of another one.
    fs::create_dir(world.path("elsewhere")).expect("made");
    symlink("elsewhere/link.db", world.path("link.db")).expect("linked");
    symlink("../state/crmsync.db", world.path("elsewhere/link.db")).expect("linked");
    fs::create_dir(world.path("state")).expect("made");
    let link = world.path("link.db");
    let link = link.to_str().expect("utf-8");
    let csv = file.to_str().expect("utf-8");

    world.play("[[rule]]\nprovider = \"wsone\"\neffect = { latency = \"2s\" }\n");
    let mut first = world.start(&["sync", csv, "--allow-mass-change", "--state", link]);
    until("the first run sends", || world.requests(ProviderId::Wsone) > 0);
    world.sync(&file).exits(11);
    world.run(&["resume", "--state", link]).exits(11);
    assert!(first.wait().expect("a run").success());

    let requests = world.ledger().entries().len();
    world.sync(&file).exits(0);
    world.run(&["sync", csv, "--state", link]).exits(0);
    assert_eq!(world.ledger().entries().len(), requests, "both names lead to what was delivered");
    world.run(&["doctor", "--state", link]).exits(0);
    let beside = fs::read_dir(world.path("elsewhere")).expect("a folder").count();
    assert_eq!(beside, 1, "nothing lies beside a link");
}

#[test]
fn a_state_with_a_second_name_is_refused_until_it_has_one() {
    let world = World::new();
    let people = customers(2);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    world.on("sync", &file, &["--allow-mass-change", "--max-calls", "1"]).exits(10);
    fs::hard_link(world.path("state/crmsync.db"), world.path("second.db")).expect("linked");
    let second = world.path("second.db");
    let second = second.to_str().expect("utf-8");
    let sent = world.ledger().entries().len();
    for name in [&[][..], &["--state", second]] {
        let refused = world.run(&[&["resume"], name].concat()).exits(7);
        assert!(refused.err.contains("2 names"), "{}", refused.err);
        assert!(world.run(&[&["doctor"], name].concat()).exits(7).out.contains("2 names"));
        world.run(&[&["status"], name].concat()).exits(7);
    }
    assert_eq!(world.ledger().entries().len(), sent);
    fs::remove_file(second).expect("removed");
    world.run(&["resume"]).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
}
