//! `BitsStored` and `HighBit` against the bits that pixels have.

use super::made::{COLUMNS, Coding, Made, Random, assert_levels, linear, picture};

#[test]
fn values_of_more_bits_than_stored_are_taken_whole() {
    for coding in Coding::ALL {
        for (largest, stored, bits) in [(16_383, 12, 14), (4095, 10, 12), (65_535, 14, 16), (1023, 8, 10)] {
            let words = picture(largest);
            let white = f64::from(largest) + 1.0;
            let made = Made::gray(coding, 16, stored, &words).window(&(white / 2.0).to_string(), &white.to_string());
            let (found, told) = made.levels();
            let levels = words.iter().map(|value| linear(f64::from(*value), white / 2.0, white));
            assert_levels(&found, levels, &format!("{coding:?}, {bits} bits said {stored}"));
            assert!(told.contains(&format!("BitsStored says {stored}")) && told.contains(&bits.to_string()), "{told}");
        }
        let (found, told) = Made::gray(coding, 8, 6, &picture(255)).levels();
        assert_levels(&found, picture(255).into_iter().map(f64::from), "8 bits said 6");
        assert!(told.contains("BitsStored says 6"), "{told}");
    }
}

#[test]
fn signed_values_of_more_bits_than_stored_are_taken_whole() {
    let words: Vec<u16> = picture(16_383).iter().map(|value| value.wrapping_sub(8192)).collect();
    let made = Made::gray(Coding::Explicit, 16, 12, &words).number([0x28, 0x103], 1).window("0", "16384");
    let (found, told) = made.levels();
    assert_levels(&found, picture(16_383).into_iter().map(|v| linear(f64::from(v) - 8192.0, 0.0, 16_384.0)), "signed");
    assert!(told.contains("BitsStored says 12"), "{told}");
    // The sign in all upper bits, or in none, is what the standard leaves free.
    let words: Vec<u16> = picture(4095).iter().map(|value| value.wrapping_sub(2048)).collect();
    for word_of in [|word: u16| word, |word: u16| word & 0xfff] {
        let words: Vec<u16> = words.iter().map(|word| word_of(*word)).collect();
        let made = Made::gray(Coding::Explicit, 16, 12, &words).number([0x28, 0x103], 1).window("0", "4096");
        let (found, told) = made.levels();
        assert_levels(&found, picture(4095).into_iter().map(|v| linear(f64::from(v) - 2048.0, 0.0, 4096.0)), "12 bits");
        assert_eq!(told, "");
    }
}

#[test]
fn overlays_in_the_pixels_stay_overlays() {
    let drawn = |at: usize| u16::from(at % COLUMNS < 5);
    for (group, bit) in [(0x6000, 12), (0x6002, 15)] {
        let words: Vec<u16> = picture(4095).iter().enumerate().map(|(at, value)| value | drawn(at) << bit).collect();
        let made = Made::gray(Coding::Explicit, 16, 12, &words)
            .window("2048", "4096")
            .number([group, 0x10], super::made::ROWS as u16)
            .number([group, 0x11], COLUMNS as u16)
            .text([group, 0x40], b"CS", "G")
            .bytes([group, 0x50], b"SS", &[1, 0, 1, 0])
            .number([group, 0x100], 16)
            .number([group, 0x102], bit);
        let (found, told) = made.levels();
        assert_levels(&found, picture(4095).into_iter().map(|v| linear(f64::from(v), 2048.0, 4096.0)), "overlay");
        assert_eq!(told, "");
        let image = made.image();
        let plane = image.overlay_bits(0, 0, Some(&image.frame(0).unwrap())).unwrap();
        assert_eq!(plane.bits, (0..480).map(|at| drawn(at) == 1).collect::<Vec<bool>>());
    }
}

#[test]
fn what_is_no_value_in_the_upper_bits_is_left_out_with_a_word() {
    let mut random = Random(5);
    let words: Vec<u16> = picture(4095).iter().map(|value| value | (random.below(16) as u16) << 12).collect();
    let (found, told) = Made::gray(Coding::Explicit, 16, 12, &words).window("2048", "4096").levels();
    assert_levels(&found, picture(4095).into_iter().map(|v| linear(f64::from(v), 2048.0, 4096.0)), "dirt");
    assert!(told.contains("bits beyond the 12 of BitsStored are set and were left out"), "{told}");
}

#[test]
fn a_high_bit_is_believed_where_the_values_are() {
    for coding in Coding::ALL {
        let made = |words: &[u16], high| {
            Made::gray(coding, 16, 12, words).number([0x28, 0x102], high).window("2048", "4096").levels()
        };
        let wanted = || picture(4095).into_iter().map(|value| linear(f64::from(value), 2048.0, 4096.0));
        let top: Vec<u16> = picture(4095).iter().map(|value| value << 4).collect();
        let (found, told) = made(&top, 15);
        assert_levels(&found, wanted(), "at the top");
        assert_eq!(told, "");
        for high in [15, 14, 13, 12, 3, 0, 16, 200] {
            let (found, told) = made(&picture(4095), high);
            assert_levels(&found, wanted(), &format!("HighBit {high} of values below"));
            assert!(
                told.contains(&format!("HighBit {high}")) || told.contains(&format!("HighBit says {high}")),
                "{told}"
            );
        }
    }
}

#[test]
fn signed_bytes_are_two_s_complement() {
    let words: Vec<u16> = picture(255).iter().map(|value| value.wrapping_sub(128) & 0xff).collect();
    let made = Made::gray(Coding::Explicit, 8, 8, &words).number([0x28, 0x103], 1).window("0", "256");
    let (found, told) = made.levels();
    assert_levels(&found, picture(255).into_iter().map(|v| linear(f64::from(v) - 128.0, 0.0, 256.0)), "signed bytes");
    assert_eq!(told, "");
}
