//! From a raw map to the map that is shown and scored.

use serde::Serialize;

/// A map in 0 to 1, `[h, w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DisplayMap {
    /// Values, row-major; all zeros unless the outcome is [`Outcome::Normal`].
    pub values: Vec<f32>,
    /// Whether the map could be normalized.
    pub outcome: Outcome,
    /// Why it could not, in one sentence; `None` for a normal map.
    pub reason: Option<String>,
}

/// Whether a raw map could be normalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It could.
    Normal,
    /// Every pixel has the same value, not 0.
    Constant,
    /// So few pixels stand out that the clipping percentile equals the minimum.
    Sparse,
    /// The raw map holds NaN or an infinity.
    #[serde(rename = "nan")]
    NotFinite,
    /// Every pixel is 0.
    Blank,
}
