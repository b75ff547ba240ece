//! A call that kills the program each time it is sent.

use crate::harness::{rejected, run_with_fault};
use crate::support::{World, customers};
use crate::table::Row;

#[test]
fn a_call_that_crashes_the_program_three_times_is_held_and_the_others_go_through() {
    let world = World::new();
    let people = customers(12);
    world.populate(&people);
    let lane = "settle = \"40ms\"\nresponse_codes = { \"101\" = \"missing\" }";
    world.configure(
        "",
        &[("wsone", lane), ("lemonway", "settle = \"40ms\""), ("safedebit", "enabled = false")],
    );
    // Only one call is poisoned: the customer has no wallet.
    let mut people = people;
    people[4].wallet.clear();
    let file = world.csv("crm.csv", &people);
    let path = file.to_str().expect("utf-8");
    let arguments = ["sync", path, "--allow-mass-change"];
    let fault = format!("before-send@{}", people[4].id);
    let mut crashes = 0;
    let last = loop {
        let ran = run_with_fault(&world, &fault, &arguments);
        if ran.code != -1 {
            break ran;
        }
        crashes += 1;
        assert!(crashes <= 3, "the poisoned call is sent again and again");
    };
    last.exits(3);
    assert_eq!(crashes, 3);
    let held = rejected(&world);
    let ids: Vec<_> = held.iter().map(|reject| reject["customer_id"].as_str().expect("text")).collect();
    assert_eq!(ids, [people[4].id.as_str()]);
    assert_eq!(held[0]["class"], "crashed");
    assert_eq!(world.report()["balanced"], true);
    assert_eq!(world.duplicates(), 0);
    for customer in people.iter().filter(|customer| customer.id != people[4].id) {
        assert_eq!(world.emails(customer)[..2], [customer.email.clone(), customer.email.clone()]);
    }
    Row::kept(51, "a call that kills the program each time", 1).enter();
}
