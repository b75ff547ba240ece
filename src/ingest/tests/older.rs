//! Rows of one customer of which some are older than what was accepted, or than others.

use super::rows::ordered;
use super::world::{LEMONWAY, SAFEDEBIT, WSONE, World, planned};
use crate::domain::provider::ProviderId::{Lemonway, Safedebit, Wsone};
use crate::ingest::{Kind, Mode, Outcome};

/// Between two parts of what the CRM has, another one may have said something newer.
#[test]
fn an_older_row_of_a_delta_tells_nothing() {
    let mut world = ordered();
    let head = "customer_id,safedebit_reference,updated_at";
    world.sync(&format!("{head},country,mobile_phone\nc1,S1,2026-01-20,FR,0612345678\n"));
    world.deliver(Safedebit);
    world.options.kind = Kind::Delta;
    let files = [
        world.write("a.csv", &format!("{head},country\nc1,S1,2026-01-10,BE\n")),
        world.write("b.csv", &format!("{head},mobile_phone\nc1,S1,2026-01-21,0612345679\n")),
    ];
    world.take(Mode::Sync, &files).expect("accepted");
    let values = world.queue(Safedebit).remove(0).2;
    assert_eq!(
        values,
        [("consumer_phone_number".to_owned(), "0612345679".to_owned())],
        "it is a French one still"
    );
}

/// Rows that were accepted together are read together again.
#[test]
fn the_same_rows_say_the_same_once_more() {
    let numbers = |kind| {
        let (again, mut world) = rows_read_twice(kind);
        assert_eq!((again.input.stale, planned(&again, Safedebit)), (0, (0, 0)));
        let values = world.queue(Safedebit).into_iter().flat_map(|call| call.2);
        values
            .filter(|(name, _)| name == "consumer_phone_number")
            .map(|(_, number)| number)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(Kind::Full), ["+32470123456"]);
    assert_eq!(numbers(Kind::Delta), ["+32470123456"]);
}

/// A country and a number in two rows, the same once more, and once more with everything compared.
fn rows_read_twice(kind: Kind) -> (Outcome, World) {
    let mut world = ordered();
    world.sync(
        "customer_id,safedebit_reference,country,mobile_phone,updated_at\nc1,S1,FR,0612345678,2026-01-01\n",
    );
    world.deliver(Safedebit);
    world.options.kind = kind;
    let head = "customer_id,safedebit_reference,updated_at";
    let run = |world: &mut World| {
        let files = [
            world.write("a.csv", &format!("{head},country\nc1,S1,2026-01-10,BE\n")),
            world.write("b.csv", &format!("{head},mobile_phone,email\nc1,S1,2026-01-21,0470123456,none\n")),
        ];
        world.take(Mode::Sync, &files).expect("accepted")
    };
    run(&mut world);
    world.deliver(Safedebit);
    let again = run(&mut world);
    world.options.full_resync = true;
    run(&mut world);
    (again, world)
}

#[test]
fn a_later_row_of_a_file_without_order_values_wins() {
    let dated = "customer_id,safedebit_reference,first_name,updated_at\nc1,S1,Dated,2026-01-20\n";
    let bare = "customer_id,safedebit_reference,first_name\nc1,S1,Later\n";
    for (files, name) in [([dated, bare], "Later"), ([bare, dated], "Dated")] {
        let mut world = ordered();
        world.options.kind = Kind::Delta;
        let [one, two] = files;
        let files = [world.write("a.csv", one), world.write("b.csv", two)];
        world.take(Mode::Sync, &files).expect("accepted");
        let values = world.queue(Safedebit).remove(0).2;
        assert_eq!(values, [("consumer_first_name".to_owned(), name.to_owned())]);
        world.deliver(Safedebit);
        let older =
            world.sync("customer_id,safedebit_reference,first_name,updated_at\nc1,S1,Older,2026-01-19\n");
        assert_eq!(older.input.stale, 1, "what was dated is remembered");
    }
}

/// A day is an order value too: what has the accepted one is not what was accepted.
#[test]
fn an_older_row_beside_one_as_old_as_what_was_accepted_changes_nothing() {
    let mut world = World::new(LEMONWAY);
    world.mapping.order_by = Some("updated_at".to_owned());
    world.options.kind = Kind::Delta;
    world.sync("customer_id,wallet_id,email,updated_at\nc1,W1,new@example.org,2026-01-10\n");
    world.deliver(Lemonway);
    let files = [
        world.write("a.csv", "customer_id,email,updated_at\nc1,old@example.org,2026-01-05\n"),
        world.write("b.csv", "customer_id,first_name,updated_at\nc1,Ann,2026-01-10\n"),
    ];
    world.take(Mode::Sync, &files).expect("accepted");
    assert_eq!(world.queue(Lemonway).remove(0).2, [("newFirstName".to_owned(), "Ann".to_owned())]);
}

/// A table that did not change beside one that did: its rows are older than what was accepted, and all that there is.
#[test]
fn older_rows_of_a_complete_input_say_what_an_account_was_never_given() {
    let run = |world: &mut World, wallet: &str, date: &str| {
        let address =
            "customer_id,street,postal_code,city,updated_at\nc1,12 rue Foch,59000,Lille,2026-01-01\n";
        let files = [
            world.write("a.csv", address),
            world.write(
                "p.csv",
                &format!("customer_id,wallet_id,first_name,updated_at\nc1,{wallet},Ann,{date}\n"),
            ),
        ];
        world.take(Mode::Sync, &files).expect("accepted")
    };
    let mut world = World::new(LEMONWAY);
    world.mapping.order_by = Some("updated_at".to_owned());
    run(&mut world, "", "2026-01-20");
    run(&mut world, "W1", "2026-01-21");
    let names = |world: &mut World| -> Vec<String> {
        let calls = world.queue(Lemonway).into_iter();
        calls.flat_map(|call| call.2).map(|(name, _)| name).collect()
    };
    assert_eq!(names(&mut world), ["newFirstName", "newStreet", "newPostCode", "newCity"]);
    world.deliver(Lemonway);
    run(&mut world, "W1", "2026-01-22");
    assert_eq!(names(&mut world), [""; 0]);

    // What several tables make together, the newest with the rest.
    let run = |world: &mut World, street: &str, date: &str| {
        let files = [
            world.write(
                "a.csv",
                "customer_id,wallet_id,updated_at,address_apartment\nc1,W1,2026-01-01,Apt 4\n",
            ),
            world
                .write("b.csv", &format!("customer_id,wallet_id,updated_at,street\nc1,W1,{date},{street}\n")),
        ];
        world.take(Mode::Sync, &files).expect("accepted")
    };
    let mut world = World::new(LEMONWAY);
    world.mapping.order_by = Some("updated_at".to_owned());
    run(&mut world, "12 rue Foch", "2026-01-20");
    world.deliver(Lemonway);
    let outcome = run(&mut world, "5 avenue Hoche", "2026-01-21");
    assert!(outcome.rejects.is_empty(), "{:?}", outcome.rejects);
    let street = ("newStreet".to_owned(), "5 avenue Hoche, Apt 4".to_owned());
    assert_eq!(world.queue(Lemonway).remove(0).2, [street]);
}

/// What older rows say is nothing to send, but what the provider is known to hold by it completes what is.
#[test]
fn what_older_rows_say_completes_an_object_and_makes_no_value_incomplete() {
    let mut world = World::new(WSONE);
    world.mapping.order_by = Some("updated_at".to_owned());
    let head = "customer_id,person_identifier,updated_at";
    let run = |world: &mut World, city: &str, date: &str| {
        let files = [
            world.write("a.csv", &format!("{head},street,postal_code\nc1,P1,2026-01-01,12 rue Foch,59000\n")),
            world.write("b.csv", &format!("{head},city,address_building\nc1,P1,{date},{city},Bat B\n")),
        ];
        world.take(Mode::Sync, &files).expect("accepted")
    };
    run(&mut world, "Lille", "2026-01-20");
    world.deliver(Wsone);
    let outcome = run(&mut world, "Lyon", "2026-01-21");
    assert!(outcome.rejects.is_empty(), "{:?}", outcome.rejects);
    let values = world.queue(Wsone).remove(0).2;
    let value =
        |name: &str| values.iter().find(|(known, _)| known.ends_with(name)).map(|(_, value)| &**value);
    assert_eq!(
        ["city", "zipCode", "address3Name"].map(value),
        [Some("Lyon"), Some("59000"), Some("12 rue Foch")]
    );

    let mut world = World::new(SAFEDEBIT);
    world.mapping.order_by = Some("updated_at".to_owned());
    let head = "customer_id,safedebit_reference,updated_at";
    let run = |world: &mut World, name: &str, date: &str| {
        let files = [
            world.write("a.csv", &format!("{head},address_apartment\nc1,S1,2026-01-01,Apt 4\n")),
            world.write("b.csv", &format!("{head},first_name,address_building\nc1,S1,{date},{name},Bat B\n")),
        ];
        world.take(Mode::Sync, &files).expect("accepted")
    };
    run(&mut world, "Anne", "2026-01-20");
    world.deliver(Safedebit);
    let outcome = run(&mut world, "Jeanne", "2026-01-21");
    assert!(outcome.rejects.is_empty(), "{:?}", outcome.rejects);
    assert_eq!(world.queue(Safedebit).remove(0).2, [("consumer_first_name".to_owned(), "Jeanne".to_owned())]);
}

/// Whether a consent still holds an older row does not tell, nor what a newer one said that was not taken.
#[test]
fn older_rows_say_nothing_of_consents_and_of_what_a_newer_one_said_otherwise() {
    let mut world = World::new(WSONE);
    world.mapping.order_by = Some("updated_at".to_owned());
    let head = "customer_id,person_identifier,updated_at";
    world.sync(&format!("{head},email,email_opt_in,birth_city\nc1,P1,2026-01-16,a@example.org,,Lille\n"));
    world.sync(&format!("{head},email,mobile_phone\nc1,P1,2026-01-17,a@example.org,O612345678\n"));
    world.deliver(Wsone);
    let files = [
        world.write("a.csv", &format!("{head},email_opt_in,mobile_phone\nc1,P1,2026-01-04,1,0612345678\n")),
        world.write("b.csv", &format!("{head},first_name\nc1,P1,2026-01-24,Ann\n")),
    ];
    world.take(Mode::Sync, &files).expect("accepted");
    let names: Vec<String> =
        world.queue(Wsone).into_iter().flat_map(|call| call.2).map(|(name, _)| name).collect();
    assert!(!names.is_empty() && names.iter().all(|name| name.ends_with("firstName")), "{names:?}");
}

/// It is told as invalid, and so it is.
#[test]
fn a_row_that_cannot_be_ordered_is_not_sent_for_somebody_new_either() {
    let mut world = World::new(SAFEDEBIT);
    world.mapping.order_by = Some("updated_at".to_owned());
    let head = "customer_id,safedebit_reference,updated_at";
    let files = [
        world.write("a.csv", &format!("{head},email\nc1,S1,garbage,old@example.org\n")),
        world.write("b.csv", &format!("{head},first_name\nc1,S1,2026-01-24,Ann\n")),
    ];
    let outcome = world.take(Mode::Sync, &files).expect("accepted");
    assert_eq!(outcome.input.invalid, 1);
    assert_eq!(world.queue(Safedebit).remove(0).2, [("consumer_first_name".to_owned(), "Ann".to_owned())]);
}
