//! The fields of which the records of each customer have told something.

use super::*;
use crate::domain::field::{Field, FieldSet};

fn set(fields: &[Field]) -> FieldSet {
    fields.iter().copied().collect()
}

#[test]
fn the_fields_of_each_customer_are_remembered() {
    let (mut world, name) = (World::new(), customer_id("c1"));
    let (few, more) = (set(&[Field::Email]), FieldSet::all());
    let stored = |world: &World| world.store.snapshot().customer(&name).expect("read").expect("known");
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let number = intake.add_customer(&name, None, Some(few)).expect("written");
    intake.add_customer(&customer_id("c2"), None, None).expect("written");
    intake.commit().expect("accepted");
    assert_eq!(stored(&world).fields, Some(few));
    let unknown = world.store.snapshot().customer(&customer_id("c2")).expect("read").expect("known");
    assert_eq!(unknown.fields, None);
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.put_fields(number, more).expect("written");
    intake.put_fields(number, more).expect("written");
    intake.commit().expect("accepted");
    assert_eq!(stored(&world).fields, Some(more));
}

/// Which bit is whose stands in the state: neither another order of the catalogue nor a field that is no more changes what
/// the others mean.
#[test]
fn a_field_keeps_its_number_whatever_the_catalogue_has() {
    let mut world = World::new();
    let name = customer_id("c1");
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.add_customer(&name, None, Some(set(&[Field::Email, Field::City]))).expect("written");
    intake.commit().expect("accepted");
    let connection = &world.store.connection;
    let sql =
        "UPDATE setting SET value = CAST('fax_number' || char(10) || 'email' || char(10) || 'siren' AS BLOB)
               WHERE name = 'field_numbers'";
    assert_eq!(connection.execute(sql, []).expect("written"), 1);
    connection.execute("UPDATE customer SET told_fields = x'07'", []).expect("written");
    let fields = world.store.snapshot().customer(&name).expect("read").expect("known").fields;
    assert_eq!(fields, Some(set(&[Field::Email, Field::Siren])));
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let other = customer_id("c2");
    intake.add_customer(&other, None, Some(set(&[Field::City, Field::Siren]))).expect("written");
    intake.commit().expect("accepted");
    let bits: Vec<u8> = world
        .store
        .connection
        .query_row("SELECT told_fields FROM customer WHERE customer_id = 'c2'", [], |row| row.get(0))
        .expect("read");
    assert_eq!(bits, [0b1100]);
}
