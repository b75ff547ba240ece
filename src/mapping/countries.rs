//! Countries from codes and from French or English names.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::country_names::{FRENCH, FURTHER};
use super::reason::{self, Parsed};
use crate::domain::fold;
use crate::domain::value::{Country, CountryNames};

/// Words that people add to a country's name, or leave out.
const ARTICLES: [&str; 13] = ["LE", "LA", "LES", "L", "THE", "DE", "DU", "DES", "D", "OF", "ET", "AND", "&"];

/// The names of every country.
static NAMES: LazyLock<Vec<CountryNames>> = LazyLock::new(|| FRENCH.iter().filter_map(names).collect());

struct Countries {
    by_alpha2: FxHashMap<[u8; 2], Country>,
    by_alpha3: FxHashMap<[u8; 3], Country>,
    by_name: FxHashMap<String, Country>,
}

thread_local! {
    /// The name that was looked up last: most customers of a file live in one country.
    static LAST: RefCell<Option<(SmolStr, &'static Country)>> = const { RefCell::new(None) };
}

static COUNTRIES: LazyLock<Countries> = LazyLock::new(|| {
    let names: &'static [CountryNames] = &NAMES;
    let country = |names: &'static CountryNames| Some((code(names.alpha2)?, Country::new(names)));
    let by_alpha2: FxHashMap<[u8; 2], Country> = names.iter().filter_map(country).collect();
    let by_alpha3 =
        by_alpha2.values().filter_map(|country| Some((code(country.alpha3)?, *country))).collect();
    let english = rust_iso3166::ALL.iter().map(|iso| (iso.name, iso.alpha2));
    let french = FRENCH.iter().map(|(alpha2, name)| (*name, *alpha2));
    let by_name = english
        .chain(french)
        .chain(FURTHER.iter().copied())
        .filter_map(|(name, alpha2)| Some((name_key(name), *by_alpha2.get(&code(alpha2)?)?)))
        .collect();
    Countries { by_alpha2, by_alpha3, by_name }
});

fn names((alpha2, french): &(&'static str, &'static str)) -> Option<CountryNames> {
    let iso = rust_iso3166::from_alpha2(alpha2)?;
    Some(CountryNames { alpha2, alpha3: iso.alpha3, french })
}

fn code<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut code: [u8; N] = text.as_bytes().try_into().ok()?;
    code.make_ascii_uppercase();
    Some(code)
}

/// The country of a code (two or three letters) or of a name.
pub(super) fn parse(text: &str) -> Parsed<Country> {
    find(text).copied()
}

fn find(text: &str) -> Parsed<&'static Country> {
    let countries = &*COUNTRIES;
    let by_code = match text.len() {
        // Exceptionally reserved for the United Kingdom, and widely used.
        2 if text.eq_ignore_ascii_case("UK") => countries.by_alpha2.get(b"GB"),
        2 => code(text).and_then(|code| countries.by_alpha2.get(&code)),
        3 => code(text).and_then(|code| countries.by_alpha3.get(&code)),
        _ => None,
    };
    by_code.or_else(|| named(text)).ok_or(reason::NOT_A_COUNTRY)
}

/// The country of a name.
fn named(text: &str) -> Option<&'static Country> {
    LAST.with_borrow_mut(|last| {
        if let Some((name, country)) = last
            && name == text
        {
            return Some(*country);
        }
        let country = COUNTRIES.by_name.get(&name_key(text))?;
        *last = Some((text.into(), country));
        Some(country)
    })
}

/// One country or more, separated by `,`, `;`, `|` or `/`, without repetition. Nationalities in words
/// ("Française") are understood where they are frequent.
pub(super) fn nationalities(text: &str) -> Parsed<Cow<'static, [Country]>> {
    let mut found: Cow<'static, [Country]> = Cow::Borrowed(&[]);
    for name in text.split([',', ';', '|', '/']).map(str::trim).filter(|name| !name.is_empty()) {
        let country = find(name).or_else(|defect| demonym(name).ok_or(defect))?;
        if found.is_empty() {
            found = Cow::Borrowed(std::slice::from_ref(country));
        } else if !found.contains(country) {
            found.to_mut().push(*country);
        }
    }
    if found.is_empty() { Err(reason::NOT_A_COUNTRY) } else { Ok(found) }
}

/// Nationalities in words, by their beginning; the endings -e, -ne and -s of French are left open.
const DEMONYMS: [(&str, &str); 34] = [
    ("FRANCAIS", "FR"),
    ("FRENCH", "FR"),
    ("BELGE", "BE"),
    ("BELGIAN", "BE"),
    ("SUISSE", "CH"),
    ("SWISS", "CH"),
    ("ALLEMAND", "DE"),
    ("GERMAN", "DE"),
    ("ITALIEN", "IT"),
    ("ITALIAN", "IT"),
    ("ESPAGNOL", "ES"),
    ("SPANISH", "ES"),
    ("PORTUGAIS", "PT"),
    ("PORTUGUESE", "PT"),
    ("BRITANNIQUE", "GB"),
    ("ANGLAIS", "GB"),
    ("BRITISH", "GB"),
    ("AMERICAIN", "US"),
    ("AMERICAN", "US"),
    ("LUXEMBOURGEOIS", "LU"),
    ("NEERLANDAIS", "NL"),
    ("DUTCH", "NL"),
    ("POLONAIS", "PL"),
    ("ROUMAIN", "RO"),
    ("MAROCAIN", "MA"),
    ("ALGERIEN", "DZ"),
    ("TUNISIEN", "TN"),
    ("TURC", "TR"),
    ("TURQUE", "TR"),
    ("SENEGALAIS", "SN"),
    ("IVOIRIEN", "CI"),
    ("CAMEROUNAIS", "CM"),
    ("MALGACHE", "MG"),
    ("CHINOIS", "CN"),
];

fn demonym(name: &str) -> Option<&'static Country> {
    let name = fold::words(name);
    let (_, alpha2) = DEMONYMS.iter().find(|(stem, _)| {
        name.strip_prefix(stem).is_some_and(|ending| matches!(ending, "" | "E" | "NE" | "S" | "ES" | "NES"))
    })?;
    find(alpha2).ok()
}

/// What names are compared by: words without accents, articles and hyphens.
fn name_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for word in fold::words(name).split(' ').filter(|word| !ARTICLES.contains(word)) {
        key.push_str(match word {
            "ST" => "SAINT",
            "STE" => "SAINTE",
            other => other,
        });
    }
    key
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_country_of_the_standard_has_a_french_name_in_capitals() {
        assert_eq!(FRENCH.len(), rust_iso3166::ALL.len());
        for iso in rust_iso3166::ALL {
            for name in [iso.alpha2, iso.alpha3, iso.name] {
                let country = parse(name).unwrap_or_else(|_| panic!("{name}"));
                assert_eq!(country.alpha2, iso.alpha2, "{name}");
                assert!(country.french.is_ascii() && !country.french.bytes().any(|b| b.is_ascii_lowercase()));
            }
        }
    }

    #[test]
    fn no_name_means_two_countries() {
        let english = rust_iso3166::ALL.iter().map(|iso| (iso.name, iso.alpha2));
        let french = FRENCH.iter().map(|(alpha2, name)| (*name, *alpha2));
        let mut seen = BTreeMap::new();
        for (name, alpha2) in english.chain(french).chain(FURTHER.iter().copied()) {
            assert_eq!(*seen.entry(name_key(name)).or_insert(alpha2), alpha2, "{name}");
        }
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        let cases = [
            ("fr", "FRANCE"),
            ("Fra", "FRANCE"),
            ("La Réunion", "LA REUNION"),
            ("REUNION", "LA REUNION"),
            ("Île de la Réunion", "LA REUNION"),
            ("PAYS BAS", "PAYS-BAS"),
            ("Les Pays-Bas", "PAYS-BAS"),
            ("The Netherlands", "PAYS-BAS"),
            ("Etats Unis", "ETATS-UNIS"),
            ("États-Unis d’Amérique", "ETATS-UNIS"),
            ("UK", "ROYAUME-UNI"),
            ("U.K.", "ROYAUME-UNI"),
            ("U.S.A.", "ETATS-UNIS"),
            ("Republic of Ireland", "IRLANDE"),
            ("France, Metropolitan", "FRANCE"),
            ("Rép. tchèque", "TCHEQUIE"),
            ("Grande Bretagne", "ROYAUME-UNI"),
            ("côte d'ivoire", "COTE D'IVOIRE"),
            ("Cote d Ivoire", "COTE D'IVOIRE"),
            ("RDC", "REPUBLIQUE DEMOCRATIQUE DU CONGO"),
            ("Guinée", "GUINEE"),
            ("Guinée-Bissau", "GUINEE-BISSAU"),
            ("L'Inde", "INDE"),
            ("DE", "ALLEMAGNE"),
            ("la", "LAOS"),
            ("St Pierre et Miquelon", "SAINT-PIERRE-ET-MIQUELON"),
        ];
        for (text, french) in cases {
            assert_eq!(parse(text).ok().map(|country| country.french), Some(french), "{text}");
        }
        for text in ["XX", "ZZZ", "Frence", "Corée", "Congolais", "99100", "", "-", "É"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nationalities_are_a_short_list_without_repetition() {
        let read = |text: &str| {
            nationalities(text).map(|list| list.iter().map(|c| c.alpha2).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(read("FR"), Ok("FR".to_owned()));
        assert_eq!(read("FRA, ITA;fr | Belgique/ES"), Ok("FR IT BE ES".to_owned()));
        assert_eq!(read("Française"), Ok("FR".to_owned()));
        assert_eq!(read("algérienne / Italienne"), Ok("DZ IT".to_owned()));
        assert_eq!(read("FR,??"), Err(reason::NOT_A_COUNTRY));
        assert_eq!(read(","), Err(reason::NOT_A_COUNTRY));
    }
}
