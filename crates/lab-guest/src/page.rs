/// Words in a page of 4096 bytes.
const WORDS: usize = 512;

/// One page of memory whose every word follows from the page's number and its generation.
#[derive(Clone)]
#[repr(C, align(4096))]
pub struct Page([u64; WORDS]);

impl Page {
    /// The size of a page, in bytes.
    pub const SIZE: usize = WORDS * size_of::<u64>();

    /// The page with this number as its `generation`-th writing leaves it.
    #[must_use]
    pub fn new(number: u64, generation: u64) -> Self {
        let mut page = Self([0; WORDS]);
        page.write(number, generation);
        page
    }

    /// Writes every word of the page anew.
    pub fn write(&mut self, number: u64, generation: u64) {
        for (word, expected) in self.0.iter_mut().zip(pattern(number, generation)) {
            *word = expected;
        }
    }

    /// Whether every word is what the last writing left. A page of an earlier generation is a store
    /// that was lost, however sound it looks.
    #[must_use]
    pub fn holds(&self, number: u64, generation: u64) -> bool {
        self.0.iter().copied().eq(pattern(number, generation))
    }
}

/// Number and generation in the clear, for whoever reads a memory dump, then words that depend on
/// both. The multiplier is that of SplitMix64.
fn pattern(number: u64, generation: u64) -> impl Iterator<Item = u64> {
    let seed = number.rotate_left(32) ^ generation;
    let words =
        (2..WORDS as u64).map(move |index| (seed ^ index).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    [number, generation].into_iter().chain(words)
}

/// Pages that are written round and round, and checked before they are written again. What each
/// page should hold is remembered outside the page.
pub struct Region {
    pages: Vec<Page>,
    generations: Vec<u64>,
    write_at: usize,
    check_at: usize,
    /// Pages written since the region was made.
    pub written: u64,
    /// Pages checked since the region was made.
    pub checked: u64,
    /// Pages found to hold something else than was written last; each was then written anew, so that
    /// it counts once.
    pub corrupt: u64,
}

impl Region {
    /// A region of `pages` pages, each written once. No pages: nothing to write and nothing to check.
    #[must_use]
    pub fn new(pages: usize) -> Self {
        Self {
            pages: (0..pages as u64).map(|number| Page::new(number, 0)).collect(),
            generations: vec![0; pages],
            write_at: 0,
            check_at: 0,
            written: 0,
            checked: 0,
            corrupt: 0,
        }
    }

    /// How many pages there are.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Checks the next page in the round of writing, then writes it.
    pub fn write_next(&mut self) {
        let index = self.write_at;
        self.check(index);
        self.rewrite(index);
        self.write_at = (index + 1) % self.pages.len().max(1);
    }

    /// Checks the next page in the round of checking.
    pub fn check_next(&mut self) {
        self.check(self.check_at);
        self.check_at = (self.check_at + 1) % self.pages.len().max(1);
    }

    /// Checks every page.
    pub fn check_all(&mut self) {
        (0..self.pages.len()).for_each(|index| self.check(index));
    }

    fn check(&mut self, index: usize) {
        let (Some(page), Some(generation)) = (self.pages.get(index), self.generations.get(index))
        else {
            return;
        };
        self.checked += 1;
        if !page.holds(index as u64, *generation) {
            self.corrupt += 1;
            self.rewrite(index);
        }
    }

    fn rewrite(&mut self, index: usize) {
        if let (Some(page), Some(generation)) =
            (self.pages.get_mut(index), self.generations.get_mut(index))
        {
            *generation += 1;
            page.write(index as u64, *generation);
            self.written += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sound_region_stays_sound() {
        let mut region = Region::new(5);
        (0..12).for_each(|_| region.write_next());
        region.check_all();
        assert_eq!((region.written, region.checked, region.corrupt), (12, 17, 0));
    }

    #[test]
    fn a_lost_store_is_found_before_the_page_is_written_again_and_counted_once() {
        let mut region = Region::new(3);
        let stale = region.pages[1].clone();
        (0..3).for_each(|_| region.write_next());
        region.pages[1] = stale;
        (0..3).for_each(|_| region.write_next());
        region.check_all();
        assert_eq!(region.corrupt, 1);
    }

    #[test]
    fn the_running_sweep_finds_a_page_of_another_number() {
        let mut region = Region::new(4);
        region.pages[3] = region.pages[2].clone();
        (0..3).for_each(|_| region.check_next());
        assert_eq!(region.corrupt, 0);
        region.check_next();
        assert_eq!(region.corrupt, 1);
    }

    #[test]
    fn an_empty_region_does_nothing() {
        let mut region = Region::new(0);
        region.write_next();
        region.check_next();
        region.check_all();
        assert_eq!((region.written, region.checked, region.corrupt), (0, 0, 0));
    }

    proptest! {
        #[test]
        fn every_flipped_bit_is_seen(word in 0..WORDS, bit in 0..64, number: u64, generation: u64) {
            let mut page = Page::new(number, generation);
            prop_assert!(page.holds(number, generation));
            page.0[word] ^= 1u64 << bit;
            prop_assert!(!page.holds(number, generation));
        }
    }
}
