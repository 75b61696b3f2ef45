//! Any text as the run-length code of a mask.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::cohort::rle;

fuzz_target!(|input: (&str, u8, u8)| {
    let (text, rows, columns) = input;
    let (rows, columns) = (usize::from(rows), usize::from(columns));
    if let Ok(mask) = rle::decode(text, rows, columns) {
        let again = rle::decode(&rle::encode(&mask), rows, columns);
        assert_eq!(again.as_ref().map(saliscope::truth::Mask::pixels), Ok(mask.pixels()));
    }
});
