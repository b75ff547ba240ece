//! A file that is changed by somebody else after it was read for the first time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::world::{SAFEDEBIT, World};
use crate::domain::call::Operation;
use crate::domain::customer::Customer;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::Verdict;
use crate::domain::wire::{Projection, ProviderKey, WireField, WireValues};
use crate::ingest::{IngestError, Mode};
use crate::providers::codes::CodeTable;
use crate::providers::{Answer, BuildError, CommonSettings, Credentials, Provider, Request};
use crate::reader::FileError;

/// A provider at whose first customer somebody writes into the file.
struct Meddled<F> {
    provider: Arc<dyn Provider>,
    meddle: F,
    is_done: AtomicBool,
}

impl<F: Fn() + Send + Sync> Provider for Meddled<F> {
    fn id(&self) -> ProviderId {
        self.provider.id()
    }

    fn settings(&self) -> &CommonSettings {
        self.provider.settings()
    }

    fn credentials(&self) -> &Credentials {
        self.provider.credentials()
    }

    fn code_table(&self) -> &CodeTable {
        self.provider.code_table()
    }

    fn fields(&self) -> &'static [WireField] {
        self.provider.fields()
    }

    fn project(&self, customer: &Customer) -> Projection {
        if !self.is_done.swap(true, Ordering::Relaxed) {
            (self.meddle)();
        }
        self.provider.project(customer)
    }

    fn build(
        &self,
        operation: Operation,
        key: &ProviderKey,
        values: &WireValues,
    ) -> Result<Request, BuildError> {
        self.provider.build(operation, key, values)
    }

    fn read(&self, operation: Operation, key: &ProviderKey, answer: &Answer) -> Verdict {
        self.provider.read(operation, key, answer)
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.provider.fingerprint()
    }
}

/// What was checked and what is taken in would be two things.
#[test]
fn a_file_that_changes_while_its_rows_are_compared_is_refused_whole() {
    for mode in [Mode::Plan, Mode::Sync, Mode::Seed] {
        let mut world = World::new(SAFEDEBIT);
        let text = "customer_id,safedebit_reference,first_name\n1,R1,Anna\n2,R2,Berta\n";
        let file = world.write("crm.csv", text);
        let path = world.folder.path().join("crm.csv");
        let meddle = move || {
            std::fs::write(&path, text.replace("Berta", "Carla")).expect("written");
        };
        let provider = world.providers.pop().expect("a provider");
        world.providers.push(Arc::new(Meddled { provider, meddle, is_done: AtomicBool::new(false) }));
        let error = world.take(mode, &[file]).expect_err("another file");
        assert!(matches!(error, IngestError::File(FileError::Changed { .. })), "{mode:?}: {error}");
        assert!(world.queue(ProviderId::Safedebit).is_empty(), "{mode:?}");
        // The same file once more, which nobody changes, is taken.
        let file = world.write("crm.csv", text);
        world.take(mode, &[file]).expect("taken");
    }
}
