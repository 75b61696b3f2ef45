//! Names that mean a file although they are not its name letter by letter: another program wrote them.

use std::collections::{BTreeSet, HashMap, HashSet};

use icu_normalizer::ComposingNormalizerBorrowed;

use super::files::{stem, without_extension};

/// Digits of the longest id that may be a number.
const MAX_DIGITS: usize = 64;

/// Bytes of the longest path that systems know.
const MAX_PATH_BYTES: usize = 4096;

/// What a name and a file's differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Nothing: letters with accents are written in one sign or in several, as macOS does in the names of files.
    Same,
    /// Upper and lower case.
    Case,
    /// Zeros at the beginning of a number, and `.0` behind it, as spreadsheets and tables of numbers make of it.
    Zeros,
}

impl Likeness {
    /// From the closest on.
    const ALL: [Self; 3] = [Self::Same, Self::Case, Self::Zeros];

    /// What is equal in names that differ in no more than this; nothing for a name that it does not apply to.
    fn key(self, name: &str) -> Option<String> {
        match self {
            // Of ASCII there is one form alone.
            Self::Same => (!name.is_ascii()).then(|| composed(name)),
            Self::Case => Some(folded(name)),
            Self::Zeros => {
                let digits = name.strip_suffix(".0").unwrap_or(name);
                let is_number = (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
                is_number.then(|| digits.trim_start_matches('0').to_owned())
            }
        }
    }

    /// What is to be said where a name was found so.
    pub(super) fn warning(self) -> Option<&'static str> {
        match self {
            Self::Same => None,
            Self::Case => Some("the name has other upper and lower case than its file's; it was taken as the same"),
            Self::Zeros => Some(
                "the number differs from the name of its file in zeros at the beginning, as after a spreadsheet; the one \
                 file with this number was taken",
            ),
        }
    }
}

/// Said of a name that [`Meant::Several`] files may have.
pub(super) const SEVERAL: &str = "the name is no file's, and but for upper and lower case or zeros at the beginning it \
                                  would be that of several; the line is left out";

/// Said of a name that spreadsheets make of long numbers.
pub(super) const SCIENTIFIC: &str = "the id is in scientific notation, as spreadsheets write long numbers, and most of its \
                                     digits are lost; write the file anew with the ids as text";

/// The file that a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// The file of this number.
    File(usize, Likeness),
    /// More than one.
    Several,
}

/// A name with every letter in one sign where there is one (normalization form C).
pub(super) fn composed(name: &str) -> String {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
    NFC.normalize(name).into_owned()
}

/// The same in lower case.
pub(super) fn folded(name: &str) -> String {
    composed(name).to_lowercase()
}

/// What a name may be looked up by: with folders and extension, without either, without both.
pub(super) fn forms(name: &str) -> [&str; 4] {
    let last = name.rsplit('/').next().unwrap_or(name);
    [name, without_extension(name), last, stem(last)]
}

/// Whether a number was written as `1.23E+15`.
pub(super) fn is_scientific(name: &str) -> bool {
    let Some((mantissa, exponent)) = name.split_once(['e', 'E']) else { return false };
    let is_exponent =
        exponent.strip_prefix('+').is_some_and(|e| !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit()));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    is_exponent && !whole.is_empty() && digits(whole) && digits(fraction)
}

/// The files that `names`, which no file has, mean all the same. `files` are the numbers and names of those that no other
/// name has. A file is meant where it is the only one that is so close, and no other name is as close to it.
pub(super) fn meant<'a>(names: BTreeSet<&'a str>, files: &[(usize, &str)]) -> HashMap<&'a str, Meant> {
    let mut found = HashMap::new();
    let mut open = names;
    open.retain(|name| name.len() <= MAX_PATH_BYTES);
    let mut taken: HashSet<usize> = HashSet::new();
    for likeness in Likeness::ALL {
        if open.is_empty() {
            break;
        }
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (file, name) in files.iter().filter(|(file, _)| !taken.contains(file)) {
            for key in forms(name).into_iter().filter_map(|form| likeness.key(form)) {
                let files = by_key.entry(key).or_default();
                if files.last() != Some(file) {
                    files.push(*file);
                }
            }
        }
        let mut claims: HashMap<usize, Vec<&str>> = HashMap::new();
        open.retain(|name| {
            let forms = forms(name);
            // Most names have neither folder nor extension, so that all their forms are one.
            let differing = forms.iter().enumerate().filter(|(index, form)| !forms[..*index].contains(form));
            let mut keys = differing.filter_map(|(_, form)| likeness.key(form));
            match keys.find_map(|key| by_key.get(&key)).map(Vec::as_slice) {
                None => return true,
                Some([file]) => claims.entry(*file).or_default().push(name),
                Some(_) => drop(found.insert(*name, Meant::Several)),
            }
            false
        });
        for (file, names) in claims {
            taken.insert(file);
            // With and without an extension it is one name.
            let is_one = names.iter().all(|name| stem(name) == stem(names[0]));
            let meant = if is_one { Meant::File(file, likeness) } else { Meant::Several };
            found.extend(names.into_iter().map(|name| (name, meant)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&'static str], files: &[&str]) -> Vec<(&'static str, Option<Meant>)> {
        let files: Vec<(usize, &str)> = files.iter().copied().enumerate().collect();
        let found = meant(names.iter().copied().collect(), &files);
        names.iter().map(|name| (*name, found.get(name).copied())).collect()
    }

    #[test]
    fn the_closest_is_taken() {
        let files = ["Mu\u{308}ller.png", "IMG0.png", "sub/Img1.dcm", "00012.png", "7.png"];
        let names = ["M\u{fc}ller", "img0.png", "img0", "SUB/IMG1", "12", "007.0", "8"];
        let expected = [
            Some(Meant::File(0, Likeness::Same)),
            Some(Meant::File(1, Likeness::Case)),
            Some(Meant::File(1, Likeness::Case)),
            Some(Meant::File(2, Likeness::Case)),
            Some(Meant::File(3, Likeness::Zeros)),
            Some(Meant::File(4, Likeness::Zeros)),
            None,
        ];
        assert_eq!(of(&names, &files), names.into_iter().zip(expected).collect::<Vec<_>>());
    }

    #[test]
    fn what_several_may_mean_is_not_guessed() {
        for (names, files) in [
            (&["a"][..], &["A.png", "x/A.png"][..]),
            (&["1"], &["01.png", "001.png"]),
            (&["1", "01"], &["001.png"]),
            (&["Ab", "aB"], &["AB.png"]),
        ] {
            assert!(of(names, files).iter().all(|(_, meant)| *meant == Some(Meant::Several)), "{names:?}");
        }
        // The closer of two has it, and nothing is left for the other.
        let found = of(&["\u{fc}", "\u{dc}"], &["u\u{308}.png"]);
        assert_eq!(found, [("\u{fc}", Some(Meant::File(0, Likeness::Same))), ("\u{dc}", None)]);
    }

    #[test]
    fn scientific_notation() {
        for name in ["1.2E+15", "1,2E+15", "3e+08", "1.23457E+11"] {
            assert!(is_scientific(name), "{name}");
        }
        for name in ["", "E+15", "1.2", "1e5", "1.2E+", "1.2.3E+5", "aE+5", "1.2E+5x"] {
            assert!(!is_scientific(name), "{name}");
        }
    }
}
