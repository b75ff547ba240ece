//! The fields that a file without a header says something about: its records tell, by the names of their members.
//!
//! Most records have the names of those before them, and are left where they lie. As a rule the first ones tell of all fields that
//! are asked for; else the whole file is gone through once more, which takes three times as long as the first pass.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::domain::field::FieldSet;
use crate::reader::{Block, Found, Passed, Row, Scan, Scanned};

use super::index::read_on;
use super::sheet::Sheet;
use super::{Ingest, IngestError};

/// What the records of a block tell.
#[derive(Default)]
struct Told {
    fields: FieldSet,
    names: HashSet<String>,
    /// Rows and bad rows.
    records: u64,
}

/// Of which of these fields any record of a file says something.
pub(super) fn told_by_records(
    ingest: &Ingest<'_>,
    sheet: &Sheet<'_>,
    wanted: FieldSet,
) -> Result<FieldSet, IngestError> {
    let mut scan = sheet.file.scan()?;
    let (mut spare, mut told) = (Vec::new(), Told::default());
    while !(wanted - told.fields).is_empty() {
        ingest.go_on()?;
        let blocks = read_on(&mut scan, &mut spare)?;
        if blocks.is_empty() && told.next_record(sheet, &mut scan)?.is_none() {
            break;
        }
        let before = &told;
        let looked: Vec<_> = blocks.par_iter().map(|block| before.block(sheet, block)).collect();
        for (block, (found, passed)) in blocks.into_iter().zip(looked) {
            let Passed::Whole { lines } = passed else {
                // Those behind it count for nothing.
                scan.back_to(&block);
                while told.next_record(sheet, &mut scan)?.is_some_and(|end| end < block.end()) {}
                break;
            };
            told.fields |= found.fields;
            told.names.extend(found.names);
            spare.push(scan.passed(block, found.records, lines));
        }
    }
    // How far it was read says nothing of others.
    Ok(told.fields & wanted)
}

impl Told {
    /// What a block tells beyond this, and how the pass over it went.
    fn block(&self, sheet: &Sheet<'_>, block: &Block<'_>) -> (Self, Passed) {
        let mut found = Self::default();
        let passed = block.records(|record| {
            found.records += 1;
            match record {
                Found::Line(line) => {
                    let is_new = |name: &str| !self.names.contains(name) && !found.names.contains(name);
                    if sheet.has_paths() || line.names().any(is_new) {
                        found.names.extend(line.names().map(str::to_owned));
                        found.row(sheet, &line.to_row());
                    }
                }
                Found::Scanned(Scanned::Row(row), _) => found.row(sheet, &row),
                Found::Scanned(Scanned::Bad(_), _) => {}
            }
        });
        (found, passed)
    }

    fn row(&mut self, sheet: &Sheet<'_>, row: &Row) {
        self.fields |= sheet.named(row);
    }

    /// Looks at one record by itself; gives where it ends, or nothing behind the last one.
    fn next_record(&mut self, sheet: &Sheet<'_>, scan: &mut Scan<'_>) -> Result<Option<u64>, IngestError> {
        let Some(scanned) = scan.next().transpose()? else { return Ok(None) };
        if let Scanned::Row(row) = &scanned {
            self.row(sheet, row);
        }
        let span = scanned.span();
        Ok(Some(span.offset + u64::from(span.bytes)))
    }
}
