//! A code that repeats what was sent is no code: it would carry a value or a secret into logs, reports and rejects.

use secrecy::ExposeSecret;

use crate::domain::call::Payload;
use crate::domain::verdict::{AnswerCode, Verdict};

use super::Provider;
use super::codes::lookup;

/// What stands in the place of such a code.
const WITHHELD: &str = "code_withheld";
/// So long is a part of a value that no code has by chance.
const PART_CHARS_MIN: usize = 6;
/// So long is a whole word or number that no code is by chance; one with a letter may be shorter.
const WORD_CHARS_MIN: usize = 4;
const WORD_OF_LETTERS_CHARS_MIN: usize = 2;

/// The verdict, its code withheld if that repeats the key, a value or the credentials that the request carried. What is
/// documented, or classed by the operator, is a code all the same.
#[must_use]
pub fn without_echo(mut verdict: Verdict, provider: &dyn Provider, payload: &Payload) -> Verdict {
    let Some(code) = verdict.answer_code_mut() else { return verdict };
    let is_known = provider.code_table().contains_key(code.as_str())
        || lookup(provider.id(), code.as_str()).is_documented();
    if !is_known && repeats(code.as_str(), provider, payload) {
        *code = AnswerCode::new(WITHHELD);
    }
    verdict
}

fn repeats(code: &str, provider: &dyn Provider, payload: &Payload) -> bool {
    let code = code.to_lowercase();
    let credentials = provider.credentials();
    let secrets = [credentials.username.expose_secret(), credentials.password.expose_secret()];
    let values = payload.values.iter().map(|(_, value)| value);
    values.chain(secrets).chain([payload.key.0.as_str()]).any(|sent| is_of(&code, sent))
}

/// Is a code in small letters made of what was sent.
fn is_of(code: &str, sent: &str) -> bool {
    let whole = AnswerCode::new(sent).as_str().to_lowercase();
    let has_letter = |word: &str| word.contains(|c: char| c.is_ascii_alphabetic());
    let is_word = |word: &str| {
        let chars_min = if has_letter(word) { WORD_OF_LETTERS_CHARS_MIN } else { WORD_CHARS_MIN };
        word.len() >= chars_min && word == code
    };
    let of_each_other = |one: &str, other: &str| other.len() >= PART_CHARS_MIN && one.contains(other);
    let mut words =
        sent.split(|c: char| !c.is_alphanumeric()).map(|word| AnswerCode::new(word).as_str().to_lowercase());
    is_word(&whole)
        || of_each_other(code, &whole)
        || of_each_other(&whole, code)
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
            ("75001", "75001", true),
            // Longer than any code is kept.
            (&"x".repeat(40), &"X".repeat(99), true),
            ("204", "204", false),
            ("3", "3", false),
            ("EMAIL_INVALID", "email@example.org", false),
            ("NAME", "Nameless", false),
            ("X", "", false),
        ];
        for (code, sent, expected) in cases {
            assert_eq!(
                is_of(&AnswerCode::new(code).as_str().to_lowercase(), sent),
                expected,
                "{code} {sent}"
            );
        }
    }
}
