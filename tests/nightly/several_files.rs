//! Several files in one run: together they say who is there, and each speaks for its own customers alone.

use crmsync::domain::provider::ProviderId;
use serde_json::json;

use crate::columns::held;
use crate::support::World;

const ACCOUNTS: [(ProviderId, &str); 3] =
    [(ProviderId::Wsone, "1:P1"), (ProviderId::Lemonway, "W00001"), (ProviderId::Safedebit, "REF00001")];

/// What the three providers hold of the first customer, with the name that changes told as it was.
fn accounts(world: &World) -> [String; 3] {
    let text = |(provider, key)| held(world, provider, key).to_string().to_lowercase();
    ACCOUNTS.map(text).map(|text| text.replace("martinez", "martin"))
}

/// Store, company number, telephone and street are made of several columns, or have something that takes their place.
#[test]
fn a_column_of_another_file_says_nothing_of_the_customers_of_this_one() {
    let both = "customer_id;person_identifier;wallet_id;safedebit_reference;last_name;mobile_phone;landline_phone;store_id;\
                company_registration;siren;address_building;street\n\
                C00001;P1;W00001;REF00001;Martin;0612345671;0320123451;1101;RCS-1;552100554;Bat B;1 rue A\n\
                C00002;;W00002;;Durand;0612345672;0320123452;1102;RCS-2;542051180;Bat C;2 rue A\n";
    let one = "customer_id;person_identifier;wallet_id;safedebit_reference;last_name;landline_phone;siren;street\n\
               C00001;P1;W00001;REF00001;Martinez;0320123451;552100554;1 rue A\n";
    let two = "customer_id;wallet_id;last_name;mobile_phone;store_id;company_registration;address_building\n\
               C00002;W00002;Durand;0612345672;1102;RCS-2;Bat C\n";
    let record = json!({"customer_id": "C00002", "wallet_id": "W00002", "last_name": "Durand", "mobile_phone": "0612345672",
        "store_id": "1102", "company_registration": "RCS-2", "address_building": "Bat C"});
    for (name, two) in [("b.csv", two.to_owned()), ("b.jsonl", format!("{record}\n"))] {
        let world = World::accepting();
        world.configure("", &[("wsone", "entity = \"500\"")]);
        world.sync(&world.file("crm.csv", both)).exits(0);
        let before = accounts(&world);
        assert!(before[0].contains("1101") && before[1].contains("rcs-1"), "{before:?}");
        let (one, two) = (world.file("a.csv", one), world.file(name, &two));
        let ran = world.on("sync", &one, &[two.to_str().expect("utf-8"), "--allow-mass-change"]).exits(3);
        assert!(
            ran.out.contains("a.csv: it has no column for store_id, mobile_phone, "),
            "{name}: {}",
            ran.out
        );
        assert_eq!(accounts(&world), before, "{name}");
        let [wsone, ..] = ACCOUNTS.map(|(provider, key)| held(&world, provider, key).to_string());
        assert!(wsone.to_lowercase().contains("martinez"), "what the file says is sent: {wsone}");
        for field in ["newCompanyIdentificationNumber", "newStreet", "consumer_phone_number"] {
            assert!(world.rejects().contains(field), "{field} with {name}: {}", world.rejects());
        }
    }
}

/// Brands whose exports never had the same columns: what one of them has the other one does not lack.
#[test]
fn a_file_that_never_had_the_columns_of_another_one_lacks_nothing() {
    let of_a = "customer_id;person_identifier;wallet_id;safedebit_reference;last_name;store_id;mobile_phone;landline_phone;country;\
                street;address_building;postal_code;city";
    let of_b = "customer_id;person_identifier;wallet_id;safedebit_reference;last_name;landline_phone;street;postal_code;city";
    let a = "A1;PA1;WA1;SA1;Martin;1101;0612345671;0320123451;FR;1 rue A;Bat B;59000;Lille";
    let b = |n: u32, name: &str| format!("B{n};PB{n};WB{n};SB{n};{name};032012346{n};2 rue B;75001;Paris\n");
    let world = World::accepting();
    world.configure("", &[("wsone", "entity = \"500\"")]);
    let sync = |rows_of_a: &str, rows_of_b: &str| {
        let one = world.file("a.csv", &format!("{of_a}\n{rows_of_a}"));
        let two = world.file("b.csv", &format!("{of_b}\n{rows_of_b}"));
        world.on("sync", &one, &[two.to_str().expect("utf-8"), "--allow-mass-change"])
    };
    // The second brand joins later, gets somebody new, and changes somebody known.
    sync(a, "").exits(0);
    for rows in [b(1, "Petit"), b(1, "Petit") + &b(2, "Durand"), b(1, "Grand") + &b(2, "Durand")] {
        let ran = sync(a, &rows).exits(0);
        assert!(!ran.out.contains("no column"), "{}", ran.out);
    }
    let person = held(&world, ProviderId::Wsone, "1:PB2").to_string();
    assert!(person.contains("\"500\""), "the configured store: {person}");
    let wallet = held(&world, ProviderId::Lemonway, "WB1");
    assert_eq!((&wallet["newLastName"], &wallet["newStreet"]), (&json!("Grand"), &json!("2 rue B")));
    assert_eq!(wallet["newPhoneNumber"], "33320123461");
    // So it is when a column is added that the other brand does not have.
    let wider = of_b.replace(";street;", ";birth_date;street;");
    let row = b(3, "Lang").replace(";2 rue B", ";01/02/1980;2 rue B")
        + &b(1, "Klein").replace(";2 rue B", ";01/02/1980;2 rue B");
    let one = world.file("a.csv", &format!("{of_a}\n{a}"));
    let two = world.file("b.csv", &format!("{wider}\n{row}"));
    let ran = world.on("sync", &one, &[two.to_str().expect("utf-8"), "--allow-mass-change"]).exits(0);
    assert!(!ran.out.contains("no column"), "{}", ran.out);
    assert_eq!(held(&world, ProviderId::Lemonway, "WB3")["newStreet"], "2 rue B");
    // A column that it had is another matter.
    let shorter = of_b.replace(";landline_phone", "");
    let one = world.file("a.csv", &format!("{of_a}\n{a}"));
    let two = world.file("b.csv", &format!("{shorter}\nB1;PB1;WB1;SB1;Petit;2 rue B;75001;Paris\n"));
    let ran = world.on("sync", &one, &[two.to_str().expect("utf-8"), "--allow-mass-change"]).exits(3);
    assert!(ran.out.contains("b.csv: it has no column for"), "{}", ran.out);
}

/// Nobody is in one of the halves of a split export alone, until a row is missing from the other.
#[test]
fn the_half_of_a_split_export_lacks_what_the_other_half_has() {
    let world = World::accepting();
    let header =
        "customer_id;wallet_id;safedebit_reference;street;landline_phone;mobile_phone;address_building";
    let row = |n: u32| format!("C{n};W{n};S{n};{n} rue A;032012345{n};061234567{n};Bat {n}\n");
    world.sync(&world.file("crm.csv", &format!("{header}\n{}{}", row(1), row(2)))).exits(0);
    let sync = |second: &str, street: &str| {
        let one = format!(
            "customer_id;wallet_id;safedebit_reference;street;landline_phone\nC1;W1;S1;1 rue A;0320123451\nC2;W2;S2;{street};0320123452\n"
        );
        let two = format!("customer_id;mobile_phone;address_building\nC1;0612345671;Bat 1\n{second}");
        let (one, two) = (world.file("a.csv", &one), world.file("b.csv", &two));
        world.on("sync", &one, &[two.to_str().expect("utf-8"), "--allow-mass-change"])
    };
    let requests = || world.ledger().entries().len();
    let before = requests();
    let ran = sync("C2;0612345672;Bat 2\n", "2 rue A").exits(0);
    assert!(requests() == before && !ran.out.contains("no column"), "{}", ran.out);
    let ran = sync("", "2 rue A").exits(3);
    assert!(ran.out.contains("a.csv: it has no column for mobile_phone, address_building"), "{}", ran.out);
    assert_eq!(held(&world, ProviderId::Lemonway, "W2")["newStreet"], "2 rue A, Bat 2");
    assert_eq!(held(&world, ProviderId::Safedebit, "S2")["consumer_phone_number"], "0612345672");
}

/// Columns under other names, and what a column says of two fields, are no columns that a file lacks.
#[test]
fn what_a_file_says_in_another_way_it_does_not_lack() {
    let csv = "customer_id;safedebit_reference;last_name;siren\nA1;SA1;Acme;73282932000074\n";
    let record = json!({"customer_id": "B1", "safedebit_reference": "SB1", "last_name": "Bold", "siren": "55210055400013",
        "Street Number": "1", "Street Type": "rue", "Street Name": "A", "city": "Lille"});
    let world = World::accepting();
    for name in ["Bold", "Bolder"] {
        let mut record = record.clone();
        record["last_name"] = json!(name);
        let (one, two) = (world.file("a.csv", csv), world.file("b.jsonl", &format!("{record}\n")));
        let ran = world.on("sync", &one, &[two.to_str().expect("utf-8"), "--allow-mass-change"]);
        assert!(!ran.out.contains("no column") && !ran.out.contains("no file"), "{}", ran.out);
        let alone = world.on("plan", &two, &[]);
        assert!(!alone.out.contains("no file has"), "{}", alone.out);
    }
}
