//! Inputs that were not accepted.

use super::*;

#[test]
fn an_input_that_was_not_accepted_is_missing_however_many_partial_ones_came_since() {
    let mut world = World::new();
    let mut input = |name: usize, files: &str, is_accepted: bool| {
        let input = RunInput {
            files: vec![files.to_owned()],
            arguments: Vec::new(),
            is_complete: false,
            is_dismissed: false,
        };
        let run = world.store.start_run(&format!("delta-{name}"), "sync", Some(&input), NOON).expect("a run");
        if is_accepted {
            let sql = "UPDATE run SET input_time = 7 WHERE number = ?1";
            world.store.connection.execute(sql, [run.0]).expect("written");
        }
    };
    input(0, "refused.csv", false);
    (1..=500).for_each(|number| input(number, &format!("{number}.csv"), true));
    let missing = world.store.unaccepted(None).expect("readable");
    assert_eq!(missing.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["delta-0"]);
}
