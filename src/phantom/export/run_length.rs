//! The run-length code of SIIM-ACR masks.

use std::fmt::Write;

use crate::truth::Mask;

/// Pairs `gap length` down the columns, each gap counted from the end of the previous run. None for an empty mask.
pub(super) fn encode(mask: &Mask) -> Option<String> {
    let (height, width) = (mask.height_px(), mask.width_px());
    let mut code = String::new();
    let (mut gap, mut length) = (0u64, 0u64);
    let mut finish_run = |gap: &mut u64, length: &mut u64| {
        let blank = if code.is_empty() { "" } else { " " };
        let written = write!(code, "{blank}{gap} {length}");
        debug_assert!(written.is_ok(), "a string takes all text");
        (*gap, *length) = (0, 0);
    };
    for place in 0..height * width {
        if mask.pixels()[place % height * width + place / height] {
            length += 1;
        } else {
            if length > 0 {
                finish_run(&mut gap, &mut length);
            }
            gap += 1;
        }
    }
    if length > 0 {
        finish_run(&mut gap, &mut length);
    }
    (!code.is_empty()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_go_down_the_columns_and_gaps_are_relative() {
        // . X X
        // X X .
        let mask = Mask::new(2, 3, vec![false, true, true, true, true, false]);
        assert_eq!(encode(&mask).unwrap(), "1 4");
        let mask = Mask::new(2, 3, vec![true, false, false, false, true, true]);
        assert_eq!(encode(&mask).unwrap(), "0 1 2 1 1 1");
        assert_eq!(encode(&Mask::empty(2, 3)), None);
    }
}
