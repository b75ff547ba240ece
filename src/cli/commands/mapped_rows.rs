//! The first rows of a file as mapping reads them: which column became which field, and what was made of its cell.
//!
//! A person's values are shown as their shape only ("Xxxxx-Xxxxxx", "+33 999999999", "9999-99-99"), which tells
//! shifted columns and misread forms; the values themselves are shown when the operator asks for them.

use std::collections::BTreeSet;

use crate::domain::customer::{Cell, Customer};
use crate::domain::field::Field;
use crate::domain::value::{CustomerType, IdentityDocument, Street, Value, WalletRole};
use crate::mapping::{MappedColumn, Mapper};
use crate::report::table;

/// How many are shown.
pub(super) const ROWS_SHOWN_MAX: usize = 3;

/// The longest text of a cell that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 40;

/// Rows that became customers, and the lines on which they begin.
#[derive(Debug, Default)]
pub(super) struct MappedRows(Vec<(u64, Customer)>);

/// Whether a person's values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showing {
    Shapes,
    Values,
}

impl MappedRows {
    /// Keeps one of the first customers.
    pub(super) fn note(&mut self, line: u64, customer: &Customer) {
        if self.0.len() < ROWS_SHOWN_MAX {
            self.0.push((line, customer.clone()));
        }
    }

    /// A table of fields, columns and what each row says; none without a row.
    pub(super) fn table(&self, mapper: &Mapper, showing: Showing) -> Option<String> {
        let lines: Vec<String> = self.0.iter().map(|(line, _)| format!("line {line}")).collect();
        let header: Vec<&str> =
            ["field", "column"].into_iter().chain(lines.iter().map(String::as_str)).collect();
        let rows = self.fields().into_iter().map(|field| {
            let cells = self.0.iter().map(|(_, customer)| shown(customer, field, showing));
            [field.name().into_owned(), columns(mapper, field)].into_iter().chain(cells).collect()
        });
        (!self.0.is_empty()).then(|| table::aligned(&header, rows, &[]))
    }

    /// Each row in one line: what it is called, and what its fields say.
    pub(super) fn sentences(&self, showing: Showing) -> Vec<(String, String)> {
        let sentence = |(line, customer): &(u64, Customer)| {
            let fields = self.fields();
            let cells = fields.iter().map(|field| format!("{field} = {}", shown(customer, *field, showing)));
            (format!("line {line}"), cells.collect::<Vec<_>>().join(", "))
        };
        self.0.iter().map(sentence).collect()
    }

    /// The key, then every other field that one of the rows carries.
    fn fields(&self) -> Vec<Field> {
        let carried = self.0.iter().flat_map(|(_, customer)| customer.cells.fields());
        [Field::CustomerId].into_iter().chain(carried.collect::<BTreeSet<_>>()).collect()
    }
}

/// The columns that a field came from: a street has up to four, and the NIC can come with the SIRET.
fn columns(mapper: &Mapper, field: Field) -> String {
    let names_of = |wanted: Field| -> Vec<&str> {
        let columns = mapper.columns().iter();
        let of_field = columns.filter(|column: &&MappedColumn| column.field.whole() == wanted);
        of_field.map(|column| column.column.as_ref()).collect()
    };
    let names = match field {
        Field::Nic if names_of(field).is_empty() => names_of(Field::Siren),
        field => names_of(field),
    };
    names.join(" + ")
}

fn shown(customer: &Customer, field: Field, showing: Showing) -> String {
    let text = match customer.cell(field) {
        _ if field == Field::CustomerId => masked(customer.id.as_str(), showing),
        None => "-".to_owned(),
        Some(Cell::Cleared) => "(empty)".to_owned(),
        Some(Cell::Invalid) => "(invalid)".to_owned(),
        Some(Cell::Value(value)) => shown_value(value, showing),
    };
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    text.chars().take(SHOWN_CHARS_MAX - 1).chain(['…']).collect()
}

/// What says nothing about who somebody is (yes and no, countries, kinds) is shown as it was understood.
fn shown_value(value: &Value, showing: Showing) -> String {
    match value {
        Value::Text(text) | Value::Email(text) => masked(text, showing),
        Value::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Title(title) => title.letter().to_owned(),
        Value::Date(day) => masked(&day.to_string(), showing),
        Value::Country(country) => country.alpha2.to_owned(),
        Value::Nationalities(countries) => {
            countries.iter().map(|country| country.alpha2).collect::<Vec<_>>().join(" ")
        }
        Value::Phone(phone) => {
            let local = phone.msisdn.strip_prefix(phone.dialing_code.as_str()).unwrap_or(&phone.msisdn);
            format!("+{} {}", phone.dialing_code, masked(local, showing))
        }
        Value::Iban(iban) => match iban.split_at_checked(2) {
            Some((country, rest)) => format!("{country}{}", masked(rest, showing)),
            None => masked(iban, showing),
        },
        Value::Ip(address) => masked(&address.to_string(), showing),
        Value::Street(street) => shown_street(street, showing),
        Value::IdentityDocument(kind) => match kind {
            IdentityDocument::IdentityCard => "identity card",
            IdentityDocument::DrivingLicence => "driving licence",
            IdentityDocument::Passport => "passport",
            IdentityDocument::ResidenceCard => "residence card",
            IdentityDocument::WorkPermit => "work permit",
        }
        .to_owned(),
        Value::CustomerType(kind) => match kind {
            CustomerType::Person => "person",
            CustomerType::Company => "company",
            CustomerType::Association => "association",
        }
        .to_owned(),
        Value::WalletRole(role) => match role {
            WalletRole::Payer => "payer",
            WalletRole::Beneficiary => "beneficiary",
        }
        .to_owned(),
    }
}

/// Number, kind and name between bars, or the whole line where it does not split.
fn shown_street(street: &Street, showing: Showing) -> String {
    let Some(parts) = &street.parts else { return masked(&street.line, showing) };
    let number = parts.number.as_ref().map(|number| masked(number, showing));
    let kind = parts.kind.as_ref().map(|kind| kind.standard.to_string());
    let parts = [number, kind, Some(masked(&parts.name, showing))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" | ")
}

/// The shape of a text: digits as 9, letters as x and X, everything else as it is.
fn masked(text: &str, showing: Showing) -> String {
    let mask = |letter: char| match letter {
        _ if letter.is_numeric() => '9',
        _ if letter.is_uppercase() => 'X',
        _ if letter.is_alphabetic() => 'x',
        _ => letter,
    };
    match showing {
        Showing::Values => text.to_owned(),
        Showing::Shapes => text.chars().map(mask).collect(),
    }
}
