//! Scores of a map in the words of a figure.

use crate::metrics::MapScores;

/// Scores in short lines.
pub fn score_lines(scores: &MapScores) -> Vec<String> {
    let auc = scores.roc_auc.map(|auc| format!("AUC {auc:.2}, ")).unwrap_or_default();
    vec![
        format!("AUPRC {:.2}, AP {:.2}", scores.auprc_trapezoid, scores.average_precision),
        format!("{auc}{}", hit_words(scores.hit)),
    ]
}

/// Whether a map points at the finding: `hit`, `miss`, or the share of its largest values that do.
pub fn hit_words(hit: f64) -> String {
    match hit {
        hit if hit >= 1.0 => "hit".to_owned(),
        hit if hit <= 0.0 => "miss".to_owned(),
        hit => format!("hit {:.0} %", hit * 100.0),
    }
}

/// What the lines mean, as a sentence for the whole figure.
pub fn score_explanation(scores: &MapScores) -> String {
    format!(
        "Scores over pixels against the marked finding, which covers {:.1} % of them: chance gives AUPRC and AP {:.2}, \
         AUC 0.50. Hit: the share of the map's largest values that lie on it.",
        scores.prevalence * 100.0,
        scores.prevalence
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_is_known() {
        let truth = [false, true, true, false];
        let lines = |map: &[f32; 4]| score_lines(&MapScores::of(map, &truth).unwrap());
        assert_eq!(lines(&[0.0, 1.0, 0.9, 0.1]), ["AUPRC 1.00, AP 1.00", "AUC 1.00, hit"]);
        assert_eq!(lines(&[1.0, 0.0, 0.0, 0.0])[1], "AUC 0.25, miss");
        assert_eq!(lines(&[0.0; 4]), ["AUPRC 0.75, AP 0.50", "AUC 0.50, hit 50 %"]);
        let all = MapScores::of(&[0.5, 0.1], &[true, true]).unwrap();
        assert_eq!(score_lines(&all)[1], "hit");
        assert_eq!(hit_words(0.274), "hit 27 %");
    }
}
