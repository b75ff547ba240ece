//! A first fill writes in blocks what later inputs write row by row.

use super::*;

/// What waits for each other.
#[derive(Debug, Clone, Copy)]
enum Gathered {
    Nothing,
    CallsAndOrders,
    Everything,
}

fn begun(world: &mut World, gathered: Gathered) -> Intake<'_> {
    let intake = world.store.intake(world.run, world.now).expect("begun");
    match gathered {
        Gathered::Nothing => {}
        Gathered::CallsAndOrders => intake.gather_blocks(false).expect("begun"),
        Gathered::Everything => intake.gather_blocks(true).expect("nobody has an account"),
    }
    intake
}

/// The rows of a table.
fn dump(world: &World, table: &str) -> Vec<String> {
    let mut statement = world.store.connection.prepare(&format!("SELECT * FROM {table}")).expect("a table");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at)).collect::<Result<Vec<_>, _>>()
    });
    rows.expect("rows").map(|row| format!("{:?}", row.expect("readable"))).collect()
}

/// Every row of the accounts and the calls after an input with so many new customers; some calls are held.
fn filled(customers: u32, gathered: Gathered) -> Vec<String> {
    let mut world = World::new();
    let intake = begun(&mut world, gathered);
    let mut ids = Vec::new();
    for number in 0..customers {
        let customer = intake
            .add_customer(&customer_id(&format!("c{number}")), None, ToldFields::default())
            .expect("written");
        for provider in [WSONE, ProviderId::Lemonway] {
            let account = Account::new(ProviderKey(format!("{number}").into()));
            let skipped: Vec<FieldCode> = (0..number % 3).map(FieldCode).collect();
            let packed = PackedAccount::of(&account, &skipped);
            intake.put_account(customer, provider, packed).expect("written");
            let call = NewCall {
                customer,
                provider,
                operation: if number % 2 == 0 { Operation::Create } else { Operation::Update },
                payload: PackedPayload::of(&payload(&format!("value {number}"))),
                hold: (number % 500 == 9).then_some(HoldReason::KeyChanged),
                withdrawal: number % 5 == 0,
            };
            ids.push(intake.put_call(call, None).expect("written"));
        }
    }
    intake.commit().expect("accepted");
    let calls = dump(&world, "call");
    for (id, call) in ids.iter().zip(&calls) {
        assert!(call.starts_with(&format!("[Integer({}),", id.0)), "{id:?}");
    }
    [dump(&world, "customer"), dump(&world, "account"), calls].concat()
}

#[test]
fn what_is_written_in_blocks_is_what_is_written_row_by_row() {
    for customers in [0, 1, 15, 75, 400, 1_000] {
        let rows = filled(customers, Gathered::Nothing);
        assert_eq!(rows.len(), 5 * customers as usize);
        for gathered in [Gathered::CallsAndOrders, Gathered::Everything] {
            assert_eq!(rows, filled(customers, gathered), "{customers} {gathered:?}");
        }
    }
}

/// The rows after an input with newer values of known customers, some of whom have a call that waits.
fn changed(customers: u32, gathered: Gathered) -> Vec<String> {
    let mut world = World::new();
    for number in 1..=customers {
        world.queue(&format!("c{number}"), Operation::Update, false);
    }
    for call in world.lease(customers as usize / 2) {
        world.settle(&call, Happening::Accepted).expect("settled");
    }
    let standing = |number| world.store.snapshot().standing(number, WSONE).expect("readable");
    let numbers = (1..=i64::from(customers)).map(CustomerNumber);
    let standing: Vec<_> = numbers.clone().map(standing).collect();
    let intake = begun(&mut world, gathered);
    for (customer, standing) in numbers.zip(&standing) {
        intake.put_order(customer, Order(customer.0 * 7)).expect("written");
        let call = NewCall {
            customer,
            provider: WSONE,
            operation: Operation::Update,
            payload: PackedPayload::of(&payload(&format!("value {customer}"))),
            hold: (customer.0 % 7 == 1).then_some(HoldReason::KeyChanged),
            withdrawal: false,
        };
        let id = intake.put_call(call, standing.as_ref()).expect("written");
        assert_eq!(id, CallId(i64::from(customers) + customer.0));
    }
    intake.commit().expect("accepted");
    [dump(&world, "newer_order"), dump(&world, "call")].concat()
}

#[test]
fn newer_values_are_written_in_blocks_beside_those_that_take_the_place_of_others() {
    for customers in [1, 50, 400] {
        let rows = changed(customers, Gathered::Nothing);
        assert_eq!(rows.len(), 3 * customers as usize);
        assert_eq!(rows, changed(customers, Gathered::CallsAndOrders), "{customers}");
    }
}

#[test]
fn accounts_and_calls_are_asked_for_their_customer_but_in_a_first_fill() {
    let mut world = World::new();
    let asked = |world: &World| -> bool {
        world.store.connection.pragma_query_value(None, "foreign_keys", |row| row.get(0)).expect("readable")
    };
    assert!(asked(&world));
    drop(world.store.intake(world.run, world.now).expect("begun"));
    assert!(asked(&world), "after a fill that was given up");
    let intake = world.store.intake(world.run, world.now).expect("begun");
    intake.add_customer(&customer_id("c1"), None, ToldFields::default()).expect("written");
    intake.commit().expect("accepted");
    assert!(asked(&world), "after a fill");
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let account = PackedAccount::of(&Account::new(ProviderKey("k".into())), &[]);
    assert!(intake.put_account(CustomerNumber(77), WSONE, account).is_err(), "nobody has this number");
}
