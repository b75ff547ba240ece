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
