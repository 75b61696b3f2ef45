//! What a reader of the figures must know.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::mixed_model::MixedModel;
use super::observations::Observations;

/// Groups below which inference is weak.
const FEW_GROUPS: usize = 10;

/// Ratio of standard deviations above which the model's single spread misleads.
const UNEQUAL: f64 = 2.0;

/// A remark about data or fit.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The variance between groups is estimated as 0.
    SingularFit,
    /// Levels spread differently.
    UnequalSpread {
        /// Largest standard deviation of a level, divided by the smallest.
        ratio: f64,
    },
    /// There are few groups.
    FewGroups {
        /// How many.
        groups: usize,
    },
    /// Rows were left out.
    Dropped {
        /// How many.
        rows: usize,
        /// Why.
        reason: &'static str,
    },
    /// Some groups lack some levels.
    MissingCells {
        /// Cells without a row.
        missing: usize,
        /// All.
        cells: usize,
    },
    /// Some cells have several rows.
    RepeatedCells,
    /// There is only one level.
    OneLevel,
    /// Something about the choice of rows, in a sentence.
    Rows(String),
}

impl Note {
    /// A short name that does not change.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SingularFit => "singular_fit",
            Self::UnequalSpread { .. } => "unequal_spread",
            Self::FewGroups { .. } => "few_groups",
            Self::Dropped { .. } => "dropped_rows",
            Self::MissingCells { .. } => "missing_cells",
            Self::RepeatedCells => "repeated_cells",
            Self::OneLevel => "one_level",
            Self::Rows(_) => "choice_of_rows",
        }
    }

    /// All that the data and the fit call for.
    pub fn of(observations: &Observations, model: &MixedModel) -> Vec<Self> {
        let mut notes = Vec::new();
        if model.singular {
            notes.push(Self::SingularFit);
        }
        let levels = observations.levels().len();
        let deviations: Vec<f64> =
            (0..levels).filter_map(|level| standard_deviation(&observations.of_level(level))).collect();
        let largest = deviations.iter().fold(0.0_f64, |most, own| most.max(*own));
        let ratio = largest / deviations.iter().fold(f64::INFINITY, |least, own| least.min(*own));
        if ratio > UNEQUAL {
            notes.push(Self::UnequalSpread { ratio });
        }
        if model.groups < FEW_GROUPS {
            notes.push(Self::FewGroups { groups: model.groups });
        }
        let cells = observations.cells();
        let missing = cells.iter().flatten().filter(|cell| cell.is_none()).count();
        if missing > 0 {
            notes.push(Self::MissingCells { missing, cells: model.groups * levels });
        }
        if observations.has_repeats() {
            notes.push(Self::RepeatedCells);
        }
        if levels == 1 {
            notes.push(Self::OneLevel);
        }
        notes
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SingularFit => f.write_str(
                "the variance between groups is estimated as 0 (singular fit): the model treats rows of one group as \
                 independent; look at the paired tests",
            ),
            Self::UnequalSpread { ratio } => write!(
                f,
                "the standard deviations of the levels differ by a factor of {ratio:.1}, and the model assumes one for \
                 all: its P values may be far too small or too large; prefer the paired tests"
            ),
            Self::FewGroups { groups } => write!(
                f,
                "there are only {groups} groups: prefer Kenward-Roger, and take no difference found for no difference"
            ),
            Self::Dropped { rows, reason } => write!(f, "rows left out ({reason}): {rows}"),
            Self::MissingCells { missing, cells } => write!(
                f,
                "{missing} of {cells} pairs of group and level have no row: the model holds only if what is missing \
                 does not depend on the response"
            ),
            Self::RepeatedCells => f.write_str(
                "some pairs of group and level have several rows: the paired tests use their means, and the model \
                 takes them for independent within the group",
            ),
            Self::Rows(words) => f.write_str(words),
            Self::OneLevel => f.write_str("the factor has one level: there is nothing to compare it with"),
        }
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut note = serializer.serialize_struct("Note", 2)?;
        note.serialize_field("code", self.code())?;
        note.serialize_field("text", &self.to_string())?;
        note.end()
    }
}

/// With n - 1; nothing below two values.
pub(super) fn standard_deviation(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value - first).sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - first - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
}
