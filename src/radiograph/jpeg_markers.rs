//! What the markers of a JPEG codestream say that its decoders do not act on.

/// The markers of a codestream, as a decoder meets them (ISO 10918-1, B.1.1 and B.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct JpegMarkers {
    /// A frame is coded without loss, by Huffman codes (`SOF3`).
    pub(super) is_lossless: bool,
    /// A scan has a restart interval, or a restart marker stands anywhere.
    pub(super) has_restarts: bool,
}

impl JpegMarkers {
    /// Walks over all segments and coded data. What is damaged is passed over, as decoders do; to find that is theirs.
    pub(super) fn of(codestream: &[u8]) -> Self {
        let mut found = Self::default();
        let mut interval = 0;
        let mut rest = codestream;
        while let Some((marker, behind)) = next_marker(rest) {
            rest = behind;
            match marker {
                0xd0..=0xd7 => found.has_restarts = true,
                0x01 | 0xd8 => {}
                0xd9 => break,
                _ => {
                    let Some([high, low]) = rest.first_chunk() else { break };
                    let length = usize::from(u16::from_be_bytes([*high, *low])).max(2);
                    let segment = rest.get(2..length).unwrap_or_default();
                    match marker {
                        0xc3 => found.is_lossless = true,
                        0xda => found.has_restarts |= interval != 0,
                        0xdd => {
                            interval = segment.first_chunk().map_or(interval, |bytes| u16::from_be_bytes(*bytes));
                        }
                        _ => {}
                    }
                    rest = rest.get(length..).unwrap_or_default();
                }
            }
        }
        found
    }
}

/// The next marker and what stands behind it. In coded data a 0 behind 255 means the byte 255; more 255 fill.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let at = rest.iter().position(|byte| *byte == 0xff)?;
        rest = rest.get(at + 1..)?;
        let fill = rest.iter().position(|byte| *byte != 0xff)?;
        let marker = *rest.get(fill)?;
        rest = rest.get(fill + 1..)?;
        if marker != 0 {
            return Some((marker, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOF3: [u8; 13] = [0xff, 0xc3, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0];
    const SOF0: [u8; 13] = [0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0];
    const SCAN: [u8; 10] = [0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0];
    const CODED: [u8; 4] = [0x12, 0xff, 0x00, 0x34];
    const END: [u8; 2] = [0xff, 0xd9];

    fn interval(of: u16) -> Vec<u8> {
        [&[0xff, 0xdd, 0, 4][..], &of.to_be_bytes()].concat()
    }

    fn markers(parts: &[&[u8]]) -> JpegMarkers {
        JpegMarkers::of(&[&[0xff, 0xd8][..], &parts.concat()].concat())
    }

    #[test]
    fn restarts_are_found_wherever_they_are_said() {
        let restart: &[u8] = &[0xff, 0xd0];
        for (parts, is_lossless, has_restarts) in [
            (vec![&SOF3[..], &SCAN, &CODED, &END], true, false),
            (vec![&SOF3, &interval(4), &SCAN, &CODED, &END], true, true),
            (vec![&interval(4), &SOF3, &SCAN, &CODED, &END], true, true),
            (vec![&interval(4), &SOF3, &interval(0), &SCAN, &CODED, &END], true, false),
            (vec![&SOF3, &SCAN, &CODED, restart, &CODED, &END], true, true),
            // Defined between scans.
            (vec![&SOF3, &SCAN, &CODED, &interval(2), &SCAN, &CODED, &END], true, true),
            (vec![&SOF3, &interval(2), &END], true, false),
            // A fill byte before a marker; a marker's bytes inside a segment and behind the end.
            (vec![&SOF3, &[0xff], &interval(2), &SCAN, &CODED, &END], true, true),
            (vec![&[0xff, 0xe1, 0, 6, 0xff, 0xd0, 0xff, 0xdd], &SOF3, &SCAN, &CODED, &END, restart], true, false),
            (vec![&SOF0, &interval(4), &SCAN, &CODED, restart, &CODED, &END], false, true),
        ] {
            assert_eq!(markers(&parts), JpegMarkers { is_lossless, has_restarts }, "{parts:x?}");
        }
    }

    #[test]
    fn no_length_leads_out_of_the_bytes() {
        let whole = [&[0xff, 0xd8][..], &SOF3, &interval(4), &SCAN, &CODED, &END].concat();
        for end in 0..whole.len() {
            JpegMarkers::of(&whole[..end]);
            for byte in [0, 1, 0xd0, 0xff] {
                let mut damaged = whole.clone();
                damaged[end] = byte;
                JpegMarkers::of(&damaged);
            }
        }
    }
}
