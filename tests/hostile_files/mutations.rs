//! Two thousand files damaged at random, the same every time.

use std::path::PathBuf;

use image::{ExtendedColorType, ImageEncoder};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::program::{LIMIT_KIB, fixtures, inspect, limited};

const DICOM: usize = 1500;
const PNG: usize = 300;
const WEIGHTS: usize = 200;
/// Files a run of the program.
const BATCH: usize = 250;

fn damaged(whole: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let heads: [&[u8]; 8] =
        [b"\xff\xc0", b"\xff\xc3", b"\xff\x51", b"\xff\x52", b"\xff\xf7", b"\xff\xda", b"\x28\0", b"\xe0\x7f\x10\0"];
    match random.random_range(0..6) {
        // Cut off.
        0 => bytes.truncate(random.random_range(1..whole.len())),
        // Any bytes.
        1 => {
            for _ in 0..random.random_range(1..6) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
        }
        // Bytes of the head, by extremes.
        2 => {
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..bytes.len().min(1200));
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.random_range(0..5)];
            }
        }
        // A length that lies.
        3 => {
            let at = random.random_range(0..bytes.len().saturating_sub(4).max(1));
            let lie = [u32::MAX, 0xffff_fff0, 0x7fff_ffff, 0][random.random_range(0..4)].to_le_bytes();
            bytes.splice(at..(at + 4).min(whole.len()), lie);
        }
        // A piece twice, or not at all.
        4 => {
            let start = random.random_range(0..bytes.len());
            let end = (start + random.random_range(1..200)).min(bytes.len());
            let piece = if random.random() { [&bytes[start..end], &bytes[start..end]].concat() } else { Vec::new() };
            bytes.splice(start..end, piece);
        }
        // What stands behind the head of a codestream or an attribute of the image.
        _ => {
            let head = heads[random.random_range(0..heads.len())];
            let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(head)).collect();
            if !places.is_empty() {
                let at = places[random.random_range(0..places.len())] + random.random_range(2..24);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.random();
                }
            }
        }
    }
    bytes
}

fn png(random: &mut ChaCha8Rng) -> Vec<u8> {
    let pixels: Vec<u8> = (0..20 * 20).map(|_| random.random()).collect();
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.write_image(&pixels, 20, 20, ExtendedColorType::L8).unwrap();
    bytes
}

/// Runs `inspect` over damaged copies of `originals` and gives how many were still read.
fn survivors(originals: &[Vec<u8>], count: usize, seed: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let files: Vec<PathBuf> = (0..count)
        .map(|index| {
            let path = folder.path().join(format!("{index:04}"));
            std::fs::write(&path, damaged(&originals[index % originals.len()], &mut random)).unwrap();
            path
        })
        .collect();
    files.chunks(BATCH).flat_map(inspect).filter(|line| line["error"].is_null()).count()
}

#[test]
fn damaged_dicom_files_are_read_or_refused() {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "dcm"));
    paths.sort();
    let originals: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let read = survivors(&originals, DICOM, 1);
    // Both ends are there: damage that hits no head is survived, damage that does is told.
    assert!((DICOM / 10..DICOM * 9 / 10).contains(&read), "{read} of {DICOM} were read");
}

#[test]
fn damaged_png_files_are_read_or_refused() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let originals: Vec<Vec<u8>> = (0..10).map(|_| png(&mut random)).collect();
    let read = survivors(&originals, PNG, 3);
    assert!(read < PNG / 2, "checksums of a PNG tell nearly all damage, but {read} of {PNG} were read");
}

#[test]
fn damaged_weights_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let image = folder.path().join("image.png");
    std::fs::write(&image, png(&mut random)).unwrap();
    // Tensors of no network, so that whole files are refused as well and no network is built.
    let whole = std::fs::read(fixtures().join("../saliency.safetensors")).unwrap();
    let model = folder.path().join("model.safetensors");
    for _ in 0..WEIGHTS {
        std::fs::write(&model, damaged(&whole, &mut random)).unwrap();
        let files = [model.clone(), "--image".into(), image.clone()];
        let output = limited(LIMIT_KIB, &["predict", "--arch", "inception_v3", "--model"], &files);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.starts_with("error: ") && !told.contains("panicked"), "{told}");
    }
}
