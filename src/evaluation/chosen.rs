//! Which cases chose a threshold, and whether they judge it as well.

use std::collections::HashSet;

use serde::Serialize;

use super::scores::ThresholdRule;
use crate::cohort::Split;

/// A threshold of a classifier, with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// By which rule it was found.
    pub rule: ThresholdRule,
    /// The share that the rule keeps, where it keeps one.
    pub at_least: Option<f64>,
    /// On the logarithm of the odds: 0 is a probability of 0.5.
    pub log_odds: f64,
    /// The cases that chose it; nothing where none did.
    pub chosen_on: Option<ChosenOn>,
}

impl Threshold {
    /// A probability of 0.5, which no case chose.
    pub const HALF: Self = Self { rule: ThresholdRule::Half, at_least: None, log_odds: 0.0, chosen_on: None };
}

/// Who a case is, as far as that is needed to know it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseMark {
    /// A hash of its image as the model reads it.
    pub image: [u8; 32],
    /// The patient, where the cohort says so.
    pub patient: Option<String>,
}

/// The cases that chose a threshold, and how many of them it is judged on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChosenOn {
    /// Their split.
    pub split: Split,
    /// How many there are.
    pub cases: usize,
    /// Judged cases whose image, as the model reads it, is among theirs.
    pub same_images: usize,
    /// Other judged cases that are of patients of theirs.
    pub same_patients: usize,
    /// What figures at the threshold are worth.
    pub judged_on: JudgedOn,
    /// What has to be said beside figures at the threshold, as a whole sentence; nothing where others judge it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
}

/// What figures at a threshold are worth, by who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgedOn {
    /// No case, and no patient, did both.
    OtherCases,
    /// Some cases did both.
    PartlyTheSameCases,
    /// All cases did.
    TheSameCases,
}

impl ChosenOn {
    /// A threshold that the cases `chose` of `split` chose and the cases `judged` judge.
    pub fn new(split: Split, chose: &[CaseMark], judged: &[CaseMark]) -> Self {
        let images: HashSet<&[u8; 32]> = chose.iter().map(|case| &case.image).collect();
        let patients: HashSet<&str> = chose.iter().filter_map(|case| case.patient.as_deref()).collect();
        let is_same_image = |case: &CaseMark| images.contains(&case.image);
        let is_same_patient = |case: &CaseMark| case.patient.as_deref().is_some_and(|own| patients.contains(own));
        let same_images = judged.iter().filter(|case| is_same_image(case)).count();
        let same_patients = judged.iter().filter(|case| !is_same_image(case) && is_same_patient(case)).count();
        let judged_on = match same_images + same_patients {
            0 => JudgedOn::OtherCases,
            _ if same_images == judged.len() => JudgedOn::TheSameCases,
            _ => JudgedOn::PartlyTheSameCases,
        };
        let mut chosen_on = Self { split, cases: chose.len(), same_images, same_patients, judged_on, caution: None };
        chosen_on.caution = chosen_on.sentence();
        chosen_on
    }

    fn sentence(&self) -> Option<String> {
        let Self { split, cases, same_images, same_patients, judged_on, .. } = self;
        let worth = "sensitivity and specificity look better here than they are for other patients";
        let mut shared = Vec::new();
        if *same_images > 0 {
            shared.push(format!("{same_images} judged cases have images that are among them"));
        }
        if *same_patients > 0 {
            shared.push(format!("{same_patients} judged cases are other images of their patients"));
        }
        let shared = shared.join(", ");
        match judged_on {
            JudgedOn::OtherCases => None,
            JudgedOn::TheSameCases => {
                Some(format!("This threshold is judged on the very cases that chose it ({split} split): {worth}."))
            }
            JudgedOn::PartlyTheSameCases => {
                Some(format!("This threshold was chosen on {cases} cases of the {split} split, and {shared}: {worth}."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(image: u8, patient: Option<&str>) -> CaseMark {
        CaseMark { image: [image; 32], patient: patient.map(str::to_owned) }
    }

    #[test]
    fn whoever_chose_and_judges_is_told() {
        let chose = [case(1, Some("a")), case(2, Some("b")), case(3, None)];
        let of = |judged: &[CaseMark]| ChosenOn::new(Split::Val, &chose, judged);
        let others = of(&[case(4, Some("c")), case(5, None)]);
        assert_eq!((others.judged_on, others.caution), (JudgedOn::OtherCases, None));
        let same = of(&chose);
        assert_eq!((same.judged_on, same.same_images, same.same_patients), (JudgedOn::TheSameCases, 3, 0));
        assert!(same.caution.unwrap().contains("the very cases that chose it (val split)"));
        let copies = of(&[case(2, None), case(4, None)]);
        assert_eq!((copies.judged_on, copies.same_images), (JudgedOn::PartlyTheSameCases, 1));
        let patients = of(&[case(9, Some("a")), case(8, Some("b")), case(7, Some("z"))]);
        assert_eq!((patients.same_images, patients.same_patients), (0, 2));
        let caution = patients.caution.unwrap();
        assert!(caution.contains("2 judged cases are other images of their patients"), "{caution}");
    }
}
