//! Names that columns have in CRM exports: French, English, and those of Salesforce, `HubSpot`, Dynamics and SAP.
//!
//! Data only. Names are compared as words in capitals without accents and spaces, so that one spelling is enough.

use crate::domain::field::Field;

/// The names of one field.
pub(super) struct Names {
    /// The field they mean.
    pub(super) field: Field,
    /// Whether they mean nothing else.
    pub(super) sure: bool,
    /// The names in lower case, separated by a comma and a space.
    pub(super) names: &'static str,
}

const fn sure(field: Field, names: &'static str) -> Names {
    Names { field, sure: true, names }
}

const fn guess(field: Field, names: &'static str) -> Names {
    Names { field, sure: false, names }
}

/// Every known name.
pub(super) const ALIASES: &[Names] = &[
    sure(
        Field::CustomerId,
        "customer id, customer number, customer no, client id, id client, identifiant client, \
         numero client, num client, no client, n client, code client, ref client, reference client, \
         contact id, id contact, account number, kunnr, custaccount, crm id, record id, hs object id, \
         vid, customer key, client number, numero de client, cle client",
    ),
    guess(
        Field::CustomerId,
        "id, identifiant, code, uuid, guid, external id, id externe, accountid, id compte, numero, \
         do not modify contact, do not modify account, ne pas modifier contact, ne pas modifier compte",
    ),
    sure(
        Field::PersonIdentifier,
        "person identifier, carte fidelite, numero carte, num carte, no carte, carte de fidelite, \
         numero de carte, numero carte fidelite, numero de carte de fidelite, loyalty card, \
         loyalty card number, card number, loyalty id, loyalty number, membership number, id fidelite, \
         code fidelite, n carte, n de carte, n carte fidelite, n carte de fidelite, n de carte de fidelite, \
         wsone id, identifiant wsone",
    ),
    guess(Field::PersonIdentifier, "carte, card, id web, web account, compte web"),
    sure(Field::PersonIdentifierType, "person identifier type, identifier type, type identifiant"),
    sure(
        Field::StoreId,
        "store id, store, store code, code magasin, id magasin, magasin, magasin de rattachement, \
         entity, entite, code entite, shop, point de vente, boutique",
    ),
    sure(
        Field::WalletId,
        "wallet id, wallet, id wallet, lemonway id, lemonway wallet, id lemonway, lw id, \
         porte monnaie, wallet lemonway, ref wallet, reference wallet, n wallet, numero wallet, wallet number",
    ),
    sure(
        Field::SafedebitReference,
        "safedebit reference, reference safedebit, ref safedebit, safedebit id, id safedebit, \
         safedebit consumer reference",
    ),
    sure(
        Field::ConsumerReference,
        "consumer reference, consumer ref, reference consommateur, reference marchand, \
         merchant reference",
    ),
    sure(
        Field::Title,
        "title, civilite, civ, titre, salutation, anrede, form of address, sexe, genre, gender, sex, \
         gendercode, consumer gender",
    ),
    sure(
        Field::FirstName,
        "first name, prenom, given name, forename, name first, fname, prenom client, prenom usuel, \
         vorname, consumer first name",
    ),
    sure(
        Field::LastName,
        "last name, nom, nom de famille, surname, family name, name last, lname, nom client, \
         nom patronymique, nachname, consumer last name",
    ),
    guess(Field::LastName, "name, nom de naissance, birth name, maiden name"),
    sure(
        Field::UsualName,
        "usual name, nom usage, nom d usage, nom usuel, married name, nom marital, nom d epouse, \
         use name, consumer use name",
    ),
    sure(Field::Pseudonym, "pseudonym, pseudo, pseudonyme, nickname, surnom, alias"),
    sure(
        Field::OtherFirstNames,
        "other first names, autres prenoms, middle name, middle names, deuxieme prenom, prenoms, \
         second prenom",
    ),
    sure(
        Field::BirthDate,
        "birth date, date of birth, date naissance, date de naissance, dob, ddn, birthday, naissance, \
         ne le, nee le, date naiss, dt naissance, person birthdate, gbdat, consumer birth day",
    ),
    sure(
        Field::BirthCity,
        "birth city, ville naissance, ville de naissance, lieu naissance, lieu de naissance, \
         place of birth, birthplace, city of birth, commune naissance, commune de naissance",
    ),
    sure(Field::BirthCountry, "birth country, pays naissance, pays de naissance, country of birth"),
    sure(Field::Nationalities, "nationalities, nationality, nationalite, nationalites"),
    sure(
        Field::Email,
        "email, mail, email address, adresse email, adresse mail, courriel, adresse electronique, \
         email1, emailaddress1, person email, smtp addr, mail client, adresse de courriel, \
         consumer email",
    ),
    guess(Field::Email, "email work, work email, email home"),
    sure(
        Field::MobilePhone,
        "mobile phone, phone mobile, mobile, mobile number, mobile phone number, cell, cell phone, portable, tel portable, \
         telephone portable, telephone mobile, numero de telephone mobile, numero telephone mobile, tel mobile, gsm, \
         person mobile phone, num portable, \
         numero portable, numero mobile, numero de mobile, numero de portable, mob number, sms",
    ),
    sure(
        Field::LandlinePhone,
        "landline, landline phone, home phone, telephone fixe, tel fixe, fixe, tel domicile, \
         telephone domicile, telephone1, person home phone, numero fixe, phone home",
    ),
    guess(
        Field::LandlinePhone,
        "phone, telephone, tel, phone number, numero telephone, numero de telephone, tel number, \
         telf1, tel 1, phone work, work phone",
    ),
    sure(Field::MobileBrand, "mobile brand, marque mobile, marque telephone, phone brand"),
    sure(Field::MobileModel, "mobile model, modele mobile, modele telephone, phone model"),
    sure(
        Field::Street,
        "street, street address, address, address line 1, address1, adresse, adresse 1, \
         adresse ligne 1, rue et numero, mailing street, billing street, street line, address1 line1, \
         person mailing street, stras, adresse postale, voie complete, billing address, \
         ligne adresse 4, adresse ligne 4, address1 street1, adresse1 rue1",
    ),
    guess(Field::Street, "shipping street, shipping address"),
    sure(
        Field::StreetNumber,
        "street number, numero rue, numero voie, num voie, no voie, n voie, house number, \
         numero de rue, numero de voie, house num1, address3num, consumer address street number, \
         no rue, num rue",
    ),
    sure(
        Field::StreetType,
        "street type, type voie, type de voie, type rue, nature voie, address3type, \
         consumer address street type",
    ),
    sure(
        Field::StreetName,
        "street name, nom voie, nom de voie, nom rue, nom de rue, libelle voie, libelle de voie, \
         nom de la voie, nom de la rue, address3name, consumer address street name",
    ),
    guess(Field::StreetName, "rue, voie"),
    sure(
        Field::AddressApartment,
        "address apartment, appartement, apartment, apt, etage, escalier, adresse ligne 2, floor, \
         address line 2, address2, adresse 2, complement adresse, complement d adresse, complement, \
         address1 line2, consumer address complement, address1 street2, adresse1 rue2",
    ),
    sure(
        Field::AddressBuilding,
        "address building, batiment, building, bat, immeuble, adresse ligne 3, address line 3, \
         address3, adresse 3, complement adresse 2, complement d adresse 2, address1 line3, address1 street3, \
         adresse1 rue3",
    ),
    sure(
        Field::AddressLocality,
        "address locality, lieu dit, locality, bp, boite postale, adresse ligne 5, address4, \
         adresse 4, district, address line 4",
    ),
    sure(
        Field::PostalCode,
        "postal code, postcode, zip, zip code, code postal, cp, code post, mailing postal code, \
         billing postal code, address1 postalcode, person mailing postal code, pstlz, post code1, plz, \
         consumer zip code, mailing zip, mailing zip code, billing zip, zip postal code, \
         mailing zip postal code, billing zip postal code, address1 zip postal code, adresse1 code postal",
    ),
    guess(Field::PostalCode, "home zip, shipping zip, shipping postal code, shipping zip postal code"),
    guess(Field::City, "shipping city, localite"),
    sure(
        Field::City,
        "city, town, ville, commune, localite postale, mailing city, billing city, address1 city, \
         person mailing city, ort01, city1, consumer city, adresse1 ville",
    ),
    guess(Field::Country, "shipping country, shipping country code"),
    sure(
        Field::Country,
        "country, pays, country code, code pays, mailing country, mailing country code, \
         billing country, pays region, address1 country, person mailing country, land1, country region, \
         countryregionid, consumer country, address1 country region, adresse1 pays region",
    ),
    sure(
        Field::EmailOptIn,
        "email opt in, optin email, optin mail, email consent, consentement email, newsletter, \
         accepte email, marketing email consent, optin newsletter, abonne newsletter, accord email",
    ),
    sure(
        Field::EmailPartnerOptIn,
        "email partner opt in, optin email partenaires, optin partenaires, optin mail partenaires, \
         email partner consent, optin email partenaire, optin partenaire",
    ),
    sure(Field::SmsOptIn, "sms opt in, optin sms, sms consent, consentement sms, accepte sms, accord sms"),
    sure(
        Field::SmsPartnerOptIn,
        "sms partner opt in, optin sms partenaires, sms partner consent, optin sms partenaire",
    ),
    sure(
        Field::MailOptIn,
        "mail opt in, optin courrier, optin postal, consentement courrier, accepte courrier, \
         postal opt in",
    ),
    sure(
        Field::MailPartnerOptIn,
        "mail partner opt in, optin courrier partenaires, optin postal partenaires, \
         optin courrier partenaire",
    ),
    sure(
        Field::IdentityDocumentType,
        "identity document type, type piece identite, type de piece d identite, type piece, \
         type de piece, id type, identity type, document type, type document, nature piece",
    ),
    sure(
        Field::IdentityDocumentNumber,
        "identity document number, numero piece identite, numero de piece d identite, numero piece, \
         num piece, id number, document number, passport number, numero passeport, numero cni, \
         numero document",
    ),
    sure(
        Field::IdentityDocumentIssuedOn,
        "identity document issued on, date delivrance, date de delivrance, date emission piece, \
         issue date, date of issue, issued on, emission date",
    ),
    sure(
        Field::IdentityDocumentExpiresOn,
        "identity document expires on, date expiration piece, date expiration, date d expiration, \
         expiry date, expiration date, date of expiry, expire date, date validite piece",
    ),
    sure(
        Field::Iban,
        "iban, iban client, bank account, compte bancaire, numero iban, code iban, \
         coordonnees bancaires",
    ),
    sure(Field::IpAddress, "ip address, ip, adresse ip, client ip, consumer ip, customer ip"),
    sure(
        Field::CustomerType,
        "customer type, type client, type de client, client type, nature client, consumer type, \
         type personne, personne morale physique",
    ),
    guess(Field::CompanyName, "account name"),
    sure(
        Field::CompanyName,
        "company name, company, raison sociale, societe, entreprise, nom societe, nom entreprise, \
         nom de la societe, nom de l entreprise, denomination, organisation, organization, \
         denomination sociale, nom compte, name org1",
    ),
    sure(Field::CompanyWebsite, "company website, website, site web, site internet, url, web, websiteurl"),
    sure(
        Field::CompanyDescription,
        "company description, description activite, activite, business description, \
         description de l activite",
    ),
    sure(
        Field::CompanyRegistration,
        "company registration, registration number, rcs, numero rcs, numero d immatriculation, \
         immatriculation, company number",
    ),
    sure(Field::Siren, "siren, siret, numero siren, numero siret, n siren, n siret, code siren, code siret"),
    sure(Field::Nic, "nic, code nic, numero nic"),
    sure(Field::Naf, "naf, ape, code naf, code ape, naf code, ape code"),
    sure(
        Field::VatNumber,
        "vat number, vat, tva, numero tva, tva intracommunautaire, numero de tva, tva intra, vat id, \
         numero tva intracommunautaire, n tva intracommunautaire, n tva, stceg, vatnum, tva interco",
    ),
    sure(Field::Rna, "rna, waldec, numero rna, code rna, numero waldec"),
    sure(Field::IsDebtor, "is debtor, debtor, emprunteur, est emprunteur, debiteur, is borrower"),
    sure(
        Field::PayerOrBeneficiary,
        "payer or beneficiary, payeur beneficiaire, payeur ou beneficiaire, role wallet, wallet role",
    ),
    sure(
        Field::UpdatedAt,
        "updated at, updated on, modified at, modified on, date modification, date de modification, \
         date maj, date de mise a jour, date mise a jour, derniere modification, \
         date de derniere modification, modified time, last modified, \
         last modified date, hs lastmodifieddate, systemmodstamp, last update, updated, maj, \
         mise a jour, laeda, update date, modifie le, do not modify modified on, ne pas modifier modifie le",
    ),
];
