//! Each operation in each protocol, through the real program: what is sent, and what becomes of each kind of answer.
//!
//! Rows and situations stand in `conformance_table`.

use crmsync::domain::provider::ProviderId;
use crmsync::sandbox::{Entry, Operation};
use serde_json::{Value, json};

use crate::conformance_table::Row;
use crate::support::{Customer, World};

macro_rules! held {
    ($($name:ident)*) => {
        $(mod $name {
            use crate::conformance_table::row;

            #[test]
            fn request() {
                super::request(&row(stringify!($name)));
            }

            #[test]
            fn success() {
                super::success(&row(stringify!($name)));
            }

            #[test]
            fn refusal() {
                super::refusal(&row(stringify!($name)));
            }

            #[test]
            fn denial() {
                super::denial(&row(stringify!($name)));
            }

            #[test]
            fn unreadable() {
                super::unreadable(&row(stringify!($name)));
            }

            #[test]
            fn lost_reply() {
                super::lost_reply(&row(stringify!($name)));
            }
        })*
    };
}

held! {
    create_person
    update_person
    directkitjson2
    directkitjson
    directkitjson_wrapped
    directkitxml
    directkitxml_other_result
    directkit
    directkit_escaped
    directkit_escaped_other_result
    edit_consumer
    edit_consumer_401
}

/// A world in which one provider is met in one way.
struct Stage {
    world: World,
    row: Row,
}

impl Stage {
    fn new(row: &Row) -> Self {
        let world = World::new();
        let lines = format!("settle = \"100ms\"\n{}", row.settings);
        world.configure("", &[(row.provider().name(), &lines)]);
        let stage = Self { world, row: *row };
        stage.play("");
        stage
    }

    /// Plays the habits of the row and some rules.
    fn play(&self, rules: &str) {
        self.world.play(&format!("{}{rules}", self.row.habits));
    }

    /// A customer whom this provider alone can know.
    fn customer(&self, n: usize) -> Customer {
        let mut customer = Customer::new(n);
        let keys = [
            (ProviderId::Wsone, &mut customer.person),
            (ProviderId::Lemonway, &mut customer.wallet),
            (ProviderId::Safedebit, &mut customer.reference),
        ];
        keys.into_iter().filter(|(id, _)| *id != self.row.provider()).for_each(|(_, key)| key.clear());
        customer
    }

    fn key(&self, customer: &Customer) -> String {
        match self.row.provider() {
            ProviderId::Wsone => format!("1:{}", customer.person),
            ProviderId::Lemonway => customer.wallet.clone(),
            ProviderId::Safedebit => customer.reference.clone(),
        }
    }

    /// The same, with an account where the operation needs one.
    fn known(&self, n: usize) -> Customer {
        let customer = self.customer(n);
        if self.row.operation != Operation::CreatePerson {
            self.world.knows(self.row.provider(), &self.key(&customer));
        }
        customer
    }

    fn sync(&self, customers: &[Customer], code: i32) {
        self.world.sync(&self.world.csv("crm.csv", customers)).exits(code);
        assert_eq!(self.world.ledger().summary().unrouted, 0);
    }

    fn entries(&self) -> Vec<Entry> {
        self.world.ledger().entries()
    }

    fn count(&self, name: &str) -> Value {
        self.world.report()["providers"][self.row.provider().name()][name].clone()
    }

    #[track_caller]
    fn holds(&self, customer: &Customer) {
        let place = ProviderId::ALL.iter().position(|id| *id == self.row.provider()).expect("one of three");
        assert_eq!(self.world.emails(customer)[place], customer.email);
        assert_eq!(self.world.duplicates(), 0);
    }

    /// How often the row's own operation was called for a customer.
    fn calls(&self, customer: &Customer) -> usize {
        let (operation, key) = (self.row.operation, Some(self.key(customer)));
        self.entries().iter().filter(|entry| entry.operation == operation && entry.key == key).count()
    }
}

/// The body of the first request, by the documents: one JSON value for all of Lemonway's protocols.
fn documented(operation: Operation) -> Value {
    let person =
        || json!({"title": 1, "firstName": "Élise", "lastName": "Martinb", "birthDate": "01/02/1980"});
    let contacts = || {
        json!({
            "EmailRequest": {"emailValue": "elise.1@example.org", "allowCompanySolicitation": 1},
            "CellPhoneRequest": {"dialingCode": "33", "number": "0612340001"},
            "AddressRequest": {"address3Num": 2, "address3Type": 5, "address3Name": "de la Liberté",
                "city": "Lille", "zipCode": "59000", "country": "FRANCE"},
        })
    };
    let identifier = || json!({"identifierType": 1, "identifierValue": "7700000001"});
    match operation {
        Operation::CreatePerson => json!({
            "NewIdentifierRequest": identifier(),
            "PersonProfilRequest": {"PersonRequest": person(), "ContactsRequest": contacts()},
            "source": "CRM",
        }),
        Operation::UpdatePerson => json!({
            "IdentifierRequest": identifier(), "PersonRequest": person(), "ContactsRequest": contacts(),
            "source": "CRM",
        }),
        Operation::EditConsumer => json!({
            "safedebit_consumer_reference": "REF00001", "consumer_gender": "M",
            "consumer_first_name": "Élise", "consumer_last_name": "Martinb",
            "consumer_birth_day": "01/02/1980", "consumer_address_street_number": "2",
            "consumer_address_street_type": "rue", "consumer_address_street_name": "de la Liberté",
            "consumer_zip_code": "59000", "consumer_city": "Lille", "consumer_country": "FR",
            "consumer_email": "elise.1@example.org", "consumer_phone_number": "0612340001",
            "iban": "FR7630006000011234567890189",
        }),
        Operation::UpdateWalletDetails
        | Operation::GetPerson
        | Operation::GetWalletDetails
        | Operation::RegisterWallet => json!({
            "wallet": "W00001", "newEmail": "elise.1@example.org", "newTitle": "M",
            "newFirstName": "Élise", "newLastName": "Martinb", "newStreet": "2 rue de la Liberté",
            "newPostCode": "59000", "newCity": "Lille", "newCtry": "FRA",
            "newMobileNumber": "33612340001", "newBirthDate": "01/02/1980",
        }),
    }
}

fn request(row: &Row) {
    let stage = Stage::new(row);
    let customer = stage.known(1);
    stage.sync(&[customer], 0);
    let entries = stage.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].operation, row.operation);
    let fields = entries[0].fields.as_ref().expect("applied");
    assert_eq!(serde_json::from_str::<Value>(fields.get()).expect("JSON"), documented(row.operation));
}

fn success(row: &Row) {
    let stage = Stage::new(row);
    let customer = stage.known(1);
    stage.sync(std::slice::from_ref(&customer), 0);
    stage.holds(&customer);
    let word = if row.operation == Operation::CreatePerson { "create" } else { "update" };
    assert_eq!(stage.count("acknowledged")[word], 1);
    stage.sync(&[customer], 0);
    assert_eq!(stage.entries().len(), 1, "what was acknowledged is not sent again");
}

fn refusal(row: &Row) {
    for code in row.refusals {
        let stage = Stage::new(row);
        let customers = refused_customers(&stage, code);
        stage.world.ledger().reset();
        stage.sync(&customers, 3);
        let entries = stage.entries();
        // An address in use is tried once more, last: its owner may give it up in the same run.
        assert_eq!(entries.len(), if *code == "204" { 2 } else { 1 }, "{code}");
        assert!(entries.iter().all(|entry| entry.code == *code && !entry.applied), "{entries:?}");
        assert_eq!((stage.count("refused"), stage.count("parked")), (json!(1), json!(1)), "{code}");
        let codes: Vec<String> = stage.world.rejected().into_iter().map(|[_, _, code]| code).collect();
        assert_eq!(codes, [*code]);
        stage.world.ledger().reset();
        stage.sync(&customers, 0);
        assert!(stage.entries().is_empty(), "a refusal is not repeated while nothing changes");
    }
}

/// The customers of an input whose last one meets the refusal.
fn refused_customers(stage: &Stage, code: &str) -> Vec<Customer> {
    match code {
        // Nobody has the account.
        "147" | "101" | "EXIST_002" => vec![stage.customer(1)],
        "204" => {
            let owner = stage.known(1);
            stage.sync(std::slice::from_ref(&owner), 0);
            let second = stage.known(2).email(&owner.email);
            vec![owner, second]
        }
        code => {
            stage.play(&format!("[[rule]]\neffect = {{ refuse = {{ code = \"{code}\" }} }}\n"));
            vec![stage.customer(1)]
        }
    }
}

fn denial(row: &Row) {
    let stage = Stage::new(row);
    let customers = [stage.known(1), stage.known(2)];
    let right = std::fs::read_to_string(stage.world.path("crmsync.toml")).expect("a configuration");
    stage.world.file("crmsync.toml", &right.replace("T_PASSWORD", "T_USER"));
    stage.sync(&customers, 7);
    let entries = stage.entries();
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry.code == row.denial), "{entries:?}");
    assert_eq!((stage.count("refused"), stage.count("deferred")), (json!(0), json!(2)));
    stage.world.file("crmsync.toml", &right);
    stage.world.run(&["resume"]).exits(0);
    customers.iter().for_each(|customer| stage.holds(customer));
}

fn unreadable(row: &Row) {
    let spoiled: Vec<(String, bool)> = ["html", "empty", "truncated"]
        .iter()
        .flat_map(|body| [(body, true), (body, false)])
        .map(|(body, applied)| (format!("garbage = {{ body = \"{body}\", apply = {applied} }}"), applied))
        .collect();
    are_found_out(row, &spoiled);
}

fn lost_reply(row: &Row) {
    let lost = [("after", true), ("before", false)];
    are_found_out(row, &lost.map(|(side, applied)| (format!("lose_reply = \"{side}\""), applied)));
}

/// Each effect spoils the first answer about one customer, whose call was applied or was not: the program must neither
/// believe the answer, nor give up, nor make a second person.
fn are_found_out(row: &Row, effects: &[(String, bool)]) {
    let stage = Stage::new(row);
    let customers: Vec<Customer> = (1..=effects.len()).map(|n| stage.known(n)).collect();
    let rules = customers.iter().zip(effects).map(|(customer, (effect, _))| {
        let (operation, key) = (row.operation.name(), stage.key(customer));
        format!(
            "[[rule]]\noperation = \"{operation}\"\nkey = \"{key}\"\ntimes = 1\neffect = {{ {effect} }}\n"
        )
    });
    stage.play(&rules.collect::<String>());
    stage.sync(&customers, 0);
    for (customer, (effect, applied)) in customers.iter().zip(effects) {
        stage.holds(customer);
        let expected = match (row.operation, applied) {
            // A probe finds the person: the create is not sent again.
            (Operation::CreatePerson, true) => 1,
            (_, _) => 2,
        };
        assert_eq!(stage.calls(customer), expected, "{effect}");
    }
    stage.world.ledger().reset();
    stage.sync(&customers, 0);
    assert!(stage.entries().is_empty());
}
