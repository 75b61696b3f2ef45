//! Coding parameters of a scan and their defaults (T.87, sections A.2 and C.2.4.1.1).

/// Preset parameters of an LSE segment; 0 stands for the default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Preset {
    pub(super) maxval: i32,
    pub(super) thresholds: [i32; 3],
    pub(super) reset: i32,
}

/// Parameters of one scan, named as in T.87.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) maxval: i32,
    pub(super) near: i32,
    pub(super) thresholds: [i32; 3],
    pub(super) reset: i32,
    pub(super) range: i32,
    /// Bits of a mapped error in the escape code.
    pub(super) qbpp: u32,
    /// Longest Golomb code in bits.
    pub(super) limit: u32,
}

impl Coding {
    /// Completes `preset` for samples of `precision_bits`; otherwise says which rule it breaks.
    pub(super) fn new(precision_bits: u32, near: i32, preset: Preset) -> Result<Self, String> {
        let top = (1 << precision_bits) - 1;
        let maxval = if preset.maxval == 0 { top } else { preset.maxval };
        if maxval > top {
            return Err(format!("MAXVAL {maxval} in samples of {precision_bits} bits"));
        }
        if near > 255.min(maxval / 2) {
            return Err(format!("NEAR {near} for samples up to {maxval}"));
        }
        let thresholds = thresholds(maxval, near, preset.thresholds);
        let mut low = near + 1;
        for threshold in thresholds {
            if threshold < low || threshold > maxval.max(near + 1) {
                return Err(format!("thresholds {thresholds:?} for samples up to {maxval} and NEAR {near}"));
            }
            low = threshold;
        }
        let reset = if preset.reset == 0 { 64 } else { preset.reset };
        if !(3..=maxval.max(255)).contains(&reset) {
            return Err(format!("RESET {reset}"));
        }
        let range = (maxval + 2 * near) / (2 * near + 1) + 1;
        let bpp = bits(maxval + 1).max(2);
        Ok(Self { maxval, near, thresholds, reset, range, qbpp: bits(range), limit: 2 * (bpp + bpp.max(8)) })
    }
}

/// The smallest number of bits with 2^bits >= `count`.
fn bits(count: i32) -> u32 {
    (count.max(1) as u32).next_power_of_two().trailing_zeros()
}

/// T1, T2, T3, with the default in place of each 0.
fn thresholds(maxval: i32, near: i32, preset: [i32; 3]) -> [i32; 3] {
    // T of 8 bits, the least T, and the factor of NEAR.
    const DEFAULTS: [(i32, i32, i32); 3] = [(3, 2, 3), (7, 3, 5), (21, 4, 7)];
    let clamp = |value: i32, low: i32| if value > maxval || value < low { low } else { value };
    let mut low = near + 1;
    let mut result = [0; 3];
    for (index, (base, least, slope)) in DEFAULTS.into_iter().enumerate() {
        let tolerance = slope * near;
        let default = if maxval >= 128 {
            let factor = (maxval.min(4095) + 128) / 256;
            factor * (base - least) + least + tolerance
        } else {
            let factor = 256 / (maxval + 1);
            least.max(base / factor + tolerance)
        };
        result[index] = if preset[index] == 0 { clamp(default, low) } else { preset[index] };
        low = result[index];
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_standard() {
        // T.87, table C.3 for 8 bits, and the formulas of C.2.4.1.1 by hand for 12 and 16 bits.
        let coding = |bits, near| Coding::new(bits, near, Preset::default()).unwrap();
        assert_eq!((coding(8, 0).thresholds, coding(8, 0).reset), ([3, 7, 21], 64));
        assert_eq!(coding(12, 0).thresholds, [18, 67, 276]);
        assert_eq!(coding(16, 0).thresholds, [18, 67, 276]);
        assert_eq!(coding(8, 3).thresholds, [12, 22, 42]);
        assert_eq!((coding(8, 0).range, coding(8, 0).qbpp, coding(8, 0).limit), (256, 8, 32));
        assert_eq!((coding(8, 3).range, coding(8, 3).qbpp), (38, 6));
        assert_eq!((coding(16, 0).range, coding(16, 0).qbpp, coding(16, 0).limit), (65536, 16, 64));
        assert_eq!((coding(2, 0).thresholds, coding(2, 0).limit), ([2, 3, 3], 20));
    }

    #[test]
    fn impossible_presets_are_refused() {
        let preset = |maxval, thresholds, reset| Coding::new(8, 0, Preset { maxval, thresholds, reset });
        assert!(preset(255, [3, 7, 21], 64).is_ok());
        assert!(preset(256, [0; 3], 0).is_err());
        assert!(preset(255, [9, 7, 21], 64).is_err());
        assert!(preset(255, [3, 7, 256], 64).is_err());
        assert!(preset(255, [0; 3], 2).is_err());
        assert!(Coding::new(8, 128, Preset::default()).is_err());
    }
}
