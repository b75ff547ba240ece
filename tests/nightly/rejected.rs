//! Customers of whom nothing is sent since something about them is not valid: what is told, and what waits for them.

use crmsync::domain::provider::ProviderId;

use crate::policies::{entries, settled, sync_one};
use crate::support::{Customer, World, customers};

#[test]
fn an_invalid_value_rejects_the_customer_where_that_is_configured() {
    let world = World::new();
    world.configure("", &[("safedebit", "on_invalid = \"reject_customer\"")]);
    let mut people = customers(2);
    world.populate(&people);
    people[0].mobile = "O612345678".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let sent: Vec<_> =
        entries(&world, ProviderId::Safedebit).into_iter().filter_map(|entry| entry.key).collect();
    assert_eq!(sent, [people[1].reference.as_str()]);
    assert_eq!(entries(&world, ProviderId::Lemonway).len(), 2, "the others get what is right");
    assert!(world.rejects().lines().any(|line| line.contains("safedebit") && line.contains("C00001")));
    people[0].mobile = "0612345678".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people.iter().for_each(|customer| world.all_hold(customer));
}

/// What was queued for an earlier record says something else than the CRM.
#[test]
fn a_rejected_customer_is_not_sent_what_an_earlier_record_said() {
    let (world, mut customer) = settled(&[("safedebit", "on_invalid = \"reject_customer\"")]);
    let first = customer.email.clone();
    customer.email = "second@example.org".to_owned();
    let file = world.csv("crm.csv", std::slice::from_ref(&customer));
    world.on("sync", &file, &["--max-calls", "0"]).exits(10);
    customer.email = first.clone();
    customer.mobile = "O612345678".to_owned();
    sync_one(&world, &customer, 3);
    assert!(entries(&world, ProviderId::Safedebit).is_empty());
    assert_eq!(world.emails(&customer)[2], first);
    assert!(world.rejects().contains(",held,overtaken,"), "{}", world.rejects());
    customer.mobile = "0612345678".to_owned();
    sync_one(&world, &customer, 0);
    world.all_hold(&customer);
    let report = world.report();
    assert_eq!((&report["providers"]["safedebit"]["held"], &report["balanced"]), (&0.into(), &true.into()));
}

/// Whether the person was created has to be found out, but not by values that the CRM has no more.
#[test]
fn a_create_in_doubt_of_a_rejected_customer_goes_on_with_what_can_be_sent() {
    for reverted in [false, true] {
        let world = World::new();
        world.configure("", &[("wsone", "on_invalid = \"reject_customer\"")]);
        let mut customer = Customer::new(1);
        world.populate(std::slice::from_ref(&customer));
        world.play(
            "[[rule]]\nprovider = \"wsone\"\noperation = \"createPerson\"\neffect = { lose_reply = \"after\" }\n\
             [[rule]]\nprovider = \"wsone\"\noperation = \"updatePerson\"\neffect = { status = { code = 503 } }\n",
        );
        world.sync(&world.csv("crm.csv", std::slice::from_ref(&customer))).exits(5);
        world.play("");
        let (first, mobile) = (customer.email.clone(), customer.mobile.clone());
        customer.email = "second@example.org".to_owned();
        customer.mobile = "O612345678".to_owned();
        sync_one(&world, &customer, 3);
        assert_eq!(world.emails(&customer)[0], first);
        customer.mobile = mobile;
        if reverted {
            customer.email = first;
        }
        sync_one(&world, &customer, 0);
        world.all_hold(&customer);
        assert_eq!((world.duplicates(), &world.report()["balanced"]), (0, &true.into()));
        assert_eq!(world.report()["providers"]["wsone"]["held"], 0);
    }
}

/// A delta that says less than what was held leaves it to a person: nobody knows what of the rest is so.
#[test]
fn what_a_record_took_back_does_not_leave_with_one_that_does_not_say_it() {
    let (world, mut customer) = settled(&[("safedebit", "on_invalid = \"reject_customer\"")]);
    let first = customer.email.clone();
    customer.email = "second@example.org".to_owned();
    let file = world.csv("crm.csv", std::slice::from_ref(&customer));
    world.on("sync", &file, &["--max-calls", "0"]).exits(10);
    customer.email.clone_from(&first);
    customer.mobile = "O612345678".to_owned();
    sync_one(&world, &customer, 3);
    let delta = |name: &str, text: &str| {
        let text = format!("customer_id;safedebit_reference;{name}\n{};{text}\n", customer.id);
        world.on("sync", &world.file("delta.csv", &text), &["--kind", "delta"])
    };
    delta("last_name", &format!("{};Durand", customer.reference)).exits(3);
    assert_eq!(world.emails(&customer)[2], first);
    assert!(entries(&world, ProviderId::Safedebit).is_empty());
    // What says all of it decides.
    delta("last_name;email", &format!("{};Durand;{first}", customer.reference)).exits(0);
    let held = world.ledger().person(ProviderId::Safedebit, &customer.reference).expect("known").fields;
    assert_eq!((&held["consumer_last_name"], &held["consumer_email"]), (&"Durand".into(), &first.into()));
}

/// The newest record names another account.
#[test]
fn what_is_held_under_a_key_that_was_given_up_does_not_bring_it_back() {
    let (world, mut customer) = settled(&[("safedebit", "on_invalid = \"reject_customer\"")]);
    customer.email = "second@example.org".to_owned();
    let file = world.csv("crm.csv", std::slice::from_ref(&customer));
    world.on("sync", &file, &["--max-calls", "0"]).exits(10);
    customer.reference = "REF-OTHER".to_owned();
    customer.mobile = "O612345678".to_owned();
    sync_one(&world, &customer, 3);
    let text = format!("customer_id;email\n{};third@example.org\n", customer.id);
    world
        .on("sync", &world.file("delta.csv", &text), &["--kind", "delta", "--provider", "safedebit"])
        .exits(3);
    assert!(entries(&world, ProviderId::Safedebit).is_empty());
    assert!(
        world.rejects().contains("the last file with the key named another account"),
        "{}",
        world.rejects()
    );
}
