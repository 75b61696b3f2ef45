//! Made-up identifiers, the same for the same phantom.

use sha2::{Digest, Sha256};

use super::super::PhantomSpec;

/// The data set whose layout a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    Siim,
    Rsna,
}

/// Who a phantom is.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// A UUID; the same patient has it in every layout and with every finding.
    pub(super) patient: String,
    spec: PhantomSpec,
}

impl Identity {
    /// Identifiers of a phantom.
    pub(super) fn of(spec: &PhantomSpec) -> Self {
        let hex = format!("{:032x}", uuid(&["patient", &spec.seed.to_string(), &spec.index.to_string()]));
        let patient = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        Self { patient, spec: *spec }
    }

    /// UIDs of study, series and image: `2.25.` and a UUID as a decimal number (DICOM PS3.5 B.2). They differ between
    /// sets, sizes and findings, because the pixels do.
    pub(super) fn uids(&self, set: Set) -> [String; 3] {
        let PhantomSpec { seed, index, size_px, finding } = self.spec;
        ["study", "series", "image"].map(|level| {
            let parts = [level, &format!("{set:?}"), &format!("{seed} {index} {size_px} {finding:?}")];
            format!("2.25.{}", uuid(&parts))
        })
    }
}

/// A version 8 UUID (RFC 9562: contents of one's own making) from a hash of `parts`.
fn uuid(parts: &[&str]) -> u128 {
    let digest = Sha256::digest(format!("saliscope phantom {}", parts.join(" ")));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::super::Finding;
    use super::*;

    #[test]
    fn identifiers_are_valid_and_differ_where_they_should() {
        let spec = PhantomSpec { seed: 1, index: 2, size_px: 128, finding: Finding::None };
        let identity = Identity::of(&spec);
        assert_eq!((identity.patient.len(), &identity.patient[14..15]), (36, "8"));
        let [study, series, image] = identity.uids(Set::Siim);
        assert!([&study, &series, &image].iter().all(|uid| uid.starts_with("2.25.") && uid.len() <= 64));
        assert!(study != series && series != image && image != identity.uids(Set::Rsna)[2]);
        let twin = Identity::of(&PhantomSpec { finding: Finding::Pneumonia, ..spec });
        assert_eq!(twin.patient, identity.patient);
        assert_ne!(twin.uids(Set::Siim)[2], image);
        assert_ne!(Identity::of(&PhantomSpec { index: 3, ..spec }).patient, identity.patient);
    }
}
