//! Values as people and spreadsheets write them, one field at a time.

use crmsync::domain::field::FieldSet;
use crmsync::domain::raw_cell::RawCell;
use crmsync::mapping::{Mapper, MappingSettings};
use jiff::civil::date;

/// A value is understood (`None`), or refused with a reason that holds this.
type Verdict = Option<&'static str>;

const FINE: Verdict = None;

/// Field, text, verdict.
pub(crate) const VALUES: &[(&str, &str, Verdict)] = &[
    // Text.
    ("last_name", "O'Brien", FINE),
    ("last_name", "  Le Roux \u{a0}", FINE),
    ("last_name", "Zoe\u{301}", FINE),
    ("last_name", "", FINE),
    ("last_name", "NULL", FINE),
    ("last_name", "\\N", FINE),
    ("last_name", "RenÃ©e", Some("encoding")),
    ("last_name", "Ren\u{fffd}e", Some("encoding")),
    ("last_name", "a\nb", Some("control")),
    ("last_name", "a\u{7}b", Some("control")),
    ("street", "3 place Gambetta\nBât. B", FINE),
    ("street", "8 mai 1945 (place du)", FINE),
    ("last_name", "'=1+1", FINE),
    // Phones.
    ("mobile_phone", "06 12 34 56 78", FINE),
    ("mobile_phone", "+33 6 12 34 56 78", FINE),
    ("mobile_phone", "'+33612345678", FINE),
    ("mobile_phone", "0033612345678", FINE),
    ("mobile_phone", "O612345678", Some("letters")),
    ("mobile_phone", "3,36E+10", Some("scientific")),
    ("mobile_phone", "06 12", Some("numbering plan")),
    ("mobile_phone", "06 12 34 56 78 / 06 98 76 54 32", Some("phone")),
    // Dates.
    ("birth_date", "01/02/1980", FINE),
    ("birth_date", "1980-02-01", FINE),
    ("birth_date", "31/02/1980", Some("does not exist")),
    ("birth_date", "29/02/1985", Some("does not exist")),
    ("birth_date", "01/01/85", Some("two digits")),
    ("birth_date", "31048", Some("serial")),
    ("birth_date", "14/07/1789", Some("before 1900")),
    ("birth_date", "01/01/2099", Some("future")),
    ("birth_date", "01-02-1980", Some("date_formats")),
    // E-mails.
    ("email", "a@example.org", FINE),
    ("email", "a.b+c@sub.example.org", FINE),
    ("email", "a@example", Some("dot")),
    ("email", "a example.org", Some("e-mail")),
    ("email", "A <a@example.org>", Some("display name")),
    ("email", "a@example.org;b@example.org", Some("more than one")),
    // Bank, network, company.
    ("iban", "FR76 3000 6000 0112 3456 7890 189", FINE),
    ("iban", "fr7630006000011234567890189", FINE),
    ("iban", "FR7630006000011234567890180", Some("checksum")),
    ("iban", "30006000011234567890189", Some("IBAN")),
    ("ip_address", "203.0.113.7", FINE),
    ("ip_address", "2001:db8::1", FINE),
    ("ip_address", "91.222.286.32", Some("IP")),
    ("siren", "732829320", FINE),
    ("siren", "732829321", Some("checksum")),
    ("rna", "W123456789", FINE),
    ("rna", "123456789", Some("RNA")),
    // Places.
    ("country", "FR", FINE),
    ("country", "La Réunion", FINE),
    ("country", "PAYS BAS", FINE),
    ("country", "Syldavie", Some("ISO 3166-1")),
    ("postal_code", "06000", FINE),
    ("postal_code", "6000", Some("leading zero")),
    ("postal_code", "7501X", Some("postal code")),
    // Choices.
    ("title", "Mme", FINE),
    ("title", "M. et Mme", FINE),
    ("title", "Dr", Some("form of address")),
    ("email_opt_in", "oui", FINE),
    ("email_opt_in", "peut-être", Some("yes nor no")),
    ("customer_type", "Société", FINE),
    ("customer_type", "1", Some("person, company")),
];

/// Compares every value with its verdict, and names all that differ.
pub(crate) fn check() {
    let mut wrong = Vec::new();
    for (field, text, expected) in VALUES {
        let header = ["customer_id".to_owned(), (*field).to_owned()];
        let mapper = Mapper::new(&MappingSettings::default(), Some(&header)).expect("canonical names");
        let cell = |index: usize| {
            let column = &*mapper.columns()[index].column;
            RawCell::Text(if column == "customer_id" { "C1" } else { text }.into())
        };
        let mapped = mapper.map(cell, [], date(2026, 11, 22), FieldSet::default()).expect("a key");
        let found = mapped.defects.first().map(|defect| defect.reason.0);
        let fits = match (found, expected) {
            (None, None) => true,
            (Some(reason), Some(why)) => reason.contains(why),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !fits {
            wrong.push(format!("{field} {text:?}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
