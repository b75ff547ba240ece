//! Texts as spreadsheets and exports write them, and what is read of them.

use proptest::prelude::*;

use super::*;

fn text(raw: &str) -> Option<String> {
    match clean(RawCell::Text(raw.into()), &["NULL".to_owned()], Breaks::Refused) {
        Ok(Clean::Text(text)) => Some(text.into_owned()),
        Ok(Clean::Absent | Clean::Cleared) | Err(_) => None,
    }
}

fn defect(raw: &str) -> Option<&'static str> {
    clean(RawCell::Text(raw.into()), &[], Breaks::Refused).err().map(|reason| reason.0)
}

#[test]
fn text_is_trimmed_and_composed() {
    assert_eq!(text(" Jeanne\u{A0}").as_deref(), Some("Jeanne"));
    assert_eq!(text("\u{FEFF}Ren\u{65}\u{301}e").as_deref(), Some("Renée"));
    assert_eq!(text("  Le  Roux ").as_deref(), Some("Le  Roux"));
}

#[test]
fn what_nobody_sees_is_no_part_of_a_value() {
    assert_eq!(text("Du\u{AD}pont\u{200B}-\u{202E}Le\u{2066}roy").as_deref(), Some("Dupont-Leroy"));
    assert_eq!(key("P\u{200B}1\u{2060}").as_deref(), key("P1").as_deref());
    // These join and part letters of other scripts.
    assert_eq!(text("a\u{200C}b\u{200D}c").as_deref(), Some("a\u{200C}b\u{200D}c"));
}

#[test]
fn an_apostrophe_before_a_formula_is_not_part_of_the_value() {
    assert_eq!(text("'+33612345678").as_deref(), Some("+33612345678"));
    assert_eq!(text("'@home").as_deref(), Some("@home"));
    assert_eq!(key("'=1+1").as_deref(), Some("=1+1"));
    assert_eq!(key("'0001").as_deref(), Some("0001"));
    assert_eq!(text("'06 12 34 56 78").as_deref(), Some("06 12 34 56 78"));
    for (raw, value) in [("=\"00123\"", "00123"), ("=\" Zoé \"", "Zoé"), ("'=\"7\"", "7")] {
        assert_eq!(text(raw).as_deref(), Some(value));
        assert_eq!(key(raw).as_deref(), Some(value));
    }
    assert_eq!((text("=\"\""), defect("=\"\"")), (None, None), "an empty cell");
    for kept in ["'t Hart", "'68 Sports", "d'Alésia", "''+33", "'", "=\"", "=\"a\"&\"b\"", "=1+1"] {
        assert_eq!(text(kept).as_deref(), Some(kept));
    }
}

#[test]
fn blanks_and_null_values_are_empty() {
    for raw in ["", "  ", "\u{A0}\t", "NULL", " NULL "] {
        assert_eq!(text(raw), None, "{raw:?}");
        assert_eq!(defect(raw), None);
    }
    assert_eq!(text("null").as_deref(), Some("null"), "null_values are compared exactly");
}

#[test]
fn traces_of_a_wrong_encoding_are_found() {
    for raw in [
        "RenÃ©e",
        "FranÃ§ois",
        "MÃ‰LANIE",
        "NÂ° 5",
        "lâ€™Avenir",
        "CÅ“ur",
        "CrĂ©ation",
        "Ren\u{FFFD}e",
        "Ren√©e",
        "FRAN├çOIS",
        "AmŽlie",
        "AndrŽ",
        "Ren‚",
        "B‚ranger",
        "HƒLNE",
        "Thˆrˆse",
        "Andr‚-Paul",
        "Crï¿½ation",
        "ï¿½lodie",
        "Élodieï»¿",
        "PaweÅ‚",
        "DuÅ¡an",
        "JÄ™drzej",
        "AyÅŸe",
        "DoÄŸan",
        "ÄŒapek",
        "KÅ‘szegi",
        "ConstanÈ›a",
        "Nguyá»…n",
        "Du≈°an",
        "Pawe┼é",
        "LÃ“PEZ",
        "VoilÃ\u{A0}",
        "RÄƒdulescu",
        "Åžahin",
        "Åšliwa",
        "Èšugui",
        "EÅŸref",
        "AYDOÄžAN",
        "ÅžEKER",
        "Há»“",
        "J─ünis",
    ] {
        assert_eq!(defect(raw), Some(reason::BROKEN_ENCODING.0), "{raw}");
    }
}

#[test]
fn what_languages_write_is_no_trace_of_a_wrong_encoding() {
    for raw in [
        "SÃO PAULO",
        "JOÃO",
        "Âge",
        "Åsa",
        "l’Avenir",
        "CŒUR",
        "Pâques",
        "Căutări",
        "ÎLE",
        "5 €",
        "ŽIŽEK",
        "DUŠAN",
        "TOMAŠ",
        "Šárka",
        "Dupont †",
        "dit ‚Lulu‘",
        "√ 2",
        "5 ‰",
        "10€HT",
        "aƒe",
        "EUR€KA",
        "AvtoŠola",
        "InterŽel",
        "McŠimek",
        "Dupont‚ Jean",
        "√(2)",
        "Paris›Lille",
        "Tomaš",
        "«A MANHÃ»",
        "Café “A MANHÔ",
        "Asociația „CASA NOASTRĂ”",
        "MAÇÃ\u{A0}VERDE",
        "PERCHÈ…",
        "CAFFÈ–BAR ROMA",
        "CAFFÈ®BAR",
        "UMEÅ\u{A0}KOMMUN",
        "KESÄ–TALVI OY",
        "«está»–bar",
        "L’È",
        "«está»…",
        "ÅÄÖ",
        "Ålesund",
        "naïf",
    ] {
        assert_eq!(defect(raw), None, "{raw}");
    }
}

/// Texts as cells hold them, and what is wrong with some.
fn any_cell() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[ -~]{0,9}",
        4 => "[a-zà-ÿÀ-ÖØ-Ý]{1,6}",
        1 => "[ÂÃÅâĂ][\u{80}-\u{BF}€“’]",
        1 => "[ \u{A0}\u{200B}\t\n'=\"]{1,3}",
        1 => "\\PC{1,3}",
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// [`clean`] as it goes when nothing is sure at first sight.
fn cleaned_the_long_way(raw: &str, nulls: &[String], breaks: Breaks) -> Parsed<Option<String>> {
    let trimmed = bare(raw);
    if trimmed.is_empty() || nulls.iter().any(|null| null == trimmed) {
        return Ok(None);
    }
    if is_error(trimmed) {
        return Err(reason::SPREADSHEET_ERROR);
    }
    if has_quotes_behind_blank(raw) {
        return Err(reason::QUOTE_BEHIND_BLANK);
    }
    if is_mojibake(raw) {
        return Err(reason::BROKEN_ENCODING);
    }
    normalise(trimmed, breaks).map(Some)
}

proptest! {
    #[test]
    fn what_is_clean_at_first_sight_is_clean_at_last(raw in any_cell(), lines in any::<bool>(), null in any_cell()) {
        let breaks = if lines { Breaks::AreSpace } else { Breaks::Refused };
        let nulls = [null, "NULL".to_owned()];
        let read = match clean(RawCell::Text(raw.as_str().into()), &nulls, breaks) {
            Ok(Clean::Text(text)) => Ok(Some(text.into_owned())),
            Ok(Clean::Absent | Clean::Cleared) => Ok(None),
            Err(reason) => Err(reason),
        };
        // Streets are squeezed by whoever puts them together.
        let squeezed = |text: String| if lines { squeeze(&text).into_owned() } else { text };
        let long = cleaned_the_long_way(&raw, &nulls, breaks);
        prop_assert_eq!(read.map(|text| text.map(squeezed)), long.map(|text| text.map(squeezed)));
    }

    #[test]
    fn a_key_is_the_same_at_first_sight(raw in any_cell()) {
        let trimmed = bare(&raw);
        let is_damaged = trimmed.contains(char::REPLACEMENT_CHARACTER);
        let long = (!is_damaged && !is_error(trimmed) && !has_quotes_behind_blank(&raw))
            .then(|| normalise(trimmed, Breaks::Refused).ok())
            .flatten();
        prop_assert_eq!(key(&raw).map(Cow::into_owned), long);
    }

    #[test]
    fn only_printable_ascii_is_plain(raw in any_cell()) {
        prop_assert_eq!(is_plain(&raw), raw.bytes().all(|byte| (0x20..0x7F).contains(&byte)));
    }

    #[test]
    fn what_is_squeezed_stays_as_it_is(raw in any_cell()) {
        let words = raw.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(&*squeeze(&raw), &words);
        prop_assert_eq!(is_squeezed(&raw), raw == words && !raw.is_empty());
    }
}

#[test]
fn control_characters_are_refused() {
    assert_eq!(defect("a\nb"), Some(reason::CONTROL_CHARACTER.0));
    assert_eq!(defect("é\u{7}"), Some(reason::CONTROL_CHARACTER.0));
    assert_eq!(defect("a\u{ffff}"), Some(reason::CONTROL_CHARACTER.0));
    assert_eq!(defect(&"x".repeat(TEXT_CHARS_MAX + 1)), Some(reason::TOO_LONG.0));
}
