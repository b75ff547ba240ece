//! The fields that a file without a header says something about, wherever in it the record stands that does.

use std::fmt::Write as _;

use super::world::{SAFEDEBIT, World};
use crate::ingest::Mode;

#[test]
fn a_field_that_one_record_alone_has_is_none_that_the_file_lacks() {
    let mut world = World::new(SAFEDEBIT);
    world.options.allow_mass_change = true;
    world.sync(
        "customer_id,safedebit_reference,last_name,city,landline_phone\nc1,S1,Petit,Lille,0320123456\n",
    );
    let record = |number: u32| {
        format!("{{\"customer_id\":\"n{number}\",\"last_name\":\"Petit\",\"city\":\"Lille\"}}\n")
    };
    let many: String = (0..6_000).map(record).collect();
    let overlong = format!("{{\"customer_id\":\"long\",\"last_name\":\"{}\"}}\n", "x".repeat(1 << 20));
    let alone = "{\"customer_id\":\"c1\",\"safedebit_reference\":\"S1\",\"Landline Phone\":null,\"last_name\":\"Petit\"}\n";
    let warned = |text: &str, world: &mut World| {
        let file = world.write("crm.jsonl", text);
        let outcome = world.take(Mode::Plan, &[file]).expect("planned");
        outcome
            .warnings
            .iter()
            .any(|warning| warning.starts_with("no file has") && warning.contains("landline_phone"))
    };
    assert!(warned(&many, &mut world));
    for between in ["", "{\"customer_id\":\n", &overlong] {
        let mut text = many.clone();
        write!(text, "{between}{}{alone}", record(6_000)).expect("written");
        assert!(!warned(&text, &mut world), "{} bytes", between.len());
    }
    let inside =
        "{\"customer_id\":\"c1\",\"safedebit_reference\":\"S1\",\"contact\":{\"phone\":\"0320123456\"}}\n";
    world.mapping.columns.insert("landline_phone".to_owned(), "/contact/phone".to_owned());
    assert!(!warned(&(many.clone() + inside), &mut world));
    assert!(warned(&many.replace("\"city\"", "\"contact\""), &mut world));
}
