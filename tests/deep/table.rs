//! The table of `make deep`: each campaign enters a row, and `tests/deep/run` prints them when all have been fought.

use std::path::Path;

/// What was found of one fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Rows are printed in this order.
    pub(crate) place: usize,
    /// What was done to the program.
    pub(crate) fault: &'static str,
    /// How often.
    pub(crate) tries: usize,
    /// What was accepted or acknowledged and is not there.
    pub(crate) lost: usize,
    /// Persons that were made twice.
    pub(crate) doubled: usize,
    /// Values that are not what the CRM said last, and whatever else must not be.
    pub(crate) wrong: usize,
    /// A deliberate mistake, that has to be seen.
    pub(crate) is_control: bool,
}

impl Row {
    /// A promise that held each time: the test that says so has checked it before.
    pub(crate) fn kept(place: usize, fault: &'static str, tries: usize) -> Self {
        Self { place, fault, tries, lost: 0, doubled: 0, wrong: 0, is_control: false }
    }

    /// Enters the row when the whole campaign was fought, not a share of it.
    pub(crate) fn enter(&self) {
        if std::env::var_os("CRMSYNC_DEEP").is_none() {
            return;
        }
        let Self { place, fault, tries, lost, doubled, wrong, is_control } = self;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("deep");
        std::fs::create_dir_all(&folder).expect("a folder for the rows");
        let kind = if *is_control { "control" } else { "promise" };
        let text = format!("{kind}\t{fault}\t{tries}\t{lost}\t{doubled}\t{wrong}\n");
        std::fs::write(folder.join(format!("{place:03}.tsv")), text).expect("a row");
    }
}
