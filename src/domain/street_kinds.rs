//! Kinds of streets: standard word, postal abbreviation, and how people shorten it.
//!
//! After NF Z 10-011 and the abbreviations that the French land registry uses; where a word has none,
//! it is its own. Words are compared in capitals without accents and punctuation: "ZONE D ACTIVITES".

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// One kind of street.
#[derive(Debug)]
pub struct KnownKind {
    /// The full word.
    pub standard: &'static str,
    /// The postal abbreviation.
    pub short: &'static str,
    /// Further ways of writing it.
    pub others: &'static [&'static str],
}

/// Abbreviations that begin other things too (a hospital, a trail, a word), and count only behind a house number.
pub const BEHIND_NUMBER_ONLY: &[&str] =
    &["R", "CH", "GR", "AL", "L D", "PAS", "PRO", "CAR", "COR", "DOM", "ART", "CR", "PTE", "MAS", "VC"];

/// Every kind, in alphabetical order.
pub const KINDS: &[KnownKind] = &[
    KnownKind { standard: "ABBAYE", short: "ABE", others: &[] },
    KnownKind { standard: "AGGLOMERATION", short: "AGL", others: &[] },
    KnownKind { standard: "AIRE", short: "AIRE", others: &[] },
    KnownKind { standard: "ALLEE", short: "ALL", others: &["ALLEES", "AL"] },
    KnownKind { standard: "ANCIEN CHEMIN", short: "ACH", others: &["ANC CHEMIN"] },
    KnownKind { standard: "ANCIENNE ROUTE", short: "ART", others: &["ANC ROUTE"] },
    KnownKind { standard: "ARCADE", short: "ARC", others: &["ARCADES"] },
    KnownKind { standard: "AUTOROUTE", short: "AUT", others: &[] },
    KnownKind { standard: "AVENUE", short: "AV", others: &["AVE", "AVN"] },
    KnownKind { standard: "BARRIERE", short: "BRE", others: &[] },
    KnownKind { standard: "BASTIDE", short: "BSTD", others: &[] },
    KnownKind { standard: "BEGUINAGE", short: "BEGI", others: &[] },
    KnownKind { standard: "BERGE", short: "BER", others: &["BERGES"] },
    KnownKind { standard: "BOUCLE", short: "BCLE", others: &[] },
    KnownKind { standard: "BOULEVARD", short: "BD", others: &["BLD", "BLVD", "BVD", "BOUL"] },
    KnownKind { standard: "BOURG", short: "BRG", others: &[] },
    KnownKind { standard: "BUTTE", short: "BUT", others: &[] },
    KnownKind { standard: "CALE", short: "CALE", others: &[] },
    KnownKind { standard: "CAMPAGNE", short: "CGNE", others: &[] },
    KnownKind { standard: "CAMPING", short: "CPG", others: &[] },
    KnownKind { standard: "CARRE", short: "CARR", others: &[] },
    KnownKind { standard: "CARREFOUR", short: "CAR", others: &["CARF"] },
    KnownKind { standard: "CARRIERE", short: "CARE", others: &[] },
    KnownKind {
        standard: "CENTRE COMMERCIAL",
        short: "CCAL",
        others: &["C CIAL", "CCIAL", "CTRE COMMERCIAL"],
    },
    KnownKind { standard: "CHALET", short: "CHL", others: &[] },
    KnownKind { standard: "CHAUSSEE", short: "CHS", others: &["CHAUS"] },
    KnownKind { standard: "CHEMIN", short: "CHE", others: &["CHEM", "CHM", "CHMN", "CH"] },
    KnownKind { standard: "CHEMIN RURAL", short: "CR", others: &[] },
    KnownKind { standard: "CHEMIN VICINAL", short: "CHV", others: &[] },
    KnownKind { standard: "CHEMINEMENT", short: "CHEM", others: &[] },
    KnownKind { standard: "CITE", short: "CITE", others: &["CITES"] },
    KnownKind { standard: "CLOITRE", short: "CLOI", others: &[] },
    KnownKind { standard: "CLOS", short: "CLOS", others: &[] },
    KnownKind { standard: "COLLINE", short: "COLI", others: &[] },
    KnownKind { standard: "CORNICHE", short: "COR", others: &["CORN"] },
    KnownKind { standard: "COTE", short: "COTE", others: &[] },
    KnownKind { standard: "COTEAU", short: "COTE", others: &["COTEAUX"] },
    KnownKind { standard: "COTTAGE", short: "COTT", others: &[] },
    KnownKind { standard: "COUR", short: "COUR", others: &[] },
    KnownKind { standard: "COURS", short: "CRS", others: &[] },
    KnownKind { standard: "DESCENTE", short: "DSC", others: &["DESC"] },
    KnownKind { standard: "DIGUE", short: "DIG", others: &[] },
    KnownKind { standard: "DOMAINE", short: "DOM", others: &[] },
    KnownKind { standard: "ECLUSE", short: "ECL", others: &[] },
    KnownKind { standard: "ENCLOS", short: "ENC", others: &[] },
    KnownKind { standard: "ESCALIER", short: "ESC", others: &["ESCALIERS"] },
    KnownKind { standard: "ESPACE", short: "ESPA", others: &[] },
    KnownKind { standard: "ESPLANADE", short: "ESP", others: &["ESPL"] },
    KnownKind { standard: "FAUBOURG", short: "FG", others: &["FBG", "FAUB"] },
    KnownKind { standard: "FERME", short: "FRM", others: &[] },
    KnownKind { standard: "GALERIE", short: "GAL", others: &["GALERIES"] },
    KnownKind { standard: "GRAND BOULEVARD", short: "GBD", others: &[] },
    KnownKind {
        standard: "GRANDE RUE",
        short: "GR",
        others: &["GRAND RUE", "GDE RUE", "GD RUE", "GRD RUE", "GRAND R", "GRANDE R"],
    },
    KnownKind { standard: "GROUPE", short: "GPE", others: &[] },
    KnownKind { standard: "HABITATION", short: "HAB", others: &[] },
    KnownKind { standard: "HALLE", short: "HLE", others: &[] },
    KnownKind { standard: "HAMEAU", short: "HAM", others: &[] },
    KnownKind { standard: "HAUT CHEMIN", short: "HCH", others: &[] },
    KnownKind { standard: "IMMEUBLE", short: "IMM", others: &[] },
    KnownKind { standard: "IMPASSE", short: "IMP", others: &["IMPAS"] },
    KnownKind { standard: "JARDIN", short: "JARD", others: &["JARDINS"] },
    KnownKind { standard: "JETEE", short: "JTE", others: &[] },
    KnownKind { standard: "LEVEE", short: "LEVE", others: &[] },
    KnownKind { standard: "LIEU DIT", short: "LD", others: &["LIEUDIT", "L D"] },
    KnownKind { standard: "LOTISSEMENT", short: "LOT", others: &["LOTISS", "LTS"] },
    KnownKind { standard: "MAIL", short: "MAIL", others: &[] },
    KnownKind { standard: "MANOIR", short: "MAN", others: &[] },
    KnownKind { standard: "MARCHE", short: "MAR", others: &[] },
    KnownKind { standard: "MAS", short: "MAS", others: &[] },
    KnownKind { standard: "MONTEE", short: "MTE", others: &[] },
    KnownKind { standard: "MORNE", short: "MNE", others: &[] },
    KnownKind { standard: "MOULIN", short: "MLN", others: &[] },
    KnownKind { standard: "NOUVELLE ROUTE", short: "NTE", others: &[] },
    KnownKind { standard: "PARC", short: "PARC", others: &[] },
    KnownKind { standard: "PARC D ACTIVITES", short: "PARC", others: &["PARC D ACTIVITE"] },
    KnownKind { standard: "PARKING", short: "PKG", others: &[] },
    KnownKind { standard: "PARVIS", short: "PRV", others: &[] },
    KnownKind { standard: "PASSAGE", short: "PAS", others: &["PASS", "PSG", "PGE"] },
    KnownKind { standard: "PASSERELLE", short: "PLE", others: &[] },
    KnownKind { standard: "PAVILLON", short: "PAV", others: &[] },
    KnownKind { standard: "PERIPHERIQUE", short: "PERI", others: &[] },
    KnownKind { standard: "PETIT CHEMIN", short: "PCH", others: &[] },
    KnownKind { standard: "PETITE ALLEE", short: "PTA", others: &[] },
    KnownKind { standard: "PETITE AVENUE", short: "PAE", others: &[] },
    KnownKind { standard: "PETITE IMPASSE", short: "PIM", others: &[] },
    KnownKind { standard: "PETITE ROUTE", short: "PRT", others: &[] },
    KnownKind { standard: "PETITE RUE", short: "PTR", others: &["PTE RUE"] },
    KnownKind { standard: "PLACE", short: "PL", others: &["PLC", "PCE"] },
    KnownKind { standard: "PLACETTE", short: "PLTE", others: &["PLACETE"] },
    KnownKind { standard: "PLACIS", short: "PLCI", others: &[] },
    KnownKind { standard: "PLAGE", short: "PLAG", others: &[] },
    KnownKind { standard: "PLAINE", short: "PLN", others: &[] },
    KnownKind { standard: "PLATEAU", short: "PLT", others: &[] },
    KnownKind { standard: "POINTE", short: "PNT", others: &[] },
    KnownKind { standard: "PONT", short: "PONT", others: &[] },
    KnownKind { standard: "PORT", short: "PORT", others: &[] },
    KnownKind { standard: "PORTE", short: "PTE", others: &[] },
    KnownKind { standard: "POURTOUR", short: "POUR", others: &[] },
    KnownKind { standard: "PROMENADE", short: "PRO", others: &["PROM"] },
    KnownKind { standard: "QUAI", short: "QU", others: &[] },
    KnownKind { standard: "QUARTIER", short: "QUA", others: &["QUART", "QRT", "QT"] },
    KnownKind { standard: "RACCOURCI", short: "RAC", others: &[] },
    KnownKind { standard: "RAMPE", short: "RPE", others: &[] },
    KnownKind { standard: "REMPART", short: "REM", others: &["REMPARTS"] },
    KnownKind { standard: "RESIDENCE", short: "RES", others: &["RESID", "RDCE"] },
    KnownKind { standard: "ROCADE", short: "ROC", others: &[] },
    KnownKind { standard: "ROND POINT", short: "RPT", others: &["RD PT", "RD POINT", "RDPT"] },
    KnownKind { standard: "ROTONDE", short: "RTD", others: &[] },
    KnownKind { standard: "ROUTE", short: "RTE", others: &["RT"] },
    KnownKind { standard: "RUE", short: "R", others: &[] },
    KnownKind { standard: "RUELLE", short: "RLE", others: &[] },
    KnownKind { standard: "SENTE", short: "SENTE", others: &[] },
    KnownKind { standard: "SENTIER", short: "SEN", others: &["SENT"] },
    KnownKind { standard: "SQUARE", short: "SQ", others: &["SQR"] },
    KnownKind { standard: "STADE", short: "STDE", others: &[] },
    KnownKind { standard: "TERRASSE", short: "TSSE", others: &["TERRASSES"] },
    KnownKind { standard: "TERRE PLEIN", short: "TPL", others: &[] },
    KnownKind { standard: "TERTRE", short: "TRT", others: &[] },
    KnownKind { standard: "TRAVERSE", short: "TRA", others: &["TRAV"] },
    KnownKind { standard: "VAL", short: "VAL", others: &[] },
    KnownKind { standard: "VALLEE", short: "VALL", others: &[] },
    KnownKind { standard: "VALLON", short: "VAL", others: &[] },
    KnownKind { standard: "VENELLE", short: "VEN", others: &[] },
    KnownKind { standard: "VIEILLE ROUTE", short: "VTE", others: &["VLLE ROUTE"] },
    KnownKind { standard: "VIEILLE RUE", short: "VRUE", others: &["VLLE RUE"] },
    KnownKind { standard: "VIEUX CHEMIN", short: "VCHE", others: &["VX CHEMIN"] },
    KnownKind { standard: "VILLA", short: "VLA", others: &[] },
    KnownKind { standard: "VILLAGE", short: "VGE", others: &[] },
    KnownKind { standard: "VOIE", short: "VOI", others: &[] },
    KnownKind { standard: "VOIE COMMUNALE", short: "VC", others: &[] },
    KnownKind { standard: "ZONE", short: "ZONE", others: &[] },
    KnownKind { standard: "ZONE ARTISANALE", short: "ZA", others: &["Z A", "ZONE ART", "ZONE ARTISANAL"] },
    KnownKind { standard: "ZONE COMMERCIALE", short: "ZC", others: &["ZONE CIALE"] },
    KnownKind {
        standard: "ZONE D ACTIVITES",
        short: "ZA",
        others: &["ZONE D ACTIVITE", "ZONE ACTIVITES", "ZONE ACTIVITE"],
    },
    KnownKind { standard: "ZONE D AMENAGEMENT CONCERTE", short: "ZAC", others: &["Z A C"] },
    KnownKind { standard: "ZONE INDUSTRIELLE", short: "ZI", others: &["Z I", "ZONE IND", "ZONE INDUST"] },
    KnownKind { standard: "ZONE PORTUAIRE", short: "ZP", others: &[] },
    KnownKind { standard: "ZONE A URBANISER EN PRIORITE", short: "ZUP", others: &["Z U P"] },
];

/// Kinds by every way of writing them, folded.
pub static KINDS_BY_WORD: LazyLock<FxHashMap<&'static [u8], &'static KnownKind>> = LazyLock::new(|| {
    let mut by_word = FxHashMap::default();
    for kind in KINDS {
        by_word.insert(kind.standard.as_bytes(), kind);
        by_word.extend(kind.others.iter().map(|word| (word.as_bytes(), kind)));
    }
    for kind in KINDS {
        by_word.entry(kind.short.as_bytes()).or_insert(kind);
    }
    by_word
});
