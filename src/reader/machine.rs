//! The machines of `csv-core` that take records apart, kept when they are done with.
//!
//! Working out the tables of one takes longer than reading a small file with it, and its `Clone` leaves them out; so
//! each thread hands its machines on.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use csv_core::{Reader, ReaderBuilder};

use super::settings::DELIMITERS;

/// How many machines of one delimiter a thread keeps: a look at a file uses one after the other, and a seeker beside a
/// scan.
const KEPT_MAX: usize = 4;

thread_local! {
    static KEPT: RefCell<[Vec<Reader>; DELIMITERS.len()]> = const { RefCell::new([const { Vec::new() }; DELIMITERS.len()]) };
}

/// A machine at its beginning, which goes back to the kept ones.
#[derive(Debug)]
pub(super) struct Machine {
    reader: Reader,
    delimiter: u8,
}

impl Machine {
    pub(super) fn new(delimiter: u8) -> Self {
        let kept = place(delimiter).and_then(|place| KEPT.with_borrow_mut(|kept| kept[place].pop()));
        let reader = kept.unwrap_or_else(|| ReaderBuilder::new().delimiter(delimiter).build());
        Self { reader, delimiter }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let Some(place) = place(self.delimiter) else { return };
        let mut reader = std::mem::take(&mut self.reader);
        reader.reset();
        // A thread that ends has dropped what it kept already; then this one goes too.
        KEPT.try_with(|kept| match kept.borrow_mut().get_mut(place) {
            Some(kept) if kept.len() < KEPT_MAX => kept.push(reader),
            Some(_) | None => {}
        })
        .unwrap_or_default();
    }
}

impl Deref for Machine {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl DerefMut for Machine {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }
}

fn place(delimiter: u8) -> Option<usize> {
    DELIMITERS.iter().position(|known| *known == delimiter)
}

#[cfg(test)]
mod tests {
    use csv_core::ReadRecordResult;

    use super::Machine;

    /// The result of a machine for one record, how many bytes it read, and its fields.
    fn fields(delimiter: u8, input: &[u8]) -> (ReadRecordResult, usize, usize) {
        let (result, read, _, fields) = Machine::new(delimiter).read_record(input, &mut [0; 64], &mut [0; 8]);
        (result, read, fields)
    }

    #[test]
    fn a_machine_that_was_used_before_begins_anew() {
        // Left inside a quote, and not the only one of its delimiter.
        let others = [Machine::new(b';'), Machine::new(b';')];
        assert_eq!(fields(b';', b"a;\"b\n").0, ReadRecordResult::InputEmpty);
        drop(others);
        for delimiter in [b';', b',', b'\t', b'|', b';'] {
            let input = [b"\xEF\xBB\xBFa", [delimiter].as_slice(), b"\"b\"\nc"].concat();
            assert_eq!(fields(delimiter, &input), (ReadRecordResult::Record, 9, 2));
        }
    }
}
