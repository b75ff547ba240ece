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

/// Deltas of one known customer at one provider: a record as pairs, and the exit code.
fn delta(world: &World, record: &[(&str, &str)], code: i32) {
    let record: serde_json::Map<_, _> =
        record.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    let file = world.file("delta.jsonl", &format!("{}\n", serde_json::Value::Object(record)));
    world.on("sync", &file, &["--kind", "delta", "--allow-mass-change"]).exits(code);
}

/// The names of the fields that a provider is told not to get.
fn left_out(world: &World, provider: ProviderId) -> Vec<String> {
    let listed =
        crate::care::json(&world.run(&["rejects", "list", "--provider", provider.name(), "--json"]).exits(0));
    let codes = listed.as_array().expect("a list").iter().filter_map(|row| row["code"].as_str());
    let mut names: Vec<String> = codes.flat_map(|code| code.split(", ")).map(str::to_owned).collect();
    names.sort();
    names
}

/// Nobody would be told of the withdrawn consent, when the row that mends the number does not say it again.
#[test]
fn what_a_rejected_record_said_is_told_of_until_a_record_that_is_taken_says_it() {
    let world = World::new();
    world.configure("", &[("wsone", "on_invalid = \"reject_customer\"\nsend = \"changed\"")]);
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    world.sync(&world.csv("crm.csv", std::slice::from_ref(&customer))).exits(0);
    let fields =
        || world.ledger().person(ProviderId::Wsone, &format!("1:{}", customer.person)).expect("known").fields;
    let key = [("customer_id", &*customer.id), ("person_identifier", &*customer.person)];
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(&str, String)> {
        let pairs = key.iter().chain(more).map(|(key, value)| (*key, (*value).to_owned()));
        pairs.collect()
    };
    let send = |more: &[(&'static str, &'static str)], code| {
        let record = with(more);
        delta(&world, &record.iter().map(|(key, value)| (*key, &**value)).collect::<Vec<_>>(), code);
    };
    send(&[("email_opt_in", "0"), ("last_name", "Petit"), ("email", "nobody")], 3);
    // It is told of by what it is turned away for.
    assert_eq!(left_out(&world, ProviderId::Wsone), ["ContactsRequest.EmailRequest.emailValue"]);
    send(&[("email", "second@example.org")], 3);
    let told = left_out(&world, ProviderId::Wsone);
    assert!(told.iter().any(|name| name == "PersonRequest.lastName") && told.len() == 2, "{told:?}");
    assert!(
        world.rejects().contains("an earlier record that was turned away whole had it"),
        "{}",
        world.rejects()
    );
    // Once is enough.
    send(&[("email", "third@example.org")], 0);
    assert_eq!(left_out(&world, ProviderId::Wsone), told);
    send(&[("email_opt_in", "0"), ("last_name", "Petit")], 0);
    assert_eq!(left_out(&world, ProviderId::Wsone), [""; 0]);
    assert_eq!(fields()["PersonRequest"]["lastName"], "Petit", "{:?}", fields());
    assert_eq!(fields()["ContactsRequest"]["EmailRequest"]["allowCompanySolicitation"], 0);
}

/// Whoever has no account yet has no row there that could say so.
#[test]
fn what_a_record_without_a_valid_key_said_is_told_of_once_the_key_is_mended() {
    for is_known in [false, true] {
        let world = World::new();
        let customer = Customer::new(1);
        world.populate(std::slice::from_ref(&customer));
        let safedebit = ProviderId::Safedebit;
        let id = ("customer_id", &*customer.id);
        let key = ("safedebit_reference", &*customer.reference);
        if is_known {
            delta(&world, &[id, key, ("email", "first@example.org"), ("last_name", "Grand")], 0);
        }
        let wrong = ("safedebit_reference", "#REF!");
        delta(&world, &[id, wrong, ("email", "second@example.org"), ("last_name", "Petit")], 3);
        // One without a key goes nowhere either.
        if !is_known {
            delta(&world, &[id, ("first_name", "Anne")], 0);
        }
        delta(&world, &[id, key, ("last_name", "Moyen")], 3);
        let mut expected = vec!["consumer_email"];
        if !is_known {
            expected.push("consumer_first_name");
        }
        assert_eq!(left_out(&world, safedebit), expected, "known: {is_known}");
        let forgot = ["email", "first_name"]
            .map(|column| (column, if column == "email" { "second@example.org" } else { "Anne" }));
        delta(&world, &[&[id, key], &forgot[..]].concat(), 0);
        assert_eq!(left_out(&world, safedebit), [""; 0]);
        let consumer = world.ledger().person(safedebit, &customer.reference).expect("known").fields;
        assert_eq!(
            (&consumer["consumer_email"], &consumer["consumer_last_name"]),
            (&"second@example.org".into(), &"Moyen".into())
        );
    }
}

/// A field may have been left out for another reason before, and what was turned away before is not all that is now.
#[test]
fn a_customer_who_is_turned_away_for_something_else_is_news() {
    let world = World::new();
    world.configure("", &[("safedebit", "on_cleared = \"reject\"")]);
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    let (id, key) = (("customer_id", &*customer.id), ("safedebit_reference", &*customer.reference));
    delta(&world, &[id, key, ("email", "first@example.org"), ("last_name", "Grand")], 0);
    delta(&world, &[id, key, ("email", "nobody")], 3);
    delta(&world, &[id, key, ("email", ""), ("last_name", "Petit")], 3);
    delta(&world, &[id, key, ("email", ""), ("last_name", "Moyen")], 3);
}

/// What is not whole, what was taken away, and what is there already.
#[test]
fn of_a_record_without_a_valid_key_all_is_remembered_that_the_provider_does_not_have() {
    let world = World::new();
    world.configure("", &[("safedebit", "on_cleared = \"send_empty\"")]);
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    let (id, key) = (("customer_id", &*customer.id), ("safedebit_reference", &*customer.reference));
    let held = ("last_name", "Grand");
    let rest = [held, ("birth_city", "Lille"), ("customer_type", "company"), ("siren", "400000014")];
    delta(&world, &[&[id, key], &rest[..]].concat(), 0);
    let changed = [("birth_city", ""), ("siren", "400000022"), ("email", "second@example.org")];
    delta(&world, &[&[id, ("safedebit_reference", "#REF!"), held], &changed[..]].concat(), 3);
    delta(&world, &[id, key, ("first_name", "Anne")], 3);
    assert_eq!(left_out(&world, ProviderId::Safedebit), ["consumer_birth_city", "consumer_email", "siren"]);
}

/// A key alone is a record, too.
#[test]
fn a_key_that_is_mended_alone_leaves_the_rest_behind() {
    let world = World::new();
    let customer = Customer::new(1);
    world.populate(std::slice::from_ref(&customer));
    let (id, key) = (("customer_id", &*customer.id), ("safedebit_reference", &*customer.reference));
    delta(&world, &[id, ("safedebit_reference", "#REF!"), ("last_name", "Petit")], 3);
    delta(&world, &[id, key], 3);
    assert_eq!(left_out(&world, ProviderId::Safedebit), ["consumer_last_name"]);
}

/// Nothing is lacking where nobody is to be.
#[test]
fn of_whom_a_provider_is_not_to_have_nothing_is_left_behind() {
    let world = World::new();
    world.configure("", &[("wsone", "on_new = \"skip\"\non_invalid = \"reject_customer\"")]);
    let customer = Customer::new(1);
    let (id, key) = (("customer_id", &*customer.id), ("person_identifier", &*customer.person));
    delta(&world, &[id, key, ("email", "nobody"), ("last_name", "Petit")], 3);
    delta(&world, &[id, key, ("email", "first@example.org")], 0);
    assert_eq!(left_out(&world, ProviderId::Wsone), [""; 0]);
    assert_eq!(world.requests(ProviderId::Wsone), 0);
}
