//! Days in the configured forms only, and the values that order rows.
//!
//! What is not in a configured form is refused with the likely cause: two-digit years and spreadsheet serial numbers
//! are never guessed.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::error::MappingError;
use super::reason::{self, Parsed};
use super::text::bare;
use crate::domain::customer::Order;

/// First year that a date of a document or a row can have; jiff reads "01/01/85" as the year 85.
const YEAR_MIN: i16 = 1000;
/// First year in which a customer can be born.
const BIRTH_YEAR_MIN: i16 = 1900;
/// From this hour on a full hour behind a day is taken for the beginning of the next one elsewhere: midnight in Paris is 22 or 23
/// hours of the day before in UTC, and the east of Europe and Réunion are ahead of it.
const EVENING: i8 = 20;
/// Forms that exports write days in; where two read the same days, the earlier one is meant.
const USUAL_FORMS: [&str; 18] = [
    "%d/%m/%Y",
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m.%d.%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d.%m.%Y %H:%M:%S",
];
/// The form with slashes that has the month first.
const MONTH_FIRST: &str = "%m/%d/%Y";
/// Times of day that may follow a configured date form in an ordering column.
const TIME_FORMS: [&str; 5] = [" %H:%M:%S%.f", "T%H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p"];

/// The configured forms, checked once.
#[derive(Debug, Clone)]
pub(super) struct DateForms {
    days: Vec<String>,
    times: Vec<String>,
    /// Whether a form writes days as numbers, or what looks like an ISO date as another day: the forms are tried first.
    come_first: bool,
}

/// What an ordering column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrderKind {
    /// A number: a version, or seconds since an epoch.
    Number,
    /// A time.
    Time,
}

impl DateForms {
    /// Checks that each form can write a day and read it back, four-digit year included.
    pub(super) fn new(formats: &[String]) -> Result<Self, MappingError> {
        for format in formats {
            let refused = |why| MappingError::DateFormat { format: format.clone(), why };
            check(format).map_err(refused)?;
            if formats.iter().any(|other| are_rivals(format, other)) {
                return Err(refused(
                    "another one has day and month the other way round: nobody can tell which is meant",
                ));
            }
        }
        let times = formats.iter().flat_map(|day| TIME_FORMS.iter().map(move |time| format!("{day}{time}")));
        let come_first = formats.iter().any(|format| writes_numbers(format) || reads_iso_otherwise(format));
        Ok(Self { days: formats.to_vec(), times: times.collect(), come_first })
    }

    /// A day in one of the forms.
    pub(super) fn date(&self, text: &str) -> Parsed<Date> {
        let mut defect = None;
        for form in &self.days {
            let Ok(read) = BrokenDownTime::parse(form, text) else { continue };
            match read.to_date() {
                Ok(_) if read.to_time().is_ok_and(is_midnight_elsewhere) => {
                    defect = Some(reason::DATE_EVENING);
                }
                Ok(date) if date.year() >= YEAR_MIN => return Ok(date),
                Ok(_) => defect = Some(reason::DATE_TWO_DIGIT_YEAR),
                Err(_) => defect = Some(reason::DATE_NO_SUCH_DAY),
            }
        }
        Err(defect.unwrap_or_else(|| likely_cause(text)))
    }

    /// A day of birth: from 1900 to `today`, which is a day later in the east.
    pub(super) fn birth(&self, text: &str, today: Date) -> Parsed<Date> {
        let date = self.date(text)?;
        if date.year() < BIRTH_YEAR_MIN {
            Err(reason::BIRTH_EARLY)
        } else if date > today.tomorrow().unwrap_or(today) {
            Err(reason::BIRTH_FUTURE)
        } else {
            Ok(date)
        }
    }

    /// A value that orders rows: a configured date form with or without a time of day, a number, an RFC 3339 time, or a
    /// local time (read as UTC).
    pub(super) fn order(&self, text: &str) -> Option<(Order, OrderKind)> {
        let in_a_form = || Some((self.order_in_a_form(text)?, OrderKind::Time));
        if self.come_first
            && let Some(read) = in_a_form()
        {
            return Some(read);
        }
        if let Some(thousandths) = thousandths(text) {
            return Some((Order(thousandths), OrderKind::Number));
        }
        let iso = text.as_bytes().get(4) == Some(&b'-');
        if iso && let Ok(time) = text.parse::<Timestamp>() {
            return Some((Order(time.as_microsecond()), OrderKind::Time));
        }
        if iso && let Ok(time) = text.parse::<DateTime>() {
            return Some((micros(time)?, OrderKind::Time));
        }
        in_a_form()
    }

    fn order_in_a_form(&self, text: &str) -> Option<Order> {
        let read = |form: &String| {
            let read = BrokenDownTime::parse(form, text).ok()?;
            let time = read.to_datetime().ok().filter(|time| time.year() >= YEAR_MIN)?;
            read.to_timestamp().ok().map(|time| Order(time.as_microsecond())).or_else(|| micros(time))
        };
        self.days.iter().chain(&self.times).find_map(read)
    }
}

/// The usual forms that these days are written in, the one of most of them first; none where no form reads any. Where day and month
/// may stand in either order, the day comes first, unless times are counted to `twelve_hours`, as where the month does.
#[must_use]
pub fn propose_forms<'a>(days: impl IntoIterator<Item = &'a str>, twelve_hours: bool) -> Vec<String> {
    let trimmed = days.into_iter().map(bare);
    let mut unread: Vec<&str> = trimmed.filter(|day| !day.is_empty()).collect();
    let mut found: Vec<&str> = Vec::new();
    loop {
        let is_open = |form: &&str| !found.iter().any(|known| are_rivals(form, known));
        let count = |form: &str| unread.iter().filter(|day| reads(form, day)).count();
        let is_preferred = |form: &str| twelve_hours && form == MONTH_FIRST;
        let (preferred, others): (Vec<&str>, Vec<&str>) =
            USUAL_FORMS.into_iter().rev().filter(is_open).partition(|form| is_preferred(form));
        // Of several that read as many, the last one counts.
        let counted = others.into_iter().chain(preferred).map(|form| (count(form), form));
        match counted.max_by_key(|(count, _)| *count) {
            Some((1.., form)) => {
                unread.retain(|day| !reads(form, day));
                found.push(form);
            }
            Some(_) | None => return found.into_iter().map(str::to_owned).collect(),
        }
    }
}

fn reads(form: &str, text: &str) -> bool {
    let date = BrokenDownTime::parse(form, text).and_then(|read| read.to_date());
    date.is_ok_and(|date| date.year() >= YEAR_MIN)
}

fn is_midnight_elsewhere(time: jiff::civil::Time) -> bool {
    time.hour() >= EVENING && time == jiff::civil::Time::constant(time.hour(), 0, 0, 0)
}

/// Whether two forms have day and month in either order: of a file with both nobody could tell 03/04 from 04/03.
fn are_rivals(one: &str, other: &str) -> bool {
    let day = day_of(one);
    let swapped = with_day_and_month_swapped(&day);
    swapped != day && swapped == day_of(other)
}

/// The part of a form that is of the day, however its numbers are padded: "%d/%m/%Y".
fn day_of(format: &str) -> String {
    let mut parts = format.split('%');
    let mut day = parts.next().unwrap_or_default().to_owned();
    let mut directives = 0;
    for part in parts {
        let part = part.trim_start_matches(['-', '_', '0', '^', '#']);
        let Some(directive) = part.chars().next().filter(|_| directives < 3) else { break };
        directives += 1;
        day.push('%');
        // What stands behind the last of them is of the time.
        if directives < 3 {
            day.push_str(part);
        } else {
            day.push(directive);
        }
    }
    day
}

/// The form that takes day and month for each other.
fn with_day_and_month_swapped(format: &str) -> String {
    let swapped = |(number, part): (usize, &str)| match part.chars().next() {
        Some('d') if number > 0 => format!("m{}", part.get(1..).unwrap_or_default()),
        Some('m') if number > 0 => format!("d{}", part.get(1..).unwrap_or_default()),
        Some(_) | None => part.to_owned(),
    };
    format.split('%').enumerate().map(swapped).collect::<Vec<_>>().join("%")
}

/// Whether a form writes days as numbers ("20261129").
pub(super) fn writes_numbers(format: &str) -> bool {
    let written = jiff::fmt::strtime::format(format, jiff::civil::date(2003, 2, 7).at(0, 0, 0, 0));
    written.is_ok_and(|written| thousandths(&written).is_some())
}

/// Whether a form takes month and day of an ISO date for each other.
fn reads_iso_otherwise(format: &str) -> bool {
    let read = BrokenDownTime::parse(format, "2003-02-07").and_then(|read| read.to_date());
    read.is_ok_and(|read| read != jiff::civil::date(2003, 2, 7))
}

fn micros(time: DateTime) -> Option<Order> {
    TimeZone::UTC.to_timestamp(time).ok().map(|time| Order(time.as_microsecond()))
}

/// A decimal number in thousandths; further decimals do not count.
fn thousandths(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let mut value: i64 = whole.parse().ok()?;
    let mut decimals = fraction.bytes();
    for _ in 0..3 {
        let digit = decimals.next().map_or(0, |byte| i64::from(byte - b'0'));
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(sign * value)
}

/// Why the form is not usable, if it is not: days of two centuries must survive being written and read.
fn check(format: &str) -> Result<(), &'static str> {
    for day in [jiff::civil::date(1885, 11, 29), jiff::civil::date(2003, 2, 7)] {
        let written = jiff::fmt::strtime::format(format, day.at(0, 0, 0, 0))
            .map_err(|_| "it is not in strftime notation")?;
        let read = BrokenDownTime::parse(format, &written).and_then(|read| read.to_date());
        if read.ok() != Some(day) {
            return Err("it must hold day, month and a four-digit year, as \"%d/%m/%Y\" does");
        }
    }
    Ok(())
}

/// What probably happened to a date that no form reads.
fn likely_cause(text: &str) -> crate::domain::defect::DefectReason {
    let groups: Vec<&str> = text.split(['/', '-', '.', ' ']).collect();
    let numeric = |group: &&str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    if let [whole] | [whole, _] = groups[..]
        && groups.iter().all(numeric)
        && (4..=6).contains(&whole.len())
    {
        return reason::DATE_SERIAL;
    }
    if groups.len() >= 3 && groups.iter().take(3).all(|group| numeric(group) && group.len() <= 2) {
        return reason::DATE_TWO_DIGIT_YEAR;
    }
    reason::DATE_FORM
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::defect::DefectReason;

    fn forms() -> DateForms {
        DateForms::new(&["%d/%m/%Y", "%Y-%m-%d"].map(str::to_owned)).expect("usable")
    }

    #[test]
    fn days_are_read_in_the_configured_forms_only() {
        let cases: &[(&str, Result<&str, DefectReason>)] = &[
            ("30/05/1996", Ok("1996-05-30")),
            ("1996-05-30", Ok("1996-05-30")),
            ("1/2/2000", Ok("2000-02-01")),
            ("29/02/2000", Ok("2000-02-29")),
            // A day that does not exist is not moved to the next month.
            ("31/02/2000", Err(reason::DATE_NO_SUCH_DAY)),
            ("29/02/1900", Err(reason::DATE_NO_SUCH_DAY)),
            // jiff alone would read the year 85.
            ("01/01/85", Err(reason::DATE_TWO_DIGIT_YEAR)),
            ("85-01-31", Err(reason::DATE_TWO_DIGIT_YEAR)),
            ("01.01.85", Err(reason::DATE_TWO_DIGIT_YEAR)),
            // Days since 1900, as spreadsheets count.
            ("31197", Err(reason::DATE_SERIAL)),
            ("31197.5", Err(reason::DATE_SERIAL)),
            ("1996", Err(reason::DATE_SERIAL)),
            ("30.05.1996", Err(reason::DATE_FORM)),
            ("30/05/1996 00:00:00", Err(reason::DATE_FORM)),
            ("19960530", Err(reason::DATE_FORM)),
            ("hier", Err(reason::DATE_FORM)),
            ("", Err(reason::DATE_FORM)),
        ];
        for (text, expected) in cases {
            let read = forms().date(text).map(|date| date.to_string());
            assert_eq!(read.as_deref().map_err(Clone::clone), *expected, "{text}");
        }
    }

    /// Midnight in Paris is the evening before in UTC.
    #[test]
    fn a_day_with_a_time_of_the_evening_is_refused() {
        let forms = ["%Y-%m-%dT%H:%M:%S%.fZ", "%d/%m/%Y %I:%M %p"].map(str::to_owned);
        let forms = DateForms::new(&forms).expect("usable");
        for evening in ["1980-01-31T23:00:00.000Z", "1980-05-31T22:00:00Z", "31/01/1980 08:00 PM"] {
            assert_eq!(forms.date(evening), Err(reason::DATE_EVENING), "{evening}");
        }
        for day in [
            "1980-02-01T00:00:00.000Z",
            "1980-02-01T12:00:00Z",
            "01/02/1980 12:00 AM",
            "1980-02-01T23:59:59Z",
        ] {
            assert_eq!(forms.date(day), Ok(jiff::civil::date(1980, 2, 1)), "{day}");
        }
        // It orders rows all the same, and with its time.
        let order = |text: &str| forms.order(text).map(|(order, _)| order.0);
        assert_eq!(order("01/01/1970 11:00 PM"), Some(82_800_000_000));
    }

    #[test]
    fn day_and_month_in_either_order_are_not_configured_together() {
        for rivals in [
            ["%d/%m/%Y", "%m/%d/%Y"],
            ["%Y-%d-%m", "%Y-%m-%d"],
            ["%d.%m.%Y %H:%M", "%m.%d.%Y %H:%M"],
            ["%d/%m/%Y", "%-m/%-d/%Y"],
            ["%d/%m/%Y", "%m/%d/%Y %H:%M"],
        ] {
            let refused = DateForms::new(&rivals.map(str::to_owned)).expect_err("rivals");
            assert!(refused.to_string().contains("the other way round"), "{refused}");
        }
        assert!(DateForms::new(&["%d/%m/%Y", "%m-%d-%Y", "%d/%m/%Y %H:%M"].map(str::to_owned)).is_ok());
    }

    #[test]
    fn usual_forms_are_told_by_their_days() {
        let cases: &[(&[&str], &[&str])] = &[
            (&["01/02/1980", "03/04/1981", ""], &["%d/%m/%Y"]),
            (&["1/2/1980", "1/31/1981"], &["%m/%d/%Y"]),
            // What reads only the other way round is left, and met by `check`.
            (&["01/02/1980", "31/01/1981", "30/01/1981", "1/31/1982"], &["%d/%m/%Y"]),
            (&["01-02-1981", "12-31-1980"], &["%m-%d-%Y"]),
            (&["12.31.1980"], &["%m.%d.%Y"]),
            (&["01.02.1980", " 1980-02-01 ", "02.02.1980"], &["%d.%m.%Y", "%Y-%m-%d"]),
            (&["19800201", "hier"], &["%Y%m%d"]),
            (&["01/02/1980 00:00:00"], &["%d/%m/%Y %H:%M:%S"]),
            (&["1980-02-01T00:00:00.000Z"], &["%Y-%m-%dT%H:%M:%S%.fZ"]),
            (&["2/1/1980 12:00 AM"], &["%m/%d/%Y %I:%M %p"]),
            // What is proposed can be configured together.
            (&["25/12/1980", "26/12/1980", "2/1/1980 12:00 AM"], &["%d/%m/%Y"]),
            (&["01/02/80", "29252", "", "32/01/1980"], &[]),
        ];
        for (days, forms) in cases {
            let proposed = propose_forms(days.iter().copied(), false);
            assert_eq!(proposed, *forms, "{days:?}");
            assert!(DateForms::new(&proposed).is_ok(), "{days:?}");
        }
        assert_eq!(propose_forms(["1/2/1980", "3/4/1981"], true), ["%m/%d/%Y"]);
        assert_eq!(propose_forms(["1/2/1980", "30/4/1981"], true), ["%d/%m/%Y"]);
        assert_eq!(propose_forms(["1980-02-01"], true), ["%Y-%m-%d"]);
        for form in USUAL_FORMS {
            assert!(DateForms::new(&[form.to_owned()]).is_ok(), "{form} can be configured");
        }
    }

    #[test]
    fn births_lie_between_1900_and_today() {
        let today = jiff::civil::date(2026, 11, 22);
        let birth = |text: &str| forms().birth(text, today).err();
        assert_eq!(birth("01/01/1900"), None);
        assert_eq!(birth("31/12/1899"), Some(reason::BIRTH_EARLY));
        assert_eq!(birth("23/11/2026"), None, "where the sun rises first");
        assert_eq!(birth("24/11/2026"), Some(reason::BIRTH_FUTURE));
    }

    #[test]
    fn forms_without_a_four_digit_year_are_refused() {
        for format in ["%d/%m/%y", "%d/%m", "%D", "%Q/%m", "jour", "%C%y", ""] {
            assert!(DateForms::new(&[format.to_owned()]).is_err(), "{format}");
        }
        for format in ["%Y%m%d", "%d.%m.%Y", "%F", "%d %b %Y", "%Y-%m-%d %H:%M:%S", "%Y-%j"] {
            assert!(DateForms::new(&[format.to_owned()]).is_ok(), "{format}");
        }
    }

    #[test]
    fn order_values_rise_with_time_and_number() {
        let order = |text: &str| forms().order(text).map(|(order, _)| order.0);
        assert_eq!(order("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(order("1970-01-01T01:00:01+01:00"), Some(1_000_000));
        assert_eq!(order("1970-01-01 00:00:01.5"), Some(1_500_000));
        assert_eq!(order("01/01/1970 00:00:01"), Some(1_000_000));
        assert_eq!(order("01/01/1970 00:01"), Some(60_000_000));
        assert_eq!(order("01/01/1970 12:01 AM"), Some(60_000_000));
        assert_eq!(order("1/1/1970 1:00:01 PM"), Some(46_801_000_000));
        assert_eq!(order("02/01/1970"), Some(86_400_000_000));
        assert_eq!(order("2026-11-22 21:16:26"), Some(1_795_382_186_000_000));
        assert_eq!(order("12"), Some(12_000));
        assert_eq!(order("12.3456"), Some(12_345));
        assert_eq!(order("-0.5"), Some(-500));
        // A form that is configured is meant, also where it looks like a number or like another one.
        let compact = DateForms::new(&["%Y%m%d".to_owned()]).expect("usable");
        let order = |text: &str| compact.order(text).map(|(order, kind)| (order.0, kind));
        assert_eq!(order("19700102"), Some((86_400_000_000, OrderKind::Time)));
        assert_eq!(order("19700101 00:00:01"), Some((1_000_000, OrderKind::Time)));
        assert_eq!(order("12"), Some((12_000, OrderKind::Number)));
        let swapped = DateForms::new(&["%Y-%d-%m".to_owned()]).expect("usable");
        assert_eq!(swapped.order("1970-02-01").map(|(order, _)| order.0), Some(86_400_000_000));
        let order = |text: &str| forms().order(text).map(|(order, _)| order.0);
        for text in ["", "-", "1.2.3", "22/11/26", "99999999999999999999", "soon", "31/02/2020"] {
            assert_eq!(order(text), None, "{text}");
        }
    }
}
