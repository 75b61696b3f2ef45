//! What this program is: `saliscope --version`.

use std::sync::OnceLock;

/// Cargo's features that change what the program can do, and whether it was built with them.
const FEATURES: [(&str, bool); 4] = [
    ("cuda", cfg!(feature = "cuda")),
    ("cudnn", cfg!(feature = "cudnn")),
    ("metal", cfg!(feature = "metal")),
    ("accelerate", cfg!(feature = "accelerate")),
];

/// The lines after the name: version, commit (empty where Git was not there to tell) and features.
pub(super) fn long(commit: &str) -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let built: Vec<&str> = FEATURES.iter().filter(|(_, built)| *built).map(|(name, _)| *name).collect();
        let features = if built.is_empty() { "none".to_owned() } else { built.join(", ") };
        let commit = if commit.is_empty() { "unknown: built outside of a Git checkout" } else { commit };
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        format!("{}\ncommit: {commit}\nfeatures: {features}\nsystem: {system}", env!("CARGO_PKG_VERSION"))
    })
}
