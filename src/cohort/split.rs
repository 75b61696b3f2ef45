//! Which cases a model was trained on: read from a file in the authors' form, or drawn.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::case::Case;
use super::error::Result;
use super::files::stem;
use super::likeness::{self, Meant};
use super::notes::Warnings;
use super::table::{Table, TableRole};

/// Part of a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// To fit weights.
    Train,
    /// To choose among models.
    Val,
    /// To judge them.
    Test,
}

impl Split {
    /// All, in their usual order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// Its name in a file of splits: `train`, `val`, `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }

    /// The split that a file names, whatever its case; `valid`, `validation`, `training` and `testing` are understood.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validation" => Some(Self::Val),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Sizes of drawn splits, as fractions of all cases; training takes the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions {
    /// Validation, 0 to 1.
    pub val: f64,
    /// Test, 0 to 1; both together at most 1.
    pub test: f64,
}

impl Default for Fractions {
    /// 81/9/10 %, as in the study: a tenth for testing, a tenth of the rest for validation.
    fn default() -> Self {
        Self { val: 0.09, test: 0.10 }
    }
}

impl Fractions {
    /// Whether they can be fractions of one whole.
    pub(super) fn are_valid(self) -> bool {
        let unit = 0.0..=1.0;
        unit.contains(&self.val) && unit.contains(&self.test) && unit.contains(&(self.val + self.test))
    }

    /// Numbers of cases for training, validation and test by largest remainder; they add up to `count`.
    fn counts(self, count: usize) -> [usize; 3] {
        let quotas = [1.0 - self.val - self.test, self.val, self.test].map(|fraction| fraction * count as f64);
        // Rounding in the sums above must not turn 8.999999999 into 8.
        let mut counts = quotas.map(|quota| (quota + 1e-9).floor().max(0.0) as usize);
        let mut order = [2, 1, 0];
        let remainder = |split: usize| quotas[split] - (quotas[split] + 1e-9).floor();
        order.sort_by(|a, b| remainder(*b).total_cmp(&remainder(*a)));
        for split in order.into_iter().cycle().take(count - counts.iter().sum::<usize>().min(count)) {
            counts[split] += 1;
        }
        counts
    }
}

/// What drawing needs to know of a case.
pub(super) struct Drawn<'a> {
    /// Cases of one group stay together: the patient, or the case itself.
    pub(super) group: &'a str,
    /// Cases of a stratum are shared out in proportion: the label.
    pub(super) stratum: Option<bool>,
}

/// Draws a split for each case: stratified, groups kept together, the same for any order of the cases.
///
/// In each stratum the counts are those of the fractions within rounding, as far as groups of several cases allow.
pub(super) fn draw(cases: &[Drawn<'_>], seed: u64, fractions: Fractions) -> Vec<Split> {
    let stratum = |case: &Drawn<'_>| match case.stratum {
        Some(false) => 0,
        Some(true) => 1,
        None => 2,
    };
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut sizes = [0; 3];
    for (index, case) in cases.iter().enumerate() {
        groups.entry(case.group).or_default().push(index);
        sizes[stratum(case)] += 1;
    }
    let targets = sizes.map(|size| fractions.counts(size));
    let mut given = [[0_usize; 3]; 3];
    let mut order: Vec<(bool, [u8; 32], Vec<usize>)> =
        groups.into_iter().map(|(group, members)| (members.len() == 1, group_hash(seed, group), members)).collect();
    // Groups of several first: single cases can fill whatever gaps they leave.
    order.sort();
    let mut splits = vec![Split::Train; cases.len()];
    for (_, _, members) in order {
        let mut wanted = [0_usize; 3];
        for member in &members {
            wanted[stratum(&cases[*member])] += 1;
        }
        // The split that would be filled least by this group, in its fullest stratum.
        let filling = |split: usize| {
            let fill = |stratum: usize| {
                let target = targets[stratum][split] as f64;
                (given[stratum][split] + wanted[stratum]) as f64 / target
            };
            (0..3).filter(|stratum| wanted[*stratum] > 0).map(fill).fold(0.0, f64::max)
        };
        let best = [0, 1, 2].into_iter().min_by(|a, b| filling(*a).total_cmp(&filling(*b))).unwrap_or(0);
        for stratum in 0..3 {
            given[stratum][best] += wanted[stratum];
        }
        for member in members {
            splits[member] = Split::ALL[best];
        }
    }
    splits
}

/// Draws validation from the cases for training, where testing is given: as large a part of them as `fractions` has without
/// testing, stratified, patients kept together.
pub(super) fn draw_validation(cases: &mut [Case], seed: u64, fractions: Fractions) {
    let rest = 1.0 - fractions.test;
    let val = if rest > 0.0 { (fractions.val / rest).min(1.0) } else { 0.0 };
    let training: Vec<usize> = (0..cases.len()).filter(|index| cases[*index].split == Some(Split::Train)).collect();
    let drawn: Vec<Drawn<'_>> = training
        .iter()
        .map(|index| &cases[*index])
        .map(|case| Drawn { group: case.patient.as_deref().unwrap_or(&case.id), stratum: case.label })
        .collect();
    let splits = draw(&drawn, seed, Fractions { val, test: 0.0 });
    for (index, split) in training.into_iter().zip(splits) {
        cases[index].split = Some(split);
    }
}

/// Images of one patient in training and test make a model look better than it is. Each item is a patient, a split and
/// the line that says so.
pub(super) fn warn_of_shared_patients<'a>(
    images: impl Iterator<Item = (&'a str, Split, u64)>,
    table: TableRole,
    warnings: &Warnings,
) {
    let mut images: Vec<_> = images.collect();
    images.sort_unstable_by_key(|(_, _, line)| *line);
    let mut first = HashMap::new();
    for (patient, split, line) in images {
        if *first.entry(patient).or_insert(split) != split {
            let text = "an image of the same patient is in another split; results on such patients are too good";
            warnings.at(table, line, text);
        }
    }
}

fn group_hash(seed: u64, group: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(group.as_bytes());
    hash.finalize().into()
}

/// Names of the column of ids in a file of splits.
const ID_COLUMNS: [&str; 6] = ["Image_ID", "image", "patientId", "id", "filename", "file"];

/// Splits by id, as a file in the authors' form gives them: columns `Image_ID` and `Split`, others ignored.
#[derive(Debug, Default)]
pub(super) struct SplitFile {
    /// Split and line by id without the extension of an image.
    rows: HashMap<String, (Split, u64)>,
}

impl SplitFile {
    /// Whether a file has the columns of one, and none that make it a file of labels.
    pub(super) fn is_one(table: &Table<'_>) -> bool {
        table.column(&["Image_ID"]).is_some()
            && table.column(&["Split"]).is_some()
            && table.column(&["label"]).is_none()
    }

    /// Reads it. The same id in two splits is an error; the same row twice is a warning.
    pub(super) fn read(path: &Path, warnings: &Warnings) -> Result<Self> {
        let mut table = Table::open(path, TableRole::Splits, warnings)?;
        let (id, split) = (table.require(&ID_COLUMNS)?, table.require(&["Split"])?);
        table.forbid_twins(&[(id, "Image_ID"), (split, "Split")])?;
        let mut rows: HashMap<String, (Split, u64)> = HashMap::new();
        while let Some(row) = table.next()? {
            let name = row.field(id);
            if name.is_empty() {
                warnings.at(TableRole::Splits, row.line, "no id; the line is ignored");
                continue;
            }
            let Some(split) = Split::of_name(&row.field(split)) else {
                return Err(row.refuse("Split", "this is neither train, val nor test"));
            };
            match rows.get(stem(&name)) {
                Some((known, line)) if *known != split => {
                    return Err(row.refuse("Split", format!("the same id is in {known} on line {line}")));
                }
                Some(_) => warnings.at(TableRole::Splits, row.line, "the same row again; it is used once"),
                None => {
                    rows.insert(stem(&name).to_owned(), (split, row.line));
                }
            }
        }
        Ok(Self { rows })
    }

    /// Gives ids that are no case's, and mean one all the same, the case's own form.
    pub(super) fn adopt(&mut self, cases: &[Case], warnings: &Warnings) {
        let is_free = |case: &&Case| self.find(&case.id).is_none();
        let free: Vec<&Case> = cases.iter().filter(is_free).collect();
        if free.is_empty() {
            return;
        }
        let last = |id: &'_ str| id.rsplit('/').next().unwrap_or(id).to_owned();
        let used: BTreeSet<String> = cases.iter().flat_map(|case| [case.id.clone(), last(&case.id)]).collect();
        let unknown: Vec<String> = self.rows.keys().filter(|id| !used.contains(*id)).cloned().collect();
        let files: Vec<(usize, &str)> = free.iter().map(|case| case.id.as_str()).enumerate().collect();
        let mut found: Vec<(&str, Meant)> =
            likeness::meant(unknown.iter().map(String::as_str).collect(), &files).into_iter().collect();
        found.sort_unstable_by_key(|(id, _)| self.rows.get(*id).map(|(_, line)| *line));
        for (id, meant) in found {
            let Some((split, line)) = self.rows.remove(id) else { continue };
            match meant {
                Meant::File(case, likeness) => {
                    likeness.warning().into_iter().for_each(|text| warnings.at(TableRole::Splits, line, text));
                    self.rows.insert(free[case].id.clone(), (split, line));
                }
                Meant::Several => {
                    warnings.at(TableRole::Splits, line, likeness::SEVERAL);
                    self.rows.insert(id.to_owned(), (split, line));
                }
            }
        }
    }

    /// The first of its ids.
    pub(super) fn first_id(&self) -> Option<&str> {
        self.rows.iter().min_by_key(|(_, (_, line))| *line).map(|(id, _)| id.as_str())
    }

    /// The split of a case and the line that says so.
    pub(super) fn find(&self, id: &str) -> Option<(Split, u64)> {
        let last = id.rsplit('/').next().unwrap_or(id);
        self.rows.get(id).or_else(|| self.rows.get(last)).copied()
    }

    /// Number of ids.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_the_studys_within_one() {
        // Positive and negative images of both sets, and the study's own splits of the positives.
        assert_eq!(Fractions::default().counts(10), [8, 1, 1]);
        assert_eq!(Fractions::default().counts(100), [81, 9, 10]);
        assert_eq!(Fractions::default().counts(0), [0, 0, 0]);
        assert_eq!(Fractions::default().counts(1), [1, 0, 0]);
        assert_eq!(Fractions { val: 0.0, test: 0.0 }.counts(7), [7, 0, 0]);
        assert_eq!(Fractions { val: 0.0, test: 1.0 }.counts(7), [0, 0, 7]);
        for count in 0..500 {
            assert_eq!(Fractions::default().counts(count).iter().sum::<usize>(), count);
        }
    }

    fn tally(splits: &[Split], of: impl Fn(usize) -> bool) -> [usize; 3] {
        Split::ALL.map(|split| (0..splits.len()).filter(|i| of(*i) && splits[*i] == split).count())
    }

    #[test]
    fn strata_are_exact_and_order_does_not_matter() {
        let names: Vec<String> = (0..1000).map(|i| format!("case {i}")).collect();
        let case = |i: usize| Drawn { group: &names[i], stratum: Some(i.is_multiple_of(5)) };
        let forward: Vec<Drawn<'_>> = (0..1000).map(case).collect();
        let backward: Vec<Drawn<'_>> = (0..1000).rev().map(case).collect();
        let splits = draw(&forward, 3, Fractions::default());
        assert_eq!(tally(&splits, |i| i.is_multiple_of(5)), [162, 18, 20]);
        assert_eq!(tally(&splits, |i| !i.is_multiple_of(5)), [648, 72, 80]);
        let mut again = draw(&backward, 3, Fractions::default());
        again.reverse();
        assert_eq!(splits, again);
        assert_ne!(splits, draw(&forward, 4, Fractions::default()));
    }

    #[test]
    fn patients_stay_together_and_fractions_hold() {
        // 300 patients with 1, 2 or 3 images; labels differ within a patient.
        let patients: Vec<(String, bool)> = (0..300)
            .flat_map(|p| (0..=p % 3).map(move |image| (format!("patient {p}"), (p + image) % 4 == 0)))
            .collect();
        let cases: Vec<Drawn<'_>> =
            patients.iter().map(|(group, label)| Drawn { group, stratum: Some(*label) }).collect();
        let splits = draw(&cases, 1, Fractions::default());
        let mut seen: HashMap<&str, Split> = HashMap::new();
        for (case, split) in cases.iter().zip(&splits) {
            assert_eq!(seen.entry(case.group).or_insert(*split), split);
        }
        for label in [false, true] {
            let found = tally(&splits, |i| cases[i].stratum == Some(label));
            let wanted = Fractions::default().counts(found.iter().sum());
            for (found, wanted) in found.iter().zip(wanted) {
                assert!(found.abs_diff(wanted) <= 2, "{found} {wanted}");
            }
        }
        // No split takes only patients with few images, or with many.
        let images = |p: &str| patients.iter().filter(|(patient, _)| patient == p).count();
        let of_three = Split::ALL
            .map(|split| seen.iter().filter(|(patient, found)| **found == split && images(patient) == 3).count());
        assert!(of_three.iter().all(|count| *count > 0), "{of_three:?}");
    }
}
