//! Draws wire cells from a customer: what a field says when its source is absent, cleared, invalid or does not fit.
//!
//! The rules that hold for every provider are here; which wire field is drawn from what is each provider's `project`.

use jiff::civil::Date;
use litemap::LiteMap;
use smol_str::{SmolStr, format_smolstr};
use unicode_normalization::UnicodeNormalization;

use crate::domain::customer::{Cell, Customer};
use crate::domain::field::Field;
use crate::domain::value::{Street, Title, Value};
use crate::domain::wire::{FieldCode, KeyCell, Projection, ProviderKey, WireCell, WireDefect, WireField};

/// The upper limit of a field for which no document gives one.
pub const CHARS_UNLIMITED: usize = usize::MAX;

/// What the customer says about one wire field.
pub(super) enum Drawn {
    /// Nothing: no source column, or nothing that this provider has a word for.
    Absent,
    /// The CRM holds no value.
    Cleared,
    /// A source is invalid, and mapping has said why.
    Invalid,
    /// The text for the wire, before its size is checked.
    Text(SmolStr),
    /// A valid value that this provider cannot take, and what it would take.
    Unfit(&'static str),
}

/// What the file says about a canonical field, excluded fields being absent.
pub(super) enum Source<'a> {
    /// Nothing.
    Absent,
    /// An empty cell.
    Cleared,
    /// Something that is not valid.
    Invalid,
    /// A value.
    Value(&'a Value),
}

const OTHER_KIND: &str = "is not of the kind that this field needs";
const TOO_LONG: &str = "is longer than the provider allows";
const TOO_SHORT: &str = "is shorter than the provider allows";

/// Collects the cells of one customer for one provider.
pub(super) struct Projector<'a> {
    customer: &'a Customer,
    exclude: &'a [Field],
    fields: &'static [WireField],
    cells: LiteMap<FieldCode, WireCell>,
    defects: Vec<WireDefect>,
}

impl<'a> Projector<'a> {
    pub(super) fn new(customer: &'a Customer, exclude: &'a [Field], fields: &'static [WireField]) -> Self {
        Self { customer, exclude, fields, cells: LiteMap::with_capacity(fields.len()), defects: Vec::new() }
    }

    /// What the file says about a field. A street is one value: excluding a part of it excludes all of it.
    pub(super) fn source(&self, field: Field) -> Source<'a> {
        const PARTS: [Field; 3] = [Field::StreetNumber, Field::StreetType, Field::StreetName];
        let part_excluded = field == Field::Street && self.exclude.iter().any(|part| PARTS.contains(part));
        if part_excluded || self.exclude.contains(&field) {
            return Source::Absent;
        }
        match self.customer.cell(field) {
            None => Source::Absent,
            Some(Cell::Cleared) => Source::Cleared,
            Some(Cell::Invalid) => Source::Invalid,
            Some(Cell::Value(value)) => Source::Value(value),
        }
    }

    /// Draws from one field; `render` gives `None` for a value of another kind.
    pub(super) fn draw(&self, field: Field, render: impl FnOnce(&Value) -> Option<SmolStr>) -> Drawn {
        self.draw_with(field, |value| render(value).map_or(Drawn::Unfit(OTHER_KIND), Drawn::Text))
    }

    /// Draws from one field with all the freedom.
    pub(super) fn draw_with(&self, field: Field, render: impl FnOnce(&Value) -> Drawn) -> Drawn {
        match self.source(field) {
            Source::Absent => Drawn::Absent,
            Source::Cleared => Drawn::Cleared,
            Source::Invalid => Drawn::Invalid,
            Source::Value(value) => render(value),
        }
    }

    /// The first field with a value, for fields that have a second best source. An invalid better source is not
    /// passed over: its true value may be another one than the second best.
    pub(super) fn first_of(
        &self,
        fields: &[Field],
        render: impl Fn(&Value) -> Option<SmolStr>,
    ) -> (Field, Drawn) {
        let mut best = (fields.first().copied().unwrap_or(Field::CustomerId), Drawn::Absent);
        for &field in fields {
            match self.draw(field, &render) {
                Drawn::Absent => {}
                Drawn::Cleared => {
                    if matches!(best.1, Drawn::Absent) {
                        best = (field, Drawn::Cleared);
                    }
                }
                found @ (Drawn::Invalid | Drawn::Text(_) | Drawn::Unfit(_)) => return (field, found),
            }
        }
        best
    }

    /// The texts of several fields joined by ", ": absent without any column, cleared when all that there are are.
    pub(super) fn joined(&self, fields: &[Field]) -> Drawn {
        let mut parts = Vec::new();
        let mut columns = 0;
        for &field in fields {
            match self.draw(field, line) {
                Drawn::Absent => continue,
                Drawn::Cleared => {}
                Drawn::Text(part) => parts.push(part),
                Drawn::Invalid => return Drawn::Invalid,
                Drawn::Unfit(reason) => return Drawn::Unfit(reason),
            }
            columns += 1;
        }
        match (columns, parts.is_empty()) {
            (0, _) => Drawn::Absent,
            (_, true) => Drawn::Cleared,
            (_, false) => Drawn::Text(parts.join(", ").into()),
        }
    }

    /// Puts what was drawn into the cell of a field; a text that does not fit its row becomes a defect.
    pub(super) fn put(&mut self, code: FieldCode, source: Field, drawn: Drawn) {
        let drawn = match drawn {
            Drawn::Text(text) => self.fit(code, text),
            drawn @ (Drawn::Absent | Drawn::Cleared | Drawn::Invalid | Drawn::Unfit(_)) => drawn,
        };
        let cell = match drawn {
            Drawn::Absent => return,
            Drawn::Cleared => WireCell::Cleared,
            Drawn::Invalid => WireCell::Invalid,
            Drawn::Text(text) => WireCell::Value(text),
            Drawn::Unfit(reason) => {
                self.defects.push(WireDefect { field: code, source, reason });
                WireCell::Invalid
            }
        };
        // Most come in the order of the table.
        if let Some((code, cell)) = self.cells.try_append(code, cell) {
            self.cells.insert(code, cell);
        }
    }

    /// Draws from one field and puts it into its cell.
    pub(super) fn plain(&mut self, code: FieldCode, field: Field, render: fn(&Value) -> Option<SmolStr>) {
        let drawn = self.draw(field, render);
        self.put(code, field, drawn);
    }

    /// The key of the account, drawn like a field; it never becomes a cell.
    pub(super) fn key(&mut self, code: FieldCode, source: Field, drawn: Drawn) -> KeyCell {
        self.put(code, source, drawn);
        match self.cells.remove(&code) {
            None => KeyCell::Absent,
            Some(WireCell::Cleared) => KeyCell::Cleared,
            Some(WireCell::Invalid) => KeyCell::Invalid,
            Some(WireCell::Value(key)) => KeyCell::Key(ProviderKey(key)),
        }
    }

    pub(super) fn finish(self, key: KeyCell) -> Projection {
        Projection { key, cells: self.cells, defects: self.defects }
    }

    /// Subscriptions of this customer that are not excluded.
    pub(super) fn subscriptions(&self) -> impl Iterator<Item = u32> + use<'a> {
        let exclude = self.exclude;
        self.customer
            .cells
            .keys()
            .filter(move |field| !exclude.contains(field))
            .filter_map(|field| if let Field::Subscription(id) = field { Some(*id) } else { None })
    }

    fn fit(&self, code: FieldCode, text: SmolStr) -> Drawn {
        let (least, most) = super::find(self.fields, code).map_or((0, CHARS_UNLIMITED), |field| field.chars);
        let chars = nfc_chars(&text);
        if text.is_empty() {
            Drawn::Cleared
        } else if chars < least {
            Drawn::Unfit(TOO_SHORT)
        } else if chars > most {
            Drawn::Unfit(TOO_LONG)
        } else {
            Drawn::Text(text)
        }
    }
}

/// Characters of the NFC form. Below U+0300 stands nothing that a composition could join or take apart.
fn nfc_chars(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    if text.chars().all(|letter| letter < '\u{300}') { text.chars().count() } else { text.nfc().count() }
}

/// Free text, e-mail addresses and IBANs as they are.
pub(super) fn text(value: &Value) -> Option<SmolStr> {
    let (Value::Text(text) | Value::Email(text) | Value::Iban(text)) = value else { return None };
    Some(text.clone())
}

/// The whole line of a street, or free text.
fn line(value: &Value) -> Option<SmolStr> {
    street(value).map_or_else(|| text(value), |street| Some(street.line.clone()))
}

/// A street.
pub(super) fn street(value: &Value) -> Option<&Street> {
    if let Value::Street(street) = value { Some(street) } else { None }
}

/// A day as dd/MM/yyyy.
pub(super) fn date(value: &Value) -> Option<SmolStr> {
    let Value::Date(date) = value else { return None };
    Some(day_month_year(*date))
}

fn day_month_year(date: Date) -> SmolStr {
    format_smolstr!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}

/// Yes as 1, no as 0.
pub(super) fn one_or_zero(value: &Value) -> Option<SmolStr> {
    if let Value::Flag(flag) = value {
        Some(SmolStr::new_static(if *flag { "1" } else { "0" }))
    } else {
        None
    }
}

/// A form of address.
pub(super) fn title(value: &Value) -> Option<Title> {
    if let Value::Title(title) = value { Some(*title) } else { None }
}

/// A country as alpha-3.
pub(super) fn alpha3(value: &Value) -> Option<SmolStr> {
    if let Value::Country(country) = value { Some(SmolStr::new_static(country.alpha3)) } else { None }
}
