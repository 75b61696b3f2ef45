//! The run-length code against a decoder of another make, and as a round trip.

use proptest::prelude::*;
use saliscope::cohort::rle::{self, RleError};
use saliscope::truth::Mask;

/// Fills an image that stands on its side, row by row, and turns it afterwards: the data set's own recipe.
fn turned_decoder(text: &str, rows: usize, columns: usize) -> Vec<bool> {
    let numbers: Vec<usize> = text.split(' ').map(|number| number.parse().unwrap()).collect();
    let mut line = vec![false; rows * columns];
    let mut position = 0;
    for pair in numbers.chunks(2) {
        position += pair[0];
        line[position..position + pair[1]].fill(true);
        position += pair[1];
    }
    let mut turned = vec![false; rows * columns];
    for (index, pixel) in line.into_iter().enumerate() {
        let (x, y) = (index / rows, index % rows);
        turned[y * columns + x] = pixel;
    }
    turned
}

#[test]
fn the_published_size_and_a_run_over_the_end_of_a_column() {
    // Columns 10 and 11 of 1024 rows: the last 3 pixels of one, the first 5 of the other.
    let mask = rle::decode(&format!("{} 8", 10 * 1024 + 1021), 1024, 1024).unwrap();
    let marked: Vec<(usize, usize)> =
        (0..1 << 20).filter(|i| mask.pixels()[*i]).map(|i| (i / 1024, i % 1024)).collect();
    let top: Vec<(usize, usize)> = (0..5).map(|row| (row, 11)).collect();
    let bottom: Vec<(usize, usize)> = (1021..1024).map(|row| (row, 10)).collect();
    assert_eq!(marked, [top, bottom].concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn encode_and_decode(rows in 1_usize..24, columns in 1_usize..24, seed in any::<u64>(), density in 0.0..1.0_f64) {
        let pixel = |i: usize| {
            let hash = (seed ^ i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            ((hash >> 11) as f64 / (1_u64 << 53) as f64) < density
        };
        let mask = Mask::new(rows, columns, (0..rows * columns).map(pixel).collect());
        let text = rle::encode(&mask);
        prop_assert_eq!(&rle::decode(&text, rows, columns).unwrap(), &mask);
        if mask.area_px() > 0 {
            prop_assert_eq!(turned_decoder(&text, rows, columns), mask.pixels());
        } else {
            prop_assert_eq!(text, "-1");
        }
    }

    #[test]
    fn any_pairs_within_the_image(pairs in prop::collection::vec((0_usize..40, 1_usize..9), 1..12), columns in 1_usize..40) {
        let rows = 17;
        let text = pairs.iter().map(|(gap, length)| format!("{gap} {length}")).collect::<Vec<_>>().join(" ");
        let end: usize = pairs.iter().map(|(gap, length)| gap + length).sum();
        match rle::decode(&text, rows, columns) {
            Ok(mask) => {
                prop_assert!(end <= rows * columns);
                prop_assert_eq!(turned_decoder(&text, rows, columns), mask.pixels());
            }
            Err(error) => {
                let is_beyond = matches!(error, RleError::BeyondImage { .. });
                prop_assert!(is_beyond && end > rows * columns, "{}", error);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-0-9 \\t\\n,.xe+]{0,60}|\\PC{0,40}", rows in 0_usize..70, columns in 0_usize..70) {
        if let Ok(mask) = rle::decode(&text, rows, columns) {
            prop_assert_eq!(mask.pixels().len(), rows * columns);
        }
    }
}
