//! Proposals for `[columns]` from the header of a file, for `crmsync init --from`.
//!
//! Proposes, never decides: a person reads the result before it is used.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::alias_names::ALIASES;
use super::header::{is_ignored, subscription_field};
use crate::domain::field::Field;
use crate::domain::fold;

/// What a column of a header probably holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The column as the file names it.
    pub column: String,
    /// The canonical field, if the name says anything. A field is proposed for one column at most.
    pub field: Option<Field>,
    /// Whether the name means nothing else. A guess needs a person's eye.
    pub sure: bool,
}

/// How well a name fits; the best column of a field gets it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// A guess behind one of [`PREFIXES`].
    GuessBehind,
    Guess,
    /// A sure name behind one of them.
    AliasBehind,
    Alias,
    Canonical,
}

impl Fit {
    /// What the name means behind a prefix.
    fn behind(self) -> Self {
        match self {
            Self::GuessBehind | Self::Guess => Self::GuessBehind,
            Self::AliasBehind | Self::Alias | Self::Canonical => Self::AliasBehind,
        }
    }
}

/// Words that CRM exports put before a column's own name.
const PREFIXES: [&str; 8] =
    ["CONTACT", "CLIENT", "CUSTOMER", "ACCOUNT", "PERSON", "LEAD", "PERSONNE", "COMPTE"];

static BY_NAME: LazyLock<HashMap<String, (Field, Fit)>> = LazyLock::new(|| {
    let mut by_name = HashMap::new();
    for field in Field::NAMED {
        // A "Title" is as often somebody's job.
        let fit = if *field == Field::Title { Fit::Guess } else { Fit::Canonical };
        by_name.insert(key(&field.name()), (*field, fit));
    }
    for names in ALIASES {
        let fit = if names.sure { Fit::Alias } else { Fit::Guess };
        for name in names.names.split(", ") {
            by_name.entry(key(name)).or_insert((names.field, fit));
        }
    }
    by_name
});

/// One proposal for each column of the header, in its order.
#[must_use]
pub fn propose(header: &[String]) -> Vec<Proposal> {
    let found: Vec<Option<(Field, Fit)>> = header.iter().map(|column| fit(column)).collect();
    let wins = |index: usize, field: Field, fit: Fit| {
        let mut rivals = found.iter().enumerate().filter_map(|(other, found)| Some((other, (*found)?)));
        rivals.all(|(other, (rival, rival_fit))| {
            rival != field || other == index || rival_fit < fit || (rival_fit == fit && other > index)
        })
    };
    let proposal = |(index, column): (usize, &String)| {
        let won = found.get(index).copied().flatten().filter(|(field, fit)| wins(index, *field, *fit));
        Proposal {
            column: column.clone(),
            field: won.map(|(field, _)| field),
            sure: won.is_some_and(|(_, fit)| fit >= Fit::Alias),
        }
    };
    header.iter().enumerate().map(proposal).collect()
}

fn fit(column: &str) -> Option<(Field, Fit)> {
    if is_ignored(column) {
        return None;
    }
    if let Some(field) = subscription_field(column) {
        return Some((field, Fit::Canonical));
    }
    // Salesforce marks its customers' own columns.
    let column = column.strip_suffix("__c").unwrap_or(column);
    let words = fold::words(&column.replace(['°', 'º'], " "));
    let known = |words: &str| BY_NAME.get(&words.replace(' ', "")).copied();
    known(&words).or_else(|| {
        let behind = PREFIXES.iter().find_map(|prefix| words.strip_prefix(prefix)?.strip_prefix(' '))?;
        known(behind).map(|(field, fit)| (field, fit.behind()))
    })
}

fn key(name: &str) -> String {
    fold::words(name).replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposals(header: &[&str]) -> Vec<(Option<Field>, bool)> {
        let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
        propose(&header).into_iter().map(|proposal| (proposal.field, proposal.sure)).collect()
    }

    #[test]
    fn french_and_english_headers_are_understood() {
        let cases = [
            ("CODE_CLIENT", Field::CustomerId),
            ("Prénom", Field::FirstName),
            ("NOM", Field::LastName),
            ("Civilité", Field::Title),
            ("Date de naissance", Field::BirthDate),
            ("Adresse e-mail", Field::Email),
            ("Tél. portable", Field::MobilePhone),
            ("CODE POSTAL", Field::PostalCode),
            ("Mailing Zip", Field::PostalCode),
            ("N° carte fidélité", Field::PersonIdentifier),
            ("Réf. wallet", Field::WalletId),
            ("Ville", Field::City),
            ("MailingStreet", Field::Street),
            ("emailaddress1", Field::Email),
            ("PSTLZ", Field::PostalCode),
            ("hs_lastmodifieddate", Field::UpdatedAt),
            ("N° SIRET", Field::Siren),
            ("Date_Naissance__c", Field::BirthDate),
            ("subscription_12", Field::Subscription(12)),
            ("last_name", Field::LastName),
            ("Code APE", Field::Naf),
            ("Complément d'adresse", Field::AddressApartment),
            ("Address 1: Street 1", Field::Street),
            ("Address 1: ZIP/Postal Code", Field::PostalCode),
            ("Mailing Zip/Postal Code", Field::PostalCode),
            ("Address 1: Country/Region", Field::Country),
            ("Adresse 1 : Ville", Field::City),
            ("(Do Not Modify) Modified On", Field::UpdatedAt),
            ("(Ne pas modifier) Modifié le", Field::UpdatedAt),
        ];
        for (column, field) in cases {
            assert_eq!(proposals(&[column]), [(Some(field), true)], "{column}");
        }
        assert_eq!(proposals(&["Contact: Email"]), [(Some(Field::Email), false)]);
        let dynamics = ["(Do Not Modify) Contact", "(Do Not Modify) Row Checksum", "Do not allow Emails"];
        assert_eq!(proposals(&dynamics), [(Some(Field::CustomerId), false), (None, false), (None, false)]);
        assert_eq!(proposals(&["couleur", "_row"]), [(None, false), (None, false)]);
    }

    #[test]
    fn a_field_is_proposed_for_its_best_column_only() {
        let proposed =
            proposals(&["ID", "Customer ID", "Code client", "Telephone", "Tel fixe", "Mail", "Email"]);
        let fields: Vec<_> = proposed.into_iter().map(|(field, _)| field).collect();
        let jobs: Vec<_> = proposals(&["Salutation", "Title"]);
        assert_eq!(jobs, [(Some(Field::Title), true), (None, false)], "a job title beside a form of address");
        let expected =
            [None, Some(Field::CustomerId), None, None, Some(Field::LandlinePhone), None, Some(Field::Email)];
        assert_eq!(fields, expected);
    }

    /// As Pipedrive names them.
    #[test]
    fn what_is_sure_behind_a_prefix_is_better_than_a_guess() {
        let person = ["Person - ID", "Person - Name", "Person - Last name", "Person - Email - Work"];
        let fields: Vec<_> = proposals(&person).into_iter().map(|(field, _)| field).collect();
        let (id, last, email) = (Field::CustomerId, Field::LastName, Field::Email);
        assert_eq!(fields, [Some(id), None, Some(last), Some(email)]);
    }

    /// Half of one address beside half of another is none.
    #[test]
    fn an_address_is_not_put_together_from_two() {
        let parts = ["Street", "City", "Zip", "Country"];
        let columns = |of: &[&str]| -> Vec<String> {
            of.iter().flat_map(|of| parts.map(|part| format!("{of} {part}"))).collect()
        };
        let found = |of: &[&str]| -> Vec<String> {
            let proposed = propose(&columns(of)).into_iter().filter(|proposal| proposal.field.is_some());
            proposed.map(|proposal| proposal.column).collect()
        };
        assert_eq!(found(&["Shipping", "Billing"]), columns(&["Billing"]));
        assert_eq!(found(&["Shipping"]), columns(&["Shipping"]));
    }

    #[test]
    fn no_name_is_listed_twice() {
        let mut seen = HashMap::new();
        for names in ALIASES {
            for name in names.names.split(", ") {
                assert_eq!(seen.insert(key(name), names.field), None, "{name}");
            }
        }
        assert!(seen.len() > 100);
        // Every field but subscriptions has names, so that none is forgotten when one is added.
        for field in Field::NAMED {
            assert!(ALIASES.iter().any(|names| names.field == *field), "{field}");
        }
    }
}
