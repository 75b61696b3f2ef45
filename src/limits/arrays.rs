//! NumPy's array files.

/// Longest header, in bytes, as NumPy reads them. It writes about 120.
pub const NPY_HEADER_BYTES: usize = 10_000;

/// Most bytes of data in one array.
pub const NPY_DATA_BYTES: usize = 1 << 30;

/// Most bytes an array of an archive unpacks to, its header included.
pub const NPZ_ENTRY_BYTES: u64 = NPY_DATA_BYTES as u64 + 4096;

/// Most methods of another program that are judged in one run.
pub const EXTERNAL_METHODS: usize = 100;
