//! Which logit speaks for which class.
//!
//! A network with several logits has one for each class. A network with a single logit z has two classes: z speaks for
//! class 1, the finding, and -z for class 0, its absence. So the map of "no finding" is that of -z and never that of a
//! constant.

/// Classes of a classifier with so many logits.
pub fn class_count(logit_count: usize) -> usize {
    if logit_count == 1 { 2 } else { logit_count }
}

/// The position of the logit that speaks for `class`, and the sign with which it does.
pub(crate) fn logit_of(class: usize, logit_count: usize) -> (usize, f32) {
    match (logit_count, class) {
        (1, 0) => (0, -1.0),
        (1, _) => (0, 1.0),
        _ => (class, 1.0),
    }
}

/// What speaks for `class` among the logits of an image: its own logit, or plus or minus the single one.
///
/// # Panics
/// When there is no such class.
pub fn class_logit(logits: &[f32], class: usize) -> f32 {
    assert!(class < class_count(logits.len()), "class {class} of {} logits", logits.len());
    let (index, sign) = logit_of(class, logits.len());
    sign * logits[index]
}

/// The class that most speaks for; ties go to the lower class, NaN never wins.
pub fn predicted_class(logits: &[f32]) -> usize {
    if let [logit] = logits {
        return usize::from(*logit > 0.0);
    }
    let mut best = 0;
    for (index, logit) in logits.iter().enumerate() {
        if *logit > logits[best] || logits[best].is_nan() {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_logit_speaks_for_one_class_and_against_the_other() {
        assert_eq!([class_logit(&[-2.5], 0), class_logit(&[-2.5], 1)], [2.5, -2.5]);
        assert_eq!([-2.5, 0.0, 2.5, f32::NAN].map(|z| predicted_class(&[z])), [0, 0, 1, 0]);
        assert_eq!(class_count(1), 2);
    }

    #[test]
    fn several_logits_speak_for_themselves() {
        assert_eq!(class_logit(&[1.0, -3.0, 2.0], 1), -3.0);
        assert_eq!(predicted_class(&[1.0, -3.0, 2.0]), 2);
        assert_eq!([2, 14].map(class_count), [2, 14]);
    }
}
