//! DICOM's run-length encoding (PS3.5 Annex G): one segment a byte of a sample, most significant byte first, each
//! segment packed like Apple's `PackBits`.

use super::error::Error;
use crate::limits;

const CODEC: &str = "RLE";
/// The header: the number of segments and 15 offsets, 4 bytes each.
const HEADER_BYTES: usize = 64;
const MAX_SEGMENTS: usize = 15;

/// Decodes one frame. Gives `rows * columns * samples_per_pixel` little-endian samples of `bytes_per_sample` bytes,
/// the samples of a pixel side by side, whatever the planar configuration says.
///
/// Bytes that a segment holds beyond its pixels are padding and dropped.
///
/// # Errors
/// When the sizes are beyond this codec, the header contradicts them or the frame, or a segment ends early.
pub(crate) fn decode(
    frame: &[u8],
    rows: usize,
    columns: usize,
    samples_per_pixel: usize,
    bytes_per_sample: usize,
) -> Result<Vec<u8>, Error> {
    if !matches!(bytes_per_sample, 1 | 2 | 4) {
        let feature = format!("{bytes_per_sample} bytes a sample");
        return Err(Error::Unsupported { codec: CODEC, feature });
    }
    let pixels = rows.saturating_mul(columns);
    if pixels.saturating_mul(samples_per_pixel) > limits::CODED_SAMPLES {
        let size = format!("{rows}x{columns} pixels of {samples_per_pixel} samples");
        return Err(Error::TooLarge { codec: CODEC, size });
    }
    let pixel_bytes = samples_per_pixel * bytes_per_sample;
    let segments = segments(frame, pixel_bytes)?;
    // A pair of bytes gives at most 128, so that a short frame cannot ask for much memory.
    for (index, segment) in segments.iter().enumerate() {
        if segment.len().saturating_mul(64) < pixels {
            let problem = format!("{} bytes of segment {index} cannot hold {pixels} pixels", segment.len());
            return Err(Error::Short { codec: CODEC, problem });
        }
    }
    let mut samples = vec![0; pixels * pixel_bytes];
    for (index, segment) in segments.into_iter().enumerate() {
        let (sample, byte) = (index / bytes_per_sample, index % bytes_per_sample);
        // The most significant byte comes first in the frame and last in a little-endian sample.
        let first = sample * bytes_per_sample + (bytes_per_sample - 1 - byte);
        let unpacked = unpack(segment, samples.iter_mut().skip(first).step_by(pixel_bytes.max(1)), pixels);
        if unpacked < pixels {
            let problem = format!("segment {index} gives {unpacked} of {pixels} bytes");
            return Err(Error::Short { codec: CODEC, problem });
        }
    }
    Ok(samples)
}

/// The segments that the header names.
fn segments(frame: &[u8], expected: usize) -> Result<Vec<&[u8]>, Error> {
    let damaged = |problem: String| Err(Error::Damaged { codec: CODEC, problem });
    let Some((header, _)) = frame.split_first_chunk::<HEADER_BYTES>() else {
        let problem = format!("{} of the {HEADER_BYTES} bytes of its header", frame.len());
        return Err(Error::Short { codec: CODEC, problem });
    };
    let mut words = header.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word) as usize);
    let count = words.next().unwrap_or(0);
    if count != expected || count > MAX_SEGMENTS {
        return damaged(format!("it has {count} segments, its pixels have {expected} bytes"));
    }
    let mut bounds: Vec<usize> = words.take(count).collect();
    bounds.push(frame.len());
    let mut segments = Vec::with_capacity(count);
    let mut start_min = HEADER_BYTES;
    for (index, bound) in bounds.windows(2).enumerate() {
        let (start, end) = (bound[0], bound[1]);
        match frame.get(start..end) {
            Some(segment) if start >= start_min => segments.push(segment),
            _ => {
                let length = frame.len();
                return damaged(format!("segment {index} reaches from {start} to {end} in {length} bytes"));
            }
        }
        start_min = end;
    }
    Ok(segments)
}

/// Unpacks a segment into `targets`, of which there are `wanted`; gives the number of bytes written.
fn unpack<'a>(segment: &[u8], mut targets: impl Iterator<Item = &'a mut u8>, wanted: usize) -> usize {
    let mut written = 0;
    let mut rest = segment;
    while let Some((&control, after)) = rest.split_first()
        && written < wanted
    {
        rest = after;
        match control {
            // 1 to 128 bytes as they are; a segment that ends among them gives what it has.
            0..=127 => {
                let (literal, after) = rest.split_at(rest.len().min(usize::from(control) + 1));
                rest = after;
                for (byte, target) in literal.iter().zip(targets.by_ref()) {
                    *target = *byte;
                    written += 1;
                }
            }
            128 => {}
            // 2 to 128 times the same byte.
            129..=255 => {
                let Some((&byte, after)) = rest.split_first() else { break };
                rest = after;
                for target in targets.by_ref().take(257 - usize::from(control)) {
                    *target = byte;
                    written += 1;
                }
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    /// Header and segments of a frame.
    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut words = vec![segments.len() as u32];
        let mut at = HEADER_BYTES as u32;
        for segment in segments {
            words.push(at);
            at += segment.len() as u32;
        }
        words.resize(16, 0);
        let header = words.into_iter().flat_map(u32::to_le_bytes);
        header.chain(segments.iter().flat_map(|segment| segment.iter().copied())).collect()
    }

    /// Packs as an encoder would: runs of equal bytes, and everything else as it is.
    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        for run in bytes.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(128)) {
            match run {
                [byte] => packed.extend([0, *byte]),
                _ => packed.extend([(257 - run.len()) as u8, run[0]]),
            }
        }
        packed
    }

    #[test]
    fn the_three_kinds_of_codes() {
        // Three as they are, nothing, four times 9, padding that is dropped.
        let segment = [2, 1, 2, 3, 128, 253, 9, 0, 77];
        assert_eq!(decode(&frame(&[&segment]), 1, 7, 1, 1).unwrap(), [1, 2, 3, 9, 9, 9, 9]);
    }

    #[test]
    fn bytes_of_a_sample_and_samples_of_a_pixel_find_their_places() {
        // Two pixels of two 16-bit samples: segments are high and low byte of the first, then of the second sample.
        let segments: [&[u8]; 4] = [&[1, 0x11, 0x21], &[1, 0x12, 0x22], &[1, 0x13, 0x23], &[1, 0x14, 0x24]];
        let expected = [0x12, 0x11, 0x14, 0x13, 0x22, 0x21, 0x24, 0x23];
        assert_eq!(decode(&frame(&segments), 2, 1, 2, 2).unwrap(), expected);
        let expected = [0x14, 0x13, 0x12, 0x11, 0x24, 0x23, 0x22, 0x21];
        assert_eq!(decode(&frame(&segments), 1, 2, 1, 4).unwrap(), expected);
    }

    #[test]
    fn errors_say_what_is_missing() {
        let of = |frame: &[u8], samples, bytes| decode(frame, 4, 5, samples, bytes).unwrap_err().to_string();
        let whole = frame(&[&pack(&[7; 20])]);
        assert_eq!(of(&whole[..40], 1, 1), "the RLE frame ends early (40 of the 64 bytes of its header)");
        assert_eq!(of(&whole, 1, 2), "the RLE frame is damaged (it has 1 segments, its pixels have 2 bytes)");
        assert_eq!(of(&whole, 1, 3), "RLE frames with 3 bytes a sample are not read");
        let short = frame(&[&[247, 7, 3, 1, 2]]);
        assert_eq!(of(&short, 1, 1), "the RLE frame ends early (segment 0 gives 12 of 20 bytes)");
        let mut beyond = whole.clone();
        beyond[4] = 200;
        assert_eq!(of(&beyond, 1, 1), "the RLE frame is damaged (segment 0 reaches from 200 to 66 in 66 bytes)");
        let error = decode(&whole, 60_000, 60_000, 1, 1).unwrap_err().to_string();
        assert!(error.starts_with("the RLE frame is too large (60000x60000 pixels of 1 samples)"), "{error}");
        let error = decode(&whole, 9_000, 9_000, 1, 1).unwrap_err().to_string();
        assert!(error.contains("2 bytes of segment 0 cannot hold 81000000 pixels"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn packed_bytes_come_back(
            pixels in proptest::collection::vec(0_u8..4, 1..400),
            bytes in proptest::sample::select(vec![1_usize, 2, 4]),
        ) {
            let segments: Vec<Vec<u8>> = (0..bytes as u8).map(|shift| {
                pack(&pixels.iter().map(|pixel| pixel.wrapping_mul(shift + 1)).collect::<Vec<_>>())
            }).collect();
            let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
            let decoded = decode(&frame(&segments), 1, pixels.len(), 1, bytes).unwrap();
            for (pixel, sample) in pixels.iter().zip(decoded.chunks(bytes)) {
                for (place, byte) in sample.iter().enumerate() {
                    assert_eq!(*byte, pixel.wrapping_mul((bytes - place) as u8));
                }
            }
        }

        #[test]
        fn mutated_frames_give_samples_or_an_error(
            flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8),
            cut in any::<proptest::sample::Index>(),
            sizes in (0_usize..40, 0_usize..40, 0_usize..5, 0_usize..5),
        ) {
            let mut bytes = frame(&[&pack(&[1, 1, 1, 2, 3, 3, 9, 8]), &pack(&[5; 64])]);
            for (place, value) in flips {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            bytes.truncate(cut.index(bytes.len() + 1));
            let (rows, columns, samples, size) = sizes;
            if let Ok(decoded) = decode(&bytes, rows, columns, samples, size) {
                assert_eq!(decoded.len(), rows * columns * samples * size);
            }
        }
    }
}
