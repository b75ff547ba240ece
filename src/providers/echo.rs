//! A code that repeats what was sent is no code: it would carry a value or a secret into logs, reports and rejects.

use secrecy::ExposeSecret;

use crate::domain::call::Payload;
use crate::domain::fold;
use crate::domain::verdict::{AnswerCode, Verdict};

use super::Provider;
use super::codes::is_listed;
use super::exchange::basic_token;

/// The length from which on no code has a part of a value by chance.
const PART_CHARS_MIN: usize = 6;
/// The length from which on no code is a whole word or number of a value by chance; one with a letter may be shorter.
const WORD_CHARS_MIN: usize = 4;
const WORD_OF_LETTERS_CHARS_MIN: usize = 2;
/// The length from which on a word of a code that is also one of a value names something.
const OWN_WORD_CHARS_MIN: usize = 3;
/// How many digits, however they are parted, are a telephone number, an account, a day. No code that anybody has documented has
/// more than three; the values that a call leaves out, since they have not changed, are not there to compare with.
const DIGITS_MIN: usize = 6;

/// The verdict, its code withheld if that repeats the key, a value or the credentials that the request carried, or looks
/// like a value. What is documented, or classed by the operator, is a code all the same.
#[must_use]
pub fn without_echo(mut verdict: Verdict, provider: &dyn Provider, payload: &Payload) -> Verdict {
    let Some(code) = verdict.answer_code_mut() else { return verdict };
    let is_known =
        provider.code_table().contains_key(code.as_str()) || is_listed(provider.id(), code.as_str());
    if !is_known && (has_number(code.as_str()) || repeats(code.as_str(), provider, payload)) {
        *code = AnswerCode::withheld();
    }
    verdict
}

fn has_number(code: &str) -> bool {
    code.bytes().filter(u8::is_ascii_digit).count() >= DIGITS_MIN
}

fn repeats(code: &str, provider: &dyn Provider, payload: &Payload) -> bool {
    let code = code.to_lowercase();
    let credentials = provider.credentials();
    let token = basic_token(credentials);
    let secrets = [credentials.username.expose_secret(), credentials.password.expose_secret(), &token];
    let values = payload.values.iter().map(|(_, value)| value);
    values.chain(secrets).chain([payload.key.0.as_str()]).any(|sent| is_of(&code, sent))
}

/// Whether a code in small letters is made of what was sent, whatever signs part the words of both, and with or without its
/// accents.
fn is_of(code: &str, sent: &str) -> bool {
    let plain = fold::plain(sent);
    is_made_of(code, sent) || (plain != sent && is_made_of(code, &plain))
}

fn is_made_of(code: &str, sent: &str) -> bool {
    let bare = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let (whole, bare_code) = (bare(&AnswerCode::visible(sent).to_lowercase()), bare(code));
    let has_letter = |word: &str| word.contains(|c: char| c.is_ascii_alphabetic());
    let is_word = |word: &str| {
        let chars_min = if has_letter(word) { WORD_OF_LETTERS_CHARS_MIN } else { WORD_CHARS_MIN };
        word.len() >= chars_min && word == bare_code
    };
    let of_each_other = |one: &str, other: &str| other.len() >= PART_CHARS_MIN && one.contains(other);
    let words: Vec<String> = sent
        .split(|c: char| !c.is_alphanumeric())
        .map(|word| AnswerCode::visible(word).to_lowercase())
        .collect();
    // A code has words too: NAME_Dupont, ZIP_75001. Those of an address of e-mail are anybody's, as EMAIL is.
    let is_own =
        |word: &&str| word.len() >= if has_letter(word) { OWN_WORD_CHARS_MIN } else { WORD_CHARS_MIN };
    let is_address = sent.contains('@');
    let mut own_words = code.split(['_', '-', '.']).filter(is_own);
    is_word(&whole)
        || of_each_other(&bare_code, &whole)
        || of_each_other(&whole, &bare_code)
        || own_words.any(|own| own == whole || (!is_address && words.iter().any(|word| word == own)))
        || words.iter().any(|word| is_word(word))
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
            ("NAME_LEE", "Lee", true),
            ("NAME_DUPONT", "Dupont Martin", true),
            ("CITY_DENIS", "Le Denis", true),
            ("marie_line_le_gal", "Marie-Line Le Gal", true),
            ("12_rue_Victor_Hugo", "12 rue Victor Hugo", true),
            ("75001", "75001", true),
            ("ZIP_75001", "75001", true),
            ("LEFEVRE", "Lefèvre", true),
            ("NAME_HELENE", "Hélène", true),
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
        let values = ["33612345678", "06.12.34.56.78", "BIRTH_1985-03-21", "FR76-3000-6000", "D-123456"];
        for value in values {
            assert!(has_number(value), "{value}");
        }
        for code in ["147", "EXIST_002", "2026.1", "12345"] {
            assert!(!has_number(code), "{code}");
        }
    }
}
