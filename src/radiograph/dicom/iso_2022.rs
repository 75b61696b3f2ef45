//! Texts whose escape sequences exchange the sets of letters in use (ISO 2022, PS3.5 6.1.2.4 and 6.1.2.5).
//!
//! Sets go by their numbers in the register of ISO, as in the names of PS3.3 tables C.12-2 to C.12-4. Codes below 128 are of
//! the set in G0, those from 160 on of the one in G1.

use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GB18030, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7,
    ISO_8859_8, ISO_8859_15, WINDOWS_874, WINDOWS_1252, WINDOWS_1254,
};

/// ASCII.
pub(super) const ASCII: u16 = 6;
/// Japanese letters and katakana of one byte: katakana in G1, with [`ROMAJI`] in G0.
const KATAKANA: u16 = 13;
/// As ASCII, but for yen and overline.
const ROMAJI: u16 = 14;
/// JIS X 0208, pairs in G0.
const KANJI: u16 = 87;
/// JIS X 0212, pairs in G0.
const MORE_KANJI: u16 = 159;
/// KS X 1001, pairs in G1.
const HANGUL: u16 = 149;
/// GB 2312, pairs in G1.
const HANZI: u16 = 58;

const ESCAPE: u8 = 0x1b;

/// Byte that separates the values of an element.
const SEPARATOR: u8 = b'\\';

/// The sets of letters that a file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeElements {
    /// Set in G0 and set in G1 where a text, a value, or a part of a name begins.
    initial: (u16, Option<u16>),
    /// All that may be asked for.
    declared: Vec<u16>,
}

/// Whether a set is one of the standard's.
pub(super) fn is_set(number: u16) -> bool {
    matches!(number, ASCII | KATAKANA | KANJI | MORE_KANJI | HANGUL | HANZI) || single_byte(number).is_some()
}

/// Whether a set has pairs of bytes: the standard wants ASCII, or a set of single bytes, in its place at the beginning.
pub(super) fn is_of_pairs(number: u16) -> bool {
    matches!(number, KANJI | MORE_KANJI | HANGUL | HANZI)
}

/// Whether it is in G0 that a set has pairs of bytes.
pub(super) fn is_of_lower_pairs(number: u16) -> bool {
    matches!(number, KANJI | MORE_KANJI)
}

impl CodeElements {
    /// Of sets of the standard, the first of which is in use at the beginning.
    pub(super) fn new(declared: Vec<u16>) -> Self {
        let initial = match declared.first().copied().unwrap_or(ASCII) {
            ASCII | KANJI | MORE_KANJI => (ASCII, None),
            KATAKANA => (ROMAJI, Some(KATAKANA)),
            upper => (ASCII, Some(upper)),
        };
        Self { initial, declared }
    }

    /// The letters of a text, or nothing where a byte is of no set in use. In a `name` its parts and groups of parts begin
    /// anew as values do.
    pub(super) fn decode(&self, bytes: &[u8], is_name: bool) -> Option<String> {
        let mut text = String::with_capacity(bytes.len());
        let (mut lower, mut upper) = self.initial;
        let begins_anew = |byte| byte == SEPARATOR || is_name && matches!(byte, b'^' | b'=');
        let mut rest = bytes;
        while let [first, after @ ..] = rest {
            rest = after;
            match (*first, after.first().copied()) {
                (ESCAPE, _) => {
                    let designation = Designation::at_start_of(after).filter(|asked| self.allows(asked.set))?;
                    match designation.half {
                        Half::Lower => lower = designation.set,
                        Half::Upper => upper = Some(designation.set),
                    }
                    rest = after.get(designation.length..)?;
                }
                // Either of the two may look like a separator.
                (first @ 0x21..=0x7e, Some(second @ 0x21..=0x7e)) if is_of_lower_pairs(lower) => {
                    let pair = [0x8f, first | 0x80, second | 0x80];
                    let pair = if lower == KANJI { &pair[1..] } else { &pair };
                    let letters = EUC_JP.decode_without_bom_handling_and_without_replacement(pair)?;
                    text.extend(letters.chars().map(as_in_jis));
                    rest = after.get(1..)?;
                }
                (byte, _) if begins_anew(byte) => {
                    text.push(char::from(byte));
                    (lower, upper) = self.initial;
                }
                (0x21..=0x7e, _) if is_of_lower_pairs(lower) => return None,
                (b'~', _) if lower == ROMAJI => text.push('\u{203e}'),
                (byte @ ..=0x7f, _) => text.push(char::from(byte)),
                (first @ 0xa1..=0xfe, Some(second @ 0xa1..=0xfe)) if matches!(upper, Some(HANGUL | HANZI)) => {
                    let coding = if upper == Some(HANGUL) { EUC_KR } else { GB18030 };
                    push(&mut text, coding, &[first, second])?;
                    rest = after.get(1..)?;
                }
                (byte @ 0xa1..=0xdf, _) if upper == Some(KATAKANA) => {
                    text.push(char::from_u32(0xff61 + u32::from(byte - 0xa1))?);
                }
                (byte @ 0xa0.., _) => push(&mut text, single_byte(upper?)?, &[byte])?,
                (0x80..=0x9f, _) => return None,
            }
        }
        Some(text)
    }

    /// Its sets as the standard names them.
    pub(super) fn name(&self) -> String {
        let extension = |set: &u16| if *set == ASCII { String::new() } else { format!("ISO 2022 IR {set}") };
        match self.declared[..] {
            [set] if is_of_lower_pairs(set) => format!("\\{}", extension(&set)),
            [set] if !is_of_pairs(set) => format!("ISO_IR {set}"),
            _ => self.declared.iter().map(extension).collect::<Vec<_>>().join("\\"),
        }
    }

    /// Whether escape sequences may ask for a set. ASCII needs no declaration, and programs that declare kanji alone
    /// return to [`ROMAJI`] behind them.
    fn allows(&self, set: u16) -> bool {
        match set {
            ASCII => true,
            ROMAJI => [KATAKANA, KANJI, MORE_KANJI].iter().any(|set| self.declared.contains(set)),
            set => self.declared.contains(&set),
        }
    }
}

/// A letter of JIS X 0208 by Unicode's table of it; `encoding_rs` has Windows' for six signs.
fn as_in_jis(letter: char) -> char {
    match letter {
        '\u{ff5e}' => '\u{301c}',
        '\u{2225}' => '\u{2016}',
        '\u{ff0d}' => '\u{2212}',
        '\u{ffe0}' => '\u{a2}',
        '\u{ffe1}' => '\u{a3}',
        '\u{ffe2}' => '\u{ac}',
        other => other,
    }
}

/// Appends the letters of `bytes`, or gives nothing where there are none.
fn push(text: &mut String, coding: &'static Encoding, bytes: &[u8]) -> Option<()> {
    text.push_str(&coding.decode_without_bom_handling_and_without_replacement(bytes)?);
    Some(())
}

/// The set of single bytes of this number, for its codes from 160 on.
fn single_byte(number: u16) -> Option<&'static Encoding> {
    Some(match number {
        // The three that are named for Windows are the standard's from 160 on.
        100 => WINDOWS_1252,
        101 => ISO_8859_2,
        109 => ISO_8859_3,
        110 => ISO_8859_4,
        126 => ISO_8859_7,
        127 => ISO_8859_6,
        138 => ISO_8859_8,
        144 => ISO_8859_5,
        148 => WINDOWS_1254,
        166 => WINDOWS_874,
        203 => ISO_8859_15,
        _ => return None,
    })
}

/// Where a set is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Lower,
    Upper,
}

/// What an escape sequence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Designation {
    /// Bytes behind the escape.
    length: usize,
    half: Half,
    set: u16,
}

impl Designation {
    /// The sequences of PS3.3 tables C.12-3 and C.12-4, without their escape.
    fn at_start_of(bytes: &[u8]) -> Option<Self> {
        let (length, half, set) = match *bytes {
            [b'(', b'B', ..] => (2, Half::Lower, ASCII),
            [b'(', b'J', ..] => (2, Half::Lower, ROMAJI),
            [b')', b'I', ..] => (2, Half::Upper, KATAKANA),
            [b'$', b'B', ..] => (2, Half::Lower, KANJI),
            [b'$', b'(', b'D', ..] => (3, Half::Lower, MORE_KANJI),
            [b'$', b')', b'C', ..] => (3, Half::Upper, HANGUL),
            [b'$', b')', b'A', ..] => (3, Half::Upper, HANZI),
            [b'-', last, ..] => (2, Half::Upper, upper_half(last)?),
            _ => return None,
        };
        Some(Self { length, half, set })
    }
}

/// The set of single bytes whose escape sequence ends so.
fn upper_half(last: u8) -> Option<u16> {
    Some(match last {
        b'A' => 100,
        b'B' => 101,
        b'C' => 109,
        b'D' => 110,
        b'F' => 126,
        b'G' => 127,
        b'H' => 138,
        b'L' => 144,
        b'M' => 148,
        b'T' => 166,
        b'b' => 203,
        _ => return None,
    })
}
