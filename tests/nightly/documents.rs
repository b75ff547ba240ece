//! The documents' own examples, as rows: what the simulators receive is what the documents show.
//!
//! Where an example holds a value that is no valid data (a masked IBAN, a NIC of three digits) a valid twin stands
//! in its place.

use crmsync::domain::provider::ProviderId;
use serde_json::{Value, json};

use crate::support::World;

/// The one applied body that a provider received.
#[track_caller]
fn received(world: &World, provider: ProviderId) -> Value {
    let entries = world.ledger().entries();
    let mut bodies = entries.iter().filter(|entry| entry.provider == provider);
    let entry = bodies.next().expect("one call");
    assert!(bodies.next().is_none() && entry.applied, "{entry:?}");
    serde_json::from_str(entry.fields.as_ref().expect("applied").get()).expect("JSON")
}

fn person() -> Value {
    json!({
        "customer_id": "1", "person_identifier": "1234567891011", "store_id": "123456", "title": "M",
        "first_name": "JEAN", "last_name": "DUPOND", "birth_date": "01/01/2000",
        "email": "email-test@email.fr", "email_opt_in": 1, "email_partner_opt_in": 0,
        "mobile_phone": "06 12 34 56 78", "mobile_brand": "Samsung", "mobile_model": "S24",
        "sms_opt_in": true, "sms_partner_opt_in": false,
        "street": "13 RUE DE LA LIBERTE", "address_apartment": "ADDR 2", "address_building": "ADDR 3",
        "address_locality": "ADDR 4", "postal_code": "59000", "city": "LILLE", "country": "France",
        "mail_opt_in": "oui", "mail_partner_opt_in": "non", "subscription_1": true, "subscription_2": true
    })
}

fn profile() -> Value {
    json!({
        "ContactsRequest": {
            "AddressRequest": {
                "allowCompanySolicitation": 1, "allowTrustedSolicitation": 0, "address1": "ADDR 2",
                "address2": "ADDR 3", "address3Name": "DE LA LIBERTE", "address3Num": 13, "address3Type": 5,
                "address4": "ADDR 4", "city": "LILLE", "country": "FRANCE", "zipCode": "59000"
            },
            "EmailRequest": {
                "allowCompanySolicitation": 1, "allowTrustedSolicitation": 0, "emailValue": "email-test@email.fr"
            },
            "CellPhoneRequest": {
                "allowCompanySolicitation": 1, "allowTrustedSolicitation": 0, "model": "S24",
                "brand": "Samsung", "dialingCode": "33", "number": "0612345678"
            }
        },
        "EntityRequest": { "entityIdentifier": "123456" },
        "PersonRequest": { "birthDate": "01/01/2000", "firstName": "JEAN", "lastName": "DUPOND", "title": 1 }
    })
}

fn subscriptions() -> Value {
    json!([{ "activate": true, "id": 1 }, { "activate": true, "id": 2 }])
}

#[test]
fn create_person_arrives_as_its_document_shows() {
    let world = World::new();
    world.configure("", &[("wsone", "source = \"API-DOG\"")]);
    let file = world.file("crm.jsonl", &person().to_string());
    world.sync(&file).exits(0);
    let expected = json!({
        "NewIdentifierRequest": { "identifierType": 1, "identifierValue": "1234567891011" },
        "PersonProfilRequest": profile(), "SubscriptionRequest": subscriptions(), "source": "API-DOG"
    });
    assert_eq!(received(&world, ProviderId::Wsone), expected);
}

#[test]
fn update_person_arrives_as_its_document_shows_when_everything_is_sent() {
    let world = World::accepting();
    world.configure("", &[("wsone", "source = \"API-DOG\"\nsend = \"all\"\non_new = \"update\"")]);
    let file = world.file("crm.jsonl", &person().to_string());
    world.sync(&file).exits(0);
    let mut expected = profile();
    expected["IdentifierRequest"] = json!({ "identifierType": 1, "identifierValue": "1234567891011" });
    expected["SubscriptionRequest"] = subscriptions();
    expected["source"] = json!("API-DOG");
    assert_eq!(received(&world, ProviderId::Wsone), expected);
}

#[test]
fn update_wallet_details_arrives_with_every_element_of_its_document() {
    let world = World::accepting();
    let row = json!({
        "customer_id": "1", "wallet_id": "33612345678", "email": "pierre@example.org", "title": "M.",
        "first_name": "Pierre", "last_name": "Dupont", "street": "26 rue de Paris", "postal_code": "93100",
        "city": "Montreuil", "country": "FR", "ip_address": "91.222.86.32", "landline_phone": "+33 1 44 55 66 77",
        "mobile_phone": "06 72 63 52 63", "birth_date": "21/03/1985", "customer_type": "company",
        "company_name": "Lemonway SAS", "company_website": "https://www.example.com",
        "company_description": "Ecommerce, vêtements", "company_registration": "123567ABCDEF",
        "is_debtor": "oui", "nationalities": "FR", "birth_city": "Montreuil", "birth_country": "France",
        "payer_or_beneficiary": "payer"
    });
    world.sync(&world.file("crm.jsonl", &row.to_string())).exits(0);
    let expected = json!({
        "wallet": "33612345678", "newEmail": "pierre@example.org", "newTitle": "M", "newFirstName": "Pierre",
        "newLastName": "Dupont", "newStreet": "26 rue de Paris", "newPostCode": "93100", "newCity": "Montreuil",
        "newCtry": "FRA", "newIp": "91.222.86.32", "newPhoneNumber": "33144556677",
        "newMobileNumber": "33672635263", "newBirthDate": "21/03/1985", "newIsCompany": "1",
        "newCompanyName": "Lemonway SAS", "newCompanyWebsite": "https://www.example.com",
        "newCompanyDescription": "Ecommerce, vêtements", "newCompanyIdentificationNumber": "123567ABCDEF",
        "newIsDebtor": "1", "newNationality": "FRA", "newBirthcity": "Montreuil", "newBirthcountry": "FRA",
        "newPayerOrBeneficiary": "1"
    });
    assert_eq!(received(&world, ProviderId::Lemonway), expected);
}

#[test]
fn edit_consumer_arrives_as_its_document_shows() {
    let world = World::accepting();
    let row = json!({
        "customer_id": "1", "safedebit_reference": "REF_XXX", "consumer_reference": "123456", "title": "Monsieur",
        "last_name": "famille", "first_name": "claude", "other_first_names": "Jean, Michel",
        "birth_date": "1996-05-30", "birth_city": "Lyon", "nationalities": "FRA",
        "street": "7 rue laurent vibert", "address_apartment": "5ème étage", "postal_code": "69006",
        "city": "Lyon", "country": "FR", "email": "email@boite.com", "mobile_phone": "0600000000",
        "ip_address": "127.0.0.1", "identity_document_type": "1", "identity_document_number": "123456789",
        "identity_document_issued_on": "30/05/2020", "identity_document_expires_on": "30/05/2021",
        "customer_type": "company", "iban": "fr76 3000 6000 0112 3456 7890 189", "company_name": "Raison",
        "siren": "732829320", "nic": "00074", "naf": "6810Z", "vat_number": "FR44732829320"
    });
    world.sync(&world.file("crm.jsonl", &row.to_string())).exits(0);
    let expected = json!({
        "safedebit_consumer_reference": "REF_XXX", "consumer_reference": "123456", "consumer_gender": "M",
        "consumer_last_name": "famille", "consumer_first_name": "claude",
        "consumer_other_last_name": "Jean, Michel", "consumer_birth_day": "30/05/1996",
        "consumer_birth_city": "Lyon", "nationality": "FR", "consumer_address_street_number": "7",
        "consumer_address_street_type": "rue", "consumer_address_street_name": "laurent vibert",
        "consumer_address_complement": "5ème étage", "consumer_zip_code": "69006", "consumer_city": "Lyon",
        "consumer_country": "FR", "consumer_email": "email@boite.com", "consumer_phone_number": "0600000000",
        "consumer_ip": "127.0.0.1", "identity_type": "1", "id_number": "123456789",
        "emission_date": "30/05/2020", "expire_date": "30/05/2021", "consumer_type": "1",
        "iban": "FR7630006000011234567890189", "social_reference": "Raison", "siren": "732829320",
        "nic": "00074", "naf": "6810Z", "tva_interco": "FR44732829320"
    });
    assert_eq!(received(&world, ProviderId::Safedebit), expected);
}
