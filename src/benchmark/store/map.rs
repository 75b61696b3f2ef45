//! Maps as they are kept.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::limits;

/// A kept map, as it is shown: 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptMap {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The class explained, for maps of classifiers.
    pub class: Option<usize>,
    /// Whether the map could be scaled: `normal`, `blank`, `constant`, `sparse` or `not_finite`; all but the first are
    /// zeros.
    pub outcome: String,
    /// Values 0 to 1, `[h, w]`, row-major, rounded to 11 bits.
    pub values: Vec<f32>,
}

impl KeptMap {
    /// The bytes that are stored; equal maps give equal bytes.
    pub(super) fn packed(&self) -> std::io::Result<Vec<u8>> {
        let mut halves = vec![f16::ZERO; self.values.len()];
        halves.convert_from_f32_slice(&self.values);
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        zstd::bulk::compress(&bytes, 1)
    }

    /// Values of packed bytes; nothing where they are not those of a map of this size.
    pub(super) fn unpacked(height: usize, width: usize, packed: &[u8]) -> Option<Vec<f32>> {
        let pixels = height.checked_mul(width).filter(|pixels| *pixels <= limits::KEPT_MAP_PIXELS)?;
        let bytes = zstd::bulk::decompress(packed, 2 * pixels).ok()?;
        let (words, rest) = bytes.as_chunks::<2>();
        (words.len() == pixels && rest.is_empty())
            .then(|| words.iter().map(|word| f16::from_le_bytes(*word).to_f32()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_come_back_to_eleven_bits() {
        let values: Vec<f32> = (0..600).map(|pixel| pixel as f32 / 599.0).collect();
        let map = KeptMap { height: 20, width: 30, class: Some(1), outcome: "normal".to_owned(), values };
        let packed = map.packed().unwrap();
        assert_eq!(packed, map.packed().unwrap());
        let back = KeptMap::unpacked(20, 30, &packed).unwrap();
        assert!(back.iter().zip(&map.values).all(|(a, b)| (a - b).abs() <= b / 2048.0 + 1e-7));
        assert_eq!((back[0], back[599]), (0.0, 1.0));
        for (height, width, bytes) in
            [(20, 31, &packed[..]), (19, 30, &packed[..]), (20, 30, &packed[..50]), (1, 1, &[])]
        {
            assert!(KeptMap::unpacked(height, width, bytes).is_none());
        }
    }
}
