//! Values after the door: each parsed once into its type, so that nobody below mapping handles raw strings.
//!
//! The parsers live in `mapping`; these types only promise what a value is once it exists.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::ops::Deref;

use jiff::civil::Date;
use smol_str::SmolStr;

/// A value of a canonical field.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Free text: NFC, trimmed, without control characters, not empty.
    Text(SmolStr),
    /// Yes or no.
    Flag(bool),
    /// A whole number (identifier types).
    Integer(i64),
    /// Form of address.
    Title(Title),
    /// A day: birth, issue or expiry of a document.
    Date(Date),
    /// A country.
    Country(Country),
    /// One to five nationalities, in the order given, without repetition.
    Nationalities(Cow<'static, [Country]>),
    /// A phone number.
    Phone(Box<Phone>),
    /// An e-mail address with a dotted domain and no display name.
    Email(SmolStr),
    /// An IBAN whose checksum holds: upper case, no spaces.
    Iban(SmolStr),
    /// An IP address.
    Ip(IpAddr),
    /// A street line and what it was split into.
    Street(Box<Street>),
    /// Kind of identity document.
    IdentityDocument(IdentityDocument),
    /// Kind of customer.
    CustomerType(CustomerType),
    /// Role of a wallet.
    WalletRole(WalletRole),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<value>")
    }
}

/// Form of address. `providers.md`: M, F, J joint, U unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Title {
    /// Monsieur.
    M,
    /// Madame.
    F,
    /// Two people under one account.
    J,
    /// Not known.
    U,
}

impl Title {
    /// The letter that stands for it in files, settings and at Lemonway.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::M => "M",
            Self::F => "F",
            Self::J => "J",
            Self::U => "U",
        }
    }
}

/// A country of ISO 3166-1.
#[derive(Clone, Copy)]
pub struct Country(&'static CountryNames);

/// The names of a country that providers want.
#[derive(Debug)]
pub struct CountryNames {
    /// Two capital letters.
    pub alpha2: &'static str,
    /// Three capital letters.
    pub alpha3: &'static str,
    /// The French name in capitals without accents, for instance "FRANCE" or "PAYS-BAS".
    pub french: &'static str,
}

impl Country {
    /// The country that has these names.
    #[must_use]
    pub const fn new(names: &'static CountryNames) -> Self {
        Self(names)
    }
}

impl Deref for Country {
    type Target = CountryNames;

    fn deref(&self) -> &CountryNames {
        self.0
    }
}

impl PartialEq for Country {
    fn eq(&self, other: &Self) -> bool {
        self.alpha2 == other.alpha2
    }
}

impl Eq for Country {}

impl Hash for Country {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.alpha2.hash(state);
    }
}

impl std::fmt::Debug for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<country>")
    }
}

/// Dialing codes of France and its overseas territories, where the national form is a 0 and the number.
pub const TRUNK_ZERO_CODES: [&str; 6] = ["33", "262", "508", "590", "594", "596"];

/// A phone number that the numbering plan allows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone {
    /// Country or territory code without "+": "33", "262", "590" …
    pub dialing_code: SmolStr,
    /// National form with its trunk prefix, digits only: "0612345678".
    pub national: SmolStr,
    /// International form, digits only, without "+" and "00": "33612345678".
    pub msisdn: SmolStr,
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<phone>")
    }
}

/// A street line. What does not split is kept whole in `line`; nothing is lost.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Street {
    /// The whole line: as the CRM wrote it, or joined from the three parts.
    pub line: SmolStr,
    /// The parts, when the line splits into them.
    pub parts: Option<StreetParts>,
}

/// A street line in its parts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StreetParts {
    /// "12", "12 bis", "3 B"; none for a street without number.
    pub number: Option<SmolStr>,
    /// The kind of street; none for "Le Bourg".
    pub kind: Option<StreetKind>,
    /// What follows the kind: "de la Liberté".
    pub name: SmolStr,
}

/// The kind of a street.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StreetKind {
    /// As the CRM wrote it: "av.", "rue".
    pub written: SmolStr,
    /// The full word in capitals without accents: "AVENUE". Key of `street_types` in the configuration.
    pub standard: SmolStr,
    /// The postal abbreviation (NF Z 10-011), for instance "AV", "ZI"; equal to `standard` where there is none.
    pub short: SmolStr,
}

/// Kind of identity document, with the numbers of `edit_consumer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityDocument {
    /// 1: identity card.
    IdentityCard,
    /// 2: driving licence.
    DrivingLicence,
    /// 3: passport.
    Passport,
    /// 4: residence card.
    ResidenceCard,
    /// 5: work permit.
    WorkPermit,
}

/// Kind of customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerType {
    /// A natural person.
    Person,
    /// A company.
    Company,
    /// An association.
    Association,
}

/// Role of a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WalletRole {
    /// Pays.
    Payer,
    /// Receives.
    Beneficiary,
}

/// A street shows nothing of itself.
macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("<street>")
            }
        }
    )*};
}
opaque_debug!(Street, StreetParts, StreetKind);
