//! The palette of a PNG before its decoder sees it, which panics at one whose length is no multiple of three.

use crate::limits;

/// Bytes before the first chunk of a PNG.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What is wrong with the palette of a PNG, in words; nothing where it is well, absent, or the file is no PNG.
pub(crate) fn palette_problem(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes.strip_prefix(SIGNATURE)?;
    for _ in 0..limits::PNG_CHUNKS {
        let (&[a, b, c, d, kind @ ..], body) = rest.split_first_chunk::<8>()?;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        match &kind {
            b"PLTE" if !length.is_multiple_of(3) => {
                return Some(format!("its palette has {length} bytes, and colours have three each"));
            }
            b"IDAT" | b"IEND" => return None,
            // Four bytes of check sum follow.
            _ => rest = body.get(length.checked_add(4)?..)?,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_palette(length: u32) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0, 0, 0, 13]);
        bytes.extend(b"IHDR\0\0\0\x01\0\0\0\x01\x08\x03\0\0\0\0\0\0\0");
        bytes.extend(length.to_be_bytes());
        bytes.extend(b"PLTE");
        bytes.extend(vec![0; length as usize + 4]);
        bytes
    }

    #[test]
    fn colours_have_three_bytes_each() {
        for length in [3, 6, 768] {
            assert_eq!(palette_problem(&with_palette(length)), None);
        }
        for length in [1, 2, 4, 13, 767] {
            assert!(palette_problem(&with_palette(length)).unwrap().contains(&length.to_string()));
        }
        assert_eq!(palette_problem(&with_palette(13)[..44]), palette_problem(&with_palette(13)));
        assert_eq!(palette_problem(b"II*\0"), None);
    }
}
