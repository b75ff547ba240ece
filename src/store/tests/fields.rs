//! The fields of which the records of each customer have told something.

use super::*;
use crate::domain::field::{Field, FieldSet};

fn all(fields: FieldSet) -> ToldFields {
    ToldFields { fields, is_all: true }
}

fn set(fields: &[Field]) -> FieldSet {
    fields.iter().copied().collect()
}

#[test]
fn the_fields_of_each_customer_are_remembered() {
    let (mut world, name) = (World::new(), customer_id("c1"));
    let (few, more) = (set(&[Field::Email]), FieldSet::all());
    let stored = |world: &World| world.store.snapshot().customer(&name).expect("read").expect("known");
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let number = intake.add_customer(&name, None, all(few)).expect("written");
    intake.add_customer(&customer_id("c2"), None, ToldFields::default()).expect("written");
    intake.commit().expect("accepted");
    assert_eq!(stored(&world).told, all(few));
    let unknown = world.store.snapshot().customer(&customer_id("c2")).expect("read").expect("known");
    assert_eq!(unknown.told, ToldFields::default());
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.put_told(number, all(more)).expect("written");
    intake.put_told(number, all(more)).expect("written");
    intake.commit().expect("accepted");
    assert_eq!(stored(&world).told, all(more));
}

/// Which bit is whose stands in the state: neither another order of the catalogue nor a field that is no more changes what
/// the others mean.
#[test]
fn a_field_keeps_its_number_whatever_the_catalogue_has() {
    let mut world = World::new();
    let name = customer_id("c1");
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.add_customer(&name, None, all(set(&[Field::Email, Field::City]))).expect("written");
    intake.commit().expect("accepted");
    let connection = &world.store.connection;
    let sql =
        "UPDATE setting SET value = CAST('fax_number' || char(10) || 'email' || char(10) || 'siren' AS BLOB)
               WHERE name = 'field_numbers'";
    assert_eq!(connection.execute(sql, []).expect("written"), 1);
    connection.execute("UPDATE customer SET told_fields = x'0e'", []).expect("written");
    let told = world.store.snapshot().customer(&name).expect("read").expect("known").told;
    assert_eq!(told, ToldFields { fields: set(&[Field::Email, Field::Siren]), is_all: false });
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let other = customer_id("c2");
    intake.add_customer(&other, None, all(set(&[Field::City, Field::Siren]))).expect("written");
    intake.commit().expect("accepted");
    let bits: Vec<u8> = world
        .store
        .connection
        .query_row("SELECT told_fields FROM customer WHERE customer_id = 'c2'", [], |row| row.get(0))
        .expect("read");
    assert_eq!(bits, [0b1_1001]);
}
