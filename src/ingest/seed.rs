//! Seeding: the input is taken for what the providers hold already, and nothing is sent.

use crate::diff::{Findings, Rejection};
use crate::domain::account::Account;
use crate::domain::customer::CustomerId;
use crate::domain::provider::ProviderId;
use crate::domain::wire::{FieldCode, KeyCell, Projection, ProviderKey, WireCell};
use crate::store::{KnownAt, OtherKey, PackedAccount, StandingCall, StoreError};

use super::IngestError;
use super::apply::{Apply, Turn};
use super::claims::{AccountMark, Claim, ClaimedCall, Right};
use super::judge::{Decided, Judge, invalid_key};

const DISPUTED: &str = "several customers have this account; it was not seeded for any of them";

/// What a provider is taken to hold of a customer.
pub(super) struct Seed {
    taken: Taken,
    /// Which part of the key is not valid, or that all are, where that is news.
    turned_away: Option<Option<FieldCode>>,
}

enum Taken {
    /// Nothing: the customer has no account there.
    Nothing,
    /// The key is none.
    InvalidKey,
    Account(Box<SeedAccount>),
}

/// An account that a provider is taken to hold.
struct SeedAccount {
    key: ProviderKey,
    mark: AccountMark,
    standing: Option<StandingCall>,
    skipped: Vec<FieldCode>,
    packed: PackedAccount,
    /// Is it what stands in the state.
    stands: bool,
    /// Was the provider known to have it.
    known: bool,
    /// The key that the provider was known to have the customer under.
    given_up: Option<ProviderKey>,
    /// What was remembered of a record that named another key is settled.
    settles: bool,
}

impl Seed {
    /// Does anybody have to be told of what was not taken over.
    pub(super) fn is_told(&self) -> bool {
        match &self.taken {
            Taken::Nothing => false,
            Taken::InvalidKey => true,
            Taken::Account(account) => !account.skipped.is_empty(),
        }
    }
}

impl Judge<'_> {
    /// What each provider is taken to hold.
    pub(super) fn seeds(
        &self,
        id: &CustomerId,
        projections: &[Projection],
        known: Vec<KnownAt>,
    ) -> Vec<Seed> {
        let mut known = known.into_iter();
        let seeds = self.providers.iter().zip(projections).map(|(provider, projection)| {
            let known = known.next().unwrap_or_default();
            let before = known.turned_away;
            let taken = self.take(id, provider.id(), projection, known);
            let invalid = invalid_key(&projection.key, matches!(taken, Taken::Account(_)), before);
            Seed { taken, turned_away: (invalid != before).then_some(invalid) }
        });
        seeds.collect()
    }

    /// What a provider is taken to hold.
    fn take(&self, id: &CustomerId, provider: ProviderId, projection: &Projection, known: KnownAt) -> Taken {
        let KnownAt { before, call: standing, skipped: skipped_before, named, .. } = known;
        let key = match (&projection.key, &before.account) {
            (KeyCell::Key(key), _) => key.clone(),
            (KeyCell::Absent, Some(account)) => account.key.clone(),
            (KeyCell::InPart { ending, .. }, Some(account)) if account.key.ends_with(ending) => {
                account.key.clone()
            }
            (KeyCell::Absent, None) | (KeyCell::Cleared, _) => return Taken::Nothing,
            (KeyCell::Invalid(_) | KeyCell::InPart { .. }, _) => return Taken::InvalidKey,
        };
        let mut keeper = self.keeping.of(id, provider);
        let skipped = invalid_fields(projection);
        let mark = AccountMark::of(provider, &key);
        let account = match before.account {
            None => {
                let packed =
                    PackedAccount::acknowledged(key.clone(), values(projection), &mut keeper, &skipped);
                let (given_up, settles) = (None, false);
                let (stands, known) = (false, false);
                SeedAccount { key, mark, standing, skipped, packed, stands, known, given_up, settles }
            }
            Some(before) => {
                let mut account = before.clone();
                account.acknowledge_each(&key, values(projection), &mut keeper);
                let is_empty = |code: &FieldCode| {
                    matches!(projection.cells.get(code), Some(WireCell::Cleared | WireCell::Vacant))
                };
                account.fields.retain(|code, _| !is_empty(code));
                let packed = PackedAccount::of(&account, &skipped);
                let stands = before == account && skipped_before == skipped;
                let known = before.known && before.key == key;
                let given_up = (before.known && before.key != key).then_some(before.key);
                let settles = named.is_some() && matches!(projection.key, KeyCell::Key(_));
                SeedAccount { key, mark, standing, skipped, packed, stands, known, given_up, settles }
            }
        };
        Taken::Account(Box::new(account))
    }
}

impl Apply<'_> {
    /// Takes over what a customer's record says, for every provider where it has an account.
    pub(super) fn seed(
        &mut self,
        Decided { ready, projections, seeds, .. }: &mut Decided,
    ) -> Result<(), IngestError> {
        let mut turn = self.next_turn(ready, projections);
        turn.number = self.put_customer(&turn)?;
        self.put_mark(&turn, false);
        self.seeded.push(turn.candidate.first().file_and_line());
        for (position, seed) in seeds.drain(..).enumerate() {
            self.seed_account(&turn, position, seed.taken)?;
            if let (Some(intake), Some(number), Some(part)) = (self.intake, turn.number, seed.turned_away) {
                intake.put_turned_away(number, self.ingest.providers[position].id(), part)?;
            }
        }
        Ok(())
    }

    fn seed_account(&mut self, turn: &Turn<'_>, position: usize, taken: Taken) -> Result<(), StoreError> {
        let (Some(intake), Some(number)) = (self.intake, turn.number) else { return Ok(()) };
        let SeedAccount { key, mark, standing, skipped, packed, stands, known, given_up, settles } =
            match taken {
                Taken::Nothing => return Ok(()),
                Taken::InvalidKey => {
                    let rejected = Some(Rejection::InvalidKey);
                    return self.report(turn, position, &Findings { rejected, ..Findings::default() });
                }
                Taken::Account(account) => *account,
            };
        let provider = self.ingest.providers[position].id();
        self.report(turn, position, &Findings { skipped: skipped.clone(), ..Findings::default() })?;
        let owners = self.other_owners(provider, &key, Some(number))?;
        if !stands {
            intake.put_account(number, provider, packed)?;
        }
        if let Some(key) = given_up {
            // Who had this key exists under it still.
            intake.put_other_key(OtherKey { customer: number, known: true }, provider, &key)?;
        }
        if settles {
            intake.put_named(number, provider, None)?;
        }
        if let Some(parked) = standing {
            intake.close_call(&parked)?;
        }
        let claim = Claim { customer: turn.turn, provider, call: ClaimedCall::Seeded(number) };
        for (other, is_known) in owners {
            if is_known && !self.is_candidate(other)? {
                return self.withdraw_seed(&claim, number);
            }
        }
        self.claims.add(claim, mark, if known { Right::Owned } else { Right::Claimed });
        Ok(())
    }

    /// Takes a seeded account back: it cannot be told whose it is. The next sync compares its customer again and
    /// holds what it would send.
    pub(super) fn withdraw_seed(&mut self, claim: &Claim, number: i64) -> Result<(), StoreError> {
        let Some(intake) = self.intake else { return Ok(()) };
        let id = self.snapshot.customer_id(number)?;
        let skipped = self.snapshot.skipped(number, claim.provider)?;
        if let Some(account) = self.snapshot.account(number, claim.provider)? {
            let unknown = Account::new(account.key);
            intake.put_account(number, claim.provider, PackedAccount::of(&unknown, &skipped))?;
        }
        self.forget_record(&id);
        self.outcome.became_invalid += 1;
        let (file, line) = self.seeded[claim.customer as usize];
        let place = self.sheets[usize::from(file)].place(line.into());
        self.reject_at(place, id, claim.provider, DISPUTED);
        Ok(())
    }
}

fn values(projection: &Projection) -> impl Iterator<Item = (FieldCode, &str)> {
    projection.cells.iter().filter_map(|(&code, cell)| match cell {
        WireCell::Value(value) => Some((code, value.as_str())),
        WireCell::Cleared | WireCell::Vacant | WireCell::Invalid => None,
    })
}

fn invalid_fields(projection: &Projection) -> Vec<FieldCode> {
    projection.cells.iter().filter(|(_, cell)| **cell == WireCell::Invalid).map(|(&code, _)| code).collect()
}
