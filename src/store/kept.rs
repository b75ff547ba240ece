//! How delivered values are kept, and what becomes of those that were kept otherwise: where `values = "clear"` is said no more,
//! every value that stands in the state in clear is replaced by its digest.

use rusqlite::{Connection, TransactionBehavior};

use crate::domain::account::{Acknowledged, Keeping};
use crate::domain::fingerprint::Fingerprinter;

use super::{StoreError, accounts, setting};

/// The setting that says how values are kept.
const KEPT: &str = "values";

/// Keeps values from now on as the configuration says. A crash before it returns leaves them as they were.
pub(super) fn settle(
    connection: &mut Connection,
    fingerprinter: &Fingerprinter,
    clear: bool,
) -> Result<(), StoreError> {
    let now: &[u8] = if clear { b"clear" } else { b"hashed" };
    if setting::get(connection, KEPT)?.as_deref() == Some(now) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !clear {
        hash_all(&transaction, fingerprinter)?;
    }
    setting::put(&transaction, KEPT, now)?;
    Ok(transaction.commit()?)
}

fn hash_all(connection: &Connection, fingerprinter: &Fingerprinter) -> Result<(), StoreError> {
    let keeping = Keeping { fingerprinter, clear: false };
    accounts::rewrite(connection, |owned| {
        let mut keeper = keeping.of(&owned.customer_id, owned.provider);
        let mut has_changed = false;
        for (&field, kept) in owned.account.fields.iter_mut() {
            if let Acknowledged::Clear(value) = kept {
                *kept = keeper.keep(field, value.reveal());
                has_changed = true;
            }
        }
        Ok(has_changed)
    })?;
    Ok(())
}
