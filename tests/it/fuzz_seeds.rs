//! What the fuzzer has found worth keeping, and some random strings, through the code that it runs (`fuzz/`).

#[path = "../../fuzz/src/addresses.rs"]
mod addresses;
#[path = "../../fuzz/src/driver.rs"]
mod driver;

use std::path::Path;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let files = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> =
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    seeds.sort();
    assert!(seeds.len() > 2, "the seeds are gone");
    seeds
}

#[test]
fn every_seed_of_the_address_parser_passes() {
    seeds("addresses").iter().for_each(|seed| addresses::run(seed));
}

#[test]
fn every_seed_of_the_driver_passes_on_both_backends() {
    for mut seed in seeds("driver").into_iter().filter(|seed| !seed.is_empty()) {
        // The first byte says which.
        for backend in [0, 1] {
            seed[0] = backend;
            driver::run(&seed);
        }
    }
}

/// xorshift64 (G. Marsaglia, 2003), from a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

#[test]
fn every_string_is_an_address_or_a_name_or_neither() {
    // What addresses are made of, and now and then something else.
    const PIECES: &str = "1 0 255 256 80 65535 65536 : : :: . . [ ] % ab ffff localhost - + é x \
                          127.0.0.1 127.0.0.1: [::1] [fe80::1%3]: 127.0.0.1:80";
    let pieces: Vec<&str> = PIECES.split(' ').chain([" "]).collect();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..crate::support::scaled(100_000) {
        let length = random.below(9);
        let text: String = (0..length).map(|_| pieces[random.below(pieces.len())]).collect();
        addresses::run(text.as_bytes());
    }
}

#[test]
fn random_histories_of_sources_pass_on_both_backends() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..crate::support::scaled(2_000) {
        let length = 2 * random.below(150) + 1;
        let history: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        driver::run(&history);
    }
}
