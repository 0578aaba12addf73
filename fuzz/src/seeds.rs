//! Seeds, made when a run starts instead of kept in the repository.

use std::path::PathBuf;

/// The corpus directory of this run: libFuzzer's first argument that is a directory.
fn corpus() -> Option<PathBuf> {
    std::env::args_os().skip(1).map(PathBuf::from).find(|argument| argument.is_dir())
}

/// Fills the corpus directory of this run if it is empty.
pub fn plant(seeds: impl IntoIterator<Item = Vec<u8>>) {
    let Some(corpus) = corpus() else { return };
    if std::fs::read_dir(&corpus).is_ok_and(|mut entries| entries.next().is_some()) {
        return;
    }
    for (number, seed) in seeds.into_iter().enumerate() {
        // Without seeds the run only starts more slowly.
        let _ = std::fs::write(corpus.join(format!("seed-{number:02}")), seed);
    }
}

/// Bytes that look random and are the same at every run.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Some noise of growing length, each behind every one of the `first` bytes (the targets' modes).
pub fn modes(first: &[u8]) -> Vec<Vec<u8>> {
    let lengths = [16, 64, 256, 1024];
    first
        .iter()
        .flat_map(|&mode| {
            lengths.iter().map(move |&len| {
                let mut seed = noise(u64::from(mode) << 16 | len as u64, len);
                seed[0] = mode;
                seed
            })
        })
        .collect()
}
