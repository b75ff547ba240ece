//! Values out of a short list: yes or no, forms of address, kinds of documents, customers and wallets.

use super::reason::{self, Parsed};
use crate::domain::fold;
use crate::domain::value::{CustomerType, IdentityDocument, Title, WalletRole};

/// Yes or no, in the words of the documentation.
pub(super) fn flag(text: &str) -> Parsed<bool> {
    let is_any = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_any(&["true", "1", "oui", "yes", "o", "y", "vrai"]) {
        Ok(true)
    } else if is_any(&["false", "0", "non", "no", "n", "faux"]) {
        Ok(false)
    } else {
        Err(reason::NOT_A_FLAG)
    }
}

/// A form of address. Two people in one cell ("M. et Mme") are joint.
pub(super) fn title(text: &str) -> Parsed<Title> {
    let folded = fold::words(text);
    if matches!(folded.as_str(), "NON RENSEIGNE" | "NON PRECISE" | "N A") {
        return Ok(Title::U);
    }
    // Lists of other systems have other numbers: one that contradicts a word is nobody's second title.
    let has_number = folded.bytes().any(|byte| byte.is_ascii_digit());
    // "Madame ou Mademoiselle" may be one, "M. et M." are two.
    let are_two = text.contains(['&', '+']) || folded.split(' ').any(|word| matches!(word, "ET" | "AND"));
    let mut found = None;
    for word in folded.split(' ').filter(|word| !matches!(*word, "ET" | "OU" | "AND" | "OR")) {
        let title = title_word(word).ok_or(reason::NOT_A_TITLE)?;
        found = Some(match found {
            None => title,
            Some(before @ (Title::M | Title::F))
                if !has_number && (are_two || before != title) && matches!(title, Title::M | Title::F) =>
            {
                Title::J
            }
            Some(Title::J) if are_two && matches!(title, Title::M | Title::F) => Title::J,
            Some(before) if before == title => title,
            Some(_) => return Err(reason::NOT_A_TITLE),
        });
    }
    found.ok_or(reason::NOT_A_TITLE)
}

fn title_word(word: &str) -> Option<Title> {
    Some(match word {
        "M" | "MR" | "MONSIEUR" | "MISTER" | "HERR" | "1" | "H" | "HOMME" | "MALE" | "MASCULIN" => Title::M,
        "F" | "MME" | "MLLE" | "MELLE" | "FRAU" | "MADAME" | "MADEMOISELLE" | "MRS" | "MS" | "MISS" | "2"
        | "FEMME" | "FEMALE" | "FEMININ" => Title::F,
        "J" | "COUPLE" | "JOINT" => Title::J,
        "U" | "MX" | "INCONNU" | "INCONNUE" | "UNKNOWN" | "AUTRE" | "OTHER" | "NC" | "0" => Title::U,
        _ => return None,
    })
}

/// Kind of identity document: the numbers of Safedebit, or words.
pub(super) fn identity_document(text: &str) -> Parsed<IdentityDocument> {
    Ok(match fold::words(text).as_str() {
        "1"
        | "CNI"
        | "CI"
        | "CARTE D IDENTITE"
        | "CARTE IDENTITE"
        | "CARTE NATIONALE D IDENTITE"
        | "ID"
        | "ID CARD"
        | "IDENTITY CARD"
        | "NATIONAL ID" => IdentityDocument::IdentityCard,
        "2" | "PERMIS" | "PERMIS DE CONDUIRE" | "DRIVING LICENCE" | "DRIVING LICENSE" | "DRIVER LICENSE"
        | "DRIVERS LICENSE" | "DRIVER S LICENSE" => IdentityDocument::DrivingLicence,
        "3" | "PASSEPORT" | "PASSPORT" => IdentityDocument::Passport,
        "4" | "TITRE DE SEJOUR" | "CARTE DE SEJOUR" | "CARTE DE RESIDENT" | "RESIDENCE CARD"
        | "RESIDENCE PERMIT" => IdentityDocument::ResidenceCard,
        "5" | "PERMIS DE TRAVAIL" | "AUTORISATION DE TRAVAIL" | "WORK PERMIT" => IdentityDocument::WorkPermit,
        _ => return Err(reason::NOT_A_DOCUMENT),
    })
}

/// Kind of customer, in words.
pub(super) fn customer_type(text: &str) -> Parsed<CustomerType> {
    Ok(match fold::words(text).as_str() {
        "PERSON" | "PERSONNE" | "PERSONNE PHYSIQUE" | "PHYSIQUE" | "PARTICULIER" | "INDIVIDU"
        | "INDIVIDUAL" | "NATURAL PERSON" | "CONSUMER" | "B2C" | "PP" => CustomerType::Person,
        "COMPANY" | "SOCIETE" | "ENTREPRISE" | "PERSONNE MORALE" | "MORALE" | "PROFESSIONNEL" | "PRO"
        | "BUSINESS" | "ORGANISATION" | "ORGANIZATION" | "B2B" | "PM" => CustomerType::Company,
        "ASSOCIATION" | "ASSO" | "NPO" | "NON PROFIT" | "NONPROFIT" => CustomerType::Association,
        _ => return Err(reason::NOT_A_CUSTOMER_TYPE),
    })
}

/// Role of a wallet: Lemonway's numbers, or words.
pub(super) fn wallet_role(text: &str) -> Parsed<WalletRole> {
    Ok(match fold::words(text).as_str() {
        "PAYER" | "PAYEUR" | "PAYEUSE" | "1" => WalletRole::Payer,
        "BENEFICIARY" | "BENEFICIAIRE" | "2" => WalletRole::Beneficiary,
        _ => return Err(reason::NOT_A_ROLE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_the_documented_words_in_any_case() {
        for yes in ["true", "TRUE", "1", "oui", "Oui", "yes", "o", "O", "y", "vrai", "VRAI"] {
            assert_eq!(flag(yes), Ok(true), "{yes}");
        }
        for no in ["false", "0", "non", "NON", "no", "n", "N", "faux"] {
            assert_eq!(flag(no), Ok(false), "{no}");
        }
        for other in ["", "2", "-1", "oui!", "peut-être", "x", "on"] {
            assert!(flag(other).is_err(), "{other}");
        }
    }

    #[test]
    fn titles_are_read_as_people_write_them() {
        let cases: &[(&[&str], Title)] = &[
            (
                &[
                    "M",
                    "m.",
                    "M.",
                    "Mr",
                    "MR.",
                    "Monsieur",
                    "1",
                    "Homme",
                    "male",
                    "Herr",
                    "1 - M.",
                    "M - Monsieur",
                ],
                Title::M,
            ),
            (
                &[
                    "F",
                    "Mme",
                    "mme.",
                    "Mlle",
                    "Madame",
                    "Mrs",
                    "Ms.",
                    "Miss",
                    "2",
                    "Féminin",
                    "Frau",
                    "Melle",
                    "Madame ou Mademoiselle",
                ],
                Title::F,
            ),
            (
                &[
                    "J",
                    "M. et Mme",
                    "M ou Mme",
                    "Monsieur et Madame",
                    "Mr & Mrs",
                    "Mme/M.",
                    "M.,Mme",
                    "M. et M.",
                    "M. et M. et Mme",
                    "Mme & Mlle",
                ],
                Title::J,
            ),
            (&["U", "Inconnu", "0", "unknown", "Non renseigné", "N/A"], Title::U),
        ];
        for (texts, expected) in cases {
            for text in *texts {
                assert_eq!(title(text), Ok(*expected), "{text}");
            }
        }
        // A doctor's sex is not known, and U would overwrite it.
        for text in ["Dr", "3", "", ".", "Maître", "M. Dupont", "J U", "1 - Mme", "Mme (1)", "2 - M.", "1/2"]
        {
            assert!(title(text).is_err(), "{text}");
        }
    }

    #[test]
    fn documents_customers_and_roles_are_numbers_or_words() {
        assert_eq!(identity_document("Carte d'identité"), Ok(IdentityDocument::IdentityCard));
        assert_eq!(identity_document("CNI"), Ok(IdentityDocument::IdentityCard));
        assert_eq!(identity_document("2"), Ok(IdentityDocument::DrivingLicence));
        assert_eq!(identity_document("passeport"), Ok(IdentityDocument::Passport));
        assert_eq!(identity_document("Titre de séjour"), Ok(IdentityDocument::ResidenceCard));
        assert_eq!(identity_document("permis de travail"), Ok(IdentityDocument::WorkPermit));
        assert!(identity_document("6").is_err());
        assert_eq!(customer_type("Société"), Ok(CustomerType::Company));
        assert_eq!(customer_type("Particulier"), Ok(CustomerType::Person));
        assert_eq!(customer_type("association"), Ok(CustomerType::Association));
        // Numbers mean different things in different systems.
        assert!(customer_type("1").is_err());
        assert_eq!(wallet_role("Bénéficiaire"), Ok(WalletRole::Beneficiary));
        assert_eq!(wallet_role("payeur"), Ok(WalletRole::Payer));
        assert!(wallet_role("both").is_err());
    }
}
