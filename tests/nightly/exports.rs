//! Files as CRMs export them: what `init --from` proposes works as it stands.

use std::path::Path;

use crmsync::domain::provider::ProviderId;
use serde_json::Value;

use crate::support::{Customer, Ran, World};

/// A folder in which `init` has looked at one of the samples; of its proposal only the providers are filled in.
fn proposed(name: &str, first: usize) -> (World, Ran) {
    let world = World::new();
    let sections = std::fs::read_to_string(world.path("crmsync.toml")).expect("the world's configuration");
    let providers = sections.find("[providers.").and_then(|at| sections.get(at..)).expect("providers");
    std::fs::remove_file(world.path("crmsync.toml")).expect("removed");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    world.run(&["init", "--from", file.to_str().expect("utf-8")]).exits(0);
    let written = std::fs::read_to_string(world.path("crmsync.toml")).expect("a proposal");
    world.file("crmsync.toml", &format!("{written}\n{providers}"));
    world.populate(&accounts(first));
    let ran = world.on("sync", &file, &[]);
    (world, ran)
}

fn accounts(first: usize) -> Vec<Customer> {
    let account = |number: usize| Customer {
        wallet: format!("W-{number}"),
        reference: format!("SD{number}"),
        ..Customer::new(number % 1000)
    };
    (first..first + 30).map(account).collect()
}

/// What each provider holds of customer `number`.
fn held(world: &World, number: usize) -> [Value; 3] {
    let of =
        |provider, key: String| Value::Object(world.ledger().person(provider, &key).expect("known").fields);
    [
        of(ProviderId::Wsone, format!("1:0299{number:08}")),
        of(ProviderId::Lemonway, format!("W-{number}")),
        of(ProviderId::Safedebit, format!("SD{number}")),
    ]
}

#[track_caller]
fn arrived(world: &World, number: usize) {
    let [person, wallet, consumer] = held(world, number);
    let street = format!("{} rue Pasteur", number % 90 + 1);
    let email =
        person["ContactsRequest"]["EmailRequest"]["emailValue"].as_str().expect("an e-mail").to_owned();
    assert!(email.contains(&number.to_string()), "{email}");
    assert_eq!(wallet["newEmail"], email.as_str());
    assert_eq!(consumer["consumer_email"], email.as_str());
    assert!(wallet["newStreet"].as_str().is_some_and(|line| line.starts_with(&street)), "{wallet}");
    assert!(
        consumer["consumer_address_street_name"].as_str().is_some_and(|name| name.starts_with("Pasteur"))
    );
    assert_eq!(person["PersonRequest"]["birthDate"], wallet["newBirthDate"]);
    assert_eq!(consumer["consumer_birth_day"], wallet["newBirthDate"]);
    assert_eq!(person["ContactsRequest"]["CellPhoneRequest"]["dialingCode"], "33");
    assert!(wallet["newMobileNumber"].as_str().is_some_and(|phone| phone.starts_with("33")), "{wallet}");
    assert_eq!(person["ContactsRequest"]["AddressRequest"]["country"], "FRANCE");
}

#[test]
fn a_salesforce_export_needs_no_hand() {
    let (world, ran) = proposed("salesforce.csv", 810_000);
    ran.exits(3);
    for number in (810_000..810_030).filter(|number| *number != 810_011) {
        arrived(&world, number);
        assert_eq!(
            held(&world, number)[0]["PersonRequest"]["title"].as_i64().map(|title| title < 3),
            Some(true)
        );
    }
    assert!(held(&world, 810_011)[1].get("newEmail").is_none(), "an address that is none");
    assert!(world.rejects().contains(",Email,"), "{}", world.rejects());
    assert_eq!(world.report()["input"]["rows"], 30);
}

#[test]
fn a_hubspot_export_needs_no_hand() {
    let (world, ran) = proposed("hubspot.csv", 820_000);
    ran.exits(0);
    (820_000..820_030).for_each(|number| arrived(&world, number));
    assert_eq!(world.applied(), 90);
}

#[test]
fn a_french_spreadsheet_needs_no_hand() {
    let (world, ran) = proposed("excel.csv", 830_000);
    ran.exits(3);
    for number in (830_000..830_030).filter(|number| ![830_007, 830_019].contains(number)) {
        arrived(&world, number);
    }
    assert!(held(&world, 830_007)[1].get("newMobileNumber").is_none(), "a number in scientific notation");
    assert!(held(&world, 830_019)[1].get("newPostCode").is_none(), "a code without its zero");
    let rejects = world.rejects();
    assert!(rejects.contains("scientific notation") && rejects.contains("leading zero"), "{rejects}");
}

/// The newest row wins, so the days that order rows have to be read as they were meant.
#[test]
fn the_days_that_order_rows_tell_their_form_too() {
    let world = World::new();
    let cases = [
        ("11/2/2026 9:05 AM", "1/12/2026 4:05 PM", "date_formats = [\"%m/%d/%Y\"]"),
        ("01/02/2026", "2026-11-30 04:05 PM", "date_formats = [\"%d/%m/%Y\", \"%Y-%m-%d\"]"),
        ("11/2/2026", "1/13/2026 9:05 AM", "date_formats = [\"%m/%d/%Y\"]"),
        ("11/02/2026", "13/01/2026 09:05", "date_formats = [\"%d/%m/%Y\", \"%Y-%m-%d\"]"),
        ("2026-11-02T10:00:00Z", "2026-01-13T10:00:00Z", "date_formats = [\"%d/%m/%Y\", \"%Y-%m-%d\"]"),
        ("1767261600", "1767261601", "date_formats = [\"%d/%m/%Y\", \"%Y-%m-%d\"]"),
    ];
    for (one, two, expected) in cases {
        std::fs::remove_file(world.path("crmsync.toml")).expect("removed");
        let file = world.file("us.csv", &format!("Contact ID,Last Modified Date\n1,{one}\n2,{two}\n"));
        world.run(&["init", "--from", file.to_str().expect("utf-8")]).exits(0);
        let written = std::fs::read_to_string(world.path("crmsync.toml")).expect("a proposal");
        assert!(written.lines().any(|line| line.starts_with(expected)), "{one}: {written}");
    }
}
