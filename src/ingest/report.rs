//! Telling what a provider does not get of a customer: fields left out, customers turned away.

use std::sync::Arc;

use crate::diff::{Findings, Rejection};
use crate::domain::customer::CustomerId;
use crate::domain::defect::Place;
use crate::domain::field::Field;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;
use crate::domain::standing::TurnedAway;
use crate::domain::wire::{FieldCode, KeyCell, WireCell};
use crate::store::StoreError;

use super::apply::{Apply, Turn};
use super::news::sources;
use super::rejects::IngestReject;

/// The canonical fields that keys of accounts are made of.
const KEYS: [Field; 4] =
    [Field::PersonIdentifier, Field::PersonIdentifierType, Field::WalletId, Field::SafedebitReference];
/// Why an object did not go; `_column` names the object.
const INCOMPLETE: &str = "not sent: the provider may replace this object whole, and the row does not hold all of it; send a complete row, \
     or set values = \"clear\"";
/// Why a field did not go; `_column` names it.
const IN_PART: &str = "not sent: it needs several columns (a street all of its parts, a national number its country), and the row \
     lacks one that an earlier file has; send a row with all of them";
/// Why no part of a value went; `_column` names the part that stands in the way.
const STUCK: &str = "the new value has no such part, and what the provider holds there cannot be taken away: nothing of the value was \
     sent; set on_cleared = \"send_empty\", or correct it at the provider";
/// Why a part of something did not go; `_column` names it.
const TORN: &str = "not sent: another part of the same address, document or number cannot go, and the provider would hold old and new \
     parts of it; it goes with that part";
/// Why a field did not go; `_column` names it.
const LEFT_BEHIND: &str = "not sent: an earlier record that was turned away whole had it, and this one, which is taken, does not say it; \
     send a row that does";
const CLEARED: &str = "not sent at all: a value was cleared and on_cleared = \"reject\"";
const NOT_VALID: &str = "is not valid for this provider";

/// Where a defect stands, in which column, what it is, and which fields it is of, so that their row is shown.
type Found = (Place, Option<Arc<str>>, &'static str, Vec<Field>);

impl Apply<'_> {
    /// Reports what was left out, and counts what was not left out before.
    pub(super) fn report(
        &mut self,
        turn: &Turn<'_>,
        position: usize,
        findings: &Findings,
    ) -> Result<(), StoreError> {
        let provider = &*self.ingest.providers[position];
        let invalid_before = self.outcome.became_invalid;
        if !findings.skipped.is_empty() || findings.unsent() > 0 {
            let before = match turn.number {
                Some(number) => self.snapshot.skipped(number, provider.id())?,
                None => Vec::new(),
            };
            let news = findings.kept_back().filter(|code| !before.contains(code)).count();
            self.outcome.became_invalid += news as u64;
            let mut told: Vec<Found> = Vec::new();
            for &code in &findings.skipped {
                self.outcome.became_invalid += u64::from(!before.contains(&code));
                let found = self.skipped_field(turn, position, code);
                // One value can fill several wire fields; whoever mends the file has one thing to mend.
                if !told.contains(&found) {
                    told.push(found.clone());
                    self.reject(turn, provider.id(), found);
                }
            }
        }
        if let Some(rejection) = findings.rejected {
            let found = self.rejection(turn, position, rejection, findings);
            self.reject(turn, provider.id(), found);
            let told = match rejection {
                // One that is news was counted as a field above.
                Rejection::InvalidValue => self.outcome.became_invalid > invalid_before,
                Rejection::InvalidKey => match &turn.projections[position].key {
                    KeyCell::Invalid(part) | KeyCell::InPart { lacks: part, .. } => {
                        let before =
                            turn.number.map(|number| self.snapshot.turned_away(number)).transpose()?;
                        let now = (provider.id(), TurnedAway::Invalid(*part));
                        before.is_some_and(|before| before.contains(&now))
                    }
                    KeyCell::Key(_) | KeyCell::Absent | KeyCell::Cleared => false,
                },
                // The record may say something new, and no listing shows what.
                Rejection::ClearedValue | Rejection::OtherKey | Rejection::UnsettledKey => false,
            };
            self.outcome.became_invalid += u64::from(!told);
        }
        for incomplete in &findings.incomplete {
            self.reject(turn, provider.id(), of_customer(turn, Some(incomplete.object.into()), INCOMPLETE));
        }
        for (codes, reason) in [
            (&findings.in_part, IN_PART),
            (&findings.stuck, STUCK),
            (&findings.torn, TORN),
            (&findings.left_behind, LEFT_BEHIND),
        ] {
            for name in codes.iter().filter_map(|&code| Some(provider.field(code)?.name)) {
                self.reject(turn, provider.id(), of_customer(turn, Some(name.into()), reason));
            }
        }
        Ok(())
    }

    fn reject(&mut self, turn: &Turn<'_>, provider: ProviderId, found: Found) {
        let id = turn.prepared.customer.id.clone();
        let (place, column, reason, fields) = found;
        let (file, row) = turn.prepared.row_of(&fields);
        let shown = self.sheets[usize::from(file)].raw_cells(row);
        self.push((place, column, reason), id, provider, shown);
    }

    /// Reports a customer that a provider does not get at all.
    pub(super) fn reject_at(
        &mut self,
        place: Place,
        id: CustomerId,
        provider: ProviderId,
        reason: &'static str,
    ) {
        self.push((place, None, reason), id, provider, (Arc::from([]), Vec::new()));
    }

    fn push(
        &mut self,
        (place, column, reason): (Place, Option<Arc<str>>, &'static str),
        id: CustomerId,
        provider: ProviderId,
        (names, cells): (Arc<[String]>, Vec<String>),
    ) {
        let reject = IngestReject {
            place,
            customer_id: Some(id),
            provider: Some(provider),
            column,
            reason: reason.into(),
            names,
            whole: false,
            cells: Redacted::new(cells),
        };
        let reject = reject.within(&mut self.outcome.room);
        self.outcome.rejects.push(reject);
    }

    /// Why a field was left out: the provider's reason, else that of the mapping.
    fn skipped_field(&self, turn: &Turn<'_>, position: usize, code: FieldCode) -> Found {
        let provider = &*self.ingest.providers[position];
        let defect = turn.projections[position].defects.iter().find(|defect| defect.field == code);
        match defect {
            Some(defect) => self.of_fields(turn, &[defect.source], defect.reason),
            None => self.mapping_defect(turn, &sources(provider, code).collect::<Vec<_>>(), NOT_VALID),
        }
    }

    fn rejection(
        &self,
        turn: &Turn<'_>,
        position: usize,
        rejection: Rejection,
        findings: &Findings,
    ) -> Found {
        let provider = &*self.ingest.providers[position];
        let reason = match rejection {
            Rejection::InvalidKey => {
                let of_provider = |key: &Field| provider.fields().iter().any(|f| f.sources.contains(key));
                let keys: Vec<Field> = KEYS.into_iter().filter(of_provider).collect();
                let defects = &turn.projections[position].defects;
                if let Some(defect) = defects.iter().find(|defect| keys.contains(&defect.source)) {
                    return self.of_fields(turn, &[defect.source], defect.reason);
                }
                return self.mapping_defect(turn, &keys, "the key of the account is not valid");
            }
            Rejection::InvalidValue => {
                "not sent at all: a value is not valid and on_invalid = \"reject_customer\""
            }
            Rejection::ClearedValue => {
                let cells = &turn.projections[position].cells;
                let is_cleared = |code: &&FieldCode| cells.get(*code) == Some(&WireCell::Cleared);
                let cleared = findings.cleared.iter().find(is_cleared);
                let sources: Vec<Field> =
                    cleared.into_iter().flat_map(|code| sources(provider, *code)).collect();
                return self.of_fields(turn, &sources, CLEARED);
            }
            Rejection::OtherKey => {
                "not sent at all: the last file with the key named another account, or none; send the key along"
            }
            Rejection::UnsettledKey => {
                "the key changed while a call under the old one is not settled; it is compared again next time"
            }
        };
        of_customer(turn, None, reason)
    }

    fn mapping_defect(&self, turn: &Turn<'_>, fields: &[Field], otherwise: &'static str) -> Found {
        // In the order of the fields: it is the first that a value is made of before others.
        let defect = fields.iter().find_map(|field| {
            turn.prepared
                .defects
                .iter()
                .find(|(_, defect)| [defect.field, defect.field.whole()].contains(field))
        });
        match defect {
            Some((place, defect)) => {
                (place.clone(), Some(defect.column.clone()), defect.reason.0, vec![defect.field])
            }
            None => self.of_fields(turn, fields, otherwise),
        }
    }

    /// Something about the cells of these fields: where the first one stands.
    fn of_fields(&self, turn: &Turn<'_>, fields: &[Field], reason: &'static str) -> Found {
        let (file, row) = turn.prepared.row_of(fields);
        let sheet = &self.sheets[usize::from(file)];
        let column = fields.iter().find_map(|field| sheet.column(*field));
        (sheet.place(row.span().line), column, reason, fields.to_vec())
    }
}

/// Something about the customer as a whole.
fn of_customer(turn: &Turn<'_>, column: Option<Arc<str>>, reason: &'static str) -> Found {
    (turn.prepared.place.clone(), column, reason, Vec::new())
}
