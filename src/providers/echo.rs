//! A code that repeats what was sent is no code: it would carry a value or a secret into logs, reports and rejects.

use secrecy::ExposeSecret;

use crate::domain::call::Payload;
use crate::domain::verdict::{AnswerCode, Verdict};

use super::Provider;
use super::codes::lookup;
use super::exchange::basic_token;

/// So long is a part of a value that no code has by chance.
const PART_CHARS_MIN: usize = 6;
/// So long is a whole word or number that no code is by chance; one with a letter may be shorter.
const WORD_CHARS_MIN: usize = 4;
const WORD_OF_LETTERS_CHARS_MIN: usize = 2;
/// So many digits in a row are a telephone number, an account, a day. No code that anybody has documented has more than three;
/// the values that a call leaves out, since they have not changed, are not there to compare with.
const DIGITS_MIN: usize = 7;

/// The verdict, its code withheld if that repeats the key, a value or the credentials that the request carried, or looks
/// like a value. What is documented, or classed by the operator, is a code all the same.
#[must_use]
pub fn without_echo(mut verdict: Verdict, provider: &dyn Provider, payload: &Payload) -> Verdict {
    let Some(code) = verdict.answer_code_mut() else { return verdict };
    let is_known = provider.code_table().contains_key(code.as_str())
        || lookup(provider.id(), code.as_str()).is_documented();
    if !is_known && (has_number(code.as_str()) || repeats(code.as_str(), provider, payload)) {
        *code = AnswerCode::withheld();
    }
    verdict
}

fn has_number(code: &str) -> bool {
    code.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= DIGITS_MIN)
}

fn repeats(code: &str, provider: &dyn Provider, payload: &Payload) -> bool {
    let code = code.to_lowercase();
    let credentials = provider.credentials();
    let token = basic_token(credentials);
    let secrets = [credentials.username.expose_secret(), credentials.password.expose_secret(), &token];
    let values = payload.values.iter().map(|(_, value)| value);
    values.chain(secrets).chain([payload.key.0.as_str()]).any(|sent| is_of(&code, sent))
}

/// Is a code in small letters made of what was sent.
fn is_of(code: &str, sent: &str) -> bool {
    let visible = |text: &str| AnswerCode::visible(text).to_lowercase();
    let whole = visible(sent);
    let has_letter = |word: &str| word.contains(|c: char| c.is_ascii_alphabetic());
    let is_word = |word: &str| {
        let chars_min = if has_letter(word) { WORD_OF_LETTERS_CHARS_MIN } else { WORD_CHARS_MIN };
        word.len() >= chars_min && word == code
    };
    let of_each_other = |one: &str, other: &str| other.len() >= PART_CHARS_MIN && one.contains(other);
    let mut words = sent.split(|c: char| !c.is_alphanumeric()).map(visible);
    // A code has words too: NAME_Dupont.
    let mut own_words = code.split(['_', '-', '.']).filter(|word| word.len() >= WORD_CHARS_MIN);
    is_word(&whole)
        || of_each_other(code, &whole)
        || of_each_other(&whole, code)
        || own_words.any(|word| word == whole)
        || words.any(|word| is_word(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code, what was sent, and is the one made of the other.
    #[test]
    fn a_value_is_told_from_a_code() {
        let cases = [
            ("FR7630006000011234567890189", "FR7630006000011234567890189", true),
            ("jean.dupontexample.org", "jean.dupont@example.org", true),
            ("bad-jean.dupontexample.org", "jean.dupont@example.org", true),
            ("Dupont", "Jean Dupont", true),
            ("LEE", "Lee", true),
            ("7630006000011234", "FR76 3000 6000 0112 3456 7890 189", true),
            ("A123", "3:A123", true),
            ("NAME_Petit", "Petit", true),
            ("ERR-75001", "75001", true),
            ("75001", "75001", true),
            // Longer than any code is.
            (&"x".repeat(40), &"X".repeat(99), true),
            ("204", "204", false),
            ("E204_B", "204", false),
            ("3", "3", false),
            ("EMAIL_INVALID", "email@example.org", false),
            ("NAME", "Nameless", false),
            ("X", "", false),
        ];
        for (code, sent, expected) in cases {
            assert_eq!(is_of(&AnswerCode::visible(code).to_lowercase(), sent), expected, "{code} {sent}");
        }
    }

    /// What did not change is not in the call, and cannot be compared.
    #[test]
    fn a_long_number_is_no_code() {
        for value in ["33612345678", "FR7630006000011234567890189", "19850321", "D-1234567"] {
            assert!(has_number(value), "{value}");
        }
        for code in ["147", "EXIST_002", "2026-11", "123456"] {
            assert!(!has_number(code), "{code}");
        }
    }
}
