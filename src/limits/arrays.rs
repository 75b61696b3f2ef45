//! NumPy's array files.

/// Longest header, in bytes. NumPy writes about 120; the bound keeps hostile nesting away from the parser.
pub const NPY_HEADER_BYTES: usize = 1024;

/// Most bytes of data in one array.
pub const NPY_DATA_BYTES: usize = 1 << 30;

/// Most bytes an array of an archive unpacks to, its header included.
pub const NPZ_ENTRY_BYTES: u64 = NPY_DATA_BYTES as u64 + 4096;
