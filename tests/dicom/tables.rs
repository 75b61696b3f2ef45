//! Lookup tables and palettes whose descriptors say something else than their entries, and what holds for every table.

use saliscope::radiograph::Radiograph;
use saliscope::radiograph::dicom::DicomImage;

use super::made::{Coding, Made, Random, assert_levels, picture};

const VOI: [u16; 2] = [0x28, 0x3010];
const MODALITY: [u16; 2] = [0x28, 0x3000];

/// How entries lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entries {
    Words,
    /// One byte each, as an OW of the coding has them.
    Packed,
    /// One byte each in an OB.
    Bytes,
}

fn data(coding: Coding, entries: &[u16], lie: Entries) -> (Vec<u8>, &'static [u8; 2]) {
    let mut bytes: Vec<u8> = entries.iter().map(|entry| *entry as u8).collect();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    match lie {
        Entries::Words => (coding.words(entries.iter().copied()), b"OW"),
        Entries::Packed => {
            if coding == Coding::BigEndian {
                bytes.chunks_exact_mut(2).for_each(<[u8]>::reverse);
            }
            (bytes, b"OW")
        }
        Entries::Bytes => (bytes, b"OB"),
    }
}

/// The elements of a table's item.
fn item(coding: Coding, descriptor: [u16; 3], vr: &[u8; 2], entries: &[u16], lie: Entries) -> Vec<u8> {
    let (data, data_vr) = data(coding, entries, lie);
    let descriptor = coding.element([0x28, 0x3002], vr, &coding.words(descriptor));
    [descriptor, coding.element([0x28, 0x3006], data_vr, &data)].concat()
}

/// A curve over 12 bits that ends at `largest`.
fn curve(largest: u16) -> Vec<u16> {
    (0..4096).map(|at| (f64::from(at) / 4095.0).sqrt() * f64::from(largest)).map(|entry| entry.round() as u16).collect()
}

#[test]
fn the_largest_entry_decides_how_bright_white_is() {
    for coding in Coding::ALL {
        for (said, largest, lie) in [
            (16, 4095, Entries::Words),
            (8, 4095, Entries::Words),
            (10, 4095, Entries::Words),
            (8, 65_535, Entries::Words),
            (12, 65_535, Entries::Words),
            (14, 1023, Entries::Words),
            (16, 255, Entries::Words),
            (0, 4095, Entries::Words),
            (32, 4095, Entries::Words),
            (16, 255, Entries::Packed),
            (16, 255, Entries::Bytes),
        ] {
            let entries = curve(largest);
            let item = item(coding, [4096, 0, said], b"US", &entries, lie);
            let made = Made::gray(coding, 16, 12, &picture(4095)).sequence(VOI, &[item]);
            let (found, told) = made.levels();
            let what = format!("{coding:?}, {said} bits, up to {largest}, {lie:?}");
            let levels = picture(4095).into_iter().map(|value| f64::from(entries[usize::from(value)]));
            assert_levels(&found, levels.map(|entry| entry / f64::from(largest) * 255.0), &what);
            assert!(told.contains("lookup table says"), "{what}: {told}");
        }
    }
}

#[test]
fn what_descriptor_and_entries_agree_about_is_taken_without_a_word() {
    for coding in Coding::ALL {
        for (bits, largest, lie) in [
            (12, 4095, Entries::Words),
            (16, 65_535, Entries::Words),
            (10, 1023, Entries::Words),
            (8, 255, Entries::Words),
            (8, 255, Entries::Packed),
            (8, 255, Entries::Bytes),
            // A dark table of 8 bits, and one that stops below its white.
            (8, 100, Entries::Packed),
            (12, 3000, Entries::Words),
        ] {
            let entries = curve(largest);
            let white = f64::from((1_u32 << bits) - 1);
            let item = item(coding, [4096, 0, bits], b"US", &entries, lie);
            let made = Made::gray(coding, 16, 12, &picture(4095)).sequence(VOI, &[item]);
            let (found, told) = made.levels();
            let levels = picture(4095).into_iter().map(|value| f64::from(entries[usize::from(value)]));
            assert_levels(
                &found,
                levels.map(|entry| entry / white * 255.0),
                &format!("{coding:?}, {bits} bits, {lie:?}"),
            );
            assert_eq!(told, "", "{coding:?}, {bits} bits, {lie:?}");
        }
    }
}

#[test]
fn the_first_mapped_value_has_the_sign_of_the_pixels() {
    let entries: Vec<u16> = (0..20_000).map(|at| (f64::from(at) / 19_999.0 * 65_535.0) as u16).collect();
    for vr in [b"US", b"SS", b"OW", b"UN"] {
        // Unsigned pixels from 40000 on, whatever the descriptor's representation.
        let words: Vec<u16> = picture(19_000).iter().map(|value| value + 40_000).collect();
        let item = item(Coding::Explicit, [20_000, 40_000, 16], vr, &entries, Entries::Words);
        let (found, told) =
            Made::gray(Coding::Explicit, 16, 16, &words).sequence(VOI, std::slice::from_ref(&item)).levels();
        let levels = |value: u16| f64::from(entries[usize::from(value)]) / 65_535.0 * 255.0;
        assert_levels(&found, picture(19_000).into_iter().map(levels), "unsigned");
        assert_eq!(told, "");
        // The same word of signed pixels is -25536.
        let words: Vec<u16> = picture(19_000).iter().map(|value| value.wrapping_sub(25_536)).collect();
        let made = Made::gray(Coding::Explicit, 16, 16, &words).number([0x28, 0x103], 1).sequence(VOI, &[item]);
        assert_levels(&made.levels().0, picture(19_000).into_iter().map(levels), "signed");
    }
    // Unsigned pixels behind a negative intercept reach the table at 50000 only by the other reading.
    let words: Vec<u16> = picture(9000).iter().map(|value| value + 51_024).collect();
    let item = item(Coding::Explicit, [10_000, 50_000, 16], b"US", &entries[..10_000], Entries::Words);
    let made = Made::gray(Coding::Explicit, 16, 16, &words)
        .text([0x28, 0x1052], b"DS", "-1024")
        .text([0x28, 0x1053], b"DS", "1")
        .sequence(VOI, &[item]);
    let white = f64::from(u16::MAX >> 1);
    let levels = picture(9000).into_iter().map(|value| f64::from(entries[usize::from(value)]) / white * 255.0);
    assert_levels(&made.levels().0, levels, "behind an intercept");
}

#[test]
fn tables_of_65536_entries_and_of_other_numbers_than_announced() {
    let all: Vec<u16> = (0..=u16::MAX).map(|value| u16::MAX - value).collect();
    let item_of = |descriptor, entries: &[u16], lie| item(Coding::Implicit, descriptor, b"US", entries, lie);
    let made = |item| Made::gray(Coding::Implicit, 16, 16, &picture(65_535)).sequence(VOI, &[item]);
    let negative = |value: u16| f64::from(u16::MAX - value) / 65_535.0 * 255.0;
    let (found, told) = made(item_of([0, 0, 16], &all, Entries::Words)).levels();
    assert_levels(&found, picture(65_535).into_iter().map(negative), "0 stands for 65536");
    assert_eq!(told, "");
    let bytes: Vec<u16> = all.iter().map(|value| value >> 8).collect();
    let (found, told) = made(item_of([0, 0, 8], &bytes, Entries::Bytes)).levels();
    let levels = picture(65_535).into_iter().map(|value| f64::from((u16::MAX - value) >> 8));
    assert_levels(&found, levels, "65536 bytes");
    assert_eq!(told, "");
    // Some of the entries are missing: the last one stands for the others.
    let (found, told) = made(item_of([0, 0, 16], &all[..30_000], Entries::Words)).levels();
    let levels = picture(65_535).into_iter().map(|value| negative(value.min(29_999)));
    assert_levels(&found, levels, "fewer entries");
    assert!(told.contains("announces 65536 entries and has 30000"), "{told}");
    // More than announced are left aside.
    let (found, _) = made(item_of([40_000, 0, 16], &all, Entries::Words)).levels();
    assert_levels(&found, picture(65_535).into_iter().map(|value| negative(value.min(39_999))), "more entries");
}

#[test]
fn a_modality_table_is_read_as_the_others() {
    let entries = curve(4095);
    for coding in Coding::ALL {
        for (said, vr, lie) in [(8, b"SS", Entries::Words), (16, b"US", Entries::Words), (12, b"US", Entries::Words)] {
            let item = item(coding, [4096, 0, said], vr, &entries, lie);
            let made = Made::gray(coding, 16, 12, &picture(4095)).sequence(MODALITY, &[item]).window("2000", "3000");
            let levels = picture(4095).into_iter().map(|value| f64::from(entries[usize::from(value)]));
            let levels = levels.map(|value| super::made::linear(value, 2000.0, 3000.0));
            assert_levels(&made.levels().0, levels, &format!("{coding:?}, {said} bits"));
        }
    }
}

/// A palette image of gray indices.
fn palette(coding: Coding, channels: [(u16, &[u16], Entries); 3]) -> Made {
    let mut made = Made::gray(coding, 8, 8, &picture(255)).text([0x28, 4], b"CS", "PALETTE COLOR");
    for (number, (bits, entries, lie)) in [1, 2, 3].into_iter().zip(channels) {
        let (data, vr) = data(coding, entries, lie);
        let descriptor = coding.words([entries.len() as u16, 0, bits]);
        made = made.bytes([0x28, 0x1100 + number], b"US", &descriptor).bytes([0x28, 0x1200 + number], vr, &data);
    }
    made
}

#[test]
fn a_gray_palette_stays_gray() {
    let inverse = |scale: u16| (0..256).map(|index| (255 - index) * scale).collect::<Vec<u16>>();
    let [bytes, words, tens] = [1, 257, 4].map(inverse);
    let wanted = |largest: u16| {
        picture(255)
            .into_iter()
            .map(move |index| 255.0 - f64::from(index))
            .map(move |level| level / f64::from(largest) * 255.0)
    };
    for coding in Coding::ALL {
        for (what, channels) in [
            ("16", [(16, &words[..], Entries::Words); 3]),
            ("16 said 8", [(8, &words[..], Entries::Words); 3]),
            ("8 in 16", [(16, &bytes[..], Entries::Words); 3]),
            ("8 in words", [(8, &bytes[..], Entries::Words); 3]),
            ("8 packed", [(8, &bytes[..], Entries::Packed); 3]),
            ("8 packed said 16", [(16, &bytes[..], Entries::Packed); 3]),
            ("8 in bytes", [(8, &bytes[..], Entries::Bytes); 3]),
            (
                "descriptors differ",
                [(16, &bytes[..], Entries::Words), (8, &bytes, Entries::Words), (12, &bytes, Entries::Words)],
            ),
            (
                "one in bytes",
                [(8, &bytes[..], Entries::Packed), (16, &words, Entries::Words), (16, &words, Entries::Words)],
            ),
        ] {
            let (found, told) = palette(coding, channels).levels();
            assert_levels(&found, wanted(255), &format!("{coding:?}, {what}"));
            assert!(!told.contains("colours"), "{coding:?}, {what}: {told}");
        }
        let (found, told) = palette(coding, [(16, &tens, Entries::Words); 3]).levels();
        assert_levels(
            &found,
            picture(255).into_iter().map(|index| f64::from(255 - index) * 4.0 / 1023.0 * 255.0),
            "10 in 16",
        );
        assert!(told.contains("palette says 16 bits, but its largest entry has 10"), "{told}");
    }
}

#[test]
fn a_table_that_shows_nothing_is_left_out_and_the_next_is_taken() {
    let flat = item(Coding::Explicit, [4096, 0, 12], b"US", &[700; 4096], Entries::Words);
    // All pixels lie beyond its end.
    let beyond = item(Coding::Explicit, [100, 5000, 12], b"US", &curve(4095)[..100], Entries::Words);
    let good = item(Coding::Explicit, [4096, 0, 12], b"US", &curve(4095), Entries::Words);
    let made = Made::gray(Coding::Explicit, 16, 12, &picture(4095));
    let (wanted, _) = made.clone().sequence(VOI, std::slice::from_ref(&good)).levels();
    let (found, told) = made.clone().sequence(VOI, &[flat.clone(), beyond.clone(), good]).levels();
    assert_eq!(found, wanted);
    assert!(told.contains("VOI lookup table that would show all pixels as one gray level"), "{told}");
    let (found, _) = made.clone().sequence(VOI, &[flat.clone(), beyond]).window("2000", "3000").levels();
    assert_levels(
        &found,
        picture(4095).into_iter().map(|v| super::made::linear(f64::from(v), 2000.0, 3000.0)),
        "window",
    );
    let (found, told) = made.clone().sequence(MODALITY, &[flat]).window("2000", "3000").levels();
    assert_levels(
        &found,
        picture(4095).into_iter().map(|v| super::made::linear(f64::from(v), 2000.0, 3000.0)),
        "window",
    );
    assert!(told.contains("modality lookup table would make all pixels one value"), "{told}");
    let (found, told) = palette(Coding::Explicit, [(8, &[90; 256], Entries::Packed); 3]).levels();
    assert_levels(&found, picture(255).into_iter().map(f64::from), "indices");
    assert!(told.contains("gray is the index"), "{told}");
}

/// A text as programs write numbers, and worse.
fn text(random: &mut Random) -> String {
    match random.below(6) {
        0 => random
            .one_of(&["0", "1", "-1", "1.5", "0.0002", "1e-30", "1e30", "NaN", "inf", "-inf", "", "wide", "1e400"])
            .to_owned(),
        1 => format!("{},{}", random.below(3000), random.below(1000)),
        2 => format!("{}\\{}", random.below(5000), random.below(5000)),
        3 => format!("-{}", random.below(70_000)),
        _ => format!("{}.{}", random.below(70_000), random.below(100)),
    }
}

fn random_table(coding: Coding, random: &mut Random) -> Vec<u8> {
    let count = random.one_of(&[1, 2, 3, 16, 255, 256, 257, 4096, 65_536]);
    let depth = random.below(17);
    let style = random.below(4);
    let entries: Vec<u16> = (0..count)
        .map(|at| {
            let top = (1_usize << depth) - 1;
            (match style {
                0 => random.below(top + 1),
                1 => at * top / count,
                2 => top - at * top / count,
                _ => top,
            }) as u16
        })
        .collect();
    let announced = (if random.below(4) == 0 { random.below(65_536) } else { count }) as u16;
    let first = random.one_of(&[0, 0, 1, 100, 40_000, 65_000, 65_535]);
    let bits = random.one_of(&[0, 1, 7, 8, 9, 10, 12, 14, 16, 17, 255, depth as u16]);
    let vr = random.one_of(&[b"US", b"SS", b"OW", b"UN"]);
    let lie = random.one_of(&[Entries::Words, Entries::Words, Entries::Packed, Entries::Bytes]);
    item(coding, [announced, first, bits], vr, &entries, lie)
}

fn random_file(random: &mut Random) -> Made {
    let coding = random.one_of(&Coding::ALL);
    let allocated = random.one_of(&[8_u16, 16, 16]);
    let stored = 1 + random.below(allocated.into()) as u16;
    let used = if random.below(4) == 0 { allocated } else { stored };
    let largest = ((1_u32 << used) - 1) as u16;
    let words: Vec<u16> = match random.below(5) {
        0 => vec![random.below(usize::from(largest) + 1) as u16; picture(1).len()],
        1 => picture(largest).iter().enumerate().map(|(at, _)| u16::from(at == 77)).collect(),
        2 => picture(largest).iter().map(|_| random.below(usize::from(largest) + 1) as u16).collect(),
        _ => picture(largest),
    };
    let photometric = random.one_of(&["MONOCHROME1", "MONOCHROME2", "MONOCHROME2", "PALETTE COLOR"]);
    let mut made = Made::gray(coding, allocated, stored, &words)
        .text([0x28, 4], b"CS", photometric)
        .number([0x28, 0x103], random.below(2) as u16)
        .number([0x28, 0x102], random.one_of(&[stored - 1, stored - 1, allocated - 1]));
    if random.below(3) == 0 {
        made = made.text([0x28, 0x1052], b"DS", &text(random)).text([0x28, 0x1053], b"DS", &text(random));
    }
    if random.below(4) == 0 {
        made = made.sequence(MODALITY, &[random_table(coding, random)]);
    }
    if random.below(2) == 0 {
        made = made.window(&text(random), &text(random));
        made = made.text([0x28, 0x1056], b"CS", random.one_of(&["LINEAR", "LINEAR_EXACT", "SIGMOID", "WIDE"]));
    }
    if random.below(2) == 0 {
        let tables: Vec<Vec<u8>> = (0..=random.below(2)).map(|_| random_table(coding, random)).collect();
        made = made.sequence(VOI, &tables);
    }
    if photometric == "PALETTE COLOR" && random.below(5) > 0 {
        for number in [1, 2, 3] {
            let count = random.one_of(&[2, 16, 256]);
            let entries: Vec<u16> = (0..count).map(|_| random.below(65_536) as u16 >> random.below(16)).collect();
            let lie = random.one_of(&[Entries::Words, Entries::Packed]);
            let (data, vr) = data(coding, &entries, lie);
            let descriptor = coding.words([count, 0, random.one_of(&[8, 12, 16])]);
            made = made.bytes([0x28, 0x1100 + number], b"US", &descriptor).bytes([0x28, 0x1200 + number], vr, &data);
        }
    }
    made
}

#[test]
fn every_level_of_every_file_is_gray_and_no_table_makes_a_picture_constant() {
    let mut random = Random(20_261_129);
    let (mut shown, mut varied) = (0, 0);
    for number in 0..3000 {
        let made = random_file(&mut random);
        let Ok(image) = DicomImage::from_bytes(made.file()) else { continue };
        let Ok(radiograph) = Radiograph::from_dicom(&image, 0) else { continue };
        shown += 1;
        let levels = radiograph.pixels();
        assert!(levels.iter().all(|level| (0.0..=255.0).contains(level)), "file {number}: {made:?}");
        let stored = image.frame(0).unwrap().stored.values;
        if stored.iter().any(|value| *value != stored[0]) {
            varied += 1;
            assert!(levels.iter().any(|level| *level != levels[0]), "file {number}: {:?}", radiograph.warnings());
        }
    }
    assert!(shown > 2500 && varied > 1800, "{shown} shown, {varied} of them varied");
}
