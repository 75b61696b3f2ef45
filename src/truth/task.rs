//! The finding that labels and marks are about.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::limits;

/// A finding that is looked for, by its name: any that a data set or a model names.
///
/// Names are written in many ways. [`Task::is_called`] compares them without case, blanks and punctuation; equality is that of
/// the letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Task {
    name: Cow<'static, str>,
}

/// A text that names no finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a finding has letters or digits, and at most {} signs", limits::FINDING_NAME_LETTERS)]
pub struct TaskError;

/// Names of one finding that data sets spell differently, as keys: the second is taken for the first.
const SAME: [(&str, &str); 2] = [("effusion", "pleuraleffusion"), ("infiltration", "infiltrate")];

/// Findings of public data sets, as keys.
const KNOWN: [&str; 37] = [
    "aorticenlargement",
    "atelectasis",
    "calcification",
    "cardiomegaly",
    "claviclefracture",
    "consolidation",
    "copd",
    "covid19",
    "edema",
    "effusion",
    "emphysema",
    "enlargedcardiomediastinum",
    "enlargedpa",
    "fibrosis",
    "fracture",
    "hernia",
    "ild",
    "infiltration",
    "lungcavity",
    "lungcyst",
    "lunglesion",
    "lungopacity",
    "lungtumor",
    "mass",
    "mediastinalshift",
    "nodule",
    "nodulemass",
    "otherlesion",
    "pleuralother",
    "pleuralthickening",
    "pneumonia",
    "pneumothorax",
    "pulmonaryfibrosis",
    "ribfracture",
    "supportdevices",
    "tuberculosis",
    "airspaceopacity",
];

/// Names that say that there is a finding and not which, as keys.
const ANY: [&str; 7] = ["finding", "positive", "abnormal", "disease", "true", "target", "label"];

impl Task {
    /// Air in the pleural space: SIIM-ACR, phantoms, the networks of the program.
    pub const PNEUMOTHORAX: Self = Self { name: Cow::Borrowed("pneumothorax") };

    /// Lung opacity suspicious for pneumonia: RSNA, phantoms, the networks of the program.
    pub const PNEUMONIA: Self = Self { name: Cow::Borrowed("pneumonia") };

    /// The finding of a name.
    ///
    /// # Errors
    /// When the text holds no letter and no digit, or is too long.
    pub fn named(name: &str) -> Result<Self, TaskError> {
        let name = name.trim();
        let is_name = !key(name).is_empty() && name.chars().count() <= limits::FINDING_NAME_LETTERS;
        let is_name = is_name && !name.chars().any(char::is_control);
        if is_name { Ok(Self { name: Cow::Owned(name.to_owned()) }) } else { Err(TaskError) }
    }

    /// Its name as it was written, such as `Pleural_Thickening`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is equal in all spellings of its name.
    pub fn key(&self) -> String {
        key(&self.name)
    }

    /// Whether `name` means it, however case, blanks and punctuation are.
    pub fn is_called(&self, name: &str) -> bool {
        key(name) == key(&self.name)
    }

    /// Whether `name` may mean it although it is another name: RSNA calls its pneumonia a lung opacity.
    pub fn is_meant_by(&self, name: &str) -> bool {
        self.is_called(name) || key(&self.name) == "pneumonia" && key(name) == "lungopacity"
    }

    /// Whether a text is the name of a finding that data sets are about, such as those of NIH, `CheXpert` and `VinDr-CXR`.
    pub fn is_known_finding(name: &str) -> bool {
        KNOWN.contains(&key(name).as_str())
    }

    /// The one of `names` that means it: the same letters before another spelling.
    ///
    /// # Errors
    /// The number of names that mean it where no one is closer than the others.
    pub fn find<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Result<Option<usize>, usize> {
        if let Some(position) = names.clone().position(|name| name == self.name) {
            return Ok(Some(position));
        }
        let mut found = names.enumerate().filter(|(_, name)| self.is_called(name)).map(|(position, _)| position);
        match (found.next(), found.count()) {
            (first, 0) => Ok(first),
            (_, more) => Err(more + 1),
        }
    }

    /// Whether `name`, of a class of a model or of a column of labels, says that there is a finding but not which: `finding`, `positive`, `class 1`.
    pub fn is_any(name: &str) -> bool {
        let key = key(name);
        let rest = key.strip_prefix("class").unwrap_or(&key);
        ANY.contains(&key.as_str()) || rest.bytes().all(|byte| byte.is_ascii_digit())
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Task {
    type Err = TaskError;

    fn from_str(name: &str) -> Result<Self, TaskError> {
        Self::named(name)
    }
}

impl TryFrom<String> for Task {
    type Error = TaskError;

    fn try_from(name: String) -> Result<Self, TaskError> {
        Self::named(&name)
    }
}

impl From<Task> for String {
    fn from(task: Task) -> Self {
        task.name.into_owned()
    }
}

/// What is equal in names of one finding.
fn key(name: &str) -> String {
    let key: String = name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SAME.iter().find(|(_, other)| *other == key).map_or(key, |(name, _)| (*name).to_owned())
}

/// What says where a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TruthKind {
    /// Pixels.
    Mask,
    /// Boxes around it.
    Boxes,
    /// Nothing: only whether it is there is known.
    Label,
}

impl TruthKind {
    /// In a sentence: `masks`, `boxes`, `labels alone`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Mask => "masks",
            Self::Boxes => "boxes",
            Self::Label => "labels alone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_every_spelling() {
        let task = Task::named(" Pleural_Thickening ").unwrap();
        assert_eq!(task.name(), "Pleural_Thickening");
        for name in ["pleural thickening", "PleuralThickening", "Pleural-thickening"] {
            assert!(task.is_called(name), "{name}");
        }
        assert!(!task.is_called("Pleural effusion"));
        assert!(Task::named("Effusion").unwrap().is_called("Pleural effusion"));
        for name in ["", " ", "/", "a\nb", &"x".repeat(500)] {
            assert_eq!(Task::named(name), Err(TaskError), "{name}");
        }
    }

    #[test]
    fn the_closest_name_is_found() {
        let mass = Task::named("mass").unwrap();
        assert_eq!(mass.find(["Nodule", "Mass"].into_iter()), Ok(Some(1)));
        assert_eq!(mass.find(["MASS", "mass"].into_iter()), Ok(Some(1)));
        assert_eq!(mass.find(["MASS", "Mass"].into_iter()), Err(2));
        assert_eq!(mass.find(["Nodule/Mass"].into_iter()), Ok(None));
    }

    #[test]
    fn a_protocol_keeps_its_letters() {
        assert_eq!(serde_json::to_string(&Task::PNEUMOTHORAX).unwrap(), "\"pneumothorax\"");
        assert_eq!(serde_json::from_str::<Task>("\"pneumothorax\"").unwrap(), Task::PNEUMOTHORAX);
        assert!(serde_json::from_str::<Task>("\"\"").is_err());
    }

    #[test]
    fn names_of_no_finding_in_particular() {
        assert!(["positive", "class 1", "1", "Finding"].into_iter().all(Task::is_any));
        assert!(!["effusion", "class a", "no finding"].into_iter().any(Task::is_any));
    }
}
