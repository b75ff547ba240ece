//! The `E` of a refusal: code, priority, and a message in the caller's language.

use serde_json::{Value, json};

/// Code, French message, English message.
const MESSAGES: &[(&str, &str, &str)] = &[
    ("105", "Login ou mot de passe incorrect", "Invalid login or password"),
    ("128", "Numéro de téléphone incorrect", "Invalid phone number"),
    ("146", "Statut du wallet incorrect", "Invalid wallet status"),
    ("147", "Login inexistant", "Unknown wallet"),
    ("152", "Login déjà utilisé", "Wallet already exists"),
    ("178", "Format de l'e-mail incorrect", "Invalid e-mail format"),
    ("204", "E-mail déjà utilisé", "E-mail already in use"),
    ("234", "Données incorrectes", "Invalid data"),
    ("247", "Format de date incorrect", "Invalid date format"),
    ("248", "Adresse IP incorrecte", "Invalid IP address"),
    ("252", "Nom incorrect", "Invalid name"),
    ("253", "Numéro de mobile incorrect", "Invalid mobile number"),
    ("254", "Date de naissance incorrecte", "Invalid birth date"),
    ("264", "Identifiant de wallet incorrect", "Invalid wallet identifier"),
];

/// Every refusal has had this priority, as far as anybody has recorded one.
const PRIORITY: &str = "2";

/// The error object; code and priority are strings although they are documented as integers.
pub(super) fn error(code: &str, detail: &str, language: &str) -> Value {
    let known = MESSAGES.iter().find(|(known, ..)| *known == code);
    let (french, english) = known.map_or(("Erreur technique", "Technical error"), |(_, fr, en)| (*fr, *en));
    let message = if language.eq_ignore_ascii_case("fr") { french } else { english };
    json!({"Error": detail, "Code": code, "Msg": message, "Prio": PRIORITY})
}
