//! The catalogue of canonical fields: what a CRM can say about a customer.

use std::borrow::Cow;
use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

use super::provider::ProviderId;

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $sensitivity:ident;)*) => {
        /// A canonical field. Its name is what `[columns]` maps and what messages show.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
            /// `subscription_<id>`: whether the customer takes the subscription with that identifier.
            Subscription(u32),
        }

        /// The same without the subscriptions.
        #[derive(Clone, Copy)]
        enum Named {
            $($variant,)*
        }

        impl Field {
            /// Where a field with a fixed name stands in [`Field::NAMED`]; `None` for a subscription.
            #[must_use]
            #[inline]
            pub fn position(self) -> Option<usize> {
                let ordinal = usize::from(self.ordinal());
                (ordinal < Self::NAMED.len()).then_some(ordinal)
            }

            /// One number for each named field, and another one for all others.
            fn ordinal(self) -> u8 {
                match self {
                    $(Self::$variant => Named::$variant as u8,)*
                    Self::Subscription(_) => u8::MAX,
                }
            }

            /// Every field with a fixed name, in catalogue order.
            pub const NAMED: &'static [Self] = &[$(Self::$variant,)*];

            /// The canonical name.
            #[must_use]
            pub fn name(self) -> Cow<'static, str> {
                match self {
                    $(Self::$variant => Cow::Borrowed($name),)*
                    Self::Subscription(id) => Cow::Owned(format!("{SUBSCRIPTION_PREFIX}{id}")),
                }
            }

            /// How much harm the value does in the wrong hands.
            #[must_use]
            pub fn sensitivity(self) -> Sensitivity {
                match self {
                    $(Self::$variant => Sensitivity::$sensitivity,)*
                    Self::Subscription(_) => Sensitivity::Personal,
                }
            }
        }
    };
}

/// What the name of a subscription's column begins with.
pub const SUBSCRIPTION_PREFIX: &str = "subscription_";
/// The largest identifier of a subscription: no integer of WsOne is larger.
pub const SUBSCRIPTION_MAX: u32 = i32::MAX.unsigned_abs();

/// How much harm a value does in the wrong hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sensitivity {
    /// Says nothing about a person: constants, types.
    Plain,
    /// Identifies or describes a person.
    Personal,
    /// Allows fraud or impersonation: bank details, identity documents, birth.
    Secret,
}

catalogue! {
    /// The CRM's own key of the customer: opaque and required.
    CustomerId = "customer_id", Personal;
    /// `WsOne`'s key: loyalty card, web account, UUID.
    PersonIdentifier = "person_identifier", Personal;
    /// `WsOne`'s type of that key, an integer.
    PersonIdentifierType = "person_identifier_type", Plain;
    /// The `WsOne` store the customer belongs to.
    StoreId = "store_id", Plain;
    /// Lemonway's key.
    WalletId = "wallet_id", Personal;
    /// Safedebit's key.
    SafedebitReference = "safedebit_reference", Personal;
    /// The merchant's own reference of a Safedebit consumer.
    ConsumerReference = "consumer_reference", Personal;
    /// M, F, J (joint) or U (unknown).
    Title = "title", Personal;
    /// First name.
    FirstName = "first_name", Personal;
    /// Family name.
    LastName = "last_name", Personal;
    /// Name in daily use, where it differs.
    UsualName = "usual_name", Personal;
    /// Pseudonym.
    Pseudonym = "pseudonym", Personal;
    /// Further first names.
    OtherFirstNames = "other_first_names", Personal;
    /// Date of birth.
    BirthDate = "birth_date", Secret;
    /// Town of birth.
    BirthCity = "birth_city", Personal;
    /// Country of birth.
    BirthCountry = "birth_country", Personal;
    /// Up to five nationalities.
    Nationalities = "nationalities", Personal;
    /// E-mail address.
    Email = "email", Personal;
    /// Mobile phone.
    MobilePhone = "mobile_phone", Personal;
    /// Landline phone.
    LandlinePhone = "landline_phone", Personal;
    /// Maker of the mobile phone.
    MobileBrand = "mobile_brand", Personal;
    /// Model of the mobile phone.
    MobileModel = "mobile_model", Personal;
    /// The whole street line. After mapping this field also carries what the three parts below say.
    Street = "street", Personal;
    /// House number, with bis or ter.
    StreetNumber = "street_number", Personal;
    /// Kind of street: rue, avenue …
    StreetType = "street_type", Personal;
    /// Name of the street.
    StreetName = "street_name", Personal;
    /// Apartment, staircase, floor (postal line 2).
    AddressApartment = "address_apartment", Personal;
    /// Building, residence (postal line 3).
    AddressBuilding = "address_building", Personal;
    /// Locality, post-office box (postal line 5).
    AddressLocality = "address_locality", Personal;
    /// Postal code.
    PostalCode = "postal_code", Personal;
    /// Town.
    City = "city", Personal;
    /// Country.
    Country = "country", Personal;
    /// Whether the company may send e-mail.
    EmailOptIn = "email_opt_in", Personal;
    /// Whether partners may send e-mail.
    EmailPartnerOptIn = "email_partner_opt_in", Personal;
    /// Whether the company may send text messages.
    SmsOptIn = "sms_opt_in", Personal;
    /// Whether partners may send text messages.
    SmsPartnerOptIn = "sms_partner_opt_in", Personal;
    /// Whether the company may send letters.
    MailOptIn = "mail_opt_in", Personal;
    /// Whether partners may send letters.
    MailPartnerOptIn = "mail_partner_opt_in", Personal;
    /// Kind of identity document.
    IdentityDocumentType = "identity_document_type", Secret;
    /// Number of the identity document.
    IdentityDocumentNumber = "identity_document_number", Secret;
    /// Day the identity document was issued.
    IdentityDocumentIssuedOn = "identity_document_issued_on", Secret;
    /// Day the identity document expires.
    IdentityDocumentExpiresOn = "identity_document_expires_on", Secret;
    /// Bank account.
    Iban = "iban", Secret;
    /// The customer's address on the network, as it was collected.
    IpAddress = "ip_address", Personal;
    /// Person, company or association.
    CustomerType = "customer_type", Plain;
    /// Company or association name.
    CompanyName = "company_name", Personal;
    /// Company website.
    CompanyWebsite = "company_website", Personal;
    /// What the company does.
    CompanyDescription = "company_description", Personal;
    /// Registration number in a foreign or special register.
    CompanyRegistration = "company_registration", Personal;
    /// SIREN: nine digits with a Luhn checksum. A SIRET is understood and gives SIREN and NIC.
    Siren = "siren", Personal;
    /// NIC: the five digits that follow the SIREN in a SIRET.
    Nic = "nic", Personal;
    /// NAF or APE code of the activity.
    Naf = "naf", Personal;
    /// VAT number.
    VatNumber = "vat_number", Personal;
    /// RNA number of an association: W and nine digits.
    Rna = "rna", Personal;
    /// Whether the wallet is a borrower's.
    IsDebtor = "is_debtor", Personal;
    /// Whether the wallet pays or receives.
    PayerOrBeneficiary = "payer_or_beneficiary", Personal;
    /// When the CRM changed the row; orders rows of one customer when `order_by` names it.
    UpdatedAt = "updated_at", Plain;
}

/// Some of the fields with a fixed name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldSet(u128);

const _: () = assert!(Field::NAMED.len() <= u128::BITS as usize, "each named field has its bit");

impl FieldSet {
    /// All fields with a fixed name.
    #[must_use]
    pub fn all() -> Self {
        Field::NAMED.iter().copied().collect()
    }

    /// Whether no field is among them.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields, in catalogue order.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let field = Field::NAMED.get(left.trailing_zeros() as usize)?;
            // What is there loses its lowest bit.
            left &= left - 1;
            Some(*field)
        })
    }

    /// Whether a field is among them; no subscription is.
    #[must_use]
    pub fn contains(self, field: Field) -> bool {
        field.position().is_some_and(|position| self.0 >> position & 1 == 1)
    }
}

impl FromIterator<Field> for FieldSet {
    /// Leaves subscriptions out.
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        let positions = fields.into_iter().filter_map(Field::position);
        Self(positions.fold(0, |bits, position| bits | 1 << position))
    }
}

impl BitOr for FieldSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for FieldSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for FieldSet {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOrAssign for FieldSet {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// What several fields are parts of: a provider that holds old and new parts of one has something that never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compound {
    /// Where somebody lives.
    Address,
    /// A passport, a card, a licence.
    IdentityDocument,
    /// SIREN and NIC.
    Establishment,
}

impl Field {
    /// What a street is made of, where a file has no whole line.
    pub const STREET_PARTS: [Self; 3] = [Self::StreetNumber, Self::StreetType, Self::StreetName];

    /// What counts as one with this field: a street is one, whatever a file makes it of.
    #[must_use]
    pub fn whole(self) -> Self {
        if Self::STREET_PARTS.contains(&self) { Self::Street } else { self }
    }

    /// Whether it tells where in a house somebody lives, or how to get there, and not which house it is.
    #[must_use]
    pub fn is_within_house(self) -> bool {
        matches!(self, Self::AddressApartment | Self::AddressBuilding | Self::AddressLocality)
    }

    /// What a provider knows a customer by. A file without it has nobody for that provider.
    #[must_use]
    pub fn key_of(provider: ProviderId) -> Self {
        match provider {
            ProviderId::Wsone => Self::PersonIdentifier,
            ProviderId::Lemonway => Self::WalletId,
            ProviderId::Safedebit => Self::SafedebitReference,
        }
    }

    /// What it is a part of.
    #[must_use]
    pub fn compound(self) -> Option<Compound> {
        match self {
            Self::Street
            | Self::StreetNumber
            | Self::StreetType
            | Self::StreetName
            | Self::AddressApartment
            | Self::AddressBuilding
            | Self::AddressLocality
            | Self::PostalCode
            | Self::City
            | Self::Country => Some(Compound::Address),
            Self::IdentityDocumentType
            | Self::IdentityDocumentNumber
            | Self::IdentityDocumentIssuedOn
            | Self::IdentityDocumentExpiresOn => Some(Compound::IdentityDocument),
            Self::Siren | Self::Nic => Some(Compound::Establishment),
            Self::CustomerId
            | Self::PersonIdentifier
            | Self::PersonIdentifierType
            | Self::StoreId
            | Self::WalletId
            | Self::SafedebitReference
            | Self::ConsumerReference
            | Self::Title
            | Self::FirstName
            | Self::LastName
            | Self::UsualName
            | Self::Pseudonym
            | Self::OtherFirstNames
            | Self::BirthDate
            | Self::BirthCity
            | Self::BirthCountry
            | Self::Nationalities
            | Self::Email
            | Self::MobilePhone
            | Self::LandlinePhone
            | Self::MobileBrand
            | Self::MobileModel
            | Self::EmailOptIn
            | Self::EmailPartnerOptIn
            | Self::SmsOptIn
            | Self::SmsPartnerOptIn
            | Self::MailOptIn
            | Self::MailPartnerOptIn
            | Self::Iban
            | Self::IpAddress
            | Self::CustomerType
            | Self::CompanyName
            | Self::CompanyWebsite
            | Self::CompanyDescription
            | Self::CompanyRegistration
            | Self::Naf
            | Self::VatNumber
            | Self::Rna
            | Self::IsDebtor
            | Self::PayerOrBeneficiary
            | Self::UpdatedAt
            | Self::Subscription(_) => None,
        }
    }

    /// The field of that canonical name, `subscription_<id>` included.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(id) = name.strip_prefix(SUBSCRIPTION_PREFIX) {
            return id.parse().ok().filter(|id| *id <= SUBSCRIPTION_MAX).map(Self::Subscription);
        }
        Self::NAMED.iter().copied().find(|field| field.name() == name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn every_name_parses_back_to_its_field() {
        for (position, field) in Field::NAMED.iter().enumerate() {
            assert_eq!(Field::parse(&field.name()), Some(*field));
            assert_eq!(field.position(), Some(position));
        }
        assert_eq!(Field::parse("subscription_12"), Some(Field::Subscription(12)));
        assert_eq!(Field::parse("subscription_x"), None);
        assert_eq!(Field::parse("prenom"), None);
    }
}
