//! How delivered values are kept, and what becomes of those that were kept otherwise: where `values = "clear"` is said no more,
//! every value that stands in the state in clear is replaced by its digest.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::domain::account::{Acknowledged, Keeping};
use crate::domain::customer::CustomerId;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::wire::FieldCode;

use super::snapshot::provider_of;
use super::{StoreError, codec};

/// The setting that says how values are kept.
const KEPT: &str = "values";
/// So many accounts are in memory at once.
const ACCOUNTS_AT_ONCE: i64 = 1_000;

/// Keeps values from now on as the configuration says. A crash before it returns leaves them as they were.
pub(super) fn settle(
    connection: &mut Connection,
    fingerprinter: &Fingerprinter,
    clear: bool,
) -> Result<(), StoreError> {
    let now: &[u8] = if clear { b"clear" } else { b"hashed" };
    let sql = "SELECT value FROM setting WHERE name = ?1";
    let before: Option<Vec<u8>> = connection.query_row(sql, [KEPT], |row| row.get(0)).optional()?;
    if before.as_deref() == Some(now) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !clear {
        hash_all(&transaction, fingerprinter)?;
    }
    transaction.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)", (KEPT, now))?;
    Ok(transaction.commit()?)
}

fn hash_all(connection: &Connection, fingerprinter: &Fingerprinter) -> Result<(), StoreError> {
    let mut select = connection.prepare(
        "SELECT account.customer, account.provider, customer.customer_id, account.fields
         FROM account JOIN customer ON customer.id = account.customer
         WHERE (account.customer, account.provider) > (?1, ?2)
         ORDER BY account.customer, account.provider LIMIT ?3",
    )?;
    let mut update =
        connection.prepare("UPDATE account SET fields = ?3 WHERE customer = ?1 AND provider = ?2")?;
    let mut last: (i64, i64) = (i64::MIN, 0);
    loop {
        let (before, mut hashed) = (last, Vec::new());
        let mut rows = select.query((last.0, last.1, ACCOUNTS_AT_ONCE))?;
        while let Some(row) = rows.next()? {
            last = (row.get(0)?, row.get(1)?);
            let mut fields = codec::unpack_fields(&row.get::<_, Vec<u8>>(3)?)?;
            if !fields.values().any(|kept| matches!(kept, Acknowledged::Clear(_))) {
                continue;
            }
            let id: String = row.get(2)?;
            let id = CustomerId::new(&id).ok_or(StoreError::Damaged { what: "a customer has no key" })?;
            let keeping = Keeping { fingerprinter, clear: false };
            let mut keeper = keeping.of(&id, provider_of(row.get(1)?)?);
            let in_clear: Vec<(FieldCode, String)> = fields
                .iter()
                .filter_map(|(field, kept)| match kept {
                    Acknowledged::Clear(value) => Some((*field, value.reveal().clone())),
                    Acknowledged::Hashed(_) | Acknowledged::Unknown => None,
                })
                .collect();
            for (field, value) in in_clear {
                fields.insert(field, keeper.keep(field, &value));
            }
            hashed.push((last.0, last.1, codec::pack_fields(&fields)));
        }
        if last == before {
            return Ok(());
        }
        for account in hashed {
            update.execute(account)?;
        }
    }
}
