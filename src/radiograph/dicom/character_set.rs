//! Which letters the bytes of a text are (PS3.5 6.1, PS3.3 C.12.1.1.2): decoded where that is certain, else said to be not.
//!
//! Every set of the standard is read. A name that the standard does not have is taken for the one it can only mean, which is
//! told; all else is refused: a guess would show, and export, another name as if it were the patient's.

use std::fmt::Write;

use dicom_dictionary_std::tags;
use encoding_rs::{Encoding, GB18030, GBK, UTF_8};

use super::dataset::DataSet;
use super::iso_2022::{self, ASCII, CodeElements};

/// Longest value decoded, in bytes: many times what the standard allows a name.
const MAX_BYTES: usize = 4096;

/// Most bytes shown of a value that is not decoded.
const MAX_MARKED_BYTES: usize = 256;

/// The character set that a data set declares (`SpecificCharacterSet`).
#[derive(Clone, Debug)]
pub(super) struct CharacterSet {
    /// Nothing where the declaration cannot be understood.
    coding: Option<Coding>,
    /// As the file names it, for a message; empty where it names none.
    declared: String,
    /// What it was taken for, where the standard does not have it.
    taken_as: Option<String>,
}

/// How bytes become letters.
#[derive(Clone, Debug)]
enum Coding {
    /// One coding for all of them, which knows no escape sequences.
    Whole(&'static Encoding),
    /// Sets that escape sequences exchange; a single one needs none.
    Elements(CodeElements),
}

/// One value of `SpecificCharacterSet`.
#[derive(Clone, Copy, Debug)]
enum Term {
    Whole(&'static Encoding),
    /// A set by its number in the register of ISO.
    Set(u16),
}

impl Term {
    /// What a value means, and whether it is a name of the standard.
    fn of(name: &str) -> Option<(Self, bool)> {
        let set = |number: &str| number.parse().ok().filter(|number| iso_2022::is_set(*number));
        let exact = match name {
            "" => Some(Self::Set(ASCII)),
            "ISO_IR 192" => Some(Self::Whole(UTF_8)),
            "GB18030" => Some(Self::Whole(GB18030)),
            "GBK" => Some(Self::Whole(GBK)),
            _ => {
                let single = || name.strip_prefix("ISO_IR ").and_then(set).filter(|set| !iso_2022::is_of_pairs(*set));
                name.strip_prefix("ISO 2022 IR ").and_then(set).or_else(single).map(Self::Set)
            }
        };
        if let Some(exact) = exact {
            return Some((exact, true));
        }
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let plain = plain.to_ascii_uppercase();
        let end =
            ["ISO2022IR", "ISO2022", "ISOIR"].iter().find_map(|start| plain.strip_prefix(start)).unwrap_or(&plain);
        let meant = match end {
            "192" | "UTF8" => Self::Whole(UTF_8),
            "GBK" => Self::Whole(GBK),
            "GB18030" | "GB2312" => Self::Whole(GB18030),
            number if end != plain && set(number).is_some() => Self::Set(set(number)?),
            // The names of the internet, each of which is one coding.
            _ => Self::Whole(
                Encoding::for_label_no_replacement(name.as_bytes())
                    .filter(|coding| coding.is_ascii_compatible() && *coding != encoding_rs::X_USER_DEFINED)?,
            ),
        };
        Some((meant, false))
    }
}

impl CharacterSet {
    pub(super) fn of(data_set: &DataSet<'_>) -> Self {
        let declared = data_set.text_bytes(tags::SPECIFIC_CHARACTER_SET).unwrap_or_default();
        Self::named(&declared.iter().map(|byte| char::from(*byte)).collect::<String>())
    }

    /// Of the values of `SpecificCharacterSet`. A text begins in the first of them; escape sequences lead to the others.
    fn named(declared: &str) -> Self {
        let names = declared.split('\\').map(|name| Term::of(name.trim_matches([' ', '\0'])));
        let terms: Option<Vec<(Term, bool)>> = names.collect();
        let (coding, is_exact) = terms.map_or((None, true), |terms| Self::coding(&terms));
        let taken_as = coding.as_ref().filter(|_| !is_exact).map(Coding::name);
        Self { coding, declared: declared.to_owned(), taken_as }
    }

    /// How texts are read under these terms, and whether the standard allows them so.
    fn coding(terms: &[(Term, bool)]) -> (Option<Coding>, bool) {
        let mut wholes = Vec::new();
        let mut sets = Vec::new();
        for (term, _) in terms {
            match term {
                Term::Whole(coding) => wholes.push(*coding),
                Term::Set(set) => sets.push(*set),
            }
        }
        let is_exact = terms.iter().all(|(_, is_exact)| *is_exact);
        let ascii_alone = || Coding::Elements(CodeElements::new(vec![ASCII]));
        match (terms, &wholes[..]) {
            // Sets that are behind one which allows no escape sequences cannot be reached.
            ([(Term::Whole(coding), _), others @ ..], [_]) => {
                (Some(Coding::Whole(coding)), is_exact && others.is_empty())
            }
            (_, [coding]) if sets.iter().all(|set| *set == ASCII) => (Some(Coding::Whole(coding)), false),
            // Two things are said: what is ASCII is so in both.
            (_, [_, ..]) => (Some(ascii_alone()), true),
            // Under a wrong name a text may begin in pairs or in ASCII.
            ([(Term::Set(set), false), ..], []) if iso_2022::is_of_lower_pairs(*set) => (None, true),
            (_, []) => {
                let is_exact = is_exact && sets.first().is_none_or(|first| !iso_2022::is_of_pairs(*first));
                (Some(Coding::Elements(CodeElements::new(sets))), is_exact)
            }
        }
    }

    /// The letters of a value, or nothing where they are not certain: bytes and escape sequences that are of no declared
    /// set, control characters, sets that are not known. The parts of a `name` begin each in the first set.
    pub(super) fn decode(&self, bytes: &[u8], is_name: bool) -> Option<String> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let text = match self.coding.as_ref()? {
            Coding::Whole(coding) => coding.decode_without_bom_handling_and_without_replacement(bytes)?.into_owned(),
            Coding::Elements(elements) => elements.decode(bytes, is_name)?,
        };
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

    /// What was assumed where its name is none of the standard's.
    pub(super) fn warning(&self) -> Option<String> {
        let taken_as = self.taken_as.as_ref()?;
        let name = self.name();
        Some(format!(
            "the character set of the file, {name}, is not named as the standard does; it was taken as {taken_as}"
        ))
    }
}

impl Coding {
    /// As the standard names it, or the internet.
    fn name(&self) -> String {
        match self {
            Self::Whole(coding) if *coding == UTF_8 => "ISO_IR 192".to_owned(),
            Self::Whole(coding) => coding.name().to_owned(),
            Self::Elements(elements) => elements.name(),
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
            ("ISO_IR 101", b"Wa\xb3\xeasa^\xafaneta", "Wałęsa^Żaneta"),
            ("ISO_IR 109", b"\xa1\xb1\xfe", "Ħħŝ"),
            ("ISO_IR 110", b"\xa2\xbd\xaa", "ĸŊĒ"),
            ("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
            ("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
            ("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
            ("ISO_IR 144", b"\xbb\xee\xda\xe1\xd5\xdc\xd1\xe3\xe0\xd3", "Люксембург"),
            ("ISO_IR 148", b"\xc7a\xf0r\xfd^\xdeule", "Çağrı^Şule"),
            ("ISO_IR 166", b"\xbb\xc3\xd0\xe0\xb7\xc8\xe4\xb7\xc2", "ประเทศไทย"),
            ("ISO_IR 203", b"\xa4 \xbd\xa6", "€ œŠ"),
            ("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
            // Overline; the yen sign has the code of the separator and means that.
            ("ISO_IR 13", b"a~b\\c", "a‾b\\c"),
            ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"),
            // Four bytes, and second bytes that look like separators.
            ("GB18030", b"\x81\x39\xef\x35^\x82\x5c^\x84\x5e", "㐆^俓^刕"),
            ("GBK", b"Fu^X=\xb8\xb5^\x82\x5c", "Fu^X=傅^俓"),
            // The examples of PS3.5 H.3, I.2, K.2.
            (
                "\\ISO 2022 IR 87",
                b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
                "Yamada^Tarou=山田^太郎=やまだ^たろう",
            ),
            (
                "ISO 2022 IR 13\\ISO 2022 IR 87",
                b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
                "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
            ),
            (
                "\\ISO 2022 IR 149",
                b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
                "Hong^Gildong=洪^吉洞=홍^길동",
            ),
            (
                "\\ISO 2022 IR 58",
                b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
                "Zhang^XiaoDong=张^小东=",
            ),
            ("\\ISO 2022 IR 87", b"\x1b$B\x22\x4c\x21\x72\x21\x71\x21\x41\x21\x42\x21\x5d\x1b(B", "¬£¢〜‖−"),
            // JIS X 0212, and bytes of kanji that look like = and ^.
            ("\\ISO 2022 IR 87\\ISO 2022 IR 159", b"A=\x1b$(D0!\x1b$B==F^\x1b(B", "A=丂十曇"),
            ("\\ISO 2022 IR 87", b"\x1b$B;3ED^\x1b$BB@O:", "山田^太郎"),
            ("ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126", b"\xfc\x1b-L\xbb\x1b-F\xc4\x1b-A\xe4", "üЛΔä"),
            // Behind a separator the first set is in use again.
            ("ISO 2022 IR 100\\ISO 2022 IR 144", b"\x1b-L\xbb^\xfc=\x1b-L\xbb\\\xfc", "Л^ü=Л\\ü"),
            ("\\ISO 2022 IR 87", b"Yamada^Tarou", "Yamada^Tarou"),
        ] {
            let set = CharacterSet::named(declared);
            assert_eq!(set.decode(bytes, true).as_deref(), Some(text), "{declared}");
            assert_eq!(set.warning(), None, "{declared}");
        }
    }

    #[test]
    fn only_the_parts_of_a_name_begin_anew() {
        let set = CharacterSet::named("ISO 2022 IR 100\\ISO 2022 IR 144");
        let bytes = b"\x1b-L\xbb^\xbb=\xbb\\\xbb";
        assert_eq!(set.decode(bytes, false).as_deref(), Some("Л^Л=Л\\»"));
        assert_eq!(set.decode(bytes, true).as_deref(), Some("Л^»=»\\»"));
    }

    #[test]
    fn a_wrong_name_with_one_meaning_is_understood_and_told() {
        for (declared, bytes, text, taken_as) in [
            ("ISO-IR 100", &b"M\xfcller"[..], "Müller", "ISO_IR 100"),
            ("ISO IR 144", b"\xbb", "Л", "ISO_IR 144"),
            ("iso_ir 101", b"\xb3", "ł", "ISO_IR 101"),
            ("ISO_IR_100", b"\xfc", "ü", "ISO_IR 100"),
            ("ISO_IR100", b"\xfc", "ü", "ISO_IR 100"),
            ("ISO_2022_IR 100\\ISO 2022-IR-144", b"\x1b-L\xbb", "Л", "ISO 2022 IR 100\\ISO 2022 IR 144"),
            ("\\ISO-2022-IR-87", b"\x1b$B;3\x1b(B", "山", "\\ISO 2022 IR 87"),
            ("ISO 2022 IR 87", b"A\x1b$B;3\x1b(B", "A山", "\\ISO 2022 IR 87"),
            ("ISO_IR 149", b"\xc8\xab", "홍", "ISO 2022 IR 149"),
            ("ISO 2022 58", b"\xd5\xc5", "张", "ISO 2022 IR 58"),
            ("ISO 2022 GBK", b"\x82\x5c", "俓", "GBK"),
            ("UTF-8", "Müller".as_bytes(), "Müller", "ISO_IR 192"),
            ("ISO_IR 192\\ISO 2022 IR 87", "Müller".as_bytes(), "Müller", "ISO_IR 192"),
            ("\\ISO_IR 192", "Müller".as_bytes(), "Müller", "ISO_IR 192"),
            ("windows-1251", b"\xcb", "Л", "windows-1251"),
            ("Shift_JIS", b"\x8e\x52", "山", "Shift_JIS"),
        ] {
            let set = CharacterSet::named(declared);
            assert_eq!(set.decode(bytes, true).as_deref(), Some(text), "{declared}");
            let warning = set.warning().unwrap();
            assert!(warning.ends_with(&format!("taken as {taken_as}")), "{declared}: {warning}");
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
            // Codes that the sets leave empty.
            ("ISO_IR 109", b"\xa5"),
            ("ISO_IR 127", b"\xa1"),
            ("ISO_IR 166", b"\xff"),
            ("ISO_IR 13", b"\xe0"),
            ("GB18030", b"Wang\xcd"),
            ("GB18030", b"\xff"),
            // Half a pair, a pair that is none, a set that is not declared or not asked for.
            ("\\ISO 2022 IR 87", b"\x1b$B;3E"),
            ("\\ISO 2022 IR 87", b"\x1b$B\x29\x21"),
            ("\\ISO 2022 IR 87", b"\x1b$(D0!"),
            ("\\ISO 2022 IR 87", b"\xbb\xb3"),
            ("\\ISO 2022 IR 149", b"Hong=\xfb\xf3"),
            ("\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb"),
            ("\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3^\xd1\xce"),
            ("\\ISO 2022 IR 87", b"\x1b"),
            ("\\ISO 2022 IR 87", b"\x1b$@;3"),
            ("ISO_IR 21", b"M}ller"),
            // Two bytes below 128 may be one letter.
            ("ISO_IR 87", b";3ED"),
            ("ISO_IR 100\\ISO_IR 192", b"M\xc3\xbcller"),
            ("ISO_IR 192\\GB18030", "Müller".as_bytes()),
            ("ISO_IR 100\\LATIN-9", b"M\xfcller"),
            ("utf-16le", b"M\0"),
            ("100", b"M\xfcller"),
        ] {
            assert_eq!(CharacterSet::named(declared).decode(bytes, true), None, "{declared}: {}", marked(bytes));
        }
    }

    #[test]
    fn ascii_is_ascii_in_every_set() {
        let text: String = (b' '..=b'}').map(char::from).collect();
        for number in 0..=300_u16 {
            for declared in
                [format!("ISO_IR {number}"), format!("ISO 2022 IR {number}"), format!("\\ISO 2022 IR {number}")]
            {
                let decoded = CharacterSet::named(&declared).decode(text.as_bytes(), false);
                assert!(decoded.is_none_or(|decoded| decoded == text), "{declared}");
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
