//! Order values: the highest one counts, wherever it stands.

use super::*;

impl World {
    fn add(&mut self, name: &str, order: i64) -> CustomerNumber {
        let intake = self.store.intake(self.run, self.now).expect("begun");
        let number = intake
            .add_customer(&customer_id(name), Some(Order(order)), ToldFields::default())
            .expect("written");
        intake.commit().expect("accepted");
        number
    }

    fn raise(&mut self, orders: &[(CustomerNumber, i64)], many: bool) {
        let intake = self.store.intake(self.run, self.now).expect("begun");
        if many {
            intake.expect_many().expect("set");
        }
        for &(number, order) in orders {
            intake.put_order(number, Order(order)).expect("written");
        }
        intake.commit().expect("accepted");
    }

    fn order(&self, name: &str) -> Option<i64> {
        let found = self.store.snapshot().customer(&customer_id(name)).expect("readable").expect("known");
        found.order.map(|order| order.0)
    }

    /// How many stand beside the customers' rows.
    fn newer(&self) -> i64 {
        let sql = "SELECT count(*) FROM newer_order";
        self.store.connection.query_row(sql, [], |row| row.get(0)).expect("counted")
    }
}

#[test]
fn the_highest_order_value_counts_wherever_it_stands() {
    let mut world = World::new();
    let number = world.add("c1", 5);
    assert_eq!((world.order("c1"), world.newer()), (Some(5), 0));
    world.raise(&[(number, 7)], false);
    assert_eq!((world.order("c1"), world.newer()), (Some(7), 1));
    world.raise(&[(number, 9)], true);
    assert_eq!((world.order("c1"), world.newer()), (Some(9), 1));
    world.raise(&[(number, 8)], false);
    assert_eq!(world.order("c1"), Some(9));
}

/// Else what is put in place later would be written twice.
#[test]
fn an_order_value_among_many_newer_ones_is_written_in_place_at_once() {
    let mut world = World::new();
    let number = world.add("c1", 5);
    world.add("c2", 5);
    world.raise(&[(number, 9)], true);
    assert_eq!(world.newer(), 0);
    assert_eq!(["c1", "c2"].map(|name| world.order(name)), [Some(9), Some(5)]);
}

#[test]
fn many_newer_order_values_are_put_in_place() {
    let mut world = World::new();
    let names: Vec<String> = (0..4_100).map(|number| format!("c{number}")).collect();
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let add = |name: &String| {
        intake.add_customer(&customer_id(name), None, ToldFields::default()).expect("written")
    };
    let numbers: Vec<CustomerNumber> = names.iter().map(add).collect();
    intake.commit().expect("accepted");

    let orders: Vec<(CustomerNumber, i64)> = numbers.iter().map(|number| (*number, number.0 + 100)).collect();
    world.raise(&orders[..4_096], false);
    assert_eq!(world.newer(), 4_096);
    world.raise(&[(numbers[0], 1_000), (numbers[4_099], 7)], false);
    assert_eq!(world.newer(), 0);
    for (name, expected) in [(0, Some(1_000)), (1, Some(orders[1].1)), (4_098, None), (4_099, Some(7))] {
        assert_eq!(world.order(&names[name]), expected, "{name}");
    }
}

#[test]
fn an_erased_customer_leaves_no_order_value_to_the_next_of_its_number() {
    let mut world = World::new();
    let number = world.add("c1", 5);
    world.raise(&[(number, 7)], false);
    world.store.forget(&customer_id("c1"), world.now).expect("erased");
    assert_eq!(world.newer(), 0);
    assert_eq!(world.add("c2", 1), number);
    assert_eq!(world.order("c2"), Some(1));
}
