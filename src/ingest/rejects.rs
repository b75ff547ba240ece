//! What of an input did not get through, for `rejects.csv`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::broken_line;
use crate::domain::customer::CustomerId;
use crate::domain::defect::Place;
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;
use crate::mapping::Mapper;
use crate::store::{Snapshot, StoreError};

/// How much memory the raw cells of rejected rows may take, for the file of rejects; of what is beyond, place and reason are kept.
const CELLS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much of that is taken.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct CellsRoom {
    bytes: usize,
}

/// An invalid row, a field that was left out, or a customer that was not sent to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestReject {
    /// Where the row stands.
    pub place: Place,
    /// Whose row it is, if that is known.
    pub customer_id: Option<CustomerId>,
    /// The provider that does not get it; none for an invalid row.
    pub provider: Option<ProviderId>,
    /// The column of the file that is to be corrected, where there is one.
    pub column: Option<Arc<str>>,
    /// What is wrong, without any value.
    pub reason: Cow<'static, str>,
    /// The header, or the keys of the record: the names of `cells`, unless they are one.
    pub names: Arc<[String]>,
    /// Whether `cells` is the record as it stands, alone, since nobody can tell its cells apart.
    pub whole: bool,
    /// The raw cells of the row, in the order of the file. Customer values: for 0600 files alone. Empty where no row
    /// is at fault, and beyond a limit of 64 MiB for the whole input.
    pub cells: Redacted<Vec<String>>,
}

impl IngestReject {
    /// Keeps of a row of somebody who was erased where it stands and what is wrong with it. Which cell of a row that cannot be
    /// read is the key nobody knows: it may be any of them.
    pub(super) fn hide_forgotten(
        &mut self,
        mapper: &Mapper,
        snapshot: &Snapshot<'_>,
    ) -> Result<(), StoreError> {
        let cells = self.cells.reveal();
        let words = if self.whole {
            cells.iter().flat_map(|line| broken_line::words(line)).collect()
        } else {
            cells.clone()
        };
        let mut ids =
            words.iter().filter_map(|word| mapper.customer_id(word)).chain(self.customer_id.clone());
        if ids.try_fold(false, |found, id| Ok::<_, StoreError>(found || snapshot.is_forgotten(&id)?))? {
            self.customer_id = None;
            self.names = Arc::from([]);
            self.cells = Redacted::new(Vec::new());
        }
        Ok(())
    }

    /// The same with its cells, or without them where there is no room for them.
    pub(super) fn within(mut self, room: &mut CellsRoom) -> Self {
        let memory =
            |texts: &[String]| texts.iter().map(|text| text.len() + size_of::<String>()).sum::<usize>();
        // Those of a header all rows have in common.
        let names = if Arc::strong_count(&self.names) == 1 { memory(&self.names) } else { 0 };
        let bytes = room.bytes + names + memory(self.cells.reveal());
        if bytes <= CELLS_BYTES_MAX {
            room.bytes = bytes;
        } else {
            self.names = Arc::from([]);
            self.cells = Redacted::new(Vec::new());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(names: &Arc<[String]>, cell_bytes: usize) -> IngestReject {
        IngestReject {
            place: Place { file: "crm.csv".into(), line: 2 },
            customer_id: None,
            provider: None,
            column: None,
            reason: "is no date".into(),
            names: Arc::clone(names),
            whole: false,
            cells: Redacted::new(vec!["x".repeat(cell_bytes)]),
        }
    }

    #[test]
    fn what_no_room_is_left_for_is_told_without_its_cells() {
        let header: Arc<[String]> = Arc::from(["name".to_owned()]);
        let mut room = CellsRoom::default();
        let text = size_of::<String>();
        let first = reject(&header, CELLS_BYTES_MAX - 2 * text - 10).within(&mut room);
        assert_eq!((first.names.len(), first.cells.reveal().len()), (1, 1));
        let beyond = reject(&header, 11).within(&mut room);
        assert_eq!((beyond.names.len(), beyond.cells.reveal().len()), (0, 0));
        assert_eq!((&*beyond.reason, beyond.place.line), ("is no date", 2));
        // The names of a JSON object are its own, and take room too.
        let own = |cell_bytes| {
            let mut reject = reject(&header, cell_bytes);
            reject.names = Arc::from(["name".to_owned()]);
            reject
        };
        assert!(own(10).within(&mut room).cells.reveal().is_empty());
        assert_eq!(reject(&header, 10).within(&mut room).cells.reveal().len(), 1, "up to the last byte");
        assert!(reject(&header, 0).within(&mut room).cells.reveal().is_empty());
    }
}
