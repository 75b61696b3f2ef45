//! Names in the order in which people count.

use std::cmp::Ordering;

/// Compares two paths with `/` between folders: numbers by their size, letters whatever their case, and the same names in
/// both by their bytes.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let folders = a.split('/').map(parts).cmp(b.split('/').map(parts));
    folders.then_with(|| a.cmp(b))
}

/// The numbers of a name and what is between them.
fn parts(name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let length = if digits > 0 { digits } else { rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()) };
        let (part, after) = rest.split_at(length);
        parts.push(if digits > 0 {
            let number = part.trim_start_matches('0');
            Part::Number(number.len(), number.to_owned())
        } else {
            Part::Letters(part.to_lowercase())
        });
        rest = after;
    }
    parts
}

/// A number by its digits without leading zeros, of which there may be any number, or letters.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(usize, String),
    Letters(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_count_so() {
        let sorted = [
            "2/b.dcm",
            "10/a.dcm",
            "IM1",
            "IM02",
            "im2",
            "IM10",
            "IM10a",
            "IM99999999999999999999999998",
            "IM99999999999999999999999999",
            "sub/IM1",
            "über.png",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(names, sorted);
    }
}
