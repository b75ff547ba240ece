//! The usual ways of writing days and times, read where their digits stand.
//!
//! What is not written in full, or is no day, is left to whoever reads forms of any kind.

use jiff::civil::{Date, DateTime};

use super::dates::YEAR_MIN;

/// A form of two digits, two digits and four, or of four, two and two, with one sign between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlainForm {
    order: Parts,
    sign: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    DayMonthYear,
    MonthDayYear,
    YearMonthDay,
}

impl PlainForm {
    /// The form that this notation means, if it is one of them.
    pub(super) fn of(format: &str) -> Option<Self> {
        let [b'%', first, sign @ (b'/' | b'-' | b'.'), b'%', second, again, b'%', third] = *format.as_bytes()
        else {
            return None;
        };
        let order = match [first, second, third] {
            [b'd', b'm', b'Y'] => Parts::DayMonthYear,
            [b'm', b'd', b'Y'] => Parts::MonthDayYear,
            [b'Y', b'm', b'd'] => Parts::YearMonthDay,
            _ => return None,
        };
        (sign == again).then_some(Self { order, sign })
    }

    /// The day, if the text is one beyond doubt.
    pub(super) fn date(self, text: &str) -> Option<Date> {
        let (year, month, day) = match (self.order, text.as_bytes()) {
            (Parts::YearMonthDay, [year @ .., one, m1, m2, two, d1, d2])
                if [*one, *two] == [self.sign; 2] =>
            {
                (year, [*m1, *m2], [*d1, *d2])
            }
            (Parts::DayMonthYear, [d1, d2, one, m1, m2, two, year @ ..])
                if [*one, *two] == [self.sign; 2] =>
            {
                (year, [*m1, *m2], [*d1, *d2])
            }
            (Parts::MonthDayYear, [m1, m2, one, d1, d2, two, year @ ..])
                if [*one, *two] == [self.sign; 2] =>
            {
                (year, [*m1, *m2], [*d1, *d2])
            }
            (Parts::YearMonthDay | Parts::DayMonthYear | Parts::MonthDayYear, _) => return None,
        };
        date(year, month, day)
    }
}

/// A time such as "2026-11-22T21:16:26Z", the zone left away or not, with a space for the T or not.
pub(super) fn time(text: &str) -> Option<DateTime> {
    let text = text.as_bytes();
    let text = text.strip_suffix(b"Z").unwrap_or(text);
    let [day @ .., b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2] = text else { return None };
    let [year @ .., b'-', o1, o2, b'-', d1, d2] = day else { return None };
    let time = [[*h1, *h2], [*m1, *m2], [*s1, *s2]].map(|digits| pair(digits).unwrap_or(i8::MAX));
    let [hour @ 0..=23, minute @ 0..=59, second @ 0..=59] = time else { return None };
    Some(date(year, [*o1, *o2], [*d1, *d2])?.at(hour, minute, second, 0))
}

fn date(year: &[u8], month: [u8; 2], day: [u8; 2]) -> Option<Date> {
    let [y1, y2, y3, y4] = *year else { return None };
    let year = i16::from(pair([y1, y2])?) * 100 + i16::from(pair([y3, y4])?);
    if year < YEAR_MIN {
        return None;
    }
    Date::new(year, pair(month)?, pair(day)?).ok()
}

/// The number of two digits.
fn pair([tens, ones]: [u8; 2]) -> Option<i8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { None } else { i8::try_from(tens * 10 + ones).ok() }
}
