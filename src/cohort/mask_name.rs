//! The image that a mask is of, by the mask's name: `img1_mask.png`, `left/img1.png`, `img1-seg_right.png`.

use super::files::without_extension;
use super::likeness::folded;

/// Words that are put before and behind the name of an image.
const WORDS: [&str; 17] = [
    "mask",
    "masks",
    "seg",
    "segm",
    "segmentation",
    "label",
    "labels",
    "gt",
    "truth",
    "ground",
    "groundtruth",
    "annotation",
    "annotations",
    "roi",
    "lung",
    "lungs",
    "manual",
];

const SEPARATORS: [char; 4] = ['_', '-', '.', ' '];

/// Half of the body of which a mask is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    fn of_word(word: &str) -> Option<Self> {
        match word {
            "left" | "l" => Some(Self::Left),
            "right" | "r" => Some(Self::Right),
            _ => None,
        }
    }

    /// Of a folder's name, in lower case.
    fn of_folder(name: &str) -> Option<Self> {
        match (name.contains("left"), name.contains("right")) {
            (true, false) => Some(Self::Left),
            (false, true) => Some(Self::Right),
            _ => None,
        }
    }
}

/// Names of images, folded, that a mask with the path `relative` below its folder may be of, the longest first, each with
/// the side that what was left away says. The mask's own name is the first.
pub(super) fn names_of_image(relative: &str) -> Vec<(String, Option<Side>)> {
    let path = folded(without_extension(relative));
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let side = folders.split('/').find_map(Side::of_folder);
    let kept: Vec<&str> =
        folders.split('/').filter(|folder| !folder.is_empty() && Side::of_folder(folder).is_none()).collect();
    let mut names = Vec::new();
    let mut rest = Some((name, side));
    while let Some((name, side)) = rest {
        if !kept.is_empty() {
            names.push((format!("{}/{name}", kept.join("/")), side));
        }
        names.push((name.to_owned(), side));
        rest = without_word(name, side);
    }
    names
}

/// A name without one word at its end, or at its beginning.
fn without_word(name: &str, side: Option<Side>) -> Option<(&str, Option<Side>)> {
    let is_word = |word: &str| WORDS.contains(&word) || side.is_none() && Side::of_word(word).is_some();
    let behind = name.rsplit_once(SEPARATORS).filter(|(_, word)| is_word(word));
    let before = name.split_once(SEPARATORS).filter(|(word, _)| is_word(word)).map(|(word, rest)| (rest, word));
    let (rest, word) = behind.or(before)?;
    (!rest.is_empty()).then(|| (rest, side.or(Side::of_word(word))))
}

/// Whether parts are one of each side, which together are a whole.
pub(super) fn are_both_sides(sides: impl IntoIterator<Item = Option<Side>>) -> bool {
    let sides: Vec<Option<Side>> = sides.into_iter().collect();
    matches!(sides[..], [Some(Side::Left), Some(Side::Right)] | [Some(Side::Right), Some(Side::Left)])
}

/// Whether an image lies beside one of its own name without `_mask` or the like. `names` are folded, without extensions.
pub(super) fn is_of_neighbour(relative: &str, names: &std::collections::HashSet<String>) -> bool {
    let path = folded(without_extension(relative));
    let (folder, mut name) = path.rsplit_once('/').map_or(("", &path[..]), |(folder, name)| (folder, name));
    while let Some((rest, _)) = without_word(name, None) {
        if names.contains(&if folder.is_empty() { rest.to_owned() } else { format!("{folder}/{rest}") }) {
            return true;
        }
        name = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(relative: &str) -> (String, Option<Side>) {
        names_of_image(relative).pop().unwrap()
    }

    #[test]
    fn words_are_left_away_one_by_one() {
        for relative in
            ["img1_mask.png", "IMG1-mask.tif", "mask_img1.png", "img1.seg.png", "img1 ground_truth.png", "img1.png"]
        {
            assert_eq!(last(relative), ("img1".to_owned(), None), "{relative}");
        }
        let names: Vec<String> = names_of_image("a/p_lung_mask.png").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a/p_lung_mask", "p_lung_mask", "a/p_lung", "p_lung", "a/p", "p"]);
        assert_eq!(last("_mask.png").0, "_mask");
        assert_eq!(last("imgmask.png").0, "imgmask");
    }

    #[test]
    fn sides_are_words_or_folders() {
        for (relative, side) in [
            ("img1_left.png", Side::Left),
            ("img1_mask_R.png", Side::Right),
            ("right_mask_img1.png", Side::Right),
            ("leftMask/img1.png", Side::Left),
            ("Right lung/img1_mask.png", Side::Right),
        ] {
            assert_eq!(last(relative), ("img1".to_owned(), Some(side)), "{relative}");
        }
        let (left, right) = (Some(Side::Left), Some(Side::Right));
        assert!(are_both_sides([left, right]) && are_both_sides([right, left]));
        assert!(
            ![vec![left], vec![left, left], vec![left, None], vec![left, right, left]].into_iter().any(are_both_sides)
        );
    }
}
