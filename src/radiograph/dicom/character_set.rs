//! Which letters the bytes of a text are (PS3.5 6.1, PS3.3 C.12.1.1.2): decoded where that is certain, else said to be not.
//!
//! Read are the basic letters (ASCII), Latin-1 (`ISO_IR 100`) and UTF-8 (`ISO_IR 192`). A guess at any other would show, and
//! export, another name as if it were the patient's.

use std::fmt::Write;

use dicom_dictionary_std::tags;

use super::dataset::DataSet;

/// Longest value decoded, in bytes: many times what the standard allows a name.
const MAX_BYTES: usize = 4096;

/// Most bytes shown of a value that is not decoded.
const MAX_MARKED_BYTES: usize = 256;

/// Character sets of the standard in which a byte below 128 means what it means in ASCII as long as no escape sequence
/// says otherwise, with the same sets under the names that files with escape sequences use (PS3.3 tables C.12-2 to C.12-5).
const ALIKE_BELOW_128: [&str; 28] = [
    "ISO_IR 101",
    "ISO_IR 109",
    "ISO_IR 110",
    "ISO_IR 126",
    "ISO_IR 127",
    "ISO_IR 138",
    "ISO_IR 144",
    "ISO_IR 148",
    "ISO_IR 166",
    "ISO_IR 203",
    "ISO 2022 IR 58",
    "ISO 2022 IR 87",
    "ISO 2022 IR 101",
    "ISO 2022 IR 109",
    "ISO 2022 IR 110",
    "ISO 2022 IR 126",
    "ISO 2022 IR 127",
    "ISO 2022 IR 138",
    "ISO 2022 IR 144",
    "ISO 2022 IR 148",
    "ISO 2022 IR 149",
    "ISO 2022 IR 159",
    "ISO 2022 IR 166",
    "ISO 2022 IR 203",
    "GB18030",
    "GBK",
    // Written by some programs although the standard has these under the names above alone.
    "ISO_IR 58",
    "ISO_IR 149",
];

/// The character set that a data set declares (`SpecificCharacterSet`), as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CharacterSet {
    letters: Letters,
    /// As the file names it, for a message; empty where it names none.
    declared: String,
}

/// How bytes become letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    Ascii,
    Latin1,
    Utf8,
    /// A set of the standard that is not read: its bytes below 128 are ASCII.
    AsciiOfOther,
    /// Japanese katakana and letters: as ASCII but for the backslash and the tilde.
    AsciiOfJapanese,
    /// Nothing is known of it.
    Unknown,
}

impl Letters {
    /// Of one value of `SpecificCharacterSet`.
    fn of(name: &str) -> Self {
        match name {
            "" | "ISO_IR 6" | "ISO 2022 IR 6" => Self::Ascii,
            "ISO_IR 100" | "ISO 2022 IR 100" => Self::Latin1,
            "ISO_IR 192" => Self::Utf8,
            "ISO_IR 13" | "ISO 2022 IR 13" => Self::AsciiOfJapanese,
            other if ALIKE_BELOW_128.contains(&other) => Self::AsciiOfOther,
            _ => Self::Unknown,
        }
    }
}

impl CharacterSet {
    pub(super) fn of(data_set: &DataSet<'_>) -> Self {
        let declared = data_set.text_bytes(tags::SPECIFIC_CHARACTER_SET).unwrap_or_default();
        Self::named(&declared.iter().map(|byte| char::from(*byte)).collect::<String>())
    }

    /// Of the values of `SpecificCharacterSet`. A text begins in the first of them; escape sequences, which are not read,
    /// lead to the others.
    fn named(declared: &str) -> Self {
        let mut names = declared.split('\\').map(|name| name.trim_matches([' ', '\0']));
        let first = Letters::of(names.next().unwrap_or_default());
        let others: Vec<Letters> = names.map(Letters::of).collect();
        // UTF-8 has no company in the standard, so a file that gives it some says two things.
        let is_contradicted = !others.is_empty() && (first == Letters::Utf8 || others.contains(&Letters::Utf8));
        let letters = if others.contains(&Letters::Unknown) {
            Letters::Unknown
        } else if is_contradicted {
            Letters::AsciiOfOther
        } else {
            first
        };
        Self { letters, declared: declared.to_owned() }
    }

    /// The letters of a value, or nothing where they are not certain: bytes outside the set, escape sequences and other
    /// control characters, sets that are not read.
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<String> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let text = match self.letters {
            Letters::Utf8 => std::str::from_utf8(bytes).ok()?.to_owned(),
            Letters::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Letters::Unknown => return None,
            Letters::AsciiOfJapanese if bytes.iter().any(|byte| matches!(byte, b'\\' | b'~')) => return None,
            Letters::Ascii | Letters::AsciiOfOther | Letters::AsciiOfJapanese => {
                std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())?.to_owned()
            }
        };
        // Latin-1 has control characters from 128 to 159, too: what is there is of another set.
        if text.chars().any(char::is_control) { None } else { Some(text) }
    }

    /// Its name in a message.
    pub(super) fn name(&self) -> String {
        match self.declared.as_str() {
            "" => "none, so ASCII".to_owned(),
            // No value of the file may look like words of ours.
            declared => {
                declared.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(64).collect()
            }
        }
    }
}

/// Bytes that are no text for certain, so that nobody takes them for one: letters of ASCII as they are, all others as
/// numbers.
pub(super) fn marked(bytes: &[u8]) -> String {
    let mut text = String::from("(not decoded) ");
    for byte in bytes.iter().take(MAX_MARKED_BYTES) {
        match byte {
            b' '..=b'~' if *byte != b'\\' => text.push(char::from(*byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(text, "\\x{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_read_exactly() {
        for (declared, bytes, text) in [
            ("", &b"Doe^Jane"[..], "Doe^Jane"),
            ("ISO_IR 6", b"Doe^Jane", "Doe^Jane"),
            ("ISO_IR 100", b"M\xfcller^J\xf6rg", "Müller^Jörg"),
            ("ISO 2022 IR 100", b"M\xfcller", "Müller"),
            // Two letters of Latin-1 that would be one of UTF-8.
            ("ISO_IR 100", b"\xc3\xbc", "Ã¼"),
            ("ISO_IR 192", "Müller^Jörg=山田".as_bytes(), "Müller^Jörg=山田"),
            ("ISO_IR 144", b"Ivanov", "Ivanov"),
            ("\\ISO 2022 IR 87", b"Yamada^Tarou", "Yamada^Tarou"),
            ("ISO_IR 13", b"Yamada^Tarou", "Yamada^Tarou"),
            ("GB18030", b"Wang^XiaoDong", "Wang^XiaoDong"),
            ("ISO 2022 IR 100\\ISO 2022 IR 144", b"M\xfcller", "Müller"),
        ] {
            assert_eq!(CharacterSet::named(declared).decode(bytes).as_deref(), Some(text), "{declared}");
        }
    }

    #[test]
    fn what_is_not_certain_is_not_guessed() {
        for (declared, bytes) in [
            ("", &b"M\xfcller"[..]),
            ("", "Müller".as_bytes()),
            ("ISO_IR 6", b"M\xfcller"),
            ("ISO_IR 192", b"M\xfcller"),
            ("ISO_IR 192", b"M\xc3"),
            ("ISO_IR 192", b"Doe\x1b$B;3\x1b(B"),
            ("ISO_IR 100", b"Doe\x1b-F\xc9\x1b-A"),
            ("ISO_IR 100", b"Doe\x80"),
            ("ISO_IR 101", b"Wa\xb3\xeasa"),
            ("ISO_IR 144", b"\xb8\xd2\xd0\xdd\xde\xd2"),
            ("ISO_IR 13", b"\xd4\xcf\xc0\xde"),
            ("ISO_IR 13", b"a~b"),
            ("\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B"),
            ("\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3"),
            ("GB18030", b"Wang=\xcd\xf5"),
            ("GB18030", "Wang=王".as_bytes()),
            ("ISO_IR 21", b"M}ller"),
            // Two bytes below 128 are one letter.
            ("ISO_IR 87", b";3ED"),
            ("ISO_IR 100\\ISO_IR 192", b"M\xc3\xbcller"),
            ("ISO_IR 192\\ISO 2022 IR 87", "Müller".as_bytes()),
            ("ISO_IR 100\\LATIN-9", b"M\xfcller"),
        ] {
            assert_eq!(CharacterSet::named(declared).decode(bytes), None, "{declared}: {}", marked(bytes));
        }
    }

    #[test]
    fn every_byte_of_a_set_that_is_not_read_is_refused_or_ascii() {
        for declared in ALIKE_BELOW_128.into_iter().chain(["", "ISO_IR 13"]) {
            let set = CharacterSet::named(declared);
            for byte in 0..=255_u8 {
                let decoded = set.decode(&[b'A', byte]);
                let expected = format!("A{}", char::from(byte));
                assert!(decoded.is_none_or(|text| byte < 128 && text == expected), "{declared}: {byte:#x}");
            }
        }
    }

    #[test]
    fn marked_bytes_are_no_name() {
        assert_eq!(marked(b"Wa\xb3\\sa\x1b"), "(not decoded) Wa\\xB3\\x5Csa\\x1B");
        assert_eq!(CharacterSet::named("").name(), "none, so ASCII");
        assert_eq!(CharacterSet::named("ISO_IR\u{7}\u{e4} 101").name(), "ISO_IR 101");
    }
}
