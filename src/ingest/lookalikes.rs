//! Keys of different customers that look like one customer's: they differ in case, spaces or Unicode form alone.
//!
//! Such customers stay two, for keys are opaque; the operator is told, by number and lines, never by key.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use unicode_normalization::UnicodeNormalization;

use super::index::Index;
use super::sheet::Sheet;

/// So many pairs are shown by their lines.
const PAIRS_SHOWN_MAX: usize = 5;

/// The warning, if there is anything to warn of.
pub(super) fn warning(index: &Index, sheets: &[Sheet<'_>]) -> Option<String> {
    // A hash for each customer instead of its folded key: 12 bytes however long keys are.
    let (hashes, mut first) = (RandomState::new(), HashMap::with_capacity(index.groups.len()));
    let mut pairs = Vec::new();
    let mut count: u64 = 0;
    for (number, group) in index.groups.iter().enumerate() {
        let id = index.id(group);
        let folded = folded(id.as_str());
        let earlier = *first.entry(hashes.hash_one(&folded)).or_insert(number);
        if earlier == number {
            continue;
        }
        let other = &index.groups[earlier];
        if self::folded(index.id(other).as_str()) == folded {
            count += 1;
            if pairs.len() < PAIRS_SHOWN_MAX {
                let (one, two) = (index.place(other, sheets), index.place(group, sheets));
                pairs.push(format!("{}:{} and {}:{}", one.file, one.line, two.file, two.line));
            }
        }
    }
    let more = if count > pairs.len() as u64 { ", …" } else { "" };
    (count > 0).then(|| {
        format!(
            "{count} keys differ from another customer's only in case, spaces or Unicode form ({}{more}); they are \
             taken for different customers: mend the CRM if they are not",
            pairs.join(", ")
        )
    })
}

fn folded(key: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    if key.bytes().all(is_plain) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.nfkc().flat_map(char::to_lowercase).filter(|letter| !letter.is_whitespace()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_spaces_and_unicode_forms_do_not_count() {
        for (one, two) in [("C 12", "c12"), ("É1", "é1"), ("ﬁ", "FI"), ("Ａ1", "a1"), ("a\u{a0}b", "ab")]
        {
            assert_eq!(folded(one), folded(two));
        }
        for (one, two) in [("c12", "c-12"), ("e1", "é1"), ("01", "1")] {
            assert_ne!(folded(one), folded(two));
        }
    }
}
