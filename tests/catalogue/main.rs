//! The project's own catalogue of difficult input, each case with its verdict: a file refused, a row invalid at its
//! line with its reason, a value understood or refused. No case panics, and none takes more than 64 MiB.

mod files;
mod memory;
mod values;

#[test]
fn every_case_ends_as_its_table_says() {
    files::check();
    values::check();
    assert!(files::FILES.len() + values::VALUES.len() >= 120, "the catalogue shrank");
}
