//! Draws wire cells from a customer: what a field says when its source is absent, cleared, invalid or does not fit.
//!
//! The rules that hold for every provider are here; which wire field is drawn from what is each provider's `project`.

use litemap::LiteMap;
use smol_str::SmolStr;
use unicode_normalization::UnicodeNormalization;

use crate::domain::customer::{Cell, Customer};
use crate::domain::field::Field;
use crate::domain::value::Value;
use crate::domain::wire::{
    FieldCode, KeyCell, Projection, ProviderKey, WireCell, WireDefect, WireField, WirePresumption,
};

use super::forms::line;
use super::is_excluded;

/// The upper limit of a field for which no document gives one.
pub const CHARS_UNLIMITED: usize = usize::MAX;

/// What the customer says about one wire field.
pub(super) enum Drawn {
    /// Nothing: no source column, or nothing that this provider has a word for.
    Absent,
    /// The CRM holds no value.
    Cleared,
    /// The value has no such part.
    Vacant,
    /// A source is invalid, and mapping has said why.
    Invalid,
    /// The text for the wire, before its size is checked.
    Text(SmolStr),
    /// A valid value that this provider cannot take, and what it would take.
    Unfit(&'static str),
    /// Some of several sources, and not all that the CRM has.
    InPart,
}

/// What the file says about a canonical field, excluded fields being absent.
pub(super) enum Source<'a> {
    /// Nothing.
    Absent,
    /// An empty cell.
    Cleared,
    /// Something that is not valid.
    Invalid,
    /// Something that cannot be understood without what the file does not have.
    InPart,
    /// A value.
    Value(&'a Value),
}

const OTHER_KIND: &str = "is not of the kind that this field needs";
const TOO_LONG: &str = "is longer than the provider allows";
const TOO_SHORT: &str = "is shorter than the provider allows";

/// How many characters the fields of a provider take, found by code without a search.
pub(super) struct Sizes {
    chars: [(usize, usize); CODES],
    fields: usize,
}

/// Codes of fixed fields lie below.
const CODES: usize = 64;

impl Sizes {
    /// Of a field table. What is not in it, a subscription, has no limit.
    pub(super) const fn of(fields: &[WireField]) -> Self {
        let mut chars = [(0, CHARS_UNLIMITED); CODES];
        let mut index = 0;
        while index < fields.len() {
            chars[fields[index].code.0 as usize] = fields[index].chars;
            index += 1;
        }
        Self { chars, fields: fields.len() }
    }

    fn chars(&self, code: FieldCode) -> (usize, usize) {
        self.chars.get(code.0 as usize).copied().unwrap_or((0, CHARS_UNLIMITED))
    }

    /// Whether a text surely fits, without a count of its characters.
    fn takes(&self, code: FieldCode, text: &str) -> bool {
        let (least, most) = self.chars(code);
        // Texts are in NFC, where no character has less than a byte.
        (1..=most).contains(&text.len()) && (least <= 1 || (text.len() >= least && text.is_ascii()))
    }

    /// Why a text does not fit, if it does not. An empty one always does: it clears.
    fn unfit(&self, code: FieldCode, text: &str) -> Option<&'static str> {
        if text.is_empty() {
            return None;
        }
        let (least, most) = self.chars(code);
        let chars = nfc_chars(text);
        if chars < least {
            Some(TOO_SHORT)
        } else if chars > most {
            Some(TOO_LONG)
        } else {
            None
        }
    }
}

/// A cell before something is put into it.
const EMPTY: (FieldCode, WireCell) = (FieldCode(0), WireCell::Cleared);

/// Collects the cells of one customer for one provider.
pub(super) struct Projector<'a> {
    customer: &'a Customer,
    exclude: &'a [Field],
    sizes: &'static Sizes,
    /// Sorted by code. They are there before anything is put into them: a cell that is made elsewhere and pushed is
    /// waited for while it is copied.
    cells: Vec<(FieldCode, WireCell)>,
    /// How many of them hold something.
    count: usize,
    /// Behind the code of the last of these.
    next: u64,
    defects: Vec<WireDefect>,
    in_part: Vec<FieldCode>,
    /// Cells that were drawn from what was read by a presumed country.
    presumed: Vec<FieldCode>,
}

impl<'a> Projector<'a> {
    pub(super) fn new(customer: &'a Customer, exclude: &'a [Field], sizes: &'static Sizes) -> Self {
        let subscriptions = customer.cells.subscriptions().count();
        let cells = (0..sizes.fields + subscriptions).map(|_| EMPTY).collect();
        let (defects, in_part, presumed) = (Vec::new(), Vec::new(), Vec::new());
        Self { customer, exclude, sizes, cells, count: 0, next: 0, defects, in_part, presumed }
    }

    /// What the file says about a field.
    #[inline]
    pub(super) fn source(&self, field: Field) -> Source<'a> {
        if !self.exclude.is_empty() && is_excluded(field, self.exclude) {
            return Source::Absent;
        }
        self.in_crm(field)
    }

    /// The same, be it excluded or not.
    #[inline]
    pub(super) fn in_crm(&self, field: Field) -> Source<'a> {
        if !self.customer.in_part.is_empty() && self.customer.in_part.contains(&field) {
            return Source::InPart;
        }
        match self.customer.cell(field) {
            None => Source::Absent,
            Some(Cell::Cleared) => Source::Cleared,
            Some(Cell::Invalid) => Source::Invalid,
            Some(Cell::Value(value)) => Source::Value(value),
        }
    }

    /// Notes of a field of which the file says something that the customer has none.
    pub(super) fn not_theirs(&mut self, code: FieldCode, field: Field) {
        if !matches!(self.source(field), Source::Absent) {
            *self.cell(code) = WireCell::NotTheirs;
        }
    }

    /// Leaves a field open of which the file says something.
    pub(super) fn leave_open(&mut self, code: FieldCode, field: Field) {
        if !matches!(self.source(field), Source::Absent) {
            self.in_part.push(code);
        }
    }

    /// Whether the CRM has the field, and the file not.
    pub(super) fn withholds(&self, field: Field) -> bool {
        self.is_withheld(field) && !is_excluded(field, self.exclude)
    }

    /// The same, whether or not the provider is told of the field.
    pub(super) fn is_withheld(&self, field: Field) -> bool {
        self.customer.withheld.contains(&field)
    }

    /// Draws from one field; `render` gives `None` for a value of another kind.
    #[inline]
    pub(super) fn draw(&self, field: Field, render: impl FnOnce(&Value) -> Option<SmolStr>) -> Drawn {
        self.draw_with(field, |value| render(value).map_or(Drawn::Unfit(OTHER_KIND), Drawn::Text))
    }

    /// Draws from one field with all the freedom.
    #[inline]
    pub(super) fn draw_with(&self, field: Field, render: impl FnOnce(&Value) -> Drawn) -> Drawn {
        match self.source(field) {
            Source::Absent => Drawn::Absent,
            Source::Cleared => Drawn::Cleared,
            Source::Invalid => Drawn::Invalid,
            Source::InPart => Drawn::InPart,
            Source::Value(value) => render(value),
        }
    }

    /// The first field with a value, for fields that have a second best source. An invalid better source is not
    /// passed over: its true value may be another one than the second best. So may that of one that the file withholds.
    pub(super) fn first_of(
        &self,
        fields: &[Field],
        render: impl Fn(&Value) -> Option<SmolStr>,
    ) -> (Field, Drawn) {
        let mut best = (fields.first().copied().unwrap_or(Field::CustomerId), Drawn::Absent);
        let mut withheld = false;
        for &field in fields {
            match self.draw(field, &render) {
                Drawn::Absent => withheld |= self.withholds(field),
                Drawn::Cleared | Drawn::Vacant => {
                    if matches!(best.1, Drawn::Absent) {
                        best = (field, Drawn::Cleared);
                    }
                }
                found => {
                    best = (field, found);
                    break;
                }
            }
        }
        match best {
            (field, Drawn::Cleared | Drawn::Text(_) | Drawn::Unfit(_)) if withheld => (field, Drawn::InPart),
            best => best,
        }
    }

    /// The texts of several fields joined by ", ": absent without any column, cleared when all that there are are.
    pub(super) fn joined<const N: usize>(&self, fields: &[Field; N]) -> Drawn {
        let mut parts = [""; N];
        let (mut columns, mut count, mut withheld) = (0, 0, false);
        for &field in fields {
            match self.source(field) {
                Source::Absent => {
                    withheld |= self.withholds(field);
                    continue;
                }
                Source::Cleared => {}
                Source::Invalid => return Drawn::Invalid,
                Source::InPart => return Drawn::InPart,
                Source::Value(value) => {
                    let Some(part) = line(value) else { return Drawn::Unfit(OTHER_KIND) };
                    parts[count] = part;
                    count += 1;
                }
            }
            columns += 1;
        }
        match (columns, &parts[..count]) {
            (0, _) => Drawn::Absent,
            _ if withheld => Drawn::InPart,
            (_, []) => Drawn::Cleared,
            (_, parts) => Drawn::Text(parts.join(", ").into()),
        }
    }

    /// Puts what was drawn into the cell of a field; a text that does not fit its row becomes a defect.
    pub(super) fn put(&mut self, code: FieldCode, source: Field, drawn: Drawn) {
        match drawn {
            Drawn::Absent => {}
            Drawn::Cleared => *self.cell(code) = WireCell::Cleared,
            Drawn::Vacant => *self.cell(code) = WireCell::Vacant,
            Drawn::Invalid => *self.cell(code) = WireCell::Invalid,
            Drawn::Text(text) => self.put_text(code, source, text),
            Drawn::Unfit(reason) => self.put_unfit(code, source, reason),
            Drawn::InPart => self.in_part.push(code),
        }
    }

    /// Whether what was drawn has the size of the field.
    pub(super) fn takes(&self, code: FieldCode, drawn: &Drawn) -> bool {
        match drawn {
            Drawn::Text(text) => self.sizes.takes(code, text) || self.sizes.unfit(code, text).is_none(),
            Drawn::Invalid | Drawn::Unfit(_) => false,
            Drawn::Absent | Drawn::Cleared | Drawn::Vacant | Drawn::InPart => true,
        }
    }

    /// Puts the parts of one value. Where one does not fit, none goes: the others would stand beside an old one.
    pub(super) fn put_together<const N: usize>(&mut self, parts: [(FieldCode, Field, Drawn); N]) {
        let fit = parts.iter().all(|(code, _, drawn)| self.takes(*code, drawn));
        for (code, source, drawn) in parts {
            let goes = fit || !self.takes(code, &drawn);
            self.put(code, source, if goes { drawn } else { Drawn::Invalid });
        }
    }

    fn put_text(&mut self, code: FieldCode, source: Field, text: SmolStr) {
        self.note_presumed(code, source);
        if self.sizes.takes(code, &text) {
            *self.cell(code) = WireCell::Value(text);
        } else {
            self.put_unsure(code, source, text);
        }
    }

    #[inline]
    fn note_presumed(&mut self, code: FieldCode, source: Field) {
        if let Some(presumption) = &self.customer.presumption
            && presumption.fields.contains(&source)
        {
            self.presumed.push(code);
        }
    }

    #[cold]
    fn put_unsure(&mut self, code: FieldCode, source: Field, text: SmolStr) {
        match self.sizes.unfit(code, &text) {
            None if text.is_empty() => *self.cell(code) = WireCell::Cleared,
            None => *self.cell(code) = WireCell::Value(text),
            Some(reason) => self.put_unfit(code, source, reason),
        }
    }

    #[cold]
    fn put_unfit(&mut self, code: FieldCode, source: Field, reason: &'static str) {
        self.defects.push(WireDefect { field: code, source, reason });
        *self.cell(code) = WireCell::Invalid;
    }

    /// The cell of a field, which it has from now on.
    #[inline]
    fn cell(&mut self, code: FieldCode) -> &mut WireCell {
        // Most come in the order of the table.
        let place = if self.next <= u64::from(code.0) { self.count } else { self.place_between(code) };
        if place == self.count {
            self.next = u64::from(code.0) + 1;
            self.count += 1;
        }
        let (known, cell) = &mut self.cells[place];
        *known = code;
        cell
    }

    /// Where the cell of a field is, or has become free, before the last one.
    #[inline(never)]
    fn place_between(&mut self, code: FieldCode) -> usize {
        let taken = &self.cells[..self.count];
        let place = self.count - taken.iter().rev().take_while(|(known, _)| *known >= code).count();
        if taken.get(place).is_some_and(|(known, _)| *known != code) {
            self.cells[place..=self.count].rotate_right(1);
            self.count += 1;
        }
        place
    }

    /// Draws from one field what is made of it, and puts it into its cell.
    pub(super) fn plain(&mut self, code: FieldCode, field: Field, render: fn(&Value) -> Option<SmolStr>) {
        if let Some(value) = self.value(code, field) {
            match render(value) {
                Some(text) => self.put_text(code, field, text),
                None => self.put_unfit(code, field, OTHER_KIND),
            }
        }
    }

    /// The same for a text that the value holds.
    #[inline]
    pub(super) fn copied(
        &mut self,
        code: FieldCode,
        field: Field,
        find: impl FnOnce(&Value) -> Option<&SmolStr>,
    ) {
        if let Some(value) = self.value(code, field) {
            self.note_presumed(code, field);
            match find(value) {
                Some(text) if self.sizes.takes(code, text) => {
                    *self.cell(code) = WireCell::Value(text.clone());
                }
                Some(text) => self.put_unsure(code, field, text.clone()),
                None => self.put_unfit(code, field, OTHER_KIND),
            }
        }
    }

    /// The value of a field; without one, its cell says so.
    #[inline]
    fn value(&mut self, code: FieldCode, field: Field) -> Option<&'a Value> {
        match self.source(field) {
            Source::Absent => {}
            Source::Cleared => *self.cell(code) = WireCell::Cleared,
            Source::Invalid => *self.cell(code) = WireCell::Invalid,
            Source::InPart => self.in_part.push(code),
            Source::Value(value) => return Some(value),
        }
        None
    }

    /// The key of the account, drawn like a field; it never becomes a cell.
    pub(super) fn key(&mut self, code: FieldCode, source: Field, drawn: Drawn) -> KeyCell {
        let reason = match drawn {
            Drawn::Absent | Drawn::InPart => return KeyCell::Absent,
            Drawn::Cleared | Drawn::Vacant => return KeyCell::Cleared,
            Drawn::Invalid => return KeyCell::Invalid(code),
            Drawn::Text(key) => match self.sizes.unfit(code, &key) {
                None if key.is_empty() => return KeyCell::Cleared,
                None => return KeyCell::Key(ProviderKey(key)),
                Some(reason) => reason,
            },
            Drawn::Unfit(reason) => reason,
        };
        self.defects.push(WireDefect { field: code, source, reason });
        KeyCell::Invalid(code)
    }

    /// `country` is the field of the country, and how one stands there.
    pub(super) fn finish(
        self,
        key: KeyCell,
        (country, render): (FieldCode, fn(&Value) -> Option<SmolStr>),
    ) -> Projection {
        let presumption = self.customer.presumption.as_ref().filter(|_| !self.presumed.is_empty());
        let presumption = presumption.and_then(|presumption| {
            let value = render(&Value::Country(presumption.country))?;
            Some(WirePresumption {
                country,
                value,
                fields: self.presumed,
                is_doubted: presumption.is_doubted,
            })
        });
        let mut cells = self.cells;
        cells.truncate(self.count);
        let cells = LiteMap::from_sorted_store_unchecked(cells);
        let context = LiteMap::new();
        Projection { key, cells, context, defects: self.defects, in_part: self.in_part, presumption }
    }

    /// Subscriptions of this customer that are not excluded.
    pub(super) fn subscriptions(&self) -> impl Iterator<Item = u32> + use<'a> {
        let exclude = self.exclude;
        self.customer.cells.subscriptions().filter(move |id| !exclude.contains(&Field::Subscription(*id)))
    }
}

/// Characters of the NFC form. Below U+0300 stands nothing that a composition could join or take apart.
fn nfc_chars(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    if text.chars().all(|letter| letter < '\u{300}') { text.chars().count() } else { text.nfc().count() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_surely_fits_fits_when_it_is_counted(text in "\\PC{0,12}|[a-zé]{0,12}|[0-9/]{8,12}") {
            let text: String = text.nfc().collect();
            for chars in [(0, CHARS_UNLIMITED), (1, CHARS_UNLIMITED), (1, 1), (1, 5), (2, 8), (4, 5), (10, 10)] {
                let sizes = Sizes { chars: [chars; CODES], fields: 1 };
                for code in [FieldCode(1), FieldCode(FieldCode::SUBSCRIPTIONS)] {
                    prop_assert!(!sizes.takes(code, &text) || sizes.unfit(code, &text).is_none());
                    prop_assert!(!sizes.takes(code, &text) || !text.is_empty());
                }
                let (least, most) = chars;
                let fits = text.is_empty() || (least..=most).contains(&text.chars().count());
                prop_assert_eq!(sizes.unfit(FieldCode(1), &text).is_none(), fits);
            }
        }
    }
}
