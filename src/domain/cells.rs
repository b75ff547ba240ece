//! The cells of a customer by field: sorted, in one piece, and found without a search.

use std::fmt;

use super::customer::Cell;
use super::field::Field;

/// Stands for a field that has no cell.
const NOWHERE: u8 = u8::MAX;

/// Fields with a fixed name.
const NAMED: usize = Field::NAMED.len();

const _: () = assert!(NAMED < NOWHERE as usize, "the place of every named field fits into a byte");

/// What a customer's file says, field by field, in the order of the fields. Each provider asks for each of its fields,
/// so the place of every cell is kept.
#[derive(Clone)]
pub struct Cells {
    list: Vec<(Field, Cell)>,
    /// Where the cell of each named field is.
    places: [u8; NAMED],
}

impl Cells {
    /// Cells in the order in which a row gives them. Of two cells of one field the later one counts.
    #[must_use]
    pub fn new(mut list: Vec<(Field, Cell)>) -> Self {
        // Stable, and quick where little is out of place.
        list.sort_by_key(|(field, _)| *field);
        list.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
        let mut cells = Self { list, places: [NOWHERE; NAMED] };
        cells.place();
        cells
    }

    /// The cell of a field.
    #[must_use]
    #[inline]
    pub fn get(&self, field: Field) -> Option<&Cell> {
        let place = match field.position() {
            Some(position) => usize::from(self.places[position]),
            None => self.find(field).ok()?,
        };
        self.list.get(place).map(|(_, cell)| cell)
    }

    /// Puts a cell in the place of that of its field, if there is one.
    pub fn insert(&mut self, field: Field, cell: Cell) {
        match self.find(field) {
            Ok(place) => self.list[place].1 = cell,
            Err(place) => {
                self.list.insert(place, (field, cell));
                self.place();
            }
        }
    }

    /// Fields and cells in the order of the fields.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Field, &Cell)> {
        self.list.iter().map(|(field, cell)| (*field, cell))
    }

    /// The fields in order.
    pub fn fields(&self) -> impl DoubleEndedIterator<Item = Field> {
        self.list.iter().map(|(field, _)| *field)
    }

    /// The identifiers of the subscriptions, which stand behind all other fields.
    pub fn subscriptions(&self) -> impl Iterator<Item = u32> {
        let identifier = |field| if let Field::Subscription(id) = field { Some(id) } else { None };
        let count = self.fields().rev().map_while(identifier).count();
        self.list[self.list.len() - count..].iter().filter_map(move |(field, _)| identifier(*field))
    }

    /// How many fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// No field at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn find(&self, field: Field) -> Result<usize, usize> {
        self.list.binary_search_by_key(&field, |(known, _)| *known)
    }

    /// Notes the place of each cell.
    fn place(&mut self) {
        // Named fields stand before the others, so that their places are small.
        let named = self.list.iter().map_while(|(field, _)| field.position());
        for (place, position) in (0..NOWHERE).zip(named) {
            self.places[position] = place;
        }
    }
}

impl PartialEq for Cells {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Eq for Cells {}

impl fmt::Debug for Cells {
    /// Shows which fields there are, not what stands in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(Field, Cell)> for Cells {
    fn from_iter<I: IntoIterator<Item = (Field, Cell)>>(pairs: I) -> Self {
        Self::new(pairs.into_iter().collect())
    }
}

impl IntoIterator for Cells {
    type Item = (Field, Cell);
    type IntoIter = std::vec::IntoIter<(Field, Cell)>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use litemap::LiteMap;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::value::Value;

    fn cell(number: usize) -> Cell {
        Cell::Value(Value::Text(number.to_string().into()))
    }

    fn any_field() -> impl Strategy<Value = Field> {
        prop_oneof![
            6 => proptest::sample::select(Field::NAMED),
            1 => (0u32..300).prop_map(Field::Subscription),
        ]
    }

    #[test]
    fn a_row_with_two_early_and_two_late_cells_is_sorted() {
        let mut fields: Vec<Field> = Field::NAMED.to_vec();
        for (early, late) in [(Field::PostalCode, Field::Nic), (Field::Country, Field::Street)] {
            fields.retain(|field| ![early, late].contains(field));
            fields.insert(0, early);
            fields.push(late);
        }
        let list = fields.into_iter().map(|field| (field, Cell::Cleared)).collect();
        assert!(Cells::new(list).fields().eq(Field::NAMED.iter().copied()));
    }

    proptest! {
        #[test]
        fn cells_are_what_a_map_has(
            fields in proptest::collection::vec(any_field(), 0..80), sorted in any::<bool>(),
            further in proptest::collection::vec(any_field(), 0..10),
        ) {
            let mut fields = fields;
            if sorted {
                fields.sort_unstable();
            }
            let pairs: Vec<_> = fields.iter().enumerate().map(|(n, field)| (*field, cell(n))).collect();
            let mut map: LiteMap<Field, Cell> = pairs.iter().cloned().collect();
            let mut cells = Cells::new(pairs);
            for (n, field) in further.iter().enumerate() {
                map.insert(*field, cell(1_000 + n));
                cells.insert(*field, cell(1_000 + n));
            }
            prop_assert!(cells.iter().eq(map.iter().map(|(field, cell)| (*field, cell))));
            prop_assert_eq!((cells.len(), cells.is_empty()), (map.len(), map.is_empty()));
            for field in Field::NAMED.iter().copied().chain((0..300).map(Field::Subscription)) {
                prop_assert_eq!(cells.get(field), map.get(&field));
            }
            let subscribed = |field: &Field| if let Field::Subscription(id) = field { Some(*id) } else { None };
            prop_assert!(cells.subscriptions().eq(map.keys().filter_map(subscribed)));
            prop_assert!(map.into_tuple_vec().into_iter().eq(cells));
        }
    }
}
