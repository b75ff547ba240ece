//! The usual IBAN without the cost of the general one: of France, all digits, already in its form.

/// `FR`, two digits and the account.
const BYTES: usize = 27;

/// The letters F and R, as the checksum counts them.
const FR: u64 = 15_27;

/// Is it an IBAN beyond doubt? Any other goes the long way.
pub(super) fn is_plain(text: &str) -> bool {
    let Ok([b'F', b'R', digits @ ..]) = <&[u8; BYTES]>::try_from(text.as_bytes()) else { return false };
    if !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let (check, account) = digits.split_at(2);
    // So that no number is longer than 64 bits.
    let (first, second) = account.split_at(12);
    let rest = append(0, first) % 97;
    let rest = append(rest, second) % 97;
    let rest = (rest * 10_000 + FR) % 97;
    // The standard gives out no key below 02.
    append(0, check) > 1 && append(rest, check) % 97 == 1
}

/// A number with these digits behind it.
fn append(number: u64, digits: &[u8]) -> u64 {
    digits.iter().fold(number, |number, digit| number * 10 + u64::from(digit - b'0'))
}
