//! Overlap of two masks.

/// Dice's coefficient (Dice 1945), twice the shared pixels over the sum of both areas, 0 to 1; two empty masks agree, 1.
///
/// # Panics
/// When the masks differ in size.
pub fn dice(a: &[bool], b: &[bool]) -> f64 {
    assert_eq!(a.len(), b.len(), "masks of one size are compared");
    let area = |mask: &[bool]| mask.iter().filter(|pixel| **pixel).count();
    let shared = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    match area(a) + area(b) {
        0 => 1.0,
        sum => (2 * shared) as f64 / sum as f64,
    }
}
