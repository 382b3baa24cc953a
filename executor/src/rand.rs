//! A small generator for choosing victims: xorshift64* (S. Vigna, 2016). Seeded, so that a worker stepped under a seed
//! repeats itself.

use std::cell::Cell;

/// Owner only.
#[derive(Debug)]
pub(crate) struct Rng(Cell<u64>);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        // The state must not be zero.
        Rng(Cell::new(seed | 1))
    }

    /// Uniform enough in `0..below`, which must not be zero.
    pub(crate) fn below(&self, below: usize) -> usize {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        let high = x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        // Multiplying by the range and keeping the high half spares the division (D. Lemire, 2019).
        ((high * below as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_up_and_none_beyond() {
        let rng = Rng::new(0);
        let mut seen = [0_u32; 5];
        for _ in 0..1_000 {
            seen[rng.below(5)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    }
}
