//! In how many of the calls of an input each wire field is.
//!
//! Most calls carry the same fields as others: counted are lists of them first, and only then what stands in each.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::diff::Action;
use crate::domain::call::Operation;
use crate::domain::provider::ProviderId;
use crate::domain::wire::FieldCode;

use super::apply::Apply;
use super::judge::{Decided, Judge};

/// How many calls carry a field.
pub(super) type FieldCounts = BTreeMap<(ProviderId, Operation, FieldCode), u64>;

impl Judge<'_> {
    /// Counts the fields of the calls that were decided on.
    pub(super) fn count_fields(&self, decided: &[Decided]) -> FieldCounts {
        let mut lists: FxHashMap<(ProviderId, Operation, &[FieldCode]), u64> = FxHashMap::default();
        for decided in decided {
            for (provider, judged) in self.providers.iter().zip(&decided.judged) {
                if let Action::Call { operation, .. } = &judged.decision.action {
                    *lists.entry((provider.id(), *operation, &judged.codes)).or_default() += 1;
                }
            }
        }
        let mut counts = FieldCounts::new();
        for ((provider, operation, codes), count) in lists {
            for &code in codes {
                *counts.entry((provider, operation, code)).or_default() += count;
            }
        }
        counts
    }
}

impl Apply<'_> {
    /// Adds the counts of a batch.
    pub(super) fn count_fields(&mut self, counts: FieldCounts) {
        for (field, count) in counts {
            *self.fields.entry(field).or_default() += count;
        }
    }

    /// A call that was counted as a create goes as an update.
    pub(super) fn count_as_update(&mut self, provider: ProviderId, codes: &[FieldCode]) {
        for &code in codes {
            if let Some(count) = self.fields.get_mut(&(provider, Operation::Create, code)) {
                *count -= 1;
            }
            *self.fields.entry((provider, Operation::Update, code)).or_default() += 1;
        }
        self.fields.retain(|_, count| *count > 0);
    }

    /// The counts of the fields, under their names for people.
    pub(super) fn name_fields(&mut self) {
        for ((id, operation, code), count) in std::mem::take(&mut self.fields) {
            let provider = self.ingest.providers.iter().find(|provider| provider.id() == id);
            let name = provider
                .and_then(|provider| provider.field(code))
                .map_or("unknown field", |field| field.name);
            *self.outcome.fields.entry((id, operation, name.to_owned())).or_default() += count;
        }
    }
}
