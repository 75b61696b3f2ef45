//! What has to be said where a network that never saw a patient speaks about one: decided here and nowhere else.

use super::model_card::{ModelCard, NEVER_SAW_PATIENTS};

/// The sentence that belongs beside everything a network says of an image; nothing where none is needed.
///
/// `trained_on_patients` is what is known of the network, `is_phantom` whether the image is a generated one. Only a
/// network of which it is known that it never saw a patient is cautioned about: of others nobody claims it.
pub fn caution(trained_on_patients: Option<bool>, is_phantom: bool) -> Option<&'static str> {
    (trained_on_patients == Some(false) && !is_phantom).then_some(NEVER_SAW_PATIENTS)
}

impl ModelCard {
    /// [`caution`] by what the card says.
    pub fn caution(&self, is_phantom: bool) -> Option<&'static str> {
        caution(self.trained_on_patients, is_phantom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_network_that_never_saw_a_patient_is_cautioned_about_and_never_on_phantoms() {
        for known in [None, Some(true), Some(false)] {
            assert_eq!(caution(known, true), None, "{known:?}");
        }
        assert_eq!((caution(None, false), caution(Some(true), false)), (None, None));
        assert_eq!(caution(Some(false), false), Some(NEVER_SAW_PATIENTS));
    }
}
