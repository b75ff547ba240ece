//! A first fill writes in blocks what later inputs write row by row.

use super::*;

/// Every row of the accounts and the calls after an input with so many new customers; some calls are held.
fn filled(customers: u32, in_blocks: bool) -> Vec<String> {
    let mut world = World::new();
    let intake = world.store.intake(world.run, world.now).expect("begun");
    if in_blocks {
        intake.gather_blocks().expect("nobody has an account");
    }
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
    let dump = |table: &str| {
        let mut statement =
            world.store.connection.prepare(&format!("SELECT * FROM {table}")).expect("a table");
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at)).collect::<Result<Vec<_>, _>>()
        });
        rows.expect("rows").map(|row| format!("{:?}", row.expect("readable"))).collect::<Vec<_>>()
    };
    let calls = dump("call");
    for (id, call) in ids.iter().zip(&calls) {
        assert!(call.starts_with(&format!("[Integer({}),", id.0)), "{id:?}");
    }
    [dump("customer"), dump("account"), calls].concat()
}

#[test]
fn what_is_written_in_blocks_is_what_is_written_row_by_row() {
    for customers in [0, 1, 15, 75, 400, 1_000] {
        let rows = filled(customers, true);
        assert_eq!(rows.len(), 5 * customers as usize);
        assert_eq!(rows, filled(customers, false), "{customers}");
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
    assert!(intake.put_account(77, WSONE, account).is_err(), "nobody has this number");
}
