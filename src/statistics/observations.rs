//! Responses by group and level, in an order that does not depend on that of the table.

use super::error::{Error, Result};
use crate::limits;

/// One response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Position of its group (image).
    pub group: usize,
    /// Position of its level (method).
    pub level: usize,
    /// The response.
    pub value: f64,
}

/// Responses of a factor's levels (methods) in groups (images): any number of rows for each pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Observations {
    groups: usize,
    levels: Vec<String>,
    rows: Vec<Observation>,
}

impl Observations {
    /// Rows of group, level and value. Groups and levels are put into the order of their labels (of numbers, where all
    /// are numbers), rows into that of group, level and value.
    ///
    /// # Errors
    ///
    /// No rows, too many levels, a value that is not finite.
    pub fn new(rows: &[(&str, &str, f64)]) -> Result<Self> {
        let levels = sorted(rows.iter().map(|row| row.1));
        Self::with_levels(rows, levels.into_iter().map(str::to_owned).collect())
    }

    /// The same with levels in an order of choice.
    ///
    /// # Errors
    ///
    /// The same, and an order that does not name every level once.
    pub fn with_levels(rows: &[(&str, &str, f64)], levels: Vec<String>) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::NoRows);
        }
        if levels.len() > limits::LEVELS {
            return Err(Error::ManyLevels { levels: levels.len(), most: limits::LEVELS });
        }
        if rows.iter().any(|row| !row.2.is_finite()) {
            return Err(Error::NotFinite);
        }
        let present = sorted(rows.iter().map(|row| row.1));
        for (position, level) in levels.iter().enumerate() {
            if levels[..position].contains(level) {
                return Err(Error::TwiceNamed(level.clone()));
            }
            if !present.contains(&level.as_str()) {
                return Err(Error::NoSuchLevel { level: level.clone(), levels: present.join(", ") });
            }
        }
        let groups = sorted(rows.iter().map(|row| row.0));
        let group_positions: std::collections::HashMap<&str, usize> =
            groups.iter().enumerate().map(|(position, label)| (*label, position)).collect();
        let mut observations: Vec<Observation> = Vec::with_capacity(rows.len());
        for (group, level, value) in rows {
            let position = levels.iter().position(|own| own == level);
            let level = position.ok_or(Error::Setting("the order of levels must name every level of the factor"))?;
            // + 0.0 makes one number of both zeros.
            observations.push(Observation { group: group_positions[group], level, value: value + 0.0 });
        }
        observations.sort_by(|a, b| (a.group, a.level).cmp(&(b.group, b.level)).then(a.value.total_cmp(&b.value)));
        Ok(Self { groups: groups.len(), levels, rows: observations })
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Labels of the levels.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// Rows in the order of group, level and value.
    pub fn rows(&self) -> &[Observation] {
        &self.rows
    }

    /// Rows of each group.
    pub fn by_group(&self) -> impl Iterator<Item = &[Observation]> {
        self.rows.chunk_by(|a, b| a.group == b.group)
    }

    /// Values of one level.
    pub fn of_level(&self, level: usize) -> Vec<f64> {
        self.rows.iter().filter(|row| row.level == level).map(|row| row.value).collect()
    }

    /// Position of a level.
    ///
    /// # Errors
    ///
    /// There is no such level.
    pub fn level(&self, label: &str) -> Result<usize> {
        let position = self.levels.iter().position(|level| level == label);
        position.ok_or_else(|| Error::NoSuchLevel { level: label.to_owned(), levels: self.levels.join(", ") })
    }

    /// Mean of each cell, `[group][level]`, where it has rows.
    pub fn cells(&self) -> Vec<Vec<Option<f64>>> {
        let mut cells = vec![vec![None; self.levels.len()]; self.groups];
        for rows in self.rows.chunk_by(|a, b| (a.group, a.level) == (b.group, b.level)) {
            let mean =
                rows[0].value + rows.iter().map(|row| row.value - rows[0].value).sum::<f64>() / rows.len() as f64;
            cells[rows[0].group][rows[0].level] = Some(mean);
        }
        cells
    }

    /// Whether some cell has several rows.
    pub fn has_repeats(&self) -> bool {
        self.rows.windows(2).any(|pair| (pair[0].group, pair[0].level) == (pair[1].group, pair[1].level))
    }

    /// Whether every cell has as many rows as every other.
    pub fn is_balanced(&self) -> bool {
        let mut counts = vec![0_usize; self.groups * self.levels.len()];
        for row in &self.rows {
            counts[row.group * self.levels.len() + row.level] += 1;
        }
        counts.iter().all(|count| *count == counts[0])
    }
}

/// Labels in order, each once.
fn sorted<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let labels: std::collections::BTreeSet<&str> = labels.collect();
    let mut labels: Vec<&str> = labels.into_iter().collect();
    let numbers: Option<Vec<f64>> =
        labels.iter().map(|label| label.parse().ok().filter(|number: &f64| number.is_finite())).collect();
    if let Some(numbers) = numbers {
        let mut pairs: Vec<(f64, &str)> = numbers.into_iter().zip(labels).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
        labels = pairs.into_iter().map(|pair| pair.1).collect();
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_follows_labels_and_not_rows() {
        let rows = [("10", "b", 1.0), ("9", "a", 2.0), ("10", "a", 3.0), ("9", "a", -1.0)];
        let mut turned = rows;
        turned.reverse();
        let observations = Observations::new(&rows).unwrap();
        assert_eq!(observations, Observations::new(&turned).unwrap());
        assert_eq!(observations.cells(), [[Some(0.5), None], [Some(3.0), Some(1.0)]], "group 9 comes before group 10");
        assert!(observations.has_repeats() && !observations.is_balanced());
    }

    #[test]
    fn levels_are_named_completely_and_once() {
        let rows = [("1", "a", 1.0), ("1", "b", 2.0)];
        let named = |levels: &[&str]| {
            let levels = levels.iter().map(|level| (*level).to_owned()).collect();
            Observations::with_levels(&rows, levels).map(|observations| observations.rows()[0].value)
        };
        assert_eq!(named(&["b", "a"]).unwrap(), 2.0);
        assert!(named(&["b"]).unwrap_err().to_string().contains("every level"));
        assert!(named(&["b", "b", "a"]).unwrap_err().to_string().contains("twice"));
        assert!(named(&["b", "a", "c"]).unwrap_err().to_string().contains("no level `c`; its levels are a, b"));
        assert!(matches!(Observations::new(&[]), Err(Error::NoRows)));
        assert!(matches!(Observations::new(&[("1", "a", f64::NAN)]), Err(Error::NotFinite)));
    }
}
