//! Why a value was not understood. Constants, so that no customer value can slip into a message.

use crate::domain::defect::DefectReason;

/// What a parser of one value gives.
pub(super) type Parsed<T> = Result<T, DefectReason>;

macro_rules! reasons {
    ($($name:ident = $text:literal;)*) => {$(pub(super) const $name: DefectReason = DefectReason($text);)*};
}

reasons! {
    KEY_EMPTY = "the customer's key is empty";
    KEY_IS_HEADER = "is the name of its column: the header again, as where files were joined";
    KEY_UNUSABLE = "the customer's key is too long or has characters that no key has";
    CONTROL_CHARACTER = "contains a line break or another control character";
    NESTED = "is an object or a list of them, not a value; name what is in it by a JSON pointer in [columns]";
    BROKEN_ENCODING = "was damaged by a wrong character encoding; check `encoding`";
    TOO_LONG = "is longer than any value can be; quotes or columns may be shifted";
    SCIENTIFIC = "was turned into scientific notation by a spreadsheet";
    DECIMALS = "was turned into a number with decimals by a spreadsheet or a program";
    SPREADSHEET_ERROR = "is an error of a spreadsheet instead of a value";
    QUOTE_BEHIND_BLANK = "has quotes behind a blank, which are a part of it then; no blank may follow a delimiter";
    LIST = "is a list, where one value is expected";
    NOT_A_TEXT = "is true or false, where a text or a number is expected";
    NOT_AN_INTEGER = "is not a whole number from 0 to 2147483647";
    NOT_A_FLAG = "is neither yes nor no";
    NOT_A_TITLE = "is not a form of address that is understood";
    NOT_A_DOCUMENT = "is not a kind of identity document that is understood";
    NOT_A_CUSTOMER_TYPE = "is neither person, company nor association";
    NOT_A_ROLE = "is neither payer nor beneficiary";
    DATE_TWO_DIGIT_YEAR = "has a year of two digits; four are needed";
    DATE_SERIAL = "is a spreadsheet's serial number, not a date";
    DATE_NO_SUCH_DAY = "is a day that does not exist";
    DATE_EVENING = "has a time late in the evening, so that the day is another one elsewhere; export the day alone";
    DATE_FORM = "is not in one of the configured date_formats";
    BIRTH_EARLY = "is a birth before 1900";
    BIRTH_FUTURE = "is a birth in the future";
    ORDER_FORM = "is neither a date, a time nor a number, so the row cannot be ordered";
    NOT_A_COUNTRY = "is not a country of ISO 3166-1";
    PHONE_LETTERS = "contains letters";
    PHONE_CHARACTERS = "contains characters that no phone number has";
    PHONE_FORM = "is not a phone number";
    PHONE_NOT_ASSIGNED = "is not a number that the numbering plan allows";
    PHONE_AMBIGUOUS = "may be a national number or one of another country; it needs its zero or its +";
    PHONE_COUNTRY = "is not an international number, and the country is not understood";
    EMAIL_FORM = "is not an e-mail address";
    EMAIL_DISPLAY_NAME = "has a display name around the e-mail address";
    EMAIL_QUOTED = "has a quoted part before the @";
    EMAIL_SEVERAL = "holds more than one e-mail address";
    EMAIL_DOMAIN = "has a domain without a dot";
    IBAN_FORM = "is not an IBAN";
    IBAN_CHECKSUM = "is an IBAN whose checksum does not hold";
    IBAN_UNREGISTERED = "begins with no country that is in the registry of IBANs";
    IBAN_COUNTRY = "is not an IBAN of the form that its country uses";
    IP_FORM = "is not an IP address";
    STREET_DIFFERS = "differs from what the line of the street says";
    POSTAL_LOST_ZERO = "has four digits: a spreadsheet may have removed the leading zero";
    POSTAL_SHORT = "has fewer digits than the postal codes of its country: a spreadsheet may have removed leading zeros";
    POSTAL_FRENCH = "is not a French postal code of five digits";
    POSTAL_LONG = "has more than 16 characters";
    SIREN_FORM = "is neither a SIREN of 9 digits nor a SIRET of 14";
    SIREN_CHECKSUM = "is a SIREN whose checksum does not hold";
    SIRET_CHECKSUM = "is a SIRET whose checksum does not hold";
    NIC_FORM = "is not a NIC of 5 digits";
    NIC_DIFFERS = "differs from the NIC in the SIRET of the same customer";
    NAF_FORM = "is not a NAF code of four digits and a letter";
    VAT_FORM = "is not a VAT number";
    VAT_CHECKSUM = "is a French VAT number whose key does not fit its SIREN";
    RNA_FORM = "is not a RNA number of W and nine digits";
}
