//! Seeding: the input is taken for what the providers hold already, and nothing is sent.

use crate::diff::Rejection;
use crate::domain::account::Account;
use crate::domain::wire::{KeyCell, Projection, WireCell, WireValues};
use crate::store::StoreError;

use super::apply::{Apply, Turn};
use super::claims::{Claim, ClaimedCall};
use super::compare::place_of;

const DISPUTED: &str = "several customers have this account; it was not seeded for any of them";

impl Apply<'_> {
    /// Takes over what a customer's record says, for every provider where it has an account.
    pub(super) fn seed(&mut self, turn: &Turn<'_>) -> Result<(), StoreError> {
        for position in 0..self.ingest.providers.len() {
            self.seed_account(turn, position)?;
        }
        Ok(())
    }

    fn seed_account(&mut self, turn: &Turn<'_>, position: usize) -> Result<(), StoreError> {
        let projection = &turn.prepared.projections[position];
        let provider = self.ingest.providers[position].id();
        let (Some(intake), Some(number)) = (self.intake, turn.number) else { return Ok(()) };
        let (before, standing) = self.snapshot.before(number, provider)?;
        let key = match &projection.key {
            KeyCell::Key(key) => key.clone(),
            KeyCell::Absent => match &before.account {
                Some(account) => account.key.clone(),
                None => return Ok(()),
            },
            KeyCell::Cleared => return Ok(()),
            KeyCell::Invalid => {
                let rejected = Some(Rejection::InvalidKey);
                return self.report(
                    turn,
                    position,
                    &crate::diff::Findings { rejected, ..Default::default() },
                );
            }
        };
        let skipped = invalid_fields(projection);
        self.report(
            turn,
            position,
            &crate::diff::Findings { skipped: skipped.clone(), ..Default::default() },
        )?;
        let owners = self.snapshot.other_owners(provider, &key, Some(number))?;
        let keeper = self.snapshot.keeper(&turn.prepared.customer.id, provider);
        let mut account = before.account.clone().unwrap_or_else(|| Account::new(key.clone()));
        account.acknowledge(&key, &values(projection), &keeper);
        account.fields.retain(|code, _| projection.cells.get(code) != Some(&WireCell::Cleared));
        self.put_account(turn, provider, before.account.as_ref(), &account, &skipped)?;
        if let Some(parked) = &standing {
            intake.close_call(parked)?;
        }
        for (other, is_known) in owners {
            if is_known && !self.is_candidate(other)? {
                let claim = Claim::new(provider, &key, turn.turn, ClaimedCall::Seeded(number));
                return self.withdraw_seed(&claim, number);
            }
        }
        let known = before.account.as_ref().is_some_and(|account| account.known && account.key == key);
        self.claims.add(provider, &key, turn.turn, known, ClaimedCall::Seeded(number));
        Ok(())
    }

    /// Takes a seeded account back: it cannot be told whose it is. The next sync compares its customer again and
    /// holds what it would send.
    pub(super) fn withdraw_seed(&mut self, claim: &Claim, number: i64) -> Result<(), StoreError> {
        let Some(intake) = self.intake else { return Ok(()) };
        let id = self.snapshot.customer_id(number)?;
        let skipped = self.snapshot.skipped(number, claim.provider)?;
        if let Some(account) = self.snapshot.account(number, claim.provider)? {
            intake.put_account(number, claim.provider, &Account::new(account.key), &skipped)?;
        }
        self.forget_record(&id);
        self.outcome.became_invalid += 1;
        let place = place_of(self.seeded[claim.customer as usize], self.sheets);
        self.reject_at(place, id, claim.provider, DISPUTED);
        Ok(())
    }
}

fn values(projection: &Projection) -> WireValues {
    let valid = projection.cells.iter().filter_map(|(&code, cell)| match cell {
        WireCell::Value(value) => Some((code, value.clone())),
        WireCell::Cleared | WireCell::Invalid => None,
    });
    valid.collect()
}

fn invalid_fields(projection: &Projection) -> Vec<crate::domain::wire::FieldCode> {
    projection.cells.iter().filter(|(_, cell)| **cell == WireCell::Invalid).map(|(&code, _)| code).collect()
}
