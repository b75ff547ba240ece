//! What became of an input.

use std::collections::BTreeMap;

use crate::domain::call::Operation;
use crate::domain::field::{Field, FieldSet};
use crate::domain::provider::ProviderId;
use crate::domain::tally::{InputTally, ProviderTally};
use crate::store::Layout;

use super::differences::Difference;
use super::guard::Tripped;
use super::lacking::Lacking;
use super::rejects::{CellsRoom, IngestReject};
use super::sheet::Sheet;
use super::{Ingest, Read};

/// What became of an input, or would become of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was read. Complete: its sums hold.
    pub input: InputTally,
    /// For each provider what ingest knows: `planned`, `superseded`, `cleared_fields`, `incomplete`.
    pub providers: BTreeMap<ProviderId, ProviderTally>,
    /// In how many of the calls created each wire field is.
    pub fields: BTreeMap<(ProviderId, Operation, String), u64>,
    /// For how many known customers each canonical field changed or was cleared.
    pub changed_fields: BTreeMap<Field, u64>,
    /// Calls that this input put on hold, created by it or before.
    pub held: BTreeMap<ProviderId, u64>,
    /// Open calls that this input ended because it gave their accounts to other customers; a plan does not know them.
    pub ended: BTreeMap<ProviderId, u64>,
    /// Calls that keep their place and carry newer values.
    pub replaced: u64,
    /// Calls that were held before and that this input superseded.
    pub superseded_held: BTreeMap<ProviderId, u64>,
    /// Invalid rows, fields invalid since this input, customers that a provider did not get: more than none is
    /// exit code 3.
    pub became_invalid: u64,
    /// What did not get through.
    pub rejects: Vec<IngestReject>,
    /// What the raw cells in `rejects` take.
    pub(super) room: CellsRoom,
    /// Old and new values; only a plan has some, where the state keeps values in clear.
    pub differences: Vec<Difference>,
    /// How many others there are.
    pub differences_left_out: u64,
    /// The fields that the input says something about.
    pub(super) told: FieldSet,
    /// The layouts of its files, where it is complete.
    pub(super) layouts: Vec<Layout>,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// The guard that would stop a sync of the same input; only a plan has one.
    pub tripped: Option<Tripped>,
    /// Why a sync would refuse the same input as older than one accepted before; only a plan has that.
    pub older: Option<String>,
}

/// Says which fields of earlier ones a complete input has lost. Of what order values are of, the file itself tells.
fn lost(lacking: &Lacking) -> Option<String> {
    let names = names(lacking.lost.iter());
    (!names.is_empty()).then(|| {
        format!(
            "no file has a column for {names}, which earlier files have: what it says, and what needs it, is left as it is; add \
             the column, name it in [columns] if it has another name now, or send everything with --full-resync if the CRM has \
             it no more",
        )
    })
}

/// Says which columns a file has no more that others have: its customers are not those of the others.
fn lost_by_file(read: &Read<'_>, lacking: &Lacking) -> Vec<String> {
    let of_file = |(sheet, file): (&Sheet<'_>, u16)| {
        let names = names(lacking.beside_others(file));
        (!names.is_empty()).then(|| {
            format!(
                "{}: it has no column for {names}, which another file has, and which its customers had in earlier files: of those \
                 who are in this file alone they stay as they are, with whatever needs them",
                sheet.file.name()
            )
        })
    };
    read.sheets.iter().zip(0..).filter_map(of_file).collect()
}

/// The names of fields that are of customers, for a sentence.
fn names(fields: impl Iterator<Item = Field>) -> String {
    let named = fields.filter(|field| *field != Field::UpdatedAt).map(|field| field.name().into_owned());
    named.collect::<Vec<_>>().join(", ")
}

impl Outcome {
    pub(super) fn of(
        ingest: &Ingest<'_>,
        read: &mut Read<'_>,
        input: InputTally,
        lacking: &Lacking,
        alike: Option<String>,
    ) -> Self {
        let warnings = read.sheets.iter().zip(0..).flat_map(|(sheet, file)| sheet.warnings(lacking.of(file)));
        let lost = lost_by_file(read, lacking).into_iter().chain(lost(lacking));
        Self {
            input,
            told: read.columns(),
            layouts: lacking.layouts.clone(),
            providers: ingest.providers.iter().map(|p| (p.id(), ProviderTally::default())).collect(),
            became_invalid: read.index.invalid.len() as u64,
            warnings: warnings.chain(lost).chain(alike).collect(),
            room: read.index.room,
            rejects: std::mem::take(&mut read.index.invalid),
            ..Self::default()
        }
    }

    /// What a guard leaves of it: what was read, and nothing of what would have been sent.
    pub(super) fn stopped(&mut self) -> Self {
        let Self { input, rejects, warnings, .. } = std::mem::take(self);
        Self { input, rejects, warnings, ..Self::default() }
    }

    pub(super) fn tally(&mut self, provider: ProviderId) -> &mut ProviderTally {
        self.providers.entry(provider).or_default()
    }

    /// The changed fields under their canonical names.
    #[must_use]
    pub fn changes_by_name(&self) -> BTreeMap<String, u64> {
        self.changed_fields.iter().map(|(field, count)| (field.name().into_owned(), *count)).collect()
    }

    /// Would a sync of the same input create or change any call.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.replaced > 0 || self.providers.values().any(|tally| tally.planned.total() + tally.superseded > 0)
    }
}
