//! What is refused as it is and goes once more in another way.

use crmsync::domain::provider::ProviderId;

use crate::support::{World, customers};

/// A verified wallet takes contact fields alone. What has none but them cannot go with less.
#[test]
fn a_call_of_contact_fields_alone_that_is_refused_as_a_whole_has_no_rest() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.configure("", &[("wsone", "enabled = false"), ("safedebit", "enabled = false")]);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].email = "new@example.org".to_owned();
    world.ledger().reset();
    world.play("[[rule]]\nprovider = \"lemonway\"\ntimes = 1\neffect = { refuse = { code = \"146\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    assert_eq!(world.requests(ProviderId::Lemonway), 1, "the same once more changes nothing");
    world.run(&["rejects", "release"]).exits(0);
    world.run(&["resume"]).exits(0);
    assert_eq!(world.requests(ProviderId::Lemonway), 2);
    let wallet = world.ledger().person(ProviderId::Lemonway, &people[0].wallet).expect("known");
    assert_eq!(wallet.fields["newEmail"], "new@example.org");
}

/// Whoever turns out to exist is updated in the same run, however few tries a call has: it is another call.
#[test]
fn a_create_of_somebody_who_exists_is_an_update_at_once() {
    let world = World::new();
    let people = customers(1);
    world.populate_persons(&people);
    let once = "response_codes = { \"101\" = \"exists\" }\nretry = { attempts = 1 }";
    world
        .configure("", &[("wsone", once), ("lemonway", "enabled = false"), ("safedebit", "enabled = false")]);
    world.play("[[rule]]\noperation = \"createPerson\"\neffect = { refuse = { code = \"101\" } }\n");
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    assert_eq!(world.requests(ProviderId::Wsone), 2);
}
