//! The people whom the simulated providers hold: the final state that a run is judged by.
//!
//! Memory only. Who is known, what was applied to them and how often they were created; no rule of any provider.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::provider::ProviderId;

/// One customer as one provider holds them.
#[derive(Clone, Default, Serialize)]
pub struct Person {
    /// The wire fields as they were last applied.
    pub fields: Map<String, Value>,
    /// How many persons the provider has made for this key: 1, more after repeated creates.
    pub persons: u32,
    /// Lemonway: whether the wallet is verified (KYC 2) and so takes contact changes only.
    pub verified: bool,
    /// A number of the provider's own (Lemonway's `LWID`), unique in one simulator.
    pub number: u64,
}

/// Shows that there is somebody, never who.
impl fmt::Debug for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fields, persons, verified, number: _ } = self;
        formatter
            .debug_struct("Person")
            .field("fields", &fields.len())
            .field("persons", persons)
            .field("verified", verified)
            .finish_non_exhaustive()
    }
}

/// The first number that is given out: the documents' example of an `LWID`.
const FIRST_NUMBER: u64 = 2343;

/// Everybody, by provider and key.
#[derive(Default)]
pub(super) struct People {
    known: HashMap<ProviderId, BTreeMap<String, Person>>,
    wallets_by_email: HashMap<String, String>,
    given_numbers: u64,
}

impl People {
    pub(super) fn get(&self, api: ProviderId, key: &str) -> Option<&Person> {
        self.known.get(&api)?.get(key)
    }

    /// The person of that key, made known without fields when they are new.
    pub(super) fn enter(&mut self, api: ProviderId, key: &str) -> &mut Person {
        let known = self.known.entry(api).or_default();
        let given_numbers = &mut self.given_numbers;
        known.entry(key.to_owned()).or_insert_with(|| {
            let number = FIRST_NUMBER + *given_numbers;
            *given_numbers += 1;
            Person { persons: 1, number, ..Person::default() }
        })
    }

    /// The wallet that uses this e-mail address, compared without case.
    pub(super) fn wallet_of_email(&self, email: &str) -> Option<&str> {
        self.wallets_by_email.get(&email.to_lowercase()).map(String::as_str)
    }

    /// Gives `wallet` the address `new` and frees the one it had.
    pub(super) fn move_email(&mut self, wallet: &str, old: Option<&str>, new: &str) {
        if let Some(old) = old {
            self.wallets_by_email.remove(&old.to_lowercase());
        }
        self.wallets_by_email.insert(new.to_lowercase(), wallet.to_owned());
    }

    /// A copy of everybody, each provider present even when it holds nobody.
    pub(super) fn state(&self) -> State {
        ProviderId::ALL
            .into_iter()
            .map(|api| (api, self.known.get(&api).cloned().unwrap_or_default()))
            .collect()
    }
}

/// The final state: provider → key → person.
pub type State = BTreeMap<ProviderId, BTreeMap<String, Person>>;
