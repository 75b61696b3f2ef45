//! Numbers written as text (DS and IS, PS3.5 6.2), also as programs write them that do not keep to the standard: with a
//! decimal comma, with thousands separated, with other signs than the backslash between values.
//!
//! What can be read in one way only is read, with a warning. What can be read in several ways is left out, and the warning
//! names two of them.

/// Most parts of a value that are looked at; a spacing with decimal commas has four.
const MOST_PARTS: usize = 8;

/// How many numbers an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// One.
    One,
    /// Two.
    Two,
    /// One or more.
    Any,
}

/// What an attribute of decimal text has to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Its name in a warning, such as `the pixel spacing`.
    pub(super) what: &'static str,
    /// How many numbers it holds.
    pub(super) count: Count,
    /// Whether a number can be one of them, which tells readings apart.
    pub(super) fits: fn(f64) -> bool,
}

/// The numbers of an attribute's values; NaN for each that cannot be understood. Empty values at the end are none.
pub(super) fn read(values: &[String], wanted: &Wanted, warnings: &mut Vec<String>) -> Vec<f64> {
    let last = values.iter().rposition(|value| !value.is_empty()).map_or(0, |last| last + 1);
    let values = &values[..last];
    let mut numbers = Vec::with_capacity(values.len());
    for value in values {
        if value.is_empty() {
            numbers.push(f64::NAN);
            continue;
        }
        if let Some(number) = plain(value) {
            numbers.push(number);
            continue;
        }
        let count = if values.len() == 1 { wanted.count } else { Count::One };
        let words = match choose(candidates(value, count), wanted.fits) {
            Ok(found) => {
                let words =
                    format!("{} is not written as a decimal number and was taken as {}", wanted.what, list(&found));
                numbers.extend(found);
                words
            }
            Err(why) => {
                numbers.push(f64::NAN);
                format!("{} {why} and was left out", wanted.what)
            }
        };
        if !warnings.contains(&words) {
            warnings.push(words);
        }
    }
    numbers
}

fn candidates(value: &str, count: Count) -> Vec<Vec<f64>> {
    let Some(parts) = Parts::of(value) else { return Vec::new() };
    match count {
        Count::One => parts.readings(1),
        Count::Two => [parts.readings(2), parts.readings(1)].concat(),
        // A comma may stand between values where it can be nothing within a number; a blank always may.
        Count::Any => {
            let mut found = parts.readings(1);
            if found.is_empty() || parts.between.iter().all(|between| *between == Between::Blank) {
                found.extend(parts.separate());
            }
            found
        }
    }
}

/// The one reading that there is, or the only one that fits; else why there is none.
fn choose(mut found: Vec<Vec<f64>>, fits: fn(f64) -> bool) -> Result<Vec<f64>, String> {
    found.dedup();
    let all_fit = |numbers: &Vec<f64>| numbers.iter().all(|number| fits(*number));
    if found.len() > 1 && found.iter().any(all_fit) {
        found.retain(all_fit);
    }
    match &found[..] {
        [] => Err("is no number".to_owned()),
        [_] => Ok(found.remove(0)),
        [first, second, ..] => Err(format!("can be read as {} or as {}", list(first), list(second))),
    }
}

fn list(numbers: &[f64]) -> String {
    numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" and ")
}

/// A number as the standard writes it.
fn plain(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// What stands between two parts of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    /// A comma with nothing around it, which may be anything.
    Comma,
    /// A blank, which may separate thousands or values.
    Blank,
    /// An apostrophe, which separates thousands.
    Apostrophe,
    /// A sign that is part of no number.
    Other,
}

/// A value in its parts, and what stands behind each but the last.
struct Parts<'a> {
    parts: Vec<&'a str>,
    between: Vec<Between>,
}

impl<'a> Parts<'a> {
    /// Nothing where a part is empty or there are too many.
    fn of(value: &'a str) -> Option<Self> {
        let is_separator = |c: char| matches!(c, ',' | ';' | '/' | '\'') || c.is_whitespace();
        let (mut parts, mut between) = (Vec::new(), Vec::new());
        let mut rest = value.trim();
        loop {
            let end = rest.find(is_separator).unwrap_or(rest.len());
            let (part, behind) = rest.split_at(end);
            let next = behind.trim_start_matches(is_separator);
            let separator = &behind[..behind.len() - next.len()];
            if part.is_empty() || parts.len() == MOST_PARTS {
                return None;
            }
            parts.push(part);
            match separator {
                "" => return Some(Self { parts, between }),
                _ if next.is_empty() || separator.trim().chars().count() > 1 => return None,
                "," => between.push(Between::Comma),
                " " | "\u{a0}" => between.push(Between::Blank),
                "'" => between.push(Between::Apostrophe),
                _ => between.push(Between::Other),
            }
            rest = next;
        }
    }

    /// All ways to read the value as `count` numbers.
    fn readings(&self, count: usize) -> Vec<Vec<f64>> {
        let mut found = Vec::new();
        self.split(0, count, &mut Vec::new(), &mut found);
        found
    }

    fn split(&self, from: usize, count: usize, before: &mut Vec<f64>, found: &mut Vec<Vec<f64>>) {
        if count == 0 {
            if from == self.parts.len() {
                found.push(before.clone());
            }
            return;
        }
        for to in from + 1..=self.parts.len() {
            for number in self.number(from, to) {
                before.push(number);
                self.split(to, count - 1, before, found);
                before.pop();
            }
        }
    }

    /// Each part as a number of its own.
    fn separate(&self) -> Option<Vec<f64>> {
        self.parts.iter().map(|part| plain(part)).collect()
    }

    /// All ways to read some parts as one number.
    fn number(&self, from: usize, to: usize) -> Vec<f64> {
        let (parts, between) = (&self.parts[from..to], &self.between[from..to - 1]);
        let Some((last, whole)) = parts.split_last() else { return Vec::new() };
        let Some((mark, separators)) = between.split_last() else { return plain(last).into_iter().collect() };
        let as_number = |text: String| text.parse().ok();
        // 1800,25 and 1.800,25 and 1 800,25: digits behind a comma.
        let fraction = last.split_once(['e', 'E']).map_or(*last, |(digits, _)| digits);
        let is_decimal = *mark == Between::Comma && are_digits(fraction) && is_whole(whole, separators);
        let decimal = is_decimal.then(|| as_number(format!("{}.{last}", whole.concat().replace('.', "")))).flatten();
        // 1,800 and 1,800.25 and 1 800: groups of three digits, all separated alike.
        let group = last.split_once('.').map_or(*last, |(digits, _)| digits);
        let is_grouped = *mark != Between::Other
            && separators.iter().all(|separator| separator == mark)
            && begins_group(whole[0])
            && whole[1..].iter().copied().chain([group]).all(|part| part.len() == 3 && are_digits(part));
        let grouped = is_grouped.then(|| as_number(parts.concat())).flatten();
        decimal.into_iter().chain(grouped).collect()
    }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number without fraction: digits, or groups of three behind points or blanks.
fn is_whole(parts: &[&str], separators: &[Between]) -> bool {
    let [first, rest @ ..] = parts else { return false };
    let groups: Vec<&str> = if rest.is_empty() { first.split('.').collect() } else { parts.to_vec() };
    match &groups[..] {
        [digits] => are_digits(digits.trim_start_matches(['-', '+'])),
        [first, rest @ ..] => {
            begins_group(first)
                && separators.iter().all(|separator| matches!(separator, Between::Blank | Between::Apostrophe))
                && rest.iter().all(|group| group.len() == 3 && are_digits(group))
        }
        [] => false,
    }
}

/// One to three digits of which the first is not 0.
fn begins_group(part: &str) -> bool {
    let digits = part.trim_start_matches(['-', '+']);
    are_digits(digits) && digits.len() <= 3 && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(count: Count, text: &str) -> (Vec<f64>, String) {
        let wanted = Wanted { what: "the value", count, fits: |value| value > 0.0 && value < 1000.0 };
        let mut warnings = Vec::new();
        let values: Vec<String> = text.split('\\').map(str::to_owned).collect();
        (read(&values, &wanted, &mut warnings), warnings.join("; "))
    }

    #[test]
    fn what_the_standard_writes_is_read_without_a_word() {
        for (text, wanted) in [
            ("1800.25", vec![1800.25]),
            ("-1.5E+3", vec![-1500.0]),
            (" 40 \\400", vec![40.0, 400.0]),
            ("0.143\\0.143", vec![0.143, 0.143]),
            ("0.143\\", vec![0.143]),
            ("", vec![]),
        ] {
            assert_eq!(read_as(Count::Any, text), (wanted, String::new()), "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_one_way_is_read_and_told() {
        for (count, text, wanted) in [
            (Count::Any, "1800,25", vec![1800.25]),
            (Count::Any, "-0,5", vec![-0.5]),
            (Count::Any, "1.800,25", vec![1800.25]),
            (Count::Any, "1,800.25", vec![1800.25]),
            (Count::Any, "1,800,000", vec![1_800_000.0]),
            (Count::Any, "1 800,25", vec![1800.25]),
            (Count::Any, "1'800", vec![1800.0]),
            (Count::Any, "40.0,400.0", vec![40.0, 400.0]),
            (Count::Any, "40, 400", vec![40.0, 400.0]),
            (Count::Any, "40;400;80", vec![40.0, 400.0, 80.0]),
            (Count::Any, "127,5\\40", vec![127.5, 40.0]),
            (Count::One, "1,5E-1", vec![0.15]),
            (Count::One, "-1024,0", vec![-1024.0]),
            (Count::Two, "0,143", vec![0.143]),
            (Count::Two, "0,143,0,143", vec![0.143, 0.143]),
            (Count::Two, "0,143 0,2", vec![0.143, 0.2]),
            (Count::Two, "0.143,0.2", vec![0.143, 0.2]),
            (Count::Two, "0.143 0.2", vec![0.143, 0.2]),
            (Count::Two, "0,143\\0,2", vec![0.143, 0.2]),
            // No spacing has more than a metre.
            (Count::Two, "1,143\\1,2", vec![1.143, 1.2]),
        ] {
            let (found, told) = read_as(count, text);
            assert_eq!(found, wanted, "{text}");
            assert!(told.contains("was taken as"), "{text}: {told}");
        }
    }

    #[test]
    fn what_can_be_read_in_several_ways_is_left_out_with_two_of_them() {
        for (count, text, ways) in [
            (Count::Any, "1,500", "1.5 or as 1500"),
            (Count::Any, "40 400", "40400 or as 40 and 400"),
            (Count::Any, "-1,024", "-1.024 or as -1024"),
            (Count::Two, "1,2", "1 and 2 or as 1.2"),
            (Count::Two, "1,143", "1 and 143 or as 1.143"),
        ] {
            let wanted = Wanted { what: "the value", count, fits: |value| value.is_finite() };
            let mut warnings = Vec::new();
            let found = read(&[text.to_owned()], &wanted, &mut warnings);
            assert!(found.iter().all(|number| number.is_nan()), "{text}: {found:?}");
            assert_eq!(warnings, [format!("the value can be read as {ways} and was left out")]);
        }
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        for text in ["wide", "1,2,x", ",", "1,,2", "0.1.2", "1,2;", "1e", "--1,5", "1,2,3,4,5,6,7,8,9"] {
            let (found, told) = read_as(Count::Two, text);
            assert!(found.len() == 1 && found[0].is_nan(), "{text}: {found:?}");
            assert_eq!(told, "the value is no number and was left out", "{text}");
        }
    }
}
