//! Seeding: the input is taken for what the providers hold already, and nothing is sent.

use crate::diff::{self, Findings, Rejection};
use crate::domain::account::Account;
use crate::domain::customer::{CustomerId, CustomerNumber};
use crate::domain::standing::{Named, Standing, TurnedAway};
use crate::domain::wire::{FieldCode, KeyCell, Projection, ProviderKey, WireCell};
use crate::providers::Provider;
use crate::store::{KnownAt, OtherKey, PackedAccount, StoreError};

use super::IngestError;
use super::apply::{Apply, Turn};
use super::claims::{Claim, ClaimKey, ClaimedCall, Right};
use super::judge::{Decided, Judge};
use super::notes::invalid_key;

const DISPUTED: &str = "several customers have this account; it was not seeded for any of them";

/// What a provider is taken to hold of a customer.
pub(super) struct Seed {
    taken: Taken,
    /// The parked call of the customer, apart: hardly anybody has one.
    standing: Option<Box<Standing>>,
    /// Which account the record names, where that is not its own, and where that is news.
    named: Option<Option<Named>>,
    /// Which part of the key is not valid, or that all are, where that is news.
    turned_away: Option<Option<TurnedAway>>,
    /// What earlier records said that were turned away whole is told of by field from now on, or of no account any more.
    ends_untaken: bool,
}

enum Taken {
    /// Nothing, and nothing was said.
    Nothing,
    /// Nothing: the customer is said to have no account there. What is known of one is written without what was left out.
    NoAccount(Option<Box<PackedAccount>>),
    /// Nothing, for a reason that has to be told.
    Rejected(Rejection),
    Account(Box<SeedAccount>),
}

/// An account that a provider is taken to hold.
struct SeedAccount {
    key: ProviderKey,
    mark: ClaimKey,
    /// Fields that are invalid in this record.
    invalid: Vec<FieldCode>,
    /// The account, where that is not what stands in the state.
    packed: Option<PackedAccount>,
    /// Whether the provider was known to have it.
    known: bool,
    /// The key that the provider was known to have the customer under.
    given_up: Option<ProviderKey>,
}

impl Seed {
    /// Whether anybody has to be told of what was not taken over.
    pub(super) fn is_told(&self) -> bool {
        match &self.taken {
            Taken::Nothing | Taken::NoAccount(_) => false,
            Taken::Rejected(_) => true,
            Taken::Account(account) => !account.invalid.is_empty(),
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
        let seeds = self.providers.iter().zip(projections);
        let seeds = seeds.map(|(provider, projection)| {
            self.seed(id, &**provider, projection, known.next().unwrap_or_default())
        });
        seeds.collect()
    }

    fn seed(
        &self,
        id: &CustomerId,
        provider: &dyn Provider,
        projection: &Projection,
        mut known: KnownAt,
    ) -> Seed {
        let (named, turned_away, has_untaken) = (known.named, known.turned_away, !known.untaken.is_empty());
        let named_now = match projection.key {
            // It is taken for the customer's account.
            KeyCell::Key(_) => None,
            KeyCell::Cleared | KeyCell::Invalid(_) => known.before.account.as_ref().map(|_| Named::Nobody),
            KeyCell::Absent | KeyCell::InPart { .. } => named,
        };
        let taken_key = diff::key_of(&known.before, projection);
        let standing = known.before.standing.take().map(Box::new);
        let taken = match taken_key {
            Err(rejection) => Taken::Rejected(rejection),
            Ok(Some(key)) => Taken::Account(Box::new(self.take(id, provider, projection, key, known))),
            Ok(None) if projection.key == KeyCell::Cleared => {
                let account = known.before.account.filter(|_| !known.skipped.is_empty());
                Taken::NoAccount(account.map(|account| Box::new(PackedAccount::of(&account, &[]))))
            }
            Ok(None) => Taken::Nothing,
        };
        let invalid = invalid_key(&projection.key, matches!(taken, Taken::Rejected(_)), turned_away);
        Seed {
            ends_untaken: has_untaken && matches!(taken, Taken::Account(_) | Taken::NoAccount(_)),
            taken,
            standing,
            named: (named_now != named).then_some(named_now),
            turned_away: (invalid != turned_away).then_some(invalid),
        }
    }

    /// What a provider is taken to hold.
    fn take(
        &self,
        id: &CustomerId,
        provider: &dyn Provider,
        projection: &Projection,
        key: ProviderKey,
        known: KnownAt,
    ) -> SeedAccount {
        let mut keeper = self.keeping.of(id, provider.id());
        let invalid = invalid_fields(projection);
        // A record that does not have a field says nothing of it.
        let stays = |code: &&FieldCode| !projection.cells.contains_key(*code) && !provider.excludes(**code);
        let before = known.skipped.iter().chain(&known.untaken).filter(stays);
        let mut skipped: Vec<_> = before.chain(&invalid).copied().collect();
        skipped.sort_unstable();
        skipped.dedup();
        let mark = ClaimKey::of(provider.id(), &key);
        let Some(before) = known.before.account else {
            let packed = PackedAccount::acknowledged(key.clone(), values(projection), &mut keeper, &skipped);
            return SeedAccount { key, mark, invalid, packed: Some(packed), known: false, given_up: None };
        };
        let mut account = before.clone();
        account.acknowledge_each(&key, values(projection), &mut keeper);
        let is_empty = |code: &FieldCode| {
            matches!(
                projection.cells.get(code),
                Some(WireCell::Cleared | WireCell::Vacant | WireCell::NotTheirs)
            )
        };
        account.fields.retain(|code, _| !is_empty(code));
        let stands = before == account && known.skipped == skipped;
        SeedAccount {
            mark,
            invalid,
            packed: (!stands).then(|| PackedAccount::of(&account, &skipped)),
            known: before.known && before.key == key,
            given_up: (before.known && before.key != key).then_some(before.key),
            key,
        }
    }
}

impl Apply<'_> {
    /// Takes over what a customer's record says, for every provider where it has an account.
    pub(super) fn seed(
        &mut self,
        Decided { ready, projections, seeds, .. }: &mut Decided,
    ) -> Result<(), IngestError> {
        let mut turn = self.next_turn(ready, projections, true);
        turn.number = self.put_customer(&turn)?;
        self.hold_overtaken(&turn, true)?;
        self.put_mark(&turn, false);
        self.seeded.push(turn.candidate.first().file_and_line());
        for (position, seed) in seeds.drain(..).enumerate() {
            self.seed_at(&turn, position, seed)?;
        }
        Ok(())
    }

    fn seed_at(&mut self, turn: &Turn<'_>, position: usize, seed: Seed) -> Result<(), StoreError> {
        let (Some(intake), Some(number)) = (self.intake, turn.number) else { return Ok(()) };
        let provider = self.ingest.providers[position].id();
        let Seed { taken, standing, named, turned_away, ends_untaken } = seed;
        if ends_untaken {
            intake.put_untaken(number, provider, &[])?;
        }
        if let Some(part) = turned_away {
            intake.put_turned_away(number, provider, part)?;
        }
        if let Some(named) = named {
            intake.put_named(number, provider, named)?;
        }
        let ends = matches!(taken, Taken::Account(_) | Taken::NoAccount(_));
        if let Some(parked) = standing.filter(|_| ends) {
            intake.close_call(&parked)?;
        }
        match taken {
            Taken::Nothing => Ok(()),
            Taken::NoAccount(account) => {
                account.map_or(Ok(()), |account| intake.put_account(number, provider, *account))
            }
            Taken::Rejected(rejection) => {
                let rejected = Some(rejection);
                self.report(turn, position, &Findings { rejected, ..Findings::default() })
            }
            Taken::Account(account) => self.seed_account(turn, position, number, *account),
        }
    }

    fn seed_account(
        &mut self,
        turn: &Turn<'_>,
        position: usize,
        number: CustomerNumber,
        taken: SeedAccount,
    ) -> Result<(), StoreError> {
        let Some(intake) = self.intake else { return Ok(()) };
        let SeedAccount { key, mark, invalid, packed, known, given_up } = taken;
        let provider = self.ingest.providers[position].id();
        self.report(turn, position, &Findings { skipped: invalid, ..Findings::default() })?;
        let owners = self.other_owners(provider, &key, Some(number))?;
        if let Some(packed) = packed {
            intake.put_account(number, provider, packed)?;
        }
        if let Some(key) = given_up {
            // Who had this key exists under it still.
            intake.put_other_key(OtherKey { customer: number, known: true }, provider, &key)?;
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
    pub(super) fn withdraw_seed(&mut self, claim: &Claim, number: CustomerNumber) -> Result<(), StoreError> {
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
        WireCell::Cleared | WireCell::Vacant | WireCell::Invalid | WireCell::NotTheirs => None,
    })
}

fn invalid_fields(projection: &Projection) -> Vec<FieldCode> {
    projection.cells.iter().filter(|(_, cell)| **cell == WireCell::Invalid).map(|(&code, _)| code).collect()
}
