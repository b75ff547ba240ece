//! A list that grows page by page and gives them back one by one.
//!
//! For what there is a million of: nothing is moved while it grows, and the pages that one list gives back are as long as
//! those that the next one asks for.

use std::ops::Index;

/// Just less than 16 KiB, because what an allocator puts to a page would otherwise make it take a sixth more of memory.
const PAGE_BYTES: usize = 16_368;

/// A list in pages.
#[derive(Debug)]
pub struct Pages<T> {
    /// All but the last one are full, and none is empty.
    pages: Vec<Vec<T>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T> Pages<T> {
    const ITEMS: usize = if size_of::<T>() < PAGE_BYTES { PAGE_BYTES / size_of::<T>() } else { 1 };

    /// Adds an item.
    pub fn push(&mut self, item: T) {
        match self.pages.last_mut() {
            Some(page) if page.len() < Self::ITEMS => page.push(item),
            // Most lists have a few items; only one that has many begins whole pages.
            Some(_) => {
                let mut page = Vec::with_capacity(Self::ITEMS);
                page.push(item);
                self.pages.push(page);
            }
            None => self.pages.push(vec![item]),
        }
    }

    /// Takes the last item out, if it is wanted.
    pub fn pop_if(&mut self, wanted: impl FnOnce(&T) -> bool) -> Option<T> {
        let page = self.pages.last_mut()?;
        let item = page.pop_if(|item| wanted(item));
        if page.is_empty() {
            self.pages.pop();
        }
        item
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pages.iter().map(Vec::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// All items in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.pages.iter().flatten()
    }

    /// All items in their order, in one piece.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        let mut items = Vec::with_capacity(self.len());
        self.pages.into_iter().for_each(|page| items.extend(page));
        items
    }
}

impl<T> Index<usize> for Pages<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.pages[at / Self::ITEMS][at % Self::ITEMS]
    }
}

impl<T> Extend<T> for Pages<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

#[cfg(test)]
mod tests {
    use super::Pages;

    #[test]
    fn items_come_out_as_they_went_in() {
        for count in [0, 1, 4_091, 4_092, 4_093, 10_000] {
            let mut pages = Pages::default();
            pages.extend(0..count);
            assert_eq!(pages.len(), count);
            assert_eq!(pages.is_empty(), count == 0);
            assert!((0..count).all(|at| pages[at] == at));
            assert!(pages.iter().copied().eq(0..count));
            let mut popped = Vec::new();
            for _ in 0..count / 2 {
                popped.extend(pages.pop_if(|_| true));
            }
            assert_eq!((pages.pop_if(|_| false), pages.len()), (None, count - count / 2));
            assert!(popped.into_iter().eq((count - count / 2..count).rev()));
            assert!(pages.into_vec().into_iter().eq(0..count - count / 2));
        }
    }
}
